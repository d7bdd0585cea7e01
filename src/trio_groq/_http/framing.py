"""Where a response's body ends, and which received bytes are payload. No I/O, no copies.

`select_body_reader` picks one of three readers from the response's head; a reader is fed what the
socket gave and answers with the ranges of it that are payload.
"""

from collections.abc import Iterable
from typing import Final, Protocol, final

from trio_groq._http.chunked import ChunkedReader
from trio_groq._http.messages import Span
from trio_groq.errors import ProtocolError

__all__ = [
    "BodyReader",
    "ChunkedReader",
    "ContentLengthReader",
    "UntilCloseReader",
    "select_body_reader",
]

_EXCERPT_BYTES: Final = 40
"""How much of a wrong field an error shows."""

_MAX_DIGITS: Final = 20
"""Digits of a length in decimal; h11 draws the same line. 2**64 has 20 of them."""

_OWS: Final = b" \t"


class BodyReader(Protocol):
    """Finds the payload of one response in what was received. After an error it is spent.

    Attributes:
        complete: Whether the body has ended.
        excess: Whether bytes came after its end: the connection must not be used again, or they
            would be taken for the next response.
        salvaged: After `feed` has raised: the payload which that same feed had found before the
            violation. With it, what is delivered does not depend on how the network cut the bytes.
    """

    complete: bool
    excess: bool
    salvaged: list[Span]

    def feed(self, buffer: bytes | bytearray, start: int, end: int) -> list[Span]:
        """Take the bytes `buffer[start:end]`.

        Returns:
            The ranges of `buffer` that are payload, in order, none of them empty.

        Raises:
            ProtocolError: The bytes are no valid body.
        """
        ...

    def feed_eof(self) -> None:
        """Take note that the peer has closed the connection.

        Raises:
            ProtocolError: The body is not complete.
        """
        ...


@final
class ContentLengthReader:
    """A body of a known length; with length 0, no body at all.

    Args:
        length: Bytes of the body. Nothing is allocated for it.
    """

    __slots__ = ("_length", "_remaining", "complete", "excess", "salvaged")

    def __init__(self, length: int) -> None:
        self._length = self._remaining = length
        self.complete = length == 0
        self.excess = False
        self.salvaged: list[Span] = []

    def feed(self, buffer: bytes | bytearray, start: int, end: int) -> list[Span]:
        """See `BodyReader`; never raises."""
        stop = min(start + self._remaining, end)
        self._remaining -= stop - start
        self.complete = self._remaining == 0
        self.excess = self.excess or stop < end
        return [(buffer, start, stop)] if start < stop else []

    def feed_eof(self) -> None:
        """See `BodyReader`."""
        if not self.complete:
            received = self._length - self._remaining
            raise ProtocolError(
                f"response body: expected {self._length} bytes, "
                f"got the end of the connection after {received}"
            )


@final
class UntilCloseReader:
    """A body that ends with the connection. Whether it is whole, nobody can tell."""

    __slots__ = ("complete", "excess", "salvaged")

    def __init__(self) -> None:
        self.complete = False
        self.excess = False
        self.salvaged: list[Span] = []

    def feed(self, buffer: bytes | bytearray, start: int, end: int) -> list[Span]:
        """See `BodyReader`; never raises."""
        return [(buffer, start, end)] if start < end else []

    def feed_eof(self) -> None:
        """See `BodyReader`; never raises."""
        self.complete = True


def select_body_reader(
    method: bytes, status: int, http_version: str, headers: Iterable[tuple[bytes, bytes]]
) -> tuple[BodyReader, bool]:
    """Pick the reader for a final response's body.

    The framing fields are checked even where no body follows: who sends nonsense there is not to
    be trusted with the next response.

    Args:
        method: Of the request, upper case.
        status: Of the response.
        http_version: Of the response: `1.1` or `1.0`.
        headers: Name (lower case) and value of each field, values without surrounding space.

    Returns:
        The reader, and whether this framing leaves the connection reusable once the body is
        complete (the `Connection` field is not looked at here).

    Raises:
        ProtocolError: The framing fields are invalid.

    RFC 9112, 6.3.
    """
    codings: list[bytes] = []
    lengths: list[bytes] = []
    for name, value in headers:
        if name == b"transfer-encoding":
            codings.append(value)
        elif name == b"content-length":
            lengths.append(value)
    chunked = _is_chunked(codings) if codings else False
    length = _content_length(lengths) if lengths else None
    # Both fields, or chunks from a 1.0 server, are signs of an attack or of a broken proxy (6.1).
    reusable = not (chunked and (lengths or http_version != "1.1"))

    if method == b"CONNECT" and status // 100 == 2:  # noqa: PLR2004 (2xx)
        return ContentLengthReader(0), False  # what follows is a tunnel
    if method == b"HEAD" or status // 100 == 1 or status in (204, 304):
        return ContentLengthReader(0), reusable
    if chunked:
        return ChunkedReader(), reusable
    if length is not None:
        return ContentLengthReader(length), reusable
    return UntilCloseReader(), False


def _is_chunked(codings: list[bytes]) -> bool:
    """True, as no other transfer coding than `chunked`, once, was asked for or is understood."""
    value = b", ".join(codings)
    if value.lower() != b"chunked":
        shown = value[:_EXCERPT_BYTES]
        raise ProtocolError(f"Transfer-Encoding: expected b'chunked', got {shown!r}")
    return True


def _content_length(values: list[bytes]) -> int:
    """Value of the `Content-Length` fields; the same one repeated counts once (RFC 9110, 8.6)."""
    if len(values) == 1 and values[0].isdigit() and len(values[0]) <= _MAX_DIGITS:
        return int(values[0])
    listed = b",".join(values)
    lengths = {length.strip(_OWS) for length in listed.split(b",")}
    shown = listed[:_EXCERPT_BYTES]
    if len(lengths) != 1:
        raise ProtocolError(f"Content-Length: expected one value, got {shown!r}")
    (length,) = lengths
    # bytes.isdigit is true for ASCII digits only.
    if not length.isdigit() or len(length) > _MAX_DIGITS:
        raise ProtocolError(
            f"Content-Length: expected at most {_MAX_DIGITS} decimal digits, got {shown!r}"
        )
    return int(length)
