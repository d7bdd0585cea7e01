"""Chunks become a completion: what is said of the whole, and its limits."""

import json

import pytest

from _api.chunk_bodies import (
    BEGIN,
    END,
    Fields,
    accumulate,
    add_all,
    call,
    chunk,
    completion_of,
    decode,
    piece,
    text,
)
from trio_groq._api.accumulate import Accumulator
from trio_groq.errors import ProtocolError
from trio_groq.types import CompletionUsage, DebugData, UsageBreakdown, UsageBreakdownModel, XGroq

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
