"""When which paced stream gets its next token.

All paced streams stand in one ring, and the next token goes to the next stream. So their phases are
spread evenly, every stream's gaps are equal, and 5,000 of them cost as little as one.
"""

import time
from typing import Final, Protocol

from benchmarks import wire

__all__ = ["Ring"]

SHORTEST_NAP: Final = 0.0001
LONGEST_NAP: Final = 0.001
"""Seconds between two looks at the clock while tokens are paced: short enough that tokens do not
come in bursts, long enough to leave the core mostly idle."""

_BEFORE_STAMP, _AFTER_STAMP = wire.token_part()


class Stream(Protocol):
    """A connection that has asked for a paced stream."""

    closed: bool

    def write(self, data: bytes) -> None:
        """Send."""
        ...


class Ring:
    """All paced streams, and whose turn is next.

    Attributes:
        sent: Tokens sent so far.
        late: By how many seconds one was late at the most, since this was last asked for.
    """

    def __init__(self) -> None:
        self._streams: list[Stream] = []
        self._next = 0
        self._rate = self._total = 0.0
        self._served_at = 0.0
        self.sent = 0
        self.late = 0.0

    def pace(self, *, rate: float = 0.0, total: float = 0.0) -> None:
        """Set tokens a second, for each stream or for all together; 0 pauses."""
        self._rate, self._total = rate, total
        self._served_at = time.monotonic()
        self.late = 0.0

    def join(self, stream: Stream) -> None:
        """A stream begins."""
        self.serve()
        self._streams.append(stream)

    def end(self) -> None:
        """Bring every stream to its regular end."""
        streams, self._streams = self._streams, []
        for stream in streams:
            stream.write(wire.last_chunk() + wire.DONE)

    def _per_second(self) -> float:
        return self._total or self._rate * len(self._streams)

    @property
    def active(self) -> bool:
        """Whether tokens will be due."""
        return bool(self._streams) and self._per_second() > 0

    def nap(self) -> float:
        """Seconds until the next token is due, within the bounds that keep the server lively."""
        due = self._served_at + 1 / self._per_second()
        return min(max(due - time.monotonic(), SHORTEST_NAP), LONGEST_NAP)

    def serve(self) -> None:
        """Send the tokens that are due."""
        now = time.monotonic()
        if not self.active:
            self._served_at = now
            return
        gap = 1 / self._per_second()
        due = int((now - self._served_at) / gap)
        self.late = max(self.late, now - self._served_at - gap)
        self._served_at += due * gap
        for _ in range(due):
            self._send_one()

    def _send_one(self) -> None:
        streams = self._streams
        while streams:
            if self._next >= len(streams):
                self._next = 0
            stream = streams[self._next]
            if stream.closed:
                streams[self._next] = streams[-1]
                streams.pop()
                continue
            stream.write(b"%b%016x%b" % (_BEFORE_STAMP, time.monotonic_ns(), _AFTER_STAMP))
            self._next += 1
            self.sent += 1
            return
