"""How much memory does `trio-groq run` need for a large file?"""

import json
import os
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import peers
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target

SIZES = {"full": (1_000, 100_000), "quick": (1_000, 10_000), "smoke": (2, 20)}
"""Requests of the two files, by the scale's name; the smaller one is asked first."""
IN_FLIGHT = 10
START = "from trio_groq.cli import main; main()"


def _children() -> Any:  # noqa: ANN401 (Windows has no such module)
    resource = import_module("resource")
    return resource.getrusage(resource.RUSAGE_CHILDREN)


def _write_input(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            line = {"custom_id": f"request-{number}", "prompt": f"Say {number}.", "model": "plain"}
            file.write(json.dumps(line) + "\n")


def _run(folder: Path, target: Target, count: int) -> dict[str, float]:
    path = folder / f"{count}.jsonl"
    _write_input(path, count)
    before = _children()
    started = time.perf_counter()
    subprocess.run(
        (sys.executable, "-c", START, "run", path, "--max-in-flight", str(IN_FLIGHT)),
        env=os.environ | {"GROQ_API_KEY": "gsk_benchmark", "GROQ_BASE_URL": target.url},
        capture_output=True,
        check=True,
    )
    seconds = time.perf_counter() - started
    after = _children()
    with path.with_suffix(".results.jsonl").open("rb") as results:
        assert sum(1 for _ in results) == count
    unit = 1 if sys.platform == "darwin" else 1024
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        # The most of all children so far, of which this one is the largest.
        "memory": after.ru_maxrss * unit / 1e6,
        "cpu": cpu / count * 1e6,
        "rate": count / seconds,
    }


def measure(_name: str, target: Target, scale: Scale) -> Figures:
    """The smaller file, then the larger one, each in a process of its own."""
    small, large = SIZES[scale.name]
    with TemporaryDirectory() as folder:
        return {
            "a small file": _run(Path(folder), target, small),
            "a large file": _run(Path(folder), target, large),
        }


QUESTION = Question(
    name="run_memory",
    title="Memory of a large run",
    text=(
        f"`trio-groq run` over a file of {SIZES['full'][0]:,} requests and one of "
        f"{SIZES['full'][1]:,}, {IN_FLIGHT} in flight, each run a process of its own from its "
        "start to its end. Memory is the most that the process had. What grows is what is known of "
        "each request, some 200 bytes; requests and answers do not stay."
    ),
    peers=peers.some(("trio_groq",)),
    needs={},
    metrics=(
        Metric("memory", "memory, at most", "MB"),
        Metric("cpu", "CPU per request", "µs"),
        Metric("rate", "requests a second", "1/s", more_is_better=True, plotted=False),
    ),
    measure=measure,
    goals=(
        Goal(case="a large file", metric="memory", of_case="a small file", at_most=2.0),
        Goal(case="a large file", metric="memory", at_most=80.0),
    ),
    rounds=1,
)
