"""Servers differ, and all of these are right; what follows an answer is never torn by it."""

import random
import zlib

import pytest
import trio
from trio.testing import MockClock

from peers.error_habits import ERRORS, ErrorHabit
from peers.habits import PLAIN, STREAMS, TEXT, Habit
from peers.raw_peer import (
    DONE,
    MESSAGES,
    Answer,
    Metronome,
    Peer,
    chunk,
    completion,
    delta,
    head,
    serving,
)
from trio_groq import APIError, APIStatusError, GroqClient, RetryPolicy
from trio_groq.errors import InternalServerError

FOLLOW_UP = Answer(
    [head(f"Content-Length: {len(completion())}", content_type="application/json") + completion()]
)


def client_of(peer: Peer, max_retries: int = 0) -> GroqClient:
    # Without a wait between attempts the standing clock need not go on.
    policy = RetryPolicy(max_retries=max_retries, initial_delay=0.0)
    return GroqClient("gsk_test", base_url=peer.url, max_retries=policy)


async def follow_up(client: GroqClient, peer: Peer, *, reused: bool) -> None:
    """The next request gets its own answer, over the same connection or a new one."""
    before = len(peer.served)
    peer.then(FOLLOW_UP)
    # Another account: a rate limit that this one met does not hold it back.
    other = client.with_options(api_key="gsk_other")
    answer = await other.chat.completions.create(model="m", messages=MESSAGES)
    assert answer.choices[0].message.content == "follow-up"
    assert len(peer.served) == before + 1
    assert (peer.served[-1] == peer.served[-2]) is reused
    pool = client.pool.statistics()
    assert (pool.open, pool.idle, pool.leased, pool.waiting) == (1, 1, 0, 0)
    assert pool.opened == peer.connections


@pytest.mark.parametrize("habit", STREAMS.values(), ids=STREAMS)
async def test_streams(still_clock: MockClock, habit: Habit) -> None:
    async with serving() as peer, client_of(peer) as client:
        peer.then(habit.answer)
        async with client.chat.completions.stream(model="m", messages=MESSAGES) as stream:
            pieces = [piece async for piece in stream.text_deltas()]
        assert "".join(pieces) == TEXT
        choice = stream.completion.choices[0]
        assert (choice.message.content, choice.finish_reason) == (TEXT, "stop")
        assert choice.message.role == "assistant"
        usage = stream.completion.usage
        assert (usage and usage.total_tokens) == habit.tokens
        await follow_up(client, peer, reused=habit.reused)


@pytest.mark.parametrize("habit", PLAIN.values(), ids=PLAIN)
async def test_plain_answers(still_clock: MockClock, habit: Habit) -> None:
    async with serving() as peer, client_of(peer) as client:
        peer.then(habit.answer)
        answer = await client.chat.completions.create(model="m", messages=MESSAGES)
        assert answer.choices[0].message.content == TEXT
        assert (answer.usage and answer.usage.total_tokens) == habit.tokens
        await follow_up(client, peer, reused=habit.reused)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("habit", ERRORS.values(), ids=ERRORS)
async def test_errors(still_clock: MockClock, habit: ErrorHabit, streamed: bool) -> None:
    async with serving() as peer, client_of(peer) as client:
        peer.then(habit.answer())
        with pytest.raises(APIError) as raised:
            await client.chat.completions.create(model="m", messages=MESSAGES, stream=streamed)
        error = raised.value
        assert type(error) is habit.kind
        assert habit.said in str(error)
        assert len(str(error)) < 400
        assert "\n" not in str(error)
        if isinstance(error, APIStatusError):
            assert error.status_code == int(habit.status[:3])
            assert (error.code, error.retry_after) == (habit.code, habit.retry_after)
        await follow_up(client, peer, reused=habit.reused)


async def test_a_502_of_a_proxy_is_asked_again(still_clock: MockClock) -> None:
    page = ERRORS["a page"].answer()
    async with serving() as peer, client_of(peer, max_retries=2) as client:
        peer.then(page, page, FOLLOW_UP)
        answer = await client.chat.completions.create(model="m", messages=MESSAGES)
        assert answer.choices[0].message.content == "follow-up"
        assert answer.meta is not None
        assert answer.meta.attempts == 3
        peer.then(page, page, page)
        with pytest.raises(InternalServerError) as raised:
            await client.chat.completions.create(model="m", messages=MESSAGES)
        assert raised.value.attempts == 3
        await follow_up(client, peer, reused=True)


async def test_closing_after_n_requests_costs_no_request(still_clock: MockClock) -> None:
    """Every third answer is the connection's last, announced or not; no call fails."""
    announced = PLAIN["closes after n requests"].answer
    silent = PLAIN["closes without having said so"].answer
    stays = PLAIN["head flushed alone"].answer
    async with serving() as peer, client_of(peer) as client:
        peer.then(*[stays, stays, announced, stays, stays, silent] * 3)
        for _ in range(18):
            answer = await client.chat.completions.create(model="m", messages=MESSAGES)
            assert answer.choices[0].message.content == TEXT
        assert peer.served == [1 + number // 3 for number in range(18)]
        pool = client.pool.statistics()
        assert (pool.opened, pool.reused) == (6, 12)  # together as many as the calls
        assert pool.idle + pool.closed == 6


@pytest.mark.parametrize("compress", [False, True], ids=["as it is", "gzip, each event flushed"])
async def test_each_token_arrives_before_the_next_is_sent(
    still_clock: MockClock, nursery: trio.Nursery, compress: bool
) -> None:
    server = Metronome(50, compress)
    listeners = await nursery.start(trio.serve_tcp, server.handle, 0)
    port = listeners[0].socket.getsockname()[1]
    async with GroqClient("gsk_test", base_url=f"http://127.0.0.1:{port}") as client:
        with trio.fail_after(60):
            await server.follow(client)
        assert client.pool.statistics().idle == 1
    nursery.cancel_scope.cancel()


async def test_a_compressed_stream_may_be_as_long_as_a_plain_one(still_clock: MockClock) -> None:
    """131,072 tokens, the longest answer of any model, are some 40 MB of events."""
    dice = random.Random(7)  # noqa: S311 (no secret)
    # More than the compressor's window, and no event like another: its ratio is an honest one.
    tokens = b"".join(delta(" word", padding=dice.randbytes(90).hex()) for _ in range(1024))
    machine = zlib.compressobj(1, wbits=31)
    parts = [machine.compress(tokens) + machine.flush(zlib.Z_SYNC_FLUSH) for _ in range(128)]
    parts.append(machine.compress(delta(finish="stop") + DONE) + machine.flush())
    first = head("Transfer-Encoding: chunked", "Content-Encoding: gzip")
    async with serving() as peer, client_of(peer) as client:
        peer.then(Answer([first, *map(chunk, parts), chunk(b"")]))
        async with client.chat.completions.stream(model="m", messages=MESSAGES) as stream:
            completion = await stream.until_done()
        assert completion.choices[0].message.content == " word" * 131_072
        assert client.pool.statistics().idle == 1
