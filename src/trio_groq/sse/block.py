"""The lines between two blank lines: what an event is made of.

The block is the field half of the WHATWG algorithm: it holds the data buffer, the event type
buffer and the last event id buffer. It knows nothing of line ends, nor of how the bytes came.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, TypeAlias, final

from trio_groq.sse.event import ServerSentEvent

__all__ = ["Block"]

# The standard sets no bound, but Python refuses to read numbers of over 4,300 digits, and reading
# them costs the square of their length. 18 digits fit a signed 64-bit integer, and are 31 million
# years of milliseconds; a longer number is ignored as one that is malformed.
MAX_RETRY_DIGITS: Final = 18

_SPACE: Final = 0x20

# The table of the algorithm: which lines do something, and what. Names are case-sensitive; every
# other name, and the empty name of a comment, is ignored.
#
#   data   append the value and a LF to the data
#   event  the value is the event's name
#   id     the value is the id, unless it contains NUL
#   retry  the value is the reconnection time from now on, if it is ASCII digits alone
#   blank  commit the id; dispatch the event if there was a data line; forget data, name and retry
#
# Between blocks the id buffer always equals the last event id, because a blank line commits it. So
# only an id that is set inside the block is held here, and dropping the block drops it.


@final
class Block:
    """The block being received.

    Attributes:
        empty: Whether no line has changed anything since the last blank line.
        size: Bytes held: data with a LF for each line, name and id, as they came.
        last_event_id: The id that the last blank line committed.
        reconnection_time: Milliseconds; None until the stream sets it.

    Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".
    """

    __slots__ = (
        "_id",
        "_joined",
        "_name",
        "_only_line",
        "_retry",
        "empty",
        "last_event_id",
        "reconnection_time",
        "size",
    )

    def __init__(self) -> None:
        self.last_event_id: str = ""
        self.reconnection_time: int | None = None
        self.empty: bool = True
        self.size: int = 0
        self.drop()

    def drop(self) -> None:
        """Forget the block; what earlier blocks committed stays."""
        self.empty = True
        self.size = 0
        self._name = b""
        self._id: bytes | None = None
        self._retry: int | None = None
        # Data is one line, as a view of wherever it lies, or lines joined in memory of our own.
        self._only_line: memoryview | None = None
        self._joined: bytearray | None = None

    def line(self, buffer: bytes | bytearray, view: memoryview, start: int, stop: int) -> None:
        """Take one line that is not blank.

        Args:
            buffer: What the line is searched in.
            view: The same bytes; the value is a slice of it, needed until `own` or `end`.
            start: Where the line starts.
            stop: Where it ends, its line end not included; stop > start.
        """
        colon = buffer.find(b":", start, stop)
        if colon < 0:
            colon = value = stop
        else:
            value = colon + 1
            if value < stop and buffer[value] == _SPACE:
                value += 1
        handler = self._FIELDS.get(bytes(view[start:colon]))
        if handler is not None:
            self.empty = False
            handler(self, view[value:stop])

    def own(self) -> None:
        """Copy what lies in memory of the caller's, which is about to be reused."""
        if self._only_line is not None:
            self._joined = bytearray(self._only_line)
            self._only_line = None

    def end(self) -> ServerSentEvent | None:
        """Take a blank line: the event that the block makes, or None if it has no data."""
        if self._id is not None:
            self.last_event_id = self._id.decode("utf-8", "replace")
        data = self._only_line if self._joined is None else memoryview(self._joined)
        name, retry = self._name, self._retry
        self.drop()
        if data is None:
            return None
        text = name.decode("utf-8", "replace") if name else "message"
        return ServerSentEvent(text, data, self.last_event_id, retry)

    def _data_line(self, value: memoryview) -> None:
        self.size += len(value) + 1
        self.own()
        if self._joined is None:
            self._only_line = value
        else:
            self._joined += b"\n"
            self._joined += value

    def _event_line(self, value: memoryview) -> None:
        self.size += len(value) - len(self._name)
        self._name = bytes(value)

    def _id_line(self, value: memoryview) -> None:
        raw = bytes(value)
        if b"\0" not in raw:
            self.size += len(raw) - len(self._id or b"")
            self._id = raw

    def _retry_line(self, value: memoryview) -> None:
        raw = bytes(value)
        if not raw.isdigit():
            return
        digits = raw.lstrip(b"0") or b"0"
        if len(digits) <= MAX_RETRY_DIGITS:
            self._retry = self.reconnection_time = int(digits)

    _Handler: TypeAlias = Callable[["Block", memoryview], None]
    _FIELDS: ClassVar[Mapping[bytes, _Handler]] = {
        b"data": _data_line,
        b"event": _event_line,
        b"id": _id_line,
        b"retry": _retry_line,
    }
