"""What is shown of a batch."""

from collections.abc import Iterable
from typing import Final

from trio_groq._api.batch_progress import is_over
from trio_groq.cli._output import one_line
from trio_groq.cli._transfers import date, in_columns
from trio_groq.types.batches import Batch, BatchError, BatchErrors, BatchRequestCounts

__all__ = ["counts", "details", "error_lines", "table"]

_MAX_SHOWN: Final = 10
"""Errors of a batch that are shown: enough to see what is wrong."""


def counts(batch: Batch) -> str:
    """How far a batch has come."""
    so_far = batch.request_counts or BatchRequestCounts()
    failed = f", {so_far.failed} failed" if so_far.failed else ""
    return f"{so_far.completed} of {so_far.total} done{failed}"


def error_lines(batch: Batch) -> list[str]:
    """What is wrong with a batch's input, a line each; the first few."""
    errors = batch.errors
    listed = errors.data if isinstance(errors, BatchErrors) else errors
    return [_error_line(error) for error in (listed or [])[:_MAX_SHOWN]]


def _error_line(error: BatchError) -> str:
    where = "" if error.line is None else f"line {error.line}: "
    return one_line(f"{where}{error.message or error.code or 'no reason given'}")


def details(batch: Batch) -> list[str]:
    """What is known of a batch, a line for each fact."""
    facts = [
        ("batch", batch.id),
        ("status", batch.status),
        ("requests", counts(batch)),
        ("endpoint", batch.endpoint),
        ("window", batch.completion_window),
        ("input", batch.input_file_id),
        ("output", batch.output_file_id),
        ("errors", batch.error_file_id),
        *(("metadata", f"{name}={text}") for name, text in (batch.metadata or {}).items()),
        ("created", date(batch.created_at)),
        *((name, date(at)) for name, at in _moments(batch) if at is not None),
        *(("error", line) for line in error_lines(batch)),
    ]
    return in_columns([(name, text) for name, text in facts if text is not None])


def _moments(batch: Batch) -> list[tuple[str, int | None]]:
    return [
        ("in progress", batch.in_progress_at),
        ("finalizing", batch.finalizing_at),
        ("completed", batch.completed_at),
        ("failed", batch.failed_at),
        ("cancelling", batch.cancelling_at),
        ("cancelled", batch.cancelled_at),
        ("expired", batch.expired_at),
        ("expires", None if is_over(batch) else batch.expires_at),
    ]


def table(batches: Iterable[Batch]) -> list[str]:
    """Batches, a line each, below a line that names the columns."""
    rows = [(each.id, each.status, counts(each), date(each.created_at)) for each in batches]
    return in_columns([("BATCH", "STATUS", "REQUESTS", "CREATED"), *rows])
