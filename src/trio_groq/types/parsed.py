"""Chat completions whose answers are values of a type. Source: API guide, "Structured Outputs"."""

from typing import Generic, TypeVar, cast

from trio_groq.errors import APIResponseValidationError
from trio_groq.types._base import sent
from trio_groq.types.chat import ChatCompletion, ChatCompletionMessage, Choice

__all__ = ["ParsedChatCompletion", "ParsedChoice", "ParsedMessage", "attach_parsed"]

_T = TypeVar("_T")


class ParsedMessage(ChatCompletionMessage, Generic[_T], dict=True):
    """The answer of the model, and what it amounts to.

    Attributes:
        refusal: What the model says when it refuses to answer in the form that was asked for.
    """

    refusal: str | None = None

    @property
    def parsed(self) -> _T | None:
        """The content as a value; None when the model called tools instead.

        Kept beside the fields: no part of the JSON, so that the message can be sent back as it
        is, nor of equality or of `repr`.
        """
        return cast("_T | None", self.__dict__.get("_parsed"))


class ParsedChoice(Choice, Generic[_T]):
    """One answer.

    Attributes:
        message: The answer, and what it amounts to.
    """

    message: ParsedMessage[_T] = sent(ParsedMessage)


class ParsedChatCompletion(ChatCompletion, Generic[_T]):
    """A chat completion whose answers are values of a type.

    Attributes:
        choices: The answers; one, as the API knows only `n=1`.
    """

    choices: list[ParsedChoice[_T]] = sent(list)  # type: ignore[assignment]  # of a narrower type

    @property
    def parsed(self) -> _T:
        """The first answer as a value.

        Raises:
            APIResponseValidationError: There is none, as the model called tools instead. Where
                there are tools, look at `choices[0].message`: its `tool_calls` or its `parsed`.
        """
        message = self.choices[0].message if self.choices else ParsedMessage[_T]()
        if "_parsed" not in message.__dict__:
            got = "tool calls" if message.tool_calls else "none"
            raise APIResponseValidationError(
                f"completion: expected a parsed answer, got {got}", partial=self
            )
        return cast("_T", message.parsed)


def attach_parsed(message: ParsedMessage[_T], value: _T) -> None:
    """State what `message` amounts to."""
    message.__dict__["_parsed"] = value
