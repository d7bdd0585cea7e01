"""A benchmark harness: so many streams at a time, first tokens and speeds in percentiles.

Set GROQ_API_KEY, and run it: python examples/benchmark.py openai/gpt-oss-20b 50 10
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import trio

from trio_groq import GroqClient, GroqError

PROMPT = "Explain how a transistor works, in about 200 words."


@dataclass
class Results:
    """What was measured: seconds to first tokens, tokens per second of each stream, tokens."""

    first_tokens: list[float] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)
    tokens: int = 0
    errors: list[GroqError] = field(default_factory=list)


async def measure(client: GroqClient, model: str, results: Results) -> None:
    stream = client.chat.completions.stream(
        model=model, messages=[{"role": "user", "content": PROMPT}]
    )
    try:
        async with stream:
            await stream.until_done()  # by batches: one wake-up for all that has come
    except GroqError as error:
        results.errors.append(error)
        return
    usage, timings = stream.completion.usage, stream.meta.timings
    if usage and timings.first_token is not None and timings.total:
        results.first_tokens.append(timings.first_token)
        results.speeds.append(usage.completion_tokens / timings.total)
        results.tokens += usage.completion_tokens


async def work(client: GroqClient, model: str, calls: Iterator[int], results: Results) -> None:
    for _ in calls:  # shared by all workers: whoever is free takes the next
        await measure(client, model, results)


def line(name: str, values: Sequence[float], unit: str) -> str:
    ranked = sorted(values)
    shown = [f"p{q} {ranked[math.ceil(q / 100 * len(ranked)) - 1]:.1f}" for q in (50, 95, 99)]
    return f"{name}: {', '.join(shown)} {unit}"


async def main(model: str, count: int, at_once: int) -> None:
    calls, results = iter(range(count)), Results()
    async with GroqClient(max_retries=0) as client:  # a repetition would hide what is measured
        await measure(client, model, Results())  # DNS, TCP, TLS: not counted
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(at_once):
                nursery.start_soon(work, client, model, calls, results)
        seconds = trio.current_time() - began
    print(f"{len(results.speeds)} answers, {len(results.errors)} errors in {seconds:.2f} s")
    if results.speeds:
        print(line("first token", [1000 * time for time in results.first_tokens], "ms"))
        print(line("one stream", results.speeds, "tokens/s"))
        print(f"all together: {results.tokens / seconds:.1f} tokens/s")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [name, calls, workers]:
            trio.run(main, name, int(calls), int(workers))
        case _:
            sys.exit("usage: benchmark.py MODEL CALLS AT_ONCE")
