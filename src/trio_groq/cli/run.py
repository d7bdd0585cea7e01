"""`trio-groq run`: a file of requests, answered within the limits, and gone on with when killed."""

from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from trio_groq.cli._options import FiniteRange
from trio_groq.cli._output import INTERRUPTED, Failure, UsageFailure, standard
from trio_groq.cli._run_books import Places, look, opened
from trio_groq.cli._run_calls import for_a_run
from trio_groq.cli._run_engine import Bounds
from trio_groq.cli._run_input import Input
from trio_groq.cli._run_job import Job, work_off
from trio_groq.cli._run_overrides import parse_override
from trio_groq.cli._run_prices import read_prices
from trio_groq.cli._run_progress import report_lines, survey_lines, write_summary
from trio_groq.cli._run_requests import Shape
from trio_groq.cli._run_template import Template
from trio_groq.cli._running import run
from trio_groq.cli._settings import settings
from trio_groq.cli._transfers import base_url_option
from trio_groq.config import ClientConfig

__all__ = ["command"]

INCOMPLETE: Final = 3
"""Exit code: some requests failed, or were not asked."""

_MAX_TEMPLATE_BYTES: Final = 1024 * 1024
"""Of a template's file: as long as a prompt may be, many times over."""


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
@click.option(
    "-o", "--output", type=_PATH, help="Where answers go: NAME.results.jsonl beside FILE."
)
@click.option("--errors", type=_PATH, help="Where failures go: NAME.errors.jsonl beside them.")
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
