"""Connections that die, and peers that fall silent: every call survives, and so does its client.

The whole list of faults is in three files: here what a connection does; what a response says in
`test_faults_responses`; and what stands between the two in `test_faults_network`.

After each fault nothing but a `GroqError` or the caller's own cancellation came out, no descriptor
is open that was not, no place of the pool is taken, and the next call on the same client works
(`fault_world`).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count

import attrs
import pytest
import trio
from trio.testing import MockClock

from cancellation import assert_whole
from fault_world import (
    ANSWERS,
    ASK,
    CALLS,
    REPLIES,
    Call,
    Stream,
    World,
    calm_clock,
    downloaded,
    each_call,
    each_scheme,
    new_world,
    plain,
    request_of,
    spoken,
    stay,
    streamed,
    uploaded,
)
from trio_groq import GroqClient, RetryPolicy, Timeouts
from trio_groq.errors import (
    APIConnectionError,
    APITimeoutError,
    GroqError,
    ProtocolError,
    RequestTooLargeError,
    StreamError,
)
from trio_groq.testing import Fault, Reply

BROKEN = (APIConnectionError, StreamError)
"""What a connection that breaks is told as: before a stream's head, and behind it."""


@pytest.fixture
def clock() -> MockClock:
    return calm_clock()


async def one_shot(client: GroqClient) -> object:
    """An upload that can be sent only once."""

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"custom_id"', b':"a"}\n'):
            await trio.lowlevel.checkpoint()
            yield piece

    file = await client.files.create(file=("in.jsonl", (pieces(), 18)), purpose="batch")
    return file.bytes


# -- idle close


@each_scheme
@each_call
async def test_idle_close(clock: MockClock, call: Call, *, tls: bool) -> None:
    """The server closes a connection that nobody uses: the next call is not to notice."""
    async with new_world(tls=tls) as world:
        await world.works(call)
        for closed in (1, 2):
            world.fake.close_connections()
            await world.works(call)
            assert world.client.pool.statistics().stale == closed
        assert world.front.accepted == 3


@each_scheme
async def test_idle_close_of_many(clock: MockClock, *, tls: bool) -> None:
    async with new_world(tls=tls) as world:
        await world.client.warm_up(5)
        world.fake.close_connections()
        for call in CALLS:
            await world.works(call)
        assert world.fake.connections_open == world.client.pool.statistics().open


# -- close race


@each_scheme
@each_call
@pytest.mark.parametrize("fault", [Fault.truncate(0), Fault.reset(0)], ids=["close", "reset"])
async def test_close_race(clock: MockClock, call: Call, fault: Fault, *, tls: bool) -> None:
    """It closes as the request comes: on a used connection that is sent again, on a new one not."""
    async with new_world(tls=tls) as world:
        await world.works(call)
        world.reply(call, fault)
        await world.works(call)
        assert (world.front.accepted, world.fake.requests_served) == (2, 4)
        world.fake.close_connections()
        world.reply(call, fault)
        await world.fails(call, APIConnectionError)
        await world.works(call)


async def close_unread(stream: Stream) -> None:
    """Answer one request; close when the next is there, unread, which resets the connection."""
    assert isinstance(stream, trio.SocketStream)
    await request_of(stream)
    body = b'{"id":"1","choices":[{"index":0,"message":{"content":"You said: Hello"}}]}'
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await trio.lowlevel.wait_readable(stream.socket)


async def test_close_race_that_leaves_the_request_unread(clock: MockClock) -> None:
    async with new_world() as world:
        for call in (plain, streamed, downloaded, uploaded):
            world.next(close_unread)
            await world.works(plain)
            await world.works(call)
            world.fake.close_connections()


@pytest.mark.parametrize("fault", [Fault.truncate(0), Fault.reset(0)], ids=["close", "reset"])
async def test_close_race_with_what_can_be_sent_only_once(clock: MockClock, fault: Fault) -> None:
    async with new_world(max_retries=2) as world:
        await world.works(plain)
        world.reply(uploaded, fault)
        error = await world.fails(one_shot, APIConnectionError)
        assert error.attempts == 1
        assert await one_shot(world.client) == ANSWERS[uploaded]
        assert_whole(world.client)


# -- reset, and end, at every chunk


async def swept(world: World, call: Call, make: Callable[[int], Fault], step: int) -> int:
    """Let a response break off at byte 0, `step`, ...; how often it did before its end."""
    for number in count():
        world.reply(call, make(number * step))
        with trio.fail_after(60):
            try:
                answer = await call(world.client)
            except BROKEN:
                answer = None
        await world.settle()
        assert_whole(world.client)
        if answer is not None:
            assert answer == ANSWERS[call]
            return number
    raise AssertionError


@each_scheme
@each_call
@pytest.mark.parametrize("make", [Fault.reset, Fault.truncate], ids=["reset", "cut"])
async def test_reset_anywhere(
    clock: MockClock, call: Call, make: Callable[[int], Fault], *, tls: bool
) -> None:
    async with new_world(tls=tls, circuit_breaker=False, retries=0) as world:
        broken = await swept(world, call, make, step=61 if tls else 17)
        assert broken > 4
        await world.works(call)


def chunk_ends() -> list[int]:
    """Where the chunks of a stream end, its head first; not the one that ends it."""
    return []


# -- stall
