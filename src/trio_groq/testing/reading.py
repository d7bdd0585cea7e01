"""Requests out of a connection's bytes: h11 in the server's role, bounded. Sans-IO."""

import re

import h11
import msgspec

from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply

__all__ = ["Refused", "RequestReader"]

# A request head with long custom headers fits; a stray upload in the wrong place does not.
_MAX_HEAD_BYTES = 64 * 1024


class Refused(Exception):  # noqa: N818 (a decision, not a failure)
    """The request cannot be read to its end.

    Attributes:
        reply: What the client gets before the connection is closed.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


_ORIGIN = re.compile(r"(?i)https?://[^/?]*")


def _without_origin(target: str) -> str:
    """A target in the origin form; the absolute one, as for proxies, is taken, too.

    RFC 9112, 3.2.2.
    """
    rest = _ORIGIN.sub("", target, count=1) if _ORIGIN.match(target) else target
    return rest if rest.startswith("/") or rest == target else f"/{rest}"


def _decoded(body: bytes) -> object:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _too_large(limit: int) -> Refused:
    message = f"Request Entity Too Large: expected a body of at most {limit} bytes"
    return Refused(Reply.error(413, message, code="request_too_large"))


class RequestReader:
    """Reads one request after the other.

    Args:
        connection: Number of the connection.
        max_body_bytes: Largest body; a longer one is refused with 413.
    """

    def __init__(self, connection: int, max_body_bytes: int) -> None:
        self._connection = connection
        self._limit = max_body_bytes
        self._begin(b"")

    def _begin(self, leftover: bytes) -> None:
        # h11 can only begin a second cycle if it has made the first response itself.
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
        self._head: h11.Request | None = None
        self._body = bytearray()
        if leftover:
            self._http.receive_data(leftover)

    def feed(self, data: bytes) -> None:
        """Take bytes that have come; never empty."""
        self._http.receive_data(data)

    def interim(self) -> bytes:
        """The `100 Continue` that the client waits for before it sends the body; else nothing."""
        if not self._http.they_are_waiting_for_100_continue:
            return b""
        return self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b""

    def poll(self, now: float) -> RecordedRequest | None:
        """The next request, None if more bytes are needed.

        Args:
            now: The present moment on Trio's clock, in seconds.

        Raises:
            Refused: It is no HTTP/1.1, or it is too large.
        """
        try:
            while (event := self._http.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Request):
                    self._begin_body(event)
                elif isinstance(event, h11.Data):
                    self._add(bytes(event.data))
                else:  # the request's end: h11 has no other event for a server before its answer
                    return self._finish(now)
        except h11.RemoteProtocolError as error:
            raise Refused(Reply.error(error.error_status_hint, f"Bad request: {error}")) from error
        return None

    def _begin_body(self, head: h11.Request) -> None:
        self._head = head
        lengths = [int(value) for name, value in head.headers if name == b"content-length"]
        if any(length > self._limit for length in lengths):
            raise _too_large(self._limit)

    def _add(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._limit:
            raise _too_large(self._limit)

    def _finish(self, now: float) -> RecordedRequest:
        head, body = self._head, bytes(self._body)
        assert head is not None  # noqa: S101 (an end comes after a head)
        path, _, query = _without_origin(head.target.decode("latin-1")).partition("?")
        request = RecordedRequest(
            method=head.method.decode("latin-1"),
            path=path,
            query=query,
            headers=tuple(head.headers),
            body=body,
            json=_decoded(body),
            connection=self._connection,
            received_at=now,
            http_version=head.http_version.decode("latin-1"),
        )
        self._begin(self._http.trailing_data[0])
        return request
