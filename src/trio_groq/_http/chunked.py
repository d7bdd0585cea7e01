"""Bodies in chunks (RFC 9112, 7.1): which received bytes are payload. No I/O, no copies.

`ChunkedReader` is a state machine over the grammar:

    state     takes                                 then
    SIZE      one chunk-size line                   DATA; TRAILERS after size 0
    DATA      as many bytes as the size said        DATA_CR
    DATA_CR   CR                                    DATA_LF
    DATA_LF   LF                                    SIZE
    TRAILERS  field lines up to an empty line       END
    END       nothing: what still comes is excess

Lines that are cut off are carried over to the next feed; payload never is. Only CR LF ends a
line. Where one end of a connection takes a bare LF for a line's end and the other does not, the
two disagree about where a message ends, and that is how responses are smuggled.
"""

import re
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Final, TypeAlias, final

from trio_groq._http.messages import Span
from trio_groq.errors import ProtocolError

__all__ = ["DEFAULT_MAX_LINE_BYTES", "DEFAULT_MAX_TRAILER_BYTES", "ChunkedReader", "LoneChunk"]

DEFAULT_MAX_LINE_BYTES: Final = 4096
"""Longest chunk-size line with its CR LF. The size needs 22 bytes; the rest is for extensions,
of which none is in use, though a signed chunk's (as object stores have them) is near 100."""

DEFAULT_MAX_TRAILER_BYTES: Final = 16 * 1024
"""Longest trailer section with its empty line: what h11 grants a whole head."""

_EXCERPT_BYTES: Final = 40
"""How much of a wrong input an error shows: enough to recognise it, too little to leak it."""

_Buffer: TypeAlias = bytes | bytearray

_CRLF: Final = b"\r\n"
_CR: Final = 0x0D
_LF: Final = 0x0A
_OWS: Final = b" \t"

# As many digits as h11 takes; 16 would do for 64 bits, but leading zeros are allowed.
_PLAIN_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,20})\r\n")
# Space at the end of the line is sent by servers in the wild, and h11 takes it, too. Space before a
# semicolon is not taken: RFC 9112, 7.1.1 would have it read, h11 refuses it, and a size line that
# two readers take differently is not worth it. A control character within an extension, CR and LF
# above all, is no part of the grammar.
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,20})(?:;[\t\x20-\x7e\x80-\xff]*|[ \t]*)\r\n")
_LONG_LINE: Final = 5
_LONG_SEAM: Final = 2 + _LONG_LINE
_SHORT_SEAM: Final = _LONG_SEAM - 1
_MAX_SIZES: Final = 1024
_SIZES: Final[dict[bytes, int]] = {}
"""Size lines of three digits (long) and of two (short) -> what they say: up to 4095 bytes, as
nearly every event has. To look one up costs a third of reading it. The first so many that come are
remembered, by all readers together."""
_long_line_at: Final = struct.Struct("5s").unpack_from
_short_line_at: Final = struct.Struct("4s").unpack_from
_long_seam_at: Final = struct.Struct("2s5s").unpack_from  # the end of a chunk, and a line
_short_seam_at: Final = struct.Struct("2s4s").unpack_from
_LONE_DIGITS: Final = 3
"""Most digits of the size of a chunk that is known by its looks."""
_SIZE_LINE_START: Final = re.compile(rb"[0-9A-Fa-f]{1,20}(?:[ \t;\r]|\Z)")
_FOLD: Final = re.compile(rb"\r\n[ \t]+")
_FIELD_LINE: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)")


class _State(IntEnum):
    SIZE = 0
    DATA = 1
    DATA_CR = 2
    DATA_LF = 3
    TRAILERS = 4
    END = 5


_SIZE: Final = _State.SIZE  # asked for with every feed; before 3.12, looking it up is no trifle

_EXPECTED: Final[dict[_State, str]] = {
    _State.SIZE: "a chunk-size line",
    _State.DATA: "the rest of a chunk",
    _State.DATA_CR: "CR LF after a chunk",
    _State.DATA_LF: "LF after a chunk and CR",
    _State.TRAILERS: "trailers and an empty line",
}

_Steps: TypeAlias = dict[_State, Callable[["ChunkedReader", _Buffer, int, int, list[Span]], int]]


@final
class ChunkedReader:
    """A body in chunks (RFC 9112, 7.1), read by the machine that the module's text describes.

    Args:
        max_line_bytes: Longest chunk-size line, CR LF included.
        max_trailer_bytes: Longest trailer section, its empty line included.

    Attributes:
        trailers: Name (lower case) and value of each trailer field, once the body is complete.
            To be kept apart from the headers: a trailer must not change what a header has said
            (RFC 9110, 6.5.1).
    """

    __slots__ = (
        "_carry",
        "_line_start",
        "_max_line_bytes",
        "_max_trailer_bytes",
        "_remaining",
        "_state",
        "between_chunks",
        "complete",
        "excess",
        "salvaged",
        "trailers",
    )

    def __init__(
        self,
        *,
        max_line_bytes: int = DEFAULT_MAX_LINE_BYTES,
        max_trailer_bytes: int = DEFAULT_MAX_TRAILER_BYTES,
    ) -> None:
        self._max_line_bytes = max_line_bytes
        self._max_trailer_bytes = max_trailer_bytes
        self._state = _State.SIZE
        self._carry = bytearray()  # a cut-off chunk-size line, or the trailer section so far
        self._line_start = 0  # where in the carry the trailer section's current line begins
        self._remaining = 0  # payload bytes of the current chunk that have not come yet
        self.between_chunks = True
        self.complete = False
        self.excess = False
        self.salvaged: list[Span] = []
        self.trailers: tuple[tuple[bytes, bytes], ...] = ()

    def feed(self, buffer: _Buffer, start: int, end: int) -> list[Span]:
        """See `framing.BodyReader`; what belongs to the framing is in no span."""
        spans: list[Span] = []
        position = start
        if self.between_chunks:
            position = _take_whole_chunks(buffer, start, end, spans)
            if position == end:
                return spans
        self.between_chunks = False
        try:
            while position < end:
                position = self._STEPS[self._state](self, buffer, position, end, spans)
        except ProtocolError:
            self.salvaged = spans
            raise
        self.between_chunks = self._state is _SIZE and not self._carry
        return spans

    def feed_eof(self) -> None:
        """See `framing.BodyReader`."""
        if not self.complete:
            raise ProtocolError(
                f"chunked body: expected {_EXPECTED[self._state]}, got the end of the connection"
            )

    # Each step is called with at least one byte and returns where the next one goes on.

    def _read_size(self, buffer: _Buffer, start: int, end: int, spans: list[Span]) -> int:
        if not self._carry:
            start = _take_whole_chunks(buffer, start, end, spans)
            if start == end:
                return end
        position = self._carry_line(buffer, start, end, self._max_line_bytes)
        carry = self._carry
        if carry[-1] != _LF:
            _match_size_start(carry)
            return position
        line = _SIZE_LINE.fullmatch(carry)
        if line is None:
            shown = _show(carry, _match_size_start(carry).end() - 1, len(carry))
            raise ProtocolError(f"chunk extension: expected ';', text and CR LF, got {shown}")
        self._remaining = int(line[1], 16)
        self._state = _State.DATA if self._remaining else _State.TRAILERS
        carry.clear()
        return position

    def _read_data(self, buffer: _Buffer, start: int, end: int, spans: list[Span]) -> int:
        stop = min(start + self._remaining, end)
        spans.append((buffer, start, stop))
        self._remaining -= stop - start
        if not self._remaining:
            self._state = _State.DATA_CR
        return stop

    def _read_data_cr(self, buffer: _Buffer, start: int, end: int, _spans: list[Span]) -> int:
        if buffer[start] != _CR:
            raise ProtocolError(f"end of chunk: expected CR LF, got {_show(buffer, start, end)}")
        self._state = _State.DATA_LF
        return start + 1

    def _read_data_lf(self, buffer: _Buffer, start: int, end: int, _spans: list[Span]) -> int:
        if buffer[start] != _LF:
            shown = _show(buffer, start, end)
            raise ProtocolError(f"end of chunk: expected LF after CR, got {shown}")
        self._state = _State.SIZE
        return start + 1

    def _read_trailers(self, buffer: _Buffer, start: int, end: int, _spans: list[Span]) -> int:
        position = self._carry_line(buffer, start, end, self._max_trailer_bytes)
        carry = self._carry
        if carry[-1] != _LF:
            return position
        line_start, self._line_start = self._line_start, len(carry)
        if len(carry) < line_start + 2 or carry[-2] != _CR:
            shown = _show(carry, line_start, len(carry))
            raise ProtocolError(f"trailer line: expected CR LF at its end, got {shown}")
        if len(carry) == line_start + 2:
            self.trailers = _parse_trailers(bytes(carry))
            self._state = _State.END
            self.complete = True
            carry.clear()
        return position

    def _read_end(self, _buffer: _Buffer, _start: int, end: int, _spans: list[Span]) -> int:
        self.excess = True
        return end

    def _carry_line(self, buffer: _Buffer, start: int, end: int, limit: int) -> int:
        """Carry over what comes up to and with the next LF; return where it ends."""
        stop = buffer.find(b"\n", start, end) + 1 or end
        size = len(self._carry) + stop - start
        if size > limit:
            raise ProtocolError(
                f"chunked body: expected {_EXPECTED[self._state]} "
                f"of at most {limit} bytes, got more"
            )
        self._carry += buffer[start:stop]
        return stop

    _STEPS: Final[_Steps] = {
        _State.SIZE: _read_size,
        _State.DATA: _read_data,
        _State.DATA_CR: _read_data_cr,
        _State.DATA_LF: _read_data_lf,
        _State.TRAILERS: _read_trailers,
        _State.END: _read_end,
    }


@final
class LoneChunk:
    """A chunk that comes alone, as where tokens are paced nearly all do, and looks as expected.

    To compare what one receive brought with how it must look costs a fraction of reading it, and
    says as much.

    Args:
        begins: With what its payload begins.
        ends: With what its payload ends.
    """

    __slots__ = ("_begins", "_ends", "_openings", "_shortest")

    def __init__(self, begins: bytes, ends: bytes) -> None:
        self._begins = begins
        self._shortest = len(begins) + len(ends)
        self._ends = ends + _CRLF
        self._openings: dict[int, bytes] = {}  # by how many bytes came: a length has one size line

    def inner(self, buffer: _Buffer, end: int) -> _Buffer | None:
        """What lies between beginning and end of the payload.

        Args:
            buffer: Where the bytes lie that came, from its start; none of them has been read.
            end: One past the last of them.

        Returns:
            A copy; None if what came is anything else. Only a reader that is `between_chunks` may
            be spared bytes of which it is not None.
        """
        opening = self._openings.get(end)
        if opening is None:
            opening = self._opening(end)
        if opening and buffer.startswith(opening) and buffer.endswith(self._ends, 0, end):
            return buffer[len(opening) : end - len(self._ends)]
        return None

    def _opening(self, end: int) -> bytes:
        """The size line of a chunk that has `end` bytes with its framing, and the beginning.

        Empty if it has more than three digits, or is too short. The first so many are remembered.
        """
        for digits in range(1, _LONE_DIGITS + 1):
            size = end - digits - 2 * len(_CRLF)
            if size >= self._shortest and len(f"{size:x}") == digits:
                opening = b"%x\r\n%b" % (size, self._begins)
                if len(self._openings) < _MAX_SIZES:
                    self._openings[end] = opening
                return opening
        return b""


def _take_whole_chunks(buffer: _Buffer, start: int, end: int, spans: list[Span]) -> int:
    """Take the chunks that lie in the buffer whole and have no extension; return where they end.

    The hot path: a streamed response sends one event per chunk and mostly one chunk per packet.
    Whatever is not so plain stays where it is and goes through the steps above. Nothing but the
    digits is copied.
    """
    while end - start >= _LONG_LINE:
        is_long = buffer[start + _LONG_LINE - 2] == _CR
        (line,) = _long_line_at(buffer, start) if is_long else _short_line_at(buffer, start)
        size = _SIZES.get(line)
        data = start + len(line)
        if size is None:
            match = _PLAIN_SIZE_LINE.match(buffer, start, end)
            if match is None:
                break
            size = int(match[1], 16)
            data = match.end()
            if match[0] == line and len(_SIZES) < _MAX_SIZES:
                _SIZES[line] = size
        stop = data + size
        # One step for each chunk that is followed by another one whose size line is known; as long
        # a line as the last one is what to expect.
        seam_at, width = (_long_seam_at, _LONG_SEAM) if is_long else (_short_seam_at, _SHORT_SEAM)
        while data < stop <= end - width:
            after, line = seam_at(buffer, stop)
            size = _SIZES.get(line)
            if size is None or after != _CRLF:
                break
            spans.append((buffer, data, stop))
            start = stop + 2
            data = stop + width
            stop = data + size
        # Past `end` the buffer may hold the bytes of an earlier receive: look before reading.
        if not (data < stop <= end - 2 and buffer[stop] == _CR and buffer[stop + 1] == _LF):
            break
        spans.append((buffer, data, stop))
        start = stop + 2
    return start


def _match_size_start(carry: bytearray) -> re.Match[bytes]:
    """Match the size and the byte after it. Wrong ones are found before their line is complete."""
    size = _SIZE_LINE_START.match(carry)
    if size is None:
        shown = _show(carry, 0, len(carry))
        raise ProtocolError(f"chunk size: expected hexadecimal digits, got {shown}")
    return size


def _parse_trailers(section: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Fields of a trailer section, which ends with its empty line; folded lines are joined."""
    fields: list[tuple[bytes, bytes]] = []
    for line in _FOLD.sub(b" ", section[:-2]).split(_CRLF)[:-1]:
        field = _FIELD_LINE.fullmatch(line)
        if field is None:
            shown = _show(line, 0, len(line))
            raise ProtocolError(f"trailer: expected a header field, got {shown}")
        fields.append((field[1].lower(), field[2].strip(_OWS)))
    return tuple(fields)


def _show(buffer: _Buffer, start: int, end: int) -> str:
    """Excerpt for an error's text."""
    stop = min(end, start + _EXCERPT_BYTES)
    return f"{bytes(buffer[start:stop])!r}{'...' if stop < end else ''}"
