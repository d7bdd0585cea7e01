"""`client.hedge`: a further attempt where the first token is late."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias, final
from weakref import WeakKeyDictionary

import trio

from trio_groq._call import Caller
from trio_groq._http.pool import ConnectionPool
from trio_groq.errors import ConfigurationError, InvalidRequestError
from trio_groq.fanout.attempts import Attempts, Failing, Progress, check_failing, side_by_side

__all__ = ["After", "HedgeBudget", "hedge"]

After: TypeAlias = float | Callable[[], float | None]

DEFAULT_SHARE: Final = 0.1
"""Enough to cut off the slowest tenth, and a tenth more load where all are slow."""
DEFAULT_BURST: Final = 10.0
"""What quiet times save up. A server that has just got slow sees no more than this at once."""


@final
class HedgeBudget:
    """How many further attempts a set of calls may make. Sans-IO, and without a clock.

    Each call adds its share, each further attempt takes 1. So of any number of calls in a row no
    more than that share are hedged, plus one, plus what was saved up before them: in an outage,
    when every call is late, the server is not sent twice as many.

    Args:
        share: Further attempts for each call, 0 or more.
        burst: Most that is saved up, 1 or more.

    Attributes:
        calls: Calls so far.
        hedged: Further attempts so far.
        denied: Further attempts that were not allowed.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    __slots__ = ("_credit", "burst", "calls", "denied", "hedged", "share")

    def __init__(self, share: float = DEFAULT_SHARE, *, burst: float = DEFAULT_BURST) -> None:
        for name, value, least in (("share", share, 0), ("burst", burst, 1)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
                raise ConfigurationError(f"{name}: expected a number >= {least}, got {value!r}")
        self.share: Final = share
        self.burst: Final = burst
        self.calls: int = 0
        self.hedged: int = 0
        self.denied: int = 0
        self._credit = 1.0  # or the first calls of a program could not be hedged at all

    def called(self) -> None:
        """A call is made; its further attempts are no calls."""
        self.calls += 1
        self._credit = min(self._credit + self.share, self.burst)

    def try_hedge(self) -> bool:
        """Take a further attempt; False if that would be one too many."""
        if self._credit < 1 - 1e-9:  # ten tenths are 1, give or take
            self.denied += 1
            return False
        self._credit -= 1
        self.hedged += 1
        return True

    def __repr__(self) -> str:
        return (
            f"<HedgeBudget {self.share} a call: {self.calls} calls, {self.hedged} hedged, "
            f"{self.denied} denied>"
        )


_budgets: Final[WeakKeyDictionary[ConnectionPool, HedgeBudget]] = WeakKeyDictionary()
"""Of calls that bring none. One for each pool: all views of a client ask the same servers."""


def _check(make: object, after: object, attempts: object) -> None:
    if not callable(make):
        raise InvalidRequestError(
            f"make: expected a function, got {type(make).__name__}", path="make", value=make
        )
    is_number = isinstance(after, int | float) and not isinstance(after, bool)
    if not (callable(after) or (is_number and after >= 0)):  # type: ignore[operator]  # a number
        raise InvalidRequestError(
            f"after: expected seconds >= 0 or a function, got {after!r}", path="after", value=after
        )
    if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
        raise InvalidRequestError(
            f"attempts: expected an integer >= 1, got {attempts!r}", path="attempts", value=attempts
        )


def hedge(
    caller: Caller,
    make: Callable[[], object],
    *,
    after: After,
    attempts: int = 2,
    budget: HedgeBudget | None = None,
    on_error: Failing = "raise",
) -> Attempts[Any]:
    """See `FanOut.hedge`."""
    _check(make, after, attempts)
    check_failing(on_error)

    async def run(progress: Progress) -> object:
        shared = budget or _budgets.setdefault(caller.pool, HedgeBudget())
        shared.called()

        async def start(begin: Callable[[], None]) -> None:
            begin()
            for _ in range(attempts - 1):
                delay = after() if callable(after) else after
                if delay is None:
                    break
                await trio.sleep(delay)
                if progress.winner is not None or not shared.try_hedge():
                    break
                begin()
            await trio.lowlevel.checkpoint()

        return await side_by_side(progress, lambda _: make(), start, on_error=on_error)

    return Attempts(run)
