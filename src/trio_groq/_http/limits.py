"""The moments at which waits must end: which comes next. No I/O, no clock.

Each wait that has a limit has at most one entry in a heap, at or before the moment of its limit. A
wait whose limit is later than its entry, as the next one of a stream's always is, costs one
comparison; the entry moves on when it comes up.
"""

import heapq
import math
from itertools import count
from typing import Final, Protocol, final

__all__ = ["STALE_FACTOR", "STALE_FLOOR", "LimitQueue", "Limited"]

STALE_FACTOR: Final = 2
STALE_FLOOR: Final = 64
"""Entries that were overtaken by earlier ones stay in the heap until their time, or until there are
so many more of them than of watches: then they are swept out, at the cost of having pushed them."""


class Limited(Protocol):
    """One that waits again and again.

    Attributes:
        deadline: When its present wait must end.
        entry_at: When its entry comes up; infinity if it has none. The queue's alone to set.
        closed: It will not wait again.
    """

    deadline: float
    entry_at: float
    closed: bool

    @property
    def waits(self) -> bool:
        """Whether it waits at present."""

    def expire(self) -> None:
        """End its wait: the deadline has passed."""


@final
class LimitQueue:
    """The limits of many."""

    __slots__ = ("_entries", "_order")

    def __init__(self) -> None:
        self._entries: list[tuple[float, int, Limited]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def next_at(self) -> float:
        """When to call `expire` next; infinity for never."""
        return self._entries[0][0] if self._entries else math.inf

    def add(self, limited: Limited, when: float, among: int) -> bool:
        """Look at its deadline at `when`, which is earlier than its entry so far.

        Args:
            limited: Whose.
            when: Not later than its deadline.
            among: How many there are who may have entries.

        Returns:
            Whether this is now the first.
        """
        if len(self._entries) > STALE_FACTOR * among + STALE_FLOOR:
            self._entries[:] = [entry for entry in self._entries if _is_live(entry)]
            heapq.heapify(self._entries)
        limited.entry_at = when
        heapq.heappush(self._entries, (when, next(self._order), limited))
        return self._entries[0][2] is limited

    def expire(self, now: float) -> None:
        """End the waits whose deadlines have passed, and keep the others' for later."""
        entries = self._entries
        while entries and entries[0][0] <= now:
            entry = heapq.heappop(entries)
            limited = entry[2]
            if not _is_live(entry):
                continue
            limited.entry_at = math.inf
            if not limited.waits:
                continue
            if limited.deadline <= now:
                limited.expire()
            else:
                limited.entry_at = limited.deadline
                heapq.heappush(entries, (limited.deadline, next(self._order), limited))

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()


def _is_live(entry: tuple[float, int, Limited]) -> bool:
    when, _, limited = entry
    return when == limited.entry_at and not limited.closed
