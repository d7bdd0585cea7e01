"""Raw and streaming responses: what they tell, and the ways to read them."""

import gc
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from calling import MODELS, calling
from streaming import ASK, client_of
from trio_groq import ChatStream, GroqClient
from trio_groq._api_response import APIResponse, ResponseManager
from trio_groq._http.deadlines import Timeouts
from trio_groq._http.pool_state import PoolStatistics
from trio_groq._readers import (
    Reader,
    ResponseText,
    binary_reader,
    bytes_reader,
    json_reader,
    text_reader,
)
from trio_groq.errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    InvalidRequestError,
    StreamError,
)
from trio_groq.testing import FakeGroq, Fault, Reply
from trio_groq.types._base import Decoder

TEXT: Reader[Any] = text_reader()


@asynccontextmanager
async def opened(
    server: FakeGroq, reply: Reply, reader: Reader[Any] = TEXT, *, raw: bool = False
) -> AsyncIterator[APIResponse[Any]]:
    server.enqueue(reply)
    with calling(server.url) as caller:
        wrapped = caller.raw() if raw else caller.streaming()
        response: APIResponse[Any] = await wrapped.perform(MODELS, reader, max_retries=0)
        try:
            yield response
        finally:
            await response.aclose()


def text(content: str) -> Reply:
    return Reply(body=content.encode(), content_type="text/plain")


LARGE = text("a" * 3_000_000)
"""Longer than what the sockets hold: it does not come before it is asked for."""


def pool_of(response: APIResponse[Any]) -> PoolStatistics:
    return response._response._pool.statistics()


# -- what it tells


async def test_a_raw_response_tells_how_it_came(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(
        Reply.error(500, "no"), Reply(content="Hi", head_delay=2.0, headers=[("x-a", "b")])
    )
    async with client_of(fake_groq) as client:
        raw = await client.chat.completions.with_raw_response.create(**ASK)
        assert raw.status_code == 200
        assert raw.headers["X-A"] == "b"
        assert raw.http_version == "HTTP/1.1"
        assert (raw.method, raw.url) == ("POST", f"{fake_groq.url}/openai/v1/chat/completions")
        assert raw.request_id == raw.headers["x-request-id"] == raw.meta.request_id
        assert raw.retries_taken == 1
        assert raw.elapsed >= timedelta(seconds=2.0)
        assert raw.is_closed
        completion = await raw.parse()
        assert completion.choices[0].message.content == "Hi"
        assert completion.meta is not None
        assert completion.meta.attempts == 2
        assert await raw.parse() is completion
        assert ((await raw.json())["id"]) == completion.id
        assert "200" in repr(raw)


async def test_an_error_status_is_raised_all_the_same(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        fake_groq.enqueue(Reply.error(404, "no"), Reply.error(404, "no"))
        with pytest.raises(APIStatusError):
            await client.chat.completions.with_raw_response.create(**ASK)
        with pytest.raises(APIStatusError):
            async with client.chat.completions.with_streaming_response.create(**ASK):
                raise AssertionError


async def test_a_body_that_breaks_off_is_a_failed_attempt_when_raw(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    whole = text("abc")
    fake_groq.enqueue(attrs.evolve(whole, fault=Fault.truncate(150)), whole)
    with calling(fake_groq.url) as caller:
        raw: Any = await caller.raw().perform(MODELS, text_reader())
        assert await raw.parse() == "abc"
        assert raw.retries_taken == 1


# -- chat


async def test_a_raw_stream_is_parsed_into_a_stream(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        fake_groq.enqueue(Reply(content="a b c"))
        raw = await client.chat.completions.with_raw_response.create(stream=True, **ASK)
        assert raw.headers["content-type"].startswith("text/event-stream")
        async with await raw.parse() as stream:
            assert isinstance(stream, ChatStream)
            assert (await stream.until_done()).choices[0].message.content == "a b c"
        assert client.pool.statistics().idle == 1
        with pytest.raises(StreamError, match="expected it to be unread, got it closed"):
            await raw.parse()


async def test_a_stream_outlives_the_raw_response_that_it_came_from(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    async with client_of(fake_groq) as client:

        async def ask() -> ChatStream:
            raw = await client.chat.completions.with_raw_response.create(stream=True, **ASK)
            return await raw.parse()

        fake_groq.enqueue(Reply(content="a b c", token_interval=1.0))
        async with await ask() as stream:
            assert (await stream.until_done()).choices[0].message.content == "a b c"


async def test_a_stream_ends_with_the_block_that_it_was_made_in(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        fake_groq.enqueue(Reply(content="a b c", fault=Fault.stall(900)))
        create = client.chat.completions.with_streaming_response.create
        async with create(stream=True, **ASK) as response:
            stream = await response.parse()
        with pytest.raises(StreamError, match="expected it to be open, got it closed"):
            await stream.until_done()


async def test_a_stream_is_parsed_once(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        fake_groq.enqueue(Reply(content="a b c"))
        create = client.chat.completions.with_streaming_response.create
        async with create(stream=True, **ASK) as response:
            stream = await response.parse()
            with pytest.raises(StreamError, match="expected it to be unread, got it handed on"):
                await response.parse()
            assert (await stream.until_done()).choices[0].message.content == "a b c"


async def by_lines(response: APIResponse[Any]) -> str:
    return "\n".join([line async for line in response.iter_lines()])


async def by_text(response: APIResponse[Any]) -> str:
    return "".join([piece async for piece in response.iter_text()])


async def whole(response: APIResponse[Any]) -> str:
    return await response.text()


@pytest.mark.parametrize("read", [by_lines, by_text, whole])
async def test_the_first_token_s_limit_is_lifted_by_what_comes_first(
    fake_groq: FakeGroq, autojump_clock: MockClock, read: Any
) -> None:
    slow = Reply(content="a b c d e f", token_interval=1.0, events_per_write=1)
    fake_groq.enqueue(slow)
    async with client_of(fake_groq, timeout=Timeouts(first_token=3.0), max_retries=0) as client:
        create = client.chat.completions.with_streaming_response.create
        async with create(stream=True, **ASK) as response:
            assert "data: [DONE]" in await read(response)
        assert trio.current_time() > 4.0


async def test_until_something_comes_the_first_token_s_limit_stands(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9\r\n\r\n"
    fake_groq.enqueue(Reply.raw(head))
    async with client_of(fake_groq, timeout=Timeouts(first_token=3.0)) as client:
        create = client.chat.completions.with_streaming_response.create
        async with create(stream=True, **ASK) as response:
            with pytest.raises(APITimeoutError) as caught:
                await response.read()
    assert (caught.value.phase, trio.current_time()) == ("first_token", 3.0)


async def test_a_streaming_response_gives_lines(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        fake_groq.enqueue(Reply(content="a b"))
        create = client.chat.completions.with_streaming_response.create
        async with create(stream=True, **ASK) as response:
            lines = [line async for line in response.iter_lines()]
        assert lines[0].startswith('data: {"id"')
        assert lines[-2:] == ["data: [DONE]", ""]
        assert client.pool.statistics().idle == 1


async def test_a_streaming_response_is_parsed(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        fake_groq.enqueue(Reply(content="Hi"))
        async with client.chat.completions.with_streaming_response.create(**ASK) as response:
            assert not response.is_closed
            completion = await response.parse()
        assert completion.choices[0].message.content == "Hi"
        assert completion.meta is not None


async def test_left_unread_its_connection_is_closed(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        fake_groq.enqueue(Reply(content="Hi", fault=Fault.stall(500)))
        async with client.chat.completions.with_streaming_response.create(**ASK) as response:
            pass
        assert response.is_closed
        assert client.pool.statistics().open == 0


async def test_cancelled_before_its_head_nothing_is_left(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    async with client_of(fake_groq) as client:
        fake_groq.enqueue(Reply(content="Hi", head_delay=10.0))
        with trio.move_on_after(5):
            async with client.chat.completions.with_streaming_response.create(**ASK):
                raise AssertionError
        assert client.pool.statistics().open == 0


# -- reading


async def test_it_is_read_once_and_kept(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq, text("äb")) as response:
        assert await response.text() == "äb"
        assert await response.read() == "äb".encode()
        with pytest.raises(StreamError, match="expected it to be unread, got it read already"):
            response.iter_bytes()


async def test_read_in_part_it_cannot_be_read_whole(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq, LARGE) as response:
        assert await response.iter_bytes().__anext__()
        for read in (response.read, response.parse):
            with pytest.raises(StreamError, match="expected it to be unread, got it read already"):
                await read()


async def test_its_pieces_outlive_it(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(LARGE)
    with calling(fake_groq.url) as caller:
        got = 0
        async for piece in (await caller.streaming().perform(MODELS, TEXT)).iter_bytes():
            got += len(piece)
            await wait_all_tasks_blocked()
    assert got == len(LARGE.body or b"")


async def test_a_second_reader_is_told(fake_groq: FakeGroq) -> None:
    async with (
        opened(fake_groq, attrs.evolve(LARGE, fault=Fault.stall(5000))) as response,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(response.read)
        await wait_all_tasks_blocked()
        with pytest.raises(StreamError, match="expected it to be unread, got it read already"):
            await response.read()
        await wait_all_tasks_blocked()
        assert not response.is_closed  # the first one is not disturbed
        nursery.cancel_scope.cancel()


async def test_a_wrong_size_of_pieces_leaves_it_unread(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq, text("abc")) as response:
        with pytest.raises(InvalidRequestError, match="chunk_size: expected a positive integer"):
            response.iter_bytes(0)
        assert await response.text() == "abc"


async def test_it_has_a_limit(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq, text("abcdef")) as response:
        with pytest.raises(APIError, match="expected at most 3 bytes, got more"):
            await response.read(3)
        assert pool_of(response).leased == 0


async def test_what_is_no_json_is_told(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq, text("no"), json_reader(Decoder(dict))) as response:
        with pytest.raises(APIResponseValidationError, match="200 response: expected JSON"):
            await response.json()
        with pytest.raises(APIResponseValidationError):
            await response.parse()


@pytest.mark.parametrize("size", [None, 1, 2, 3, 100])
@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\n\nb\r\nc\rd", ["a", "", "b", "c", "d"]),
        ("\r\n\r\n", ["", ""]),
        ("\r\r", ["", ""]),
        ("ä\u2028b\x0bc\nd\r", ["ä\u2028b\x0bc", "d"]),
    ],
)
async def test_lines_end_wherever_the_pieces_do(
    fake_groq: FakeGroq, content: str, lines: list[str], size: int | None
) -> None:
    async with opened(fake_groq, text(content)) as response:
        stream = response.iter_lines()
        stream._pieces._size = size
        assert [line async for line in stream] == lines


async def test_a_line_has_a_limit(fake_groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_groq._api_response.MAX_LINE_CHARS", 10)
    async with opened(fake_groq, text("0123456789\n" * 2 + "01234567890")) as response:
        stream = response.iter_lines()
        stream._pieces._size = 4
        assert await stream.__anext__() == "0123456789"
        with pytest.raises(APIError, match="line: expected at most 10 characters, got more"):
            async for _ in stream:
                pass
        await stream.aclose()
        assert pool_of(response).leased == 0


@pytest.mark.parametrize("size", [None, 1, 2])
async def test_text_comes_in_whole_characters(fake_groq: FakeGroq, size: int | None) -> None:
    async with opened(fake_groq, text("aäb€c")) as response:
        pieces = [piece async for piece in response.iter_text(size)]
        assert "".join(pieces) == "aäb€c"
        assert "" not in pieces


async def test_bytes_that_are_no_text_are_replaced(fake_groq: FakeGroq) -> None:
    reply = Reply(body=b"a\xff\xe2\x82", content_type="text/plain")
    async with opened(fake_groq, reply) as response:
        assert "".join([piece async for piece in response.iter_text(1)]) == "a\ufffd\ufffd"


# -- readers


async def test_text_knows_how_it_came(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(text("abc"))
    with calling(fake_groq.url) as caller:
        result = await caller.perform(MODELS, text_reader())
    assert result == "abc"
    assert isinstance(result, ResponseText)
    assert result.meta is not None
    assert result.meta.status == 200
    assert ResponseText("x").meta is None


async def test_bytes_are_as_they_came(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(text("abc"))
    with calling(fake_groq.url) as caller:
        assert await caller.perform(MODELS, bytes_reader()) == b"abc"


@pytest.mark.parametrize("raw", [False, True])
async def test_a_file_is_handed_on_open(fake_groq: FakeGroq, *, raw: bool) -> None:
    async with opened(fake_groq, text("abc"), binary_reader(), raw=raw) as response:
        assert not response.is_closed
        assert await (await response.parse()).read() == b"abc"


# -- dropped


async def test_dropped_unread_it_warns(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(text("abc"))
    with calling(fake_groq.url) as caller:
        held: list[Any] = [await caller.streaming().perform(MODELS, text_reader())]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            held.clear()
            gc.collect()
        await trio.sleep(0.01)
    assert [str(warning.message).split()[0] for warning in caught] == ["APIResponse"]


async def test_a_manager_that_was_never_entered_made_no_call(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        manager = client.chat.completions.with_streaming_response.create(**ASK)
        assert isinstance(manager, ResponseManager)
        await manager.__aexit__(None, None, None)
    assert fake_groq.requests == []


async def test_a_manager_is_entered_once(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        manager = client.chat.completions.with_streaming_response.create(**ASK)
        async with manager as response:
            with pytest.raises(StreamError, match="made once, got a second time"):
                await manager.__aenter__()
            assert (await response.parse()).choices
        assert client.pool.statistics().leased == 0
    assert len(fake_groq.requests) == 1


async def test_wrappers_share_the_pool(fake_groq: FakeGroq) -> None:
    client: GroqClient
    async with client_of(fake_groq) as client:
        await client.chat.completions.with_raw_response.create(**ASK)
        await client.chat.completions.create(**ASK)
        assert client.pool.statistics().opened == 1


@pytest.mark.parametrize(
    ("content", "cost"),
    [
        ('{"usage":{"total_tokens":7,"queue_time":0.1}}', 7),
        ('{"usage":null}', None),
        ('{"data":[]}', None),
        ('{"usage":{"total_tokens":"7"}}', None),
        ("no JSON", None),
    ],
)
async def test_what_it_cost_is_in_its_body(
    fake_groq: FakeGroq, content: str, cost: int | None
) -> None:
    async with opened(fake_groq, text(content)) as response:
        assert response.cost() is None  # it is not read yet
        await response.read()
        assert response.cost() == cost
