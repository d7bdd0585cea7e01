"""The conformance cases collected from other implementations, in every kind of pieces."""

import random
from typing import Any

import pytest

from shared_data import json_lines, needs_shared_data, unbase64
from sse.feeding import FEEDS, pieces_of, random_pieces, run
from sse.reference import Result, interpret

pytestmark = needs_shared_data

CASES = json_lines("sse/sse_cases.jsonl")
LARGE = 5_000
"""Streams from this size on go in steps of 16 bytes (or 1,000) where others go byte by byte,
and in pieces through `feed_span` alone: a million feeds of each kind take seconds and prove nothing
that the small streams leave open."""


def expected(case: dict[str, Any]) -> Result:
    events = [(e["event"], e["data"], e["id"], e["retry"]) for e in case["expected"]]
    final = case["final"]
    return Result(events, final["last_event_id"], final["reconnection_time"])


def chunkings(case: dict[str, Any]) -> dict[str, list[bytes]]:
    stream = unbase64(case["input_b64"])
    large = len(stream) >= LARGE
    rng = random.Random(case["name"])  # noqa: S311 (a seeded split is no secret)
    split = {
        "whole": [stream],
        "small": pieces_of(stream, 16 if large else 1),
        "sevens": pieces_of(stream, 1000 if large else 7),
        "own": [unbase64(chunk) for chunk in case.get("chunks_b64") or []] or [stream],
    }
    for i in range(2 if large else 8):
        split[f"random {i}"] = random_pieces(stream, rng, 1000 if large else 1 + i)
    return split


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_case(case: dict[str, Any]) -> None:
    want = expected(case)
    for how, pieces in chunkings(case).items():
        assert b"".join(pieces) == unbase64(case["input_b64"])
        kinds = FEEDS if how == "whole" or sum(map(len, pieces)) < LARGE else ["span"]
        for kind in kinds:
            assert run(pieces, FEEDS[kind]) == want, (how, kind)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_the_reference_agrees(case: dict[str, Any]) -> None:
    assert interpret(unbase64(case["input_b64"])) == expected(case)


def test_all_cases_are_there() -> None:
    assert len(CASES) == 96
