"""The parameters of a response: what passes before anything is sent, and what does not."""

from typing import Any

import pytest

from trio_groq._api.parameters import Validator
from trio_groq.errors import InvalidRequestError
from trio_groq.types._open_unions import UnknownItem
from trio_groq.types.responses_items import ResponseFunctionToolCall, ResponseOutputMessage
from trio_groq.types.responses_params import ResponseCreateParams, ResponseRequestBody

check = Validator(ResponseCreateParams)
LEAST: dict[str, Any] = {"model": "m", "input": "x"}

OPTIONAL = set(ResponseCreateParams.__annotations__) - ResponseCreateParams.__required_keys__
MESSAGE = {"type": "message", "role": "user"}
FORMAT = {"type": "json_schema", "name": "n", "schema": {"type": "object"}}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"input": []},
        {"input": [{**MESSAGE, "content": "x"}]},
        {
            "input": [
                {
                    **MESSAGE,
                    "content": [
                        {"type": "input_text", "text": "x"},
                        {"type": "input_image", "image_url": "data:,", "detail": "low"},
                        {"type": "input_file", "file_id": "f"},
                        {"type": "output_text", "text": "x", "annotations": []},
                        {"type": "refusal", "refusal": "x"},
                        {"type": "new", "x": 1},
                    ],
                },
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "1"},
                {
                    "type": "function_call_output",
                    "call_id": "c",
                    "output": [{"type": "input_text", "text": "x"}],
                },
                {"type": "item_reference", "id": "i"},
                {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text"}]},
                {"type": "mcp_approval_response", "approval_request_id": "a", "approve": True},
                {"type": "new"},
                ResponseOutputMessage(),
                ResponseFunctionToolCall(),
                UnknownItem({"type": "new"}),
            ]
        },
        {
            "tools": [
                {"type": "function", "name": "f", "parameters": {}, "strict": True},
                {
                    "type": "mcp",
                    "server_label": "s",
                    "server_url": "https://a.test",
                    "headers": {"x": "y"},
                    "allowed_tools": {"tool_names": ["a"]},
                    "require_approval": "never",
                },
                {"type": "browser_search"},
                {"type": "web_search", "search_context_size": "low"},
                {"type": "code_interpreter", "container": {"type": "auto"}},
                {"type": "new", "x": 1},
            ]
        },
        {"text": {"format": FORMAT, "verbosity": "low"}},
        {"text": {"format": {"type": "json_object"}}},
        {"text": {"format": {"type": "new"}}},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "function": {"name": "f"}}},
        {"tool_choice": {"type": "function", "name": "f"}},
        {"reasoning": {"effort": "a new one"}, "service_tier": "a new one"},
        {"temperature": 2, "top_p": 0, "top_logprobs": 20, "store": False, "metadata": {"a": "b"}},
        {
            "background": True,
            "include": ["x"],
            "previous_response_id": "r",
            "prompt_cache_key": "k",
            "safety_identifier": "s",
            "max_tool_calls": 1,
            "truncation": "auto",
        },
        dict.fromkeys(OPTIONAL),
    ],
)
def test_what_passes(params: dict[str, Any]) -> None:
    check({**LEAST, **params})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": None}, "model: expected a string, got None"),
        ({"input": 5}, "input: expected a string or a list, got 5"),
        ({"input": [5]}, "input[0]: expected an object, got 5"),
        ({"input": [{**MESSAGE, "content": 5}]}, "input[0].content: expected a string or a list"),
        (
            {"input": [{**MESSAGE, "content": [{"type": "input_text"}]}]},
            "input[0].content[0].text: expected a value, got nothing",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c"}]},
            "input[0].output: expected a value, got nothing",
        ),
        ({"temperature": 2.5}, "temperature: expected a number <= 2.0, got 2.5"),
        ({"top_p": -1}, "top_p: expected a number >= 0.0, got -1"),
        ({"top_logprobs": 21}, "top_logprobs: expected an integer <= 20, got 21"),
        ({"tools": [{"type": "mcp"}]}, "tools[0].server_label: expected a value, got nothing"),
        ({"tools": [{"type": "new"}] * 129}, "tools: expected at most 128 items, got"),
        (
            {"text": {"format": {"type": "json_schema", "name": "n"}}},
            "text.format.schema: expected a value, got nothing",
        ),
        ({"tool_choice": {}}, "tool_choice.type: expected a value, got nothing"),
        ({"metadata": {"a": 1}}, "metadata[...]: expected a string, got"),
        ({"stream": True}, "stream: expected a known parameter"),
    ],
)
def test_what_does_not(params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        check({**LEAST, **params})
    assert str(caught.value).startswith(message)


def test_a_wrong_authorization_is_not_shown() -> None:
    tools = [{"type": "mcp", "server_label": "s", "authorization": ["hunter2"]}]
    with pytest.raises(InvalidRequestError) as caught:
        check({**LEAST, "tools": tools})
    assert "hunter2" not in str(caught.value)


def test_the_whole_body_has_one_field_more() -> None:
    names = set(ResponseRequestBody.__annotations__)
    assert names - set(ResponseCreateParams.__annotations__) == {"stream"}
    Validator(ResponseRequestBody)({**LEAST, "stream": True})
