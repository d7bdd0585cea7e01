"""Response heads: from bytes to status, version and fields. No I/O.

Nearly every head comes whole in one receive and is plain: CRLF at each line's end, no folded
lines, nothing before it. Such a one is read by a pattern, which costs a tenth of what h11 costs.
The pattern decides nothing: whatever is not plain beyond doubt, valid or not, is left to h11.
"""

import functools
import re
from typing import Final, TypeAlias, final

import h11

from trio_groq._http.messages import has_control
from trio_groq.errors import ProtocolError

__all__ = ["HeadReader", "RawHead", "read_plain_head", "rule_broken"]

Fields: TypeAlias = list[tuple[bytes, bytes]]
"""Name (lower case) and value of each field, in the order of arrival."""
RawHead: TypeAlias = tuple[int, str, Fields]
"""A final response's status, version (`1.1`) and fields."""

_SHARED_NAME_BYTES: Final = 64
"""Longest field name that is kept for the next response: the longest in use have half of that."""

# Possessive throughout: what has been read is never read again, however the head goes on. A field
# without a value, or with space after it, is none of the plain ones.
_NAME: Final = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}+"  # no longer than a shared one
_VALUE: Final = rb"[^\x00-\x08\x0a-\x1f\x7f]++(?<![ \t])"
_PLAIN_HEAD: Final = re.compile(
    rb"HTTP/(1\.[01]) ([2-5][0-9][0-9])(?: [\t\x20-\x7e\x80-\xff]*+)?+\r\n"
    rb"((?:%b:[ \t]*+%b\r\n)*+)\r\n" % (_NAME, _VALUE)
).match
_fields_of: Final = re.compile(rb"(%b):[ \t]*+(%b)\r\n" % (_NAME, _VALUE)).findall

_RULES: Final = (
    "illegal header line",
    "illegal status line",
    "illegal request line",
    "continuation line at start of headers",
    "no response line received",
    "bad Content-Length",
    "conflicting Content-Length headers",
    "multiple Transfer-Encoding headers",
    "Only Transfer-Encoding: chunked is supported",
    "Receive buffer too long",
)
"""How h11 begins to say which rule was broken. It may go on with the line itself."""

_FRAMING: Final = (b"content-length", b"transfer-encoding")
_is_plain_framing: Final = re.compile(rb"[0-9]{1,20}|chunked").fullmatch

_shared_lower_case: Final = functools.lru_cache(maxsize=256)(bytes.lower)


def _lower_case(name: bytes) -> bytes:
    """A field's name in lower case; one object for all responses, which come by the thousand."""
    return _shared_lower_case(name) if len(name) <= _SHARED_NAME_BYTES else name.lower()


@functools.cache
def _opening(method: bytes) -> h11.Request:
    """What an h11 connection is told: all that the reading of a response depends on."""
    return h11.Request(method=method, target=b"/", headers=[(b"Host", b"any")])


def rule_broken(error: h11.RemoteProtocolError) -> str:
    """What h11 found to be wrong, without the peer's own words: these may repeat our key."""
    said = str(error)
    return next((rule for rule in _RULES if said.startswith(rule)), "something else")


def read_plain_head(buffer: bytes | bytearray, start: int, end: int) -> tuple[RawHead, int] | None:
    """Read a head that is whole and plain.

    Args:
        buffer: What was received.
        start: Where the response begins in it.
        end: Where what was received ends.

    Returns:
        The head and where in `buffer` it ends; None for one that is left to a `HeadReader`.
    """
    found = _PLAIN_HEAD(buffer, start, end)
    if found is None:
        return None
    version, status, fields = found.groups()
    lower_case = _shared_lower_case
    named = [(lower_case(name), value) for name, value in _fields_of(fields)]
    framing = [value for name, value in named if name in _FRAMING]
    if framing and not _is_plain_framing(b",".join(framing)):
        return None  # h11 writes some of them anew
    return (int(status), version.decode(), named), found.end()


@final
class HeadReader:
    """Reads any head, in any number of pieces, with h11.

    Args:
        method: The request's, upper case.
        max_bytes: Longest head, informational responses included, in bytes.
        max_informational: Most 1xx responses before the final one.

    Attributes:
        received: Bytes so far.
        informational: Status codes of the 1xx responses.
        rest: What came after the head; empty before that.
    """

    __slots__ = ("_h11", "_max_bytes", "_max_informational", "informational", "received", "rest")

    def __init__(self, method: bytes, max_bytes: int, max_informational: int) -> None:
        self._max_bytes = max_bytes
        self._max_informational = max_informational
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=max_bytes)
        self._h11.send(_opening(method))
        self.received: int = 0
        self.informational: list[int] = []
        self.rest: bytes = b""

    def feed(self, data: bytes) -> RawHead | None:
        """Take more of the head.

        Returns:
            The final head, once it is whole; nothing is fed after that.

        Raises:
            ProtocolError: It breaks HTTP/1.1 or one of the limits.
        """
        self.received += len(data)
        event = self._next_event(data)
        if isinstance(event, str):
            raise ProtocolError(f"response head: expected HTTP/1.1, got {event}")
        if event is h11.NEED_DATA:
            self._check_size(self.received)
            return None
        assert isinstance(event, h11.Response)  # noqa: S101 (a client gets nothing else first)
        self.rest, _ = self._h11.trailing_data
        self._check_size(self.received - len(self.rest))
        fields = [(_lower_case(name), value) for name, value in event.headers.raw_items()]
        _check_values(fields)
        return event.status_code, event.http_version.decode(), fields

    def _next_event(self, data: bytes) -> object:
        """The next event but informational ones; a text says what is wrong instead.

        The error is raised elsewhere: h11's, which may quote the peer, is no context of it there.
        """
        try:
            self._h11.receive_data(data)
            event = self._h11.next_event()
            while isinstance(event, h11.InformationalResponse):
                self._add_informational(event)
                event = self._h11.next_event()
        except h11.RemoteProtocolError as exc:
            return rule_broken(exc)
        return event

    def _add_informational(self, event: h11.InformationalResponse) -> None:
        self.informational.append(event.status_code)
        if len(self.informational) > self._max_informational:
            raise ProtocolError(
                f"response: expected at most {self._max_informational} informational "
                "responses before the final one, got more"
            )

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise ProtocolError(
                f"response head: expected at most {self._max_bytes} bytes, got more"
            )


def _check_values(fields: Fields) -> None:
    if has_control(b"\t".join([value for _, value in fields])):
        name = next(name for name, value in fields if has_control(value))
        raise ProtocolError(
            f"response header {name.decode()}: expected no control characters, got some"
        )
