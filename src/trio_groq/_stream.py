"""`ChatStream`: a chat completion while it is being written.

How a stream is opened, read, ended and given back is in `_event_stream`; here is what its events
are, and the loop over them, which is the way of every token.
"""

from collections.abc import Awaitable, Callable
from typing import ClassVar, Final, final

from trio_groq._api.accumulate import Accumulator
from trio_groq._event_stream import DONE, EventStream
from trio_groq._http.chunked import LoneChunk
from trio_groq._http.messages import Span
from trio_groq._open_response import OpenResponse
from trio_groq._stream_views import StreamIterator, as_events, as_texts
from trio_groq.errors import APIError
from trio_groq.sse.event import ServerSentEvent
from trio_groq.sse.parser import LONE_BEGINS, LONE_ENDS
from trio_groq.types._base import Buffer, Decoder
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chunks import ChatCompletionChunk
from trio_groq.types.stream_events import DoneEvent, StreamEvent

__all__ = ["ChatStream"]

_LONE_MESSAGE: Final = LoneChunk(LONE_BEGINS, LONE_ENDS)


@final
class ChatStream(EventStream[ChatCompletionChunk, ChatCompletion]):
    """One streamed chat completion. Made by `client.chat.completions`, not by hand.

    Use it as `async with ... as stream:`, and iterate: `async for chunk in stream` gives every
    `ChatCompletionChunk`; `batches()`, `text_deltas()` and `events()` are other views of the same
    sequence. `completion` is what has been handed out so far, put together.

    Raises, while iterating:
        StreamError: The stream was cut off, or the connection broke.
        APIStatusError: The API reports an error within the stream.
        APITimeoutError: A limit passed.
        APIResponseValidationError: An event that is no chunk.

    All of these carry `partial`, the completion so far. Cancelled inside a receive, the stream is
    over and its connection closed; cancelled between two chunks that have come, nothing is lost.

    Source: API reference, "Create chat completion", `stream`.
    """

    _NOUN: ClassVar[str] = "a chat completion chunk"
    _END: ClassVar[str] = "[DONE] or a finish reason"

    __slots__ = ("_decoder",)

    _accumulator: Accumulator

    def __init__(
        self,
        open_response: Callable[[], Awaitable[OpenResponse]],
        decoder: Decoder[ChatCompletionChunk],
        *,
        max_event_bytes: int,
    ) -> None:
        self._decoder = decoder
        super().__init__(open_response, Accumulator(), max_event_bytes=max_event_bytes)

    def text_deltas(self) -> "StreamIterator[str]":
        """The pieces of text of the first choice, none of them empty."""
        return StreamIterator(self.__anext__, as_texts, close=self.aclose)

    def events(self) -> "StreamIterator[StreamEvent]":
        """The stream as typed events, with a `DoneEvent` at its end."""
        return StreamIterator(self.__anext__, as_events, close=self.aclose, last=self._done_event)

    @property
    def completion(self) -> ChatCompletion:
        """The completion put together from the chunks handed out so far; whole at the end."""
        return self._accumulator.completion()

    def _result(self) -> ChatCompletion:
        return self.completion

    def _cost(self) -> int | None:
        usage = self._accumulator.usage
        return None if usage is None else usage.total_tokens

    def _is_token(self, event: ChatCompletionChunk) -> bool:
        """More than the role, which may come before anything is written."""
        for choice in event.choices:
            delta = choice.delta
            if (
                delta.content
                or delta.reasoning
                or choice.finish_reason
                or delta.tool_calls
                or delta.executed_tools
            ):
                return True
        return False

    def _done_event(self) -> StreamEvent:
        return DoneEvent(self.completion)

    def _glance(self, buffer: bytes | bytearray, end: int) -> bool:
        """Decode a chunk that comes alone: the way of nearly every token that is paced."""
        data = _LONE_MESSAGE.inner(buffer, end)
        if data is None or not self._parser.is_lone_message(data):
            return False
        try:
            chunk = self._decoder.decode_strictly(data)
        except (ValueError, RecursionError):
            return False  # `_take` finds out what it is
        if chunk.error is not None or chunk.x_groq is not None:
            return False
        self._ready.append(chunk)
        return True

    def _take(self, spans: list[Span]) -> bool:
        """Decode the events of one receive; after the first wrong one there is no second.

        Returns:
            Whether there is anything to hand out, or the stream is over.
        """
        ready = self._ready
        decode = self._decoder.decode_strictly
        try:
            data: Buffer
            for event in self._parser.feed_messages(spans):
                if type(event) is ServerSentEvent:
                    data = event.data
                    if event.event != "message":
                        self._read(event)
                        continue
                else:
                    data = event
                try:
                    chunk = decode(data)
                except (ValueError, RecursionError):
                    if bytes(data) == DONE:
                        self._done = True
                        break
                    chunk = self._decode_with_care(data)
                if chunk.error is not None or chunk.x_groq is not None:
                    self._check_chunk(chunk, data)
                ready.append(chunk)
        except APIError as exc:
            self._failure = exc
        ready.reverse()
        return bool(ready) or self._done or self._failure is not None

    def _read(self, event: ServerSentEvent) -> None:
        """An event with a name: an error, or one of a kind that may come to be, and is skipped."""
        if event.event == "error":
            raise self._api_error(event.data)

    def _check_chunk(self, chunk: ChatCompletionChunk, data: Buffer) -> None:
        if chunk.error is not None or (chunk.x_groq is not None and chunk.x_groq.error is not None):
            raise self._api_error(data)

    def _decode_with_care(self, data: Buffer) -> ChatCompletionChunk:
        """Decode what the types do not promise; an error if there is no way to."""
        try:
            return self._decoder.decode(data)
        except ValueError as exc:
            raise self._unreadable(data, exc) from exc
