"""Bytes, in whatever pieces they come, to events: the line half of the WHATWG algorithm.

The cost is linear in the bytes whatever the pieces, and an event that arrives whole is not copied.
"""

from collections.abc import Iterable
from typing import Any, Final, final

from trio_groq.errors import ConfigurationError, ProtocolError
from trio_groq.sse.block import Block
from trio_groq.sse.event import ServerSentEvent
from trio_groq.sse.limits import DEFAULT_MAX_EVENT_BYTES

__all__ = ["LONE_BEGINS", "LONE_ENDS", "SSEParser"]

LONE_BEGINS: Final = b"data: "
LONE_ENDS: Final = b"\n\n"
"""What stands before and after the data of a message of one line, as everybody writes it."""

_BOM: Final = b"\xef\xbb\xbf"
_LF: Final = 0x0A
_CR: Final = 0x0D
_VALUE_AT: Final = len(LONE_BEGINS)
_SHORTEST: Final = _VALUE_AT + len(LONE_ENDS)
_SMALL: Final = 4096
"""Bytes of an event that is so small that a copy of it costs nothing to speak of."""
_NOTHING: Final = memoryview(b"")

# The rules of the machine
#
# Between feeds there is an unfinished line (`_tail`), a block of finished lines (`_block`), and
# two facts: whether the last byte was a CR (`_after_cr`), and whether a line has ended
# at all (`_begun`).
#
#   at                      on            do
#   ---------------------   -----------   ---------------------------------------------------
#   start of a feed         LF after CR   skip it: it belongs to the line end that CR was
#   anywhere                LF, CR        the line has ended; CR takes a LF that follows with it
#   end of the first line                 take one BOM off its front
#   end of an empty line                  the block has ended: dispatch it
#   end of another line                   a field of the block
#   end of a feed                         keep the unfinished line and the block, in own memory
#   close                                 drop both
#
# A CR ends its line at once, even as the last byte of a feed: the event must not wait for a byte
# that may never come. The BOM needs no state for being split, because lines are whole when looked
# at. Lines end in ASCII bytes, which no UTF-8 sequence contains, cut short or not: so decoding
# value by value gives the text that decoding the whole stream would give.
#
# Linear: `_tail` contains no line end, so it is never searched again; it only grows, in place,
# until its line ends, and is then given away, never emptied: an event may be a view of it.
# Within a feed, the next LF and the next CR are remembered until they are passed.
#
# Bounded: a line may come only if it fits into `max_event_bytes` together with what the block
# holds already. This is asked of finished and of unfinished lines alike, and so the answer does not
# depend on the pieces. A feed that cannot exceed the limit even if it is one line asks nothing.


def _find(buffer: bytes | bytearray, byte: bytes, start: int, end: int) -> int:
    """Where the byte first is in a range; the range's end if it is not there."""
    found = buffer.find(byte, start, end)
    return end if found < 0 else found


@final
class SSEParser:
    """A server-sent event stream, from its first byte to its last. One parser serves one stream.

    Args:
        max_event_bytes: Upper bound, in bytes, of one event: its data, name and id together with
            the line being received, comments among them. At least 1.

    Raises:
        ConfigurationError: `max_event_bytes` is less than 1.

    Source: WHATWG HTML, 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream".
    """

    __slots__ = (
        "_after_cr",
        "_begun",
        "_between_events",
        "_block",
        "_failed",
        "_limit",
        "_open",
        "_small",
        "_tail",
        "_unraised",
    )

    def __init__(self, *, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        if max_event_bytes < 1:
            raise ConfigurationError(
                f"max_event_bytes: expected an integer of at least 1, got {max_event_bytes!r}"
            )
        self._limit = max_event_bytes
        self._small = min(max_event_bytes, _SMALL)
        self._block = Block()
        self._tail = bytearray()
        self._after_cr = False
        self._begun = False
        # Nothing is pending, of whatever kind: what lets a feed take the short way.
        self._between_events = False
        self._open = True
        self._failed = False
        self._unraised = False

    @property
    def last_event_id(self) -> str:
        """The last event id; an id takes effect at the blank line that ends its block."""
        return self._block.last_event_id

    @property
    def reconnection_time(self) -> int | None:
        """The last valid `retry`, in milliseconds; None if there was none."""
        return self._block.reconnection_time

    def feed(self, data: bytes | bytearray | memoryview) -> list[ServerSentEvent]:
        """Take the next bytes of the stream and return the events that they complete.

        Bytes and bytearray are not copied. A memoryview is copied once, as Python cannot search
        in one; the events are views of it all the same, if it is one of contiguous bytes.

        Args:
            data: Any number of bytes, cut anywhere. Events are valid until it changes, and a
                bytearray cannot be resized while they live.

        Returns:
            The events, in order; often none.

        Raises:
            ProtocolError: An event is larger than `max_event_bytes`. Events that were complete
                before it in the same bytes are returned first; the next `feed` or `close` then
                raises. The parser is of no more use: every further `feed` raises the same.
            RuntimeError: The parser is closed.
        """
        if not isinstance(data, memoryview):
            return self._scan(data, memoryview(data), 0, len(data), [])
        copy = data.tobytes()
        is_bytes = data.format == "B" and data.ndim == 1 and data.contiguous
        return self._scan(copy, data if is_bytes else memoryview(copy), 0, len(copy), [])

    def feed_span(self, buffer: bytes | bytearray, start: int, end: int) -> list[ServerSentEvent]:
        """Take `buffer[start:end]` as the next bytes: `feed_spans` with one span."""
        return self.feed_spans(((buffer, start, end),))

    def feed_spans(
        self, spans: Iterable[tuple[bytes | bytearray, int, int]]
    ) -> list[ServerSentEvent]:
        """Take the next bytes where they lie, and copy only what is cut off.

        Args:
            spans: Buffer, first byte and one past the last byte of each piece, in order. A buffer
                may be overwritten once the events are done with.

        Returns:
            The events, in order. `data` of one that lies whole in a span is a view of its buffer.

        Raises:
            ProtocolError: See `feed`.
            RuntimeError: The parser is closed.
        """
        events: list[ServerSentEvent] = []
        last_buffer: bytes | bytearray | None = None
        view = _NOTHING
        for buffer, start, end in spans:
            if buffer is not last_buffer:
                last_buffer, view = buffer, memoryview(buffer)
            self._scan(buffer, view, start, end, events)
            if self._failed:
                break
        return events

    def feed_messages(
        self, spans: Iterable[tuple[bytes | bytearray, int, int]]
    ) -> list[ServerSentEvent | bytes | bytearray]:
        """Take the next bytes as `feed_spans`, for who wants of a message no more than its data.

        Args:
            spans: As of `feed_spans`.

        Returns:
            The events, in order. A small one without a name that fills a span by itself, as in a
            chunked stream nearly all do, is its data alone, and the caller's to keep.

        Raises:
            ProtocolError: See `feed`.
            RuntimeError: The parser is closed.
        """
        found: list[Any] = []  # for the rest of the parser it is one of events
        small = self._small
        between_events = self._between_events
        for buffer, start, end in spans:
            # Everything that the way below would look at, in as few steps as can be. To copy some
            # 300 bytes and look for a byte in the copy costs less than to look for it in a part of
            # a buffer, and less than a view.
            if (
                between_events
                and _SHORTEST <= end - start <= small
                and buffer.startswith(LONE_BEGINS, start)
                and buffer[end - 1] == _LF
                and buffer[end - 2] == _LF
            ):
                data = buffer[start + _VALUE_AT : end - 2]
                if _LF not in data and _CR not in data:
                    found.append(data)
                    continue
            self._scan(buffer, memoryview(buffer), start, end, found)
            if self._failed:
                break
            between_events = self._between_events
        return found

    def is_lone_message(self, data: bytes | bytearray) -> bool:
        """Whether `data`, with a field name and a blank line around it, is a message by itself.

        The parser may be spared one that is: it would be afterwards what it is now.
        (`feed_messages` asks the same of each span, and does better without a call for each.)

        Args:
            data: What was found between `LONE_BEGINS` and `LONE_ENDS`, to be fed next.

        Returns:
            True if that is what `feed_messages` would find, and nothing else; always False for one
            that is not small.
        """
        return (
            self._between_events
            and len(data) <= self._small - _SHORTEST
            and _LF not in data
            and _CR not in data
        )

    def close(self) -> None:
        """Say that the stream has ended. What is incomplete is dropped, as the standard demands.

        Raises:
            ProtocolError: An event was too large, and no `feed` has raised this yet.
        """
        self._drop()
        if self._unraised:
            raise self._too_large()

    def _scan(
        self,
        buffer: bytes | bytearray,
        view: memoryview,
        start: int,
        end: int,
        events: list[ServerSentEvent],
    ) -> list[ServerSentEvent]:
        """Take a span. `buffer` is searched, what is handed up are slices of `view`."""
        if self._between_events and end - start <= self._limit:
            cr = buffer.find(b"\r", start, end)
            start = self._one_line_events(buffer, view, start, end if cr < 0 else cr, events)
            if start == end:
                return events
        return self._lines(buffer, view, start, end, events)

    def _lines(
        self,
        buffer: bytes | bytearray,
        view: memoryview,
        start: int,
        end: int,
        events: list[ServerSentEvent],
    ) -> list[ServerSentEvent]:
        """Cut a span into lines, and keep what is left of it at the end."""
        if not self._open:
            raise self._refusal()
        block = self._block
        pos = self._skip_lf(buffer, start, end) if self._after_cr else start
        may_exceed = block.size + len(self._tail) + end - pos > self._limit
        lf = cr = -1
        while pos < end:
            if lf < pos:
                lf = _find(buffer, b"\n", pos, end)
            if cr < pos:
                cr = _find(buffer, b"\r", pos, end)
            stop = min(lf, cr)
            if may_exceed and block.size + len(self._tail) + stop - pos > self._limit:
                return self._fail(events)
            if stop == end:
                self._tail += view[pos:end]
                break
            is_blank = self._end_line(buffer, view, pos, stop, events)
            pos = stop + 1
            if stop == cr:
                pos = self._skip_lf(buffer, pos, end)
            elif is_blank and not may_exceed:
                pos = self._one_line_events(buffer, view, pos, cr, events)
        block.own()
        self._between_events = block.empty and self._begun and not self._tail and not self._after_cr
        return events

    def _one_line_events(
        self,
        buffer: bytes | bytearray,
        view: memoryview,
        pos: int,
        stop: int,
        events: list[ServerSentEvent],
    ) -> int:
        """Take events of the one shape that matters for speed; return where they end.

        That shape is a single `data: ` line and a blank line, both ended by LF, before `stop`,
        where the next CR or the span's end is. Anything else is left to the line machine.
        """
        last_event_id = self._block.last_event_id
        while pos < stop and buffer.startswith(LONE_BEGINS, pos):
            # Bytes past `stop` may look like a field, but no line end is found there.
            lf = buffer.find(b"\n", pos + _VALUE_AT, stop)
            blank = lf + 1
            if lf < 0 or blank == stop or buffer[blank] != _LF:
                break
            events.append(
                ServerSentEvent("message", view[pos + _VALUE_AT : lf], last_event_id, None)
            )
            pos = blank + 1
        return pos

    def _end_line(
        self,
        buffer: bytes | bytearray,
        view: memoryview,
        start: int,
        stop: int,
        events: list[ServerSentEvent],
    ) -> bool:
        """Take the line that ends at `stop`; return whether it ended a block."""
        if self._tail or not self._begun:
            line = self._tail
            line += view[start:stop]
            self._tail = bytearray()
            buffer, view, start, stop = line, memoryview(line), 0, len(line)
            if not self._begun:
                self._begun = True
                start = len(_BOM) if line.startswith(_BOM) else 0
        if start < stop:
            self._block.line(buffer, view, start, stop)
            return False
        event = self._block.end()
        if event is not None:
            events.append(event)
        return True

    def _skip_lf(self, buffer: bytes | bytearray, pos: int, end: int) -> int:
        """Step over the LF of a CRLF; if it is yet to come, remember to do so."""
        self._after_cr = pos == end
        return pos + 1 if pos < end and buffer[pos] == _LF else pos

    def _fail(self, events: list[ServerSentEvent]) -> list[ServerSentEvent]:
        """Give up: raise, unless there are events to return first."""
        self._failed = True
        self._drop()
        if not events:
            raise self._too_large()
        self._unraised = True
        return events

    def _drop(self) -> None:
        self._open = self._between_events = False
        self._tail = bytearray()
        self._block.drop()

    def _refusal(self) -> Exception:
        if self._failed:
            return self._too_large()
        return RuntimeError("feed: expected an open parser, got a closed one")

    def _too_large(self) -> ProtocolError:
        self._unraised = False
        return ProtocolError(f"event too large: expected at most {self._limit} bytes, got more")
