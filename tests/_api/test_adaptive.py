"""The number of calls in flight, found by trying: each step is exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_groq._api.adaptive import BLOCK, Adaptive, AdaptiveLimit, is_refusal
from trio_groq.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    CapacityExceededError,
    ConfigurationError,
    InternalServerError,
    OverloadedError,
    PoolTimeoutError,
    RateLimitError,
)


def limit(**options: float) -> AdaptiveLimit:
    return AdaptiveLimit(Adaptive(**options))  # type: ignore[arg-type]  # as the table says


def answers(machine: AdaptiveLimit, times: int, seconds: float = 1.0, *, full: bool = True) -> int:
    for _ in range(times):
        machine.answered(machine.round, seconds, is_full=full)
    return machine.limit


def test_a_round_of_answers_adds_one() -> None:
    machine = limit(start=4)
    assert answers(machine, 4) == 4  # 4 + 1/4 + 1/4.25 + 1/4.49 + 1/4.71: not yet 5
    assert answers(machine, 1) == 5
    assert answers(machine, 4) == 5
    assert answers(machine, 1) == 6


def test_a_limit_that_is_not_reached_does_not_grow() -> None:
    machine = limit(start=4)
    assert answers(machine, 1000, full=False) == 4


@pytest.mark.parametrize(
    ("seconds", "step"), [(1.0, 1.0), (1.25, 0.75), (1.5, 0.5), (2.0, 0.0), (9.0, 0.0)]
)
def test_the_slower_an_answer_the_less_it_adds(seconds: float, step: float) -> None:
    machine = limit(start=1, tolerance=2.0)
    machine.answered(0, 1.0, is_full=False)
    machine.answered(0, seconds, is_full=True)
    assert machine._level == 1 + step


def test_at_no_time_at_all_latency_holds_or_does_not() -> None:
    machine = limit(start=1)
    machine.answered(0, 0.0, is_full=True)
    assert machine._level == 2.0
    machine.answered(0, 0.5, is_full=True)
    assert machine._level == 2.0


def test_one_lucky_answer_is_forgotten_after_two_blocks() -> None:
    machine = limit(start=1, maximum=10_000)
    machine.answered(0, 0.001, is_full=False)
    assert answers(machine, 2 * BLOCK - 1) == 1
    assert answers(machine, 1) == 2


def test_a_refusal_halves_once_for_all_that_were_in_flight() -> None:
    machine = limit(start=16)
    before = machine.round
    for _ in range(16):
        machine.refused(before)
    assert machine.limit == 8
    machine.refused(machine.round)
    assert machine.limit == 4


def test_what_started_before_a_refusal_adds_nothing_after_it() -> None:
    machine = limit(start=8)
    before = machine.round
    machine.refused(before)
    for _ in range(100):
        machine.answered(before, 1.0, is_full=True)
    assert machine.limit == 4
    assert answers(machine, 5) == 5


def test_it_stays_within_its_bounds() -> None:
    machine = limit(start=3, minimum=2, maximum=4)
    assert answers(machine, 100) == 4
    for _ in range(10):
        machine.refused(machine.round)
    assert machine.limit == 2


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.floats(0, 10), st.booleans())))
def test_whatever_comes_it_stays_within_its_bounds(
    steps: list[tuple[bool, int, float, bool]],
) -> None:
    machine = limit(minimum=2, maximum=9)
    for answered, age, seconds, full in steps:
        now, before = machine.round, machine._level
        started = max(now - age, 0)
        if answered:
            machine.answered(started, seconds, is_full=full)
            assert before <= machine._level <= before + 1 / before
        else:
            machine.refused(started)
            assert machine._level == (before if started < now else max(before / 2, 2))
        assert 2 <= machine.limit <= 9


@pytest.mark.parametrize(
    ("options", "start"), [({}, 8), ({"maximum": 3}, 3), ({"minimum": 20}, 20), ({"start": 5}, 5)]
)
def test_it_starts_within_its_bounds(options: dict[str, int], start: int) -> None:
    assert limit(**options).limit == start


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minimum": 0}, "minimum: expected an integer >= 1, got 0"),
        ({"maximum": 2.5}, "maximum: expected an integer >= 1, got 2.5"),
        ({"tolerance": 1}, "tolerance: expected a number > 1, got 1"),
        ({"start": 300}, "start: expected minimum <= start <= maximum, got 1, 300, 256"),
        (
            {"minimum": 9, "maximum": 8},
            "start: expected minimum <= start <= maximum, got 9, 8, 8",
        ),
    ],
)
def test_bounds_must_make_sense(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        limit(**options)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (RateLimitError("", status_code=429), True),
        (CapacityExceededError("", status_code=498), True),
        (InternalServerError("", status_code=503), True),
        (OverloadedError("", status_code=529), True),
        (APITimeoutError("", phase="read", limit=1.0), True),
        (PoolTimeoutError("", phase="pool", limit=1.0), True),
        (InternalServerError("", status_code=500), False),
        (APIStatusError("", status_code=418), False),
        (BadRequestError("", status_code=400), False),
        (APIConnectionError(""), False),
        (ValueError(""), False),
    ],
    ids=lambda value: repr(value) if isinstance(value, Exception) else "",
)
def test_what_says_that_the_load_is_too_much(error: Exception, refusal: bool) -> None:
    assert is_refusal(error) is refusal
