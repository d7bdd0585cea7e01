"""What the events of a response's stream have in common."""

from trio_groq.types._base import Piece, sent

__all__ = ["ResponseEvent", "ResponseItemEvent", "ResponsePartEvent", "ResponseSummaryEvent"]


class ResponseEvent(Piece, frozen=True):
    """Base of the events; each has its kind as `type`.

    Attributes:
        sequence_number: Position among the stream's events.
    """

    sequence_number: int | None = None


class ResponseItemEvent(ResponseEvent, frozen=True):
    """Base of the events of one item.

    Attributes:
        item_id: Id of the item.
        output_index: Position of the item in the output.
    """

    item_id: str = sent(str)
    output_index: int = sent(int)


class ResponsePartEvent(ResponseItemEvent, frozen=True):
    """Base of the events of one part of an item's content.

    Attributes:
        content_index: Position of the part in the content.
    """

    content_index: int = sent(int)


class ResponseSummaryEvent(ResponseItemEvent, frozen=True):
    """Base of the events of one part of a summary of the reasoning.

    Attributes:
        summary_index: Position of the part in the summary.
    """

    summary_index: int = sent(int)
