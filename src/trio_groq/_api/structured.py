"""Structured outputs: an answer's text becomes a value of the type that was asked for, or an error.

What can go wrong has an error of its own: the model refuses, the answer is cut off, it is no JSON,
or JSON of another shape. (That the model wrote no valid JSON within its limits, the API may also
report itself, as a `BadRequestError` with `failed_generation`.)
"""

from collections.abc import Hashable
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar, cast, final

import msgspec

from trio_groq._api.attrs_values import contains_attrs, new_structurer
from trio_groq._api.error_bodies import one_line
from trio_groq._api.schemas import json_schema_format, schema_name
from trio_groq.errors import (
    APIError,
    APIResponseValidationError,
    CutOffError,
    RefusalError,
)
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.parsed import (
    ParsedChatCompletion,
    ParsedChoice,
    ParsedMessage,
    attach_parsed,
)

__all__ = ["StructuredOutput", "structured_output"]

_T = TypeVar("_T")
_S = TypeVar("_S", bound=msgspec.Struct)

MAX_KEPT_TYPES: Final = 256
"""Types whose schema and decoder are kept; a program that makes types as it goes does not leak."""

_CUT_OFF: Final = frozenset({"length", "content_filter"})
"""Finish reasons of answers that are not whole."""


@final
class StructuredOutput(Generic[_T]):
    """A type that answers are to have: how to ask for it, and how to read the answer.

    Args:
        type_: A msgspec Struct, attrs class, dataclass or TypedDict.

    Attributes:
        name: What messages call the type.
        response_format: The parameter of the request; not to be changed.

    Raises:
        InvalidRequestError: No strict schema can be made of `type_`.
    """

    __slots__ = ("_decoder", "_structure", "name", "response_format")

    def __init__(self, type_: type[_T]) -> None:
        self.response_format: dict[str, Any] = json_schema_format(type_)
        self.name: str = schema_name(type_)
        self._structure = new_structurer(type_) if contains_attrs(type_) else None
        wanted: Any = type_ if self._structure is None else Any
        self._decoder = msgspec.json.Decoder(wanted)

    def decode(self, text: str) -> _T:
        """Make a value of an answer's text.

        Raises:
            msgspec.ValidationError: It is JSON of another shape; the message has the path.
            msgspec.DecodeError: It is not JSON, or nested too deeply.
        """
        try:
            value = self._decoder.decode(text)
            return cast("_T", self._structure(value) if self._structure else value)
        except (UnicodeError, RecursionError) as error:
            raise msgspec.DecodeError(f"JSON: expected text of sane depth, got {error}") from error

    def read(self, completion: ChatCompletion) -> ParsedChatCompletion[_T]:
        """Decode the answers of a whole completion.

        Args:
            completion: Stays as it is.

        Returns:
            The same with values, and with the same `meta`. The message of a model that called
            tools instead has none.

        Raises:
            RefusalError: The model refuses to answer in this form.
            CutOffError: The answer is not whole.
            APIResponseValidationError: The answer is not JSON, or JSON of another shape; `body` is
                its text.

        All of these carry `partial`, the completion.
        """
        parsed = _like(ParsedChatCompletion, completion)
        parsed.__dict__.update(completion.__dict__)
        parsed.choices = []
        for position, choice in enumerate(completion.choices):
            answer = _like(ParsedChoice, choice)
            answer.message = _like(ParsedMessage, choice.message)
            parsed.choices.append(answer)
            try:
                self._read_message(answer.message, choice.finish_reason, f"choices[{position}]")
            except APIError as error:
                error.partial = completion
                raise
        return parsed

    def _read_message(self, message: ParsedMessage[_T], reason: str | None, place: str) -> None:
        text = message.content
        if message.refusal is not None:
            said = one_line(message.refusal)
            got = f"{place}: expected {self.name}, got a refusal: {said}"
            raise RefusalError(got, text=message.refusal)
        if reason in _CUT_OFF:
            got = f"the first {len(text or '')} characters of it (finish reason {reason})"
            raise CutOffError(
                f"{place}: expected {self.name}, got {got}", text=text, finish_reason=str(reason)
            )
        if message.tool_calls or message.function_call is not None:
            return
        if not text:
            raise APIResponseValidationError(f"{place}: expected {self.name}, got no text")
        try:
            attach_parsed(message, self.decode(text))
        except msgspec.ValidationError as error:
            fault = f"{place}: expected {self.name}, got JSON of another shape: {error}"
            raise APIResponseValidationError(f"{fault}, in {one_line(text)}", body=text) from error
        except msgspec.DecodeError as error:
            fault = f"{place}: expected JSON of {self.name}, got malformed JSON ({error})"
            raise APIResponseValidationError(f"{fault}: {one_line(text)}", body=text) from error


def _like(cls: type[_S], original: msgspec.Struct) -> _S:
    """An object of a subclass with the same fields."""
    return cls(**{name: getattr(original, name) for name in original.__struct_fields__})


@lru_cache(maxsize=MAX_KEPT_TYPES)
def _kept(type_: Hashable) -> StructuredOutput[Any]:
    return StructuredOutput(cast("type[Any]", type_))


def structured_output(type_: type[_T]) -> StructuredOutput[_T]:
    """The `StructuredOutput` of a type, made once.

    Raises:
        InvalidRequestError: No strict schema can be made of `type_`.
    """
    if not isinstance(type_, Hashable):
        return StructuredOutput(type_)  # which says what is wrong with it
    return _kept(type_)
