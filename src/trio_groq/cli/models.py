"""`trio-groq models`: which models there are, and what is known of one."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

import click
import msgspec

from trio_groq.cli._output import INTERRUPTED, Output, one_line, standard
from trio_groq.cli._running import interruptible, run
from trio_groq.cli._settings import BASE_URL_HELP, settings
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig
from trio_groq.types.models import Model

__all__ = ["command", "details", "show", "table"]

_HEAD: Final = ("MODEL", "OWNER", "CONTEXT", "MAX ANSWER", "ACTIVE")
_NUMBERS: Final = (2, 3)
"""Columns that are aligned at the right."""
_UNKNOWN: Final = "-"
_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999, beyond which there is no date."""


def _yes_or_no(value: bool | None) -> str:  # noqa: FBT001 (the one thing it is about)
    return _UNKNOWN if value is None else ("yes" if value else "no")


def _number(value: int | None) -> str:
    return _UNKNOWN if value is None else str(value)


def _row(model: Model) -> tuple[str, ...]:
    return (
        one_line(model.id),
        one_line(model.owned_by) or _UNKNOWN,
        _number(model.context_window),
        _number(model.max_completion_tokens),
        _yes_or_no(model.active),
    )


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if column in _NUMBERS else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def table(models: Iterable[Model]) -> list[str]:
    """The models by name, a line each, below a line that names the columns."""
    rows = [_HEAD, *sorted(map(_row, models))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [_aligned(row, widths) for row in rows]


def details(model: Model) -> list[str]:
    """What is known of one model, a line for each fact."""
    facts = {
        "model": one_line(model.id),
        "owner": one_line(model.owned_by) or _UNKNOWN,
        "created": _date(model.created),
        "active": _yes_or_no(model.active),
        "context window": _number(model.context_window),
        "max answer": _number(model.max_completion_tokens),
    }
    width = max(map(len, facts))
    return [f"{name:<{width}}  {fact}" for name, fact in facts.items()]


def _date(created: int) -> str:
    if not 0 < created <= _LAST_SECOND:
        return _UNKNOWN
    return datetime.fromtimestamp(created, UTC).date().isoformat()


def _as_json(model: Model) -> str:
    # Plain ASCII: no terminal obeys it, and every encoding has it.
    return json.dumps(msgspec.to_builtins(model))


async def show(config: ClientConfig, name: str | None, output: Output, *, as_json: bool) -> bool:
    """Print all models, or one.

    Args:
        config: Where, and with which key.
        name: Which model; None for all.
        output: Where to.
        as_json: As JSON, an object a line, with all that the API said.

    Returns:
        Whether it came to its end; False if it was interrupted.

    Raises:
        GroqError: The call failed.
    """
    async with interruptible() as scope, GroqClient(config=config) as client:
        if name is None:
            models = (await client.models.list()).data
            lines = [_as_json(model) for model in models] if as_json else table(models)
        else:
            model = await client.models.retrieve(name)
            lines = [_as_json(model)] if as_json else details(model)
        for line in lines:
            output.line(line)
    return not scope.cancelled_caught


@click.command
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a line.")
@click.option("--base-url", help=BASE_URL_HELP)
def command(name: str | None, *, as_json: bool, base_url: str | None) -> None:
    """List the models, or show what is known of one.

    The key comes from GROQ_API_KEY.
    """
    output, _ = standard()
    if not run(partial(show, settings(base_url), name, output, as_json=as_json)):
        raise click.exceptions.Exit(INTERRUPTED)
