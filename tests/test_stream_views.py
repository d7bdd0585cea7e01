"""Batches, texts and typed events: other views of one stream."""

from typing import Any

import msgspec
import pytest
import trio

from trio_groq import GroqClient
from trio_groq._stream_views import StreamIterator, as_batch, as_events, as_texts
from trio_groq.errors import StreamError
from trio_groq.testing import FakeGroq, Fault, Reply, ToolCall
from trio_groq.types.chunks import ChatCompletionChunk
from trio_groq.types.stream_events import (
    ContentEvent,
    DoneEvent,
    ExecutedToolEvent,
    FinishEvent,
    ReasoningEvent,
    ToolCallEvent,
    UsageEvent,
)

ASK: dict[str, Any] = {
    "model": "llama-3.1-8b-instant",
    "messages": [{"role": "user", "content": "Hello"}],
}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def chunk(*choices: dict[str, Any], **rest: Any) -> ChatCompletionChunk:
    return msgspec.convert({"choices": list(choices), **rest}, ChatCompletionChunk)


def delta(index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": fields, "finish_reason": finish}


def client_of(server: FakeGroq) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url)


# -- pure


def test_a_batch_is_itself() -> None:
    batch = [chunk(), chunk()]
    assert as_batch(batch) == (batch,)


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        pytest.param(chunk(delta(content="a")), ["a"], id="text"),
        pytest.param(chunk(delta(content="")), [], id="empty"),
        pytest.param(chunk(delta()), [], id="null"),
        pytest.param(chunk(), [], id="no-choices"),
        pytest.param(chunk(delta(reasoning="r")), [], id="reasoning"),
        pytest.param(chunk(delta(content="a"), delta(1, content="b")), ["a"], id="two-choices"),
        pytest.param(chunk(delta(1, content="b")), [], id="only-the-second-choice"),
        pytest.param(
            chunk(delta(1, content="b"), delta(content="a")), ["a"], id="second-choice-first"
        ),
    ],
)
def test_texts_of_the_first_choice(given: ChatCompletionChunk, texts: list[str]) -> None:
    assert as_texts(given) == texts


def test_events_come_in_the_stated_order() -> None:
    given = chunk(
        delta(
            2,
            "stop",
            content="c",
            reasoning="r",
            tool_calls=[{"index": 1, "id": "t", "function": {"name": "f", "arguments": "{}"}}],
            executed_tools=[{"index": 0, "type": "search"}],
        ),
        usage={"total_tokens": 3},
        x_groq={"usage": {"total_tokens": 3}},
    )
    events = as_events(given)
    assert events[:3] == [
        ReasoningEvent("r", 2),
        ContentEvent("c", 2),
        ToolCallEvent(1, "t", "f", "{}", 2),
    ]
    assert isinstance(events[3], ExecutedToolEvent)
    assert (events[3].tool.type, events[3].choice) == ("search", 2)
    assert events[4] == FinishEvent("stop", 2)
    assert isinstance(events[5], UsageEvent)
    assert events[5].usage.total_tokens == 3
    assert len(events) == 6


@pytest.mark.parametrize(
    ("call", "event"),
    [
        ({}, ToolCallEvent(0, None, None, "", 0)),
        ({"index": 3, "function": {"arguments": "x"}}, ToolCallEvent(3, None, None, "x", 0)),
        ({"id": "t", "function": {"name": "f"}}, ToolCallEvent(0, "t", "f", "", 0)),
    ],
)
def test_pieces_of_tool_calls(call: dict[str, Any], event: ToolCallEvent) -> None:
    assert as_events(chunk(delta(tool_calls=[call]))) == [event]


@pytest.mark.parametrize("given", [chunk(), chunk(delta(content="", role="assistant"))])
def test_a_chunk_without_news(given: ChatCompletionChunk) -> None:
    assert as_events(given) == []


def test_usage_in_x_groq_only() -> None:
    (event,) = as_events(chunk(x_groq={"usage": {"total_tokens": 7}}))
    assert isinstance(event, UsageEvent)
    assert event.usage.total_tokens == 7


# -- over a stream


async def test_text_deltas(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="one two three", reasoning="hmm"))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        texts = [piece async for piece in stream.text_deltas()]
    assert "".join(texts) == "one two three"
    assert all(texts)
    assert len(texts) == 3


async def test_events_end_with_done(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(
        Reply(content="a", reasoning="r", tool_calls=[ToolCall("f", {"x": 1})], usage_in="top")
    )
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        view = stream.events()
        events = [event async for event in view]
        with pytest.raises(StopAsyncIteration):
            await anext(view)
    assert [type(event) for event in events] == [
        ReasoningEvent,
        ContentEvent,
        ToolCallEvent,
        FinishEvent,
        UsageEvent,
        DoneEvent,
    ]
    assert isinstance(events[-1], DoneEvent)
    assert events[-1].completion == stream.completion
    assert events[-1].completion.choices[0].message.content == "a"


async def test_a_stream_that_breaks_has_no_done(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a b", finish=False, done=False))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        seen: list[type] = []

        async def read() -> None:
            async for event in stream.events():
                seen.append(type(event))  # noqa: PERF401 (what came before the error counts)

        with pytest.raises(StreamError):
            await read()
    assert seen == [ContentEvent, ContentEvent]


async def test_a_batch_for_each_receive(fake_groq: FakeGroq) -> None:
    pieces = [f'data: {{"choices":[{{"delta":{{"content":"{text}"}}}}]}}\n\n' for text in "abc"]
    done = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    first, second = (pieces[0] + pieces[1]).encode(), (pieces[2] + done).encode()
    fault = Fault.split([len(HEAD), len(first), len(second)])
    fake_groq.enqueue(Reply.raw(HEAD + first + second, close=True, fault=fault))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        sizes = [len(batch) async for batch in stream.batches()]
    assert sizes == [2, 2]
    assert stream.completion.choices[0].message.content == "abc"


async def test_leaving_a_view_and_reading_on_loses_nothing(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a b c d e f"))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        got = ""
        async for piece in stream.text_deltas():
            got += piece
            break
        async for event in stream.events():
            if isinstance(event, ContentEvent):
                got += event.text
                break
        async for one in stream:
            got += one.choices[0].delta.content or ""
            break
        view = stream.text_deltas()
        got += await anext(view)
        async for batch in stream.batches():
            for one in batch:
                got += "".join(choice.delta.content or "" for choice in one.choices)
        assert got == "a b c d e f"
        assert stream.completion.choices[0].message.content == got


async def test_a_cancelled_hand_out_of_a_view_loses_nothing(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a b"))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        view = stream.events()
        events = [await anext(view), await anext(view), await anext(view)]
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(view)
        assert scope.cancelled_caught
        events += [event async for event in view]
    kinds = [type(event) for event in events]
    assert kinds == [ContentEvent, ContentEvent, FinishEvent, UsageEvent, DoneEvent]


async def test_closing_a_view_closes_the_stream(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a b", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client:
        stream = await client.chat.completions.create(stream=True, **ASK)
        view = stream.batches()
        assert aiter(view) is view
        await anext(view)
        await view.aclose()
        assert client.pool.statistics().open == 0


async def test_a_view_asks_again_until_there_is_something() -> None:
    pulled = iter([[], [], [1, 2], [], [3]])

    async def pull() -> list[int]:
        await trio.lowlevel.checkpoint()
        try:
            return next(pulled)
        except StopIteration:
            raise StopAsyncIteration from None

    async def close() -> None:
        raise AssertionError

    view: StreamIterator[int] = StreamIterator(pull, list[int], close=close, last=lambda: 9)
    assert [number async for number in view] == [1, 2, 3, 9]
