import json
from typing import Any

import msgspec
import pytest

from trio_groq.observe._otel_content import (
    MAX_MESSAGES,
    MAX_TEXT,
    input_messages,
    output_messages,
    system_instructions,
)
from trio_groq.types.responses import ResponseObject

KEY = "gsk_0123456789abcdefghijklmnopqrstuvWXYZ"


def inputs(*messages: Any) -> Any:
    text = input_messages({"messages": [*messages]})
    assert text is not None
    return json.loads(text)


PARTS: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "text": ({"role": "user", "content": "Hello"}, [{"type": "text", "content": "Hello"}]),
    "no content": ({"role": "assistant", "content": None}, []),
    "pieces": (
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                3,
            ],
        },
        [{"type": "text", "content": "See"}, {"type": "image_url"}, {"type": "unknown"}],
    ),
    "calls": (
        {"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f"}}, {"id": "d"}]},
        [
            {"type": "tool_call", "id": "c", "name": "f", "arguments": ""},
            {"type": "tool_call", "id": "d", "name": "", "arguments": ""},
        ],
    ),
    "answer": (
        {"role": "tool", "tool_call_id": "c", "content": "42"},
        [{"type": "tool_call_response", "id": "c", "response": "42"}],
    ),
    "answer in pieces": (
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "42"}]},
        [
            {
                "type": "tool_call_response",
                "id": "c",
                "response": '[{"type":"text","text":"42"}]',
            }
        ],
    ),
    "item of a call": (
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        [{"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"}],
    ),
    "item of an answer": (
        {"type": "function_call_output", "call_id": "c", "output": "42"},
        [{"type": "tool_call_response", "id": "c", "response": "42"}],
    ),
    "secret": ({"role": "user", "content": KEY}, [{"type": "text", "content": "gsk_[hidden]"}]),
}


@pytest.mark.parametrize(("message", "parts"), PARTS.values(), ids=PARTS)
def test_a_message_is_its_parts(message: dict[str, Any], parts: list[dict[str, Any]]) -> None:
    (told,) = inputs(message)
    assert told == {"role": message.get("role", "user"), "parts": parts}


def test_a_text_is_a_message_of_the_user() -> None:
    text = input_messages({"input": "Hello"})
    assert text is not None
    assert json.loads(text)[0]["parts"] == [{"type": "text", "content": "Hello"}]


@pytest.mark.parametrize("content", [{}, {"messages": 3}, {"input": None}])
def test_no_conversation_is_none(content: dict[str, Any]) -> None:
    assert input_messages(content) is None


def test_what_is_no_message_is_left_out() -> None:
    assert inputs(3, "text") == []


def test_instructions() -> None:
    assert system_instructions({}) is None
    assert system_instructions({"instructions": None}) is None
    assert system_instructions({"instructions": "x"}) == '[{"type":"text","content":"x"}]'


def test_all_is_bounded() -> None:
    told = inputs(*[{"role": "user", "content": f"{n} " + "x" * 100_000} for n in range(300)])
    assert len(told) == MAX_MESSAGES
    assert told[-1]["parts"][0]["content"].startswith("299 ")
    assert {len(each["parts"][0]["content"]) for each in told} == {MAX_TEXT}


def test_a_response_s_output_is_one_message() -> None:
    item = {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Hello"}],
    }
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc_1"}
    response = msgspec.convert({"status": "completed", "output": [item, call]}, ResponseObject)
    text = output_messages(response)
    assert text is not None
    assert json.loads(text) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "Hello"},
                {"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"},
            ],
            "finish_reason": "completed",
        }
    ]


class Plain(msgspec.Struct):
    number: int = 3


class Row(msgspec.Struct, array_like=True):
    number: int = 3


@pytest.mark.parametrize("value", [None, "text", {"choices": []}, Plain(), Row()])
def test_what_has_no_answers_is_none(value: object) -> None:
    assert output_messages(value) is None
