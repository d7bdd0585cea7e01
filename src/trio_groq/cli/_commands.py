"""The commands by name, and the group that imports each when it is called, not before."""

from importlib import import_module
from typing import Final, NamedTuple, final

import click

from trio_groq.cli._output import INTERRUPTED

__all__ = ["COMMANDS", "Entry", "root", "run"]


class Entry(NamedTuple):
    """Where a command is. No attrs here: the help has to be instant.

    Attributes:
        module: The module; its `command` is the command.
        summary: One line, for the group's help.
    """

    module: str
    summary: str


COMMANDS: Final = {
    "chat": Entry("trio_groq.cli.chat", "Talk to a model: one answer, or a conversation."),
    "models": Entry("trio_groq.cli.models", "List the models, or show one."),
    "transcribe": Entry(
        "trio_groq.cli.transcribe", "Write down what was said: text, JSON or subtitles."
    ),
    "translate": Entry("trio_groq.cli.translate", "Write down in English what was said."),
    "speak": Entry("trio_groq.cli.speak", "Turn text into speech."),
    "embed": Entry("trio_groq.cli.embed", "Turn texts into vectors."),
    "files": Entry("trio_groq.cli.files", "Upload, list, download and delete files."),
    "batch": Entry("trio_groq.cli.batch", "Have many requests answered within a day."),
    "run": Entry(
        "trio_groq.cli.run", "Answer a file of requests: resumable, bounded, within the limits."
    ),
    "demo": Entry("trio_groq.cli.demo", "Stream many answers at once. Needs no key, no network."),
    "bench": Entry("trio_groq.cli.bench", "Load the API at a set rate, and report latencies."),
    "doctor": Entry("trio_groq.cli.doctor", "Check everything on the way to the API."),
    "serve": Entry("trio_groq.cli.serve", "Run FakeGroq, a scripted Groq, on a port."),
}


@final
class LazyGroup(click.Group):
    """A group whose help comes from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """The names, in the table's order."""
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's signature)
        cmd_name: str,
    ) -> click.Command | None:
        """The command itself; imports it."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = import_module(entry.module).command
        assert isinstance(command, click.Command)  # noqa: S101 (the table is ours)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's signature)
        formatter: click.HelpFormatter,
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    epilog="Exit codes: 0 done, 1 the API or the machine failed, 2 wrong usage or no key, "
    "130 interrupted.",
)
@click.version_option(package_name="trio-groq", message="%(prog)s %(version)s")
def root() -> None:
    """A client for the Groq API.

    The key comes from GROQ_API_KEY; `demo` and `serve` need none.
    """


def run(args: list[str] | None = None) -> int:
    """Run one command line.

    Args:
        args: The arguments, by default those of the process.

    Returns:
        The exit code. Whatever a command had to say of an error has been printed.
    """
    try:
        code = root.main(args, prog_name="trio-groq", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    return code if isinstance(code, int) else 0
