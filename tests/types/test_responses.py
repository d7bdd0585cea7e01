"""Responses as they come whole: each kind of item and part, and what is missing or unknown."""

import subprocess
import sys
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from shared_data import DATA, needs_shared_data
from trio_groq.types._open_unions import OpenDecoder, UnknownItem
from trio_groq.types.responses import (
    ResponseObject,
    ResponseTextFormat,
    ResponseTool,
    ResponseUsage,
)
from trio_groq.types.responses_items import (
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
    ResponseUrlCitation,
)
from trio_groq.types.responses_params import ResponseRequestBody

decoder: OpenDecoder[ResponseObject] = OpenDecoder(ResponseObject)

ITEMS: dict[str, dict[str, Any]] = {
    "message": {
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [
            {
                "type": "output_text",
                "text": "a",
                "annotations": [
                    {"type": "file_citation", "file_id": "f", "filename": "n", "index": 1},
                    {
                        "type": "url_citation",
                        "url": "https://a.test",
                        "title": "t",
                        "start_index": 0,
                        "end_index": 1,
                    },
                    {"type": "new_citation", "x": None},
                ],
                "logprobs": [{"token": "a", "logprob": -0.5}],
            },
            {"type": "refusal", "refusal": "no"},
            {"type": "new_part", "x": None},
        ],
    },
    "function_call": {
        "id": "fc_1",
        "call_id": "call_1",
        "name": "f",
        "arguments": "{}",
        "status": "completed",
    },
    "reasoning": {
        "id": "r_1",
        "summary": [{"type": "summary_text", "text": "s"}, {"type": "new"}],
        "content": [{"type": "reasoning_text", "text": "t"}, {"type": "new"}],
        "encrypted_content": "e",
        "status": "completed",
    },
    "web_search_call": {
        "id": "ws_1",
        "action": {"type": "search", "query": "q"},
        "status": "completed",
    },
    "file_search_call": {"id": "fs_1", "queries": ["q"], "results": [{}], "status": "completed"},
    "code_interpreter_call": {
        "id": "ci_1",
        "code": "1",
        "container_id": "c",
        "outputs": [{"type": "logs", "logs": "1"}],
        "status": "completed",
    },
    "mcp_list_tools": {
        "id": "mcpl_1",
        "server_label": "s",
        "tools": [
            {"name": "n", "description": "d", "input_schema": {"a": 1}, "annotations": {"b": 2}}
        ],
        "error": "e",
    },
    "mcp_call": {
        "id": "mcp_1",
        "server_label": "s",
        "name": "n",
        "arguments": "{}",
        "output": "o",
        "error": {"code": 1},
        "approval_request_id": "mcpr_1",
        "status": "completed",
    },
    "mcp_approval_request": {
        "id": "mcpr_1",
        "server_label": "s",
        "name": "n",
        "arguments": "{}",
    },
    "new_call": {"id": "x", "anything": [None]},
}
WHOLE = {
    "id": "resp_1",
    "object": "response",
    "status": "incomplete",
    "created_at": 1_700_000_000,
    "model": "m",
    "output": [{"type": kind, **item} for kind, item in ITEMS.items()],
    "usage": {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0, "reasoning_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"cached_tokens": 0, "reasoning_tokens": 1},
        "total_tokens": 3,
    },
    "error": {"code": "c", "message": "m"},
    "incomplete_details": {"reason": "max_output_tokens"},
    "background": False,
    "instructions": "i",
    "max_output_tokens": 10,
    "max_tool_calls": 2,
    "metadata": {"a": "b"},
    "parallel_tool_calls": True,
    "previous_response_id": "resp_0",
    "reasoning": {"effort": "low", "summary": "auto"},
    "service_tier": "default",
    "store": False,
    "temperature": 1.0,
    "text": {
        "format": {
            "type": "json_schema",
            "name": "n",
            "description": "d",
            "schema": {"type": "object"},
            "strict": True,
        },
        "verbosity": "low",
    },
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "tools": [
        {
            "type": "function",
            "name": "f",
            "description": "d",
            "parameters": {"type": "object"},
            "strict": True,
        },
        {
            "type": "mcp",
            "server_label": "s",
            "server_url": "https://a.test",
            "server_description": "d",
            "allowed_tools": ["n"],
            "require_approval": "never",
        },
        {"type": "code_interpreter", "container": {"type": "auto"}},
    ],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": "u",
}


def decode(data: object) -> ResponseObject:
    return decoder.decode(msgspec.json.encode(data))


def test_everything_is_kept() -> None:
    response = decode(WHOLE)
    assert msgspec.json.decode(msgspec.json.encode(response)) == WHOLE
    assert [item.type for item in response.output] == list(ITEMS)
    assert response.output_text == "a"


@pytest.mark.parametrize("kind", set(ITEMS) - {"new_call"})
def test_each_kind_of_item_has_its_type(kind: str) -> None:
    (item,) = decode({"output": [{"type": kind, **ITEMS[kind]}]}).output
    assert type(item) is not UnknownItem
    assert item.type == kind
    # Without the parts that it does not know, msgspec needs no help.
    bare = {"type": kind, "id": "x"}
    assert decoder.decode_strictly(msgspec.json.encode({"output": [bare]})).output == [
        type(item)(id="x")
    ]


def test_what_is_missing_or_null_is_forgiven() -> None:
    assert decode({}) == ResponseObject()
    assert decode(dict.fromkeys(WHOLE)) == ResponseObject()
    (item,) = decode({"output": [{"type": "message", "content": None}]}).output
    assert item == ResponseOutputMessage()
    assert decode({"usage": {}}).usage is not None


def test_parts_are_told_apart() -> None:
    message, *_ = decode(WHOLE).output
    assert isinstance(message, ResponseOutputMessage)
    text, refusal, new = message.content
    assert isinstance(text, ResponseOutputText)
    assert isinstance(text.annotations[1], ResponseUrlCitation)
    assert isinstance(text.annotations[2], UnknownItem)
    assert refusal.type == "refusal"
    assert new == {"type": "new_part", "x": None}


def test_text_of_several_messages_is_one() -> None:
    output: list[ResponseOutputItem] = [
        ResponseOutputMessage(content=[ResponseOutputText(text="a"), ResponseOutputText(text="b")]),
        ResponseReasoningItem(),
        ResponseOutputMessage(content=[ResponseOutputText(text="c")]),
    ]
    assert ResponseObject(output=output).output_text == "abc"
    assert ResponseObject().output_text == ""


def test_other_shapes_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.output\[0\]\.content\[0\]\.text"):
        decode({"output": [{"type": "message", "content": [{"type": "output_text", "text": 5}]}]})


@needs_shared_data
@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ("CreateResponseResponse", ResponseObject.__struct_fields__),
        ("CreateResponseRequest", ResponseRequestBody.__annotations__),
        ("ResponseUsage", ResponseUsage.__struct_fields__),
        ("ResponseTool", ResponseTool.__struct_fields__),
        ("TextResponseFormatJsonSchema", ResponseTextFormat.__struct_fields__),
    ],
)
def test_every_documented_field_is_there(schema: str, names: Iterable[str]) -> None:
    yaml = pytest.importorskip("yaml")
    document = yaml.safe_load((DATA / "groq-openapi.yaml").read_text(encoding="utf-8"))
    assert set(document["components"]["schemas"][schema]["properties"]) <= set(names)


@needs_shared_data
def test_the_document_s_example_keeps_every_field() -> None:
    # Only the system's Python is sure to have a reader of YAML.
    yaml = pytest.importorskip("yaml")
    document = yaml.safe_load((DATA / "groq-openapi.yaml").read_text(encoding="utf-8"))
    operation = document["paths"]["/openai/v1/responses"]["post"]
    (example,) = operation["x-groq-metadata"]["examples"]
    plain = msgspec.json.decode(example["response"])
    told = {name: value for name, value in plain.items() if value is not None}
    told["reasoning"] = {}
    assert msgspec.json.decode(msgspec.json.encode(decode(plain))) == told


def test_importing_the_types_needs_nothing_above_them() -> None:
    code = (
        "import sys; import trio_groq.types.responses_events; "
        "sys.exit(any(name.startswith('trio_groq._call') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 (our own code)
