"""What a question is made of."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from benchmarks.target import Target

__all__ = ["FULL", "QUICK", "SMOKE", "Figures", "Goal", "Measure", "Metric", "Question", "Scale"]


@attrs.frozen
class Scale:
    """How much is measured.

    Attributes:
        name: Of the scale.
        seconds: How long one case is measured, about.
        streams: Most streams or connections at once.
        calls: How often a single step is repeated where each is timed.
    """

    name: str
    seconds: float
    streams: int
    calls: int


FULL = Scale("full", seconds=0.4, streams=5000, calls=150)
QUICK = Scale("quick", seconds=0.1, streams=200, calls=30)
SMOKE = Scale("smoke", seconds=0.02, streams=8, calls=2)

Figures: TypeAlias = dict[str, dict[str, float]]
"""Case -> metric -> value, of one peer in one round."""
Measure: TypeAlias = Callable[[str, Target, Scale], Figures]
"""Measures the named peer; runs in that peer's process."""


@attrs.frozen
class Metric:
    """One kind of figure.

    Attributes:
        name: Key in the figures.
        title: For people.
        unit: Of the values as they are shown.
        more_is_better: Else less is.
        plotted: Whether the picture shows it.
    """

    name: str
    title: str
    unit: str
    more_is_better: bool = False
    plotted: bool = True


@attrs.frozen(kw_only=True)
class Goal:
    """A bound that a figure must hold.

    Attributes:
        case: Of the figures.
        metric: Of the figures.
        at_most: Bound of the value, or of its ratio.
        of: The peer whose value in the same round it is divided by; None for the value itself.
        of_case: The case whose value it is divided by, if another one.
        peer: Whose value it is.
    """

    case: str
    metric: str
    at_most: float
    of: str | None = None
    of_case: str | None = None
    peer: str = "trio_groq"


@attrs.frozen(kw_only=True)
class Question:
    """One thing to know.

    Attributes:
        name: On the command line and in file names.
        title: The question.
        text: What is done, and what the figures mean.
        peers: Name -> label, in the order in which they run.
        needs: Name of a peer -> modules that must be installed for it.
        baseline: The peer that ratios refer to.
        metrics: What is measured.
        measure: Does it.
        goals: What must hold.
        rounds: At most so many, where more would only take time.
        slow_rounds: The slow peers take part in so many rounds only.
        also_tls: Whether it is measured over TLS as well, in a process of its own.
    """

    name: str
    title: str
    text: str
    peers: Mapping[str, str]
    needs: Mapping[str, tuple[str, ...]]
    metrics: tuple[Metric, ...]
    measure: Measure
    baseline: str = "trio_groq"
    goals: tuple[Goal, ...] = ()
    rounds: int = 99
    slow_rounds: int = 2
    also_tls: bool = False
