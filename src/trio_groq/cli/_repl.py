"""`trio-groq chat` in a terminal: a conversation.

Trio runs once, so that the connection lives from answer to answer. The prompt is read in its main
task, and blocks it: nothing else is to be done meanwhile, since the client has no tasks of its own
and looks at an idle connection before it uses it. (A thread that waits in `input` cannot be
stopped. Left behind by Ctrl-C, it would take the next line.) So at the prompt Ctrl-C is Python's
own `KeyboardInterrupt`; during an answer it is a cancellation, see `interruptible`.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Final, TypeAlias, final

import trio

from trio_groq.cli._answers import Answer, Asker
from trio_groq.cli._conversation import Conversation
from trio_groq.cli._output import Output
from trio_groq.cli._running import failure_of
from trio_groq.errors import GroqError

__all__ = ["LineReader", "Repl", "terminal_reader"]

LineReader: TypeAlias = Callable[[], str]
"""Gives the next line; raises EOFError at the end, KeyboardInterrupt at Ctrl-C."""

_PROMPT: Final = "> "
_EXITS: Final = frozenset({"/exit", "/quit"})


def terminal_reader() -> LineReader:
    """Reads lines from the terminal, with editing and history where Python has them."""
    if not sys.stdout.isatty():
        return _read_beside_output
    with suppress(ImportError):
        import_module("readline")  # for what it does to `input`
    return _read_line


def _read_line() -> str:
    return input(_PROMPT)


def _read_beside_output() -> str:
    # The answers go elsewhere, and the prompt should not be among them.
    print(_PROMPT, end="", file=sys.stderr, flush=True)
    return input()


@final
class Repl:
    """A conversation by lines.

    Args:
        asker: Asks the model.
        conversation: What was said.
        read_line: Where the lines come from.
        notices: Where everything but the answers is shown.
    """

    def __init__(
        self, asker: Asker, conversation: Conversation, read_line: LineReader, notices: Output
    ) -> None:
        self._asker = asker
        self._conversation = conversation
        self._read_line = read_line
        self._notices = notices

    async def run(self) -> None:
        """Read and answer until Ctrl-D or `/exit`; no error of a call ends it."""
        self._notices.line(f"{self._conversation.model} (/help for commands, Ctrl-D to end)")
        while True:
            await trio.lowlevel.checkpoint()
            try:
                line = self._read_line().strip()
                if line in _EXITS:
                    return
                if line.startswith("/"):
                    self._notices.line(self._conversation.obey(line))
                elif line:
                    await self._ask(line)
            except EOFError:
                self._notices.line()
                return
            except KeyboardInterrupt:
                self._notices.line()

    async def _ask(self, question: str) -> None:
        await trio.lowlevel.checkpoint()
        answer = Answer()
        conversation = self._conversation
        try:
            await self._asker.ask(conversation.model, conversation.messages(question), answer)
        except GroqError as error:
            for line in failure_of(error).lines():
                self._notices.line(line)
        conversation.keep(question, answer.text)
        if answer.interrupted:
            self._notices.line("(interrupted)")
        elif answer.ended_by:
            self._notices.line(f"(ended early: {answer.ended_by})")
