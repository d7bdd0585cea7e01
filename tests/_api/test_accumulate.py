"""Chunks become a completion: each wire fact, any split, and the recorded streams."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_data import DATA, json_lines, needs_shared_data
from trio_groq._api.accumulate import Accumulator
from trio_groq.errors import ProtocolError
from trio_groq.types import (
    ChatCompletion,
    ChatCompletionChunk,
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
    Choice,
    CompletionUsage,
    DebugData,
    ExecutedTool,
    FunctionCall,
    UsageBreakdown,
    UsageBreakdownModel,
    XGroq,
)
from trio_groq.types._base import Decoder

decode = Decoder(ChatCompletionChunk).decode

Fields = dict[str, Any]


def chunk(*choices: Fields, **fields: object) -> Fields:
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m"}
    return {**body, "choices": list(choices), **fields}


def piece(delta: Fields | None = None, index: int = 0, **fields: object) -> Fields:
    return {"index": index, "delta": delta or {}, **fields}


def text(content: str, **fields: object) -> Fields:
    return chunk(piece({"content": content}), **fields)


def call(**fields: object) -> Fields:
    return chunk(piece({"tool_calls": [fields]}))


def add_all(accumulator: Accumulator, chunks: Iterable[ChatCompletionChunk]) -> None:
    for one in chunks:
        accumulator.add(one)


def accumulate(*bodies: Fields) -> Accumulator:
    accumulator = Accumulator()
    add_all(accumulator, (decode(json.dumps(body).encode()) for body in bodies))
    return accumulator


def completion_of(*bodies: Fields) -> ChatCompletion:
    return accumulate(*bodies).completion()


def message_of(*bodies: Fields) -> ChatCompletionMessage:
    return completion_of(*bodies).choices[0].message


BEGIN = chunk(piece({"role": "assistant", "content": ""}), system_fingerprint="fp_1")
END = chunk(piece(finish_reason="stop"))


def test_nothing_yet() -> None:
    accumulator = Accumulator()
    assert accumulator.completion() == ChatCompletion()
    assert not accumulator.finished


def test_a_plain_stream() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    whole = completion_of(
        {**BEGIN, "x_groq": {"id": "req_1"}},
        text("Hel"),
        text("lo"),
        {**END, "x_groq": {"id": "req_1", "seed": 5, "usage": usage}, "usage": usage},
        chunk(usage=usage, service_tier="on_demand"),
    )
    assert whole == ChatCompletion(
        id="c1",
        created=7,
        model="m",
        object="chat.completion",
        system_fingerprint="fp_1",
        service_tier="on_demand",
        usage=CompletionUsage(prompt_tokens=1, completion_tokens=2, total_tokens=3),
        x_groq=XGroq(id="req_1", seed=5),
        choices=[Choice(finish_reason="stop", message=ChatCompletionMessage(content="Hello"))],
    )


def test_a_snapshot_does_not_change_and_changes_nothing() -> None:
    accumulator = accumulate(BEGIN, text("a"), call(index=0, id="c", function={"name": "f"}))
    first = accumulator.completion()
    copy = msgspec.json.encode(first)
    for body in (text("b"), call(index=0, function={"arguments": "{}"}), END):
        accumulator.add(decode(json.dumps(body).encode()))
        assert accumulator.completion() == accumulator.completion()
    assert msgspec.json.encode(first) == copy
    assert accumulator.completion().choices[0].message.content == "ab"


@pytest.mark.parametrize(
    ("bodies", "content"),
    [
        pytest.param([chunk(piece({"role": "assistant"}))], None, id="no text"),
        pytest.param([chunk(piece({"content": None})), END], None, id="null"),
        pytest.param([BEGIN, END], "", id="empty text"),
        pytest.param([text("a"), END], "a", id="no role"),
        pytest.param([BEGIN, call(index=0, id="c")], None, id="only a tool call"),
        pytest.param([text("a"), call(index=0, id="c")], "a", id="text and a tool call"),
        pytest.param(
            [BEGIN, chunk(piece({"function_call": {"name": "f"}}))], None, id="only a function"
        ),
        pytest.param([BEGIN, text("a"), text(""), text("b")], "ab", id="an empty piece"),
    ],
)
def test_content(bodies: list[Fields], content: str | None) -> None:
    assert message_of(*bodies).content == content


def test_reasoning_and_content_side_by_side() -> None:
    message = message_of(
        BEGIN,
        chunk(piece({"reasoning": "Hm", "channel": "analysis"})),
        chunk(piece({"reasoning": "m", "content": "A"})),
        text("h"),
        END,
    )
    assert (message.reasoning, message.content) == ("Hmm", "Ah")


def test_a_new_role() -> None:
    assert message_of(chunk(piece({"role": "oracle"})), text("?")).role == "oracle"


def test_a_role_in_every_chunk() -> None:
    bodies = [chunk(piece({"role": "assistant", "content": part})) for part in "abc"]
    assert message_of(*bodies).content == "abc"


# --- tool calls ----------------------------------------------------------------------------------


def tool_call(id_: str, name: str, arguments: str) -> ChatCompletionMessageToolCall:
    return ChatCompletionMessageToolCall(
        id=id_, function=FunctionCall(name=name, arguments=arguments)
    )


@pytest.mark.parametrize(
    ("bodies", "expected"),
    [
        pytest.param(
            [call(index=0, id="a", type="function", function={"name": "f", "arguments": "{}"})],
            [tool_call("a", "f", "{}")],
            id="whole",
        ),
        pytest.param(
            [
                call(index=0, id="a", function={"name": "f", "arguments": ""}),
                call(index=0, function={"arguments": '{"x"'}),
                call(index=0, function={"arguments": ":1}"}),
            ],
            [tool_call("a", "f", '{"x":1}')],
            id="in pieces",
        ),
        pytest.param(
            [
                call(index=1, id="b", function={"name": "g", "arguments": "[1"}),
                call(index=0, id="a", function={"name": "f", "arguments": "{"}),
                call(index=1, function={"arguments": "]"}),
                call(index=0, function={"arguments": "}"}),
            ],
            [tool_call("a", "f", "{}"), tool_call("b", "g", "[1]")],
            id="interleaved",
        ),
        pytest.param(
            [
                call(id="a", function={"name": "f", "arguments": "{"}),
                call(function={"arguments": "}"}),
                call(id="b", function={"name": "g", "arguments": "[]"}),
            ],
            [tool_call("a", "f", "{}"), tool_call("b", "g", "[]")],
            id="without index",
        ),
        pytest.param(
            [call(function={"name": "f"}), call(function={"arguments": "{}"})],
            [tool_call("", "f", "{}")],
            id="without index and id",
        ),
        pytest.param(
            [
                call(index=0, id="a", function={"name": "f", "arguments": "{"}),
                call(index=0, id="a", function={"name": "f", "arguments": "}"}),
            ],
            [tool_call("a", "f", "{}")],
            id="id and name repeated",
        ),
        pytest.param([call(index=0, id="a")], [tool_call("a", "", "")], id="no function"),
        pytest.param(
            [call(index=0, type="a_new_one", id="a", function={"name": "f"})],
            [
                ChatCompletionMessageToolCall(
                    id="a", type="a_new_one", function=FunctionCall(name="f")
                )
            ],
            id="a new type",
        ),
    ],
)
def test_tool_calls(bodies: list[Fields], expected: list[ChatCompletionMessageToolCall]) -> None:
    assert message_of(BEGIN, *bodies, END).tool_calls == expected


def test_function_call() -> None:
    message = message_of(
        chunk(piece({"function_call": {"name": "f", "arguments": "{"}})),
        chunk(piece({"function_call": {"arguments": "}"}})),
    )
    assert message.function_call == FunctionCall(name="f", arguments="{}")


def test_executed_tools_grow() -> None:
    first = {"index": 0, "type": "search", "arguments": "q", "search_results": {"results": []}}
    again = {**first, "output": "found", "search_results": {"results": [{"title": "t"}]}}
    message = message_of(
        *(
            chunk(piece({"executed_tools": tools}))
            for tools in (
                [first],
                [again],
                [{"index": 1, "type": "visit", "arguments": "u"}],
                [{"index": 1, "output": "page"}],
                [{"type": "python"}],
            )
        )
    )
    assert message.executed_tools is not None
    search, visit, python = message.executed_tools
    assert search == msgspec.convert(again, ExecutedTool)
    assert visit == ExecutedTool(index=1, type="visit", arguments="u", output="page")
    assert python == ExecutedTool(type="python")


def test_annotations_and_logprobs_are_strung_together() -> None:
    def with_both(token: str) -> Fields:
        delta = {"content": token, "annotations": [{"type": token}]}
        return chunk(piece(delta, logprobs={"content": [{"token": token, "logprob": -1}]}))

    choice = completion_of(
        with_both("a"),
        chunk(piece({"content": "-"}, logprobs={"content": None})),
        with_both("b"),
    ).choices[0]
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    assert [token.token for token in choice.logprobs.content] == ["a", "b"]
    assert choice.message.annotations is not None
    assert [annotation.type for annotation in choice.message.annotations] == ["a", "b"]


# --- what is said of the whole -------------------------------------------------------------------


def test_several_answers() -> None:
    whole = completion_of(
        chunk(piece({"content": "b"}, 1), piece({"content": "a"}, 0)),
        chunk(piece({"content": "B"}, 1, finish_reason="length")),
        chunk(piece({"content": "A"}, 0)),
    )
    assert [choice.index for choice in whole.choices] == [0, 1]
    assert [choice.message.content for choice in whole.choices] == ["aA", "bB"]
    assert [choice.finish_reason for choice in whole.choices] == [None, "length"]


def test_the_first_id_is_the_id() -> None:
    assert completion_of(*({**text("a"), "id": name} for name in ("x", "y", "stub"))).id == "x"


def test_the_head_may_come_late() -> None:
    whole = completion_of(
        {"choices": [piece({"content": "a"})]}, {**END, "system_fingerprint": "fp_2"}
    )
    assert (whole.id, whole.created, whole.model) == ("c1", 7, "m")
    assert whole.system_fingerprint == "fp_2"


A = {"total_tokens": 1}
B = {"total_tokens": 2}


@pytest.mark.parametrize(
    ("bodies", "tokens"),
    [
        ([chunk(usage=A)], 1),
        ([chunk(x_groq={"usage": A})], 1),
        ([chunk(usage=A, x_groq={"usage": B})], 1),
        ([chunk(x_groq={"usage": B}), chunk(usage=A)], 1),
        ([chunk(usage=A), chunk(x_groq={"usage": B})], 1),
        ([chunk(usage=A), chunk(usage=B)], 2),
        ([text("a"), text("b", usage=A)], 1),
        ([text("a"), text("b", usage=A), text("c", usage=None)], 1),
    ],
)
def test_usage_comes_in_either_place(bodies: list[Fields], tokens: int) -> None:
    usage = completion_of(*bodies).usage
    assert usage is not None
    assert usage.total_tokens == tokens


BREAKDOWN = {"models": [{"model": "m", "usage": {"total_tokens": 1}}]}


@pytest.mark.parametrize(
    "body",
    [
        text("b", usage_breakdown=BREAKDOWN),
        text("b", x_groq={"usage_breakdown": BREAKDOWN}),
        chunk(usage_breakdown=BREAKDOWN),
    ],
)
def test_usage_breakdown_comes_in_either_place(body: Fields) -> None:
    models = [UsageBreakdownModel(model="m", usage=CompletionUsage(total_tokens=1))]
    whole = completion_of(text("a"), body)
    assert whole.usage_breakdown == UsageBreakdown(models=models)
    assert completion_of(text("a")).usage_breakdown is None


def test_x_groq_is_put_together() -> None:
    whole = completion_of(
        text("a", x_groq={"id": "req_1", "debug": {"input_tokens": ["i"]}}),
        text("b", x_groq={"seed": 0}),
        text("c", x_groq={"debug": {"output_tokens": ["o"]}}),
    )
    debug = DebugData(input_tokens=["i"], output_tokens=["o"])
    assert whole.x_groq == XGroq(id="req_1", seed=0, debug=debug)
    assert completion_of(text("a")).x_groq is None


def test_service_tier_beside_text() -> None:
    assert completion_of(text("a"), text("b", service_tier="flex")).service_tier == "flex"


@pytest.mark.parametrize(
    ("bodies", "finished"),
    [
        ([], False),
        ([chunk()], False),
        ([BEGIN], False),
        ([BEGIN, END], True),
        ([BEGIN, END, chunk()], True),
        ([END], True),
        ([chunk(piece(finish_reason="bored"))], True),
        ([chunk(piece(finish_reason=""))], False),
        ([chunk(piece(index=0), piece(index=1)), END], False),
        ([chunk(piece(index=0), piece(index=1, finish_reason="stop")), END], True),
    ],
)
def test_finished(bodies: list[Fields], *, finished: bool) -> None:
    assert accumulate(*bodies).finished is finished


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(text("x" * 10), id="content"),
        pytest.param(chunk(piece({"reasoning": "x" * 10})), id="reasoning"),
        pytest.param(chunk(piece({"role": "assistant", "content": "x" * 10})), id="with a role"),
        pytest.param(call(index=0, function={"arguments": "x" * 10}), id="arguments"),
        pytest.param(call(index=0), id="empty tool calls"),
        pytest.param(chunk(piece({"function_call": {}})), id="empty function calls"),
        pytest.param(chunk(piece({"executed_tools": [{}]})), id="executed tools"),
        pytest.param(chunk(piece({"annotations": [{}]})), id="annotations"),
        pytest.param(chunk(piece(logprobs={"content": [{}]})), id="logprobs"),
    ],
)
def test_a_completion_without_end_is_an_error(body: Fields) -> None:
    accumulator = Accumulator(max_characters=1000)
    piece_ = decode(json.dumps(body).encode())
    with pytest.raises(ProtocolError, match="completion: expected at most 1000 characters"):
        add_all(accumulator, [piece_] * 110)


def test_choices_without_end_are_an_error() -> None:
    accumulator = Accumulator(max_characters=1000)
    pieces = [decode(json.dumps(chunk(piece(index=index))).encode()) for index in range(100)]
    with pytest.raises(ProtocolError, match="at most 1000 characters"):
        add_all(accumulator, pieces)


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
