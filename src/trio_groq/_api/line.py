"""A line of calls that wait for their turn, sans-IO: first come, first served.

Nothing is ever handed to a call that waits. The head of a line asks for itself, and is told to
pass or when to ask again; all others wait until they are the head. So a call that leaves, at any
moment, takes nothing with it, and nothing is promised across an await.

A call that was let through and came back (the server refused it) has the place that it had: it
stands before all that came after it. Each step is O(log n).
"""

import heapq
from typing import Final, final

__all__ = ["Line", "Waiter"]

_FEW_GONE: Final = 16
"""So many that have left may stay in the heap, however short the line is."""


@final
class Waiter:
    """One call in a line.

    Attributes:
        place: Number of the call, in order of arrival.
        line: Where it waits.
        cost: What its turn takes, in the units of whoever keeps the line.
        task: Who is to be woken, for the shell around the line; None while it is not asleep.
    """

    __slots__ = ("cost", "line", "place", "task")

    def __init__(self, line: "Line", place: int, cost: int = 1) -> None:
        self.place: Final = place
        self.line: Final = line
        self.cost: Final = cost
        self.task: object = None


@final
class Line:
    """Calls by their place, the lowest first; of the same place the one that joined first."""

    __slots__ = ("_heap", "_joined", "_waiting")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Waiter]] = []
        self._joined = 0
        self._waiting: set[Waiter] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def head(self) -> Waiter | None:
        """Whose turn is next."""
        while self._heap and self._heap[0][2] not in self._waiting:
            heapq.heappop(self._heap)
        return self._heap[0][2] if self._heap else None

    def join(self, place: int, cost: int = 1) -> Waiter:
        """A call begins to wait."""
        waiter = Waiter(self, place, cost)
        self._joined += 1
        heapq.heappush(self._heap, (place, self._joined, waiter))
        self._waiting.add(waiter)
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """A call waits no more. Idempotent."""
        self._waiting.discard(waiter)
        # Those who leave from the middle are taken out when they are the most: paid for once each.
        if len(self._heap) > 2 * len(self._waiting) + _FEW_GONE:
            self._heap = [entry for entry in self._heap if entry[2] in self._waiting]
            heapq.heapify(self._heap)
