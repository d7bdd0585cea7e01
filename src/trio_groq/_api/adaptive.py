"""How many calls to have in flight, found out by trying. Sans-IO.

Additive increase, multiplicative decrease, as TCP does it. A round is as many answers as the limit
allows calls. A round in which the limit was reached raises it by one; refusals and timeouts halve
it, once for all calls that were in flight together. Between the two stands latency: the mean of a
round is compared with the lowest seen, and the further it is above that, the less the round adds;
from a multiple of it on, nothing. So a server that only gets slower is not pushed until it refuses.

Means, because one short answer would make all others look slow. A limit that nobody reaches does
not grow: it would say nothing of what the server bears.
"""

import math
from typing import Final, final

import attrs

from trio_groq._validators import count, number
from trio_groq.errors import (
    APIStatusError,
    APITimeoutError,
    CapacityExceededError,
    ConfigurationError,
    OverloadedError,
    RateLimitError,
)

__all__ = ["Adaptive", "AdaptiveLimit", "is_refusal"]

DEFAULT_START: Final = 8
"""A handful: enough to find out quickly, and few enough for the smallest accounts."""
AGING: Final = 1.001
"""By so much the lowest latency is taken to rise from round to round: when questions get longer, so
do answers, and what was once possible is forgotten. It doubles in some 700 rounds; faster, and a
queue of our own making would soon pass for normal."""
_UNAVAILABLE: Final = 503


def _default_start(policy: "Adaptive") -> int:
    return min(max(policy.minimum, DEFAULT_START), policy.maximum)


@final
@attrs.frozen(kw_only=True)
class Adaptive:
    """How `map` is to find out by itself how many calls it has in flight.

    Attributes:
        minimum: Calls in flight that are always allowed, 1 or more.
        maximum: Never more than this, `minimum` or more.
        start: To begin with, from `minimum` to `maximum`.
        tolerance: The limit grows until latency is so many times the lowest seen, above 1. The
            latency of a stream ends with its first token, that of a whole answer with the answer.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    minimum: int = attrs.field(default=1, validator=count(1))
    maximum: int = attrs.field(default=256, validator=count(1))
    start: int = attrs.field(
        default=attrs.Factory(_default_start, takes_self=True), validator=count(1)
    )
    tolerance: float = attrs.field(default=2.0, validator=number(1, above=True))

    def __attrs_post_init__(self) -> None:
        if not self.minimum <= self.start <= self.maximum:
            raise ConfigurationError(
                "start: expected minimum <= start <= maximum, got "
                f"{self.minimum}, {self.start}, {self.maximum}"
            )


def is_refusal(error: BaseException) -> bool:
    """Whether an error says that there is more load than can be borne.

    That is 429, 498, 503, 529, and any limit of time that passed.
    """
    if isinstance(error, RateLimitError | CapacityExceededError | OverloadedError):
        return True
    if isinstance(error, APIStatusError):
        return error.status_code == _UNAVAILABLE
    return isinstance(error, APITimeoutError)


@final
class AdaptiveLimit:
    """See the top of this file.

    Attributes:
        policy: The bounds.
    """

    __slots__ = ("_answers", "_era", "_is_full", "_level", "_lowest", "_seconds", "policy")

    def __init__(self, policy: Adaptive) -> None:
        self.policy: Final = policy
        self._level = float(policy.start)
        self._era = 0  # how often it was halved
        self._lowest = math.inf
        self._begin_round()

    def _begin_round(self) -> None:
        self._answers = 0
        self._seconds = 0.0
        self._is_full = False

    @property
    def limit(self) -> int:
        """Calls that may be in flight now."""
        return int(self._level)

    def started(self, in_flight: int) -> int:
        """A call starts.

        Args:
            in_flight: Calls in flight, this one included.

        Returns:
            What is to be said of it when it ends: its era, which ends when the limit is halved.
        """
        if in_flight >= self.limit:
            self._is_full = True
        return self._era

    def answered(self, era: int, seconds: float) -> None:
        """A call succeeded at its first attempt.

        Args:
            era: From `started`. One that has ended counts for nothing: it had too much load.
            seconds: Its latency, 0 or more.
        """
        if era != self._era:
            return
        self._answers += 1
        self._seconds += seconds
        if self._answers >= self.limit:
            self._end_round()

    def refused(self, era: int) -> None:
        """A call was refused or timed out: halve, unless that was done since it started."""
        if era != self._era:
            return
        self._era += 1
        self._level = max(self._level / 2, float(self.policy.minimum))
        self._begin_round()

    def _end_round(self) -> None:
        mean = self._seconds / self._answers
        self._lowest = min(self._lowest * AGING, mean)
        if self._is_full:
            higher = self._level + self._headroom(mean)
            self._level = min(higher, float(self.policy.maximum))
        self._begin_round()

    def _headroom(self, seconds: float) -> float:
        """1 at the lowest latency, 0 at `tolerance` times that and above, straight between."""
        lowest = self._lowest
        if seconds <= lowest:
            return 1.0
        most = self.policy.tolerance * lowest
        return max(most - seconds, 0.0) / (most - lowest) if lowest else 0.0
