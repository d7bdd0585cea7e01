"""How many calls to have in flight, found out by trying. Sans-IO.

Additive increase, multiplicative decrease, as TCP does it. While the limit is in use, a round of
answers (as many as the limit) raises it by one; refusals and timeouts halve it, once for all calls
that were in flight together. Between the two, latency is compared with the lowest seen: the further
an answer is above it, the less it adds, and past a multiple of it nothing. So a server that only
gets slower is not pushed until it refuses.

A limit that nobody reaches does not grow: it would say nothing of what the server bears.
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
BLOCK: Final = 500
"""Answers in a block. The lowest latency is that of the last full block and the present one: one
lucky answer is not what all later ones are held against."""
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
            latency of a stream ends with its first token, that of a whole answer with the answer:
            where these differ in length by much, say more.

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

    Each call notes `round` when it starts, and says it again when it ends.

    Attributes:
        policy: The bounds.
        round: How often the limit was halved so far.
    """

    __slots__ = ("_before", "_level", "_lowest", "_seen", "policy", "round")

    def __init__(self, policy: Adaptive) -> None:
        self.policy: Final = policy
        self.round = 0
        self._level = float(policy.start)
        self._lowest = math.inf  # of this block
        self._before = math.inf  # of the last
        self._seen = 0

    @property
    def limit(self) -> int:
        """Calls that may be in flight now."""
        return int(self._level)

    def answered(self, started_in: int, seconds: float, *, is_full: bool) -> None:
        """A call succeeded at its first attempt.

        Args:
            started_in: The round that it started in; one of an earlier round adds nothing, as it
                tells of a load that was too much.
            seconds: Its latency, 0 or more.
            is_full: Whether as many calls were in flight as the limit allows.
        """
        lowest = self._note(seconds)
        if not is_full or started_in != self.round:
            return
        step = self._headroom(seconds, lowest) / self._level
        self._level = min(self._level + step, float(self.policy.maximum))

    def refused(self, started_in: int) -> None:
        """A call was refused or timed out: halve, unless that was done since it started."""
        if started_in != self.round:
            return
        self.round += 1
        self._level = max(self._level / 2, float(self.policy.minimum))

    def _note(self, seconds: float) -> float:
        """Take in a latency; the lowest of late, this one included."""
        if self._seen == BLOCK:
            self._before, self._lowest, self._seen = self._lowest, math.inf, 0
        self._seen += 1
        self._lowest = min(self._lowest, seconds)
        return min(self._lowest, self._before)

    def _headroom(self, seconds: float, lowest: float) -> float:
        """1 at the lowest latency, 0 at `tolerance` times that and above, straight between."""
        if seconds <= lowest:
            return 1.0
        most = self.policy.tolerance * lowest
        return max(most - seconds, 0.0) / (most - lowest) if lowest else 0.0
