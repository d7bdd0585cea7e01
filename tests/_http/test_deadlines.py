"""Limits of a call: which one ends a wait, and when."""

import math
from collections.abc import Callable
from typing import Any, get_args

import attrs
import pytest
import trio
from trio.testing import MockClock

from trio_groq._http.deadlines import Deadlines, Dialling, Timeouts, as_timeouts
from trio_groq.errors import APITimeoutError, ConfigurationError, Phase, PoolTimeoutError

ALL = Timeouts(
    connect=1.0,
    tls=0.5,
    pool=2.0,
    write=3.0,
    first_byte=3.5,
    read=4.0,
    first_token=50.0,
    total=100.0,
)


def never() -> str:
    raise AssertionError("asked for, though no limit has passed")


def test_the_documented_defaults() -> None:
    assert attrs.asdict(Timeouts()) == {
        "connect": 5.0,
        "tls": None,
        "pool": 60.0,
        "write": 60.0,
        "first_byte": None,
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
        ("tls", 10.0, 10.5),
        ("tls", 109.9, 110.0),
        ("first_byte", 10.0, 13.5),
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
        ("tls", 11.0, "tls", 0.5),
        ("tls", 60.0, "first_token", 50.0),
        ("first_byte", 14.0, "first_byte", 3.5),
        ("first_byte", 110.0, "total", 100.0),
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
    error = deadlines.error(phase, now, "7 bytes")
    assert type(error) is APITimeoutError
    assert (error.phase, error.limit) == (blamed, limit)
    assert str(error).startswith(f"{blamed} timeout: expected ")
    assert str(error).endswith(f" within {limit:g} s, got 7 bytes")


def test_every_limit_has_a_text_of_its_own() -> None:
    deadlines = Deadlines(attrs.evolve(ALL, first_token=None, total=None), 0.0)
    phases: list[Any] = [field.name for field in attrs.fields(Timeouts)]
    # What has no limit of its own is not told here.
    assert set(phases) == set(get_args(Phase)) - {"key", "rate_limit"}
    texts = {str(deadlines.error(phase, 0.0, "")).partition(": ")[2] for phase in phases}
    assert len({text.partition(" within ")[0] for text in texts}) == len(phases)


def test_the_pool_s_error_has_a_class_of_its_own() -> None:
    assert type(Deadlines(ALL, 10.0).error("pool", 12.0, "")) is PoolTimeoutError


async def test_within_a_limit(autojump_clock: MockClock) -> None:
    deadlines = Deadlines(ALL, trio.current_time())

    async def double(number: int) -> int:
        await trio.sleep(0.9)
        return number * 2

    assert await deadlines.within("connect", double, 4, received=never) == 8


async def test_beyond_a_limit(autojump_clock: MockClock) -> None:
    deadlines = Deadlines(ALL, trio.current_time())
    with pytest.raises(APITimeoutError) as caught:
        await deadlines.within("connect", trio.sleep, 1.1, received=lambda: "3 bytes")
    assert (caught.value.phase, trio.current_time()) == ("connect", 1.0)
    assert str(caught.value).endswith("within 1 s, got 3 bytes")


async def test_an_outer_cancellation_goes_through(autojump_clock: MockClock) -> None:
    deadlines = Deadlines(ALL, trio.current_time())
    with trio.move_on_after(0.5) as scope:
        await deadlines.within("connect", trio.sleep_forever, received=never)
    assert scope.cancelled_caught


async def test_an_error_of_the_function_stays_what_it_is(autojump_clock: MockClock) -> None:
    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise LookupError

    with pytest.raises(LookupError):
        await Deadlines(ALL, 0.0).within("connect", fail, received=never)


# -- a connection while it is made


def nothing() -> None:
    pass


async def once(step: Callable[[], None]) -> None:
    await trio.lowlevel.checkpoint()
    step()


async def thrice_then_silent(step: Callable[[], None]) -> None:
    for _ in range(3):
        step()
        await trio.sleep(0.1)
    await trio.sleep_forever()


async def test_how_far_a_connection_is() -> None:
    dialling = Dialling()
    assert dialling.received() == "0 bytes: no TCP connection to the host yet"
    dialling.connects("http://proxy.test:3128")
    assert dialling.received() == "0 bytes: no TCP connection to http://proxy.test:3128 yet"
    dialling.asks("http://proxy.test:3128")
    assert dialling.received() == "0 bytes of an answer of proxy http://proxy.test:3128"
    dialling.answered(30)
    dialling.answered(7)
    assert dialling.received() == "37 bytes of an answer of proxy http://proxy.test:3128"
    await dialling.secures("https://groq.test", nothing, once)
    assert dialling.received() == "0 bytes of a handshake with https://groq.test"


async def test_a_handshake_has_a_limit_of_its_own(autojump_clock: MockClock) -> None:
    dialling = Dialling(Deadlines(ALL, trio.current_time()))
    for _ in range(2):  # with a proxy, then with the origin: each has the whole limit
        started = trio.current_time()
        with pytest.raises(APITimeoutError) as caught:
            await dialling.secures("https://groq.test", nothing, thrice_then_silent)
        assert (caught.value.phase, caught.value.limit) == ("tls", 0.5)
        assert trio.current_time() - started == 0.5
        assert str(caught.value) == (
            "tls timeout: expected a TLS handshake within 0.5 s, "
            "got part of a handshake with https://groq.test: bytes came 2 times"
        )


@pytest.mark.parametrize("deadlines", [None, Deadlines(attrs.evolve(ALL, tls=None), 0.0)])
async def test_without_a_limit_of_its_own_a_handshake_may_last(
    autojump_clock: MockClock, deadlines: Deadlines | None
) -> None:
    dialling = Dialling(deadlines)
    with trio.move_on_after(1000) as scope:
        await dialling.secures("https://groq.test", nothing, thrice_then_silent)
    assert scope.cancelled_caught
