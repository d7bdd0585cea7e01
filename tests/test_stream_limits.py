"""`ChatStream`: limits by phase and in total, and back-pressure."""

from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from streaming import (
    ASK,
    DONE,
    END,
    HEAD,
    chunked,
    client_of,
    event,
    partial_text,
    read,
    sent,
    text,
)
from trio_groq import ChatStream, GroqClient, Timeouts
from trio_groq.errors import APITimeoutError, StreamError
from trio_groq.testing import FakeGroq, Fault, Reply

# -- limits


async def limited(server: FakeGroq, reply: Reply, timeouts: Timeouts) -> tuple[str, Any, float]:
    server.enqueue(reply)
    started = trio.current_time()
    async with client_of(server, timeout=timeouts, max_retries=0) as client:
        got, error = await read(client.chat.completions.stream(**ASK))
        assert client.pool.statistics().leased == 0
    return got, error, trio.current_time() - started


async def test_the_gap_between_tokens(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    reply = Reply(content="a b c", token_interval=5.0)
    got, error, after = await limited(fake_groq, reply, Timeouts(read=5.5))
    assert (got, error, after) == ("a b c", None, 10.0)
    got, error, after = await limited(fake_groq, reply, Timeouts(read=4.5))
    assert (got, after) == ("a", 4.5)
    assert isinstance(error, APITimeoutError)
    assert (error.phase, error.limit, partial_text(error)) == ("read", 4.5, "a")


async def test_bytes_that_are_no_whole_event_lengthen_the_gap(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    wire = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    wire += chunked(b": ping\n\n", b": ping\n\n", text("a", "stop"), DONE) + END
    reply = Reply.raw(wire, fault=Fault.slow_drip(4.0, size=40))
    got, error, after = await limited(fake_groq, reply, Timeouts(read=5.0))
    assert (got, error) == ("a", None)
    assert after >= 20


async def test_the_first_token(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    slow = Reply(content="a b", first_token_delay=3.0, token_interval=4.0)
    got, error, after = await limited(fake_groq, slow, Timeouts(first_token=2.5))
    assert (got, after) == ("", 2.5)
    assert isinstance(error, APITimeoutError)
    assert (error.phase, error.limit) == ("first_token", 2.5)
    got, error, after = await limited(fake_groq, slow, Timeouts(first_token=3.5))
    assert (got, error, after) == ("a b", None, 7.0)


async def test_comments_are_no_first_token(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    reply = sent(b": ping\n\n", end=b"")
    _, error, after = await limited(fake_groq, reply, Timeouts(first_token=2.0))
    assert after == 2.0
    assert isinstance(error, APITimeoutError)
    assert error.phase == "first_token"


async def test_the_total_of_a_stream(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    reply = Reply(content="a b c d", token_interval=1.0)
    got, error, after = await limited(fake_groq, reply, Timeouts(total=2.5))
    assert (got, after) == ("a b c", 2.5)
    assert isinstance(error, APITimeoutError)
    assert (error.phase, error.limit, partial_text(error)) == ("total", 2.5, "a b c")
    assert error.request_id is not None


async def read_slowly(stream: ChatStream) -> None:
    """A second for each receive."""
    async with stream:
        async for _ in stream.batches():
            await trio.sleep(1.0)


async def test_the_total_ends_a_stream_whose_bytes_are_always_there(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    words = " ".join("w" * 30)
    fake_groq.enqueue(Reply(content=words, token_interval=0.5))
    async with client_of(fake_groq, timeout=Timeouts(total=5.0), max_retries=0) as client:
        stream = client.chat.completions.stream(**ASK)
        with pytest.raises(APITimeoutError) as caught:
            await read_slowly(stream)
    assert caught.value.phase == "total"
    assert trio.current_time() <= 6.0


async def test_the_caller_s_deadline_stays_a_cancellation(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply(content="a b c", token_interval=2.0))
    async with client_of(fake_groq, timeout=Timeouts(read=3.0)) as client:
        with trio.move_on_after(3.0) as scope:
            async with client.chat.completions.stream(**ASK) as stream:
                await stream.until_done()
        assert scope.cancelled_caught
        assert trio.current_time() == 3.0
        assert client.pool.statistics().open == 0
        with pytest.raises(StreamError, match="expected it to be open, got it closed"):
            await anext(stream)


# -- back-pressure


async def test_a_slow_reader_slows_the_server(nursery: trio.Nursery) -> None:
    sent_bytes = 0
    piece = text("x" * 60_000)

    async def serve(stream: trio.SocketStream) -> None:
        nonlocal sent_bytes
        try:
            async with stream:
                await stream.receive_some(65536)
                await stream.send_all(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
                while True:
                    await stream.send_all(chunked(piece))
                    sent_bytes += len(piece)
        except trio.BrokenResourceError:
            pass

    listeners = await nursery.start(trio.serve_tcp, serve, 0)
    port = listeners[0].socket.getsockname()[1]
    async with (
        GroqClient("gsk_test", base_url=f"http://127.0.0.1:{port}") as client,
        client.chat.completions.stream(**ASK) as stream,
    ):
        await anext(stream)
        await wait_all_tasks_blocked(0.01)
        held = sent_bytes
        await wait_all_tasks_blocked(0.01)
        assert sent_bytes == held
        assert held < 32 * 1024 * 1024
        assert len(stream._ready) < 10
        read_bytes = 0
        while read_bytes < held + 10 * len(piece):
            chunk = await anext(stream)
            read_bytes += len(chunk.choices[0].delta.content or "")
        assert sent_bytes > held
    nursery.cancel_scope.cancel()


async def test_a_role_alone_is_no_first_token(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    role = event({"id": "c1", "choices": [{"index": 0, "delta": {"role": "assistant"}}]})
    wire = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(role, text("a", "stop"), DONE)
    stalled = attrs.evolve(Reply.raw(wire + END), fault=Fault.stall(wire.index(b'"content"')))
    limits = Timeouts(first_token=2.0, read=30.0)
    got, error, after = await limited(fake_groq, stalled, limits)
    assert (got, after) == ("", 2.0)
    assert isinstance(error, APITimeoutError)
    assert error.phase == "first_token"
