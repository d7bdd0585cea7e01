"""RESULTS.md: tables, goals, and the machine they were made on."""

import os
import platform
import ssl
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from math import floor, log10

from benchmarks.records import Metric
from benchmarks.runner import Answer
from benchmarks.summary import Verdict, cases_of, cell, verdict

__all__ = ["load", "number", "render", "setting"]

QUIET = 0.5
"""Load average of the last minute up to which a machine counts as quiet."""

LIBRARIES = (
    *("trio-groq", "trio", "msgspec", "h11", "groq", "openai", "httpx", "httpx-sse", "aiohttp"),
    *("uvloop", "sseclient-py"),
)

_READING = """\
Each peer runs in a process of its own, in turn, in several rounds; the load server is another
process. A cell has the median of all rounds, the least and the greatest value in brackets, and the
ratio to {baseline}: the median of the ratios within each round. CPU is user and system time of
the peer's process, measured by itself after a warm-up, so a busy machine disturbs it
less than it disturbs the clock. The slow peers take part in the first two rounds only, or in the
first one where they open thousands of streams.

The load server sends prebuilt bytes. It states its own CPU time before and after each measurement;
where its share of a core is far below 100 %, the client is what limits. Where tokens are paced it
also states by how much it was late with one: that lateness is its own (or the machine's), and the
client is not charged with it, because a token carries the time at which it was really sent.
"""


def load() -> str:
    """How busy the machine is; empty where the system does not tell."""
    if not hasattr(os, "getloadavg"):
        return ""
    before = os.getloadavg()[0]
    if before < QUIET:
        return f"The machine was quiet before (load average {before:.1f})."
    return f"**The machine was busy with other work** (load average {before:.1f} before the run)."


def machine() -> str:
    """The machine and the versions, in one paragraph."""
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"{name} absent")
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}, {ssl.OPENSSL_VERSION}; "
        f"{', '.join(versions)}."
    )


def number(value: float) -> str:
    """Three digits that count."""
    if value == 0:
        return "0"
    digits = 2 - floor(log10(abs(value)))
    return f"{round(value, digits):,.{min(max(digits, 0), 3)}f}"


def _ratio(value: float) -> str:
    return f"x {number(value)}"


def _table(answer: Answer, metric: Metric) -> Iterator[str]:
    cases = cases_of(answer, metric.name)
    if not cases:
        return
    better = "more" if metric.more_is_better else "less"
    note = f"{metric.unit}; {better} is better" if metric.plotted else metric.unit
    yield f"**{metric.title}** ({note})\n"
    yield f"| | {' | '.join(cases)} |"
    yield f"|---|{'---|' * len(cases)}"
    for peer, label in answer.question.peers.items():
        cells = [_cell(answer, peer, case, metric) for case in cases]
        if any(cells):
            yield f"| {label} | {' | '.join(cells)} |"
    yield ""


def _cell(answer: Answer, peer: str, case: str, metric: Metric) -> str:
    found = cell(answer, peer, case, metric.name)
    if found is None:
        return ""
    text = f"{number(found.median)} [{number(found.low)}–{number(found.high)}]"  # noqa: RUF001 (a range)
    if not metric.plotted or found.ratio is None:
        return text
    return f"{text} **{_ratio(found.ratio)}**"


def _goal(answer: Answer, found: Verdict) -> str:
    goal, question = found.goal, answer.question
    metric = next(each for each in question.metrics if each.name == goal.metric)
    what = f"{question.title}, {goal.case}: {metric.title}, {question.peers[goal.peer]}"
    if goal.of is None and goal.of_case is None:
        limit = f"<= {number(goal.at_most)} {metric.unit}"
        value = "not measured" if found.found is None else f"{number(found.found)} {metric.unit}"
    else:
        other = question.peers[goal.of] if goal.of else goal.of_case
        # A small fraction reads better the other way round.
        small = goal.at_most <= 1 / 5
        bound = f"1/{number(1 / goal.at_most)}" if small else number(goal.at_most)
        limit = f"<= {bound} of {other}"
        if found.found is None:
            value = "not measured"
        else:
            value = f"1/{number(1 / found.found)}" if small else number(found.found)
    held = {True: "yes", False: "**no**", None: ""}[found.held]
    return f"| {what} | {limit} | {value} | {held} |"


def _section(answer: Answer) -> Iterator[str]:
    question = answer.question
    yield f"## {question.title}\n"
    yield f"{question.text}\n"
    yield f"![{question.title}](plots/{question.name}.png)\n"
    for metric in question.metrics:
        yield from _table(answer, metric)
    for peer, reason in answer.absent.items():
        yield f"{question.peers[peer]}: {reason}.\n"


def setting(scale: str, rounds: int, busy: str) -> str:
    """How the figures came about."""
    return f"Made by python -m benchmarks ({scale}, {rounds} rounds) on: {machine()} {busy}"


def render(answers: list[Answer], *, made: str) -> str:
    """The whole report; `made` says how it came about."""
    lines = [
        "# Results\n",
        f"{made}\n",
        _READING.format(baseline="trio-groq"),
        "## Goals\n",
        "| figure | to hold | found | held |",
        "|---|---|---|---|",
    ]
    for answer in answers:
        lines += [_goal(answer, verdict(answer, goal)) for goal in answer.question.goals]
    lines.append("")
    for answer in answers:
        lines += _section(answer)
    return "\n".join(lines).rstrip() + "\n"
