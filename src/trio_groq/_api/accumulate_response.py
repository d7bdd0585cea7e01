"""Events become a response: what the pieces of a response's stream amount to.

Cost is linear in the stream: texts are kept as lists of pieces, joined when somebody asks and kept
joined. Nearly every event is a piece of text for the part that the event before it had, and `add`
sees to those first; for everything else there is a table of what to do, by the kind of event.

The events say most things thrice: in pieces, at the end of each part and item, and at the end of
the response. The later word wins. An event that refers to what was not announced begins it: so a
server that leaves out the announcements is understood as well.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias, final

import msgspec

from trio_groq.errors import ProtocolError
from trio_groq.types import responses_events as events
from trio_groq.types import responses_items as items
from trio_groq.types import responses_text_events as texts
from trio_groq.types import responses_tool_events as tools
from trio_groq.types.responses import ResponseObject
from trio_groq.types.responses_event_bases import ResponseItemEvent
from trio_groq.types.responses_events import ResponseStreamEvent
from trio_groq.types.responses_items import ResponseContentPart, ResponseOutputItem
from trio_groq.types.responses_text_events import ResponseTextDeltaEvent

__all__ = ["MAX_RESPONSE_CHARACTERS", "ResponseAccumulator"]

MAX_RESPONSE_CHARACTERS: Final = 64 * 1024 * 1024
"""Default limit of one response: as for a chat completion (see `accumulate`)."""

_ENTRY: Final = 64
"""What each item, part and piece weighs besides its text, in characters: none is free."""

_DELTA: Final = "delta"

_Kind: TypeAlias = type[Any]

# Events that bring text, or all of it: the list of parts that it belongs to (none if it is the
# item's own), the kind of part, or of item, that has such texts, and the event's field.
_TEXTS: Final[Mapping[type, tuple[str, _Kind, str]]] = {
    texts.ResponseTextDoneEvent: ("content", items.ResponseOutputText, "text"),
    texts.ResponseRefusalDeltaEvent: ("content", items.ResponseOutputRefusal, _DELTA),
    texts.ResponseRefusalDoneEvent: ("content", items.ResponseOutputRefusal, "refusal"),
    texts.ResponseReasoningTextDeltaEvent: ("content", items.ResponseReasoningText, _DELTA),
    texts.ResponseReasoningTextDoneEvent: ("content", items.ResponseReasoningText, "text"),
    texts.ResponseReasoningSummaryTextDeltaEvent: ("summary", items.ResponseSummaryText, _DELTA),
    texts.ResponseReasoningSummaryTextDoneEvent: ("summary", items.ResponseSummaryText, "text"),
    tools.ResponseFunctionCallArgumentsDeltaEvent: ("", items.ResponseFunctionToolCall, _DELTA),
    tools.ResponseFunctionCallArgumentsDoneEvent: ("", items.ResponseFunctionToolCall, "arguments"),
    tools.ResponseMcpCallArgumentsDeltaEvent: ("", items.ResponseMcpCall, _DELTA),
    tools.ResponseMcpCallArgumentsDoneEvent: ("", items.ResponseMcpCall, "arguments"),
    tools.ResponseCodeInterpreterCallCodeDeltaEvent: (
        "",
        items.ResponseCodeInterpreterToolCall,
        _DELTA,
    ),
    tools.ResponseCodeInterpreterCallCodeDoneEvent: (
        "",
        items.ResponseCodeInterpreterToolCall,
        "code",
    ),
}
# Which field of a part, or of an item, its pieces are for.
_TEXT_OF_PART: Final[Mapping[type, str]] = {
    items.ResponseOutputText: "text",
    items.ResponseOutputRefusal: "refusal",
    items.ResponseReasoningText: "text",
    items.ResponseSummaryText: "text",
}
_TEXT_OF_ITEM: Final[Mapping[type, str]] = {
    items.ResponseFunctionToolCall: "arguments",
    items.ResponseMcpCall: "arguments",
    items.ResponseCodeInterpreterToolCall: "code",
}
# Which lists of an item have parts.
_LISTS: Final[Mapping[type, tuple[str, ...]]] = {
    items.ResponseOutputMessage: ("content",),
    items.ResponseReasoningItem: ("content", "summary"),
}
# Which kind of item has parts of a kind; messages have the others.
_OWNERS: Final[Mapping[type, _Kind]] = {
    items.ResponseReasoningText: items.ResponseReasoningItem,
    items.ResponseSummaryText: items.ResponseReasoningItem,
}


def _weight(value: object) -> int:
    return _ENTRY + len(msgspec.json.encode(value))


@final
class _Growing:
    """An item, or a part of one, whose text grows."""

    __slots__ = ("_base", "_field", "annotations", "lists", "pieces")

    def __init__(self, base: Any) -> None:  # noqa: ANN401 (an item or a part of any kind)
        kind = type(base)
        self._base = base
        self._field = _TEXT_OF_PART.get(kind) or _TEXT_OF_ITEM.get(kind)
        text = getattr(base, self._field) if self._field else ""
        self.pieces: list[str] = [text] if text else []
        self.annotations: list[items.ResponseAnnotation] = list(getattr(base, "annotations", ()))
        self.lists: dict[str, dict[int, _Growing]] = {
            name: {index: _Growing(part) for index, part in enumerate(getattr(base, name) or ())}
            for name in _LISTS.get(kind, ())
        }

    def value(self) -> Any:  # noqa: ANN401 (what the base is)
        """The item or part as it is now; a copy that later events do not change."""
        told: dict[str, Any] = {}
        if self._field and self.pieces:
            self.pieces[:] = ["".join(self.pieces)]
            told[self._field] = self.pieces[0]
        for name, parts in self.lists.items():
            if parts:
                told[name] = [part.value() for _, part in sorted(parts.items())]
        if isinstance(self._base, items.ResponseOutputText):
            told["annotations"] = [*self.annotations]
        return msgspec.structs.replace(self._base, **told) if told else self._base


@final
class ResponseAccumulator:
    """Adds up the events of one stream.

    Args:
        max_characters: Most characters to hold in all; more is a `ProtocolError`.
    """

    __slots__ = ("_base", "_final", "_items", "_last", "_last_at", "_max_characters", "_room")

    def __init__(self, *, max_characters: int = MAX_RESPONSE_CHARACTERS) -> None:
        self._max_characters = self._room = max_characters
        self._base = ResponseObject()
        self._final: ResponseObject | None = None
        self._items: dict[int, _Growing] = {}
        # The part that the last piece of text was for, and where that is.
        self._last: list[str] | None = None
        self._last_at = (0, 0)

    @property
    def finished(self) -> bool:
        """Whether the response has ended: complete, incomplete or failed."""
        return self._final is not None

    def add(self, event: ResponseStreamEvent) -> None:
        """Take in the next event.

        Raises:
            ProtocolError: The response is longer than the limit.
        """
        if type(event) is ResponseTextDeltaEvent:
            last = self._last
            if last is None or self._last_at != (event.output_index, event.content_index):
                self._last_at = (event.output_index, event.content_index)
                part = self._part(event, "content", event.content_index, items.ResponseOutputText)
                last = self._last = part.pieces
            if event.delta:
                last.append(event.delta)
                self._room -= len(event.delta)
        else:
            self._last = None
            row = _TEXTS.get(type(event))
            if row is not None:
                self._take_text(event, *row)
            else:
                self._take(event)
        if self._room < 0:
            limit = self._max_characters
            raise ProtocolError(f"response: expected at most {limit} characters, got more")

    def response(self) -> ResponseObject:
        """The response as far as it has come; later events do not change it."""
        output = [item.value() for _, item in sorted(self._items.items())]
        if self._final is None:
            return msgspec.structs.replace(self._base, output=output or [*self._base.output])
        if output and not self._final.output:  # it has told the output before, and only then
            return msgspec.structs.replace(self._final, output=output)
        return self._final

    def _take(self, event: ResponseStreamEvent) -> None:
        """Take in what is no text; of some kinds there is nothing to take."""
        match event:
            case (
                events.ResponseCreatedEvent()
                | events.ResponseQueuedEvent()
                | events.ResponseInProgressEvent()
            ):
                self._base = event.response
            case (
                events.ResponseCompletedEvent()
                | events.ResponseFailedEvent()
                | events.ResponseIncompleteEvent()
            ):
                self._final = event.response
            case events.ResponseOutputItemAddedEvent() | events.ResponseOutputItemDoneEvent():
                self._put_item(event.output_index, event.item)
            case events.ResponseContentPartAddedEvent() | events.ResponseContentPartDoneEvent():
                self._put_part(event, "content", event.content_index, event.part)
            case (
                texts.ResponseReasoningSummaryPartAddedEvent()
                | texts.ResponseReasoningSummaryPartDoneEvent()
            ):
                self._put_part(event, "summary", event.summary_index, event.part)
            case texts.ResponseOutputTextAnnotationAddedEvent():
                part = self._part(event, "content", event.content_index, items.ResponseOutputText)
                part.annotations.append(event.annotation)
                self._room -= _weight(event.annotation)

    # -- its items and their parts

    def _put_item(self, index: int, item: ResponseOutputItem) -> None:
        self._items[index] = _Growing(item)
        self._room -= _weight(item)

    def _put_part(
        self, event: ResponseItemEvent, name: str, index: int, part: ResponseContentPart
    ) -> None:
        self._parts(event, name, type(part))[index] = _Growing(part)
        self._room -= _weight(part)

    def _item(self, event: ResponseItemEvent, kind: _Kind) -> _Growing:
        """The event's item; one that was not announced is of `kind`."""
        item = self._items.get(event.output_index)
        if item is None:
            item = self._items[event.output_index] = _Growing(kind(id=event.item_id))
            self._room -= _ENTRY
        return item

    def _parts(self, event: ResponseItemEvent, name: str, kind: _Kind) -> dict[int, _Growing]:
        """The parts of the event's item; of an item that has no such, ones that nobody sees."""
        owner = _OWNERS.get(kind, items.ResponseOutputMessage)
        return self._item(event, owner).lists.get(name, {})

    def _part(self, event: ResponseItemEvent, name: str, index: int, kind: _Kind) -> _Growing:
        """The event's part; one that was not announced is of `kind`."""
        parts = self._parts(event, name, kind)
        part = parts.get(index)
        if part is None:
            part = parts[index] = _Growing(kind())
            self._room -= _ENTRY
        return part

    # -- their texts

    def _take_text(self, event: Any, name: str, kind: _Kind, field: str) -> None:  # noqa: ANN401 (of any kind in `_TEXTS`)
        if name:
            index = event.summary_index if name == "summary" else event.content_index
            pieces = self._part(event, name, index, kind).pieces
        else:
            pieces = self._item(event, kind).pieces
        text: str = getattr(event, field)
        self._room -= _ENTRY + len(text)
        if field == _DELTA:
            pieces.append(text)
        else:
            pieces[:] = [text]
