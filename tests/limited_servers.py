"""Rate limits as servers keep them: each says of a request at a moment whether it is granted."""

import math
from collections.abc import Callable
from typing import Protocol

import attrs

__all__ = ["FixedWindow", "RateLimiter", "TokenBucket", "ceiled", "exact"]

Named = Callable[[float], float]
"""How a server writes a wait: the seconds that `retry-after` has."""


def exact(seconds: float) -> float:
    """As a fraction, as in `retry-after-ms` and in the message."""
    return seconds


def ceiled(seconds: float) -> float:
    """In whole seconds, as `retry-after` has them."""
    return float(math.ceil(seconds))


class RateLimiter(Protocol):
    """What decides."""

    def ask(self, now: float) -> float | None:
        """None if the request is granted, else the seconds to wait."""


@attrs.define
class FixedWindow:
    """So many in each window; windows begin at `phase` and every `window` seconds."""

    limit: int = 50
    window: float = 1.0
    phase: float = 0.0
    named: Named = exact
    _number: int = -1
    _granted: int = 0

    def ask(self, now: float) -> float | None:
        number = math.floor((now - self.phase) / self.window)
        if number != self._number:
            self._number, self._granted = number, 0
        if self._granted < self.limit:
            self._granted += 1
            return None
        return self.named((number + 1) * self.window + self.phase - now)


@attrs.define
class TokenBucket:
    """So many at once, refilled at an even rate."""

    per_second: float = 50.0
    capacity: float = 50.0
    named: Named = exact
    _level: float = attrs.field(
        init=False, default=attrs.Factory(lambda self: self.capacity, takes_self=True)
    )
    _at: float = attrs.field(init=False, default=0.0)

    def ask(self, now: float) -> float | None:
        refilled = self._level + (now - self._at) * self.per_second
        self._level, self._at = min(refilled, self.capacity), now
        if self._level >= 1 - 1e-9:
            self._level -= 1
            return None
        return self.named((1 - self._level) / self.per_second)
