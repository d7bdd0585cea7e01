"""Many tasks against a server that limits them, and against one that is down for a while.

Times are virtual: the server shares the run's clock.
"""

from typing import Final

import attrs
import pytest
import trio
from trio.testing import MockClock

from cancellation import assert_whole
from limited_servers import FixedWindow, RateLimiter, TokenBucket, ceiled
from trio_groq import (
    CircuitBreakerPolicy,
    ClientConfig,
    GroqClient,
    PoolLimits,
    RateLimitPolicy,
    RetryPolicy,
)
from trio_groq.errors import GroqError
from trio_groq.testing import FakeGroq, RecordedRequest, Reply

TASKS: Final = 1000
MODEL: Final = "llama-3.1-8b-instant"
DOWN: Final = Reply.error(503, "down")


@attrs.define
class Limited:
    """A server that grants what its limiter grants."""

    limiter: RateLimiter
    granted: list[str] = attrs.field(factory=list)
    seen: int = 0

    def answer(self, request: RecordedRequest) -> Reply:
        self.seen += 1
        wait = self.limiter.ask(trio.current_time())
        if wait is not None:
            message = f"Rate limit reached. Please try again in {wait:.3f}s."
            return Reply.error(429, message, retry_after=wait)
        self.granted.append(request.json["messages"][0]["content"])
        return Reply(content="ok", head_delay=0.05)


async def ask(client: GroqClient, prompt: str) -> None:
    messages = [{"role": "user", "content": prompt}]
    await client.chat.completions.create(model=MODEL, messages=messages)  # type: ignore[arg-type]  # a plain dict


@pytest.mark.parametrize(
    "limiter",
    [FixedWindow(limit=50), FixedWindow(limit=50, phase=0.3, named=ceiled), TokenBucket()],
    ids=["window", "window-ceiled", "bucket"],
)
async def test_a_storm_on_a_limited_server(limiter: RateLimiter, autojump_clock: MockClock) -> None:
    limited = Limited(limiter)
    arrived: list[str] = []  # Trio starts tasks in an order of its own

    async def arrive(client: GroqClient, prompt: str) -> None:
        arrived.append(prompt)
        await ask(client, prompt)

    async with FakeGroq(default_reply=limited.answer) as server:
        config = ClientConfig(
            api_key="gsk_test",
            base_url=server.url,
            rate_limit=RateLimitPolicy(max_wait=600.0),
            limits=PoolLimits(max_connections=100),
        )
        async with GroqClient(config=config) as client:
            async with trio.open_nursery() as nursery:
                for number in range(TASKS):
                    nursery.start_soon(arrive, client, str(number))
            assert_whole(client)
    assert sorted(limited.granted) == sorted(arrived)
    assert limited.seen <= 1.1 * TASKS
    # Nobody starves: each is answered about where its place in the line was.
    places = {prompt: place for place, prompt in enumerate(arrived)}
    late = [index - places[prompt] for index, prompt in enumerate(limited.granted)]
    assert max(late) <= 100, sorted(late)[-10:]


@attrs.define
class Failing:
    """A server that is down from one moment to another."""

    begin: float
    end: float
    seen: int = 0
    answered: list[float] = attrs.field(factory=list)

    def answer(self, _request: RecordedRequest) -> Reply:
        self.seen += 1
        now = trio.current_time()
        if self.begin <= now < self.end:
            return DOWN
        self.answered.append(now)
        return Reply(content="ok", head_delay=0.2)


async def test_an_outage_is_not_multiplied(autojump_clock: MockClock) -> None:
    """Two hundred tasks of five calls each; the server is down for 10 s in their middle."""
    start = trio.current_time()
    failing = Failing(start + 5.0, start + 15.0)
    breaker = CircuitBreakerPolicy(on_open="wait")
    async with FakeGroq(default_reply=failing.answer) as server:
        config = ClientConfig(
            api_key="gsk_test",
            base_url=server.url,
            circuit_breaker=breaker,
            retry=RetryPolicy(max_retries=5),
            limits=PoolLimits(max_connections=50),
        )
        failed = 0

        async def work(client: GroqClient, number: int) -> None:
            nonlocal failed
            for _ in range(5):
                await trio.sleep(1.0 + number / 100)
                try:
                    await ask(client, str(number))
                except GroqError:
                    failed += 1

        async with GroqClient(config=config) as client:
            async with trio.open_nursery() as nursery:
                for number in range(200):
                    nursery.start_soon(work, client, number)
            assert client.is_available()
            assert_whole(client)
    assert failing.seen <= 1.2 * 1000
    assert failed == 0
    back = min(moment for moment in failing.answered if moment >= failing.end)
    assert back <= failing.begin + breaker.open_for + 2.0


@pytest.mark.parametrize("at_once", [True, False])
async def test_one_refusal_does_not_strangle_a_client_that_makes_few_calls(
    autojump_clock: MockClock, *, at_once: bool
) -> None:
    async with FakeGroq(default_reply=Reply(content="ok", head_delay=0.5)) as server:
        server.enqueue(Reply(content="ok"), Reply.error(429, "later", retry_after=30))
        async with GroqClient(api_key="gsk_test", base_url=server.url) as client:
            await ask(client, "first")
            start = trio.current_time()
            await ask(client, "second")
            assert 30.0 <= trio.current_time() - start < 31.0
            async with trio.open_nursery() as nursery:
                for number in range(10):
                    if at_once:
                        nursery.start_soon(ask, client, str(number))
                    else:
                        await ask(client, str(number))
    # Ten answers of half a second each, or the slow start's four round trips.
    assert trio.current_time() - start < (34.0 if at_once else 36.5)
    assert len(server.requests) == 13
