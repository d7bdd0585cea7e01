"""What does a fan-out of plain completions cost as a whole: time, CPU and memory?"""

import json
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import fanouts
from benchmarks.fanouts import Job, Program
from benchmarks.metering import Meter, peak_bytes, resident_bytes
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target

COUNTS = {"full": 2_000, "quick": 400, "smoke": 20}
"""Completions, by the scale's name."""
WARM_UP = 1 / 20
"""Share of them that is made before, with a client of its own."""
AT_ONCE = 200
ROUNDS = 3


def _run(program: Program, target: Target, job: Job) -> None:
    program.loop.run(partial(program.fan_out, target, job))


def _check(job: Job) -> None:
    """Every request has its answer, once."""
    with job.results.open("rb") as results:
        lines = [json.loads(line) for line in results]
    assert sorted(number for number, _ in lines) == list(range(job.count))
    assert all(answer["choices"][0]["message"]["content"] for _, answer in lines)


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """A few to warm up, then all of them."""
    program = fanouts.load(name)
    count, at_once = COUNTS[scale.name], min(AT_ONCE, scale.streams)
    with TemporaryDirectory() as folder:
        before = resident_bytes()
        _run(program, target, Job(int(count * WARM_UP), at_once, Path(folder, "warm_up.jsonl")))
        job = Job(count, at_once, Path(folder, "results.jsonl"))
        meter = Meter(target)
        _run(program, target, job)
        reading = meter.stop()
        peak = peak_bytes()
        _check(job)
    return {
        f"{AT_ONCE} at once": {
            "cpu": reading.cpu / count * 1e6,
            "wall": reading.wall,
            "memory": peak / 1e6,
            "grown": max(peak - before, 0) / 1e6,
            "server": reading.server * 100,
        }
    }


QUESTION = Question(
    name="fan_out",
    title="Fan-out of plain completions",
    text=(
        f"A job as a whole: {COUNTS['full']:,} plain completions, {AT_ONCE} in flight at the most, "
        "each answer written to a JSONL file with its request's number; from making the client to "
        "closing it, the connections included. The server answers at once, so time is what the "
        "client needs. trio-groq does it with `client.map`, from a generator; the official SDK "
        "with a task for each completion in one nursery, behind a limiter. The queue loop is the "
        "pattern of the OpenAI cookbook's parallel processor, written anew: a loop with budgets "
        "of requests and tokens (so large that they hold nothing back), a task for each "
        "request, a queue of those to try again, and the file opened for each answer. It starts "
        "one request in each round and sleeps for 1 ms in between, so it cannot do more than 1,000 "
        "a second, and hardly has two in flight here; without its pace it starts all that may "
        "start. CPU is of the whole job, divided by the completions. Memory is the most that the "
        "process had, with all that it imported. The SDK takes part in every round here."
    ),
    peers=fanouts.ALL,
    needs=fanouts.NEEDS,
    metrics=(
        Metric("wall", "time for all", "s"),
        Metric("cpu", "CPU per completion", "µs"),
        Metric("memory", "memory of the process, at most", "MB"),
        Metric("grown", "of that, above what it was after the imports", "MB"),
        Metric("server", "server's share of a core", "%", plotted=False),
    ),
    measure=measure,
    goals=(
        Goal(case=f"{AT_ONCE} at once", metric="cpu", of="groq_trio", at_most=1 / 5),
        Goal(case=f"{AT_ONCE} at once", metric="memory", of="groq_trio", at_most=1.0),
    ),
    rounds=ROUNDS,
    slow_rounds=ROUNDS,
)
