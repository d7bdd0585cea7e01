"""`trio-groq batch`: many requests in a file, submitted, watched, and their results fetched."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final

import click
import trio

from trio_groq._api.batch_progress import is_over
from trio_groq.cli._batch_input import check
from trio_groq.cli._batch_views import counts, details, error_lines, table
from trio_groq.cli._options import FiniteRange
from trio_groq.cli._output import FAILED, Failure, UsageFailure, standard
from trio_groq.cli._transfers import (
    as_json,
    base_url_option,
    download,
    json_option,
    progress_bar,
    with_client,
)
from trio_groq.cli.files import upload
from trio_groq.client import GroqClient
from trio_groq.errors import GroqError
from trio_groq.types.batches import Batch, BatchListResponse, BatchRequestCounts

__all__ = ["command"]

_CHAT: Final = "/v1/chat/completions"
_COMPLETED: Final = "completed"


def _metadata(pairs: Iterable[str]) -> dict[str, str] | None:
    metadata = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not found or not name:
            raise UsageFailure(f"--metadata: expected NAME=VALUE, got {pair!r}")
        metadata[name] = value
    return metadata or None


def _print(batch: Batch, *, json_wanted: bool) -> None:
    output, _ = standard()
    for line in [as_json(batch)] if json_wanted else details(batch):
        output.line(line)


@click.group
def command() -> None:
    """Submit batches of requests, watch them, and fetch their results.

    The key comes from GROQ_API_KEY.
    """


@command.command("submit")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--endpoint", default=_CHAT, show_default=True, help="Where the requests go.")
@click.option("--window", default="24h", show_default=True, help="How long it may take: 24h to 7d.")
@click.option("--metadata", multiple=True, metavar="NAME=VALUE", help="Attached to the batch.")
@json_option
@base_url_option
def submit_command(
    path: Path,
    endpoint: str,
    window: str,
    metadata: tuple[str, ...],
    *,
    json_wanted: bool,
    base_url: str | None,
) -> None:
    """Check the requests in PATH (JSON Lines), upload them, and have them answered.

    Prints the batch's id. Nothing is sent unless every line is valid.
    """
    _, notices = standard()
    attached = _metadata(metadata)

    async def work(client: GroqClient) -> tuple[int, Batch]:
        count = await trio.to_thread.run_sync(check, path, abandon_on_cancel=True)
        file = await upload(client, path, "batch")
        try:
            batch = await client.batches.create(
                completion_window=window,
                endpoint=endpoint,
                input_file_id=file.id,
                metadata=attached,
            )
        except GroqError as error:
            error.add_note(f"the requests are uploaded as {file.id}")
            raise
        return count, batch

    count, batch = with_client(base_url, work)
    notices.line(f"{count} requests, {batch.status}")
    standard()[0].line(as_json(batch) if json_wanted else batch.id)


@command.command("status")
@click.argument("batch_id")
@json_option
@base_url_option
def status_command(batch_id: str, *, json_wanted: bool, base_url: str | None) -> None:
    """Show how far a batch has come."""

    async def work(client: GroqClient) -> Batch:
        return await client.batches.retrieve(batch_id)

    _print(with_client(base_url, work), json_wanted=json_wanted)


@command.command("list")
@click.option("--cursor", help="Where to go on: what the page before said.")
@json_option
@base_url_option
def list_command(cursor: str | None, *, json_wanted: bool, base_url: str | None) -> None:
    """List the batches, a page at a time, the latest first."""

    async def work(client: GroqClient) -> BatchListResponse:
        return await client.batches.list(cursor=cursor)

    page = with_client(base_url, work)
    output, notices = standard()
    for line in [as_json(each) for each in page.data] if json_wanted else table(page.data):
        output.line(line)
    if page.paging is not None and page.paging.next_cursor:
        notices.line(f"note: there are more: --cursor {page.paging.next_cursor}")


@command.command("cancel")
@click.argument("batch_id")
@json_option
@base_url_option
def cancel_command(batch_id: str, *, json_wanted: bool, base_url: str | None) -> None:
    """Cancel a batch; what was answered before stays."""

    async def work(client: GroqClient) -> Batch:
        return await client.batches.cancel(batch_id)

    _print(with_client(base_url, work), json_wanted=json_wanted)


async def _wait(client: GroqClient, batch_id: str, timeout: float | None) -> Batch:  # noqa: ASYNC109 (handed on)
    _, notices = standard()
    told = ""
    with progress_bar(batch_id, in_bytes=False) as report:

        def on_look(batch: Batch) -> None:
            nonlocal told
            so_far = batch.request_counts or BatchRequestCounts()
            report(so_far.completed + so_far.failed, so_far.total or None)
            line = f"{batch.status}, {counts(batch)}"
            if line != told and not notices.is_terminal:
                notices.line(line)
            told = line

        return await client.batches.wait(batch_id, timeout=timeout, on_look=on_look)


@command.command("wait")
@click.argument("batch_id")
@click.option(
    "--timeout", type=FiniteRange(min=0, min_open=True), help="Most seconds; no limit by default."
)
@json_option
@base_url_option
def wait_command(
    batch_id: str, timeout: float | None, *, json_wanted: bool, base_url: str | None
) -> None:
    """Wait until a batch is over, and show it. Exit code 1 unless it was completed."""
    batch = with_client(base_url, partial(_wait, batch_id=batch_id, timeout=timeout))
    _print(batch, json_wanted=json_wanted)
    if batch.status != _COMPLETED:
        raise click.exceptions.Exit(FAILED)


async def _fetch(
    client: GroqClient, batch_id: str, output: Path | None, errors: Path | None
) -> list[tuple[str, Path, int]]:
    """Download what there is.

    Returns:
        Id, place and size of each file.
    """
    batch = await client.batches.retrieve(batch_id)
    if not is_over(batch):
        note = f"`trio-groq batch wait {batch_id}` waits for that"
        raise Failure(f"{batch_id}: expected a batch that is over, got {batch.status}", [note])
    stem = PurePosixPath(batch_id).name
    wanted = [
        (batch.output_file_id, output or Path(f"{stem}_output.jsonl")),
        (batch.error_file_id, errors or Path(f"{stem}_errors.jsonl")),
    ]
    fetched = [
        (file_id, path, await download(client, file_id, path))
        for file_id, path in wanted
        if file_id is not None
    ]
    if not fetched:
        notes = error_lines(batch)
        raise Failure(f"{batch_id}: expected results, got none: it is {batch.status}", notes)
    return fetched


@command.command("results")
@click.argument("batch_id")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Where the answers go: ID_output.jsonl."
)
@click.option(
    "--errors", type=click.Path(path_type=Path), help="Where what failed goes: ID_errors.jsonl."
)
@json_option
@base_url_option
def results_command(
    batch_id: str,
    output: Path | None,
    errors: Path | None,
    *,
    json_wanted: bool,
    base_url: str | None,
) -> None:
    """Download the answers of a batch that is over, and what failed.

    Each file appears whole, or not at all.
    """
    work = partial(_fetch, batch_id=batch_id, output=output, errors=errors)
    for file_id, path, size in with_client(base_url, work):
        facts = {"file_id": file_id, "path": str(path), "bytes": size}
        standard()[0].line(as_json(facts) if json_wanted else f"{path}: {size} bytes")
