"""`ResponseStream`: a response while it is being made."""

from collections.abc import Awaitable, Callable
from typing import ClassVar, Final, final

from trio_groq._api.accumulate_response import ResponseAccumulator
from trio_groq._event_stream import DONE, EventStream
from trio_groq._open_response import OpenResponse
from trio_groq._stream_views import StreamIterator
from trio_groq.sse.event import ServerSentEvent
from trio_groq.types._open_unions import OpenDecoder
from trio_groq.types.responses import ResponseObject
from trio_groq.types.responses_events import (
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseCreatedEvent,
    ResponseErrorEvent,
    ResponseFailedEvent,
    ResponseIncompleteEvent,
    ResponseInProgressEvent,
    ResponseOutputItemAddedEvent,
    ResponseQueuedEvent,
    ResponseStreamEvent,
    UnknownEvent,
)
from trio_groq.types.responses_text_events import (
    ResponseReasoningSummaryPartAddedEvent,
    ResponseTextDeltaEvent,
)

__all__ = ["ResponseStream"]

_LAST: Final = frozenset({ResponseCompletedEvent, ResponseFailedEvent, ResponseIncompleteEvent})
# What says that something will come: none of it is a first token.
_ANNOUNCEMENTS: Final = frozenset(
    {
        ResponseCreatedEvent,
        ResponseQueuedEvent,
        ResponseInProgressEvent,
        ResponseOutputItemAddedEvent,
        ResponseContentPartAddedEvent,
        ResponseReasoningSummaryPartAddedEvent,
    }
)
_UNNAMED: Final = "message"


def _as_texts(event: ResponseStreamEvent) -> list[str]:
    """The text that an event brings."""
    return [event.delta] if isinstance(event, ResponseTextDeltaEvent) and event.delta else []


@final
class ResponseStream(EventStream[ResponseStreamEvent, ResponseObject]):
    """One streamed response. Made by `client.responses`, not by hand.

    Use it as `async with ... as stream:`, and iterate: `async for event in stream` gives every
    event, each kind a class of its own (`ResponseTextDeltaEvent`), one that is not known an
    `UnknownEvent`; `batches()` and `text_deltas()` are other views of the same sequence.
    `response_object` is what has been handed out so far, put together.

    It ends with `ResponseCompletedEvent`, `ResponseIncompleteEvent` or `ResponseFailedEvent`,
    which is handed out and not raised: the response's `status`, `incomplete_details` and `error`
    tell, as they do where a response comes whole.

    Raises, while iterating:
        StreamError: The stream was cut off, or the connection broke.
        APIStatusError: The API reports an error within the stream.
        APITimeoutError: A limit passed.
        APIResponseValidationError: An event that is none of the API's.

    All of these carry `partial`, the response so far. Cancelled inside a receive, the stream is
    over and its connection closed; cancelled between two events that have come, nothing is lost.

    Source: API reference, "Create response", `stream`.
    """

    _NOUN: ClassVar[str] = "an event of a response"
    _END: ClassVar[str] = "the end of the response"

    __slots__ = ("_decoder", "_responses")

    def __init__(
        self,
        open_response: Callable[[], Awaitable[OpenResponse]],
        decoder: OpenDecoder[ResponseStreamEvent],
        *,
        max_event_bytes: int,
    ) -> None:
        self._decoder = decoder
        self._responses = ResponseAccumulator()
        super().__init__(open_response, self._responses, max_event_bytes=max_event_bytes)

    def text_deltas(self) -> StreamIterator[str]:
        """The pieces of text of the output's messages, none of them empty."""
        return StreamIterator(self.__anext__, _as_texts, close=self.aclose)

    @property
    def response_object(self) -> ResponseObject:
        """The response put together from the events handed out so far; whole at the end."""
        return self._responses.response()

    def _cost(self) -> int | None:
        usage = self.response_object.usage
        return None if usage is None else usage.total_tokens

    def _result(self) -> ResponseObject:
        return self.response_object

    def _is_token(self, event: ResponseStreamEvent) -> bool:
        return type(event) not in _ANNOUNCEMENTS

    def _read(self, event: ServerSentEvent) -> ResponseStreamEvent | None:
        data = event.data
        if event.event == "error":
            raise self._api_error(data)
        try:
            decoded = self._decoder.decode_strictly(data)
        except (ValueError, RecursionError):
            if bytes(data) == DONE:
                self._done = True
                return None
            decoded = self._read_with_care(event)
        kind = type(decoded)
        if kind in _LAST:
            self._done = True
        elif kind is ResponseErrorEvent:
            raise self._api_error(data)
        return decoded

    def _read_with_care(self, event: ServerSentEvent) -> ResponseStreamEvent:
        """Decode what the types do not promise; an error if there is no way to."""
        name = None if event.event == _UNNAMED else event.event
        try:
            decoded = self._decoder.decode_with_care(event.data, name)
        except ValueError as exc:
            raise self._unreadable(event.data, exc) from exc
        if isinstance(decoded, UnknownEvent) and not decoded.type and decoded.get("error"):
            raise self._api_error(event.data)
        return decoded
