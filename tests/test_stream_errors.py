"""`ChatStream`: streams that break, and responses that are no stream."""

import pytest
import trio
from trio.testing import MockClock

from streaming import ASK, DONE, HEAD, client_of, event, partial_text, read, read_reply, sent, text
from trio_groq import ClientConfig, GroqClient, RetryPolicy
from trio_groq._api.accumulate import Accumulator
from trio_groq.errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    BadRequestError,
    CapacityExceededError,
    InternalServerError,
    ProtocolError,
    RateLimitError,
    StreamError,
)
from trio_groq.testing import FakeGroq, Fault, Reply

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
        pytest.param(b'{"new":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep-and-closed"),
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
