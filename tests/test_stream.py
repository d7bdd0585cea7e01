"""`ChatStream`: how a stream is read, how it ends, and what its connection comes to."""

import gc
import linecache
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_groq import ChatStream, ClientConfig, GroqClient, RetryPolicy, Timeouts
from trio_groq._api.accumulate import Accumulator
from trio_groq.errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    CapacityExceededError,
    GroqError,
    InternalServerError,
    ProtocolError,
    RateLimitError,
    StreamError,
)
from trio_groq.testing import FakeGroq, Fault, Reply

ASK: dict[str, Any] = {
    "model": "llama-3.1-8b-instant",
    "messages": [{"role": "user", "content": "Hello"}],
}
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nx-request-id: req_1\r\n"
)
DONE = b"data: [DONE]\n\n"
END = b"0\r\n\r\n"


def text(content: str, finish: str | None = None, index: int = 0) -> bytes:
    """The event of a chunk."""
    choice = {"index": index, "delta": {"content": content}, "finish_reason": finish}
    return event({"id": "c1", "choices": [choice]})


def event(data: object, name: str = "") -> bytes:
    named = f"event: {name}\n".encode() if name else b""
    return named + b"data: " + msgspec.json.encode(data) + b"\n\n"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def sent(*pieces: bytes, end: bytes = END, close: bool = False) -> Reply:
    """A streamed response whose pieces come in one write, a chunk each."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    return Reply.raw(head + chunked(*pieces) + end, close=close)


def client_of(server: FakeGroq, **options: Any) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url, **options)


async def read(stream: ChatStream) -> tuple[str, GroqError | None]:
    """All text that is handed out, and the error that ends it."""
    got = ""
    try:
        async with stream:
            async for chunk in stream:
                got += "".join(choice.delta.content or "" for choice in chunk.choices)
    except GroqError as error:
        return got, error
    return got, None


async def read_reply(server: FakeGroq, reply: Reply, **options: Any) -> tuple[str, Any]:
    server.enqueue(reply)
    async with client_of(server, **options) as client:
        result = await read(client.chat.completions.stream(**ASK))
        assert client.pool.statistics().leased == 0
    return result


def partial_text(error: Any) -> str:
    assert isinstance(error, APIError)
    choices = error.partial.choices
    return (choices[0].message.content or "") if choices else ""


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


# -- streams that break


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(sent(text("a"), text("b"), close=True), id="ended-early"),
        pytest.param(sent(text("a"), text("b"), end=b"", close=True), id="cut"),
        pytest.param(sent(text("a"), text("b"), text("c")[:20], close=True), id="cut-in-an-event"),
        pytest.param(sent(text("a"), text("b"), end=b"zz\r\n"), id="bad-framing"),
        pytest.param(
            Reply.raw(HEAD + b"\r\n" + text("a") + text("b"), close=True), id="until-close"
        ),
    ],
)
async def test_a_stream_that_is_cut_is_an_error_with_what_had_come(
    fake_groq: FakeGroq, reply: Reply
) -> None:
    got, error = await read_reply(fake_groq, reply)
    assert got == "ab"
    assert isinstance(error, StreamError)
    assert error.is_retryable
    assert partial_text(error) == "ab"
    assert error.request_id == "req_1"
    assert error.request is not None
    assert error.request.url.endswith("/openai/v1/chat/completions")
    assert len(fake_groq.requests) == 1


async def test_a_reset_is_an_error_with_what_had_come(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="one two three four", fault=Fault.reset(1200)))
    async with client_of(fake_groq) as client:
        got, error = await read(client.chat.completions.stream(**ASK))
        assert client.pool.statistics().open == 0
    assert isinstance(error, StreamError)
    assert partial_text(error) == got
    assert "one two three four".startswith(got)
    assert len(fake_groq.requests) == 1


async def test_an_empty_stream_is_an_error(fake_groq: FakeGroq) -> None:
    got, error = await read_reply(fake_groq, sent())
    assert got == ""
    assert isinstance(error, StreamError)


async def test_the_error_is_raised_again(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(text("a")))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        await anext(stream)
        for _ in range(2):
            with pytest.raises(StreamError, match=r"expected \[DONE\] or a finish reason"):
                await anext(stream)
        assert "failed: StreamError" in repr(stream)


@pytest.mark.parametrize(
    ("piece", "kind", "status"),
    [
        pytest.param(
            event({"error": {"message": "m", "status_code": 400}}, "error"),
            BadRequestError,
            400,
            id="event-error",
        ),
        pytest.param(event({"message": "m"}, "error"), APIStatusError, 500, id="bare"),
        pytest.param(b"event: error\ndata: no JSON\n\n", APIStatusError, 500, id="text"),
        pytest.param(
            event({"error": {"message": "m", "code": "rate_limit_exceeded"}}),
            RateLimitError,
            429,
            id="in-data",
        ),
        pytest.param(event({"error": "m"}), InternalServerError, 500, id="text-in-data"),
        pytest.param(
            event({"choices": [], "x_groq": {"error": {"message": "m", "status_code": 498}}}),
            CapacityExceededError,
            498,
            id="x_groq",
        ),
        pytest.param(event({"choices": [], "x_groq": {"error": "m"}}), APIStatusError, 500, id="x"),
    ],
)
async def test_an_error_in_the_stream_is_the_api_s(
    fake_groq: FakeGroq, piece: bytes, kind: type[APIStatusError], status: int
) -> None:
    got, error = await read_reply(fake_groq, sent(text("a") + text("b") + piece + text("junk")))
    assert got == "ab"
    assert isinstance(error, kind)
    assert error.status_code == status
    assert partial_text(error) == "ab"
    assert error.request_id == "req_1"
    assert len(fake_groq.requests) == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"{", id="cut"),
        pytest.param(b"no JSON", id="text"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"5", id="number"),
        pytest.param(b'{"choices": 5}', id="wrong-type"),
        pytest.param(b'{"choices":[{"delta":{"content":"\xff"}}]}', id="not-utf8"),
        pytest.param(b'{"new":' + b"[" * 100_000, id="deep"),
        pytest.param(b'{"new":' + b"[" * 5000 + b"]" * 5000 + b"}", id="deep-and-closed"),
    ],
)
async def test_an_event_that_is_no_chunk(fake_groq: FakeGroq, data: bytes) -> None:
    wrong = b"data: " + data + b"\n\n"
    got, error = await read_reply(fake_groq, sent(text("a") + text("b") + wrong + text("junk")))
    assert got == "ab"
    assert isinstance(error, APIResponseValidationError)
    assert partial_text(error) == "ab"
    assert error.request_id == "req_1"
    assert len(str(error)) < 1000
    assert "expected a chat completion chunk" in str(error)


async def test_an_event_that_is_too_large(fake_groq: FakeGroq) -> None:
    config = ClientConfig(api_key="gsk_test", base_url=fake_groq.url, max_event_bytes=1000)
    fake_groq.enqueue(sent(text("a"), text("x" * 2000)))
    async with GroqClient(config=config) as client:
        got, error = await read(client.chat.completions.stream(**ASK))
    assert got == "a"
    assert isinstance(error, ProtocolError)
    assert "at most 1000 bytes" in str(error)
    assert error.request_id == "req_1"
    assert partial_text(error) == "a"


async def test_a_completion_that_is_too_long_carries_what_had_come(
    fake_groq: FakeGroq,
) -> None:
    fake_groq.enqueue(sent(text("a"), text("b" * 5000), text("c", "stop"), DONE))
    async with client_of(fake_groq) as client:
        stream = client.chat.completions.stream(**ASK)
        stream._accumulator = Accumulator(max_characters=1000)
        got, error = await read(stream)
        assert client.pool.statistics().leased == 0
    assert got == "a"
    assert isinstance(error, APIError)
    assert error.partial is not None
    assert error.request_id == "req_1"


# -- responses that are no stream


@pytest.mark.parametrize("status", [200, 201])
async def test_html_is_told_in_a_bounded_excerpt(fake_groq: FakeGroq, status: int) -> None:
    page = b"<html>" + b"x" * 200_000
    fake_groq.enqueue(Reply(body=page, content_type="text/html", status=status))
    async with client_of(fake_groq) as client:
        with pytest.raises(APIResponseValidationError, match="text/event-stream") as caught:
            async with client.chat.completions.stream(**ASK):
                pass
        assert client.pool.statistics().open == 0
    assert "<html>" in str(caught.value)
    assert len(str(caught.value)) < 600
    assert "web page" in caught.value.__notes__[0]
    assert caught.value.request_id is not None


async def test_a_json_error_with_status_200(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.json({"error": {"message": "m", "code": "rate_limit_exceeded"}}))
    async with client_of(fake_groq, max_retries=0) as client:
        with pytest.raises(RateLimitError):
            async with client.chat.completions.stream(**ASK):
                pass


async def test_an_error_status_is_raised_by_entering(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.error(429, "slow"))
    async with client_of(fake_groq, max_retries=0) as client:
        stream = client.chat.completions.stream(**ASK)
        with pytest.raises(RateLimitError):
            async with stream:
                pass
        assert "not open" in repr(stream)


async def test_opening_is_tried_again_and_reading_is_not(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(503, "later"), sent(text("a"), close=True))
    retry = RetryPolicy(jitter=0)
    async with (
        client_of(fake_groq, max_retries=retry) as client,
        client.chat.completions.stream(**ASK) as stream,
    ):
        assert stream.response.attempts == 2
        with pytest.raises(StreamError):
            await stream.until_done()
    assert trio.current_time() == 0.5
    assert len(fake_groq.requests) == 2


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


# -- scope and misuse


async def test_leaving_early_closes_the_connection(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a b c", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client:
        async with client.chat.completions.stream(**ASK) as stream:
            async for _ in stream:
                break
            assert client.pool.statistics().leased == 1
            assert "open" in repr(stream)
        assert client.pool.statistics().open == 0
        await stream.aclose()
        await client.chat.completions.create(**ASK)


async def test_a_closed_stream_hands_out_what_had_come_and_then_says_so(
    fake_groq: FakeGroq,
) -> None:
    fake_groq.enqueue(sent(text("a"), text("b"), end=b""))
    async with client_of(fake_groq) as client:
        stream = await client.chat.completions.create(stream=True, **ASK)
        await anext(stream)
        await stream.aclose()
        await anext(stream)
        with pytest.raises(StreamError, match="got it closed") as caught:
            await anext(stream)
        assert "failed" in repr(stream)
    assert partial_text(caught.value) == "ab"


async def test_a_stream_is_used_within_async_with(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        stream = client.chat.completions.stream(**ASK)
        with pytest.raises(StreamError, match="outside `async with`"):
            await anext(stream)
        with pytest.raises(StreamError, match="outside `async with`"):
            _ = stream.response
        await stream.aclose()
    assert len(fake_groq.requests) == 0


async def test_create_gives_an_open_stream(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        stream = await client.chat.completions.create(stream=True, **ASK)
        assert stream.response.status == 200
        async with stream:
            completion = await stream.until_done()
        assert "Hello" in (completion.choices[0].message.content or "")
        assert "done" in repr(stream)
    assert len(fake_groq.requests) == 1


async def test_an_open_stream_that_cannot_be_entered_is_closed(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(500)))
    async with client_of(fake_groq) as client:
        stream = await client.chat.completions.create(stream=True, **ASK)
        with trio.CancelScope() as scope:
            scope.cancel()
            async with stream:
                pytest.fail("entered although cancelled")
        assert client.pool.statistics().open == 0


async def test_two_readers_are_told(fake_groq: FakeGroq, nursery: trio.Nursery) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(400)))
    async with client_of(fake_groq) as client:
        async with client.chat.completions.stream(**ASK) as stream:
            failures: list[Exception] = []

            async def first() -> None:
                try:
                    await stream.until_done()
                except StreamError as error:
                    failures.append(error)

            nursery.start_soon(first)
            await wait_all_tasks_blocked()
            with pytest.raises(StreamError, match="one reader at a time"):
                await anext(stream)
            # The first one is not disturbed, and closing ends it.
            assert not failures
        await wait_all_tasks_blocked()
        assert "closed by this client" in str(failures[0])


@pytest.mark.parametrize("content", ["a", "a b c d"], ids=["short", "longer"])
async def test_each_hand_out_sees_a_cancellation(fake_groq: FakeGroq, content: str) -> None:
    fake_groq.enqueue(sent(*[text(part) for part in content.split()], text("", "stop"), DONE))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        handed_out = 0
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(stream)
            handed_out += 1
        assert scope.cancelled_caught
        assert handed_out == 0


async def test_a_cancelled_hand_out_loses_nothing(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(text("a"), text("b"), text("c", "stop"), DONE))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        await anext(stream)
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(stream)
        assert scope.cancelled_caught
        completion = await stream.until_done()
    assert completion.choices[0].message.content == "abc"


async def test_closing_the_client_ends_a_waiting_reader(
    fake_groq: FakeGroq, nursery: trio.Nursery
) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        nursery.start_soon(client.aclose)
        with pytest.raises(StreamError, match="closed by this client"):
            await stream.until_done()


async def test_a_client_closed_between_two_reads_is_a_clear_error(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client:
        async with client.chat.completions.stream(**ASK) as stream:
            await anext(stream)
            await client.aclose()
            with pytest.raises(StreamError):
                await stream.until_done()
        assert client.pool.statistics().open == 0


# -- dropped


def drop(held: list[ChatStream]) -> None:
    """Give up the last reference, and have the collector look."""
    held.clear()
    gc.collect()


async def settle() -> None:
    """Let what other threads and finalizers asked for happen."""
    for _ in range(5):
        await wait_all_tasks_blocked()


async def test_dropped_half_read_it_warns_and_frees_its_place(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client:
        held = [await client.chat.completions.create(stream=True, **ASK)]
        await anext(held[0])
        assert client.pool.statistics().leased == 1
        name = Path(__file__).name
        with pytest.warns(ResourceWarning, match=rf"made at .*{name}:\d+ was dropped half-read"):
            drop(held)
        await settle()
        assert client.pool.statistics().open == 0


def line_of(end: str) -> int:
    """Number of the first line of this file that ends so."""
    lines = linecache.getlines(__file__)
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"{end}\n"))


async def test_the_warning_names_the_line_that_made_it(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client:
        held = [client.chat.completions.stream(**ASK)]  # this line
        line = line_of("# this line")
        await held[0].open()
        with pytest.warns(ResourceWarning, match=rf"{Path(__file__).name}:{line} "):
            drop(held)
        await settle()
        assert client.pool.statistics().leased == 0


async def test_dropped_unopened_or_read_to_the_end_it_is_silent(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        client.chat.completions.stream(**ASK)
        stream = await client.chat.completions.create(stream=True, **ASK)
        async for _ in stream:
            pass
        del stream
        gc.collect()
        assert client.pool.statistics().idle == 1


def test_dropped_after_its_run_it_warns_and_closes_the_socket() -> None:
    async def main() -> ChatStream:
        async with FakeGroq() as server:
            server.enqueue(Reply(content="a", fault=Fault.stall(900)))
            client = client_of(server)
            opened: ChatStream = await client.chat.completions.create(stream=True, **ASK)
            return opened

    held = [trio.run(main)]
    with pytest.warns(ResourceWarning, match="dropped half-read") as caught:
        drop(held)
    assert [str(warning.message).split()[0] for warning in caught] == ["ChatStream"]


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
