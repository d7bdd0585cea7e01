"""Runs of tools as streams of events, pulled one by one."""

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from calling import takes
from cancellation import Moment, assert_whole
from tool_runs import ASK, Worker, calls, client_of, sweep
from trio_groq._tool_stream import (
    RunFinishedEvent,
    StepFinishedEvent,
    ToolEvent,
    ToolFinishedEvent,
    ToolStartedEvent,
    ToolStream,
)
from trio_groq.errors import (
    APIResponseValidationError,
    InternalServerError,
    InvalidRequestError,
    MaxStepsError,
    StreamError,
)
from trio_groq.resources.chat import ChatCompletions
from trio_groq.testing import FakeGroq, Reply, ToolCall
from trio_groq.types.stream_events import (
    ContentEvent,
    FinishEvent,
    ReasoningEvent,
    ToolCallEvent,
    UsageEvent,
)

DONE = Reply(content="All done.", reasoning="Hm.")
BOTH = calls(("double", {"number": 1}), ("double", {"number": 2}))


def double(number: int) -> int:
    """Double it."""
    return 2 * number


async def broken() -> None:
    await trio.lowlevel.checkpoint()
    raise ValueError("no")


async def nap(seconds: float) -> None:
    await trio.sleep(seconds)


def brief(event: ToolEvent) -> object:
    """What matters of an event."""
    match event:
        case ContentEvent(text=text):
            return text
        case ReasoningEvent(text=text):
            return f"({text})"
        case ToolStartedEvent(call=call, arguments=arguments):
            return call.id, arguments
        case ToolFinishedEvent(result=result):
            return result.call.id, result.content
        case _:
            return type(event)


async def collect(stream: ToolStream) -> list[object]:
    return [brief(event) async for event in stream]


async def test_the_events_of_a_run(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(BOTH, DONE)
    async with client_of(fake_groq) as client:
        made = client.chat.completions.stream_tools(tools=[double], tool_choice="required", **ASK)
        async with made as stream:
            events = [event async for event in stream]
        assert_whole(client)
        assert client.pool.statistics().opened == 1  # read to the end, and used again
    assert [brief(event) for event in events] == [
        ToolCallEvent,
        ToolCallEvent,
        FinishEvent,
        UsageEvent,
        ("call_0", {"number": 1}),
        ("call_1", {"number": 2}),
        ("call_0", "2"),
        ("call_1", "4"),
        StepFinishedEvent,
        "(Hm.)",
        "All",
        " done.",
        FinishEvent,
        UsageEvent,
        StepFinishedEvent,
        RunFinishedEvent,
    ]
    last = events[-1]
    assert isinstance(last, RunFinishedEvent)
    run = last.run
    assert run is stream.run
    assert run.completion.choices[0].message.content == "All done."
    assert run.messages == stream.messages
    assert run.steps == stream.steps
    assert [each.step for each in events if isinstance(each, StepFinishedEvent)] == [*run.steps]
    assert run.usage is not None
    usages = [each.completion.usage for each in run.steps]
    assert run.usage.total_tokens == sum(usage.total_tokens for usage in usages if usage)
    asked = [request.params for request in fake_groq.requests]
    assert [(params["stream"], params["tool_choice"]) for params in asked] == [
        (True, "required"),
        (True, "auto"),
    ]
    assert [message["role"] for message in asked[1]["messages"]] == [
        "user",
        "assistant",
        "tool",
        "tool",
    ]


async def test_until_done_and_after_it(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(BOTH, DONE)
    async with (
        client_of(fake_groq) as client,
        client.chat.completions.stream_tools(tools=[double], **ASK) as stream,
    ):
        with pytest.raises(StreamError, match="expected the run to be over"):
            _ = stream.run
        assert repr(stream) == "<ToolStream reading, 0 steps>"
        run = await stream.until_done()
        assert run.completion.choices[0].message.content == "All done."
        with pytest.raises(StopAsyncIteration):
            await stream.__anext__()
        assert await stream.until_done() is run
        async with stream:  # no harm
            assert repr(stream) == "<ToolStream done, 2 steps>"


async def test_wrong_calls_have_a_result_and_no_start(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(calls(("treble", {}), ("broken", {})), DONE)
    async with (
        client_of(fake_groq) as client,
        client.chat.completions.stream_tools(tools=[broken], **ASK) as stream,
    ):
        events = await collect(stream)
    assert [event for event in events if isinstance(event, tuple)] == [
        ("call_1", {}),
        ("call_0", "Error: tool call: expected one of the tools broken, got 'treble'"),
        ("call_1", "Error: ValueError: no"),
    ]


async def test_tools_run_within_a_pull(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    asked = calls(("nap", {"seconds": 3}), ("nap", {"seconds": 2}))
    fake_groq.enqueue(asked, DONE)
    async with (
        client_of(fake_groq) as client,
        client.chat.completions.stream_tools(tools=[nap], **ASK) as stream,
    ):
        events: list[ToolEvent] = []
        while len(events) < 6:
            events.append(await stream.__anext__())
        assert isinstance(events[-1], ToolStartedEvent)
        assert repr(stream) == "<ToolStream tools to run, 0 steps>"
        with takes(3.0):
            assert brief(await stream.__anext__()) == ("call_0", "null")
        with takes(0.0):
            assert brief(await stream.__anext__()) == ("call_1", "null")
            await stream.until_done()


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (calls(("broken", {})), ValueError),
        (calls(("treble", {})), APIResponseValidationError),
        (Reply(tool_calls=[ToolCall("broken", "[")]), APIResponseValidationError),
    ],
    ids=["function", "name", "arguments"],
)
async def test_errors_that_are_raised_end_the_run(
    fake_groq: FakeGroq, asked: Reply, error: type[Exception]
) -> None:
    fake_groq.enqueue(asked, DONE)
    async with client_of(fake_groq) as client:
        made = client.chat.completions.stream_tools(tools=[broken], on_tool_error="raise", **ASK)
        async with made as stream:
            with pytest.raises(error):
                await stream.until_done()
            assert len(stream.messages) == 2
            assert stream.steps == ()
            assert repr(stream) == "<ToolStream failed: StreamError, 0 steps>"
            for _ in range(2):
                with pytest.raises(StreamError, match="expected the run to be open, got it ended"):
                    await stream.__anext__()
        assert_whole(client)
    assert len(fake_groq.requests) == 1


async def test_the_limit_of_steps_comes_after_the_events(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(BOTH)
    events: list[object] = []

    async def read(stream: ToolStream) -> None:
        async for event in stream:
            events.append(brief(event))  # noqa: PERF401 (what came before the error)

    async with client_of(fake_groq) as client:
        made = client.chat.completions.stream_tools(tools=[double], max_steps=1, **ASK)
        async with made as stream:
            with pytest.raises(MaxStepsError) as caught:
                await read(stream)
            assert events[-2:] == [("call_1", "4"), StepFinishedEvent]
            assert caught.value.run.messages == stream.messages
            with pytest.raises(MaxStepsError):
                await stream.__anext__()


async def test_an_error_of_the_api_between_steps(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(BOTH, Reply.error(500, "down"))
    async with (
        client_of(fake_groq, max_retries=0) as client,
        client.chat.completions.stream_tools(tools=[double], **ASK) as stream,
    ):
        with pytest.raises(InternalServerError, match="down"):
            await stream.until_done()
        assert len(stream.steps) == 1  # what was done is not lost
        assert len(stream.messages) == 4
        with pytest.raises(StreamError):
            await stream.__anext__()
        assert len(fake_groq.requests) == 2


async def test_a_stream_that_is_cut_off(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="All done.", finish=False, done=False))
    async with (
        client_of(fake_groq) as client,
        client.chat.completions.stream_tools(tools=[double], **ASK) as stream,
    ):
        with pytest.raises(StreamError, match="finish reason") as caught:
            await stream.until_done()
        assert caught.value.partial.choices[0].message.content == "All done."
        with pytest.raises(StreamError):
            await stream.__anext__()


async def test_left_early(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(DONE, BOTH)
    async with client_of(fake_groq) as client:
        completions = client.chat.completions
        async with completions.stream_tools(tools=[double], **ASK) as stream:
            await stream.__anext__()
        assert_whole(client)
        with pytest.raises(StreamError):
            await stream.until_done()
        async with completions.stream_tools(tools=[double], **ASK) as stream:
            async for event in stream:
                if isinstance(event, ToolStartedEvent):
                    break
        await stream.aclose()
        assert_whole(client)
        assert stream.steps == ()


async def test_outside_of_its_scope(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        stream = client.chat.completions.stream_tools(tools=[double], **ASK)
        with pytest.raises(StreamError, match="outside `async with`"):
            await stream.__anext__()
    assert fake_groq.requests == []


@pytest.mark.parametrize(
    "wrong",
    [{"tools": [len]}, {"max_parallel": 0}, {"temperature": 5}, {"messages": None}],
    ids=["tool", "option", "parameter", "messages"],
)
async def test_what_is_not_valid_is_found_at_once(fake_groq: FakeGroq, wrong: Any) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError):
            client.chat.completions.stream_tools(**{"tools": [double], **ASK, **wrong})
    assert fake_groq.requests == []


async def test_one_reader_at_a_time(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    fake_groq.enqueue(calls(("nap", {"seconds": 5})), DONE)
    async with (
        client_of(fake_groq) as client,
        client.chat.completions.stream_tools(tools=[nap], **ASK) as stream,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(stream.until_done)
        await trio.sleep(1)
        with pytest.raises(StreamError, match="one reader at a time"):
            await stream.__anext__()
    assert len(stream.run.steps) == 2


async def test_cancelled_while_tools_run(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    fake_groq.enqueue(calls(("nap", {"seconds": 60})), DONE)
    async with (
        client_of(fake_groq) as client,
        client.chat.completions.stream_tools(tools=[nap], **ASK) as stream,
    ):
        with takes(5.0), trio.move_on_after(5) as scope:
            await stream.until_done()
        assert scope.cancelled_caught
        with pytest.raises(StreamError, match="got it ended"):
            await stream.__anext__()
    assert len(fake_groq.requests) == 1


async def test_cancelled_between_events_nothing_is_lost(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(BOTH, DONE)
    events: list[object] = []
    async with (
        client_of(fake_groq) as client,
        client.chat.completions.stream_tools(tools=[double], **ASK) as stream,
    ):
        async for event in stream:
            events.append(brief(event))
            if isinstance(event, ToolStartedEvent | ToolFinishedEvent):
                with trio.CancelScope() as scope:
                    scope.cancel()
                    await stream.__anext__()
                assert scope.cancelled_caught
    assert events[-1] is RunFinishedEvent
    assert [event for event in events if isinstance(event, tuple)] == [
        ("call_0", {"number": 1}),
        ("call_1", {"number": 2}),
        ("call_0", "2"),
        ("call_1", "4"),
    ]


@pytest.mark.parametrize(
    ("moment", "least"), [(Moment.AFTER, 8), (Moment.BEFORE, 8), (Moment.PASSING, 8)]
)
async def test_cancelled_at_each_checkpoint(moment: Moment, least: int) -> None:
    """At the least: for each of two requests once, and for each of three calls twice."""

    async def call(completions: ChatCompletions, worker: Worker) -> str:
        made = completions.stream_tools(tools=[worker.work], max_parallel=2, **ASK)
        async with made as stream:
            async for _ in stream:
                pass
        return stream.run.completion.choices[0].message.content or ""

    assert await sweep(call, moment) >= least
