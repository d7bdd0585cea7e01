"""`map`: order, bounds and errors, at exact virtual times."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from fanning import Meter, ask, client_for, keyed, mapped, prompt_of, texts
from trio_groq.errors import GroqError, InvalidRequestError, RateLimitError
from trio_groq.testing import FakeGroq, Reply

BROKEN = RateLimitError("no", status_code=429)


async def collect(outcomes: Any, seen: list[int]) -> None:
    """The indices of all outcomes up to an error."""
    async with outcomes:
        async for outcome in outcomes:
            seen.append(outcome.index)  # noqa: PERF401 (those before an error stay)


async def taken(outcomes: Any) -> list[Any]:
    return [outcome.index async for outcome in outcomes]


@pytest.mark.parametrize(
    ("order", "indices"), [("completion", [1, 2, 0, 3]), ("input", [0, 1, 2, 3])]
)
async def test_order(autojump_clock: Any, order: str, indices: list[int]) -> None:
    meter = Meter()
    async with mapped(keyed(), meter.calls(3, 1, 1, 3), order=order) as outcomes:
        assert await taken(outcomes) == indices
    assert trio.current_time() == 5
    assert meter.most == 2


async def test_outcomes_come_when_they_are_there(autojump_clock: Any) -> None:
    meter, came = Meter(), {}
    async with mapped(keyed(), meter.calls(3, 1, 1), max_in_flight=3) as outcomes:
        async for outcome in outcomes:
            came[outcome.index] = trio.current_time()
    assert came == {1: 1, 2: 1, 0: 3}


async def test_requests_are_pulled_when_they_can_be_started(autojump_clock: Any) -> None:
    meter = Meter()
    pulled = 0

    def endless() -> Iterator[Any]:
        nonlocal pulled
        while True:
            pulled += 1
            yield meter.call(pulled - 1, 1)

    async with mapped(keyed(), endless(), max_in_flight=3) as outcomes:
        assert pulled == 0
        await wait_all_tasks_blocked()
        assert pulled == meter.running == 3
        await trio.sleep(100)  # nobody takes: three are done, and three have no room
        assert pulled == 6
        assert meter.running == 0
        await anext(outcomes)
        await wait_all_tasks_blocked()
        assert pulled == 7
    assert meter.running == 0
    assert meter.most == 3
    assert pulled == 7


async def test_in_order_a_slow_first_one_holds_back_starts(autojump_clock: Any) -> None:
    meter = Meter()
    calls = meter.calls(50, *[1] * 20)
    async with mapped(keyed(), calls, max_in_flight=3, order="input") as outcomes:
        await trio.sleep(40)
        assert (len(meter.started), meter.running) == (6, 1)
        assert await taken(outcomes) == list(range(21))


async def test_async_requests(autojump_clock: Any) -> None:
    meter = Meter()

    async def every_second() -> AsyncIterator[Callable[[], Any]]:
        for number in range(3):
            await trio.sleep(1)
            yield meter.call(number, 5)

    async with mapped(keyed(), every_second()) as outcomes:
        times = [(outcome.unwrap(), trio.current_time()) async for outcome in outcomes]
    assert times == [(0, 6), (1, 7), (2, 12)]  # the third was pulled at 6, and takes a second


async def test_no_requests() -> None:
    async with mapped(keyed(), []) as outcomes:
        assert await taken(outcomes) == []
        assert await taken(outcomes) == []


async def test_several_tasks_share_the_outcomes(autojump_clock: Any) -> None:
    meter, seen = Meter(), list[tuple[str, int]]()

    async def take(name: str, outcomes: Any) -> None:
        async for outcome in outcomes:
            seen.append((name, outcome.index))
            await trio.sleep(2)

    async with mapped(keyed(), meter.calls(*[1] * 6)) as outcomes, trio.open_nursery() as nursery:
        nursery.start_soon(take, "a", outcomes)
        nursery.start_soon(take, "b", outcomes)
    assert sorted(index for _, index in seen) == list(range(6))
    assert {name for name, _ in seen} == {"a", "b"}


# -- errors


async def test_a_failure_is_an_outcome_and_disturbs_nobody(autojump_clock: Any) -> None:
    meter = Meter()
    calls = [meter.call(0, 1, BROKEN), meter.call(1, 2), meter.call(2, 1, KeyError("x"))]
    async with mapped(keyed(), calls) as outcomes:
        got = {outcome.index: outcome async for outcome in outcomes}
    assert [got[index].ok for index in range(3)] == [False, True, False]
    assert got[0].error is BROKEN
    assert isinstance(got[2].error, KeyError)
    with pytest.raises(RateLimitError):
        got[0].unwrap()
    assert meter.cancelled == []


async def test_the_first_error_is_raised_and_cancels_the_rest(autojump_clock: Any) -> None:
    meter = Meter()
    calls = [meter.call(0, 1), meter.call(1, 2, BROKEN), *meter.calls(9, 9, 9)]
    seen: list[int] = []
    with pytest.raises(RateLimitError) as caught:
        await collect(mapped(keyed(), calls, max_in_flight=3, on_error="raise"), seen)
    assert caught.value is BROKEN
    assert trio.current_time() == 2
    assert seen == [0]
    assert meter.running == 0
    assert len(meter.cancelled) == 2


async def test_outcomes_before_the_error_are_handed_out(autojump_clock: Any) -> None:
    meter = Meter()
    calls = [meter.call(0, 1), meter.call(1, 2, BROKEN)]
    async with mapped(keyed(), calls, on_error="raise") as outcomes:
        await trio.sleep(5)
        assert (await anext(outcomes)).index == 0
        for _ in range(2):
            with pytest.raises(RateLimitError):
                await anext(outcomes)


@pytest.mark.parametrize("order", ["completion", "input"])
async def test_all_errors_in_a_group_on_request(autojump_clock: Any, order: Any) -> None:
    meter = Meter()
    second = KeyError("second")
    calls = [meter.call(0, 1, BROKEN), meter.call(1, 3, second), meter.call(2, 2), *meter.calls(1)]
    seen: list[int] = []
    outcomes = mapped(keyed(), calls, max_in_flight=3, order=order, on_error="group")
    with pytest.raises(ExceptionGroup) as caught:
        await collect(outcomes, seen)
    assert caught.value.exceptions == (BROKEN, second)
    assert caught.value.message == "map: 2 of 3 failed"
    assert seen == [2]
    assert trio.current_time() == 3
    assert meter.cancelled == []


async def test_a_broken_generator_is_raised_as_it_is(autojump_clock: Any) -> None:
    meter = Meter()

    def breaks() -> Iterator[Any]:
        yield meter.call(0, 9)
        yield meter.call(1, 1)
        raise ZeroDivisionError

    seen: list[int] = []
    with pytest.raises(ZeroDivisionError):
        await collect(mapped(keyed(), breaks()), seen)
    assert seen == [1]
    assert meter.cancelled == [0]


async def test_what_a_block_raises_is_not_wrapped(autojump_clock: Any) -> None:
    meter = Meter()
    with pytest.raises(GroqError) as caught:  # noqa: PT012 (the block raises)
        async with mapped(keyed(), meter.calls(1, 9, 9)) as outcomes:
            await anext(outcomes)
            raise GroqError("mine")
    assert str(caught.value) == "mine"
    assert meter.running == 0


class Interrupt(BaseException):
    """What no task may keep."""


@pytest.mark.parametrize("times", [1, 2])
async def test_what_is_no_exception_ends_all(autojump_clock: Any, times: int) -> None:
    meter = Meter()
    go = trio.Event()

    async def breaking() -> None:
        await go.wait()
        raise Interrupt

    expected = Interrupt if times == 1 else BaseExceptionGroup
    with pytest.raises(expected):  # noqa: PT012 (the block raises)
        async with mapped(
            keyed(), [meter.call(0, 9), *[breaking] * times], max_in_flight=3
        ) as outcomes:
            await wait_all_tasks_blocked()
            go.set()
            await taken(outcomes)
    assert meter.cancelled == [0]


async def test_an_outer_cancellation_comes_out_as_one(autojump_clock: Any) -> None:
    meter = Meter()
    with trio.move_on_after(3) as scope:
        with pytest.raises(trio.Cancelled) as caught:
            async with mapped(keyed(), meter.calls(9, 9)) as outcomes:
                await taken(outcomes)
        raise caught.value
    assert scope.cancelled_caught
    assert sorted(meter.cancelled) == [0, 1]


async def test_cancelled_on_its_way_out_it_raises_no_group(autojump_clock: Any) -> None:
    meter = Meter()
    with trio.CancelScope() as scope:
        with pytest.raises(trio.Cancelled) as caught:  # noqa: PT012 (the block is cancelled)
            async with mapped(keyed(), meter.calls(9, 9)):
                await wait_all_tasks_blocked()
                scope.cancel()
        raise caught.value
    assert scope.cancelled_caught
    assert sorted(meter.cancelled) == [0, 1]


async def test_an_error_of_the_block_outlives_a_cancellation(autojump_clock: Any) -> None:
    with trio.CancelScope() as scope, pytest.raises(KeyError):  # noqa: PT012 (the block raises)
        async with mapped(keyed(), Meter().calls(9, 9)):
            await wait_all_tasks_blocked()
            scope.cancel()
            raise KeyError


# -- misuse


async def test_it_is_used_in_its_block_and_once() -> None:
    outcomes = mapped(keyed(), [])
    with pytest.raises(RuntimeError, match="inside its block, got it new"):
        await anext(outcomes)
    async with outcomes:
        assert "open: 0 started, 0 of 2 in flight, 0 not taken" in repr(outcomes)
    with pytest.raises(RuntimeError, match="inside its block, got it closed"):
        await anext(outcomes)
    with pytest.raises(RuntimeError, match="entered once"):
        await outcomes.__aenter__()


async def test_whoever_waits_at_its_end_is_told(autojump_clock: Any) -> None:
    refused = []

    async def take(outcomes: Any) -> None:
        with pytest.raises(RuntimeError, match="got it closed"):
            await anext(outcomes)
        refused.append(True)

    async with trio.open_nursery() as nursery, mapped(keyed(), Meter().calls(9)) as outcomes:
        nursery.start_soon(take, outcomes)
        await wait_all_tasks_blocked()
    assert refused == [True]


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"max_in_flight": 0}, "max_in_flight"),
        ({"max_in_flight": True}, "max_in_flight"),
        ({"max_in_flight": "many"}, "max_in_flight"),
        ({"order": "random"}, "order"),
        ({"on_error": "ignore"}, "on_error"),
        ({"requests": {"model": "m"}}, "requests"),
        ({"requests": "text"}, "requests"),
        ({"requests": 3}, "requests"),
    ],
)
async def test_arguments_are_checked(options: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        mapped(keyed(), **{"requests": [], **options})
    assert caught.value.path == path


@pytest.mark.parametrize("stream", [False, True])
async def test_requests_are_checked_one_by_one(stream: bool) -> None:
    wrong: list[Any] = [
        7,
        {**ask("x"), "stream": True},
        {**ask("x"), "temperature": 9},
        {**ask("x"), "max_retires": 1},
    ]
    async with mapped(keyed(), wrong, stream=stream, order="input") as outcomes:
        errors = [str(outcome.error) async for outcome in outcomes]
    assert errors == [
        "request: expected a mapping of parameters or a function, got int",
        "stream: expected to be told for all requests at once, got it in one of them",
        "temperature: expected a number <= 2.0, got 9",
        errors[3],
    ]
    assert "max_retires" in errors[3]


# -- on the wire


async def test_completions(fake_groq: FakeGroq) -> None:
    prompts = [f"number {number}" for number in range(20)]
    requests = [ask(prompt) for prompt in prompts]
    async with client_for(fake_groq) as client:
        async with mapped(client, iter(requests), max_in_flight=4, order="input") as outcomes:
            got = [outcome async for outcome in outcomes]
        assert client.pool.statistics().leased == 0
    assert [texts(outcome.unwrap()) for outcome in got] == [f"You said: {each}" for each in prompts]
    assert [outcome.request for outcome in got] == requests
    assert sorted(map(prompt_of, fake_groq.requests)) == sorted(prompts)
    assert fake_groq.connections_opened <= 4
    assert all(outcome.meta is not None and outcome.meta.status == 200 for outcome in got)


async def test_a_request_has_options_of_its_own(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.error(500, "once"), Reply(content="then"))
    request = {**ask("x"), "max_retries": 1, "extra_headers": {"X-Mine": "1"}}
    async with client_for(fake_groq) as client, mapped(client, [request]) as outcomes:
        outcome = await anext(outcomes)
    assert texts(outcome.unwrap()) == "then"
    assert outcome.meta is not None
    assert outcome.meta.attempts == 2
    assert dict(fake_groq.requests[-1].headers)[b"x-mine"] == b"1"


async def test_errors_of_the_api_are_outcomes(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.error(429, "slow down", retry_after=3))
    async with client_for(fake_groq) as client, mapped(client, [ask("x")]) as outcomes:
        outcome = await anext(outcomes)
    assert isinstance(outcome.error, RateLimitError)
    assert outcome.error.retry_after == 3
    assert outcome.meta is None
