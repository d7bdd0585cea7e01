import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cli.run_files import answer
from trio_groq.cli._output import Failure, Output
from trio_groq.cli._run_progress import (
    report_lines,
    showing,
    survey_lines,
    tick,
    write_summary,
)
from trio_groq.cli._run_requests import Tokens
from trio_groq.cli._run_survey import Survey
from trio_groq.cli._run_tally import Tally

FACTS: dict[str, Any] = {
    "requests": 1234,
    "answered_before": 1000,
    "failed_before": 4,
    "seconds": 61.2,
    "answered": 225,
    "failed": 5,
    "not_asked": 0,
    "retries": 7,
    "prompt_tokens": 12_345,
    "completion_tokens": 6,
    "requests_per_second": 3.75,
    "cost": 0.25,
    "failures": {"400": 3, "APITimeoutError": 2},
    "stopped_by": "max-cost",
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def ticked(notices: Output) -> None:
    tally = Tally(10, trio.current_time())
    with showing(notices) as (show, seconds):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tick, show, seconds, tally, lambda: None)
            await trio.sleep(1.5)
            tally.add(answer(), 0.0, trio.current_time())
            await trio.sleep(1)
            nursery.cancel_scope.cancel()


async def test_a_line_a_second_where_nobody_looks(autojump_clock: MockClock) -> None:
    stream = io.StringIO()
    await ticked(Output(stream))
    assert stream.getvalue().splitlines() == [
        "1 s, 0 of 10, 0 failed, 0 in flight, 0.0/s, 0 tokens (0/s), ETA ?",
        "2 s, 1 of 10, 0 failed, 0 in flight, 0.5/s, 7 tokens (4/s), ETA 18 s",
    ]


async def test_a_bar_in_a_terminal(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    await ticked(Output(terminal))
    shown = terminal.getvalue()
    assert "1 of 10, 0 failed" in shown
    assert shown.count("of 10, 0 failed") >= 8
    assert "\x1b[2K" in shown  # it is wiped out at the end


def test_a_survey() -> None:
    found = Survey(requests=1234, answered=4, todo=1230, estimate=Tokens(5678, 9), cost=1.5)
    lines = survey_lines(found, is_priced=True)
    assert [line.split()[-1] for line in lines] == [
        "1,234",
        "4",
        "0",
        "1,230",
        "5,678",
        "9",
        "1.5000",
    ]
    assert len({len(line) for line in lines}) == 1
    assert len(survey_lines(found, is_priced=False)) == 6


def test_a_report() -> None:
    lines = report_lines(FACTS)
    table = [tuple(re.split(r"\s{2,}", line.strip())) for line in lines]
    assert table[:4] == [
        ("answered", "225"),
        ("failed", "5"),
        ("400", "3"),
        ("APITimeoutError", "2"),
    ]
    assert table[-4:] == [
        ("time", "1 min 1 s"),
        ("requests a second", "3.8"),
        ("cost", "0.2500"),
        ("stopped by", "max-cost"),
    ]
    bare = {**FACTS, "cost": None, "stopped_by": None, "requests_per_second": None}
    shorter = report_lines(bare)
    assert len(shorter) == len(lines) - 2
    assert shorter[-1].split()[-1] == "-"


def test_a_summary_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("old")
    write_summary(path, FACTS)
    assert json.loads(path.read_text()) == FACTS
    assert [each.name for each in tmp_path.iterdir()] == ["s.json"]
    with pytest.raises(Failure, match="expected a file that can be written"):
        write_summary(tmp_path / "none" / "s.json", FACTS)
