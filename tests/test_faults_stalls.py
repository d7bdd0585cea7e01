"""Peers that fall silent, and peers that never stop: every limit ends the call on time.

A part of the list of faults; see `test_faults`.
"""

import attrs
import pytest
import trio
from trio.testing import MockClock

from cancellation import assert_whole
from fault_calls import (
    ANSWERS,
    WIRE,
    Call,
    each_call,
    each_large,
    each_scheme,
    places,
    streamed,
    uploaded,
)
from fault_world import Stream, calm_clock, new_world, request_of
from peers.raw_peer import DONE, chunk, head
from trio_groq import Timeouts
from trio_groq.errors import APITimeoutError
from trio_groq.testing import Fault, Reply


@pytest.fixture
def clock() -> MockClock:
    return calm_clock()


# -- stall

LIMITS = Timeouts(connect=2.0, write=3.0, read=5.0, total=60.0)


@each_scheme
@each_call
async def test_stall(clock: MockClock, call: Call, *, tls: bool) -> None:
    async with new_world(tls=tls, timeouts=LIMITS) as world:
        for at in places(call):
            world.reply(call, Fault.stall(at))
            error = await world.fails(call, APITimeoutError, after=5.0)
            assert (error.phase, error.limit) == ("read", 5.0)
            world.reply(call, Fault.stall(at))
            await world.gives_up(call, 2.5)
        await world.works(call)


async def read_nothing(stream: Stream) -> None:
    await request_of(stream, head_only=True)
    await trio.sleep(30)


@each_scheme
@each_large
async def test_stall_of_a_server_that_does_not_read(
    clock: MockClock, call: Call, *, tls: bool
) -> None:
    async with new_world(tls=tls, timeouts=LIMITS) as world:
        world.next(read_nothing, read_nothing)
        error = await world.fails(call, APITimeoutError, after=3.0)
        assert error.phase == "write"
        await world.gives_up(call, 2.5)
        await world.works(uploaded)


async def test_stall_after_the_last_word_costs_no_answer(clock: MockClock) -> None:
    """What ends a stream's framing never comes: its text is whole, its connection is not kept."""
    wire = WIRE[streamed]
    async with new_world(timeouts=LIMITS) as world:
        for at in range(wire.index(DONE) + len(DONE), len(wire)):
            world.reply(streamed, Fault.stall(at))
            with trio.fail_after(1):
                assert await streamed(world.client) == ANSWERS[streamed]
            assert assert_whole(world.client).idle == 0
        await world.works(streamed)


# -- slow drip

DRIP = Timeouts(read=5.0, total=10.0)


@each_scheme
@each_call
async def test_slow_drip(clock: MockClock, call: Call, *, tls: bool) -> None:
    """No pause is too long, and yet the whole is: it cannot outlive the total."""
    async with new_world(tls=tls, timeouts=DRIP) as world:
        for at in places(call)[::2]:
            world.reply(call, Fault.slow_drip(4.0, at=at))
            error = await world.fails(call, APITimeoutError, after=10.0)
            assert (error.phase, error.limit) == ("total", 10.0)
        world.reply(call, Fault.slow_drip(4.0))
        await world.gives_up(call, 9.0)
        await world.works(call)


@each_call
@pytest.mark.parametrize("status", [500, 307, 429])
async def test_slow_drip_of_a_body_that_nobody_wants(
    clock: MockClock, call: Call, status: int
) -> None:
    location = "Location: /openai/v1/models"
    first = head("Content-Length: 1000", location, status=f"{status} No")
    drip = Reply.raw(first + b"x" * 1000, fault=Fault.slow_drip(4.0, at=len(first)))
    async with new_world(timeouts=DRIP, retries=2) as world:
        world.fake.enqueue(*[drip] * 3)
        await world.fails(call, after=10.0)
        world.fake._script.clear()
        await world.works(call)


async def comments(stream: Stream) -> None:
    """An event stream that says that it is alive, and nothing else."""
    await request_of(stream)
    await stream.send_all(head("Transfer-Encoding: chunked"))
    while True:
        await stream.send_all(chunk(b": still here\n\n"))
        await trio.sleep(4.0)


@each_scheme
async def test_slow_drip_of_comments(clock: MockClock, *, tls: bool) -> None:
    async with new_world(tls=tls, timeouts=DRIP) as world:
        world.next(comments)
        assert (await world.fails(streamed, APITimeoutError, after=10.0)).phase == "total"
    limits = attrs.evolve(DRIP, first_token=7.0)
    async with new_world(tls=tls, timeouts=limits) as world:
        world.next(comments)
        assert (await world.fails(streamed, APITimeoutError, after=7.0)).phase == "first_token"
        await world.works(streamed)


async def read_slowly(stream: Stream) -> None:
    await request_of(stream, head_only=True)
    for _ in range(5):
        await stream.receive_some(1)
        await trio.sleep(4.0)


@each_scheme
@each_large
async def test_slow_drip_of_a_server_that_reads(clock: MockClock, call: Call, *, tls: bool) -> None:
    async with new_world(tls=tls, timeouts=attrs.evolve(DRIP, write=None)) as world:
        world.next(read_slowly)
        error = await world.fails(call, APITimeoutError, after=10.0)
        assert error.phase == "total"
        await world.works(uploaded)


@each_call
async def test_stalls_and_repetitions_together_stay_within_the_total(
    clock: MockClock, call: Call
) -> None:
    async with new_world(timeouts=DRIP, retries=5) as world:
        for _ in range(5):
            world.reply(call, Fault.stall(10))
        began = trio.current_time()
        await world.fails(call, APITimeoutError)
        assert 5.0 < trio.current_time() - began <= 10.0
        world.fake._script.clear()
        await world.works(call)
