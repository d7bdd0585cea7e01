"""Chunks: what real streams do, in events of our own and in the recorded ones."""

import gc
import json

import pytest

from shared_data import DATA, needs_shared_data
from trio_groq.types import (
    ChatCompletionChunk,
    ChoiceDelta,
    ChoiceDeltaFunctionCall,
    ChoiceDeltaToolCall,
    ChunkChoice,
)
from trio_groq.types._base import Decoder

decode = Decoder(ChatCompletionChunk).decode

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "total_time": 1}


def decoded(**fields: object) -> ChatCompletionChunk:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "some-model",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}],
    }
    return decode(json.dumps(body | fields).encode())


def delta_of(**fields: object) -> ChoiceDelta:
    return decoded(choices=[{"index": 0, "delta": fields}]).choices[0].delta


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([], []),
        (None, []),
        ([{}], [ChunkChoice()]),
        ([{"delta": None}], [ChunkChoice()]),
        ([{"delta": {}, "finish_reason": "stop"}], [ChunkChoice(finish_reason="stop")]),
        ([{"delta": {"content": None}}], [ChunkChoice()]),
        ([{"index": 1, "logprobs": None}], [ChunkChoice(index=1)]),
        ([{"logprobs": {"content": None}}], None),
        ([{"finish_reason": "a_new_one"}], [ChunkChoice(finish_reason="a_new_one")]),
    ],
)
def test_choices(choices: object, expected: list[ChunkChoice] | None) -> None:
    chunk = decoded(choices=choices)
    if expected is not None:
        assert chunk.choices == expected


def test_deltas() -> None:
    assert delta_of(channel="analysis", reasoning="Hm").channel == "analysis"
    assert delta_of(role="a_new_one").role == "a_new_one"
    assert delta_of(content=None).content is None
    assert delta_of(executed_tools=[{"index": 0, "type": "search"}]).executed_tools is not None


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            {"index": 0, "id": "c", "type": "function", "function": {"name": "f"}},
            ChoiceDeltaToolCall(
                index=0, id="c", type="function", function=ChoiceDeltaFunctionCall(name="f")
            ),
        ),
        (
            {"index": 0, "function": {"arguments": '{"a'}},
            ChoiceDeltaToolCall(index=0, function=ChoiceDeltaFunctionCall(arguments='{"a')),
        ),
        ({"index": None, "id": None, "function": None}, ChoiceDeltaToolCall()),
    ],
)
def test_tool_calls_come_whole_or_in_pieces(
    call: dict[str, object], expected: ChoiceDeltaToolCall
) -> None:
    assert delta_of(tool_calls=[call]).tool_calls == [expected]


def test_usage_comes_in_either_place() -> None:
    top, inner = decoded(usage=USAGE), decoded(x_groq={"id": "req_1", "usage": USAGE})
    assert inner.x_groq is not None
    assert top.usage == inner.x_groq.usage
    assert top.usage is not None
    assert type(top.usage.total_time) is float


@pytest.mark.parametrize(
    "fields",
    [
        {"x_groq": None},
        {"usage": None},
        {"system_fingerprint": None},
        {"service_tier": None},
        {"x_groq": {"usage_breakdown": {"models": None}}},
        {"usage_breakdown": None},
    ],
    ids=str,
)
def test_nulls(fields: dict[str, object]) -> None:
    decoded(**fields)


@pytest.mark.parametrize(
    "error",
    [
        "a text",
        {"message": "m", "code": "tool_use_failed", "status_code": 400},
        {"message": "m", "code": 498, "failed_generation": None},
    ],
)
def test_errors_are_text_or_objects(error: object) -> None:
    assert decode(json.dumps({"error": error}).encode()).error == error
    chunk = decoded(x_groq={"error": error})
    assert chunk.x_groq is not None
    assert chunk.x_groq.error == error


def test_chunks_cost_the_garbage_collector_nothing() -> None:
    chunk = decoded()
    assert not gc.is_tracked(chunk)
    assert not gc.is_tracked(chunk.choices[0])
    assert not gc.is_tracked(chunk.choices[0].delta)


# --- recorded traffic ----------------------------------------------------------------------------


def keys(value: object, path: str = "") -> set[str]:
    """The paths of all names that have a value, lists taken as one."""
    if isinstance(value, dict):
        return {path}.union(*(keys(item, f"{path}.{name}") for name, item in value.items()))
    if isinstance(value, list):
        return set[str]().union(*(keys(item, path) for item in value))
    return set() if value is None else {path}


def known(value: object, path: str = "") -> set[str]:
    """The paths of all fields of a decoded value that have a value."""
    if isinstance(value, list):
        return set[str]().union(*(known(item, path) for item in value))
    fields = getattr(value, "__struct_fields__", None)
    if fields is None:
        return keys(value, path)
    return {path}.union(*(known(getattr(value, name), f"{path}.{name}") for name in fields))


@needs_shared_data
def test_recorded_chunks_lose_no_field() -> None:
    seen = 0
    for file in sorted((DATA / "groq" / "sse").glob("*.sse")):
        for line in file.read_bytes().split(b"\n"):
            data = line.removeprefix(b"data:").strip()
            if not line.startswith(b"data:") or data == b"[DONE]":
                continue
            seen += 1
            assert keys(json.loads(data)) <= known(decode(data)), (file.name, data)
    assert seen > 10_000
