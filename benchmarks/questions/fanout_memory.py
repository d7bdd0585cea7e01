"""Does the memory of a fan-out depend on how many requests there are?"""

import time
from collections.abc import Iterator
from typing import Any

import trio

from benchmarks import peers
from benchmarks.metering import resident_bytes
from benchmarks.peers.trio_groq_client import open_client
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target
from trio_groq import GroqClient

CALLS = {"full": 1_000_000, "quick": 100_000, "smoke": 200}
"""Calls of a function that takes a turn of the scheduler, by the scale's name: `map` alone."""
REQUESTS = {"full": 50_000, "quick": 5_000, "smoke": 50}
"""Completions over a socket."""
IN_FLIGHT = 100
WARM_UP = 2_000
"""So many before the first look: connections, buffers and caches are there then."""
LOOKS = 50
"""So often the memory is looked at; what is held of one request in a hundred is seen."""
ANSWER = {"text": "x" * 1_000}
"""An answer has this much of its own, so that one that is kept weighs something."""


async def _turn() -> dict[str, str]:
    await trio.lowlevel.checkpoint()
    return {name: f"{text}." for name, text in ANSWER.items()}


def _calls(count: int) -> Iterator[Any]:
    for _ in range(count):
        yield _turn


def _requests(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"model": "plain", "messages": [{"role": "user", "content": f"number {number}"}]}


async def _drive(client: GroqClient, requests: Iterator[Any], count: int) -> dict[str, float]:
    """Map over all of them, and look at the memory on the way."""
    before, most, done = 0, 0, 0
    started, cpu = time.perf_counter(), time.process_time()
    warm = min(WARM_UP, count // 2)
    every = max((count - warm) // LOOKS, 1)
    async with client.map(requests, max_in_flight=IN_FLIGHT) as outcomes:
        async for outcome in outcomes:
            assert outcome.ok, outcome.error
            done += 1
            if done == warm:
                before = resident_bytes()
            elif done > warm and (done - warm) % every == 0:
                most = max(most, resident_bytes())
    assert done == count
    return {
        "memory": max(most - before, 0) / 1e6,
        "cpu": (time.process_time() - cpu) / count * 1e6,
        "rate": count / (time.perf_counter() - started),
    }


async def _measure(target: Target, scale: Scale) -> Figures:
    calls, requests = CALLS[scale.name], REQUESTS[scale.name]
    async with open_client(target) as client:
        return {
            "a function": await _drive(client, _calls(calls), calls),
            "completions": await _drive(client, _requests(requests), requests),
        }


def measure(_name: str, target: Target, scale: Scale) -> Figures:
    """First `map` alone, then with all that is below it."""
    return trio.run(_measure, target, scale)


QUESTION = Question(
    name="fanout_memory",
    title="Memory for a million requests",
    text=(
        f"Requests from a generator, {IN_FLIGHT} in flight, each outcome taken and dropped: "
        f"{CALLS['full']:,} calls of a function that only waits for its next turn, and "
        f"{REQUESTS['full']:,} completions over loopback sockets, from a server that answers at "
        "once. A million of the former because they cost little: whatever `map` kept of a request "
        "would show. Memory is the most by which the resident size is above what it was after the "
        f"first {WARM_UP:,}, of {LOOKS} looks. CPU includes those looks."
    ),
    peers=peers.some(("trio_groq",)),
    needs={},
    metrics=(
        Metric("memory", "memory above the baseline, at most", "MB"),
        Metric("cpu", "CPU per request", "µs"),
        Metric("rate", "requests a second", "", more_is_better=True, plotted=False),
    ),
    measure=measure,
    goals=(
        Goal(case="a function", metric="memory", at_most=2.0),
        Goal(case="completions", metric="memory", at_most=5.0),
    ),
    rounds=1,
)
