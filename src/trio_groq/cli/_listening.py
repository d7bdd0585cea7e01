"""What `transcribe` and `translate` share: sources, formats, and where the text goes.

All that can be wrong with the arguments is found before anything is sent.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, TypeAlias, cast
from urllib.parse import unquote, urlsplit

import attrs
import click

from trio_groq._binary import ByteStream, write_pieces
from trio_groq._readers import ResponseText
from trio_groq.cli._options import FiniteRange
from trio_groq.cli._output import Failure, Output, UsageFailure, standard
from trio_groq.cli._subtitles import RENDERERS, Timed
from trio_groq.cli._transfers import Report, as_json, progress_bar, with_client
from trio_groq.client import GroqClient
from trio_groq.types.audio import (
    Transcription,
    TranscriptionSegment,
    TranscriptionVerbose,
    Translation,
    TranslationVerbose,
)

__all__ = ["FORMATS", "Heard", "Listen", "Wish", "listen_to", "shared_options", "text_of"]

FORMATS: Final = ("text", "json", "verbose_json", "srt", "vtt")

_SUFFIXES: Final = {"text": "txt", "json": "json", "verbose_json": "json"}
"""Of the files that hold a format; of the others it is the format's name."""

Heard: TypeAlias = (
    Transcription | TranscriptionVerbose | Translation | TranslationVerbose | ResponseText
)


@attrs.frozen(kw_only=True)
class Wish:
    """What is asked for.

    Attributes:
        model: Who listens.
        format: One of `FORMATS`.
        prompt: A text to guide the model; None for none.
        temperature: 0.0 to 1.0; None leaves it to the API.
        base_url: Where the API is instead.
    """

    model: str
    format: str
    prompt: str | None = None
    temperature: float | None = None
    base_url: str | None = None

    @property
    def response_format(self) -> str:
        """The format to ask the API for: subtitles are made here, from segments."""
        return "verbose_json" if self.format in RENDERERS else self.format


Listen: TypeAlias = Callable[[GroqClient, str | None, Path | None, Report], Awaitable[Heard]]
"""Asks for the text of what is at a URL, or in a file; reports how far the upload is."""


def shared_options(command: Callable[..., None]) -> Callable[..., None]:
    """The arguments and options that both commands have."""
    decorators = (
        click.argument("sources", metavar="SOURCE...", nargs=-1, required=True),
        click.option(
            "--format",
            "format_",
            type=click.Choice(FORMATS),
            default="text",
            show_default=True,
            help="What to print; srt and vtt are subtitles.",
        ),
        click.option("--prompt", help="A text to guide style and spelling."),
        click.option(
            "--temperature", type=FiniteRange(0, 1), help="0 to 1: how random the text is."
        ),
        click.option(
            "--output",
            "-o",
            type=click.Path(path_type=Path),
            help="The file to write; for several sources the folder, which must exist.",
        ),
    )
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def text_of(heard: Heard, format_: str) -> str:
    """What is shown of an answer, without a line end.

    Args:
        heard: The answer, in the format that was asked for.
        format_: One of `FORMATS`.
    """
    if isinstance(heard, ResponseText):
        return heard.strip()
    if format_ not in RENDERERS:
        return as_json(heard)
    return RENDERERS[format_](_segments(heard)).rstrip("\n")


def _segments(heard: Any) -> Sequence[Timed]:  # noqa: ANN401 (one of four)
    """The segments; where there are none, the whole text as one."""
    segments: list[TranscriptionSegment] | None = getattr(heard, "segments", None)
    if segments:
        return segments
    end = getattr(heard, "duration", 0.0)
    return [TranscriptionSegment(start=0.0, end=end, text=heard.text)]


# --- where it comes from and goes to -------------------------------------------------------------


def _is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def _stem(source: str) -> str:
    """The name of what is made of a source, without a suffix."""
    if _is_url(source):
        return PurePosixPath(unquote(urlsplit(source).path)).stem or "audio"
    return Path(source).stem


def _check(sources: Sequence[str]) -> None:
    for source in sources:
        if not _is_url(source) and not Path(source).is_file():
            raise UsageFailure(f"{source}: expected a file or a web address, got neither")


def _targets(sources: Sequence[str], format_: str, output: Path | None) -> list[Path | None]:
    """The file for each source; None for standard output."""
    if output is None:
        if len(sources) > 1 and format_ in RENDERERS:
            raise UsageFailure(f"--output: expected a folder for several {format_}, got none")
        return [None] * len(sources)
    if not output.is_dir():
        if len(sources) > 1:
            raise UsageFailure(f"--output: expected a folder for several sources, got {output}")
        return [output]
    suffix = _SUFFIXES.get(format_, format_)
    names = [f"{_stem(source)}.{suffix}" for source in sources]
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise UsageFailure(f"--output: expected a name for each source, got {name} for {count}")
    return [output / name for name in names]


class _Whole:
    """A text as the pieces of a file: one."""

    def __init__(self, data: bytes) -> None:
        self._pieces = [data]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:  # noqa: ASYNC910 (it is here; writing it waits)
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()  # noqa: ASYNC910 (see above)


async def _save(text: str, path: Path) -> int:
    """Write a text to a file, which appears whole or not at all; how many bytes it has."""
    pieces = cast("ByteStream", _Whole(f"{text}\n".encode("utf-8", "replace")))
    try:
        return await write_pieces(pieces, path)  # it only iterates over them
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"{path}: expected a file that can be written, got {reason}") from error


# --- the command ---------------------------------------------------------------------------------


async def _one(client: GroqClient, source: str, listen: Listen) -> Heard:
    if _is_url(source):
        return await listen(client, source, None, _unseen)
    path = Path(source)
    with progress_bar(path.name) as report:
        return await listen(client, None, path, report)


def _unseen(_done: int, _total: int | None) -> None:
    """There is nothing to upload."""


def listen_to(sources: Sequence[str], wish: Wish, listen: Listen, output: Path | None) -> None:
    """Ask for the text of each source, and print it or write it to a file.

    They are asked for one after the other: what limits how much is seconds of audio an hour.

    Args:
        sources: Paths and web addresses.
        wish: What is asked for.
        listen: Asks for one.
        output: A file, or a folder; None for standard output.

    Raises:
        Failure: An argument is wrong, a call failed, or a file cannot be written.
    """
    _check(sources)
    targets = _targets(sources, wish.format, output)
    screen, _ = standard()
    is_headed = len(sources) > 1 and wish.format == "text"

    async def work(client: GroqClient) -> None:  # noqa: ASYNC910 (there is a source)
        for source, target in zip(sources, targets, strict=True):
            text = text_of(await _one(client, source, listen), wish.format)
            if target is None:
                _show(screen, text, heading=source if is_headed else None)
            else:
                screen.line(f"{target}: {await _save(text, target)} bytes")

    with_client(wish.base_url, work)


def _show(screen: Output, text: str, *, heading: str | None) -> None:
    if heading is None:
        screen.line(text)
    else:
        screen.line(f"==> {heading} <==\n{text}\n")
