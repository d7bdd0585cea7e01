"""What a conversation is, and the commands that change it. No input, no output."""

from collections.abc import Callable
from typing import Final

import attrs

from trio_groq.types.chat_messages import ChatCompletionMessageParam

__all__ = ["HELP", "Conversation"]


@attrs.define
class Conversation:
    """What was said so far, and to whom.

    The history has what was seen: a question and its answer, as far as that came. A question that
    drew not a word (an error, Ctrl-C at once) leaves no trace and may be asked again.

    It grows until `/reset`, or until the API says that the model's context is full.

    Attributes:
        model: Who answers.
        system: The system message, None for none.
        turns: Questions and answers.
    """

    model: str
    system: str | None = None
    turns: list[tuple[str, str]] = attrs.Factory(list)

    def messages(self, question: str) -> list[ChatCompletionMessageParam]:
        """What to send for the next question."""
        messages: list[ChatCompletionMessageParam] = []
        if self.system:
            messages.append({"role": "system", "content": self.system})
        for asked, answered in self.turns:
            messages.append({"role": "user", "content": asked})
            messages.append({"role": "assistant", "content": answered})
        messages.append({"role": "user", "content": question})
        return messages

    def keep(self, question: str, answer: str) -> None:
        """Remember a turn; one without an answer is forgotten."""
        if answer:
            self.turns.append((question, answer))

    def obey(self, line: str) -> str:
        """Carry out a line that begins with a slash.

        Returns:
            What to tell the user.
        """
        name, _, argument = line.partition(" ")
        obey = _COMMANDS.get(name, _unknown)
        return obey(self, argument.strip())


def _reset(conversation: Conversation, _: str) -> str:
    conversation.turns.clear()
    return "a new conversation"


def _model(conversation: Conversation, argument: str) -> str:
    if argument:
        conversation.model = argument
    return f"model: {conversation.model}"


def _system(conversation: Conversation, argument: str) -> str:
    conversation.system = argument or None
    return f"system message: {argument or 'none'}"


def _help(_: Conversation, __: str) -> str:
    return HELP


def _unknown(_: Conversation, __: str) -> str:
    return f"unknown command\n{HELP}"


_COMMANDS: Final[dict[str, Callable[[Conversation, str], str]]] = {
    "/help": _help,
    "/model": _model,
    "/reset": _reset,
    "/system": _system,
}

HELP: Final = """\
/exit          end (or Ctrl-D)
/reset         forget what was said
/model NAME    have another model answer
/system TEXT   set the system message; without TEXT, none
Ctrl-C         stop the answer"""
