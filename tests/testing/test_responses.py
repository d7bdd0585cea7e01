"""The endpoint of responses: what it refuses, and in which words."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from trio_groq.testing import RecordedRequest, Reply
from trio_groq.testing.models import Models
from trio_groq.testing.response_bodies import RESPONSES_PATH
from trio_groq.testing.responses import Responses

LEAST: dict[str, Any] = {"model": "openai/gpt-oss-20b", "input": "x"}
ANSWER = Reply(content="Hi")


def answer_to(params: object) -> Reply:
    endpoint = Responses(Models(("openai/gpt-oss-20b", "whisper-large-v3")), lambda _: ANSWER)
    (only,) = endpoint.endpoints()
    assert (only.method, only.path) == ("POST", RESPONSES_PATH)
    request = RecordedRequest(
        method="POST", path=RESPONSES_PATH, json=params, connection=1, received_at=0.0
    )
    return only.answer(request, {})


def error_of(reply: Reply) -> Mapping[str, Any]:
    assert reply.body is not None
    error: Mapping[str, Any] = msgspec.json.decode(reply.body)["error"]
    return error


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"input": [{"role": "user", "content": "x"}]},
        {"input": [{"type": "message", "role": "developer", "content": [{}]}]},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": "1"}]},
        {"input": [{"type": "new"}]},
        dict.fromkeys(("temperature", "tools", "store", "metadata", "previous_response_id")),
        {"temperature": 2, "top_p": 0.5, "max_output_tokens": 1, "service_tier": "flex"},
        {"store": False, "tools": [], "metadata": {}, "truncation": "auto", "stream": True},
    ],
)
def test_what_is_answered(params: dict[str, Any]) -> None:
    assert answer_to(LEAST | params) is ANSWER


@pytest.mark.parametrize(
    ("params", "param", "message"),
    [
        ({"model": None}, "model", "property 'model' is missing"),
        ({"input": None}, "input", "property 'input' is missing"),
        ({"model": 5}, "model", "'model' : value must be a string"),
        ({"input": 5}, "input", "'input' : value must be a string or an array"),
        ({"input": []}, "input", "'input' : minimum number of items is 1"),
        ({"input": [5]}, "input", "'input.0' : value must be an object"),
        ({"input": [{"content": "x"}]}, "input", "'input.0' : property 'role' is missing"),
        ({"input": [{"type": 5}]}, "input", "'input.0.type' : value must be a string"),
        (
            {"input": [{"type": "new"}, {"role": "king", "content": "x"}]},
            "input",
            "'input.1.role' : value must be one of `user`, `assistant`, `system`, `developer`",
        ),
        (
            {"input": [{"role": "user", "content": 5}]},
            "input",
            "'input.0.content' : value must be a string or an array",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c", "output": [5]}]},
            "input",
            "'input.0.output' : value must be a string or an array of objects",
        ),
        (
            {"input": [{"type": "function_call_output", "output": "1"}]},
            "input",
            "'input.0' : property 'call_id' is missing",
        ),
        ({"tools": {}}, "tools", "'tools' : value must be an array"),
        ({"tools": [{}] * 129}, "tools", "'tools' : maximum number of items is 128"),
        ({"temperature": "hot"}, "temperature", "'temperature' : value must be a number"),
        ({"temperature": 3}, "temperature", "'temperature' : number must be between 0 and 2"),
        ({"top_p": -1}, "top_p", "'top_p' : number must be between 0 and 1"),
        ({"service_tier": "x"}, "service_tier", "'service_tier' : value must be one of `auto`"),
        ({"max_output_tokens": 0}, "max_output_tokens", "'max_output_tokens' : value must be an"),
        ({"max_output_tokens": True}, "max_output_tokens", "'max_output_tokens' : value must be"),
        (
            {"metadata": {str(n): "" for n in range(17)}},
            "metadata",
            "'metadata' : maximum number of properties is 16",
        ),
        ({"store": True}, "store", "'store' : only false is supported"),
        ({"previous_response_id": "r"}, "previous_response_id", "'previous_response_id' : not"),
    ],
)
def test_what_is_refused(params: dict[str, Any], param: str, message: str) -> None:
    reply = answer_to(LEAST | params)
    assert reply.status == 400
    error = error_of(reply)
    assert error["param"] == param
    assert error["message"].startswith(message)


@pytest.mark.parametrize("body", [None, [], "x"])
def test_what_is_no_object_is_refused(body: object) -> None:
    assert "expected a JSON object" in error_of(answer_to(body))["message"]


def test_models() -> None:
    assert answer_to(LEAST | {"model": "other"}).status == 404
    refusal = error_of(answer_to(LEAST | {"model": "whisper-large-v3"}))
    assert "does not support" in refusal["message"]
