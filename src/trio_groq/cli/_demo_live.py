"""The demo in a terminal: a row for each stream, drawn anew a dozen times a second.

One task draws. The streams only count and keep the end of their text, so what a token costs does
not depend on how it is shown.
"""

from collections.abc import Sequence
from typing import Final

import trio
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trio_groq.cli._demo_run import Lane, Plan, Result, run_plan

__all__ = ["show_live"]

_INTERVAL: Final = 1 / 12
"""Seconds between two drawings: quick enough to look alive, and seldom enough to cost little."""

_SPARE_LINES: Final = 3
"""Lines of the terminal that rows leave free: the rest's line, and the prompt's."""

_OTHER_COLUMNS: Final = 20
"""Characters of a row before its text."""


def _row_text(lane: Lane, width: int) -> Text:
    done = lane.seconds is not None
    return Text(lane.tail[-width:].ljust(1), style="dim" if done else "", no_wrap=True)


def _drawing(lanes: Sequence[Lane], console: Console) -> Table:
    """The rows at this moment; what does not fit is counted in the last."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right", style="cyan")
    table.add_column(justify="right", style="green")
    table.add_column(style="green")
    table.add_column(no_wrap=True, overflow="crop")
    room = max(1, console.height - _SPARE_LINES)
    shown = lanes if len(lanes) <= room else lanes[: room - 1]
    width = max(1, console.width - _OTHER_COLUMNS)
    for lane in shown:
        mark = "done" if lane.seconds is not None else "tok"
        table.add_row(str(lane.number), str(lane.tokens), mark, _row_text(lane, width))
    if hidden := lanes[len(shown) :]:
        tokens = sum(lane.tokens for lane in hidden)
        table.add_row("", str(tokens), "tok", f"in {len(hidden)} more")
    return table


async def _tick(live: Live, lanes: Sequence[Lane], console: Console) -> None:
    while True:
        live.update(_drawing(lanes, console), refresh=True)
        await trio.sleep(_INTERVAL)


def _report(result: Result) -> Table:
    table = Table(show_header=False, title="Summary", title_justify="left")
    table.add_column()
    table.add_column(justify="right", style="bold")
    for name, figure in result.rows():
        table.add_row(name, figure)
    return table


async def show_live(plan: Plan, console: Console | None = None) -> Result:
    """Run the plan, drawing; then print the summary.

    Args:
        plan: What to do.
        console: Where to draw; standard output if None.
    """
    console = console or Console()
    lanes = plan.lanes()
    with Live(console=console, auto_refresh=False) as live:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_tick, live, lanes, console)
            result = await run_plan(plan, lanes)
            nursery.cancel_scope.cancel()
        live.update(_drawing(lanes, console), refresh=True)
    console.print(_report(result))
    return result
