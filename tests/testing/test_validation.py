"""What the API refuses in a chat completion."""

import re
from typing import Any

import msgspec
import pytest

from trio_groq.testing.validation import check_chat

GOOD: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


def refusal(params: object) -> dict[str, Any] | None:
    reply = check_chat(params, ("m",))
    if reply is None:
        return None
    assert reply.body is not None
    error: dict[str, Any] = msgspec.json.decode(reply.body)["error"]
    return {"status": reply.status, **error}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"temperature": 0, "top_p": 1, "n": 1, "seed": -5, "stop": None, "stream": True},
        {"temperature": 2.0, "stop": ["a", "b"], "max_tokens": 1, "user": "u", "tools": []},
        {"frequency_penalty": -2, "presence_penalty": 2, "service_tier": "flex", "stop": "x"},
        {"something_new": {"passes": True}},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
        {
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "assistant", "tool_calls": []},
                {"role": "tool", "content": "42", "tool_call_id": "call_1"},
            ]
        },
    ],
)
def test_good_requests_pass(more: dict[str, Any]) -> None:
    assert refusal({**GOOD, **more}) is None


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("temperature", 2.1, "number must be at most 2"),
        ("temperature", -0.1, "number must be at least 0"),
        ("temperature", "hot", "value must be a number"),
        ("temperature", True, "value must be a number"),
        ("top_p", 1.5, "number must be at most 1"),
        ("n", 2, "number must be at most 1"),
        ("max_tokens", 0, "number must be at least 1"),
        ("max_completion_tokens", 1.5, "value must be an integer"),
        ("seed", True, "value must be an integer"),
        ("stream", "yes", "value must be a boolean"),
        ("service_tier", "gold", "value must be one of `auto`"),
        ("stop", 5, "value must be a string or an array of strings"),
        ("stop", [1], "value must be a string or an array of strings"),
        ("stop", ["a"] * 5, "maximum number of items is 4"),
        ("tools", {}, "value must be an array"),
        ("tools", [{}] * 129, "maximum number of items is 128"),
        ("top_logprobs", 21, "number must be at most 20"),
        ("model", 5, "value must be a string"),
        ("messages", "hi", "value must be an array"),
        ("messages", [], "minimum number of items is 1"),
    ],
)
def test_a_parameter_out_of_range_is_named(name: str, value: object, complaint: str) -> None:
    error = refusal({**GOOD, name: value})
    assert error is not None
    assert error["status"] == 400
    assert error["type"] == "invalid_request_error"
    assert error["param"] == name
    assert error["message"].startswith(f"'{name}' : {complaint}")


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ("x", "value must be an object"),
        ({"content": "x"}, "property 'role' is missing"),
        ({"role": "robot", "content": "x"}, "property 'role' has invalid value"),
        ({"role": "user"}, "for 'role:user' .*property 'content' is missing"),
        ({"role": "user", "content": None}, "for 'role:user' .*value must be a string"),
        ({"role": "user", "content": []}, "minimum number of items is 1"),
        ({"role": "user", "content": ["x"]}, r"messages.1.content.0' : property 'type'"),
        ({"role": "tool", "content": "x"}, "for 'role:tool' .*'tool_call_id' is missing"),
    ],
)
def test_a_message_at_fault_is_named(message: object, complaint: str) -> None:
    error = refusal({**GOOD, "messages": [GOOD["messages"][0], message]})
    assert error is not None
    assert error["param"] == "messages"
    assert error["message"].startswith("'messages.1' : ")
    assert re.search(complaint, error["message"])


@pytest.mark.parametrize("params", [None, [], "x", 5])
def test_a_body_that_is_no_object_is_refused(params: object) -> None:
    error = refusal(params)
    assert error is not None
    assert (error["status"], error["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("name", ["model", "messages"])
def test_what_is_missing_is_named(name: str) -> None:
    error = refusal({key: value for key, value in GOOD.items() if key != name})
    assert error is not None
    assert (error["status"], error["param"]) == (400, name)
    assert error["message"] == f"property '{name}' is missing"


def test_an_unknown_model_is_not_found() -> None:
    assert refusal({**GOOD, "model": "gpt-0"}) == {
        "status": 404,
        "message": "The model `gpt-0` does not exist or you do not have access to it.",
        "type": "invalid_request_error",
        "code": "model_not_found",
    }


def test_any_model_passes_when_none_is_listed() -> None:
    assert check_chat({**GOOD, "model": "gpt-0"}, None) is None
