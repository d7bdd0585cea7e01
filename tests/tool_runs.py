"""Runs of tools against a `FakeGroq`, through methods like those of the client."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from cancellation import Moment, Outcome, assert_whole, cancel_at
from trio_groq import GroqClient
from trio_groq.resources.chat import ChatCompletions
from trio_groq.testing import FakeGroq, Reply, ToolCall
from trio_groq.types.chat import (
    ChatCompletion,
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
    Choice,
    FunctionCall,
)

MODEL = "openai/gpt-oss-120b"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


def client_of(server: FakeGroq, **options: Any) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url, **options)


def calls(*wanted: tuple[str, dict[str, Any]]) -> Reply:
    """The model calls tools."""
    return Reply(
        tool_calls=[
            ToolCall(name, arguments, id=f"call_{index}")
            for index, (name, arguments) in enumerate(wanted)
        ]
    )


def completion_of(reply: Reply) -> ChatCompletion:
    """What comes of a reply, without a server."""
    made = [
        ChatCompletionMessageToolCall(
            id=call.id or "",
            function=FunctionCall(name=call.name, arguments=call.arguments_json),
        )
        for call in reply.tool_calls
    ]
    message = ChatCompletionMessage(content=reply.content, tool_calls=made or None)
    return ChatCompletion(choices=[Choice(message=message)])


class Script:
    """A model without a server: takes no time, and keeps what it was asked."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = list(replies)
        self.requests: list[dict[str, Any]] = []

    async def create(self, **params: Any) -> ChatCompletion:
        self.requests.append(params)
        await trio.lowlevel.checkpoint()
        return completion_of(self._replies.pop(0))


class Worker:
    """An async tool that keeps who is at work in it."""

    def __init__(self) -> None:
        self.running: list[int] = []

    async def work(self, number: int) -> int:
        self.running.append(number)
        try:
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint_if_cancelled()
            return number
        finally:
            self.running.remove(number)


async def _cancelled_once(
    call: Callable[[ChatCompletions, Worker], Awaitable[str]], moment: Moment, number: int
) -> Outcome:
    outcomes: list[Outcome] = []
    worker = Worker()
    async with FakeGroq() as server, client_of(server) as client:
        asked = calls(*(("work", {"number": each}) for each in range(3)))
        server.enqueue(asked, Reply(content="All done."))

        async def run() -> None:
            made = client.chat.completions
            outcomes.append(await cancel_at(lambda: call(made, worker), moment, number))
            assert worker.running == []

        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run)
        await wait_all_tasks_blocked()
        assert_whole(client)
    return outcomes[0]


async def sweep(call: Callable[[ChatCompletions, Worker], Awaitable[str]], moment: Moment) -> int:
    """Cancel a run at each of its checkpoints; how often it was cancelled.

    Args:
        call: Runs three calls of a tool, two at a time, and returns the answer.
        moment: Which checkpoints.
    """
    cancelled = 0
    for number in range(400):
        outcome = await _cancelled_once(call, moment, number)
        assert outcome.cancelled == (outcome.answer is None)
        assert outcome.answer in {None, "All done."}
        cancelled += outcome.cancelled
        if not outcome.reached:
            return cancelled
    raise AssertionError("expected fewer than 400 checkpoints")
