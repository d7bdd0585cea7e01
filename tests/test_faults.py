"""Connections that die, and peers that fall silent: every call survives, and so does its client.

The whole list of faults is in six files:

- here: idle close, close race, reset and end at every chunk, half close, early 413;
- `test_faults_stalls`: stall, slow drip;
- `test_faults_drips`: slow drip of handshakes, records and proxies;
- `test_faults_responses`: endless headers and 1xx, garbage, gzip bomb, redirects, clock jumps;
- `test_faults_tls`: handshake stall, partial record, missing close_notify, wrong host, TLS where
  none is spoken and the reverse;
- `test_faults_network`: DNS, black-holed IPv6, descriptor exhaustion, proxies that refuse.

After each fault nothing but a `GroqError` or the caller's own cancellation came out, no descriptor
is open that was not, no place of the pool is taken, and the next call on the same client works
(`fault_world`).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import pytest
import trio
from trio.testing import MockClock

from cancellation import assert_whole, descriptors
from fault_calls import (
    ANSWERS,
    CALLS,
    LINES,
    WIRE,
    Call,
    downloaded,
    each_call,
    each_large,
    each_scheme,
    places,
    plain,
    streamed,
    uploaded,
)
from fault_world import Script, Stream, World, calm_clock, new_world, request_of, stay
from peers.raw_peer import head
from trio_groq import GroqClient
from trio_groq._api.uploads import AsyncBytes
from trio_groq.errors import (
    APIConnectionError,
    RequestTooLargeError,
    StreamError,
)
from trio_groq.testing import Fault

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

    content = AsyncBytes(pieces(), len(LINES))
    file = await client.files.create(file=("in.jsonl", content), purpose="batch")
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
        await world.client.warm_up(len(CALLS))
        await world.settle()
        world.fake.close_connections()
        answers: dict[Call, object] = {}

        async def ask(call: Call) -> None:
            answers[call] = await call(world.client)

        async with trio.open_nursery() as nursery:
            for call in CALLS:
                nursery.start_soon(ask, call)
        assert answers == ANSWERS
        assert assert_whole(world.client).stale == len(CALLS)
        await world.settle()


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
    async with new_world(retries=2) as world:
        await world.works(plain)
        world.reply(uploaded, fault)
        error = await world.fails(one_shot, APIConnectionError)
        assert error.attempts == 1
        assert await one_shot(world.client) == ANSWERS[uploaded]
        assert_whole(world.client)


# -- reset, and end, at every chunk


def needed(call: Call) -> int:
    """Bytes of its response without which a call cannot succeed: after the last word, some can."""
    wire = WIRE[call]
    return wire.index(b'"stop"') if call is streamed else len(wire)


async def breaks_off(world: World, call: Call, fault: Fault) -> None:
    """Let a response break off."""
    world.reply(call, fault)
    before, answer = descriptors(), None
    with suppress(*BROKEN), trio.fail_after(60):
        answer = await call(world.client)
    assert answer == ANSWERS[call] or (answer is None and fault.at < len(WIRE[call]))
    assert answer is None or fault.at >= needed(call)
    await world.check(before)


@each_scheme
@each_call
@pytest.mark.parametrize("make", [Fault.reset, Fault.truncate], ids=["reset", "cut"])
async def test_reset_anywhere(
    clock: MockClock, call: Call, make: Callable[[int], Fault], *, tls: bool
) -> None:
    async with new_world(tls=tls) as world:
        for at in range(0, len(WIRE[call]), 151 if tls else 31):
            await breaks_off(world, call, make(at))
        await world.works(call)


@each_scheme
@pytest.mark.parametrize("make", [Fault.reset, Fault.truncate], ids=["reset", "cut"])
async def test_reset_at_every_chunk_of_a_stream(
    clock: MockClock, make: Callable[[int], Fault], *, tls: bool
) -> None:
    """At each chunk's beginning and end, and a byte before and after."""
    wire = WIRE[streamed]
    ends = [at for at in range(len(wire)) if wire[at - 2 : at] == b"\r\n"]
    async with new_world(tls=tls) as world:
        for at in sorted({end + shift for end in ends for shift in (-1, 0, 1)}):
            await breaks_off(world, streamed, make(at))
            await world.works(streamed)


@each_scheme
async def test_reset_is_told_with_what_had_come(clock: MockClock, *, tls: bool) -> None:
    text = ""
    async with new_world(tls=tls) as world:
        for at in range(WIRE[streamed].index(b"data:"), needed(streamed), 37):
            world.reply(streamed, Fault.reset(at))
            error = await world.fails(streamed, StreamError)
            choices = error.partial.choices
            text = choices[0].message.content if choices else ""
            assert "You said: Hello".startswith(text or "")
        assert text == "You said: Hello"
        await world.works(streamed)


@each_scheme
@each_call
async def test_resets_are_outlived_by_a_call_that_is_repeated(
    clock: MockClock, call: Call, *, tls: bool
) -> None:
    async with new_world(tls=tls, retries=2) as world:
        world.reply(call, Fault.reset(0))
        world.reply(call, Fault.truncate(20))
        await world.works(call)
        assert world.fake.requests_served == 4


async def reset_in_the_upload(stream: Stream) -> None:
    await request_of(stream, head_only=True)
    await stream.receive_some(1000)  # closing with bytes unread resets the connection


@each_scheme
@each_large
async def test_reset_in_the_middle_of_an_upload(clock: MockClock, call: Call, *, tls: bool) -> None:
    async with new_world(tls=tls) as world:
        world.next(reset_in_the_upload)
        await world.fails(call, APIConnectionError, after=0.0)
        await world.works(uploaded)


# -- half close


async def end_sending(stream: Stream) -> None:
    assert isinstance(stream, trio.SocketStream)
    await stream.send_eof()
    await stay(stream)


@each_call
async def test_half_close_of_an_idle_connection(clock: MockClock, call: Call) -> None:
    async def answer_and_end(stream: Stream) -> None:
        await request_of(stream)
        await stream.send_all(WIRE[plain])
        await end_sending(stream)

    async with new_world() as world:
        world.next(answer_and_end)
        await world.works(plain)
        await world.works(call)
        await world.settle()
        assert (world.front.accepted, world.front.open) == (2, 1)


@each_call
async def test_half_close_in_a_response(clock: MockClock, call: Call) -> None:
    async with new_world() as world:
        for at in places(call):

            async def send_some(stream: Stream, at: int = at) -> None:
                await request_of(stream)
                await stream.send_all(WIRE[call][:at])
                await end_sending(stream)

            world.next(send_some)
            await world.fails(call, BROKEN, after=0.0)
        await world.works(call)


@each_large
async def test_half_close_in_an_upload(clock: MockClock, call: Call) -> None:
    async def end_and_sleep(stream: Stream) -> None:
        await request_of(stream, head_only=True)
        assert isinstance(stream, trio.SocketStream)
        await stream.send_eof()
        await trio.sleep(30)

    async with new_world() as world:
        world.next(end_and_sleep)
        await world.fails(call, APIConnectionError, after=0.0)
        await world.works(uploaded)


# -- early 413

TOO_LARGE = head("Content-Length: 0", "Connection: close", status="413 Payload Too Large")


async def refuse_and_sleep(stream: Stream) -> None:
    await request_of(stream, head_only=True)
    await stream.send_all(TOO_LARGE)
    await trio.sleep(30)


async def refuse_and_read_on(stream: Stream) -> None:
    await request_of(stream, head_only=True)
    await stream.send_all(TOO_LARGE)
    await stay(stream)


async def refuse_and_close(stream: Stream) -> None:
    """Closing resets the connection, for the request was not read."""
    await request_of(stream, head_only=True)
    await stream.send_all(TOO_LARGE)


@each_scheme
@each_large
@pytest.mark.parametrize("script", [refuse_and_sleep, refuse_and_read_on])
async def test_early_413(clock: MockClock, script: Script, call: Call, *, tls: bool) -> None:
    """The refusal is heard while the request is still being sent, and is never asked again."""
    async with new_world(tls=tls, retries=2) as world:
        world.next(script)
        error = await world.fails(call, RequestTooLargeError, after=0.0)
        assert error.attempts == 1
        await world.works(uploaded)


@each_scheme
@each_large
async def test_early_413_and_a_reset(clock: MockClock, call: Call, *, tls: bool) -> None:
    async with new_world(tls=tls) as world:
        world.next(refuse_and_close)
        await world.fails(call, (RequestTooLargeError, APIConnectionError), after=0.0)
        await world.works(uploaded)


@each_scheme
@each_large
async def test_early_413_of_the_server_s_own(clock: MockClock, call: Call, *, tls: bool) -> None:
    async with new_world(tls=tls, retries=2, max_body_bytes=1_000_000) as world:
        error = await world.fails(call, RequestTooLargeError)
        assert error.attempts == 1
        await world.works(uploaded)
