"""Limits of a call: which one ends a wait, and when."""

import math
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_groq._http.deadlines import Deadlines, Timeouts, as_timeouts
from trio_groq.errors import APITimeoutError, ConfigurationError, PoolTimeoutError

ALL = Timeouts(connect=1.0, pool=2.0, write=3.0, read=4.0, first_token=50.0, total=100.0)


def test_the_documented_defaults() -> None:
    assert attrs.asdict(Timeouts()) == {
        "connect": 5.0,
        "pool": 60.0,
        "write": 60.0,
        "read": 60.0,
        "first_token": None,
        "total": None,
    }


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(Timeouts)])
@pytest.mark.parametrize("wrong", [0, -1, math.nan, math.inf, "5", True])
def test_limits_are_positive_numbers(name: str, wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name}: expected a number > 0 or None, got"):
        Timeouts(**{name: wrong})


def test_a_number_is_the_total() -> None:
    assert as_timeouts(7, ALL) == attrs.evolve(ALL, total=7)
    assert as_timeouts(None, ALL) == attrs.evolve(ALL, total=None)
    assert as_timeouts(Timeouts(), ALL) == Timeouts()
    with pytest.raises(ConfigurationError, match=r"^timeout: expected a number > 0"):
        as_timeouts(0, ALL)


@pytest.mark.parametrize(
    ("phase", "now", "ends"),
    [
        ("connect", 10.0, 11.0),
        ("pool", 10.0, 12.0),
        ("write", 10.0, 13.0),
        ("read", 10.0, 14.0),
        ("read", 108.0, 110.0),
        ("total", 10.0, 110.0),
        ("total", 60.0, 110.0),
    ],
)
def test_when_a_wait_ends(phase: Any, now: float, ends: float) -> None:
    assert Deadlines(ALL, 10.0).at(phase, now) == ends


def test_the_first_token_is_counted_from_the_start_and_then_no_more() -> None:
    deadlines = Deadlines(ALL, 10.0)
    assert deadlines.ends_at == 110.0
    deadlines.expect_first_token()
    assert deadlines.ends_at == 60.0
    assert deadlines.at("read", 59.0) == 60.0
    deadlines.first_token_came()
    assert deadlines.ends_at == 110.0


def test_without_limits_there_is_no_end() -> None:
    none = Timeouts(connect=None, pool=None, write=None, read=None)
    deadlines = Deadlines(none, 10.0)
    deadlines.expect_first_token()
    assert deadlines.ends_at == deadlines.at("read", 10.0) == math.inf


@pytest.mark.parametrize(
    ("phase", "now", "blamed", "limit"),
    [
        ("read", 14.0, "read", 4.0),
        ("connect", 11.0, "connect", 1.0),
        ("read", 60.0, "first_token", 50.0),
        ("pool", 60.0, "first_token", 50.0),
        ("read", 110.0, "total", 100.0),
        ("pool", 110.0, "total", 100.0),
    ],
)
def test_which_limit_is_blamed(phase: Any, now: float, blamed: str, limit: float) -> None:
    deadlines = Deadlines(ALL, 10.0)
    deadlines.expect_first_token()
    error = deadlines.error(phase, now)
    assert type(error) is APITimeoutError
    assert (error.phase, error.limit) == (blamed, limit)
    assert str(error).startswith("timeout: expected ")
    assert f"within {limit:g} s, got none" in str(error)


def test_the_pool_s_error_has_a_class_of_its_own() -> None:
    assert type(Deadlines(ALL, 10.0).error("pool", 12.0)) is PoolTimeoutError


async def test_within_a_limit(autojump_clock: MockClock) -> None:
    deadlines = Deadlines(ALL, trio.current_time())

    async def double(number: int) -> int:
        await trio.sleep(0.9)
        return number * 2

    assert await deadlines.within("connect", double, 4) == 8


async def test_beyond_a_limit(autojump_clock: MockClock) -> None:
    deadlines = Deadlines(ALL, trio.current_time())
    with pytest.raises(APITimeoutError) as caught:
        await deadlines.within("connect", trio.sleep, 1.1)
    assert (caught.value.phase, trio.current_time()) == ("connect", 1.0)


async def test_an_outer_cancellation_goes_through(autojump_clock: MockClock) -> None:
    deadlines = Deadlines(ALL, trio.current_time())
    with trio.move_on_after(0.5) as scope:
        await deadlines.within("connect", trio.sleep_forever)
    assert scope.cancelled_caught


async def test_an_error_of_the_function_stays_what_it_is(autojump_clock: MockClock) -> None:
    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise LookupError

    with pytest.raises(LookupError):
        await Deadlines(ALL, 0.0).within("connect", fail)
