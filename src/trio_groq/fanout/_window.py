"""Which request may be started, and which outcome is next. Sans-IO.

A call takes a place from its start until it is freed: when its outcome is there, or, where the
outcome is something open, when that is closed. There are as many places as the limit says, and room
for as many outcomes that nobody has taken yet; a call whose outcome finds no room there keeps its
place. So `start` is allowed while a place is free, and places and outcomes are fewer than twice the
limit. In order of input this bounds how far others may get ahead of a slow one.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar, final

__all__ = ["Window"]

O = TypeVar("O")  # noqa: E741 (an outcome)


@final
class Window(Generic[O]):
    """See the top of this file.

    Args:
        limit: How many places there are, 1 or more; asked each time.
        in_order: Whether outcomes are taken in the order of the starts.

    Attributes:
        places: Places taken.
        pending: Calls without an outcome.
        started: Calls started so far.
    """

    __slots__ = ("_early", "_limit", "_next", "_ready", "in_order", "pending", "places", "started")

    def __init__(self, limit: Callable[[], int], *, in_order: bool) -> None:
        self._limit: Final = limit
        self.in_order: Final = in_order
        self._ready: Final[deque[O]] = deque()
        self._early: Final[dict[int, O]] = {}
        self._next = 0
        self.places = 0
        self.pending = 0
        self.started = 0

    @property
    def untaken(self) -> int:
        """Outcomes that nobody has taken."""
        return len(self._ready) + len(self._early)

    @property
    def may_start(self) -> bool:
        """Whether another call may be started."""
        limit = self._limit()
        return self.places < limit and self.places + self.untaken < 2 * limit

    def start(self) -> int:
        """Start a call; its number, from 0."""
        index = self.started
        self.started += 1
        self.places += 1
        self.pending += 1
        return index

    def finish(self, index: int, outcome: O) -> None:
        """The outcome of a call is there; its place is not free yet."""
        self.pending -= 1
        if not self.in_order:
            self._ready.append(outcome)
            return
        self._early[index] = outcome
        while self._next in self._early:
            self._ready.append(self._early.pop(self._next))
            self._next += 1

    def free(self) -> None:
        """A call gives its place back."""
        self.places -= 1

    def take(self) -> O | None:
        """The next outcome, None if it is not there."""
        return self._ready.popleft() if self._ready else None

    def clear(self) -> list[O]:
        """All outcomes that nobody has taken: they are forgotten here."""
        left = [*self._ready, *self._early.values()]
        self._ready.clear()
        self._early.clear()
        return left
