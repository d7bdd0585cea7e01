import io

import trio
from rich.console import Console
from rich.live import Live

from trio_groq.cli import _demo_live
from trio_groq.cli._demo_live import show_live
from trio_groq.cli._demo_run import Lane, Plan


def console(width: int = 60, height: int = 40) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height)


def drawn(lanes: list[Lane], *, width: int = 60, height: int = 40) -> list[str]:
    """The lines of one drawing, without colours."""
    plain = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    with plain.capture() as capture:
        plain.print(_demo_live._drawing(lanes, plain))
    return [line.rstrip() for line in capture.get().splitlines()]


def test_a_row_shows_tokens_and_the_end_of_the_text() -> None:
    lanes = [Lane(1, tokens=5, tail="a story"), Lane(12, tokens=60, tail="the end", seconds=1.0)]
    assert drawn(lanes) == [" 1   5  tok   a story", "12  60  done  the end"]


def test_a_long_text_shows_its_end_in_one_line() -> None:
    (row,) = drawn([Lane(1, tail="x" * 100 + "the end")])
    assert len(row) <= 60
    assert row.endswith("the end")


def test_brackets_are_text_and_no_markup() -> None:
    (row,) = drawn([Lane(1, tail="[red]a[/red] [")])
    assert row.endswith("[red]a[/red] [")


def test_what_does_not_fit_is_counted() -> None:
    lanes = [Lane(number, tokens=10) for number in range(1, 21)]
    rows = drawn(lanes, height=8)
    assert len(rows) == 5
    assert rows[-1].split() == ["160", "tok", "in", "16", "more"]
    assert len(drawn(lanes, height=23)) == 20


def test_the_smallest_terminal_will_do() -> None:
    assert len(drawn([Lane(1, tail="text"), Lane(2)], width=10, height=1)) == 1


async def test_it_draws_a_dozen_times_a_second(autojump_clock: trio.testing.MockClock) -> None:
    screen = console()
    with Live(console=screen, auto_refresh=False) as live, trio.move_on_after(10):
        count = 0

        class Counting:
            def update(self, *_: object, refresh: bool) -> None:
                nonlocal count
                count += refresh
                live.update("", refresh=refresh)

        await _demo_live._tick(Counting(), [Lane(1)], screen)  # type: ignore[arg-type]
    assert 100 <= count <= 150


async def test_the_rows_end_up_complete_and_the_summary_follows() -> None:
    screen = console(width=80)
    plan = Plan(streams=3, answers=1, tokens=4, tokens_per_second=1000)
    result = await show_live(plan, screen)
    assert isinstance(screen.file, io.StringIO)
    text = screen.file.getvalue()
    assert result.pool.opened == 3
    assert text.rindex("done") < text.index("Summary") < text.index("first token p95")
    assert text.endswith("\n")
    assert text.rindex("\x1b[?25l") < text.rindex("\x1b[?25h")  # the cursor is shown again
