"""One picture per question. The only file that needs matplotlib."""

from itertools import zip_longest
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.records import Metric
from benchmarks.runner import Answer
from benchmarks.summary import cases_of, cell

__all__ = ["draw"]

COLUMNS = 2
LOG_FROM = 15.0
"""A range wider than this is drawn on a logarithmic axis."""
OURS = "#d1495b"
OURS_TOO = "#edae49"
OTHERS = ("#00798c", "#30638e", "#003d5b", "#5c6b73", "#8d99ae", "#6b9080", "#a4c3b2")


def _colours(names: list[str]) -> dict[str, str]:
    ours = {"trio_groq": OURS, "trio_groq_batches": OURS_TOO}
    others = iter(OTHERS)
    return {name: ours.get(name) or next(others) for name in names}


def _bars(axes: Axes, answer: Answer, metric: Metric) -> None:
    cases = cases_of(answer, metric.name)
    names = [name for name in answer.question.peers if name not in answer.absent]
    colours = _colours(names)
    height = 0.8 / max(len(names), 1)
    seen = []
    for row, name in enumerate(names):
        for at, case in enumerate(cases):
            found = cell(answer, name, case, metric.name)
            if found is None:
                continue
            seen.append(found.median)
            spread = [
                [max(found.median - found.low, 0)],
                [max(found.high - found.median, 0)],
            ]
            axes.barh(
                at + (row + 0.5) * height - 0.4,
                found.median,
                height * 0.9,
                xerr=spread,
                color=colours[name],
                error_kw={"elinewidth": 0.8, "alpha": 0.6},
                label=answer.question.peers[name] if at == 0 else None,
            )
    # Zero has no place on a logarithmic axis.
    if seen and min(seen) > 0 and max(seen) / min(seen) > LOG_FROM:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(cases)), cases)
    axes.invert_yaxis()
    better = "more" if metric.more_is_better else "less"
    axes.set_xlabel(f"{metric.unit} ({better} is better)")
    axes.set_title(metric.title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def draw(answer: Answer, folder: Path) -> None:
    """Write `<question>.png`."""
    metrics = [
        metric
        for metric in answer.question.metrics
        if metric.plotted and cases_of(answer, metric.name)
    ]
    bars = [len(cases_of(answer, metric.name)) * len(answer.question.peers) for metric in metrics]
    columns = min(len(metrics), COLUMNS)
    rows = ceil(len(metrics) / columns)
    height = max(2.4, 0.12 * max(bars) + 0.8)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(5.6 * columns, height * rows + 0.8),
        squeeze=False,
        layout="constrained",
    )
    for axes, metric in zip_longest(grid.flat, metrics):
        if metric is None:
            axes.set_visible(False)
        else:
            _bars(axes, answer, metric)
    handles: dict[str, Any] = {}
    for axes in grid.flat:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        list(handles.values()), list(handles), loc="outside lower center", ncols=3, fontsize=8
    )
    figure.suptitle(answer.question.title)
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / f"{answer.question.name}.png", dpi=110)
    plt.close(figure)
