"""How to spend a known budget of requests and tokens without running into its limit. Sans-IO.

A budget is a bucket that holds as much as the limit grants in its window, and refills evenly: so
the API keeps its own (the reset times of its headers are `(limit - remaining) / limit` windows).
There are up to four for each model: those that the caller states (requests and tokens a minute,
for limits that are in no header), and those that the headers state (requests a day and tokens a
minute), which are set anew by each response that has them.

A call takes one request, and as many tokens as it may use at the most; what it did use corrects
that. It goes when every bucket has what it takes, in order of arrival. Below a tenth of a bucket
calls keep a distance, which grows from nothing to the time in which the bucket refills what a call
took: so they slow down instead of stopping dead.
"""

from collections import OrderedDict
from typing import Final, final

import attrs

from trio_groq._api.line import Line, Waiter
from trio_groq._validators import count, instance, number
from trio_groq.errors import RateLimits, RateLimitWindow

__all__ = ["RateLimitPolicy", "Spend", "Throttle", "estimate_tokens"]

MAX_MODELS: Final = 128
"""Models remembered; the API has some twenty. The one unused for longest is forgotten first,
unless calls of it wait or are under way."""
RESERVE: Final = 0.1
"""Part of a bucket below which calls keep a distance."""
SOON: Final = 1e-6
"""Seconds that nobody waits for: sums of fractions are off by less, and a clock may be."""
MINUTE: Final = 60.0
DAY: Final = 86_400.0
BYTES_PER_TOKEN: Final = 4
"""Of JSON with English prose; its quotes and names make up for text that is denser."""
DEFAULT_COMPLETION_TOKENS: Final = 1024
"""What a call without a limit of its own is taken to generate, until it says what it did."""


@attrs.frozen(kw_only=True)
class RateLimitPolicy:
    """How to keep within limits. What is waited for here was not refused: nothing is sent.

    Attributes:
        requests_per_minute: A limit of the account, for each model; 1 or more, None if unknown.
            Calls that are for no model, such as a list of models, are not held back.
        tokens_per_minute: The same in tokens.
        proactive: Whether to spend these, and what the headers state, as budgets. Without it
            calls only wait after the server has refused one.
        max_wait: Longest wait of one attempt for its turn, in seconds, 0 or more; None for any.
        cold_start: Calls in flight to a model that has not answered yet, 1 or more; each answer
            allows half a call more. None for any number. It keeps a burst of calls from being
            refused as a whole by a limit that is not known yet.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    requests_per_minute: int | None = attrs.field(default=None, validator=count(1, optional=True))
    tokens_per_minute: int | None = attrs.field(default=None, validator=count(1, optional=True))
    proactive: bool = attrs.field(default=True, validator=instance(bool))
    max_wait: float | None = attrs.field(default=60.0, validator=number(0, optional=True))
    cold_start: int | None = attrs.field(default=32, validator=count(1, optional=True))


def estimate_tokens(body_bytes: int, max_completion_tokens: int | None = None) -> int:
    """Estimate what a request may cost at the most, as the API does when it admits one.

    Args:
        body_bytes: Length of its JSON, 0 or more.
        max_completion_tokens: Its limit on what is generated, None without one.

    Returns:
        Tokens, 1 or more.
    """
    if max_completion_tokens is None:
        max_completion_tokens = DEFAULT_COMPLETION_TOKENS
    return max(1, -(-body_bytes // BYTES_PER_TOKEN) + max_completion_tokens)


@final
class _Bucket:
    """Up to `capacity` units, refilled evenly; below zero it is in debt."""

    __slots__ = ("_at", "_level", "capacity", "per_second")

    def __init__(self, capacity: float, per_second: float, now: float) -> None:
        self.capacity = capacity
        self.per_second = per_second
        self._level = capacity
        self._at = now

    def level(self, now: float) -> float:
        self._level = min(self._level + (now - self._at) * self.per_second, self.capacity)
        self._at = now
        return self._level

    def set(self, level: float, now: float) -> None:
        self._level = min(level, self.capacity)
        self._at = now

    def ready_at(self, cost: float, now: float) -> float:
        """When it holds `cost`; of what is more than it ever holds, when it is full."""
        missing = min(cost, self.capacity) - self.level(now)
        return now + missing / self.per_second if missing > 0 else now

    def spend(self, cost: float, now: float) -> None:
        # As `ready_at` has it: more than it ever holds is never waited for, nor owed.
        self._level = self.level(now) - min(cost, self.capacity)

    def distance(self, cost: float, since: float, now: float) -> float:
        """How many seconds the next call is to stay behind one that took `cost` at `since`."""
        level, reserve = self.level(now), RESERVE * self.capacity
        # What was left then: by now some of it has been refilled, or given back.
        left = level - (now - since) * self.per_second
        if left >= reserve or level >= self.capacity:
            return 0.0
        return min(cost, self.capacity) / self.per_second * (1 - max(left, 0.0) / reserve)

    def give(self, amount: float, now: float) -> None:
        self.set(self.level(now) + amount, now)


@final
class _Budget:
    """What is known of the limits of one model."""

    __slots__ = (
        "_day_requests",
        "_last_at",
        "_last_cost",
        "_own_requests",
        "_own_tokens",
        "_stated_tokens",
        "line",
        "requests",
        "tokens",
    )

    def __init__(self, policy: RateLimitPolicy, now: float) -> None:
        self.line: Final = Line()
        self.requests = 0  # under way: no header knows of them yet
        self.tokens = 0
        self._last_cost = 0
        self._last_at = now
        self._own_requests = _per_minute(policy.requests_per_minute, now)
        self._own_tokens = _per_minute(policy.tokens_per_minute, now)
        self._day_requests: _Bucket | None = None
        self._stated_tokens: _Bucket | None = None

    @property
    def is_idle(self) -> bool:
        return not self.line and not self.requests

    def turn(self, cost: int, now: float) -> float:
        """When a call may go if nothing happens until then; at most `now` for at once."""
        at = now
        for bucket, price in self._prices(cost):
            at = max(at, bucket.ready_at(price, now))
        for bucket, price in self._prices(self._last_cost):
            at = max(at, self._last_at + bucket.distance(price, self._last_at, now))
        return at if at - now > SOON else now

    def spend(self, cost: int, now: float) -> "Spend":
        for bucket, price in self._prices(cost):
            bucket.spend(price, now)
        self._last_cost, self._last_at = cost, now
        self.requests += 1
        self.tokens += cost
        return Spend(self, cost)

    def end(self, cost: int) -> None:
        """A call is no longer under way: the headers know of it, or it never came to be."""
        self.requests -= 1
        self.tokens -= cost

    def correct(self, cost: int, tokens: int, now: float) -> None:
        """A call that took `cost` used so many tokens."""
        own = self._own_tokens
        if own is not None:
            own.give(min(cost, own.capacity) - tokens, now)

    def return_request(self, now: float) -> None:
        """A request was taken and not made."""
        if self._own_requests is not None:
            self._own_requests.give(1, now)

    def state(self, limits: RateLimits, now: float) -> None:
        """Take over what a response states."""
        self._day_requests = _stated(limits.requests, DAY, self.requests, self._day_requests, now)
        self._stated_tokens = _stated(limits.tokens, MINUTE, self.tokens, self._stated_tokens, now)

    def _prices(self, cost: int) -> list[tuple[_Bucket, int]]:
        buckets = (
            (self._own_requests, 1),
            (self._day_requests, 1),
            (self._own_tokens, cost),
            (self._stated_tokens, cost),
        )
        return [(bucket, price) for bucket, price in buckets if bucket is not None]


def _per_minute(limit: int | None, now: float) -> _Bucket | None:
    return None if limit is None else _Bucket(limit, limit / MINUTE, now)


def _stated(
    window: RateLimitWindow, seconds: float, under_way: int, known: _Bucket | None, now: float
) -> _Bucket | None:
    """The bucket that a header describes; the one that was known if it describes none."""
    limit, remaining, reset = window.limit, window.remaining, window.reset_after
    if limit is None or remaining is None or limit <= 0:
        return known
    used = limit - remaining
    per_second = used / reset if reset and used > 0 else limit / seconds
    bucket = _Bucket(limit, per_second, now)
    bucket.set(remaining - under_way, now)
    return bucket


@final
class Spend:
    """What one call took. Settled once by `used` or `void`; `answered` may come before that.

    Each of them returns the line whose head may go earlier now, None if there is none.
    """

    __slots__ = ("_budget", "_cost", "_is_under_way")

    def __init__(self, budget: _Budget, cost: int) -> None:
        self._budget: _Budget | None = budget
        self._cost = cost
        self._is_under_way = True

    def answered(self, limits: RateLimits | None, now: float) -> Line | None:
        """The head of its response is here, with these limits in it, or none."""
        budget = self._budget
        if budget is None:
            return None
        self._arrive(budget)
        if limits is not None:
            budget.state(limits, now)
        return budget.line or None

    def used(self, tokens: int, now: float) -> Line | None:
        """It cost so many tokens in the end."""
        budget, self._budget = self._budget, None
        if budget is None:
            return None
        self._arrive(budget)
        budget.correct(self._cost, tokens, now)
        return budget.line or None

    def void(self, now: float) -> Line | None:
        """It was not sent after all."""
        budget = self._budget
        if budget is not None:
            budget.return_request(now)
        return self.used(0, now)

    def _arrive(self, budget: _Budget) -> None:
        if self._is_under_way:
            self._is_under_way = False
            budget.end(self._cost)


@final
class Throttle:
    """See the top of this file. `now` is any clock in seconds that never goes back."""

    __slots__ = ("_budgets", "policy")

    def __init__(self, policy: RateLimitPolicy) -> None:
        self.policy: Final = policy
        self._budgets: OrderedDict[str, _Budget] = OrderedDict()

    def try_enter(self, model: str, cost: int, now: float) -> Spend | None:
        """Let a call through if its budget allows; else it is to `join` the line.

        Args:
            model: Which budget.
            cost: Tokens that it may cost at the most, 1 or more.
            now: The moment.
        """
        budget = self._budget(model, now)
        if budget.line or budget.turn(cost, now) > now:
            return None
        return budget.spend(cost, now)

    def join(self, model: str, place: int, cost: int, now: float) -> Waiter:
        """A call begins to wait; it is to `poll`."""
        return self._budget(model, now).line.join(place, cost)

    def poll(self, model: str, waiter: Waiter, now: float) -> Spend | float:
        """Ask for a waiter.

        Returns:
            What it took, for which it has left the line (the next head is to ask then); else the
            moment to ask again, infinity for one that is to wait until it is the head.
        """
        if waiter.line.head is not waiter:
            return float("inf")
        budget = self._budget(model, now)
        at = budget.turn(waiter.cost, now)
        if at > now:
            return at
        waiter.line.leave(waiter)
        return budget.spend(waiter.cost, now)

    def turn_at(self, model: str, cost: int, now: float) -> float:
        """The earliest moment that a call can go, if all that are before it give up."""
        return self._budget(model, now).turn(cost, now)

    def _budget(self, model: str, now: float) -> _Budget:
        budget = self._budgets.get(model)
        if budget is None:
            budget = self._budgets[model] = _Budget(self.policy, now)
            for name, each in list(self._budgets.items())[
                : max(0, len(self._budgets) - MAX_MODELS)
            ]:
                if each.is_idle:
                    del self._budgets[name]
        else:
            self._budgets.move_to_end(model)
        return budget
