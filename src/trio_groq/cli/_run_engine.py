"""How a run works its requests off: so many at once, at this pace, until it is told to stop.

One task pulls the requests, each when there is room for it; a task of its own asks each. Nothing
waits in between: what is held is what is in flight, and the one request that waits for its start.

A run stops in two ways. *Drained*, it starts nothing more, and waits for what is in flight.
*Cancelled*, it waits for nothing: what was in flight has no outcome, and is asked again another
time. An outcome is recorded without any await after it came, so that no answer is lost between.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Final, Literal, TypeAlias, final

import attrs
import trio

from trio_groq.cli._run_prices import CostBudget
from trio_groq.cli._run_requests import RunRequest
from trio_groq.cli._run_results import Outcome
from trio_groq.cli._run_tally import Tally

__all__ = ["Ask", "Bounds", "Cost", "Engine", "Record", "StopReason"]

Ask: TypeAlias = Callable[[RunRequest], Awaitable[Outcome]]
"""Asks a request; raises only what ends the run."""
Record: TypeAlias = Callable[[RunRequest, Outcome], float]
"""Keeps an outcome; returns what it cost."""
Cost: TypeAlias = Callable[[RunRequest], float]
"""What a request may cost at the most."""
StopReason: TypeAlias = Literal["interrupted", "max-errors", "max-cost", "deadline"]

_SOON: Final = 1e-9
"""Seconds that nobody sleeps for: sums of fractions are off by less."""


@final
@attrs.frozen(kw_only=True)
class Bounds:
    """What a run keeps to.

    Attributes:
        max_in_flight: Requests at once, 1 or more.
        rate: Starts a second, above 0; None for as fast as it goes.
        max_errors: Failures after which nothing more is started, 1 or more; None for any number.
        deadline: Seconds after which what is in flight is cancelled, above 0; None for none.
    """

    max_in_flight: int
    rate: float | None = None
    max_errors: int | None = None
    deadline: float | None = None


@final
class Engine:
    """See the top of this file. Used once.

    Args:
        ask: Asks a request.
        record: Keeps an outcome.
        bounds: What to keep to.
        tally: Where is counted.
        budget: What may be spent; None for anything.
        cost: What a request may cost; asked only where there is a budget.

    Attributes:
        reason: Why it stopped before its requests were at their end; None if it did not.
    """

    def __init__(
        self,
        ask: Ask,
        record: Record,
        bounds: Bounds,
        tally: Tally,
        *,
        budget: CostBudget | None = None,
        cost: Cost = lambda _request: 0.0,
    ) -> None:
        self._ask = ask
        self._record = record
        self._bounds = bounds
        self._tally = tally
        self._budget = budget
        self._cost = cost
        self._room: Final = trio.Semaphore(bounds.max_in_flight)
        self._settled: Final = trio.lowlevel.ParkingLot()
        self._starting: Final = trio.CancelScope()
        self._all: Final = trio.CancelScope()
        self._next_start = -float("inf")
        self.reason: StopReason | None = None

    def stop(self, reason: StopReason) -> None:
        """Start nothing more. The first reason is the one that counts."""
        if self.reason is None:
            self.reason = reason
        self._starting.cancel()

    def cancel(self, reason: StopReason) -> None:
        """Wait for nothing."""
        self.stop(reason)
        self._all.cancel()

    async def run(self, requests: Iterator[RunRequest | None]) -> None:
        """Ask all requests.

        Args:
            requests: Pulled one by one, each when there is room for it in flight; None where others
                are to have a turn before the next one is looked for.

        Raises:
            ExceptionGroup: What `ask`, `record` and `requests` raise; all else is cancelled.
        """
        with self._all:
            async with trio.open_nursery() as watch:
                watch.start_soon(self._watch_deadline)
                async with trio.open_nursery() as workers:
                    with self._starting:
                        await self._start_all(requests, workers)
                watch.cancel_scope.cancel()
        await trio.lowlevel.checkpoint()

    async def _watch_deadline(self) -> None:
        # No deadline of a cancel scope: calls would see it, and not be made for being too late.
        if self._bounds.deadline is None:
            await trio.sleep_forever()
        else:
            await trio.sleep(self._bounds.deadline)
            self.cancel("deadline")

    async def _start_all(
        self, requests: Iterator[RunRequest | None], workers: trio.Nursery
    ) -> None:
        await self._room.acquire()
        for request in requests:
            if request is None:
                await trio.lowlevel.checkpoint()
                continue
            taken = await self._take_budget(request)
            await self._wait_for_start()
            self._tally.in_flight += 1
            workers.start_soon(self._work, request, taken)
            await self._room.acquire()

    async def _take_budget(self, request: RunRequest) -> float:
        """Wait until the budget has what a request may cost; what is in flight may give some back.

        Returns:
            What was taken.
        """
        if self._budget is None:
            return 0.0  # noqa: ASYNC910 (a step of a loop that has its checkpoint)
        estimate = self._cost(request)
        while not self._budget.try_take(estimate):
            if not self._tally.in_flight:
                self.stop("max-cost")
            await self._settled.park()
        return estimate  # noqa: ASYNC910 (the same)

    async def _wait_for_start(self) -> None:  # noqa: ASYNC910 (a step of a loop that has one)
        """Keep the distance between two starts, however long calls take."""
        if self._bounds.rate is None:
            return  # noqa: ASYNC910 (the same)
        now = trio.current_time()
        if self._next_start - now > _SOON:
            await trio.sleep_until(self._next_start)
        # Where there was no room in flight at the due time, what was missed is not made up for.
        self._next_start = max(self._next_start, now) + 1 / self._bounds.rate

    async def _work(self, request: RunRequest, taken: float) -> None:
        try:
            outcome = await self._ask(request)
            cost = self._record(request, outcome)
            if self._budget is not None:
                self._budget.settle(taken, cost)
            if self._tally.failed == self._bounds.max_errors:
                self.stop("max-errors")
        finally:
            self._tally.in_flight -= 1
            self._room.release()
            self._settled.unpark_all()
