"""Whole completions: what real traffic does, in bodies of our own and in the recorded ones."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared_data import DATA, needs_shared_data
from trio_groq.types import (
    Annotation,
    AnnotationDocumentCitation,
    ChatCompletion,
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
    Choice,
    FunctionCall,
)
from trio_groq.types._base import Decoder

decode = Decoder(ChatCompletion).decode


def completion(**fields: object) -> dict[str, Any]:
    """A plain completion, with other fields."""
    message = {"role": "assistant", "content": "Hello."}
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "some-model",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
    return body | fields


def with_message(**fields: object) -> dict[str, Any]:
    return completion(choices=[{"index": 0, "message": fields, "finish_reason": "stop"}])


def decoded(body: object) -> ChatCompletion:
    return decode(json.dumps(body).encode())


def test_a_plain_completion() -> None:
    whole = decoded(completion())
    assert whole.choices[0].message.content == "Hello."
    assert whole.choices[0].finish_reason == "stop"
    assert whole.choices[0].logprobs is None
    assert whole.usage is not None
    assert whole.usage.total_tokens == 5
    assert whole.meta is None


@pytest.mark.parametrize(
    "fields",
    [
        {"usage_breakdown": None},
        {"usage_breakdown": {"models": None}},
        {"service_tier": None},
        {"service_tier": "a-new-tier"},
        {"system_fingerprint": None},
        {"usage": None},
        {"x_groq": None},
        {"x_groq": {"id": None}},
        {"x_groq": {"id": "req_1", "seed": None, "usage": None, "debug": None}},
        {"mcp_list_tools": None},
        {"choices": []},
        {"choices": None},
        {"id": None, "created": None, "model": None, "object": None},
        {"created": 1.7e9},
        {"a_new_field": {"of": ["any", "kind"]}},
    ],
    ids=str,
)
def test_fields_may_be_null_absent_or_new(fields: dict[str, object]) -> None:
    decoded(completion(**fields))
    for name in fields:
        body = completion()
        body.pop(name, None)
        decoded(body)


@pytest.mark.parametrize("name", sorted(completion()))
def test_no_field_is_needed(name: str) -> None:
    body = completion()
    del body[name]
    decoded(body)


def test_content_is_missing_beside_tool_calls() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = decoded(with_message(role="assistant", tool_calls=[call])).choices[0].message
    assert message.content is None
    assert message.tool_calls == [
        ChatCompletionMessageToolCall(
            id="call_1", type="function", function=FunctionCall(name="f", arguments="{}")
        )
    ]


def test_roles_and_finish_reasons_may_be_new() -> None:
    body = with_message(role="oracle", content="?")
    body["choices"][0]["finish_reason"] = "bored"
    choice = decoded(body).choices[0]
    assert (choice.message.role, choice.finish_reason) == ("oracle", "bored")


def test_executed_tools_with_all_their_results() -> None:
    chart = {
        "type": "line",
        "title": "t",
        "x_ticks": [1, 2.5, "2024-01-01"],
        "elements": [{"label": "a", "points": [[1, 2], ["b", 3.5]], "outliers": []}],
    }
    tool = {
        "index": 0,
        "type": "python",
        "arguments": "{}",
        "output": None,
        "search_results": {"results": [{"title": "T", "url": "u", "content": "c", "score": 1}]},
        "code_results": [{"text": "1", "png": "AA==", "chart": chart, "charts": [chart]}],
        "browser_results": [{"url": "u", "title": "t", "live_view_url": "l", "content": "c"}],
    }
    message = decoded(with_message(role="assistant", executed_tools=[tool])).choices[0].message
    assert message.executed_tools is not None
    (executed,) = message.executed_tools
    assert executed.search_results is not None
    assert executed.search_results.results is not None
    assert type(executed.search_results.results[0].score) is float
    assert executed.code_results is not None
    assert executed.code_results[0].chart is not None
    assert executed.code_results[0].chart.x_ticks == [1, 2.5, "2024-01-01"]
    assert executed.browser_results is not None
    assert executed.browser_results[0].live_view_url == "l"


def test_logprobs_citations_debug_data_and_mcp_tools() -> None:
    top = {"token": "a", "logprob": -1, "bytes": None}
    token = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [top]}
    citation = {"start_index": 0, "end_index": 2, "document_id": "d"}
    body = completion(
        x_groq={
            "id": "req_1",
            "seed": 2**63,
            "usage": {"sram_cached_tokens": 1, "dram_cached_tokens": 2},
            "debug": {"input_token_ids": [1], "output_tokens": ["a"]},
        },
        mcp_list_tools=[{"id": "m", "tools": [{"name": "t", "input_schema": {"type": "object"}}]}],
    )
    body["choices"][0]["logprobs"] = {"content": [token]}
    body["choices"][0]["message"]["annotations"] = [
        {"type": "document_citation", "document_citation": citation}
    ]
    whole = decoded(body)
    choice = whole.choices[0]
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    assert choice.logprobs.content[0].top_logprobs is not None
    assert type(choice.logprobs.content[0].top_logprobs[0].logprob) is float
    assert choice.message.annotations == [
        Annotation(
            type="document_citation",
            document_citation=AnnotationDocumentCitation(
                document_id="d", start_index=0, end_index=2
            ),
        )
    ]
    assert whole.x_groq is not None
    assert whole.x_groq.seed == 2**63
    assert whole.mcp_list_tools is not None


def test_an_answer_can_be_sent_back_without_its_nulls() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    body = with_message(role="assistant", content=None, tool_calls=[call], reasoning=None)
    message = decoded(body).choices[0].message
    assert msgspec.json.decode(msgspec.json.encode(message)) == {
        "role": "assistant",
        "tool_calls": [call],
    }


def test_a_message_of_defaults_still_has_its_role() -> None:
    assert msgspec.json.encode(ChatCompletionMessage()) == b'{"role":"assistant"}'


def test_an_encoded_completion_decodes_to_itself() -> None:
    whole = decoded(completion(service_tier="flex", x_groq={"id": "req_1"}))
    assert decode(msgspec.json.encode(whole)) == whole


# --- recorded traffic ----------------------------------------------------------------------------


def recorded() -> list[Path]:
    return sorted((DATA / "groq" / "json").glob("*.json"))


def paths(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Each leaf that says something, with its path."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from paths(item, f"{path}.{name}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from paths(item, f"{path}[{index}]")
    elif value not in (None, []):
        yield path, value


@needs_shared_data
def test_recorded_completions_lose_nothing() -> None:
    seen = 0
    for file in recorded():
        body = json.loads(file.read_bytes())
        if not isinstance(body, dict) or body.get("object") != "chat.completion":
            continue
        seen += 1
        whole = decode(file.read_bytes())
        back = dict(paths(msgspec.json.decode(msgspec.json.encode(whole))))
        for path, value in paths(body):
            if "pydantic_ai_gateway" not in path:  # what a proxy has added
                assert back.get(path) == value, (file.name, path)
    assert seen > 500


def test_the_text_is_that_of_the_first_answer() -> None:
    two = [Choice(message=ChatCompletionMessage(content=text)) for text in ("a", "b")]
    assert ChatCompletion(choices=two).text == "a"
    assert ChatCompletion(choices=[Choice(message=ChatCompletionMessage(content=None))]).text == ""
    assert ChatCompletion().text == ""
