"""Chunks become a completion: any split of it, and the recorded streams."""

import hashlib

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from _api.chunk_bodies import Fields, accumulate, add_all, chunk, decode, piece, tool_call
from shared_data import DATA, json_lines, needs_shared_data
from trio_groq._api.accumulate import Accumulator
from trio_groq.types import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    Choice,
    CompletionUsage,
)

# --- any split -----------------------------------------------------------------------------------

texts = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=20))
tool_calls = st.lists(
    st.builds(tool_call, st.text("ab", min_size=1), st.text("fg", min_size=1), st.text("{}")),
    max_size=3,
)


@st.composite
def messages(draw: st.DrawFn) -> ChatCompletionMessage:
    content, reasoning, calls = draw(texts), draw(texts), draw(tool_calls)
    return ChatCompletionMessage(
        content=(content or None) if calls else content,
        reasoning=reasoning or None,
        tool_calls=calls or None,
    )


def split(draw: st.DrawFn, whole: str) -> list[str]:
    """`whole` in pieces, at least one."""
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


def deltas_of(draw: st.DrawFn, message: ChatCompletionMessage) -> list[Fields]:
    """Deltas that add up to the message, those of one field in order."""
    lanes: list[list[Fields]] = [
        [{name: part} for part in split(draw, whole)]
        for name, whole in (("content", message.content), ("reasoning", message.reasoning))
        if whole is not None
    ]
    for index, whole in enumerate(message.tool_calls or ()):
        first, *rest = split(draw, whole.function.arguments)
        begin = {"name": whole.function.name, "arguments": first}
        parts: list[Fields] = [{"id": whole.id, "type": whole.type, "function": begin}]
        parts += [{"function": {"arguments": part}} for part in rest]
        lanes.append([{"tool_calls": [{"index": index, **part}]} for part in parts])
    deltas = []
    while lanes := [lane for lane in lanes if lane]:
        deltas.append(draw(st.sampled_from(lanes)).pop(0))
    return deltas


@st.composite
def streams(draw: st.DrawFn) -> tuple[ChatCompletion, list[Fields]]:
    choices, queues = [], []
    for index in range(draw(st.integers(1, 2))):
        message = draw(messages())
        choices.append(Choice(index=index, message=message, finish_reason="stop"))
        pieces = [piece(delta, index) for delta in deltas_of(draw, message)]
        queues.append([*pieces, piece(index=index, finish_reason="stop")])
    bodies = []
    while queues := [queue for queue in queues if queue]:
        some = draw(st.lists(st.sampled_from(queues), min_size=1, unique_by=id))
        bodies.append(chunk(*(queue.pop(0) for queue in some)))
    return ChatCompletion(id="c1", created=7, model="m", choices=choices), bodies


@settings(deadline=None, max_examples=150)
@given(streams())
def test_any_split_adds_up(stream: tuple[ChatCompletion, list[Fields]]) -> None:
    whole, bodies = stream
    accumulator = accumulate(*bodies)
    assert accumulator.finished
    assert accumulator.completion() == whole


# --- recorded traffic ----------------------------------------------------------------------------


def sha256(text: str | None) -> str:
    return hashlib.sha256((text or "").encode()).hexdigest()


def recorded_chunks(name: str) -> list[ChatCompletionChunk]:
    lines = (DATA / "groq" / name).read_bytes().split(b"\n")
    data = [line.removeprefix(b"data:").strip() for line in lines if line.startswith(b"data:")]
    return [decode(one) for one in data if one != b"[DONE]"]


def as_recorded(message: ChatCompletionMessage) -> dict[str, object]:
    return {
        f"0/{index}": {
            "id": call.id,
            "name": call.function.name,
            "arguments": call.function.arguments,
        }
        for index, call in enumerate(message.tool_calls or ())
    }


def check_recorded(expected: Fields) -> None:
    accumulator = Accumulator()
    chunks = recorded_chunks(expected["file"])
    add_all(accumulator, (one for one in chunks if one.error is None))
    whole = accumulator.completion()
    assert [one.error for one in chunks if one.error is not None] == (
        [expected["error"]] if expected["error"] else []
    )
    assert len(chunks) == expected["n_chunks"] + bool(expected["error"])
    assert len(whole.choices) <= 1
    choice = whole.choices[0] if whole.choices else Choice()
    message = choice.message
    assert sha256(message.content) == expected["content_sha256"]
    assert len(message.content or "") == expected["content_len"]
    assert sha256(message.reasoning) == expected["reasoning_sha256"]
    assert len(message.reasoning or "") == expected["reasoning_len"]
    calls = {
        key: {name: value for name, value in one.items() if name != "deltas"}
        for key, one in expected["tool_calls"].items()
    }
    assert as_recorded(message) == calls
    assert choice.finish_reason == expected["finish_reason"]
    assert accumulator.finished is bool(expected["finish_reason"])
    usage = msgspec.convert(expected["usage"] or expected["x_groq_usage"], CompletionUsage | None)
    assert whole.usage == usage
    assert whole.service_tier == expected["service_tier"]
    assert (whole.x_groq.id if whole.x_groq else None) == next(iter(expected["x_groq_ids"]), None)
    assert whole.model == next(iter(expected["models"]), "")
    assert whole.system_fingerprint == next(filter(None, expected["fingerprints"]), None)
    assert bool(message.executed_tools) is bool(expected["executed_tools"])


@needs_shared_data
def test_recorded_streams() -> None:
    oracle = json_lines("groq/sse_oracle.jsonl")
    assert len(oracle) > 100
    for expected in oracle:
        check_recorded(expected)


@needs_shared_data
def test_recorded_executed_tool_is_one_that_has_grown() -> None:
    (name,) = [
        row["file"] for row in json_lines("groq/sse_oracle.jsonl") if row["executed_tools"] > 1
    ]
    accumulator = Accumulator()
    add_all(accumulator, recorded_chunks(name))
    whole = accumulator.completion()
    tools = whole.choices[0].message.executed_tools
    assert tools is not None
    (tool,) = tools
    assert tool.type == "search"
    assert tool.output
    assert tool.search_results is not None
    assert tool.search_results.results
    assert whole.usage_breakdown is not None
    assert whole.usage_breakdown.models is not None
    assert len(whole.usage_breakdown.models) == 4
    assert whole.id.startswith("chatcmpl-")
