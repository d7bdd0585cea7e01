"""What the stream of a response says of its texts: answers, refusals, reasoning and its summaries.

Source: the events of the OpenAI format, whose names these are; see `responses_events`.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from trio_groq.types._base import sent
from trio_groq.types.responses_event_bases import ResponsePartEvent, ResponseSummaryEvent
from trio_groq.types.responses_items import (
    ResponseAnnotation,
    ResponseContentPart,
    ResponseFileCitation,
    ResponseOutputRefusal,
    ResponseOutputText,
    ResponseReasoningText,
    ResponseSummaryText,
    ResponseUrlCitation,
)

__all__ = [
    "ResponseOutputTextAnnotationAddedEvent",
    "ResponseReasoningSummaryPartAddedEvent",
    "ResponseReasoningSummaryPartDoneEvent",
    "ResponseReasoningSummaryTextDeltaEvent",
    "ResponseReasoningSummaryTextDoneEvent",
    "ResponseReasoningTextDeltaEvent",
    "ResponseReasoningTextDoneEvent",
    "ResponseRefusalDeltaEvent",
    "ResponseRefusalDoneEvent",
    "ResponseTextDeltaEvent",
    "ResponseTextDoneEvent",
]

if TYPE_CHECKING:
    _Part: TypeAlias = ResponseContentPart
    _Annotation: TypeAlias = ResponseAnnotation
else:
    _Part = ResponseOutputText | ResponseOutputRefusal | ResponseReasoningText | ResponseSummaryText
    _Annotation = ResponseFileCitation | ResponseUrlCitation


class ResponseTextDeltaEvent(
    ResponsePartEvent, frozen=True, tag_field="type", tag="response.output_text.delta"
):
    """More text of a message.

    Attributes:
        delta: The next piece.
        logprobs: Token probabilities; their form is not documented.
    """

    type: ClassVar[Literal["response.output_text.delta"]] = "response.output_text.delta"
    delta: str = sent(str)
    logprobs: list[Any] | None = None


class ResponseTextDoneEvent(
    ResponsePartEvent, frozen=True, tag_field="type", tag="response.output_text.done"
):
    """A part's text is whole.

    Attributes:
        text: All of it.
        logprobs: Token probabilities; their form is not documented.
    """

    type: ClassVar[Literal["response.output_text.done"]] = "response.output_text.done"
    text: str = sent(str)
    logprobs: list[Any] | None = None


class ResponseOutputTextAnnotationAddedEvent(
    ResponsePartEvent, frozen=True, tag_field="type", tag="response.output_text.annotation.added"
):
    """Where a part of the text comes from.

    Attributes:
        annotation_index: Position among the part's annotations.
        annotation: The annotation.
    """

    type: ClassVar[Literal["response.output_text.annotation.added"]] = (
        "response.output_text.annotation.added"
    )
    annotation_index: int = sent(int)
    annotation: _Annotation = sent(ResponseUrlCitation)


class ResponseRefusalDeltaEvent(
    ResponsePartEvent, frozen=True, tag_field="type", tag="response.refusal.delta"
):
    """More of a refusal.

    Attributes:
        delta: The next piece.
    """

    type: ClassVar[Literal["response.refusal.delta"]] = "response.refusal.delta"
    delta: str = sent(str)


class ResponseRefusalDoneEvent(
    ResponsePartEvent, frozen=True, tag_field="type", tag="response.refusal.done"
):
    """A refusal is whole.

    Attributes:
        refusal: All of it.
    """

    type: ClassVar[Literal["response.refusal.done"]] = "response.refusal.done"
    refusal: str = sent(str)


class ResponseReasoningTextDeltaEvent(
    ResponsePartEvent, frozen=True, tag_field="type", tag="response.reasoning_text.delta"
):
    """More of the reasoning.

    Attributes:
        delta: The next piece.
    """

    type: ClassVar[Literal["response.reasoning_text.delta"]] = "response.reasoning_text.delta"
    delta: str = sent(str)


class ResponseReasoningTextDoneEvent(
    ResponsePartEvent, frozen=True, tag_field="type", tag="response.reasoning_text.done"
):
    """A part of the reasoning is whole.

    Attributes:
        text: All of it.
    """

    type: ClassVar[Literal["response.reasoning_text.done"]] = "response.reasoning_text.done"
    text: str = sent(str)


class ResponseReasoningSummaryPartAddedEvent(
    ResponseSummaryEvent, frozen=True, tag_field="type", tag="response.reasoning_summary_part.added"
):
    """A part of a summary begins.

    Attributes:
        part: The part so far.
    """

    type: ClassVar[Literal["response.reasoning_summary_part.added"]] = (
        "response.reasoning_summary_part.added"
    )
    part: _Part = sent(ResponseSummaryText)


class ResponseReasoningSummaryPartDoneEvent(
    ResponseSummaryEvent, frozen=True, tag_field="type", tag="response.reasoning_summary_part.done"
):
    """A part of a summary is whole.

    Attributes:
        part: The part.
    """

    type: ClassVar[Literal["response.reasoning_summary_part.done"]] = (
        "response.reasoning_summary_part.done"
    )
    part: _Part = sent(ResponseSummaryText)


class ResponseReasoningSummaryTextDeltaEvent(
    ResponseSummaryEvent, frozen=True, tag_field="type", tag="response.reasoning_summary_text.delta"
):
    """More of a summary.

    Attributes:
        delta: The next piece.
    """

    type: ClassVar[Literal["response.reasoning_summary_text.delta"]] = (
        "response.reasoning_summary_text.delta"
    )
    delta: str = sent(str)


class ResponseReasoningSummaryTextDoneEvent(
    ResponseSummaryEvent, frozen=True, tag_field="type", tag="response.reasoning_summary_text.done"
):
    """A part of a summary is whole.

    Attributes:
        text: All of it.
    """

    type: ClassVar[Literal["response.reasoning_summary_text.done"]] = (
        "response.reasoning_summary_text.done"
    )
    text: str = sent(str)
