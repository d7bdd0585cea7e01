"""How a run shows what it does: a bar in a terminal, a line a second else; a table at its end."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import trio
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from trio_groq._api.rate_limits import SeenRateLimits
from trio_groq.cli._output import Failure, Output, one_line
from trio_groq.cli._run_survey import Survey
from trio_groq.cli._run_tally import Tally, duration
from trio_groq.cli._transfers import in_columns

__all__ = ["Show", "report_lines", "showing", "survey_lines", "tick", "write_summary"]

Show: TypeAlias = Callable[[str, int, int], None]
"""Takes a line, and how much is done of how much."""

INTERVAL: Final = 1.0
"""Seconds between two looks at the figures."""
_DRAWN: Final = 1 / 4
"""Of a bar, where somebody looks at it."""


@contextmanager
def showing(notices: Output) -> Iterator[tuple[Show, float]]:
    """Where progress is shown, and the seconds between two times; gone at the end in a terminal.

    Args:
        notices: Standard error.
    """
    if not notices.is_terminal:
        yield lambda line, _done, _total: notices.line(line), INTERVAL
        return
    columns = (BarColumn(), TextColumn("{task.description}", markup=False))
    console = Console(stderr=True)
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(line: str, done: int, total: int) -> None:
            text = one_line(line)
            bar.update(task, description=text, completed=done, total=total, refresh=True)

        yield show, _DRAWN


async def tick(
    show: Show, seconds: float, tally: Tally, limits: Callable[[], SeenRateLimits | None]
) -> None:
    """Show the figures, again and again, until cancelled."""
    while True:
        await trio.sleep(seconds)
        show(tally.line(trio.current_time(), limits()), tally.done, tally.total)


def survey_lines(survey: Survey, *, is_priced: bool) -> list[str]:
    """What a run would do, as a table."""
    rows = [
        ("requests", f"{survey.requests:,}"),
        ("answered before", f"{survey.answered:,}"),
        ("failed before", f"{survey.failed:,}"),
        ("to be asked", f"{survey.todo:,}"),
        ("prompt tokens, about", f"{survey.estimate.prompt:,}"),
        ("completion tokens, at most about", f"{survey.estimate.completion:,}"),
    ]
    if is_priced:
        rows.append(("cost, at most about", f"{survey.cost:,.4f}"))
    return in_columns(rows, right=(1,))


def report_lines(facts: Mapping[str, Any]) -> list[str]:
    """What a run did, as a table."""
    rate = facts["requests_per_second"]
    rows = [
        ("answered", f"{facts['answered']:,}"),
        ("failed", f"{facts['failed']:,}"),
        *((f"  {kind}", f"{count:,}") for kind, count in facts["failures"].items()),
        ("not asked", f"{facts['not_asked']:,}"),
        ("answered before", f"{facts['answered_before']:,}"),
        ("failed before", f"{facts['failed_before']:,}"),
        ("retries", f"{facts['retries']:,}"),
        ("prompt tokens", f"{facts['prompt_tokens']:,}"),
        ("completion tokens", f"{facts['completion_tokens']:,}"),
        ("time", duration(facts["seconds"])),
        ("requests a second", "-" if rate is None else f"{rate:,.1f}"),
    ]
    if facts["cost"] is not None:
        rows.append(("cost", f"{facts['cost']:,.4f}"))
    if facts["stopped_by"] is not None:
        rows.append(("stopped by", facts["stopped_by"]))
    return in_columns(rows, right=(1,))


def write_summary(path: Path, facts: Mapping[str, Any]) -> None:
    """Write the figures as JSON: the whole file appears at once.

    Raises:
        Failure: It cannot be written.
    """
    new = path.with_name(f"{path.name}.tmp")
    try:
        new.write_text(json.dumps(facts, indent=2) + os.linesep, encoding="utf-8")
        new.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"{path}: expected a file that can be written, got {reason}") from error
