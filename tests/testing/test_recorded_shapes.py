"""What the fake sends has the shape of recorded traffic: no field that the API has never sent."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from raw_http import sse_data
from shared_data import DATA, needs_shared_data
from trio_groq.testing import Reply, ToolCall
from trio_groq.testing.chat import Names, completion_body, stream_events

pytestmark = needs_shared_data

PARAMS = {
    "model": "openai/gpt-oss-20b",
    "messages": [{"role": "user", "content": "Hello"}],
    "stream_options": {"include_usage": True},
}
REPLIES = {
    "text": Reply(content="One two"),
    "calls": Reply(tool_calls=[ToolCall("f")], finish_reason="tool_calls"),
    "thoughts": Reply(content="One", reasoning="Two"),
}


def paths(value: Any, prefix: str = "") -> frozenset[str]:
    """Every field in a JSON value, with the type of what it holds."""
    if isinstance(value, dict):
        return frozenset().union(*(paths(item, f"{prefix}.{key}") for key, item in value.items()))
    if isinstance(value, list):
        inner = frozenset[str]().union(*(paths(item, f"{prefix}[]") for item in value))
        return inner or frozenset({f"{prefix}[]"})
    kind = "number" if isinstance(value, int | float) else type(value).__name__
    return frozenset({f"{prefix}:{kind}"})


def recorded_chunks() -> Iterator[Any]:
    for file in sorted((DATA / "groq" / "sse").glob("*.sse")):
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("data: {"):
                yield json.loads(line.removeprefix("data: "))


@cache
def chunk_shapes() -> frozenset[frozenset[str]]:
    return frozenset(paths(chunk) for chunk in recorded_chunks())


@cache
def completion_fields() -> frozenset[str]:
    fields = frozenset[str]()
    for file in sorted((DATA / "groq" / "json").glob("*.json")):
        fields |= paths(json.loads(file.read_bytes()))
    return fields


@pytest.mark.parametrize("name", REPLIES)
def test_every_chunk_has_the_shape_of_a_recorded_one(name: str) -> None:
    beats = stream_events(REPLIES[name], PARAMS, Names(1))
    for chunk in sse_data(b"".join(beat.data for beat in beats))[:-1]:
        assert paths(chunk) in chunk_shapes()


@pytest.mark.parametrize("name", REPLIES)
def test_every_field_of_a_completion_has_been_recorded(name: str) -> None:
    body = json.loads(completion_body(REPLIES[name], PARAMS, Names(1)))
    assert paths(body) <= completion_fields()
