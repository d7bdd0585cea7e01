"""How many things happened lately: a count over the last seconds in bounded memory, sans-IO."""

from collections import deque
from typing import Final, final

__all__ = ["RollingCount"]

BUCKETS: Final = 10
"""Parts of a window that are counted apart: a thing is forgotten between 0.9 and 1.0 windows after
it happened, whatever the rate at which things happen."""


@final
class RollingCount:
    """Counts over the last `window` seconds. `now` is any clock in seconds that never goes back.

    Every step is O(1), as no more than `BUCKETS` buckets exist.

    Args:
        window: Seconds, above 0.
    """

    __slots__ = ("_buckets", "_total", "_width")

    def __init__(self, window: float) -> None:
        self._width: Final = window / BUCKETS
        self._buckets: deque[tuple[int, float, int]] = deque()  # number, first moment, count
        self._total = 0

    def add(self, now: float) -> None:
        """One more happened."""
        number = int(now // self._width)
        self._forget(number)
        if self._buckets and self._buckets[-1][0] == number:
            _, first, count = self._buckets[-1]
            self._buckets[-1] = number, first, count + 1
        else:
            self._buckets.append((number, now, 1))
        self._total += 1

    def total(self, now: float) -> int:
        """How many happened lately."""
        self._forget(int(now // self._width))
        return self._total

    def first(self, now: float) -> float:
        """When the first of them happened; `now` if there was none."""
        self._forget(int(now // self._width))
        return self._buckets[0][1] if self._buckets else now

    def clear(self) -> None:
        """Forget all of them."""
        self._buckets.clear()
        self._total = 0

    def _forget(self, number: int) -> None:
        buckets = self._buckets
        while buckets and buckets[0][0] <= number - BUCKETS:
            self._total -= buckets.popleft()[2]
