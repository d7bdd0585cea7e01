"""`trio-groq run`: a file of requests, answered within the limits, and gone on with when killed."""

import random
import signal
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, final

import attrs
import click
import trio

from trio_groq.cli._options import FiniteRange
from trio_groq.cli._output import INTERRUPTED, Failure, Output, UsageFailure, standard
from trio_groq.cli._run_books import Books, Places, look, opened
from trio_groq.cli._run_calls import Asker, for_a_run
from trio_groq.cli._run_engine import Bounds, Engine
from trio_groq.cli._run_input import Input
from trio_groq.cli._run_ledger import Ledger, State
from trio_groq.cli._run_overrides import parse_override
from trio_groq.cli._run_prices import CostBudget, Prices, read_prices
from trio_groq.cli._run_progress import (
    INTERVAL,
    report_lines,
    showing,
    survey_lines,
    tick,
    write_summary,
)
from trio_groq.cli._run_requests import RunRequest, Shape
from trio_groq.cli._run_survey import Survey, survey
from trio_groq.cli._run_tally import Tally
from trio_groq.cli._run_template import Template
from trio_groq.cli._running import run
from trio_groq.cli._settings import settings
from trio_groq.cli._transfers import base_url_option
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig
from trio_groq.errors import InvalidRequestError

__all__ = ["Job", "command", "work_off"]

INCOMPLETE: Final = 3
"""Exit code: some requests failed, or were not asked."""

_MAX_TEMPLATE_BYTES: Final = 1024 * 1024
"""Of a template's file: as long as a prompt may be, many times over."""
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
                    nursery.cancel_scope.cancel()
    return {
        "requests": found.requests,
        "answered_before": found.answered,
        "failed_before": found.failed,
        **tally.facts(trio.current_time()),
        "stopped_by": engine.reason,
        "output": str(job.places.output),
        "errors": str(job.places.errors),
    }


def _exit_code(facts: dict[str, Any]) -> int:
    if facts["answered_before"] + facts["answered"] == facts["requests"]:
        return 0
    return INTERRUPTED if facts["stopped_by"] == "interrupted" else INCOMPLETE


def _run(job: Job, config: ClientConfig, summary: Path | None) -> int:
    output, told = standard()
    with opened(job.places, job.prices) as books:
        found = job.survey(books.ledger)
        if books.ledger.unmet:
            told.line(f"note: {books.ledger.unmet} results are of requests that are not here")
        books.tidy()
        try:
            facts = run(partial(work_off, job, books, found, config, told))
        finally:
            books.sync()
        books.tidy()
    for line in report_lines(facts):
        output.line(line)
    if summary is not None:
        write_summary(summary, facts)
    return _exit_code(facts)


def _template(text: str | None, source: Path) -> Template | None:
    """The template of a CSV file; None for JSON Lines."""
    if text is None:
        return Template("{prompt}") if source.suffix.lower() == ".csv" else None
    if not text.startswith("@"):
        return Template(text)
    path = Path(text[1:])
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_TEMPLATE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"{path}: expected a file that can be read, got {reason}") from error
    if len(data) > _MAX_TEMPLATE_BYTES:
        raise UsageFailure(f"{path}: expected at most {_MAX_TEMPLATE_BYTES} bytes, got more")
    try:
        return Template(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageFailure(f"{path}: expected UTF-8, got {error.reason}") from error


_POSITIVE: Final = FiniteRange(min=0, min_open=True)
_COUNT: Final = click.IntRange(1)
_PATH: Final = click.Path(path_type=Path)


@click.command
@click.argument("source", metavar="FILE", type=_PATH)
@click.option("-o", "--output", type=_PATH, help="Where answers go: FILE's name, .results.jsonl.")
@click.option("--errors", type=_PATH, help="Where failures go: FILE's name, .errors.jsonl.")
@click.option("--template", help="Prompt of a CSV row, with {column}s; @PATH for one in a file.")
@click.option("--model", help="Who answers, whatever the lines say.")
@click.option("--set", "sets", multiple=True, metavar="body.NAME=JSON", help="A parameter of all.")
@click.option("--stream", is_flag=True, help="Have chat completions streamed, and put together.")
@click.option("--max-in-flight", type=_COUNT, default=10, show_default=True, help="At once.")
@click.option("--rate", type=_POSITIVE, help="Most requests started in a second.")
@click.option("--tokens-per-minute", type=_COUNT, help="A limit of the account, for each model.")
@click.option(
    "--retries", type=click.IntRange(0), default=5, show_default=True, help="Of one request."
)
@click.option("--max-errors", type=_COUNT, help="Start no more once so many have failed.")
@click.option("--prices", "prices_path", type=_PATH, help="Prices by model, in TOML or JSON.")
@click.option("--max-cost", type=FiniteRange(min=0), help="Start nothing that may exceed it.")
@click.option("--deadline", type=_POSITIVE, help="Seconds after which it ends.")
@click.option("--retry-errors", is_flag=True, help="Ask what failed, and nothing else.")
@click.option("--force", is_flag=True, help="Ask again what has changed since it was asked.")
@click.option("--dry-run", is_flag=True, help="Check every line and estimate; ask nothing.")
@click.option("--summary", type=_PATH, help="Where the figures go, as JSON.")
@base_url_option
def command(
    source: Path,
    *,
    output: Path | None,
    errors: Path | None,
    template: str | None,
    model: str | None,
    sets: tuple[str, ...],
    stream: bool,
    max_in_flight: int,
    rate: float | None,
    tokens_per_minute: int | None,
    retries: int,
    max_errors: int | None,
    prices_path: Path | None,
    max_cost: float | None,
    deadline: float | None,
    retry_errors: bool,
    force: bool,
    dry_run: bool,
    summary: Path | None,
    base_url: str | None,
) -> None:
    """Answer a file of requests: resumable, bounded, within the limits.

    FILE has a request in each line, in the format of the Batches API or with a "prompt", or is CSV
    with a --template. Nothing is sent unless every line is valid. Killed or interrupted, it is
    started again with the same arguments: what has been answered is not asked again. The first
    Ctrl-C waits for what is in flight, the second does not.

    Exit codes: 0 all answered, 1 the key or the machine failed, 2 wrong usage or input, 3 some
    requests failed or were not asked, 130 interrupted.
    """
    prices = None if prices_path is None else read_prices(prices_path)
    if max_cost is not None and prices is None:
        raise UsageFailure("--max-cost: expected --prices beside it, got none")
    shape = Shape(model=model, overrides=tuple(map(parse_override, sets)), stream=stream)
    job = Job(
        places=Places.of(source, output, errors),
        source=Input(path=source, shape=shape, template=_template(template, source)),
        bounds=Bounds(
            max_in_flight=max_in_flight, rate=rate, max_errors=max_errors, deadline=deadline
        ),
        retry_errors=retry_errors,
        force=force,
        prices=prices,
        max_cost=max_cost,
    )
    if dry_run:
        ledger, _ = look(job.places)
        for line in survey_lines(job.survey(ledger), is_priced=prices is not None):
            standard()[0].line(line)
        return
    config = for_a_run(
        settings(base_url),
        max_in_flight=max_in_flight,
        retries=retries,
        tokens_per_minute=tokens_per_minute,
    )
    code = _run(job, config, summary)
    if code:
        raise click.exceptions.Exit(code)
