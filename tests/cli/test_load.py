"""Load: the moments of starts, and what is measured from them."""

from functools import partial

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from trio_groq import GroqClient
from trio_groq.cli._load import Meter, Plan, Samples, Tally, ask_model, run_load, starts
from trio_groq.errors import APIConnectionError, APITimeoutError, RateLimitError
from trio_groq.testing import FakeGroq, Reply


def test_the_moments_of_starts() -> None:
    assert list(starts(4.0, 3, None)) == [0.0, 0.25, 0.5]
    assert list(starts(4.0, None, 1.0)) == [0.0, 0.25, 0.5, 0.75]
    assert list(starts(4.0, 2, 1.0)) == [0.0, 0.25]
    assert list(starts(4.0, 9, 0.3)) == [0.0, 0.25]


@given(rate=st.floats(0.001, 1000), count=st.integers(0, 2000))
def test_starts_do_not_drift(rate: float, count: int) -> None:
    moments = list(starts(rate, count, None))
    assert len(moments) == count
    assert all(moment == number / rate for number, moment in enumerate(moments))


def test_samples_are_bounded() -> None:
    samples = Samples(limit=4)
    assert samples.percentile(50) is None
    samples.add(1.0)
    samples.add(3.0, 2)
    assert (samples.percentile(50), samples.percentile(1), samples.seen) == (3.0, 1.0, 3)
    samples.add(9.0, 5)
    samples.add(9.0)
    assert samples.seen == 9
    assert samples.percentile(75) == 3.0  # the fourth, 9.0, is the last that was kept
    assert samples.percentile(100) == 9.0


def test_what_one_request_measures() -> None:
    tally = Tally()
    meter = tally.begin(10.0, 10.5)
    meter.tokens(0, 11.0)
    meter.tokens(2, 12.0)
    meter.tokens(0, 12.5)
    meter.tokens(1, 13.0)
    meter.answered(14.0, 30)
    # From the moment that was set, not from the one at which it began.
    assert tally.first_tokens.percentile(50) == 2.0
    assert tally.totals.percentile(50) == 4.0
    assert [tally.gaps.percentile(percent) for percent in (50, 100)] == [0.0, 1.0]
    assert (tally.gaps.seen, tally.tokens, tally.answered) == (2, 30, 1)
    assert (tally.late, tally.latest, tally.seconds) == (1, 0.5, 4.0)


def test_tokens_are_counted_where_the_api_does_not() -> None:
    tally = Tally()
    meter = tally.begin(0.0, 0.0)
    meter.tokens(3, 1.0)
    meter.answered(1.0, None)
    assert tally.tokens == 3


def test_what_counts_as_late() -> None:
    tally = Tally()
    tally.begin(0.0, 0.01)
    assert tally.late == 0
    tally.begin(0.0, 0.0101)
    assert (tally.late, tally.started) == (1, 2)


def test_failures_by_kind() -> None:
    tally = Tally()
    assert tally.seconds == 0.0
    for error in (
        RateLimitError("wait", status_code=429),
        RateLimitError("wait", status_code=429),
        APITimeoutError("slow", phase="total", limit=1.0),
        APIConnectionError("gone"),
    ):
        tally.begin(0.0, 0.0).failed(error, 3.0)
    assert tally.errors == {
        "RateLimitError 429": 2,
        "APITimeoutError total": 1,
        "APIConnectionError": 1,
    }
    assert (tally.limited, tally.answered, tally.seconds) == (2, 0, 3.0)


async def answer_after(seconds: float, meter: Meter) -> None:
    await trio.sleep(seconds)
    meter.answered(trio.current_time(), 1)


async def test_an_open_loop_does_not_wait_for_answers(autojump_clock: MockClock) -> None:
    tally = Tally()
    await run_load(partial(answer_after, 10.0), Plan(rate=2.0, count=5), tally)
    assert trio.current_time() == 12.0  # the last starts at 2 s
    assert (tally.started, tally.late) == (5, 0)
    assert tally.totals.percentile(100) == pytest.approx(10.0)


async def test_what_had_no_place_is_measured_from_its_moment(autojump_clock: MockClock) -> None:
    """A slow answer in a place of its own: all that come after it are late, and count as slow."""
    tally = Tally()
    plan = Plan(rate=1.0, count=4, max_in_flight=1)
    await run_load(partial(answer_after, 3.0), plan, tally)
    assert trio.current_time() == 12.0
    assert [tally.totals.percentile(percent) for percent in (25, 50, 75, 100)] == pytest.approx(
        [3.0, 5.0, 7.0, 9.0]
    )
    assert tally.late == 3
    assert tally.latest == pytest.approx(6.0)


async def test_a_duration_ends_the_starts_not_the_answers(autojump_clock: MockClock) -> None:
    tally = Tally()
    await run_load(partial(answer_after, 5.0), Plan(rate=2.0, duration=1.5), tally)
    assert (tally.started, tally.answered) == (3, 3)
    assert trio.current_time() == 6.0


async def test_a_closed_loop_has_so_many_at_a_time(autojump_clock: MockClock) -> None:
    tally = Tally()
    await run_load(partial(answer_after, 2.0), Plan(concurrency=3, count=7), tally)
    assert (tally.started, tally.answered, tally.late) == (7, 7, 0)
    assert trio.current_time() == 6.0


async def test_a_closed_loop_for_a_time(autojump_clock: MockClock) -> None:
    tally = Tally()
    await run_load(partial(answer_after, 2.0), Plan(concurrency=2, duration=5.0), tally)
    assert (tally.started, trio.current_time()) == (6, 6.0)


async def test_cancelled_it_keeps_what_was_measured(autojump_clock: MockClock) -> None:
    tally = Tally()
    with trio.move_on_after(4.5):
        await run_load(partial(answer_after, 2.0), Plan(rate=1.0, count=100), tally)
    assert (tally.started, tally.answered) == (5, 3)


async def ask(server: FakeGroq, plan: Plan) -> Tally:
    tally = Tally()
    async with GroqClient("gsk_test", base_url=server.url, max_retries=0) as client:
        await run_load(partial(ask_model, client, plan), plan, tally)
    return tally


async def test_a_stream(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    words = ["One", " two", " three"]
    fake_groq.enqueue(
        Reply(tokens=words, reasoning="So", first_token_delay=0.5, token_interval=0.25)
    )
    tally = await ask(fake_groq, Plan(rate=1.0, count=1))
    assert tally.first_tokens.percentile(50) == pytest.approx(0.5)
    assert tally.gaps.percentile(100) == pytest.approx(0.25)
    assert (tally.answered, tally.gaps.seen) == (1, 3)
    assert tally.tokens > 0
    assert fake_groq.requests[0].params["max_completion_tokens"] == 64


async def test_an_answer_in_one_piece(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    fake_groq.enqueue(Reply(content="One two", first_token_delay=0.5))
    tally = await ask(fake_groq, Plan(rate=1.0, count=1, stream=False))
    assert tally.totals.percentile(50) == pytest.approx(0.5)
    assert (tally.answered, tally.first_tokens.seen) == (1, 0)


async def test_an_answer_without_usage(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(tokens=["One", " two"], usage_in="none"))
    tally = await ask(fake_groq, Plan(count=1))
    assert tally.tokens == 2


async def test_refusals_are_counted_and_not_repeated(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "wait"), Reply.error(500, "down"))
    tally = await ask(fake_groq, Plan(count=3))
    assert tally.errors == {"RateLimitError 429": 1, "InternalServerError 500": 1}
    assert (tally.started, tally.answered, tally.limited) == (3, 1, 1)
