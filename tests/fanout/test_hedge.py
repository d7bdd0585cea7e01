"""`hedge`: a further attempt where the first token is late, within a budget."""

import gc
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from cancellation import assert_whole
from fanning import Meter, ask, client_for, keyed, since, texts
from trio_groq import ChatStream, GroqClient
from trio_groq.errors import (
    APIStatusError,
    BadRequestError,
    ConfigurationError,
    InternalServerError,
    InvalidRequestError,
    RateLimitError,
    StreamError,
)
from trio_groq.fanout import Attempts, HedgeBudget
from trio_groq.fanout import hedge as hedge_module
from trio_groq.fanout.hedge import hedge
from trio_groq.testing import FakeGroq, Reply

ANY_NUMBER = 100.0


def generous() -> HedgeBudget:
    return HedgeBudget(ANY_NUMBER, burst=ANY_NUMBER)


def calls_of(meter: Meter, *seconds: Any) -> Any:
    """Makes one call after the other; a duration with an error fails then."""
    script = iter(enumerate(seconds))

    def make() -> Any:
        number, each = next(script)
        after, error = each if isinstance(each, tuple) else (each, None)
        return meter.call(number, after, error)()

    return make


def hedged(make: Any, *, after: Any = 1.0, **options: Any) -> Attempts[Any]:
    return hedge(keyed()._caller, make, after=after, **{"budget": generous(), **options})


@pytest.mark.parametrize(
    ("seconds", "attempts", "winner", "at"),
    [
        ([0.5], 2, 0, 0.5),
        ([3.0, 9.0], 2, 0, 3.0),
        ([9.0, 1.0], 2, 1, 2.0),
        ([9.0, 9.0, 1.0], 3, 2, 3.0),
        ([9.0], 1, 0, 9.0),
    ],
)
async def test_the_first_to_succeed_is_kept(
    autojump_clock: Any, seconds: list[float], attempts: int, winner: int, at: float
) -> None:
    meter, started = Meter(), len(seconds)
    attempt = hedged(calls_of(meter, *seconds), attempts=attempts)
    assert await attempt == winner
    assert trio.current_time() == at
    assert (attempt.winner, attempt.started, attempt.model) == (winner, started, None)
    assert sorted(meter.cancelled) == [each for each in range(started) if each != winner]
    assert meter.running == 0


async def test_the_delay_may_come_from_a_function(autojump_clock: Any) -> None:
    delays = iter([2.0, 0.5])
    attempt = hedged(calls_of(Meter(), 9, 9, 1), after=lambda: next(delays), attempts=3)
    assert await attempt == 2
    assert trio.current_time() == 3.5
    unknown = hedged(calls_of(Meter(), 9, 1), after=lambda: None)
    assert await unknown == 0
    assert unknown.started == 1


async def test_what_the_function_raises_is_not_wrapped(autojump_clock: Any) -> None:
    def broken() -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await hedged(calls_of(Meter(), 9), after=broken)


REFUSED = RateLimitError("no", status_code=429)
WRONG = BadRequestError("wrong", status_code=400)


async def test_a_failure_is_no_lateness(autojump_clock: Any) -> None:
    attempt = hedged(calls_of(Meter(), (0.5, REFUSED), 1))
    with pytest.raises(RateLimitError):
        await attempt
    assert trio.current_time() == 0.5
    assert attempt.started == 1
    assert attempt.errors == {0: REFUSED}


async def test_while_another_is_under_way_a_failure_waits(autojump_clock: Any) -> None:
    attempt = hedged(calls_of(Meter(), (2, REFUSED), 4))
    assert await attempt == 1
    assert trio.current_time() == 5
    assert attempt.errors == {0: REFUSED}
    assert repr(attempt) == "<Attempts 2 started, 1 failed, 1 won>"


async def test_if_all_fail_the_last_error_tells_of_the_others(autojump_clock: Any) -> None:
    first, last = RateLimitError("no", status_code=429), BadRequestError("x", status_code=400)
    with pytest.raises(BadRequestError) as caught:
        await hedged(calls_of(Meter(), (3, last), (1, first)))
    assert caught.value is last
    assert last.__notes__ == ["attempt 1 failed before: RateLimitError: no"]


async def test_if_all_fail_all_are_raised_on_request(autojump_clock: Any) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        await hedged(calls_of(Meter(), (3, WRONG), (1, REFUSED)), on_error="group")
    assert caught.value.exceptions == (REFUSED, WRONG)


async def test_two_that_succeed_together(autojump_clock: Any) -> None:
    """The second has its answer when it is cancelled: it is closed."""
    closed = []
    go = trio.Event()

    class Closable:
        def __init__(self, number: int) -> None:
            self.number = number

        async def aclose(self) -> None:
            await trio.lowlevel.checkpoint()
            closed.append(self.number)

    async def make() -> Closable:
        number = len(made)
        made.append(number)
        await go.wait()
        return Closable(number)

    made: list[int] = []
    async with trio.open_nursery() as nursery:

        async def use() -> None:
            async with hedged(make) as kept:
                assert closed == [1 - kept.number]

        nursery.start_soon(use)
        await trio.sleep(2)
        go.set()
    assert sorted(closed) == [0, 1]


async def test_it_is_used_once() -> None:
    attempt = hedged(calls_of(Meter(), 0))
    async with attempt as value:
        assert value == 0
    with pytest.raises(RuntimeError, match="used once"):
        await attempt


async def test_arguments_are_checked() -> None:
    for options, path in (
        ({"make": 3}, "make"),
        ({"after": -1}, "after"),
        ({"after": "soon"}, "after"),
        ({"after": True}, "after"),
        ({"attempts": 0}, "attempts"),
        ({"attempts": True}, "attempts"),
        ({"on_error": "ignore"}, "on_error"),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            hedged(**{"make": calls_of(Meter(), 1), **options})
        assert caught.value.path == path
    with pytest.raises(InvalidRequestError, match="expected an awaitable or a stream, got int"):
        await hedged(lambda: 3)


# -- the budget


@given(st.lists(st.booleans(), max_size=300), st.sampled_from([0.0, 0.1, 0.25, 1.0]))
def test_a_share_of_the_calls_is_hedged(wanted: list[bool], share: float) -> None:
    budget = HedgeBudget(share, burst=3)
    for wants in wanted:
        budget.called()
        if wants:
            budget.try_hedge()
        assert budget.hedged <= share * budget.calls + 1
    assert budget.calls == len(wanted)
    assert budget.hedged + budget.denied == sum(wanted)


def test_where_all_are_late_it_is_exactly_the_share() -> None:
    budget = HedgeBudget(0.1)
    for _ in range(1000):
        budget.called()
        budget.try_hedge()
    assert budget.hedged == 101
    assert repr(budget) == "<HedgeBudget 0.1 a call: 1000 calls, 101 hedged, 899 denied>"


def test_quiet_times_save_up_no_more_than_the_burst() -> None:
    budget = HedgeBudget(0.5, burst=4)
    for _ in range(100):
        budget.called()
    assert [budget.try_hedge() for _ in range(5)] == [True] * 4 + [False]


@pytest.mark.parametrize(
    "options", [{"share": -1}, {"share": True}, {"burst": 0.5}, {"share": "x"}]
)
def test_a_budget_must_make_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="expected a number >= "):
        HedgeBudget(**options)


async def test_a_budget_is_shared(autojump_clock: Any) -> None:
    budget, meter = HedgeBudget(0.1), Meter()
    for _ in range(21):
        await hedged(calls_of(meter, 5, 9), budget=budget)
    assert (budget.calls, budget.hedged) == (21, 3)
    assert len(meter.started) == 24


async def test_by_default_all_views_of_a_client_share_one(autojump_clock: Any) -> None:
    client = keyed()
    for _ in range(11):
        view = client.with_options(timeout=3)
        await hedge(view._caller, calls_of(Meter(), 5, 9), after=1)
    budget = hedge_module._budgets[client.pool]
    assert (budget.calls, budget.hedged) == (11, 2)


# -- on the wire


def say(delay: float, text: str) -> Reply:
    """A token after so many seconds, and another one a second later."""
    return Reply(tokens=[text, " there"], first_token_delay=delay, token_interval=1.0)


def opening(client: GroqClient) -> Any:
    return lambda: client.chat.completions.stream(**ask("x"))


@pytest.mark.parametrize(
    ("first", "second", "word", "at"),
    [(0.5, 0.1, "first", 0.5), (9.0, 0.5, "second", 1.5), (2.0, 9.0, "first", 2.0)],
)
async def test_a_stream_is_kept_from_its_first_token(
    autojump_clock: Any, first: float, second: float, word: str, at: float
) -> None:
    async with FakeGroq() as server, client_for(server) as client:
        server.enqueue(say(first, "first"), say(second, "second"))
        start = trio.current_time()
        attempt: Attempts[ChatStream] = hedged(opening(client))
        async with attempt as stream:
            assert since(start, [trio.current_time()]) == [at]
            assert client.pool.statistics().leased == 1
            got = "".join([text async for text in stream.text_deltas()])
        assert got == f"{word} there"
        assert texts(stream.completion) == got
        assert assert_whole(client).open == 1


async def test_created_streams_and_whole_completions(autojump_clock: Any) -> None:
    async with FakeGroq() as server, client_for(server) as client:
        server.enqueue(say(9, "first"), say(1, "second"))
        create = client.chat.completions.create
        async with hedged(lambda: create(stream=True, **ask("x"))) as stream:
            assert texts(await stream.until_done()) == "second there"
        server.enqueue(say(9, "first"), say(1, "second"))
        assert texts(await hedged(lambda: create(**ask("x")))) == "second there"
        assert_whole(client)


async def test_left_early_the_stream_is_closed(autojump_clock: Any) -> None:
    async with FakeGroq() as server, client_for(server) as client:
        server.enqueue(say(9, "first"), say(1, "second"))
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 (the block raises)
            async with hedged(opening(client)) as stream:
                await anext(stream)
                raise ZeroDivisionError
        assert assert_whole(client).open == 0


async def test_awaited_the_stream_is_the_callers(autojump_clock: Any) -> None:
    async with FakeGroq() as server, client_for(server) as client:
        server.enqueue(say(1, "first"))
        stream = await hedged(opening(client))
        assert client.pool.statistics().leased == 1
        await stream.aclose()
        assert assert_whole(client).open == 0


async def test_a_stream_that_fails_before_its_first_token_has_lost(autojump_clock: Any) -> None:
    busy = {"message": "busy", "type": "server_error", "status_code": 500}
    dead = Reply(tokens=["x"], first_token_delay=3, error_event=busy, error_after=0)
    async with FakeGroq() as server, client_for(server) as client:
        server.enqueue(dead, say(5, "second"))
        attempt = hedged(opening(client))
        async with attempt as stream:
            assert texts(await stream.until_done()) == "second there"
        assert isinstance(attempt.errors[0], InternalServerError)
        server.enqueue(dead)
        with pytest.raises(APIStatusError):
            await hedged(opening(client), after=50)
        assert_whole(client)
        gc.collect()


async def test_a_failure_after_the_first_token_is_the_readers(autojump_clock: Any) -> None:
    busy = {"message": "busy", "type": "server_error", "status_code": 500}
    cut = Reply(tokens=["x", "y"], error_event=busy, error_after=1)
    async with FakeGroq() as server, client_for(server) as client:
        server.enqueue(cut)
        async with hedged(opening(client)) as stream:
            with pytest.raises(InternalServerError):
                await stream.until_done()
        assert_whole(client)


async def test_a_stream_of_no_words_is_an_answer(autojump_clock: Any) -> None:
    async with FakeGroq() as server, client_for(server) as client:
        server.enqueue(Reply(tokens=[], finish_reason="stop"))
        async with hedged(opening(client)) as stream:
            completion = await stream.until_done()
        assert completion.choices[0].finish_reason == "stop"
        assert_whole(client)


async def test_a_stream_cannot_be_used_twice(fake_groq: FakeGroq) -> None:
    async with client_for(fake_groq) as client:
        stream = client.chat.completions.stream(**ask("x"))
        fake_groq.enqueue(Reply.error(500, "no"))
        with pytest.raises(InternalServerError):
            await stream.open()
        with pytest.raises(StreamError, match="opened once"):
            await hedged(lambda: stream)
