"""What all wire types share: their base classes, defaults, and a decoder that forgives null."""

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from trio_groq.types.meta import ResponseMeta

__all__ = [
    "Buffer",
    "Decoder",
    "Encoded",
    "Excludes",
    "Needs",
    "Piece",
    "Record",
    "Replaced",
    "Response",
    "attach_meta",
    "sent",
    "without_nulls",
]

_T = TypeVar("_T")

Buffer: TypeAlias = bytes | bytearray | memoryview


def sent(factory: Callable[[], _T]) -> _T:
    """Default of a field that is encoded even when it has its default.

    `Record` leaves out what equals its default. The API wants some of those fields all the same,
    such as a message's `role`; msgspec does not compare what comes from a factory of ours. (It
    does know `list` and `dict`, which the `partial` hides.)

    Args:
        factory: Makes the default, for each object anew.
    """
    return msgspec.field(default_factory=partial(factory))


class Record(msgspec.Struct, kw_only=True, omit_defaults=True, repr_omit_defaults=True):
    """Base of what comes out of a response.

    Unknown fields are ignored. Every field has a default, for any may be missing; what was
    missing or null is not encoded, so that a message can be sent back as it came.

    Those that hold no containers are declared `gc=False`: they cannot be part of a reference
    cycle, and the collector need neither track nor visit them.
    """


class Piece(
    msgspec.Struct, kw_only=True, omit_defaults=True, repr_omit_defaults=True, frozen=True, gc=False
):
    """Base of what comes out of a stream: a `Record` that is frozen.

    It may hold containers and is `gc=False` all the same: what can be assigned to only while it
    is made cannot be reached from what it holds. (Subclasses repeat `frozen=True`, which type
    checkers want to see.)
    """


class Response(Record, dict=True):
    """Base of what a call returns. Knows how it came."""

    @property
    def meta(self) -> ResponseMeta | None:
        """How the response came; None for an object that came from no call.

        Kept beside the fields: no part of the JSON, of equality or of `repr`.
        """
        meta = self.__dict__.get("_meta")
        if callable(meta):  # made only when asked for
            meta = self.__dict__["_meta"] = meta()
        return meta if isinstance(meta, ResponseMeta) else None


def attach_meta(response: Response, make: Callable[[], ResponseMeta]) -> None:
    """State how `response` came: `make` is called when somebody asks."""
    response.__dict__["_meta"] = make


class Decoder(Generic[_T]):
    """Decodes JSON into one type; any field may be null, whether or not its type says so.

    A first attempt takes the types at their word, which is fast and nearly always right. Only
    when that fails, what is null is taken as missing, and numbers like `12.0` as integers. So the
    types can promise `choices: list[Choice]` where a null is possible, though never seen.

    Args:
        type_: What is decoded into.
        strict: Make no second attempt: what the type does not promise is an error.
    """

    __slots__ = ("_type", "decode_strictly", "strict")

    def __init__(self, type_: type[_T], *, strict: bool = False) -> None:
        self._type = type_
        self.strict: bool = strict
        self.decode_strictly: Callable[[Buffer], _T] = msgspec.json.Decoder(type_).decode
        """The first attempt alone, msgspec's own function: for who comes back when it fails."""

    def decode(self, data: Buffer) -> _T:
        """Decode one JSON document.

        Args:
            data: UTF-8. Nothing of it is kept: the buffer can be reused at once.

        Raises:
            msgspec.ValidationError: It is JSON of another shape; the message has the path.
            msgspec.DecodeError: It is not JSON, not UTF-8, or nested too deeply.
        """
        try:
            return self.decode_strictly(data)
        except msgspec.ValidationError:
            if self.strict:
                raise
            return self._decode_without_nulls(data)
        except (UnicodeDecodeError, RecursionError) as error:
            raise msgspec.DecodeError(f"JSON: expected UTF-8 of sane depth, got {error}") from error

    def strictly(self) -> "Decoder[_T]":
        """The same, strict."""
        return Decoder(self._type, strict=True)

    def _decode_without_nulls(self, data: Buffer) -> _T:
        try:
            plain = without_nulls(msgspec.json.decode(data))
            return msgspec.convert(plain, self._type, strict=False)
        except (UnicodeDecodeError, RecursionError) as error:
            raise msgspec.DecodeError(f"JSON: expected UTF-8 of sane depth, got {error}") from error


def without_nulls(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """The same JSON without the members that are null; elements of lists stay."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


class Replaced(msgspec.Struct, frozen=True):
    """Stated beside a parameter: deprecated, use another.

    Attributes:
        by: The parameter to use instead.
    """

    by: str


class Excludes(msgspec.Struct, frozen=True):
    """Stated beside a parameter: the API takes it or another, never both.

    Attributes:
        other: The parameter that it cannot be used with.
    """

    other: str


class Needs(msgspec.Struct, frozen=True):
    """Stated beside a parameter: it has a meaning only when another is true.

    Attributes:
        other: The parameter that must be true.
    """

    other: str


class Encoded(msgspec.Struct, frozen=True):
    """Stated beside a type: what the caller gives so is encoded as text before it is checked."""
