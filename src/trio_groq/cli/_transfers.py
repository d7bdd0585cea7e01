"""What the commands about files share: a client for the command, progress, downloads, tables."""

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias, TypeVar, final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from trio_groq._binary import BinaryResponse, write_pieces
from trio_groq.cli._output import INTERRUPTED, Failure, one_line
from trio_groq.cli._running import interruptible, run
from trio_groq.cli._settings import BASE_URL_HELP, settings
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig

__all__ = [
    "Report",
    "as_json",
    "base_url_option",
    "date",
    "download",
    "in_columns",
    "json_option",
    "progress_bar",
    "with_client",
]

T = TypeVar("T")

Report: TypeAlias = Callable[[int, int | None], None]
"""Takes how much has been done, and of how much; None for an end that is not known."""

_INTERVAL: Final = 1 / 12
"""Seconds between two drawings: quick enough to look alive, and seldom enough to cost little."""
_UNKNOWN: Final = "-"
_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999, beyond which there is no date."""

base_url_option = click.option("--base-url", help=BASE_URL_HELP)
json_option = click.option(
    "--json", "json_wanted", is_flag=True, help="Print JSON, one object a line."
)


def with_client(base_url: str | None, work: Callable[[GroqClient], Awaitable[T]]) -> T:
    """Run a command's work with a client of the environment's settings.

    Args:
        base_url: Where the API is instead.
        work: What to do; Ctrl-C cancels it.

    Raises:
        Failure: A call failed, or the setup is wrong.
        click.exceptions.Exit: It was interrupted.
    """
    return run(partial(_within, settings(base_url), work))


async def _within(config: ClientConfig, work: Callable[[GroqClient], Awaitable[T]]) -> T:
    done: list[T] = []
    async with interruptible(), GroqClient(config=config) as client:
        done.append(await work(client))
    if not done:
        raise click.exceptions.Exit(INTERRUPTED)
    return done[0]


@contextmanager
def progress_bar(title: str, *, in_bytes: bool = True) -> Iterator[Report]:
    """A bar on standard error, when that is a terminal; it is gone at the end.

    Args:
        title: What is being done.
        in_bytes: Whether what is counted are bytes, which have units and a speed.

    Yields:
        What to call as the work goes on.
    """
    if not sys.stderr.isatty():
        yield _unseen
        return
    figures = (
        (DownloadColumn(), TransferSpeedColumn())
        if in_bytes
        else (TextColumn("{task.completed:.0f}/{task.total}"),)
    )
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), *figures)
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as bar:
        task = bar.add_task(one_line(title), total=None)
        drawn_at = bar.get_time() - _INTERVAL

        def report(done: int, total: int | None) -> None:
            nonlocal drawn_at
            is_due = bar.get_time() - drawn_at >= _INTERVAL
            if is_due:
                drawn_at = bar.get_time()
            bar.update(task, completed=done, total=total, refresh=is_due)

        yield report


def _unseen(_done: int, _total: int | None) -> None:
    """Nobody looks."""


@final
class _Counted:
    """The pieces of a response, counted as they pass."""

    def __init__(self, response: BinaryResponse, report: Report) -> None:
        self._pieces = response.aiter_bytes()
        self._total = response.content_length
        self._report = report
        self._done = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await anext(self._pieces)
        self._done += len(piece)
        self._report(self._done, self._total)
        return piece


async def download(client: GroqClient, file_id: str, path: Path) -> int:
    """Write a file of the API's to disk: whole, or not at all.

    Args:
        client: Whom to ask.
        file_id: Which file.
        path: Where to; an existing file is replaced.

    Returns:
        How many bytes it has.

    Raises:
        GroqError: It cannot be had.
        Failure: It cannot be written.
    """
    try:
        with progress_bar(path.name) as report:
            async with await client.files.content(file_id) as response:
                # It only iterates over them.
                pieces = _Counted(response, report)
                return await write_pieces(pieces, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"{path}: expected a file that can be written, got {reason}") from error


def as_json(value: object) -> str:
    """One line of JSON, with all that the API said."""
    # Plain ASCII: no terminal obeys it, and every encoding has it.
    return json.dumps(msgspec.to_builtins(value))


def date(seconds: int | None) -> str:
    """A time stamp as a date and a time, in UTC."""
    if seconds is None or not 0 < seconds <= _LAST_SECOND:
        return _UNKNOWN
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def in_columns(rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Rows as lines whose columns are aligned.

    Args:
        rows: All of one length.
        right: Columns that are aligned at the right.
    """
    cells = [[one_line(cell) or _UNKNOWN for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
