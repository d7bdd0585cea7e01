"""The tool loop in one go: order, limits, errors, threads, cancellation."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from calling import takes
from cancellation import Moment, assert_whole
from tool_runs import ASK, MODEL, Script, Worker, calls, client_of, sweep
from trio_groq._api.tool_calls import ToolSet
from trio_groq._api.tool_steps import ToolOptions, ToolRun
from trio_groq._tool_loop import run_tools
from trio_groq.errors import (
    APIResponseValidationError,
    InternalServerError,
    InvalidRequestError,
    MaxStepsError,
)
from trio_groq.resources.chat import ChatCompletions
from trio_groq.testing import FakeGroq, Reply, ToolCall
from trio_groq.types.chat import ChatCompletionMessage

DONE = Reply(content="All done.")


async def scripted(tools: Any, *replies: Reply, **options: Any) -> ToolRun:
    """A run without a server."""
    return await run_tools(Script(replies).create, tools, ToolOptions(**options), ASK)


def contents(run: ToolRun) -> list[str]:
    """What the model was told in the first step."""
    return [result.content for result in run.steps[0].results]


def double(number: int) -> int:
    """Double it."""
    return 2 * number


async def nap(seconds: float) -> str:
    await trio.sleep(seconds)
    return f"slept {seconds}"


# -- against a server


async def test_a_run(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(
        calls(("double", {"number": 1}), ("nap", {"seconds": 0})),
        calls(("double", {"number": 2})),
        DONE,
    )
    async with client_of(fake_groq) as client:
        run = await client.chat.completions.run_tools(
            tools=[double, nap, {"type": "browser_search"}],
            tool_choice="required",
            timeout=30.0,
            **ASK,
        )
        assert_whole(client)
    assert run.completion.choices[0].message.content == "All done."
    assert contents(run) == ["2", "slept 0.0"]
    assert len(run.steps) == 3
    assert [each.completion.choices[0].finish_reason for each in run.steps] == [
        "tool_calls",
        "tool_calls",
        "stop",
    ]
    assert run.usage is not None
    usages = [each.completion.usage for each in run.steps]
    assert run.usage.total_tokens == sum(usage.total_tokens for usage in usages if usage)

    asked = [request.params for request in fake_groq.requests]
    assert [params["tool_choice"] for params in asked] == ["required", "auto", "auto"]
    assert (
        asked[0]["tools"]
        == asked[2]["tools"]
        == [*ToolSet([double, nap]).params, {"type": "browser_search"}]
    )
    assert asked[1]["messages"] == [
        *ASK["messages"],
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "id": "call_0",
                    "type": "function",
                    "function": {"name": "double", "arguments": '{"number":1}'},
                },
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "nap", "arguments": '{"seconds":0}'},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "call_0", "content": "2"},
        {"role": "tool", "tool_call_id": "call_1", "content": "slept 0.0"},
    ]
    assert asked[2]["messages"][: len(asked[1]["messages"])] == asked[1]["messages"]


async def test_the_transcript_can_be_sent_again(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(calls(("double", {"number": 1})), DONE, Reply(content="Bye."))
    async with client_of(fake_groq, strict_validation=True) as client:
        completions = client.chat.completions
        run = await completions.run_tools(tools=[double], **ASK)
        assert isinstance(run.messages[1], ChatCompletionMessage)
        again: Any = [*run.messages, {"role": "user", "content": "Thanks"}]
        run = await completions.run_tools(tools=[double], model=MODEL, messages=again)
    assert run.completion.choices[0].message.content == "Bye."
    assert [message["role"] for message in fake_groq.requests[-1].params["messages"]] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]


async def test_the_limit_of_steps_and_how_to_go_on(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(*[calls(("double", {"number": 1}))] * 2, DONE)
    async with client_of(fake_groq, strict_validation=True) as client:
        completions = client.chat.completions
        with pytest.raises(MaxStepsError, match="within 2 steps, got calls of double") as caught:
            await completions.run_tools(tools=[double], max_steps=2, **ASK)
        assert len(fake_groq.requests) == 2
        transcript = caught.value.run.messages
        run = await completions.run_tools(tools=[double], model=MODEL, messages=transcript)
    assert run.messages[:-1] == transcript
    assert len(run.steps) == 1


async def test_an_error_of_the_api(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(calls(("double", {"number": 1})), Reply.error(500, "down"))
    async with client_of(fake_groq, max_retries=0) as client:
        with pytest.raises(InternalServerError, match="down"):
            await client.chat.completions.run_tools(tools=[double], **ASK)
        assert_whole(client)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tools": [len]},
        {"tools": [double], "max_steps": 0},
        {"tools": [double], "temperature": 5},
        {"tools": [double], "messages": None},
    ],
    ids=["tool", "option", "parameter", "messages"],
)
async def test_what_is_not_valid_is_not_sent(fake_groq: FakeGroq, wrong: Any) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError):
            await client.chat.completions.run_tools(**{**ASK, **wrong})
    assert fake_groq.requests == []


# -- side by side


async def test_calls_run_side_by_side_and_keep_their_order(autojump_clock: MockClock) -> None:
    asked = calls(*(("nap", {"seconds": seconds}) for seconds in (3, 1, 2)))
    with takes(3.0):
        run = await scripted([nap], asked, DONE)
    assert contents(run) == ["slept 3.0", "slept 1.0", "slept 2.0"]
    assert [message["tool_call_id"] for message in run.messages[2:5]] == [  # type: ignore[index, typeddict-item]  # tool messages
        "call_0",
        "call_1",
        "call_2",
    ]


@pytest.mark.parametrize(("limit", "seconds"), [(1, 10.0), (2, 5.0), (3, 4.0), (4, 4.0)])
async def test_the_limit_of_calls_at_a_time(
    autojump_clock: MockClock, limit: int, seconds: float
) -> None:
    began: list[int] = []
    now = most = 0

    async def work(number: int, seconds: float) -> None:
        nonlocal now, most
        began.append(number)
        now += 1
        most = max(most, now)
        await trio.sleep(seconds)
        now -= 1

    lengths = (4, 3, 2, 1)
    asked = calls(*(("work", {"number": i, "seconds": each}) for i, each in enumerate(lengths)))
    with takes(seconds):
        await scripted([work], asked, DONE, max_parallel=limit)
    assert most == limit
    if limit == 1:
        assert began == [0, 1, 2, 3]


async def test_a_slot_is_free_again_after_an_error() -> None:
    async def fail() -> None:
        raise ValueError("no")

    asked = calls(*[("fail", {})] * 3)
    run = await scripted([fail], asked, asked, DONE, max_parallel=1)
    assert contents(run) == ["Error: ValueError: no"] * 3
    assert len(run.steps) == 3


# -- errors


class Broken(Exception):  # noqa: N818 (its name is what the test looks for)
    pass


async def broken_later(seconds: float) -> None:
    await trio.sleep(seconds)
    raise Broken(f"after {seconds}")


async def broken_group() -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(broken_later, 0)


def broken_now() -> None:
    raise Broken


def not_json() -> object:
    return object()


async def test_the_model_is_told_of_errors(autojump_clock: MockClock) -> None:
    run = await scripted(
        [broken_later, broken_group, broken_now, not_json, double],
        calls(
            ("broken_later", {"seconds": 1}),
            ("broken_group", {}),
            ("broken_now", {}),
            ("not_json", {}),
            ("double", {"number": "x"}),
            ("treble", {}),
            ("double", {"number": 3}),
        ),
        DONE,
    )
    told = contents(run)
    assert told[:3] == ["Error: Broken: after 1.0", "Error: Broken: after 0", "Error: Broken"]
    assert told[3].startswith("Error: TypeError: not_json: expected a JSON result, got object")
    assert told[4].startswith("Error: arguments of double: expected arguments that fit")
    assert told[5].startswith("Error: tool call: expected one of the tools broken_later, ")
    assert told[6] == "6"
    errors = [type(result.error) for result in run.steps[0].results]
    assert errors[:3] == [Broken, ExceptionGroup, Broken]
    assert errors[-1] is type(None)


async def test_the_caller_is_told_of_errors(autojump_clock: MockClock) -> None:
    cancelled: list[str] = []

    async def slow() -> None:
        try:
            await trio.sleep(60)
        except trio.Cancelled:
            cancelled.append("slow")
            raise

    async def stubborn() -> None:
        try:
            await trio.sleep(60)
        finally:
            raise KeyError("too")

    asked = calls(("slow", {}), ("broken_later", {"seconds": 2}), ("stubborn", {}), ("slow", {}))
    tools = [slow, broken_later, stubborn]
    with takes(2.0), pytest.raises(Broken) as caught:
        await scripted(tools, asked, DONE, on_tool_error="raise", max_parallel=3)
    assert str(caught.value) == "after 2.0"
    assert caught.value.__notes__ == [
        "Raised by the tool broken_later, called with {'seconds': 2.0}",
        "Then raised by stubborn: KeyError: 'too'",
    ]
    assert cancelled == ["slow"]  # the second never began


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (calls(("broken_now", {})), Broken),
        (calls(("not_json", {})), TypeError),
        (calls(("broken_group", {})), ExceptionGroup),
        (calls(("treble", {})), APIResponseValidationError),
        (Reply(tool_calls=[ToolCall("not_json", "{")]), APIResponseValidationError),
    ],
    ids=["function", "result", "group", "name", "arguments"],
)
async def test_errors_that_are_raised(asked: Reply, error: type[Exception]) -> None:
    tools = [broken_now, not_json, broken_group]
    with pytest.raises(error) as caught:
        await scripted(tools, asked, DONE, on_tool_error="raise")
    assert type(caught.value) is error


async def test_an_end_of_iteration_is_no_end_of_the_run() -> None:
    async def exhausted() -> None:
        raise StopAsyncIteration

    asked = calls(("exhausted", {}))
    with pytest.raises(RuntimeError, match="exhausted raised StopAsyncIteration") as caught:
        await scripted([exhausted], asked, DONE, on_tool_error="raise")
    assert isinstance(caught.value.__cause__, StopAsyncIteration)
    assert contents(await scripted([exhausted], asked, DONE)) == ["Error: StopAsyncIteration"]


async def test_what_is_no_exception_is_nobody_s_to_handle() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(BaseExceptionGroup) as caught:
        await scripted([leave], calls(("leave", {})), DONE)
    assert caught.value.split(SystemExit)[1] is None


# -- plain functions


async def test_plain_functions_run_in_threads_side_by_side() -> None:
    barrier = threading.Barrier(2)

    def meet() -> int:
        barrier.wait(timeout=60)
        return threading.get_ident()

    run = await scripted([meet], calls(("meet", {}), ("meet", {})), DONE)
    threads = {int(content) for content in contents(run)}
    assert len(threads) == 2
    assert threading.get_ident() not in threads


async def test_a_plain_function_may_wrap_an_async_one() -> None:
    def wrapped(number: int) -> Any:
        return trio.to_thread.run_sync(double, number)

    run = await scripted([wrapped], calls(("wrapped", {"number": 4})), DONE)
    assert contents(run) == ["8"]


class Blocking:
    """A plain function that ends when it is told to."""

    def __init__(self) -> None:
        self.began = trio.Event()
        self.may_end = threading.Event()
        self.ended = threading.Event()

    def wait(self) -> None:
        trio.from_thread.run_sync(self.began.set)
        self.may_end.wait(timeout=60)
        self.ended.set()


async def cancelled_run(blocking: Blocking, *, abandon: bool, stopped: Callable[[], None]) -> None:
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            async def stop() -> None:
                await blocking.began.wait()
                scope.cancel()
                stopped()

            nursery.start_soon(stop)
            await scripted([blocking.wait], calls(("wait", {})), abandon_on_cancel=abandon)
    assert scope.cancelled_caught


async def test_cancelling_waits_for_a_plain_function() -> None:
    blocking = Blocking()
    await cancelled_run(blocking, abandon=False, stopped=blocking.may_end.set)
    assert blocking.ended.is_set()


async def test_a_plain_function_can_be_abandoned() -> None:
    blocking = Blocking()
    await cancelled_run(blocking, abandon=True, stopped=lambda: None)
    assert not blocking.ended.is_set()
    blocking.may_end.set()
    assert blocking.ended.wait(timeout=60)


# -- cancellation


async def test_cancelling_the_run_cancels_the_tools(autojump_clock: MockClock) -> None:
    ends: list[str] = []

    async def forever() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ends.append("forever")

    with takes(5.0), trio.move_on_after(5.0) as scope:
        await scripted([forever], calls(*[("forever", {})] * 3), DONE, max_parallel=2)
    assert scope.cancelled_caught
    assert ends == ["forever"] * 2


@pytest.mark.parametrize(
    ("moment", "least"), [(Moment.AFTER, 8), (Moment.BEFORE, 8), (Moment.PASSING, 5)]
)
async def test_cancelled_at_each_checkpoint(moment: Moment, least: int) -> None:
    """At the least: for each of two requests once, and for each of three calls twice."""

    async def call(completions: ChatCompletions, worker: Worker) -> str:
        run = await completions.run_tools(tools=[worker.work], max_parallel=2, **ASK)
        return run.completion.choices[0].message.content or ""

    assert await sweep(call, moment) >= least
