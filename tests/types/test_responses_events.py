"""The events of a response's stream: each kind, and those that nobody knows yet."""

from typing import Any, get_args

import msgspec
import pytest

from trio_groq.types import responses_events
from trio_groq.types._open_unions import OpenDecoder, UnknownItem
from trio_groq.types.responses_events import KnownEvent, ResponseStreamEvent, UnknownEvent

KINDS: dict[str, Any] = {event.type: event for event in get_args(KnownEvent)}
decoder: OpenDecoder[ResponseStreamEvent] = OpenDecoder(KnownEvent, unknown=UnknownEvent)

# What each kind brings besides its type and sequence number, by what is in its name's end.
ITEM = {"item_id": "i", "output_index": 1}
PART = {**ITEM, "content_index": 2}
SUMMARY = {**ITEM, "summary_index": 2}
TEXT_PART = {"type": "output_text", "text": "t", "annotations": []}
EXAMPLES: dict[str, dict[str, Any]] = {
    "response.created": {"response": {"id": "r", "status": "in_progress"}},
    "response.queued": {"response": {"id": "r"}},
    "response.in_progress": {"response": {"id": "r"}},
    "response.completed": {"response": {"id": "r", "output": [{"type": "message", "id": "m"}]}},
    "response.failed": {"response": {"error": {"code": "c", "message": "m"}}},
    "response.incomplete": {"response": {"incomplete_details": {"reason": "x"}}},
    "response.output_item.added": {"output_index": 1, "item": {"type": "mcp_call", "id": "i"}},
    "response.output_item.done": {"output_index": 1, "item": {"type": "reasoning", "id": "i"}},
    "response.content_part.added": {**PART, "part": {"type": "refusal", "refusal": ""}},
    "response.content_part.done": {**PART, "part": TEXT_PART},
    "response.output_text.delta": {**PART, "delta": "d", "logprobs": [{"token": "d"}]},
    "response.output_text.done": {**PART, "text": "t", "logprobs": []},
    "response.output_text.annotation.added": {
        **PART,
        "annotation_index": 0,
        "annotation": {"type": "url_citation", "url": "u"},
    },
    "response.refusal.delta": {**PART, "delta": "d"},
    "response.refusal.done": {**PART, "refusal": "d"},
    "response.reasoning_text.delta": {**PART, "delta": "d"},
    "response.reasoning_text.done": {**PART, "text": "d"},
    "response.reasoning_summary_part.added": {
        **SUMMARY,
        "part": {"type": "summary_text", "text": ""},
    },
    "response.reasoning_summary_part.done": {
        **SUMMARY,
        "part": {"type": "summary_text", "text": "t"},
    },
    "response.reasoning_summary_text.delta": {**SUMMARY, "delta": "d"},
    "response.reasoning_summary_text.done": {**SUMMARY, "text": "d"},
    "response.function_call_arguments.delta": {**ITEM, "delta": "{"},
    "response.function_call_arguments.done": {**ITEM, "arguments": "{}", "name": "f"},
    "response.mcp_call_arguments.delta": {**ITEM, "delta": "{"},
    "response.mcp_call_arguments.done": {**ITEM, "arguments": "{}"},
    "response.code_interpreter_call_code.delta": {**ITEM, "delta": "1"},
    "response.code_interpreter_call_code.done": {**ITEM, "code": "1"},
    "error": {"code": "c", "message": "m", "param": "p"},
}
STATES = {
    f"response.{tool}.{state}": ITEM
    for tool, states in {
        "mcp_call": ("in_progress", "completed", "failed"),
        "mcp_list_tools": ("in_progress", "completed", "failed"),
        "web_search_call": ("in_progress", "searching", "completed"),
        "file_search_call": ("in_progress", "searching", "completed"),
        "code_interpreter_call": ("in_progress", "interpreting", "completed"),
    }.items()
    for state in states
}


def contains(whole: Any, part: Any) -> bool:
    """Whether `whole` has all of `part`, whatever else it has."""
    if isinstance(part, dict):
        return all(name in whole and contains(whole[name], part[name]) for name in part)
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


def test_every_kind_has_an_example() -> None:
    assert set(KINDS) == set(EXAMPLES) | set(STATES)


@pytest.mark.parametrize(("kind", "fields"), {**EXAMPLES, **STATES}.items())
def test_each_kind_keeps_what_it_brings(kind: str, fields: dict[str, Any]) -> None:
    data = {"type": kind, **fields, "sequence_number": 7}
    encoded = msgspec.json.encode(data)
    event = decoder.decode_strictly(encoded)
    assert type(event) is KINDS[kind]
    assert contains(msgspec.json.decode(msgspec.json.encode(event)), data)
    assert not isinstance(event, UnknownItem)
    assert event.sequence_number == 7
    assert decoder.decode_with_care(encoded) == event


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_may_come_with_nothing(kind: str) -> None:
    bare = decoder.decode(msgspec.json.encode({"type": kind}))
    assert bare == KINDS[kind]()
    nulls = dict.fromkeys(KINDS[kind].__struct_fields__)
    assert decoder.decode(msgspec.json.encode({**nulls, "type": kind})) == bare


@pytest.mark.parametrize("field", ["item", "part", "annotation"])
def test_unknown_kinds_within_known_events(field: str) -> None:
    kind = {
        "item": "response.output_item.added",
        "part": "response.content_part.done",
        "annotation": "response.output_text.annotation.added",
    }[field]
    event = decoder.decode(msgspec.json.encode({"type": kind, field: {"type": "new", "x": None}}))
    assert getattr(event, field) == UnknownItem({"type": "new", "x": None})


def test_unknown_events() -> None:
    event = decoder.decode(b'{"type":"response.new.delta","x":null}')
    assert event == UnknownEvent({"type": "response.new.delta", "x": None})
    assert isinstance(event, UnknownEvent)


def test_events_cannot_be_assigned_to() -> None:
    event = responses_events.ResponseCreatedEvent()
    with pytest.raises(AttributeError):
        setattr(event, "sequence_number", 1)  # noqa: B010 (a type checker knows better)
