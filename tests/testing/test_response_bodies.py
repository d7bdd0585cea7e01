"""Responses of the server: their shape, their events, and their pace."""

from typing import Any

import msgspec
import pytest

from trio_groq.testing import RecordedRequest, Reply, ToolCall
from trio_groq.testing.chat import Names
from trio_groq.testing.content import echo
from trio_groq.testing.response_bodies import (
    RESPONSES_PATH,
    chat_params,
    conversation_of,
    response_body,
    response_events,
)

PARAMS: dict[str, Any] = {"model": "m", "input": "one two"}


def body_of(reply: Reply, **params: object) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.json.decode(response_body(reply, PARAMS | params, Names(1)))
    return made


def events_of(reply: Reply, **params: object) -> list[dict[str, Any]]:
    events = []
    for beat in response_events(reply, PARAMS | params, Names(1)):
        name, data, *rest = beat.data.split(b"\n")
        assert rest == [b"", b""]
        event = msgspec.json.decode(data.removeprefix(b"data: "))
        if name != b"event: error":
            assert name == b"event: " + event["type"].encode()
        events.append(event)
    return events


def test_a_whole_response() -> None:
    call = ToolCall("f", {"a": 1}, id="call_x")
    body = body_of(Reply(content="a b", reasoning="hm so", tool_calls=[call]), temperature=0.5)
    assert body["object"] == "response"
    assert body["status"] == "completed"
    assert body["id"].startswith("resp_")
    assert body["temperature"] == 0.5
    assert (body["tool_choice"], body["tools"]) == ("auto", [])
    reasoning, message, function = body["output"]
    assert reasoning["content"] == [{"type": "reasoning_text", "text": "hm so"}]
    assert message["role"] == "assistant"
    (part,) = message["content"]
    assert (part["type"], part["text"], part["annotations"]) == ("output_text", "a b", [])
    assert (function["call_id"], function["arguments"]) == ("call_x", '{"a":1}')
    # Two words and what a message costs beyond them; words of thought and text, and a call.
    assert body["usage"] == {
        "input_tokens": 6,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 6,
        "output_tokens_details": {"cached_tokens": 0, "reasoning_tokens": 2},
        "total_tokens": 12,
    }
    assert len({item["id"] for item in body["output"]}) == 3


@pytest.mark.parametrize(
    ("reply", "kinds"),
    [
        (Reply(), ["message"]),
        (Reply(content=""), ["message"]),
        (Reply(tokens=["a", "b"]), ["message"]),
        (Reply(tool_calls=[ToolCall("f")]), ["function_call"]),
        (Reply(content="a", tool_calls=[ToolCall("f")] * 2), ["message"] + ["function_call"] * 2),
    ],
)
def test_kinds_of_items(reply: Reply, kinds: list[str]) -> None:
    assert [item["type"] for item in body_of(reply)["output"]] == kinds


def test_what_a_test_states_is_said() -> None:
    body = body_of(Reply(content="x", usage={"total_tokens": 5}, model="other"))
    assert (body["usage"], body["model"]) == ({"total_tokens": 5}, "other")
    cut = body_of(Reply(tokens=["a", " b"], finish_reason="length"))
    assert cut["status"] == cut["output"][0]["status"] == "incomplete"
    assert cut["incomplete_details"] == {"reason": "max_output_tokens"}
    assert cut["output"][0]["content"][0]["text"] == "a b"


def test_the_events_are_numbered_and_lead_to_the_whole() -> None:
    reply = Reply(content="a b", tool_calls=[ToolCall("f", "{}")])
    events = events_of(reply)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events[0]["type"] == "response.created"
    assert events[0]["response"]["status"] == "in_progress"
    assert events[0]["response"]["output"] == []
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"] == body_of(reply)
    deltas = [event["delta"] for event in events if event["type"].endswith("text.delta")]
    assert deltas == ["a", " b"]


def test_a_cut_off_stream_is_incomplete() -> None:
    events = events_of(Reply(content="a", finish_reason="length"))
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["status"] == "incomplete"


def test_a_stream_without_its_end() -> None:
    events = events_of(Reply(content="a", finish=False))
    assert events[-1]["type"] == "response.output_item.done"


@pytest.mark.parametrize(("after", "count"), [(0, 0), (1, 1), (2, 2), (None, 2), (9, 2)])
def test_an_error_in_the_stream(after: int | None, count: int) -> None:
    error = {"message": "m", "status_code": 400}
    events = events_of(Reply(content="a b", error_event=error, error_after=after))
    assert events[-1] == {"error": error}
    assert sum(event.get("type", "").endswith(".delta") for event in events) == count


def test_the_pace() -> None:
    reply = Reply(content="a b c", reasoning="d", first_token_delay=2.0, token_interval=0.5)
    beats = list(response_events(reply, PARAMS, Names(1)))
    assert [beat.delay for beat in beats if beat.delay] == [2.0, 0.5, 0.5, 0.5]
    slow = [beat for beat in beats if beat.delay]
    assert all(b".delta" in beat.data for beat in slow)


def test_names_are_the_same_in_every_run_and_different_in_each_response() -> None:
    reply = Reply(content="a")
    one = response_body(reply, PARAMS, Names(1))
    assert one == response_body(reply, PARAMS, Names(1))
    two = msgspec.json.decode(response_body(reply, PARAMS, Names(2)))
    assert msgspec.json.decode(one)["id"] != two["id"]


def test_as_a_chat() -> None:
    asked = [
        {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        {"type": "reasoning", "summary": []},
        {"type": "function_call_output", "call_id": "c", "output": "42"},
    ]
    params = chat_params(
        {"model": "m", "input": asked, "instructions": "Be brief.", "max_output_tokens": 3}
    )
    assert params == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "tool", "content": "42"},
        ],
        "max_completion_tokens": 3,
    }
    assert echo(params).tokens == ("You", " said:", " Hello")
    assert chat_params(PARAMS)["messages"] == [{"role": "user", "content": "one two"}]


@pytest.mark.parametrize(
    ("path", "expected"), [(RESPONSES_PATH, chat_params(PARAMS)), ("/openai/v1/other", PARAMS)]
)
def test_the_conversation_of_a_request(path: str, expected: dict[str, Any]) -> None:
    request = RecordedRequest(method="POST", path=path, json=PARAMS, connection=1, received_at=0.0)
    assert conversation_of(request) == expected
