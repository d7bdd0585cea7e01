"""`APIResponse`: a response with its status and header fields, before anything is made of it."""

import codecs
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import TracebackType
from typing import Final, Generic, TypeVar, final

import msgspec
import trio

from trio_groq._binary import ByteStream, checked_chunk_size
from trio_groq._callers import caller_line
from trio_groq._http.messages import Headers
from trio_groq._open_response import MAX_BODY_BYTES, OpenResponse, Unparsed
from trio_groq._ownership import let_go
from trio_groq._readers import Reader
from trio_groq.errors import APIError, APIResponseValidationError, StreamError
from trio_groq.types.meta import ResponseMeta

__all__ = ["APIResponse", "ResponseManager", "TextStream"]

T = TypeVar("T")

MAX_LINE_CHARS: Final = 16 * 1024 * 1024
"""Longest line that `iter_lines` holds: as long as the largest event of a stream."""


class _Usage(msgspec.Struct):
    total_tokens: int | None = None


class _Costs(msgspec.Struct):
    usage: _Usage | None = None


_COSTS: Final = msgspec.json.Decoder(_Costs)


@final
class APIResponse(Unparsed, Generic[T]):
    """A response as it came. Made by `with_raw_response` and `with_streaming_response`.

    With `with_raw_response` the body has been read (unless it is a stream or a file); with
    `with_streaming_response` it has not, and the response is used with `async with`.
    """

    __slots__ = (
        "__weakref__",
        "_body",
        "_made_at",
        "_parsed",
        "_reader",
        "_response",
        "_state",
        "_token",
    )

    def __init__(self, response: OpenResponse, reader: Reader[T], body: bytes | None) -> None:
        self._response = response
        self._reader = reader
        self._body = body
        self._parsed: T | None = None
        self._state = ""
        self._token = trio.lowlevel.current_trio_token()
        self._made_at = caller_line()

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self._response.head.status

    @property
    def headers(self) -> Headers:
        """Header fields: a mapping, names in any case; `get_all` for repeated ones."""
        return self._response.head.headers

    @property
    def http_version(self) -> str:
        """`HTTP/1.1` or `HTTP/1.0`."""
        return f"HTTP/{self._response.head.http_version}"

    @property
    def method(self) -> str:
        """The request's method."""
        return self._response.request.method

    @property
    def url(self) -> str:
        """The request's URL, without its query."""
        return self._response.request.url

    @property
    def request_id(self) -> str | None:
        """The server's name for the call."""
        return self._response.request_id

    @property
    def retries_taken(self) -> int:
        """How many attempts had failed before this one."""
        return self._response.attempts - 1

    @property
    def elapsed(self) -> timedelta:
        """From the call's begin to the response's end; to now while it is open."""
        return timedelta(seconds=self.meta.timings.total or 0.0)

    @property
    def meta(self) -> ResponseMeta:
        """How the response came, as far as it has come."""
        return self._response.meta()()

    @property
    def is_closed(self) -> bool:
        """Whether the connection was given back."""
        return not self._response.open

    async def read(self, limit: int = MAX_BODY_BYTES) -> bytes:
        """The whole body; kept, so that it can be asked for again.

        Args:
            limit: Bytes at the most.

        Raises:
            APIError: It is longer than `limit`, or the connection broke.
            StreamError: It was read in pieces already, or closed.
        """
        if self._body is None:
            response = self._unread("read already")
            try:
                await trio.lowlevel.checkpoint()  # a body that came with the head is none
                self._body = await response.read(limit)
            finally:
                response.finish()
        else:
            await trio.lowlevel.checkpoint()
        return self._body

    async def text(self) -> str:
        """The whole body as text; bytes that are no UTF-8 are replaced. Raises as `read`."""
        return (await self.read()).decode("utf-8", "replace")

    async def json(self) -> object:
        """The whole body as plain JSON values.

        Raises:
            APIResponseValidationError: It is no JSON.
            APIError: As `read`.
        """
        body = await self.read()
        try:
            return msgspec.json.decode(body)
        except (ValueError, RecursionError) as exc:
            self._response.redactor().hide(exc)  # it may have all of the body
            raise APIResponseValidationError(
                f"{self.status_code} response: expected JSON, got other ({exc})",
                request=self._response.request,
                request_id=self.request_id,
            ) from exc

    async def parse(self) -> T:
        """What the call without a wrapper returns: a completion, a stream, a list of models.

        A stream or a `BinaryResponse` takes the connection over; anything else is made once.

        Raises:
            APIResponseValidationError: The body is not what the API promises.
            APIError: As `read`.
        """
        reader = self._reader
        if reader.decode is None:
            assert reader.open is not None  # noqa: S101 (a reader has one of the two)
            return await reader.open(self._unread("handed on"))
        if self._parsed is None:
            body = await self.read(reader.limit)
            self._parsed = reader.decode(body, self._response)
            reader.finish(self._parsed, self._response)
        else:
            await trio.lowlevel.checkpoint()
        return self._parsed

    def iter_bytes(self, chunk_size: int | None = None) -> ByteStream:
        """The body in pieces: for `with_streaming_response`.

        Args:
            chunk_size: Bytes of each piece but the last; None for pieces as they come.

        Raises:
            InvalidRequestError: `chunk_size` is no positive integer.
            StreamError: It was read already, or closed.
        """
        size = checked_chunk_size(chunk_size)
        return ByteStream(self._unread("read already"), size, owner=self)

    def iter_text(self, chunk_size: int | None = None) -> "TextStream":
        """The body as pieces of text, in UTF-8, invalid bytes replaced; else as `iter_bytes`."""
        return TextStream(self.iter_bytes(chunk_size), lines=False)

    def iter_lines(self) -> "TextStream":
        """The body as lines, without their ends (LF, CRLF or CR); else as `iter_text`.

        Raises, while iterating:
            APIError: A line is longer than 16 Mi characters.
        """
        return TextStream(self.iter_bytes(), lines=True)

    def cost(self) -> int | None:
        """Tokens that the call cost, as far as a body that was read says so."""
        try:
            usage = None if self._body is None else _COSTS.decode(self._body).usage
        except (ValueError, RecursionError):  # no JSON, or of another kind
            return None
        return None if usage is None else usage.total_tokens

    def _unread(self, becomes: str) -> OpenResponse:
        """The response, for the one who reads it; from now on it is what it `becomes`."""
        state = self._state if self._response.open or self._body is not None else "closed"
        if state:
            raise StreamError(f"response: expected it to be unread, got it {state}")
        self._state = becomes
        return self._response

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        self._response.finish()
        await trio.lowlevel.cancel_shielded_checkpoint()

    close = aclose

    def __del__(self) -> None:
        if self._state != "handed on":  # who has it now sees to it
            let_go(self, self._response, self._token, self._made_at)

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "open"
        return f"<APIResponse {self.status_code} {self.method} {self.url}, {state}>"


@final
class ResponseManager(Generic[T]):
    """A call that is made on entry, once: `async with ... as response`."""

    __slots__ = ("_call", "_response")

    def __init__(self, call: Callable[[], Awaitable[APIResponse[T]]]) -> None:
        self._call: Callable[[], Awaitable[APIResponse[T]]] | None = call
        self._response: APIResponse[T] | None = None

    async def __aenter__(self) -> APIResponse[T]:
        call, self._call = self._call, None  # it holds the request's body
        if call is None:
            raise StreamError("response: expected its call to be made once, got a second time")
        self._response = await call()
        return self._response

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._response is not None:
            await self._response.aclose()
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()


@final
class TextStream:
    """The text of a body, piece by piece or line by line, for `async for`."""

    __slots__ = (
        "_carry",
        "_decoder",
        "_done",
        "_line",
        "_line_chars",
        "_lines",
        "_pieces",
        "_ready",
    )

    def __init__(self, pieces: ByteStream, *, lines: bool) -> None:
        self._pieces = pieces
        self._lines = lines
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ready: list[str] = []
        self._line: list[str] = []
        self._line_chars = 0
        self._carry = ""
        self._done = False

    def __aiter__(self) -> "TextStream":
        return self

    async def __anext__(self) -> str:
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._ready and not self._done:
            await self._refill()
        if not self._ready:
            await trio.lowlevel.checkpoint()
            raise StopAsyncIteration
        return self._ready.pop()

    async def _refill(self) -> None:  # noqa: ASYNC910 (taking a piece is a checkpoint, the last one too)
        try:
            text = self._decoder.decode(await self._pieces.__anext__())
        except StopAsyncIteration:
            self._done = True
            text = self._decoder.decode(b"", final=True)
        found = self._split(text) if self._lines else [text]
        self._ready = [piece for piece in reversed(found) if piece or self._lines]

    def _split(self, text: str) -> list[str]:
        """The lines that are whole now; what may go on is kept, also a CR, which LF may follow."""
        text = self._carry + text
        self._carry = "\r" if text.endswith("\r") and not self._done else ""
        text = text[: len(text) - len(self._carry)]
        first, *others = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._line.append(first)
        self._line_chars += len(first)
        if self._line_chars > MAX_LINE_CHARS:
            raise APIError(f"line: expected at most {MAX_LINE_CHARS} characters, got more")
        if not others and not self._done:
            return []
        lines = ["".join(self._line), *others]
        last = lines.pop()
        self._line, self._line_chars = [last], len(last)
        return [*lines, last] if self._done and last else lines

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        await self._pieces.aclose()
