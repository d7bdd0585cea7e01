"""The number of calls in flight, found by trying: each step is exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_groq._api.adaptive import AGING, Adaptive, AdaptiveLimit, is_refusal
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


def play(machine: AdaptiveLimit, seconds: float = 1.0, *, in_flight: int | None = None) -> float:
    """One round, in which the limit is reached unless `in_flight` says otherwise."""
    calls = machine.limit
    eras = [
        machine.started(number if in_flight is None else in_flight)
        for number in range(1, calls + 1)
    ]
    for era in eras:
        machine.answered(era, seconds)
    return machine._level


def test_a_round_of_answers_adds_one() -> None:
    machine = limit(start=4)
    for number in range(1, 5):
        machine.started(number)
    for _ in range(3):
        machine.answered(0, 1.0)
        assert machine.limit == 4
    machine.answered(0, 1.0)
    assert machine.limit == 5
    assert [play(machine) for _ in range(3)] == [6, 7, 8]


def test_a_limit_that_is_not_reached_does_not_grow() -> None:
    machine = limit(start=4)
    assert [play(machine, in_flight=3) for _ in range(9)] == [4] * 9
    assert play(machine, in_flight=4) == 5


@pytest.mark.parametrize(
    ("seconds", "step"), [(10.0, 1.0), (12.5125, 0.75), (15.015, 0.5), (20.02, 0.0), (99.0, 0.0)]
)
def test_the_slower_a_round_the_less_it_adds(seconds: float, step: float) -> None:
    machine = limit(start=4, tolerance=2.0)
    play(machine, 10.0, in_flight=1)  # the lowest is 10, and 10.01 a round later
    assert play(machine, seconds) == pytest.approx(4 + step)


def test_the_mean_of_a_round_counts() -> None:
    machine = limit(start=4, tolerance=1.5)
    play(machine, 10.0)
    for number in range(1, 6):
        machine.started(number)
    for seconds in (2.0, 8.0, 10.0, 14.0, 16.0):
        machine.answered(0, seconds)
    assert machine._level == 6  # 10, and none of them is held against the next
    assert play(machine, 10.0) == 7


def test_at_no_time_at_all_latency_holds_or_does_not() -> None:
    machine = limit(start=1)
    assert play(machine, 0.0) == 2
    assert play(machine, 0.5) == 2


def test_what_was_once_the_lowest_is_forgotten() -> None:
    machine = limit(start=1)
    play(machine, 1.0)
    rounds = 1
    while play(machine, 2.5) == 2:
        rounds += 1
    # It adds again as soon as the lowest, risen by that much a round, is half of it.
    assert 2 * AGING ** (rounds - 1) <= 2.5 < 2 * AGING**rounds


def test_a_refusal_halves_once_for_all_that_were_in_flight() -> None:
    machine = limit(start=16)
    eras = [machine.started(number) for number in range(1, 17)]
    for era in eras:
        machine.refused(era)
    assert machine.limit == 8
    machine.refused(machine.started(1))
    assert machine.limit == 4


def test_what_started_before_a_refusal_adds_nothing_after_it() -> None:
    machine = limit(start=8)
    eras = [machine.started(number) for number in range(1, 9)]
    machine.refused(eras.pop())
    for era in eras:
        machine.answered(era, 1.0)
    assert machine._level == 4
    assert play(machine) == 5


def test_a_refusal_ends_the_round() -> None:
    machine = limit(start=8)
    eras = [machine.started(number) for number in range(1, 9)]
    for era in eras[:7]:
        machine.answered(era, 1.0)
    machine.refused(eras[7])
    machine.answered(machine.started(1), 1.0)
    assert machine._level == 4


def test_it_stays_within_its_bounds() -> None:
    machine = limit(start=3, minimum=2, maximum=4)
    assert [play(machine) for _ in range(3)] == [4, 4, 4]
    for _ in range(10):
        machine.refused(machine.started(1))
    assert machine.limit == 2


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.floats(0, 10), st.integers(1, 20))))
def test_whatever_comes_it_stays_within_its_bounds(
    steps: list[tuple[bool, int, float, int]],
) -> None:
    machine = limit(minimum=2, maximum=9)
    for answered, age, seconds, in_flight in steps:
        now, before = machine.started(in_flight), machine._level
        era = max(now - age, 0)
        if answered:
            machine.answered(era, seconds)
            assert before <= machine._level <= before + 1
        else:
            machine.refused(era)
            assert machine._level == (before if era < now else max(before / 2, 2))
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
