"""Chunks become a completion: what a message says, and the tools it calls."""

import json

import msgspec
import pytest

from _api.chunk_bodies import (
    BEGIN,
    END,
    Fields,
    accumulate,
    call,
    chunk,
    completion_of,
    decode,
    message_of,
    piece,
    text,
    tool_call,
)
from trio_groq._api.accumulate import Accumulator
from trio_groq.types import (
    ChatCompletion,
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
    Choice,
    CompletionUsage,
    ExecutedTool,
    FunctionCall,
    XGroq,
)


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
