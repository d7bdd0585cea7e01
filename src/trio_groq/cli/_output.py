"""What the commands print with, and how they end.

What a model or a server wrote may hold anything, escape sequences that take a terminal over
included. So everything passes through `clean` on its way out.
"""

import sys
from collections.abc import Iterable
from typing import IO, Any, Final, TextIO, final

import click

__all__ = [
    "FAILED",
    "INTERRUPTED",
    "USAGE",
    "Failure",
    "Output",
    "UsageFailure",
    "clean",
    "one_line",
    "standard",
]

FAILED: Final = 1
"""Exit code: the API or the machine failed."""
USAGE: Final = 2
"""Exit code: wrong arguments, or a setup that cannot work. Click's own code for it."""
INTERRUPTED: Final = 130
"""Exit code: ended by Ctrl-C (128 and the signal's number, as shells have it)."""

# C0 but tab and line feed, DEL, and C1, where single characters do what ESC and a letter do.
_CONTROLS: Final = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\t"), ord("\n")})


def clean(text: str) -> str:
    """The text without the control characters that a terminal would obey."""
    return text.translate(_CONTROLS)


def one_line(text: str) -> str:
    """The text in one line, clean."""
    return " ".join(clean(text).split())


@final
class Output:
    """Writes text to a stream, whatever characters that stream is able to write.

    Args:
        stream: Standard output, or what stands for it.
    """

    def __init__(self, stream: TextIO | IO[Any]) -> None:
        self._stream = stream
        self._column = 0

    def write(self, text: str) -> None:
        """Write `text`, cleaned, and flush: it is there to be seen now."""
        text = clean(text)
        if not text:
            return
        try:
            self._stream.write(text)
        except UnicodeEncodeError as error:
            escaped = text.encode(error.encoding, "backslashreplace")
            self._stream.write(escaped.decode(error.encoding))
        self._stream.flush()
        self._column = 0 if text.endswith("\n") else 1

    def line(self, text: str = "") -> None:
        """Write `text` and end the line."""
        self.write(f"{text}\n")

    def end_line(self) -> None:
        """Go to the next line, unless at the beginning of one."""
        if self._column:
            self.line()

    @property
    def is_terminal(self) -> bool:
        """Whether somebody looks at it now."""
        return self._stream.isatty()


def standard() -> tuple[Output, Output]:
    """Standard output and standard error."""
    return Output(sys.stdout), Output(sys.stderr)


class Failure(click.ClickException):
    """Ends a command: a line on standard error, and a line for each note.

    Args:
        message: What is wrong.
        notes: What may help.
    """

    exit_code = FAILED

    def __init__(self, message: str, notes: Iterable[str] = ()) -> None:
        super().__init__(one_line(message))
        self.notes = tuple(map(one_line, notes))

    def lines(self) -> list[str]:
        """What is printed."""
        return [f"error: {self.message}", *(f"note: {note}" for note in self.notes)]

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it."""
        output = Output(sys.stderr if file is None else file)
        for line in self.lines():
            output.line(line)


@final
class UsageFailure(Failure):
    """The same, where the arguments or the setup are wrong."""

    exit_code = USAGE
