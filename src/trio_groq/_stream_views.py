"""Other views of a stream of chunks: batches, text, typed events.

A view pulls from the stream and holds nothing but what one pull gave and is not yet taken.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, final

import trio

from trio_groq.types.chunks import ChatCompletionChunk, ChunkChoice
from trio_groq.types.stream_events import (
    ContentEvent,
    ExecutedToolEvent,
    FinishEvent,
    ReasoningEvent,
    StreamEvent,
    ToolCallEvent,
    UsageEvent,
)

__all__ = ["StreamIterator", "as_batch", "as_events", "as_texts"]

T = TypeVar("T")


@final
class StreamIterator(Generic[T]):
    """A view of a stream, for `async for`; closing it closes the stream.

    Not an async generator: it needs no finalizer. Made by `ChatStream`, not by hand.
    """

    __slots__ = ("_close", "_last", "_pull", "_ready", "_view")

    def __init__(
        self,
        pull: Callable[[], Awaitable[Any]],
        view: Callable[[Any], Sequence[T]],
        *,
        close: Callable[[], Awaitable[None]],
        last: Callable[[], T] | None = None,
    ) -> None:
        self._pull = pull
        self._view = view
        self._close = close
        self._last = last
        self._ready: list[T] = []  # the next one last

    def __aiter__(self) -> "StreamIterator[T]":
        return self

    async def __anext__(self) -> T:
        ready = self._ready
        if ready:
            await trio.lowlevel.checkpoint_if_cancelled()
        while not ready:
            try:
                ready.extend(reversed(self._view(await self._pull())))
            except StopAsyncIteration:
                if self._last is None:
                    raise
                last, self._last = self._last, None
                return last()  # noqa: ASYNC910 (`checkpoint_if_cancelled`, or the pull)
        return ready.pop()  # noqa: ASYNC910 (`checkpoint_if_cancelled`, or the pull)

    async def aclose(self) -> None:
        """Close the stream."""
        await self._close()


def as_batch(batch: list[T]) -> tuple[list[T]]:
    """A batch as it is."""
    return (batch,)


def as_texts(chunk: ChatCompletionChunk) -> list[str]:
    """The text of the first choice; nothing where it is empty."""
    return [
        choice.delta.content
        for choice in chunk.choices
        if choice.index == 0 and choice.delta.content
    ]


def as_events(chunk: ChatCompletionChunk) -> list[StreamEvent]:
    """The chunk's news, in the order that `stream_events` states."""
    events: list[StreamEvent] = []
    for choice in chunk.choices:
        events += _events_of_choice(choice)
    if chunk.usage is not None:
        events.append(UsageEvent(chunk.usage))
    elif chunk.x_groq is not None and chunk.x_groq.usage is not None:
        events.append(UsageEvent(chunk.x_groq.usage))
    return events


def _events_of_choice(choice: ChunkChoice) -> Iterator[StreamEvent]:
    delta, index = choice.delta, choice.index
    if delta.reasoning:
        yield ReasoningEvent(delta.reasoning, index)
    if delta.content:
        yield ContentEvent(delta.content, index)
    for call in delta.tool_calls or ():
        function = call.function
        yield ToolCallEvent(
            index=call.index or 0,
            id=call.id,
            name=function.name if function else None,
            arguments=(function.arguments if function else None) or "",
            choice=index,
        )
    for tool in delta.executed_tools or ():
        yield ExecutedToolEvent(tool, index)
    if choice.finish_reason:
        yield FinishEvent(choice.finish_reason, index)
