"""How many things happened lately: a count over the last seconds in bounded memory, sans-IO."""

from collections import deque
from typing import Final, final

__all__ = ["RollingCount"]

BUCKETS: Final = 10
"""Parts of a window that are counted apart: a thing is forgotten between 0.9 and 1.0 windows after
it happened, whatever the rate at which things happen."""


class _Bucket:
    """What happened in one part of the window: which one, when first, how often."""

    __slots__ = ("count", "first", "number")

    def __init__(self, number: int, first: float) -> None:
        self.number = number
        self.first = first
        self.count = 1


@final
class RollingCount:
    """Counts over the last `window` seconds. `now` is any clock in seconds that never goes back.

    Every step is O(1), as no more than `BUCKETS` buckets exist.

    Args:
        window: Seconds, above 0.
    """

    __slots__ = ("_buckets", "_last", "_total", "_width")

    def __init__(self, window: float) -> None:
        self._width: Final = window / BUCKETS
        self._buckets: deque[_Bucket] = deque()
        self._last: _Bucket | None = None
        self._total = 0

    def add(self, now: float) -> None:
        """One more happened."""
        number = int(now // self._width)
        last = self._last
        if last is not None and last.number == number:
            last.count += 1
        else:
            self._forget(number)
            self._last = _Bucket(number, now)
            self._buckets.append(self._last)
        self._total += 1

    def total(self, now: float) -> int:
        """How many happened lately."""
        self._forget(int(now // self._width))
        return self._total

    def first(self, now: float) -> float:
        """When the first of them happened; `now` if there was none."""
        self._forget(int(now // self._width))
        return self._buckets[0].first if self._buckets else now

    def clear(self) -> None:
        """Forget all of them."""
        self._buckets.clear()
        self._last = None
        self._total = 0

    def _forget(self, number: int) -> None:
        buckets = self._buckets
        while buckets and buckets[0].number <= number - BUCKETS:
            self._total -= buckets.popleft().count
        if not buckets:
            self._last = None
