"""`ChatStream`: clean ends, what its connection comes to, and what is known of it."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from streaming import ASK, DONE, END, HEAD, chunked, client_of, event, read, read_reply, sent, text
from trio_groq.testing import FakeGroq, Fault, Reply

# -- clean ends


async def test_streams_one_after_another_share_a_connection(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        for _ in range(5):
            async with client.chat.completions.stream(**ASK) as stream:
                completion = await stream.until_done()
            assert "Hello" in (completion.choices[0].message.content or "")
        statistics = client.pool.statistics()
    assert (statistics.opened, statistics.reused, statistics.idle) == (1, 4, 1)


@pytest.mark.parametrize(
    ("pieces", "end"),
    [
        pytest.param([text("a"), text("b", "stop"), DONE], END, id="chunk-each"),
        pytest.param([text("a") + text("b", "stop") + DONE], END, id="one-chunk"),
        pytest.param([text("a"), b": ping\n\n", text("b", "stop"), DONE], END, id="comment"),
        pytest.param([text("a"), text("b", "stop")], END, id="no-done"),
        pytest.param(
            [text("a"), text("b", "stop"), event({"choices": [], "usage": {}}), DONE],
            END,
            id="usage-without-choices",
        ),
        pytest.param(
            [event({"x": 1}, "news"), text("a"), text("b", "stop"), DONE], END, id="other-event"
        ),
    ],
)
async def test_clean_ends_keep_the_connection(
    fake_groq: FakeGroq, pieces: list[bytes], end: bytes
) -> None:
    fake_groq.enqueue(sent(*pieces, end=end))
    async with client_of(fake_groq) as client:
        assert await read(client.chat.completions.stream(**ASK)) == ("ab", None)
        assert client.pool.statistics().idle == 1


@pytest.mark.parametrize("framing", ["chunked", "close", "content-length"])
@pytest.mark.parametrize("compress", [False, True])
async def test_every_framing_and_coding_gives_the_same(
    fake_groq: FakeGroq, framing: Any, compress: bool
) -> None:
    reply = Reply(content="one two three", framing=framing, compress=compress)
    assert await read_reply(fake_groq, reply) == ("one two three", None)


async def test_until_close_without_done_ends_after_a_finish_reason(fake_groq: FakeGroq) -> None:
    reply = Reply.raw(HEAD + b"\r\n" + text("a") + text("b", "stop"), close=True)
    assert await read_reply(fake_groq, reply) == ("ab", None)


async def test_what_follows_done_is_never_handed_out(fake_groq: FakeGroq) -> None:
    reply = sent(text("a", "stop"), DONE + text("junk"), text("more"), b"junk")
    assert await read_reply(fake_groq, reply) == ("a", None)


async def test_endless_rest_is_not_read(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    fake_groq.enqueue(sent(text("a", "stop"), DONE, b"x" * 200_000, end=b""))
    async with client_of(fake_groq) as client:
        assert await read(client.chat.completions.stream(**ASK)) == ("a", None)
        assert trio.current_time() <= 0.25
        assert client.pool.statistics().open == 0


async def test_the_last_chunk_does_not_wait_for_the_drain(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(sent(text("a", "stop"), DONE, end=b""))
    async with client_of(fake_groq) as client:
        async with client.chat.completions.stream(**ASK) as stream:
            started = trio.current_time()
            chunk = await stream.__anext__()
            assert chunk.choices[0].delta.content == "a"
            assert trio.current_time() == started
            with pytest.raises(StopAsyncIteration):
                await stream.__anext__()
            assert trio.current_time() == started + 0.25
        assert client.pool.statistics().leased == 0


async def test_a_missing_end_is_not_waited_for_long(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(sent(text("a", "stop"), DONE, end=b""))
    async with client_of(fake_groq) as client:
        assert await read(client.chat.completions.stream(**ASK)) == ("a", None)
        assert trio.current_time() == 0.25
        assert client.pool.statistics().open == 0


@pytest.mark.parametrize("end", [b"zz\r\n", b"0\r\nno trailer\r\n\r\n"])
async def test_a_broken_end_after_done_is_no_error(fake_groq: FakeGroq, end: bytes) -> None:
    fake_groq.enqueue(sent(text("a", "stop"), DONE, end=end))
    async with client_of(fake_groq) as client:
        assert await read(client.chat.completions.stream(**ASK)) == ("a", None)
        assert client.pool.statistics().open == 0


async def test_after_the_end_there_is_only_the_end(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        await stream.until_done()
        for _ in range(2):
            with pytest.raises(StopAsyncIteration):
                await anext(stream)


# -- what is known of it


async def test_response_and_completion_as_they_come(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(
        Reply(content="a b", head_delay=1.0, first_token_delay=2.0, token_interval=4.0)
    )
    async with client_of(fake_groq) as client:
        async with client.chat.completions.stream(**ASK) as stream:
            assert (stream.response.timings.first_byte, stream.response.timings.total) == (1, 1)
            assert stream.response.timings.first_token is None
            assert stream.completion.choices == []
            seen = [choice.delta.content async for chunk in stream for choice in chunk.choices]
            assert "".join(part or "" for part in seen) == "a b"
        assert stream.meta == stream.response
        assert stream.meta.timings.first_token == 3.0
        assert stream.meta.timings.total == 7.0
        assert stream.meta.request_id == stream.meta.headers["x-request-id"]
        assert stream.completion.choices[0].finish_reason == "stop"
        assert stream.completion.usage is not None


@pytest.mark.parametrize("size", [1, 7, 64])
async def test_any_cut_gives_the_same(fake_groq: FakeGroq, size: int) -> None:
    wire = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    wire += chunked(text("ä"), text("€", "stop"), DONE) + END
    reply = Reply.raw(wire, fault=Fault.split([size] * (len(wire) // size)))
    fake_groq.enqueue(reply)
    async with client_of(fake_groq) as client:
        assert await read(client.chat.completions.stream(**ASK)) == ("ä€", None)
        assert client.pool.statistics().idle == 1
