"""One request and its response, sans-IO.

`heads` reads the response head; from there on `framing` owns the body, because h11 charges about
10 us for each chunk of a chunked body and copies it twice. Each exchange has a reader of its own:
nothing of one exchange can reach the next.

The life of an exchange: the request's bytes are sent; then `receive()` with what arrives, until
`complete`; `head` is set as soon as the final response head is whole. `reusable` is the one
question that a pool asks at the end, and every doubt answers it with no:

- the response is complete, and not a byte came after it (a byte more would be given to the next
  request as its answer);
- both sides want to keep the connection, and the framing left no room for two readings;
- no error happened. An exchange that has raised is over and never reusable.
"""

from collections.abc import Callable
from typing import Final, TypeAlias, final

import attrs

from trio_groq._http.content_coding import (
    DEFAULT_MAX_DECODED_BYTES,
    DEFAULT_MAX_RATIO,
    ContentDecoder,
    select_decoder,
)
from trio_groq._http.framing import BodyReader, ChunkedReader, select_body_reader
from trio_groq._http.heads import HeadReader, RawHead, read_plain_head
from trio_groq._http.messages import Headers, Request, ResponseHead, Span
from trio_groq._validators import count, number
from trio_groq.errors import ProtocolError

__all__ = ["Exchange", "ExchangeLimits", "Glance"]

Glance: TypeAlias = Callable[[bytes | bytearray, int], bool]
"""Takes `buffer[:end]` if that is one whole chunk and nothing else (see `LoneChunk`), and one that
it knows what to do with; whether it did."""


@attrs.frozen(kw_only=True)
class ExchangeLimits:
    """What one response may make us hold.

    Attributes:
        max_head_bytes: Status line and header fields, informational responses included, in bytes.
            Groq sends 1 to 2 KB; servers and proxies commonly stop at 8 to 64 KB themselves.
        max_informational: 1xx responses before the final one. None is asked for; a few early
            hints are normal, an endless row of them is a way to hold a client.
        max_decoded_bytes: A compressed body after decoding, in bytes; None for no limit.
        max_decoding_ratio: Decoded to encoded bytes of a compressed body.
    """

    max_head_bytes: int = attrs.field(default=65_536, validator=count(1))
    max_informational: int = attrs.field(default=8, validator=count(0))
    max_decoded_bytes: int | None = attrs.field(
        default=DEFAULT_MAX_DECODED_BYTES, validator=count(1, optional=True)
    )
    max_decoding_ratio: float = attrs.field(default=DEFAULT_MAX_RATIO, validator=number(1))


_DEFAULT_LIMITS: Final = ExchangeLimits()
_HTTP_VERSIONS: Final = ("1.1", "1.0")
_FRAMING: Final = (b"transfer-encoding", b"content-length")
"""Fields that say where the body ends."""
_ERROR_STATUS: Final = 300
"""From here on the status alone says what became of the request."""


def _says_close(connection: bytes | None) -> bool:
    """Whether a `Connection` field has the option `close` in it (RFC 9110, 7.6.1)."""
    if connection is None:
        return False
    return b"close" in [option.strip() for option in connection.lower().split(b",")]


@final
class Exchange:
    """One request and its response.

    Attributes:
        head: The final response's head, once it is whole.
        informational: Status codes of the 1xx responses before it.
        complete: The whole response has come.
        failure: What the response broke; from then on the exchange is over.
        begun: At least one byte of a response has come.
    """

    __slots__ = (
        "_body",
        "_chunks",
        "_decoder",
        "_head_reader",
        "_keep_alive",
        "_limits",
        "_method",
        "_origin",
        "_received",
        "begun",
        "complete",
        "failure",
        "head",
        "informational",
    )

    def __init__(self, request: Request, limits: ExchangeLimits = _DEFAULT_LIMITS) -> None:
        self._method = request.method
        self._origin = request.origin
        self._limits = limits
        self._head_reader: HeadReader | None = None
        self._received = 0  # bytes of the head; once that is whole, those behind it
        self._body: BodyReader | None = None
        self._decoder: ContentDecoder | None = None
        self._chunks: ChunkedReader | None = None  # the same, if it gives the body as it is
        self._keep_alive = True
        self.begun: bool = False
        self.complete: bool = False
        self.failure: ProtocolError | None = None
        self.head: ResponseHead | None = None
        self.informational: list[int] = []

    def receive(self, buffer: bytes | bytearray, start: int, end: int) -> list[Span]:
        """Take `buffer[start:end]` as it arrived; return the decoded body's bytes in it.

        The spans are ranges of `buffer` itself wherever no content coding is in the way. What came
        before a violation is returned first; the error is `failure`, for the next read.

        Raises:
            ProtocolError: The response breaks HTTP/1.1 or one of the limits.
        """
        body = self._body
        if body is None:
            return self._receive_first(buffer, start, end)
        self._received += end - start
        try:
            spans = body.feed(buffer, start, end)
        except ProtocolError as exc:
            spans = body.salvaged
            self.failure = exc
        if self._decoder is not None:
            spans = self._decode(self._decoder, spans)
        if body.complete or self.failure is not None:
            return self._conclude(spans)
        return spans

    def offer(self, glance: Glance, buffer: bytes | bytearray, end: int) -> bool:
        """Have `glance` look at `buffer[:end]` as it arrived, if a chunk begins with it.

        Returns:
            Whether it took that; if not, all of this has yet to be received.
        """
        chunks = self._chunks
        if chunks is None or not chunks.between_chunks or not glance(buffer, end):
            return False
        self._received += end
        return True

    def _receive_first(self, buffer: bytes | bytearray, start: int, end: int) -> list[Span]:
        """Take bytes while the head is not complete, and what of the body comes with it.

        An error's body that is broken from its beginning does not hide its status: the head is
        given out, and the failure is for who reads the body.
        """
        self.begun = True
        self._received += end - start
        try:
            rest = self._receive_head(buffer, start, end)
        except ProtocolError as exc:
            self.failure = exc
            raise
        if self.head is None:
            return []
        self._received = 0
        try:
            return self.receive(rest, 0, len(rest))
        except ProtocolError:
            if self.head.status < _ERROR_STATUS:
                raise
            return []

    def _conclude(self, spans: list[Span]) -> list[Span]:
        """The body has ended, well or not: give out what came before that."""
        if self.failure is None and not self.complete:
            try:
                spans += self._finish()
            except ProtocolError as exc:
                self.failure = exc
        if self.failure is not None and not spans:
            raise self.failure
        return spans

    def close_after(self) -> None:
        """Let no other exchange follow on this connection."""
        self._keep_alive = False

    def receive_eof(self) -> list[Span]:
        """The peer has closed its side; return what decoding still held back.

        Raises:
            ProtocolError: The response was not complete.
        """
        self._keep_alive = False
        if self.complete:
            return []
        try:
            if self._body is None:
                raise ProtocolError(
                    "response: expected a whole response head, got the connection's end after "
                    f"{self._received} bytes"
                )
            self._body.feed_eof()
            return self._finish()
        except ProtocolError as exc:
            self.failure = exc
            raise

    @property
    def received(self) -> str:
        """What has come of the response, for people; of the body with its framing."""
        if self.head is not None:
            return f"status {self.head.status} and {self._received} bytes of body"
        return f"head in part: {self._received} bytes" if self._received else "0 bytes"

    @property
    def reusable(self) -> bool:
        """Whether the connection may carry another exchange: see the top of this file."""
        body = self._body
        return (
            self.complete
            and self._keep_alive
            and self.failure is None
            and body is not None
            and not body.excess
        )

    def _receive_head(self, buffer: bytes | bytearray, start: int, end: int) -> bytes:
        """Take bytes of the head; return what came after it, in memory of its own."""
        limits, reader = self._limits, self._head_reader
        if reader is None:
            plain = read_plain_head(buffer, start, end)
            if plain is not None and plain[1] - start <= limits.max_head_bytes:
                self._accept_head(plain[0])
                return bytes(memoryview(buffer)[plain[1] : end])
            reader = HeadReader(self._method, limits.max_head_bytes, limits.max_informational)
            self._head_reader, self.informational = reader, reader.informational
        head = reader.feed(bytes(memoryview(buffer)[start:end]))
        if head is None:
            return b""
        self._accept_head(head)
        self._head_reader = None  # several kilobytes, that a stream need not hold
        return reader.rest

    def _accept_head(self, head: RawHead) -> None:
        status, version, fields = head
        if version not in _HTTP_VERSIONS:
            raise ProtocolError(f"response: expected HTTP/1.1 or HTTP/1.0, got HTTP/{version}")
        headers = Headers(fields)
        close = version == "1.0" or _says_close(headers.find(b"connection"))
        framing = [(name, value) for name in _FRAMING for value in headers.find_all(name)]
        self._body, unambiguous = select_body_reader(self._method, status, version, framing)
        coding = headers.find(b"content-encoding")
        if coding is not None and not self._body.complete:  # it may be named without a body, too
            self._decoder = select_decoder(
                coding.decode("latin-1"),
                max_decoded_bytes=self._limits.max_decoded_bytes,
                max_ratio=self._limits.max_decoding_ratio,
            )
        if self._decoder is None and isinstance(self._body, ChunkedReader):
            self._chunks = self._body
        self._keep_alive = unambiguous and not close
        self.head = ResponseHead(status, headers, version)

    def _decode(self, decoder: ContentDecoder, spans: list[Span]) -> list[Span]:
        decoded: list[Span] = []
        try:
            for span in spans:
                decoded += decoder.feed(*span)
        except ProtocolError as exc:
            self.failure = self.failure or exc
        return decoded

    def _finish(self) -> list[Span]:
        rest = [] if self._decoder is None else self._decoder.finish()
        self.complete = True
        return rest

    def __repr__(self) -> str:
        status = self.head.status if self.head is not None else "no response yet"
        state = "complete" if self.complete else "failed" if self.failure else "under way"
        method = self._method.decode("latin-1")
        return f"<Exchange {method} {self._origin} -> {status}, {state}>"
