"""`EventStream`: where a stream may be read, by whom, and what becomes of one that is dropped.

`ResponseStream` stands for all of them, beside a stream of numbers that knows of no last event.
"""

import gc
import linecache
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import final

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cancellation import Moment, assert_whole, cancel_at
from responding import ASK, client_of, completed, delta, resource_of, server_of
from streaming import sent
from trio_groq import GroqClient
from trio_groq._api.requests import EVENT_STREAM, Call
from trio_groq._event_stream import EventStream
from trio_groq._open_response import OpenResponse
from trio_groq._response_stream import ResponseStream
from trio_groq.errors import APIStatusError, RateLimitError, StreamError
from trio_groq.sse import ServerSentEvent
from trio_groq.testing import FakeGroq, Reply
from trio_groq.types.responses import ResponseObject
from trio_groq.types.responses_text_events import ResponseTextDeltaEvent

STALLED = sent(delta("a"), end=b"")


@final
class Sum:
    """Adds up numbers; a stream that ends after a zero has ended well."""

    def __init__(self) -> None:
        self.value = 0
        self.finished = False

    def add(self, number: int, /) -> None:
        self.value += number
        self.finished = number == 0


@final
class Numbers(EventStream[int, int]):
    """A stream of numbers; one that is no number is skipped."""

    _NOUN = "a number"
    _END = "a zero"
    __slots__ = ("_sum",)

    def __init__(self, open_response: Callable[[], Awaitable[OpenResponse]]) -> None:
        self._sum = Sum()
        super().__init__(open_response, self._sum, max_event_bytes=100)

    def _read(self, event: ServerSentEvent) -> int | None:
        return int(bytes(event.data)) if bytes(event.data).isdigit() else None

    def _result(self) -> int:
        return self._sum.value


def numbers(client: GroqClient, body: bytes = b"{}") -> Numbers:
    call = Call(method="POST", path="/openai/v1/numbers", body=body, accept=EVENT_STREAM)

    async def open_response() -> OpenResponse:
        return await client._caller.open(call, events=True)

    return Numbers(open_response)


# -- its end, where only what has come tells of it


async def test_a_stream_without_a_last_event_ends_with_its_body(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(b"data: 3\n\n", b"data: x\n\n", b"data: 4\n\n", b"data: 0\n\n"))
    async with client_of(fake_groq) as client:
        async with numbers(client) as stream:
            assert [number async for number in stream] == [3, 4, 0]
            assert stream.meta.timings.first_token is not None
            assert repr(stream) == "<Numbers done, 0 ready>"
        assert await stream.until_done() == 7
        assert client.pool.statistics().idle == 1


async def test_a_framing_that_breaks_after_the_end_is_no_error(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(b"data: 3\n\n", b"data: 0\n\n", end=b"zz\r\n"))
    async with client_of(fake_groq) as client:
        async with numbers(client) as stream:
            assert await stream.until_done() == 3
        assert client.pool.statistics().open == 0


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"zz\r\n"])
async def test_a_body_that_ends_too_early_is_an_error(fake_groq: FakeGroq, end: bytes) -> None:
    fake_groq.enqueue(sent(b"data: 3\n\n", b"data: 4\n\n", end=end))
    async with client_of(fake_groq) as client, numbers(client) as stream:
        with pytest.raises(StreamError, match="expected a zero") as caught:
            await stream.until_done()
    assert caught.value.partial == 7


# -- scope and misuse


async def test_an_open_stream_does_not_keep_its_request_s_body(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(b"data: 3\n\n", end=b""))
    body = bytes(100_000)
    async with client_of(fake_groq) as client:
        before = sys.getrefcount(body)
        stream = numbers(client, body)
        assert sys.getrefcount(body) > before
        async with stream:
            assert await anext(stream) == 3
            assert sys.getrefcount(body) == before


async def test_leaving_early_closes_the_connection(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(STALLED)
    async with client_of(fake_groq) as client:
        async with resource_of(client).stream(**ASK) as stream:
            async for _ in stream:
                break
            assert client.pool.statistics().leased == 1
            assert "open" in repr(stream)
        assert client.pool.statistics().open == 0
        await stream.aclose()


async def test_a_closed_stream_hands_out_what_had_come_and_then_says_so(
    fake_groq: FakeGroq,
) -> None:
    fake_groq.enqueue(sent(delta("a"), delta("b"), end=b""))
    async with client_of(fake_groq) as client:
        stream = await resource_of(client).create(stream=True, **ASK)
        await anext(stream)
        await stream.aclose()
        await anext(stream)
        with pytest.raises(StreamError, match="got it closed"):
            await anext(stream)
        with pytest.raises(StreamError, match="got it closed") as caught:
            await anext(stream)
        assert "failed: StreamError" in repr(stream)
    assert caught.value.partial.output_text == "ab"


async def test_a_stream_is_used_within_async_with(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        stream = resource_of(client).stream(**ASK)
        assert "not open" in repr(stream)
        with pytest.raises(StreamError, match="outside `async with`"):
            await anext(stream)
        with pytest.raises(StreamError, match="outside `async with`"):
            _ = stream.response
        await stream.aclose()
    assert len(fake_groq.requests) == 0


async def test_a_stream_that_failed_to_open_is_not_opened_again(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.error(429, "slow"))
    async with client_of(fake_groq, max_retries=0) as client:
        stream = resource_of(client).stream(**ASK)
        with pytest.raises(RateLimitError):
            await stream.open()
        with pytest.raises(StreamError, match="opened once"):
            await stream.open()
        assert client.pool.statistics().leased == 0


async def test_an_open_stream_that_cannot_be_entered_is_closed(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(STALLED)
    async with client_of(fake_groq) as client:
        stream = await resource_of(client).create(stream=True, **ASK)
        with trio.CancelScope() as scope:
            scope.cancel()
            async with stream:
                pytest.fail("entered although cancelled")
        assert scope.cancelled_caught
        assert client.pool.statistics().open == 0


async def test_two_readers_are_told(fake_groq: FakeGroq, nursery: trio.Nursery) -> None:
    fake_groq.enqueue(STALLED)
    async with client_of(fake_groq) as client:
        async with resource_of(client).stream(**ASK) as stream:
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


@pytest.mark.parametrize("view", ["events", "batches"])
async def test_a_cancelled_hand_out_loses_nothing(fake_groq: FakeGroq, view: str) -> None:
    fake_groq.enqueue(sent(delta("a") + delta("b"), delta("c"), completed()))
    async with client_of(fake_groq) as client, resource_of(client).stream(**ASK) as stream:
        await anext(stream)
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(stream if view == "events" else stream.batches())
        assert scope.cancelled_caught
        response = await stream.until_done()
    assert response.output_text == "abc"


async def test_closing_the_client_ends_a_waiting_reader(
    fake_groq: FakeGroq, nursery: trio.Nursery
) -> None:
    fake_groq.enqueue(STALLED)
    async with client_of(fake_groq) as client, resource_of(client).stream(**ASK) as stream:
        nursery.start_soon(client.aclose)
        with pytest.raises(StreamError, match="closed by this client"):
            await stream.until_done()


async def test_closing_a_view_closes_the_stream(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(STALLED)
    async with client_of(fake_groq) as client, resource_of(client).stream(**ASK) as stream:
        texts = stream.text_deltas()
        assert await anext(texts) == "a"
        await texts.aclose()
        assert client.pool.statistics().open == 0


# -- cancelled anywhere


async def _whole(client: GroqClient) -> str:
    response = await resource_of(client).create(**ASK)
    assert isinstance(response, ResponseObject)
    return response.output_text


async def _streamed(client: GroqClient) -> str:
    async with resource_of(client).stream(**ASK) as stream:
        return "".join(
            [each.delta async for each in stream if isinstance(each, ResponseTextDeltaEvent)]
        )


async def _created(client: GroqClient) -> str:
    opened: ResponseStream = await resource_of(client).create(stream=True, **ASK)
    async with opened as stream:
        return (await stream.until_done()).output_text


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("call", [_whole, _streamed, _created])
async def test_cancelled_at_any_checkpoint_it_leaves_a_whole_pool(
    call: Callable[[GroqClient], Awaitable[str]], moment: Moment
) -> None:
    number = cancelled = 0
    reached = True
    while reached:
        async with server_of(Reply(content="a b c")) as server, client_of(server) as client:
            outcome = await cancel_at(lambda: call(client), moment, number)
            await wait_all_tasks_blocked()
            assert_whole(client)
            assert outcome.cancelled or outcome.answer == "a b c"
            assert (await _streamed(client)).startswith("You said: Hello" if outcome.answer else "")
        reached = outcome.reached
        cancelled += outcome.cancelled
        number += 1
        assert number < 400
    assert cancelled


# -- dropped


def drop(held: list[ResponseStream]) -> None:
    """Give up the last reference, and have the collector look."""
    held.clear()
    gc.collect()


def line_of(end: str) -> int:
    """Number of the first line of this file that ends so."""
    lines = linecache.getlines(__file__)
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"{end}\n"))


async def test_dropped_half_read_it_warns_and_frees_its_place(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(STALLED)
    async with client_of(fake_groq) as client:
        held = [resource_of(client).stream(**ASK)]  # this line
        line = line_of("# this line")
        await anext(await held[0].open())
        assert client.pool.statistics().leased == 1
        place = rf"ResponseStream made at .*{Path(__file__).name}:{line} was dropped half-read"
        with pytest.warns(ResourceWarning, match=place):
            drop(held)
        for _ in range(5):
            await wait_all_tasks_blocked()
        assert client.pool.statistics().open == 0


async def test_dropped_unopened_or_read_to_the_end_it_is_silent() -> None:
    async with server_of() as server, client_of(server) as client:
        resource_of(client).stream(**ASK)
        stream = await resource_of(client).create(stream=True, **ASK)
        async for _ in stream:
            pass
        del stream
        gc.collect()
        assert client.pool.statistics().idle == 1


async def test_streams_one_after_another_share_a_connection() -> None:
    async with server_of() as server, client_of(server) as client:
        for _ in range(5):
            async with resource_of(client).stream(**ASK) as stream:
                assert "Hello" in (await stream.until_done()).output_text
        statistics = client.pool.statistics()
    assert (statistics.opened, statistics.reused, statistics.idle) == (1, 4, 1)


async def test_an_error_status_is_raised_by_entering(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.error(429, "slow"))
    async with client_of(fake_groq, max_retries=0) as client:
        with pytest.raises(APIStatusError):
            async with resource_of(client).stream(**ASK):
                pytest.fail("entered although refused")
        assert client.pool.statistics().leased == 0
