"""`trio-groq demo`: many streams at once against FakeGroq, and how fast they were."""

import os
from functools import partial
from typing import Final

import click

from trio_groq.cli._demo_run import Lane, Plan, Result, run_plan
from trio_groq.cli._figures import in_milliseconds
from trio_groq.cli._options import FiniteRange
from trio_groq.cli._output import INTERRUPTED, Output, standard
from trio_groq.cli._running import interruptible, run

__all__ = ["command", "demo", "show_plain"]

_MAX_STREAMS: Final = 400
"""Both ends of a connection are in this process; many systems grant it 1024 descriptors."""
_MAX_ANSWERS: Final = 1000
_MAX_TOKENS: Final = 10_000
_DEFAULTS: Final = Plan()


def _answers(count: int) -> str:
    return "1 answer" if count == 1 else f"{count} answers"


def _line(lane: Lane) -> str:
    return (
        f"stream {lane.number:>3}: {_answers(lane.answers)}, {lane.tokens} tokens in "
        f"{lane.seconds or 0:.2f} s, first token after {in_milliseconds(lane.first_tokens[0])}"
    )


async def show_plain(plan: Plan, output: Output) -> Result:
    """Run the plan; print a line when a stream ends, then the summary. Plain ASCII."""
    output.line(f"{plan.streams} streams at once, {_answers(plan.answers)} each, from FakeGroq")
    result = await run_plan(plan, plan.lanes(), lambda lane: output.line(_line(lane)))
    output.line()
    rows = result.rows()
    names = max(len(name) for name, _ in rows)
    figures = max(len(figure) for _, figure in rows)
    for name, figure in rows:
        output.line(f"{name:<{names}}  {figure:>{figures}}")
    return result


async def demo(plan: Plan, output: Output, *, plain: bool) -> bool:
    """Run the plan and show it.

    Returns:
        Whether it came to its end; False if it was interrupted.
    """
    async with interruptible() as scope:
        if plain:
            await show_plain(plan, output)
        else:
            from trio_groq.cli._demo_live import show_live  # noqa: PLC0415 (rich is slow to load)

            await show_live(plan)
    return not scope.cancelled_caught


@click.command
@click.option(
    "--streams",
    type=click.IntRange(1, _MAX_STREAMS),
    default=_DEFAULTS.streams,
    show_default=True,
    help="Answers streamed at once.",
)
@click.option(
    "--answers",
    type=click.IntRange(1, _MAX_ANSWERS),
    default=_DEFAULTS.answers,
    show_default=True,
    help="Answers for each of these, one after the other.",
)
@click.option(
    "--tokens",
    type=click.IntRange(1, _MAX_TOKENS),
    default=_DEFAULTS.tokens,
    show_default=True,
    help="Tokens of an answer.",
)
@click.option(
    "--tokens-per-second",
    type=FiniteRange(min=0.1),
    default=_DEFAULTS.tokens_per_second,
    show_default=True,
    help="Pace of an answer, about.",
)
@click.option(
    "--plain/--no-plain",
    default=None,
    help="Lines instead of live output. By default, whether this is no terminal.",
)
def command(
    streams: int, answers: int, tokens: int, tokens_per_second: float, *, plain: bool | None
) -> None:
    """Stream many answers at once from a scripted server on this machine.

    Ends with a summary: time to the first token, tokens per second, connections, memory. It needs
    no key and no network, and the text is the same in every run.
    """
    plan = Plan(
        streams=streams, answers=answers, tokens=tokens, tokens_per_second=tokens_per_second
    )
    output, _ = standard()
    if plain is None:
        plain = not output.is_terminal or os.environ.get("TERM") == "dumb"
    if not run(partial(demo, plan, output, plain=plain)):
        output.end_line()
        raise click.exceptions.Exit(INTERRUPTED)
