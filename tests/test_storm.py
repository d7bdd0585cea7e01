"""Forty tasks on ten connections, with deadlines and faults by chance.

Nothing leaks and nothing mixes. What is asserted holds whatever the interleaving: every answer that
comes whole is the caller's own, every other call ends with its own deadline or with a `GroqError`,
and at the end the pool is whole.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import attrs
import pytest
import trio

from cancellation import assert_whole, descriptors
from trio_groq import GroqClient, PoolLimits
from trio_groq.config import ClientConfig, RetryPolicy, Timeouts
from trio_groq.errors import APIConnectionError, GroqError, StreamError
from trio_groq.testing import FakeGroq, Fault, RecordedRequest, Reply
from trio_groq.testing.content import echo
from trio_groq.types.chat_params import ChatCompletionCreateParams

TASKS: Final = 40
CONNECTIONS: Final = 10
CALLS: Final = 6
"""Calls of each task, one after the other."""
AFTER: Final = "after the storm"
HANG: Final = 30.0
"""Seconds: far more than a storm takes, so that a hang is a failure and not a wait."""


Call: TypeAlias = Callable[[GroqClient, str], Awaitable[str]]


def params(prompt: str) -> ChatCompletionCreateParams:
    return {
        "model": "llama-3.1-8b-instant",
        "messages": [{"role": "user", "content": prompt}],
        "stop": "\n",  # the echo ends with the prompt
    }


async def plain(client: GroqClient, prompt: str) -> str:
    completion = await client.chat.completions.create(**params(prompt))
    return completion.choices[0].message.content or ""


async def streamed(client: GroqClient, prompt: str) -> str:
    async with client.chat.completions.stream(**params(prompt)) as stream:
        return "".join([text async for text in stream.text_deltas()])


async def created(client: GroqClient, prompt: str) -> str:
    opened = await client.chat.completions.create(stream=True, **params(prompt))
    async with opened as stream:
        return (await stream.until_done()).choices[0].message.content or ""


async def broken_off(client: GroqClient, prompt: str) -> str:
    """Leaves a stream half-read, and returns what a whole answer would have been."""
    async with client.chat.completions.stream(**params(prompt)) as stream:
        async for text in stream.text_deltas():
            assert f"You said: {prompt}".startswith(text)
            break
    return f"You said: {prompt}"


KINDS: Final[tuple[Call, ...]] = (plain, streamed, created, broken_off)


@attrs.define
class Storm:
    """Calls by chance, and how they ended.

    Attributes:
        seed: Of all chance on the client's side.
        longest: Upper end of the deadlines, in seconds.
        ended: How many calls ended in which way.
    """

    seed: int
    longest: float
    ended: Counter[str] = attrs.field(factory=Counter)

    async def rage(self, client: GroqClient) -> None:
        with trio.fail_after(HANG):
            async with trio.open_nursery() as nursery:
                for number in range(TASKS):
                    nursery.start_soon(self._task, client, number)

    async def _task(self, client: GroqClient, number: int) -> None:
        chance = random.Random(f"{self.seed} {number}")  # noqa: S311 (no secret)
        for turn in range(CALLS):
            call = chance.choice(KINDS)
            prompt = f"task {number} turn {turn} " + "word " * chance.randrange(12) + "end"
            seconds = chance.choice([HANG, chance.uniform(0, self.longest)])
            with trio.move_on_after(seconds) as scope:
                await self._call(client, call, prompt)
            self.ended["deadline"] += scope.cancelled_caught

    async def _call(self, client: GroqClient, call: Call, prompt: str) -> None:
        try:
            answer = await call(client, prompt)
        except (APIConnectionError, StreamError) as error:
            self.ended["failed"] += 1
            partial = error.partial
            if partial is not None and partial.choices:
                said = partial.choices[0].message.content or ""
                assert f"You said: {prompt}".startswith(said)
        else:
            assert answer == f"You said: {prompt}"
            self.ended["answered"] += 1

    @property
    def calls(self) -> int:
        return sum(self.ended.values())


def paced(request: RecordedRequest) -> Reply:
    """The echo, with a token each millisecond or as fast as it goes, by the prompt's length."""
    reply = echo(request.params)
    if len(request.body) % 3 == 0:
        return reply
    return attrs.evolve(reply, token_interval=0.0005, events_per_write=1)


def faulty(request: RecordedRequest) -> Reply:
    """The same, and every other one goes wrong at a byte that depends on the request alone.

    What is asked after the storm is answered well.
    """
    if AFTER.encode() in request.body:
        return paced(request)
    chance = random.Random(request.body)  # noqa: S311 (no secret)
    make = chance.choice([None, None, None, Fault.reset, Fault.truncate, Fault.stall])
    reply = paced(request)
    return reply if make is None else attrs.evolve(reply, fault=make(chance.randrange(2500)))


@asynccontextmanager
async def new_world(
    *, tls: bool, faults: bool, max_waiters: int | None = None
) -> AsyncIterator[GroqClient]:
    before = descriptors()
    async with FakeGroq(tls=tls, default_reply=faulty if faults else paced) as server:
        client = GroqClient(
            config=ClientConfig(api_key="gsk_test", circuit_breaker=None),  # faults are the point
            # By number, as a thread that resolves a name outlives the call that asked.
            base_url=server.url.replace("localhost", "127.0.0.1"),
            ssl_context=server.ssl_context() if tls else None,
            limits=PoolLimits(max_connections=CONNECTIONS, max_waiters=max_waiters),
            timeout=Timeouts(connect=HANG, read=0.1 if faults else HANG),
            max_retries=RetryPolicy(max_retries=1, initial_delay=0.001, max_delay=0.001),
        )
        async with client:
            yield client
        assert client.pool.statistics().open == 0
    assert descriptors() - before == set()


async def assert_calm(client: GroqClient) -> None:
    """Nothing is left of the storm, and every connection that was kept is good."""
    assert assert_whole(client).open <= CONNECTIONS
    patient = client.with_options(timeout=Timeouts(connect=HANG, read=HANG))
    answers: dict[str, str] = {}

    async def ask(call: Call, number: int) -> None:
        prompt = f"{AFTER} {number}"
        answers[prompt] = await call(patient, prompt)

    async with trio.open_nursery() as nursery:
        for number in range(2 * CONNECTIONS):
            nursery.start_soon(ask, (plain, streamed)[number % 2], number)
    assert len(answers) == 2 * CONNECTIONS
    assert all(answer == f"You said: {prompt}" for prompt, answer in answers.items())
    assert assert_whole(client).idle >= 1


each_scheme = pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
each_seed = pytest.mark.parametrize("seed", range(2))


@each_seed
@each_scheme
async def test_deadlines_by_chance(*, tls: bool, seed: int) -> None:
    async with new_world(tls=tls, faults=False) as client:
        storm = Storm(seed, longest=0.1)
        await storm.rage(client)
        assert storm.ended["failed"] == 0, "a deadline of the caller's is never an error"
        assert storm.calls == TASKS * CALLS
        assert storm.ended["answered"] > 0
        await assert_calm(client)


@each_seed
@each_scheme
async def test_deadlines_and_faults_by_chance(*, tls: bool, seed: int) -> None:
    async with new_world(tls=tls, faults=True) as client:
        storm = Storm(seed, longest=0.1)
        await storm.rage(client)
        assert storm.calls == TASKS * CALLS
        await assert_calm(client)


async def test_a_queue_that_is_too_long_refuses_and_leaves_nothing() -> None:
    async with new_world(tls=False, faults=False, max_waiters=5) as client:
        storm = Storm(0, longest=0.1)
        await storm.rage(client)
        assert storm.calls == TASKS * CALLS
        assert storm.ended["failed"] > 0, "40 tasks start at once, and 15 are let in"
        assert_whole(client)


async def test_everybody_cancelled_at_once_leaves_nothing() -> None:
    async with new_world(tls=False, faults=False) as client:
        for rounds in range(10):
            storm = Storm(rounds, longest=HANG)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(storm.rage, client)
                for _ in range(7 * rounds):
                    await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()
            assert_whole(client)
        await assert_calm(client)


async def test_a_client_closed_in_the_storm_ends_every_call() -> None:
    ended: Counter[str] = Counter()

    async def call(client: GroqClient, number: int) -> None:
        kind = KINDS[number % len(KINDS)]
        try:
            answer = await kind(client, f"task {number}")
        except GroqError:
            ended["failed"] += 1
        else:
            assert answer == f"You said: task {number}"
            ended["answered"] += 1

    for rounds in range(10):
        ended.clear()
        async with new_world(tls=False, faults=False) as client:
            with trio.fail_after(HANG):
                async with trio.open_nursery() as nursery:
                    for number in range(TASKS):
                        nursery.start_soon(call, client, number)
                    for _ in range(5 * rounds):
                        await trio.lowlevel.checkpoint()
                    await client.aclose()
            assert ended.total() == TASKS
            assert assert_whole(client).open == 0
