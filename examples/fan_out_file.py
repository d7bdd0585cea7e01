"""Ask about every line of a file, 50 at a time, and see how it goes while it goes.

Set GROQ_API_KEY, and run it: python examples/fan_out_file.py reviews.txt > answers.jsonl
The file may be of any length: a line is read when its call can be made, and then forgotten.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import trio

from trio_groq import GroqClient
from trio_groq.fanout import ChatRequest

AT_ONCE = 50
TASK = "Is this review positive, negative or mixed? Answer with that one word."


@dataclass
class Progress:
    """What has come so far."""

    answered: int = 0
    failed: int = 0
    tokens: int = 0

    async def show(self) -> None:
        """Write it over itself on the terminal, twice a second, until cancelled."""
        began = trio.current_time()
        while True:
            await trio.sleep(0.5)
            speed = self.tokens / (trio.current_time() - began)
            text = f"{self.answered} answered, {self.failed} failed, {speed:.0f} tokens/s"
            print(f"\r{text}", end="", file=sys.stderr, flush=True)


def requests(path: Path) -> Iterator[ChatRequest]:
    """What to ask. To read the next line of a local file takes less time than a thread would."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield {
                "model": "openai/gpt-oss-20b",
                "messages": [
                    {"role": "system", "content": TASK},
                    {"role": "user", "content": line.strip()},
                ],
                "reasoning_effort": "low",
            }


async def main(path: Path) -> None:
    progress = Progress()
    async with (
        GroqClient() as client,
        client.map(requests(path), max_in_flight=AT_ONCE) as outcomes,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(progress.show)
        async for outcome in outcomes:
            result: dict[str, object] = {"line": outcome.index + 1}
            if outcome.value is None:
                progress.failed += 1
                result["error"] = str(outcome.error)
            else:
                progress.answered += 1
                usage = outcome.value.usage
                progress.tokens += usage.total_tokens if usage else 0
                result["answer"] = outcome.value.choices[0].message.content
            print(json.dumps(result), flush=True)
        nursery.cancel_scope.cancel()
    print(f"\r{progress}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit("usage: fan_out_file.py FILE")
    trio.run(main, Path(sys.argv[1]))
