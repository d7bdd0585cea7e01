"""A queue loop on asyncio, as the OpenAI cookbook's parallel processor has it.

One loop looks at the budgets of requests and of tokens, starts a task for the next request if it
fits, and sleeps for a moment. A task that fails puts its request into a queue of those to be tried
again, which go first. Each answer is appended to the file, which is opened for it.

The pattern knows no bound of requests in flight; here that is a third condition. Its budgets are
far above what any client needs.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any, Final

import aiohttp
import attrs

from benchmarks.fanouts import Job, requests
from benchmarks.target import Target

__all__ = ["fan_out", "fan_out_eagerly"]

PAUSE: Final = 0.001
"""Seconds between two rounds of the loop. As each round starts one request, this is also what
bounds the pattern to 1,000 a second."""
COOL_DOWN: Final = 15.0
"""Seconds without a new request after one was refused for its rate."""
REQUESTS_PER_MINUTE: Final = 10_000_000
TOKENS_PER_MINUTE: Final = 10_000_000_000
CHARACTERS_PER_TOKEN: Final = 4
"""An estimate; a tokenizer would cost more."""
ANSWER_TOKENS: Final = 256
"""Set aside for the answer."""
TRIES: Final = 5
TOO_MANY: Final = 429


class Budget:
    """So much a minute; what is spent comes back evenly."""

    def __init__(self, per_minute: float) -> None:
        self._per_minute = per_minute
        self.left = per_minute
        self._at = time.monotonic()

    def refill(self) -> None:
        """Add what has come back since the last time."""
        now = time.monotonic()
        back = self._per_minute * (now - self._at) / 60
        self.left = min(self.left + back, self._per_minute)
        self._at = now


@attrs.define
class Call:
    """One request on its way.

    Attributes:
        number: Its place among all.
        body: Its parameters.
        tokens: What it may cost.
        tries: So many are left.
    """

    number: int
    body: dict[str, Any]
    tokens: int
    tries: int = TRIES


def _calls(count: int) -> Iterator[Call]:
    for number, body in enumerate(requests(count)):
        characters = sum(len(message["content"]) for message in body["messages"])
        yield Call(number, body, characters // CHARACTERS_PER_TOKEN + ANSWER_TOKENS)


class QueueLoop:
    """The loop, and what its tasks tell it.

    Attributes:
        failed: Requests that no try was left for.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, job: Job) -> None:
        self._session = session
        self._url = url
        self._at_once = job.at_once
        self._results = job.results
        self._calls = _calls(job.count)
        self._again: asyncio.Queue[Call] = asyncio.Queue()
        self._next: Call | None = None
        self._requests = Budget(REQUESTS_PER_MINUTE)
        self._tokens = Budget(TOKENS_PER_MINUTE)
        self._in_flight = 0
        self._refused_at = float("-inf")
        self.failed = 0

    async def run(self, *, starts_per_round: int) -> None:
        """Start what the budgets allow, until nothing is left and nothing under way."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._requests.refill()
                self._tokens.refill()
                for _ in range(starts_per_round):
                    call = self._take()
                    if call is None:
                        break
                    tasks.create_task(self._make(call))
                if self._next is None and not self._in_flight:
                    return
                await asyncio.sleep(PAUSE)
                cool_down = self._refused_at + COOL_DOWN - time.monotonic()
                if cool_down > 0:
                    await asyncio.sleep(cool_down)

    def _take(self) -> Call | None:
        """The next request, if it may start now."""
        if self._next is None:
            self._next = (
                next(self._calls, None) if self._again.empty() else self._again.get_nowait()
            )
        call = self._next
        fits = (
            call is not None
            and self._in_flight < self._at_once
            and self._requests.left >= 1
            and self._tokens.left >= call.tokens
        )
        if call is None or not fits:
            return None
        self._next = None
        self._in_flight += 1
        self._requests.left -= 1
        self._tokens.left -= call.tokens
        return call

    async def _make(self, call: Call) -> None:
        call.tries -= 1
        try:
            async with self._session.post(self._url, json=call.body) as response:
                if response.status == TOO_MANY:
                    self._refused_at = time.monotonic()
                response.raise_for_status()
                answer = await response.json()
        except (aiohttp.ClientError, TimeoutError):
            if call.tries:
                self._again.put_nowait(call)
            else:
                self.failed += 1
        else:
            with self._results.open("a", encoding="utf-8") as results:
                results.write(json.dumps([call.number, answer]) + "\n")
        finally:
            self._in_flight -= 1


async def _fan_out(target: Target, job: Job, starts_per_round: int) -> None:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=job.at_once),
        headers={"Authorization": "Bearer gsk_benchmark"},
    ) as session:
        loop = QueueLoop(session, target.chat_url, job)
        await loop.run(starts_per_round=starts_per_round)
    assert not loop.failed


async def fan_out(target: Target, job: Job) -> None:
    """See `FanOut`. One request in a round, as in the pattern."""
    await _fan_out(target, job, 1)


async def fan_out_eagerly(target: Target, job: Job) -> None:
    """See `FanOut`. As many in a round as may start."""
    await _fan_out(target, job, job.at_once)
