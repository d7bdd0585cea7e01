"""The figures of a run while it goes on. Sans-IO: time comes in."""

from collections import Counter
from typing import Any, Final, final

import attrs

from trio_groq._api.rate_limits import SeenRateLimits
from trio_groq._api.rolling import RollingCount
from trio_groq.cli._run_requests import Tokens
from trio_groq.cli._run_results import Outcome
from trio_groq.errors import RateLimitWindow

__all__ = ["Tally", "duration", "headroom"]

WINDOW: Final = 30.0
"""Seconds that the rate is taken over: steady enough to read, quick enough to see a stall."""
MAX_KINDS: Final = 32
"""Kinds of failures that are counted apart; there are some twenty statuses and errors."""
_OTHERS: Final = "others"
_MINUTE, _HOUR = 60, 3600


def duration(seconds: float) -> str:
    """Such as `7 s`, `2 min 30 s` or `1 h 5 min`."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def headroom(limits: SeenRateLimits | None) -> str:
    """What is left of the rate limits, as the last response said; empty if it said nothing."""
    if limits is None:
        return ""
    windows = {"requests": limits.requests, "tokens": limits.tokens}
    parts = [f"{name} {_left(each)}" for name, each in windows.items() if each.limit is not None]
    return f"left: {', '.join(parts)}" if parts else ""


def _left(window: RateLimitWindow) -> str:
    remaining = "?" if window.remaining is None else f"{window.remaining:,}"
    return f"{remaining}/{window.limit:,}"


@final
@attrs.define
class Tally:
    """What has been done of a run.

    Attributes:
        total: Requests that are to be asked.
        started_at: When it began, on Trio's clock.
        answered: Requests so far.
        failed: Requests so far.
        in_flight: Requests now.
        retries: Attempts beyond the first of each request.
        tokens: That were spent, as responses say.
        cost: Of these; None without prices.
        kinds: Failures by kind.
    """

    total: int
    started_at: float
    answered: int = 0
    failed: int = 0
    in_flight: int = 0
    retries: int = 0
    tokens: Tokens = attrs.field(factory=Tokens)
    cost: float | None = None
    kinds: Counter[str] = attrs.field(factory=Counter)
    _lately: RollingCount = attrs.field(factory=lambda: RollingCount(WINDOW))

    @property
    def done(self) -> int:
        """Requests that have an outcome."""
        return self.answered + self.failed

    def add(self, outcome: Outcome, cost: float, now: float) -> None:
        """A request has an outcome."""
        self._lately.add(now)
        self.retries += max(outcome.attempts - 1, 0)
        if outcome.tokens is not None:
            self.tokens += outcome.tokens
        if self.cost is not None:
            self.cost += cost
        if outcome.is_answered:
            self.answered += 1
            return
        self.failed += 1
        kind = outcome.kind
        is_known = kind in self.kinds or len(self.kinds) < MAX_KINDS
        self.kinds[kind if is_known else _OTHERS] += 1

    def rate(self, now: float) -> float:
        """Outcomes a second, lately."""
        # A second at the least: of a moment's outcomes nothing follows.
        seconds = max(min(now - self.started_at, WINDOW), 1.0)
        return self._lately.total(now) / seconds

    def eta(self, now: float) -> float | None:
        """Seconds until all is done, at the rate that it has lately; None if it has none."""
        rate = self.rate(now)
        return (self.total - self.done) / rate if rate else None

    def line(self, now: float, limits: SeenRateLimits | None) -> str:
        """All of it in one line."""
        eta = self.eta(now)
        elapsed = max(now - self.started_at, 1.0)
        parts = [
            duration(now - self.started_at),
            f"{self.done:,} of {self.total:,}",
            f"{self.failed:,} failed",
            f"{self.in_flight:,} in flight",
            f"{self.rate(now):.1f}/s",
            f"{self.tokens.total:,} tokens ({self.tokens.total / elapsed:,.0f}/s)",
            "" if self.cost is None else f"cost {self.cost:,.4f}",
            f"ETA {'?' if eta is None else duration(eta)}",
            headroom(limits),
        ]
        return ", ".join(filter(None, parts))

    def facts(self, now: float) -> dict[str, Any]:
        """The same for programs."""
        seconds = now - self.started_at
        return {
            "seconds": round(seconds, 3),
            "answered": self.answered,
            "failed": self.failed,
            "not_asked": self.total - self.done,
            "retries": self.retries,
            "prompt_tokens": self.tokens.prompt,
            "completion_tokens": self.tokens.completion,
            "requests_per_second": round(self.done / seconds, 3) if seconds > 0 else None,
            "cost": None if self.cost is None else round(self.cost, 6),
            "failures": dict(self.kinds.most_common()),
        }
