"""Each question of the benchmarks can be asked of each peer that is installed. Nothing is timed."""

import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from shared_data import ROOT

OURS = ("trio_groq", "trio_groq_batches", "raw_trio", "trio_sockets")


def module(name: str) -> Any:
    """A module of the benchmarks; by name, as type checkers would want every peer installed."""
    return import_module(f"benchmarks.{name}")


def asked() -> list[tuple[str, str]]:
    """Every question with each of its peers."""
    questions = module("questions")
    return [(name, peer) for name in questions.NAMES for peer in questions.load(name).peers]


sys.path.insert(0, str(ROOT))
try:
    ASKED = asked()
finally:
    sys.path.remove(str(ROOT))


@pytest.fixture(scope="module")
def target() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        with module("runner").load_server() as where:
            yield where


@pytest.mark.parametrize(("name", "peer"), ASKED)
def test_a_peer_answers_a_question(name: str, peer: str, target: Any) -> None:
    question = module("questions").load(name)
    if reason := module("runner").missing_modules(question, peer):
        pytest.skip(reason)
    with warnings.catch_warnings():
        if peer not in OURS:
            warnings.simplefilter("ignore")  # what a peer warns of is its own affair
        figures = question.measure(peer, target, module("records").SMOKE)
    assert figures
    known = {metric.name for metric in question.metrics}
    assert all(values and values.keys() <= known for values in figures.values())


def answer(*rounds: dict[str, float]) -> Any:
    """What the question of full speed would give: CPU of each peer, round by round."""
    question = module("questions").load("full_speed")
    figures = [{peer: {"plain": {"cpu": value}} for peer, value in each.items()} for each in rounds]
    return module("runner").Answer(question, figures, {"openai": "openai not installed"})


def test_a_ratio_is_taken_within_each_round() -> None:
    # The second round was disturbed: all took ten times as long.
    disturbed = answer(
        {"trio_groq": 3.0, "aiohttp": 6.0},
        {"trio_groq": 30.0, "aiohttp": 60.0},
        {"trio_groq": 4.0, "aiohttp": 8.0},
    )
    cell = module("summary").cell(disturbed, "aiohttp", "plain", "cpu")
    assert (cell.median, cell.low, cell.high, cell.ratio) == (8.0, 6.0, 60.0, 2.0)


@pytest.mark.parametrize(
    ("ours", "aiohttp", "held"),
    [(2.0, 2.0, "yes"), (2.1, 2.0, "**no**"), (2.0, None, "not measured")],
)
def test_goals_are_held_against_the_figures(ours: float, aiohttp: float | None, held: str) -> None:
    figures = {"trio_groq": ours} | ({} if aiohttp is None else {"aiohttp": aiohttp})
    report = module("report").render([answer(figures)], made="here")
    goal = next(line for line in report.splitlines() if "<= 1.00 of aiohttp" in line)
    assert held in goal


def test_the_report_says_who_is_absent() -> None:
    report = module("report").render([answer({"trio_groq": 3.0})], made="here")
    assert "openai + aiohttp, asyncio: openai not installed." in report
    assert str(ROOT) not in report
