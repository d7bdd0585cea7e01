"""How many retries a whole client may make, sans-IO.

Each call's own policy bounds its own attempts; in an outage that multiplies what the server sees by
these attempts, when it can least bear it. The budget bounds all calls together: retries are a part
of the calls of the last seconds, plus a few a second, so that a client which makes few calls may
repeat them at all.

A call that was refused by a rate limit is not to ask here: the rate gate spaces those.
"""

from typing import Final, final

import attrs

from trio_groq._api.rolling import RollingCount
from trio_groq._validators import number

__all__ = ["RetryBudget", "RetryBudgetPolicy"]


@attrs.frozen(kw_only=True)
class RetryBudgetPolicy:
    """How many retries all calls of a client may make together.

    Attributes:
        ratio: Retries for each call, 0 or more.
        window: Seconds of the past that are counted, above 0.
        min_per_second: Retries a second that are allowed without any call, 0 or more.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    ratio: float = attrs.field(default=0.2, validator=number(0))
    window: float = attrs.field(default=10.0, validator=number(0, above=True))
    # Ten in a window: five calls in a row may fail with all the retries that they have by default.
    min_per_second: float = attrs.field(default=1.0, validator=number(0))


@final
class RetryBudget:
    """Counts calls and their retries. `now` is any clock in seconds that never goes back.

    Every step is O(1), in memory that does not grow.

    Attributes:
        policy: The numbers.
        denied: Retries that were not allowed so far.
    """

    __slots__ = ("_calls", "_retries", "denied", "policy")

    def __init__(self, policy: RetryBudgetPolicy) -> None:
        self.policy: Final = policy
        self._calls: Final = RollingCount(policy.window)
        self._retries: Final = RollingCount(policy.window)
        self.denied: int = 0

    def called(self, now: float) -> None:
        """A call is made; its retries do not count as calls."""
        self._calls.add(now)

    def try_retry(self, now: float) -> bool:
        """Take a retry from the budget; False if that would be one too many."""
        policy = self.policy
        most = policy.ratio * self._calls.total(now) + policy.min_per_second * policy.window
        if self._retries.total(now) + 1 > most:
            self.denied += 1
            return False
        self._retries.add(now)
        return True
