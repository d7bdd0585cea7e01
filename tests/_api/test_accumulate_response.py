"""Events to a response: every kind, in every order that a server may take to."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq._api.accumulate_response import ResponseAccumulator
from trio_groq.errors import ProtocolError
from trio_groq.testing import Reply, ToolCall
from trio_groq.testing.chat import Names
from trio_groq.testing.response_bodies import response_body, response_events
from trio_groq.types._open_unions import OpenDecoder, UnknownItem
from trio_groq.types.responses import ResponseObject
from trio_groq.types.responses_events import KnownEvent, ResponseStreamEvent, UnknownEvent
from trio_groq.types.responses_items import (
    ResponseCodeInterpreterToolCall,
    ResponseFunctionToolCall,
    ResponseMcpCall,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseOutputRefusal,
    ResponseOutputText,
    ResponseReasoningItem,
    ResponseReasoningText,
    ResponseSummaryText,
    ResponseUrlCitation,
)

decoder: OpenDecoder[ResponseStreamEvent] = OpenDecoder(KnownEvent, unknown=UnknownEvent)

Event = tuple[str, dict[str, Any]]

TEXT = "output_text"
MESSAGE = {"type": "message", "id": "i", "role": "assistant", "content": []}


def made(kind: str, **fields: object) -> ResponseStreamEvent:
    name = kind if kind == "error" else f"response.{kind}"
    return decoder.decode(msgspec.json.encode({"type": name, "item_id": "i", **fields}))


def added(*events: Event) -> ResponseAccumulator:
    accumulator = ResponseAccumulator()
    for kind, fields in events:
        accumulator.add(made(kind, **fields))
    return accumulator


def output_of(*events: Event) -> list[ResponseOutputItem]:
    return added(*events).response().output


def delta(text: str, topic: str = "output_text", **place: int) -> Event:
    return f"{topic}.delta", {"delta": text, **place}


def done(field: str, text: str, topic: str = "output_text") -> Event:
    return f"{topic}.done", {field: text}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [delta("a"), delta("b")],
            ResponseOutputMessage(id="i", content=[ResponseOutputText(text="ab")]),
            id="text",
        ),
        pytest.param(
            [delta("a"), delta("c", content_index=1), delta("b")],
            ResponseOutputMessage(
                id="i", content=[ResponseOutputText(text="ab"), ResponseOutputText(text="c")]
            ),
            id="parts-in-turns",
        ),
        pytest.param(
            [delta("b", content_index=1), delta("a")],
            ResponseOutputMessage(
                id="i", content=[ResponseOutputText(text="a"), ResponseOutputText(text="b")]
            ),
            id="parts-backwards",
        ),
        pytest.param(
            [delta("a"), done("text", "other")],
            ResponseOutputMessage(id="i", content=[ResponseOutputText(text="other")]),
            id="text-done",
        ),
        pytest.param(
            [delta("n", "refusal"), delta("o", "refusal")],
            ResponseOutputMessage(id="i", content=[ResponseOutputRefusal(refusal="no")]),
            id="refusal",
        ),
        pytest.param(
            [done("refusal", "no", "refusal")],
            ResponseOutputMessage(id="i", content=[ResponseOutputRefusal(refusal="no")]),
            id="refusal-done",
        ),
        pytest.param(
            [delta("a", "reasoning_text"), done("text", "ab", "reasoning_text")],
            ResponseReasoningItem(id="i", content=[ResponseReasoningText(text="ab")]),
            id="reasoning",
        ),
        pytest.param(
            [
                delta("a", "reasoning_summary_text"),
                delta("b", "reasoning_summary_text", summary_index=1),
            ],
            ResponseReasoningItem(
                id="i", summary=[ResponseSummaryText(text="a"), ResponseSummaryText(text="b")]
            ),
            id="summary",
        ),
        pytest.param(
            [
                (
                    "reasoning_summary_part.added",
                    {"part": {"type": "summary_text", "text": "a"}},
                ),
                delta("b", "reasoning_summary_text"),
            ],
            ResponseReasoningItem(id="i", summary=[ResponseSummaryText(text="ab")]),
            id="summary-part",
        ),
        pytest.param(
            [delta("{", "function_call_arguments"), delta("}", "function_call_arguments")],
            ResponseFunctionToolCall(id="i", arguments="{}"),
            id="arguments",
        ),
        pytest.param(
            [delta("{", "mcp_call_arguments"), done("arguments", "{}", "mcp_call_arguments")],
            ResponseMcpCall(id="i", arguments="{}"),
            id="mcp-arguments",
        ),
        pytest.param(
            [delta("1", "code_interpreter_call_code"), delta("+", "code_interpreter_call_code")],
            ResponseCodeInterpreterToolCall(id="i", code="1+"),
            id="code",
        ),
        pytest.param(
            [done("code", "1", "code_interpreter_call_code")],
            ResponseCodeInterpreterToolCall(id="i", code="1"),
            id="code-done",
        ),
        pytest.param(
            [
                delta("a"),
                ("output_text.annotation.added", {"annotation": {"type": "new"}}),
                (
                    "output_text.annotation.added",
                    {"annotation": {"type": "url_citation", "url": "u"}},
                ),
                delta("b"),
            ],
            ResponseOutputMessage(
                id="i",
                content=[
                    ResponseOutputText(
                        text="ab",
                        annotations=[UnknownItem({"type": "new"}), ResponseUrlCitation(url="u")],
                    )
                ],
            ),
            id="annotations",
        ),
        pytest.param(
            [
                ("output_item.added", {"item": {**MESSAGE, "status": "in_progress"}}),
                ("content_part.added", {"part": {"type": TEXT, "text": "a"}}),
                delta("b"),
            ],
            ResponseOutputMessage(
                id="i", status="in_progress", content=[ResponseOutputText(text="ab")]
            ),
            id="announced",
        ),
        pytest.param(
            [
                delta("a"),
                ("content_part.done", {"part": {"type": "new_part", "x": 1}}),
                ("content_part.added", {"content_index": 1, "part": {"type": TEXT}}),
            ],
            ResponseOutputMessage(
                id="i",
                content=[UnknownItem({"type": "new_part", "x": 1}), ResponseOutputText()],
            ),
            id="a-part-of-unknown-kind",
        ),
        pytest.param(
            [("content_part.added", {"part": {"type": "reasoning_text", "text": "a"}})],
            ResponseReasoningItem(id="i", content=[ResponseReasoningText(text="a")]),
            id="a-part-tells-the-item",
        ),
        pytest.param(
            [delta("a"), ("output_item.done", {"item": {**MESSAGE, "status": "completed"}})],
            ResponseOutputMessage(id="i", status="completed"),
            id="the-later-word-wins",
        ),
        pytest.param(
            [
                (
                    "output_item.added",
                    {"item": {"type": "function_call", "id": "i", "arguments": "{"}},
                ),
                delta("}", "function_call_arguments"),
            ],
            ResponseFunctionToolCall(id="i", arguments="{}"),
            id="arguments-that-have-begun",
        ),
        pytest.param(
            [
                ("output_item.added", {"item": {"type": "new_call", "x": 1}}),
                delta("a"),
                delta("b", "function_call_arguments"),
                ("web_search_call.searching", {}),
                ("new.event", {}),
                ("error", {}),
            ],
            UnknownItem({"type": "new_call", "x": 1}),
            id="texts-for-an-unknown-kind",
        ),
    ],
)
def test_one_item(events: list[Event], expected: ResponseOutputItem) -> None:
    (item,) = output_of(*events)
    assert item == expected
    assert type(item) is type(expected)


def test_items_are_in_order() -> None:
    items = output_of(delta("b", output_index=2), delta("a", output_index=0), delta("c"))
    assert [item.content[0] for item in items if isinstance(item, ResponseOutputMessage)] == [
        ResponseOutputText(text="ac"),
        ResponseOutputText(text="b"),
    ]


@pytest.mark.parametrize("kind", ["created", "queued", "in_progress"])
def test_the_state_is_that_of_the_last_word(kind: str) -> None:
    accumulator = added((kind, {"response": {"id": "r", "status": kind}}), delta("a"))
    assert not accumulator.finished
    response = accumulator.response()
    assert (response.id, response.status, response.output_text) == ("r", kind, "a")


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed"])
def test_the_last_event_has_it_all(kind: str) -> None:
    end = kind, {"response": {"id": "r", "status": kind, "output": [MESSAGE]}}
    accumulator = added(delta("a"), end)
    assert accumulator.finished
    response = accumulator.response()
    assert (response.id, response.status, response.output_text) == ("r", kind, "")
    # One that leaves out the output does not take it back.
    left_out = added(delta("a"), (kind, {"response": {"id": "r", "status": kind}})).response()
    assert (left_out.status, left_out.output_text) == (kind, "a")


def test_a_response_stays_as_it_was() -> None:
    accumulator = added(delta("a"), ("output_text.annotation.added", {"annotation": {"x": 1}}))
    first = accumulator.response()
    copy = msgspec.json.encode(first)
    accumulator.add(made("output_text.delta", delta="b"))
    accumulator.add(made("output_text.annotation.added", annotation={"x": 2}))
    assert msgspec.json.encode(first) == copy
    assert accumulator.response().output_text == "ab"
    first.output.clear()
    assert accumulator.response().output_text == "ab"


def test_nothing_is_an_empty_response() -> None:
    assert ResponseAccumulator().response() == ResponseObject()


GROWING: list[Event] = [
    delta("x" * 100),
    delta("x" * 100, "function_call_arguments"),
    done("text", "x" * 100),
    ("output_item.added", {"item": {**MESSAGE, "id": "x" * 100}}),
    ("content_part.added", {"part": {"type": TEXT, "text": "x" * 100}}),
    ("reasoning_summary_part.added", {"part": {"type": "summary_text", "text": "x" * 100}}),
    ("output_text.annotation.added", {"annotation": {"type": "new", "x": "x" * 100}}),
]


@pytest.mark.parametrize("event", GROWING, ids=lambda event: event[0])
def test_it_is_bounded(event: Event) -> None:
    kind, fields = event
    accumulator = ResponseAccumulator(max_characters=1000)

    def grow() -> None:
        for index in range(12):
            accumulator.add(made(kind, **{**fields, "output_index": index}))

    with pytest.raises(ProtocolError, match="response: expected at most 1000 characters, got more"):
        grow()


def test_empty_pieces_do_not_fill_it() -> None:
    accumulator = ResponseAccumulator(max_characters=1000)
    for _ in range(5000):
        accumulator.add(made("output_text.delta", delta=""))
    assert accumulator.response().output_text == ""


def said(item: ResponseOutputItem) -> tuple[str, object, object]:
    """What an item says, without what only its end tells."""
    plain = msgspec.json.decode(msgspec.json.encode(item))
    return item.type, plain.get("content"), plain.get("arguments")


_texts = st.text("ab \u00e9\U0001f600", max_size=12)
_replies = st.builds(
    Reply,
    content=st.none() | _texts,
    reasoning=st.none() | _texts,
    tool_calls=st.lists(st.builds(ToolCall, st.sampled_from("fg"), _texts), max_size=3),
    finish_reason=st.sampled_from([None, "length"]),
)


@settings(max_examples=60)
@given(_replies, st.data())
def test_what_is_streamed_is_what_comes_whole(reply: Reply, data: st.DataObject) -> None:
    params = {"model": "m", "input": "x"}
    whole: OpenDecoder[ResponseObject] = OpenDecoder(ResponseObject)
    expected = whole.decode(response_body(reply, params, Names(1)))
    accumulator = ResponseAccumulator()
    events = [
        decoder.decode(beat.data.partition(b"data: ")[2])
        for beat in response_events(reply, params, Names(1))
    ]
    # The last event has it all; so do those before it, however many of the summaries are left out.
    for event in events[:-1]:
        is_summary = event.type.endswith(".done")
        if is_summary and data.draw(st.booleans()):
            continue
        accumulator.add(event)
    built = accumulator.response().output
    texts = [
        (item.type, msgspec.json.decode(msgspec.json.encode(item)).get("content"))
        for item in expected.output
    ]
    assert len(built) == len(expected.output)
    assert [
        (item.type, msgspec.json.decode(msgspec.json.encode(item)).get("content")) for item in built
    ] == texts
    accumulator.add(events[-1])
    assert accumulator.response() == expected
