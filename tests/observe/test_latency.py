import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe.told_events import MODEL, call, cancelled, failed, finished
from trio_groq._hooks import Usage
from trio_groq.errors import ConfigurationError, GroqError, InvalidRequestError
from trio_groq.observe.latency import MAX_MODELS, LatencyTracker, percentile_of

TIMES = st.lists(st.floats(0, 1e6), min_size=1, max_size=50)


def told(tracker: LatencyTracker, *seconds: float, model: str = MODEL, **fields: Any) -> None:
    for each in seconds:
        tracker.on_event(finished(call(model=model), seconds=each, **fields))


@pytest.mark.parametrize(
    ("q", "expected"), [(0, 1), (0.01, 1), (0.5, 5), (0.51, 6), (0.9, 9), (0.95, 10), (1, 10)]
)
def test_percentiles_are_nearest_ranks(q: float, expected: int) -> None:
    assert percentile_of([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], q) == expected


def test_a_product_that_is_a_hair_too_large_is_no_rank_more() -> None:
    assert 0.07 * 100 > 7
    assert percentile_of(range(1, 101), 0.07) == 7


@given(TIMES, st.floats(0, 1))
def test_a_percentile_is_what_it_says(times: list[float], q: float) -> None:
    value = percentile_of(times, q)
    assert value in times
    within = sum(time <= value for time in times)
    below = sum(time < value for time in times)
    assert within >= q * len(times) - 1e-6
    assert below < q * len(times) + 1e-6 or value == min(times)


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_a_share_is_from_0_to_1(q: float) -> None:
    with pytest.raises(InvalidRequestError, match="q: expected a number from 0 to 1"):
        percentile_of([1.0], q)


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(InvalidRequestError, match="times: expected one or more"):
        percentile_of([], 0.5)


def test_only_the_last_calls_count() -> None:
    tracker = LatencyTracker(samples=3)
    told(tracker, 100, 100, 1, 2, 6)
    total = tracker.report()[MODEL].total
    assert (total.count, total.average, total.p50, total.p95, total.p99) == (3, 3, 2, 6, 6)


def test_a_hundred_of_each_model_by_default() -> None:
    tracker = LatencyTracker()
    told(tracker, *range(1, 151))
    total = tracker.report()[MODEL].total
    assert (total.count, total.p50, total.p95, total.p99) == (100, 100, 145, 149)


def test_models_are_apart_and_bounded() -> None:
    tracker = LatencyTracker()
    told(tracker, 1, model="a")
    told(tracker, 2, model="b")
    told(tracker, 3, model="a")
    assert [*tracker.report()] == ["b", "a"]
    assert tracker.report()["a"].total.count == 2
    for number in range(MAX_MODELS - 1):
        told(tracker, 1, model=f"m{number}")
    assert len(tracker.report()) == MAX_MODELS
    assert "b" not in tracker.report()
    assert "a" in tracker.report()


def test_first_tokens_are_of_streams_only() -> None:
    tracker = LatencyTracker()
    told(tracker, 5)
    assert tracker.report()[MODEL].first_token is None
    assert tracker.percentile(MODEL, 0.5) is None
    assert tracker.percentile(MODEL, 0.5, of="total") == 5
    told(tracker, 9, first_token=0.25)
    first = tracker.report()[MODEL].first_token
    assert first is not None
    assert (first.count, first.p99) == (1, 0.25)
    assert tracker.percentile(MODEL, 0.95) == 0.25
    assert tracker.percentile("other", 0.5, of="total") is None


def test_only_what_ended_well_counts() -> None:
    tracker = LatencyTracker()
    tracker.on_event(failed(GroqError("no")))
    tracker.on_event(cancelled())
    tracker.on_event(call())
    told(tracker, 1, complete=False)
    told(tracker, 1, model="")
    assert tracker.report() == {}


def test_tokens_per_second_of_writing() -> None:
    tracker = LatencyTracker()
    told(tracker, 1, usage=None)
    assert tracker.report()[MODEL].tokens_per_second is None
    # 20 tokens in the 2 s of a whole call; 20 in the 0.5 s from a stream's first chunk to its last.
    told(tracker, 2)
    told(tracker, 9, chunks=21, chunk_seconds=0.5)
    assert tracker.report()[MODEL].tokens_per_second == 40 / 2.5


def test_what_took_no_time_has_no_rate() -> None:
    tracker = LatencyTracker()
    told(tracker, 0, usage=Usage(input_tokens=1, output_tokens=5))
    assert tracker.report()[MODEL].tokens_per_second is None


@pytest.mark.parametrize("samples", [0, -1, 1.5, True])
def test_samples_are_a_number(samples: Any) -> None:
    with pytest.raises(ConfigurationError, match="samples: expected an integer >= 1"):
        LatencyTracker(samples)
