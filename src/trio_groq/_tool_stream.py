"""`ToolStream`: a run of tools while it happens.

It is pulled, as a `ChatStream` is, and has no task of its own: the pull that needs the results of a
step runs its tools. So while tools run nothing else is handed out, and between two pulls nothing
runs.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeAlias, final

import attrs
import trio

from trio_groq._api.tool_calls import ToolResult, ToolSet
from trio_groq._api.tool_steps import StepPlan, ToolOptions, ToolRun, ToolStep, ToolSteps
from trio_groq._stream import ChatStream
from trio_groq._tool_loop import Tool, ToolRunner
from trio_groq.errors import GroqError, MaxStepsError, StreamError
from trio_groq.types.chat import ChatCompletionMessageToolCall
from trio_groq.types.chat_messages import ChatCompletionMessageParam
from trio_groq.types.stream_events import DoneEvent, StreamEvent

__all__ = [
    "RunFinishedEvent",
    "StepFinishedEvent",
    "ToolEvent",
    "ToolFinishedEvent",
    "ToolStartedEvent",
    "ToolStream",
]


@attrs.frozen(eq=False)
class ToolStartedEvent:
    """A tool is about to be called.

    Attributes:
        call: As the model wrote it.
        arguments: Its arguments, by name.
    """

    call: ChatCompletionMessageToolCall
    arguments: Mapping[str, Any]


@attrs.frozen(eq=False)
class ToolFinishedEvent:
    """A tool has returned or failed; or a call was wrong, and nothing was called.

    Attributes:
        result: What the model is told.
    """

    result: ToolResult


@attrs.frozen(eq=False)
class StepFinishedEvent:
    """An answer is whole, and its calls are answered.

    Attributes:
        step: What happened.
    """

    step: ToolStep


@attrs.frozen(eq=False)
class RunFinishedEvent:
    """The model has answered; the last event.

    Attributes:
        run: What `run_tools` returns.
    """

    run: ToolRun


ToolEvent: TypeAlias = (
    StreamEvent | ToolStartedEvent | ToolFinishedEvent | StepFinishedEvent | RunFinishedEvent
)
"""What a `ToolStream` gives. In each step first what `ChatStream.events()` gives without its
`DoneEvent`, then the start of each tool, then, once all have ended, the end of each, both in the
order of the calls, then the step."""


@final
class ToolStream:
    """A run of tools while it happens. Made by `client.chat.completions`, not by hand.

    Use it as `async with ... as stream:`, and iterate: `async for event in stream`.

    Args:
        open_stream: Makes the stream of a request, given its parameters by name.
        tools: What the model may call.
        options: How the tools are run.
        params: The parameters of the first request, without `tools`, and the options of each.

    Raises:
        InvalidRequestError: A tool or a parameter is not valid; nothing was sent.

    Raises, while iterating, what `run_tools` and `ChatStream` raise; then it is over, and
    `messages` and `steps` have what was done before. Cancelled between two events that have come,
    nothing is lost; cancelled inside a receive or a tool, the run is over.
    """

    __slots__ = (
        "_busy",
        "_events",
        "_failure",
        "_make_stream",
        "_plan",
        "_ready",
        "_run",
        "_runner",
        "_steps",
        "_stream",
    )

    def __init__(
        self,
        open_stream: Callable[..., ChatStream],
        tools: Iterable[Tool],
        options: ToolOptions,
        params: Mapping[str, Any],
    ) -> None:
        self._make_stream = open_stream
        self._steps = ToolSteps(ToolSet(tools), params, options)
        self._runner = ToolRunner(options)
        self._ready: deque[ToolEvent] = deque()
        self._plan: StepPlan | None = None
        self._run: ToolRun | None = None
        self._failure: GroqError | None = None
        self._busy = False
        # Made now, so that what is not valid is found where it stands; sent when it is entered.
        self._stream: ChatStream | None = self._next_stream()

    # -- its scope

    async def __aenter__(self) -> "ToolStream":
        if self._stream is not None:
            await self._stream.open()
        else:
            await trio.lowlevel.checkpoint()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the run where it is; a connection that is not read to its end is closed."""
        if self._run is None and self._failure is None:
            self._failure = self._closed()
        if self._stream is not None:
            await self._stream.aclose()
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()

    # -- its events

    def __aiter__(self) -> "ToolStream":
        return self

    async def __anext__(self) -> ToolEvent:
        if self._busy:
            raise StreamError("tools: expected one reader at a time, got a second task")
        ready = self._ready
        if ready:
            await trio.lowlevel.checkpoint_if_cancelled()
        while not ready:
            if self._run is not None or self._failure is not None:
                await trio.lowlevel.checkpoint()
                raise self._failure or StopAsyncIteration
            self._busy = True
            try:
                await (self._read() if self._plan is None else self._run_tools(self._plan))
            finally:
                self._busy = False
        return ready.popleft()  # noqa: ASYNC910 (`checkpoint_if_cancelled`, or what filled it)

    async def until_done(self) -> ToolRun:
        """Let the run go on to its end.

        Returns:
            The run.
        """
        async for _ in self:
            pass
        return self.run

    @property
    def run(self) -> ToolRun:
        """The whole run.

        Raises:
            StreamError: The model has not answered yet.
        """
        if self._run is None:
            raise StreamError("tools: expected the run to be over, got a use of its result")
        return self._run

    @property
    def messages(self) -> list[ChatCompletionMessageParam]:
        """The conversation so far: what was given, and every answer and result that is whole."""
        return self._steps.messages

    @property
    def steps(self) -> Sequence[ToolStep]:
        """The steps that are finished."""
        return tuple(self._steps.steps)

    # -- its steps

    def _next_stream(self) -> ChatStream:
        stream = self._make_stream(**self._steps.request())
        self._events = stream.events()
        return stream

    async def _read(self) -> None:
        """One event of the present answer; at its end, what it asks for."""
        if self._stream is None:
            self._stream = self._next_stream()
            await self._stream.open()
        event = await self._events.__anext__()
        if not isinstance(event, DoneEvent):
            self._ready.append(event)
            return
        await self._stream.aclose()
        self._stream = None
        self._failure = self._closed()  # should the answer be of no use
        self._plan = plan = self._steps.take(event.completion)
        self._failure = None
        for prepared in plan.prepared.values():
            self._ready.append(ToolStartedEvent(prepared.call, prepared.arguments))

    async def _run_tools(self, plan: StepPlan) -> None:
        """The tools of one step."""
        await trio.lowlevel.checkpoint()  # there may be none
        self._plan = None
        self._failure = self._closed()  # should they not come to their end
        results = await self._runner.run(plan)
        self._failure = None
        try:
            self._run = self._steps.finish(plan, results)
        except MaxStepsError as error:
            self._failure = error  # raised in its place, after the events before it
        self._ready.extend(ToolFinishedEvent(result) for result in results)
        self._ready.append(StepFinishedEvent(self._steps.steps[-1]))
        if self._run is not None:
            self._ready.append(RunFinishedEvent(self._run))

    @staticmethod
    def _closed() -> StreamError:
        return StreamError("tools: expected the run to be open, got it ended")

    def __repr__(self) -> str:
        if self._run is not None:
            state = "done"
        elif self._failure is not None:
            state = f"failed: {type(self._failure).__name__}"
        else:
            state = "tools to run" if self._plan is not None else "reading"
        return f"<ToolStream {state}, {len(self._steps.steps)} steps>"
