"""Responses as they come in pieces: the events of a stream, one struct for each kind.

They are as light as chunks of a chat completion are. An event of another kind is kept whole, in an
`UnknownEvent`.

Source: the events of the OpenAI format, which the API's own document refers to and does not list.
Names are those of the OpenAI SDK.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from trio_groq.types._base import sent
from trio_groq.types._open_unions import UnknownItem
from trio_groq.types.responses import ResponseObject
from trio_groq.types.responses_event_bases import (
    ResponseEvent,
    ResponsePartEvent,
)
from trio_groq.types.responses_items import (
    KnownItem,
    ResponseContentPart,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
    ResponseReasoningText,
    ResponseSummaryText,
)
from trio_groq.types.responses_text_events import (
    ResponseOutputTextAnnotationAddedEvent,
    ResponseReasoningSummaryPartAddedEvent,
    ResponseReasoningSummaryPartDoneEvent,
    ResponseReasoningSummaryTextDeltaEvent,
    ResponseReasoningSummaryTextDoneEvent,
    ResponseReasoningTextDeltaEvent,
    ResponseReasoningTextDoneEvent,
    ResponseRefusalDeltaEvent,
    ResponseRefusalDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)
from trio_groq.types.responses_tool_events import (
    ResponseCodeInterpreterCallCodeDeltaEvent,
    ResponseCodeInterpreterCallCodeDoneEvent,
    ResponseCodeInterpreterCallCompletedEvent,
    ResponseCodeInterpreterCallInProgressEvent,
    ResponseCodeInterpreterCallInterpretingEvent,
    ResponseFileSearchCallCompletedEvent,
    ResponseFileSearchCallInProgressEvent,
    ResponseFileSearchCallSearchingEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseMcpCallArgumentsDeltaEvent,
    ResponseMcpCallArgumentsDoneEvent,
    ResponseMcpCallCompletedEvent,
    ResponseMcpCallFailedEvent,
    ResponseMcpCallInProgressEvent,
    ResponseMcpListToolsCompletedEvent,
    ResponseMcpListToolsFailedEvent,
    ResponseMcpListToolsInProgressEvent,
    ResponseWebSearchCallCompletedEvent,
    ResponseWebSearchCallInProgressEvent,
    ResponseWebSearchCallSearchingEvent,
)

__all__ = [
    "KnownEvent",
    "ResponseCompletedEvent",
    "ResponseContentPartAddedEvent",
    "ResponseContentPartDoneEvent",
    "ResponseCreatedEvent",
    "ResponseErrorEvent",
    "ResponseFailedEvent",
    "ResponseInProgressEvent",
    "ResponseIncompleteEvent",
    "ResponseOutputItemAddedEvent",
    "ResponseOutputItemDoneEvent",
    "ResponseQueuedEvent",
    "ResponseStreamEvent",
    "UnknownEvent",
]

if TYPE_CHECKING:
    _Item: TypeAlias = ResponseOutputItem
    _Part: TypeAlias = ResponseContentPart
else:
    _Item = KnownItem
    _Part = ResponseOutputText | ResponseOutputRefusal | ResponseReasoningText | ResponseSummaryText


class UnknownEvent(UnknownItem):
    """An event whose `type` this version of the package does not know: all of it, as it came."""

    __slots__ = ()


class ResponseCreatedEvent(ResponseEvent, frozen=True, tag_field="type", tag="response.created"):
    """The response has begun; its output is empty.

    Attributes:
        response: The response as it is now.
    """

    type: ClassVar[Literal["response.created"]] = "response.created"
    response: ResponseObject = sent(ResponseObject)


class ResponseQueuedEvent(ResponseEvent, frozen=True, tag_field="type", tag="response.queued"):
    """The response waits for its turn.

    Attributes:
        response: The response as it is now.
    """

    type: ClassVar[Literal["response.queued"]] = "response.queued"
    response: ResponseObject = sent(ResponseObject)


class ResponseInProgressEvent(
    ResponseEvent, frozen=True, tag_field="type", tag="response.in_progress"
):
    """The response is being made.

    Attributes:
        response: The response as it is now.
    """

    type: ClassVar[Literal["response.in_progress"]] = "response.in_progress"
    response: ResponseObject = sent(ResponseObject)


class ResponseCompletedEvent(
    ResponseEvent, frozen=True, tag_field="type", tag="response.completed"
):
    """The response is complete; the stream ends.

    Attributes:
        response: The response as it is now.
    """

    type: ClassVar[Literal["response.completed"]] = "response.completed"
    response: ResponseObject = sent(ResponseObject)


class ResponseFailedEvent(ResponseEvent, frozen=True, tag_field="type", tag="response.failed"):
    """The response has failed, as its `error` says; the stream ends.

    Attributes:
        response: The response as it is now.
    """

    type: ClassVar[Literal["response.failed"]] = "response.failed"
    response: ResponseObject = sent(ResponseObject)


class ResponseIncompleteEvent(
    ResponseEvent, frozen=True, tag_field="type", tag="response.incomplete"
):
    """The response ends before its time, as `incomplete_details` says; the stream ends.

    Attributes:
        response: The response as it is now.
    """

    type: ClassVar[Literal["response.incomplete"]] = "response.incomplete"
    response: ResponseObject = sent(ResponseObject)


class ResponseOutputItemAddedEvent(
    ResponseEvent, frozen=True, tag_field="type", tag="response.output_item.added"
):
    """An item of the output begins.

    Attributes:
        output_index: Position of the item in the output.
        item: The item so far.
    """

    type: ClassVar[Literal["response.output_item.added"]] = "response.output_item.added"
    output_index: int = sent(int)
    item: _Item = sent(ResponseOutputMessage)


class ResponseOutputItemDoneEvent(
    ResponseEvent, frozen=True, tag_field="type", tag="response.output_item.done"
):
    """An item of the output is whole.

    Attributes:
        output_index: Position of the item in the output.
        item: The item.
    """

    type: ClassVar[Literal["response.output_item.done"]] = "response.output_item.done"
    output_index: int = sent(int)
    item: _Item = sent(ResponseOutputMessage)


class ResponseContentPartAddedEvent(
    ResponsePartEvent, frozen=True, tag_field="type", tag="response.content_part.added"
):
    """A part of an item's content begins.

    Attributes:
        part: The part so far.
    """

    type: ClassVar[Literal["response.content_part.added"]] = "response.content_part.added"
    part: _Part = sent(ResponseOutputText)


class ResponseContentPartDoneEvent(
    ResponsePartEvent, frozen=True, tag_field="type", tag="response.content_part.done"
):
    """A part of an item's content is whole.

    Attributes:
        part: The part.
    """

    type: ClassVar[Literal["response.content_part.done"]] = "response.content_part.done"
    part: _Part = sent(ResponseOutputText)


class ResponseErrorEvent(ResponseEvent, frozen=True, tag_field="type", tag="error"):
    """An error ends the stream. `ResponseStream` raises it and hands none of these out.

    Attributes:
        code: What kind of error.
        message: What happened, for people.
        param: The parameter at fault.
        error: The same as an object, as in an error response.
    """

    type: ClassVar[Literal["error"]] = "error"
    code: str | int | None = None
    message: str | None = None
    param: str | None = None
    error: dict[str, Any] | str | None = None


KnownEvent: TypeAlias = (
    ResponseCreatedEvent
    | ResponseQueuedEvent
    | ResponseInProgressEvent
    | ResponseCompletedEvent
    | ResponseFailedEvent
    | ResponseIncompleteEvent
    | ResponseOutputItemAddedEvent
    | ResponseOutputItemDoneEvent
    | ResponseContentPartAddedEvent
    | ResponseContentPartDoneEvent
    | ResponseErrorEvent
    | ResponseTextDeltaEvent
    | ResponseTextDoneEvent
    | ResponseOutputTextAnnotationAddedEvent
    | ResponseRefusalDeltaEvent
    | ResponseRefusalDoneEvent
    | ResponseReasoningTextDeltaEvent
    | ResponseReasoningTextDoneEvent
    | ResponseReasoningSummaryPartAddedEvent
    | ResponseReasoningSummaryPartDoneEvent
    | ResponseReasoningSummaryTextDeltaEvent
    | ResponseReasoningSummaryTextDoneEvent
    | ResponseFunctionCallArgumentsDeltaEvent
    | ResponseFunctionCallArgumentsDoneEvent
    | ResponseMcpCallArgumentsDeltaEvent
    | ResponseMcpCallArgumentsDoneEvent
    | ResponseCodeInterpreterCallCodeDeltaEvent
    | ResponseCodeInterpreterCallCodeDoneEvent
    | ResponseMcpCallInProgressEvent
    | ResponseMcpCallCompletedEvent
    | ResponseMcpCallFailedEvent
    | ResponseMcpListToolsInProgressEvent
    | ResponseMcpListToolsCompletedEvent
    | ResponseMcpListToolsFailedEvent
    | ResponseWebSearchCallInProgressEvent
    | ResponseWebSearchCallSearchingEvent
    | ResponseWebSearchCallCompletedEvent
    | ResponseFileSearchCallInProgressEvent
    | ResponseFileSearchCallSearchingEvent
    | ResponseFileSearchCallCompletedEvent
    | ResponseCodeInterpreterCallInProgressEvent
    | ResponseCodeInterpreterCallInterpretingEvent
    | ResponseCodeInterpreterCallCompletedEvent
)

ResponseStreamEvent: TypeAlias = KnownEvent | UnknownEvent
"""An event of a response's stream."""
