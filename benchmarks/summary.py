"""Figures of all rounds -> medians, spreads and ratios."""

from statistics import median

import attrs

from benchmarks.records import Goal
from benchmarks.runner import Answer

__all__ = ["Cell", "Verdict", "cases_of", "cell", "verdict"]


@attrs.frozen
class Cell:
    """One peer's figure for one case, over all rounds.

    Attributes:
        median: Of the values.
        low: The least of them.
        high: The greatest of them.
        ratio: To the baseline: the median of the ratios within each round, since what disturbs
            the machine in a round disturbs both. None without a baseline.
    """

    median: float
    low: float
    high: float
    ratio: float | None


@attrs.frozen
class Verdict:
    """A goal, and what was found: None where a peer is missing."""

    goal: Goal
    found: float | None

    @property
    def held(self) -> bool | None:
        """Whether the goal was met."""
        return None if self.found is None else self.found <= self.goal.at_most


def cases_of(answer: Answer, metric: str) -> list[str]:
    """Cases in which any peer has this metric, in the order in which they were measured."""
    found: dict[str, None] = {}
    for figures in answer.rounds:
        for cases in figures.values():
            found.update((case, None) for case, values in cases.items() if metric in values)
    return list(found)


def _value(answer: Answer, number: int, peer: str, case: str, metric: str) -> float | None:
    value = answer.rounds[number].get(peer, {}).get(case, {}).get(metric)
    return None if value is None or value != value else value  # noqa: PLR0124 (not a number)


def _values(answer: Answer, peer: str, case: str, metric: str) -> list[float]:
    found = (_value(answer, at, peer, case, metric) for at in range(len(answer.rounds)))
    return [value for value in found if value is not None]


def _ratio(
    answer: Answer, metric: str, one: tuple[str, str], other: tuple[str, str]
) -> float | None:
    """The median ratio of two (peer, case), each within one round."""
    ratios = []
    for at in range(len(answer.rounds)):
        value, base = (_value(answer, at, peer, case, metric) for peer, case in (one, other))
        if value is not None and base:
            ratios.append(value / base)
    return median(ratios) if ratios else None


def cell(answer: Answer, peer: str, case: str, metric: str) -> Cell | None:
    """One cell of the table; None if there are no values."""
    values = _values(answer, peer, case, metric)
    if not values:
        return None
    ratio = _ratio(answer, metric, (peer, case), (answer.question.baseline, case))
    return Cell(median(values), min(values), max(values), ratio)


def verdict(answer: Answer, goal: Goal) -> Verdict:
    """Hold the figures against a goal."""
    if goal.of is None and goal.of_case is None:
        values = _values(answer, goal.peer, goal.case, goal.metric)
        return Verdict(goal, median(values) if values else None)
    other = (goal.of or goal.peer, goal.of_case or goal.case)
    return Verdict(goal, _ratio(answer, goal.metric, (goal.peer, goal.case), other))
