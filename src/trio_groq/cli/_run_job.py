"""One run: what it is told, and its work from the first request to the last."""

import random
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, final

import attrs
import trio

from trio_groq.cli._output import Output, UsageFailure
from trio_groq.cli._run_books import Books, Places
from trio_groq.cli._run_calls import Asker
from trio_groq.cli._run_engine import Bounds, Engine
from trio_groq.cli._run_input import Input
from trio_groq.cli._run_ledger import Ledger, State
from trio_groq.cli._run_prices import CostBudget, Prices
from trio_groq.cli._run_progress import INTERVAL, showing, tick
from trio_groq.cli._run_requests import RunRequest
from trio_groq.cli._run_survey import Survey, survey
from trio_groq.cli._run_tally import Tally
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig
from trio_groq.errors import InvalidRequestError

__all__ = ["Job", "work_off"]

_TURN: Final = 100
"""Lines that are passed over at once, some milliseconds: then others have a turn."""


@final
@attrs.frozen(kw_only=True)
class Job:
    """What a run is told.

    Attributes:
        places: Its files.
        source: Its requests.
        bounds: What it keeps to.
        retry_errors: Whether what failed is asked, and nothing else.
        force: Whether what has changed since it was asked is asked again.
        prices: For the cost; None for none.
        max_cost: Of all answers, of earlier runs too; None for any.
    """

    places: Places
    source: Input
    bounds: Bounds
    retry_errors: bool = False
    force: bool = False
    prices: Prices | None = None
    max_cost: float | None = None

    @property
    def wanted(self) -> State:
        """The requests that are to be asked."""
        return State.FAILED if self.retry_errors else State.OPEN

    def survey(self, ledger: Ledger) -> Survey:
        """Read the whole input.

        Raises:
            UsageFailure: It is not valid, or what it costs cannot be known.
        """
        result = survey(
            self.places.source,
            self.source.read(),
            ledger,
            wanted=self.wanted,
            force=self.force,
            prices=self.prices,
        )
        if self.max_cost is not None and result.unpriced:
            listed = ", ".join(each or "none named" for each in result.unpriced)
            raise UsageFailure(f"--prices: expected a price of each model, got none of {listed}")
        return result

    def requests(self, ledger: Ledger) -> Iterator[RunRequest | None]:
        """The requests that are to be asked, read lazily; None between many that are not."""
        passed = 0
        for request in self.source.read():
            if isinstance(request, InvalidRequestError):
                raise request  # it was valid when it was checked
            if ledger.take(request, self.wanted):
                yield request
                continue
            passed += 1
            if not passed % _TURN:
                yield None


async def _obey(signals: AsyncIterator[int], engine: Engine, tally: Tally, told: Output) -> None:
    async for _ in signals:
        if engine.reason is None:
            engine.stop("interrupted")
            told.line(
                f"note: interrupted; {tally.in_flight} in flight are waited for, and another "
                "Ctrl-C cancels them"
            )
        else:
            engine.cancel("interrupted")


async def _sync_now_and_then(books: Books) -> None:
    while True:
        await trio.sleep(INTERVAL)
        await trio.to_thread.run_sync(books.sync)


async def work_off(
    job: Job, books: Books, found: Survey, config: ClientConfig, told: Output
) -> dict[str, Any]:
    """Ask what is to be asked, until that is done or the run is stopped.

    The first SIGINT or SIGTERM drains it, the second cancels it.

    Args:
        job: What to do.
        books: Where the outcomes go.
        found: What the input holds.
        config: Settings of the client, made for a run.
        told: Where progress is shown.

    Returns:
        The figures.

    Raises:
        ExceptionGroup: Of what ends a run: a wrong key, a full disk.
    """
    tally = Tally(found.todo, trio.current_time(), cost=None if job.prices is None else 0.0)
    record = books.recorder(tally, job.prices, again=job.retry_errors)
    prices, budget = job.prices, None
    if prices is not None and job.max_cost is not None:
        budget = CostBudget(job.max_cost, books.cost)

    def most(request: RunRequest) -> float:
        return 0.0 if prices is None else prices.cost(request.model, request.estimate())

    async with GroqClient(config=config) as client:
        caller = client._caller  # noqa: SLF001 (no resource makes a call to any endpoint)
        ask = Asker(caller, config.retry, random.random).ask
        engine = Engine(ask, record, job.bounds, tally, budget=budget, cost=most)
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_obey, signals, engine, tally, told)
                nursery.start_soon(_sync_now_and_then, books)
                with showing(told) as (show, seconds):
                    nursery.start_soon(tick, show, seconds, tally, client.rate_limits)
                    await engine.run(job.requests(books.ledger))
                    facts = tally.facts(trio.current_time())
                    nursery.cancel_scope.cancel()
    return {
        "requests": found.requests,
        "answered_before": found.answered,
        "failed_before": found.failed,
        **facts,
        "stopped_by": engine.reason,
        "output": str(job.places.output),
        "errors": str(job.places.errors),
    }
