"""One request and its response, sans-IO.

h11 writes the request and reads the response head; from there on `framing` owns the body, because
h11 charges about 10 us for each chunk of a chunked body and copies it twice. What h11 had received
beyond the head comes from its public `trailing_data`. Each exchange has an h11 connection of its
own (1 us): nothing of one exchange can reach the next.

The life of an exchange: the request's bytes are sent; then `receive()` with what arrives, until
`complete`; `head` is set as soon as the final response head is whole. `reusable` is the one
question that a pool asks at the end, and every doubt answers it with no:

- the response is complete, and not a byte came after it (a byte more would be given to the next
  request as its answer);
- both sides want to keep the connection, and the framing left no room for two readings;
- no error happened. An exchange that has raised is over and never reusable.
"""

import functools
from typing import Final, final

import attrs
import h11

from trio_groq._http.content_coding import (
    DEFAULT_MAX_DECODED_BYTES,
    DEFAULT_MAX_RATIO,
    ContentDecoder,
    select_decoder,
)
from trio_groq._http.framing import BodyReader, select_body_reader
from trio_groq._http.messages import (
    Headers,
    Request,
    ResponseHead,
    Span,
    has_control,
)
from trio_groq._validators import count, number
from trio_groq.errors import ProtocolError

__all__ = ["Exchange", "ExchangeLimits"]


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
_SHARED_NAME_BYTES: Final = 64
"""Longest field name that is kept for the next response: the longest in use have half of that."""
_HTTP_VERSIONS: Final = (b"1.1", b"1.0")
_ERROR_STATUS: Final = 300
"""From here on the status alone says what became of the request."""


_shared_lower_case: Final = functools.lru_cache(maxsize=256)(bytes.lower)


def _lower_case(name: bytes) -> bytes:
    """A field's name in lower case; one object for all responses, which come by the thousand."""
    return _shared_lower_case(name) if len(name) <= _SHARED_NAME_BYTES else name.lower()


@functools.cache
def _opening(method: bytes) -> h11.Request:
    """What an exchange's own h11 connection is told: all that the response's reading depends on."""
    return h11.Request(method=method, target=b"/", headers=[(b"Host", b"any")])


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
        "_decoder",
        "_h11",
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
        self._h11: h11.Connection | None = h11.Connection(
            h11.CLIENT, max_incomplete_event_size=limits.max_head_bytes
        )
        self._h11.send(_opening(request.method))
        self._received = 0  # bytes of the head; once that is whole, those behind it
        self._body: BodyReader | None = None
        self._decoder: ContentDecoder | None = None
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

    def _receive_first(self, buffer: bytes | bytearray, start: int, end: int) -> list[Span]:
        """Take bytes while the head is not complete, and what of the body comes with it.

        An error's body that is broken from its beginning does not hide its status: the head is
        given out, and the failure is for who reads the body.
        """
        self.begun = True
        try:
            rest = self._receive_head(bytes(memoryview(buffer)[start:end]))
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

    def _receive_head(self, data: bytes) -> bytes:
        """Feed h11 until the final head is whole; return what came after it."""
        connection = self._h11
        assert connection is not None  # noqa: S101 (it is there until there is a head)
        self._received += len(data)
        try:
            connection.receive_data(data)
            event = connection.next_event()
            while isinstance(event, h11.InformationalResponse):
                self._add_informational(event)
                event = connection.next_event()
        except h11.RemoteProtocolError as exc:
            raise ProtocolError(f"response head: expected HTTP/1.1, got {exc}") from exc
        if event is h11.NEED_DATA:
            self._check_head_size(self._received)
            return b""
        assert isinstance(event, h11.Response)  # noqa: S101 (a client gets nothing else first)
        rest, _ = connection.trailing_data
        self._check_head_size(self._received - len(rest))
        self._accept_head(event)
        self._h11 = None  # several kilobytes, that a stream need not hold
        return rest

    def _check_head_size(self, size: int) -> None:
        if size > self._limits.max_head_bytes:
            raise ProtocolError(
                f"response head: expected at most {self._limits.max_head_bytes} bytes, got more"
            )

    def _add_informational(self, event: h11.InformationalResponse) -> None:
        self.informational.append(event.status_code)
        if len(self.informational) > self._limits.max_informational:
            raise ProtocolError(
                f"response: expected at most {self._limits.max_informational} informational "
                "responses before the final one, got more"
            )

    def _accept_head(self, event: h11.Response) -> None:
        if event.http_version not in _HTTP_VERSIONS:
            raise ProtocolError(
                f"response: expected HTTP/1.1 or HTTP/1.0, got HTTP/{event.http_version.decode()}"
            )
        fields = [(_lower_case(name), value) for name, value in event.headers.raw_items()]
        if has_control(b"\t".join([value for _, value in fields])):
            name = next(name for name, value in fields if has_control(value))
            raise ProtocolError(
                f"response header {name.decode()}: expected no control characters, got some"
            )
        headers = Headers(fields)
        tokens = headers.get("connection", "").lower().split(",")
        close = event.http_version == b"1.0" or "close" in [token.strip() for token in tokens]
        version = event.http_version.decode()
        self._body, unambiguous = select_body_reader(
            self._method, event.status_code, version, headers.raw
        )
        if not self._body.complete:  # a response without a body may still name a coding
            self._decoder = select_decoder(
                headers.get("content-encoding"),
                max_decoded_bytes=self._limits.max_decoded_bytes,
                max_ratio=self._limits.max_decoding_ratio,
            )
        self._keep_alive = unambiguous and not close
        self.head = ResponseHead(event.status_code, headers, version)

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
