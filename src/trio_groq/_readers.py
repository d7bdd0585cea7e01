"""How a response becomes the value that a call returns: one row for each kind of body."""

from collections.abc import Awaitable, Callable
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeGuard, TypeVar, final

import msgspec

from trio_groq._api.responses import JSONDecoder, decode_json
from trio_groq._open_response import MAX_BODY_BYTES, OpenResponse
from trio_groq.types._base import Decoder, Response, attach_meta
from trio_groq.types.meta import ResponseMeta

if TYPE_CHECKING:
    from trio_groq._binary import BinaryResponse

__all__ = ["Reader", "ResponseText", "binary_reader", "bytes_reader", "json_reader", "text_reader"]

T = TypeVar("T")


@final
class ResponseText(str):
    """A response that is text: a `str` which knows how it came."""

    __slots__ = ("_meta",)

    @property
    def meta(self) -> ResponseMeta | None:
        """How the response came; None for text that came from no call."""
        make = getattr(self, "_meta", None)
        return None if make is None else make()

    def _came(self, make: Callable[[], ResponseMeta]) -> None:
        self._meta = make


@final
class Reader(msgspec.Struct, Generic[T], kw_only=True, frozen=True):
    """How a response is read. Either its whole body is decoded, or it is handed on open.

    Attributes:
        decode: Makes the value of the whole body; part of the attempt, so that a body which
            breaks off is a failed attempt. None for a reader with `open`.
        open: Makes the value of the response as it stands; the value owns the connection.
        events: The response must be an event stream, and the limit on the first token applies.
        limit: Most bytes of a whole body.
        strict: The same, forgiving nothing; None where there is nothing to forgive.
    """

    decode: Callable[[bytes, OpenResponse], T] | None = None
    open: Callable[[OpenResponse], Awaitable[T]] | None = None
    events: bool = False
    limit: int = MAX_BODY_BYTES
    strict: "Reader[T] | None" = None

    @staticmethod
    def finish(value: object, response: OpenResponse) -> None:
        """State in a decoded value how it came; once all is known of that."""
        if isinstance(value, Response):
            attach_meta(value, response.meta())
        elif isinstance(value, ResponseText):
            value._came(response.meta())  # noqa: SLF001 (of this module)


def _forgives(decoder: JSONDecoder[T]) -> TypeGuard[Decoder[T]]:
    return isinstance(decoder, Decoder) and not decoder.strict


def json_reader(decoder: JSONDecoder[T]) -> Reader[T]:
    """Reads JSON into what `decoder` makes; a `Response` knows its `.meta`."""
    strict = json_reader(decoder.strictly()) if _forgives(decoder) else None

    def decode(body: bytes, response: OpenResponse) -> T:
        head = response.head
        return decode_json(
            body,
            decoder,
            status=head.status,
            headers=head.headers,
            request=response.request,
            redactor=response.redactor,
        )

    return Reader(decode=decode, strict=strict)


@cache
def text_reader() -> Reader[ResponseText]:
    """Reads UTF-8 text, whose invalid bytes are replaced."""

    def decode(body: bytes, _response: OpenResponse) -> ResponseText:
        return ResponseText(body.decode("utf-8", "replace"))

    return Reader(decode=decode)


@cache
def bytes_reader() -> Reader[bytes]:
    """Reads the body as it is."""
    return Reader(decode=lambda body, _response: body)


@cache
def binary_reader() -> "Reader[BinaryResponse]":
    """Hands the response on as a `BinaryResponse`, unread."""
    from trio_groq._binary import BinaryResponse  # noqa: PLC0415 (for files and audio only)

    async def open_binary(response: OpenResponse) -> BinaryResponse:
        return BinaryResponse(response)  # noqa: ASYNC910 (the call before it was one)

    return Reader(open=open_binary)
