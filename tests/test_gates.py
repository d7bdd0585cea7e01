"""Waiting for a circuit, a rate gate and a budget, at exact times on the virtual clock."""

import gc
import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
import trio
import trio.testing

from limited_servers import FixedWindow, RateLimiter, TokenBucket, ceiled
from trio_groq._api.circuit import CircuitBreakerPolicy
from trio_groq._api.rate_limit_policy import RateLimitPolicy
from trio_groq._circuits import MAX_ORIGINS
from trio_groq._gates import Gates, Permit
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.messages import Origin
from trio_groq.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    CircuitOpenError,
    PoolTimeoutError,
    RateLimitError,
    RateLimits,
    RateLimitWindow,
)

HERE = Origin("https", "api.groq.com", 443)
M = "llama-3.1-8b-instant"
BROKEN = APIConnectionError("lost")
HEADERS = {
    "x-ratelimit-limit-tokens": "6000",
    "x-ratelimit-remaining-tokens": "100",
    "x-ratelimit-reset-tokens": "59s",
}
STATED = RateLimits(tokens=RateLimitWindow(limit=6000, remaining=100, reset_after=59.0))


def limited(wait: float) -> RateLimitError:
    return RateLimitError("429", status_code=429, retry_after=wait)


def deadlines(total: float | None = None) -> Deadlines:
    return Deadlines(Timeouts(total=total), trio.current_time())


async def enter(
    gates: Gates,
    *,
    place: int | None = None,
    cost: int = 1,
    total: float | None = None,
    model: str = M,
) -> Permit:
    """As a call does it: at once if it may, else with a wait."""
    place = gates.new_place() if place is None else place
    permit = gates.try_enter(HERE, model, cost, place)
    return permit or await gates.enter(HERE, model, cost, place, deadlines(total))


def at_once(gates: Gates, cost: int = 1) -> Permit:
    permit = gates.try_enter(HERE, M, cost, gates.new_place())
    assert permit is not None
    return permit


def closed_for(wait: float) -> Gates:
    """A gate whose twenty calls in the last tenth of a second were granted, and one refused."""
    gates = Gates()
    permits = [at_once(gates) for _ in range(21)]
    for permit in permits[:20]:
        permit.succeeded({})
    assert permits[20].failed(limited(wait))
    return gates


def broken(**policy: Any) -> Gates:
    """Gates with a circuit that has just opened, for ten seconds."""
    breaker = CircuitBreakerPolicy(failure_threshold=2, open_for=10, **policy)
    gates = Gates(circuit_breaker=breaker)
    for _ in range(2):
        assert not at_once(gates).failed(BROKEN)
    assert gates.statistics().circuits == {"https://api.groq.com": "open"}
    return gates


class Queue:
    """Calls that enter as tasks, and when each was let in."""

    def __init__(self, gates: Gates) -> None:
        self.gates = gates
        self.entered: list[tuple[int, float]] = []

    async def call(self, number: int, cost: int = 1) -> None:
        permit = await enter(self.gates, place=number, cost=cost)
        self.entered.append((number, round(trio.current_time(), 6)))
        permit.succeeded({})


# -- without any policy


async def test_nothing_waits_when_all_is_off() -> None:
    gates = Gates()
    for _ in range(100):
        at_once(gates).succeeded(HEADERS)
    assert not at_once(gates).failed(BROKEN)
    at_once(gates).cancelled()
    seen = gates.book.get(M, trio.current_time())
    assert seen is not None
    assert seen.tokens == STATED.tokens
    assert gates.statistics().waiting == 0
    assert gates.statistics().circuits == {}


async def test_the_usual_way_in_is_a_handful_of_calls() -> None:
    gates = Gates()
    at_once(gates).succeeded({})
    calls = 0

    def profile(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"

    place = gates.new_place()
    gc.disable()
    sys.setprofile(profile)
    try:
        permit = gates.try_enter(HERE, M, 1, place)
    finally:
        sys.setprofile(None)
        gc.enable()
    assert permit is not None
    assert calls <= 20  # five of them ask for the time


# -- the rate gate


async def test_after_a_429_all_wait_for_the_moment_and_go_in_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = closed_for(2.0)  # twenty in two seconds: ten a second
    queue = Queue(gates)
    async with trio.open_nursery() as nursery:
        for number in (3, 1, 4, 2):
            nursery.start_soon(queue.call, number)
            await trio.testing.wait_all_tasks_blocked()
        assert gates.statistics().waiting == 4
        assert gates.statistics().rate_limit_waits == 4
    assert [number for number, _ in queue.entered] == [1, 2, 3, 4]
    assert [at for _, at in queue.entered] == pytest.approx([2.0, 2.1, 2.2, 2.3], abs=1e-4)
    now = gates.statistics()
    assert now.waiting == 0
    assert now.rate_limit_seconds == pytest.approx(2.0 + 2.1 + 2.2 + 2.3)
    assert now.rates == {M: pytest.approx(10, rel=0.01)}
    assert gates.try_enter(HERE, "another", 1, 99) is not None


async def test_where_the_server_names_no_moment_the_policys_wait_counts(
    mock_clock: trio.testing.MockClock,
) -> None:
    gates = Gates()
    first, second, third = at_once(gates), at_once(gates), at_once(gates)
    first.failed(RateLimitError("429", status_code=429), 0.375)
    assert gates._rate.opens_at(M) == pytest.approx(trio.current_time() + 0.375)
    second.failed(RateLimitError("429", status_code=429))
    assert gates._rate.opens_at(M) == pytest.approx(trio.current_time() + 1.0)
    third.failed(limited(5.0), 0.375)
    assert gates._rate.opens_at(M) == pytest.approx(trio.current_time() + 5.0)


async def test_one_that_goes_away_gives_its_turn_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    queue = Queue(closed_for(2.0))
    async with trio.open_nursery() as nursery:
        with trio.CancelScope() as scope:
            nursery.start_soon(queue.call, 2)
            nursery.start_soon(queue.call, 3)
            await trio.testing.wait_all_tasks_blocked()
            nursery.start_soon(_cancel_at, scope, 1.0)
            await queue.call(1)
        assert scope.cancelled_caught
        assert trio.current_time() == 1.0
    assert queue.entered == [(2, 2.0), (3, 2.1)]
    assert queue.gates.statistics().waiting == 0


async def _cancel_at(scope: trio.CancelScope, moment: float) -> None:
    await trio.sleep_until(moment)
    scope.cancel()


async def test_a_wait_that_cannot_end_in_time_is_not_begun(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = closed_for(30.0)
    with pytest.raises(APITimeoutError) as caught:
        await enter(gates, total=30.0)
    assert trio.current_time() == 0.0
    assert (caught.value.phase, caught.value.limit) == ("rate_limit", 30.0)
    assert str(caught.value) == (
        f"rate limit: expected a turn for {M} within 30 s (the call's own limits), got 30 s to go"
    )
    assert caught.value.retry_after == 30.0
    (note,) = caught.value.__notes__
    assert note == (
        "Nothing was sent. The server said that the model's limit resets in 30 s: call again then, "
        "or allow a longer wait."
    )
    with trio.move_on_after(10) as scope, pytest.raises(APITimeoutError, match="the caller's dead"):
        await enter(gates)
    assert not scope.cancelled_caught
    assert trio.current_time() == 0.0
    assert gates.statistics().given_up == 2
    assert (await enter(gates, total=31.0)).model == M
    assert trio.current_time() == 30.0


async def test_the_longest_wait_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    assert (await enter(closed_for(60.0))).model == M
    assert trio.current_time() == 60.0
    gates = Gates(max_wait=300.0)
    at_once(gates).failed(limited(300.0))
    await enter(gates)
    assert trio.current_time() == 360.0


async def test_hours_are_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    gates = closed_for(7200.0)
    await trio.sleep(2)
    with pytest.raises(APITimeoutError, match=r"within 60 s \(max_wait\), got 7198 s") as caught:
        await enter(gates)
    assert trio.current_time() == 2.0
    assert caught.value.retry_after == 7198.0
    (note,) = caught.value.__notes__
    assert note.startswith(
        "Nothing was sent. The server said that the model's limit resets in 7198"
    )


async def test_of_a_wait_that_the_server_did_not_name_it_says_nothing(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = Gates(max_wait=0.5)
    at_once(gates).failed(RateLimitError("429", status_code=429))
    with pytest.raises(APITimeoutError, match=r"got 1 s to go") as caught:
        await enter(gates)
    assert caught.value.retry_after is None
    assert caught.value.__notes__ == [
        "Nothing was sent. Send less at once, or allow a longer wait."
    ]


async def test_calls_that_are_for_no_model_have_the_services_limit(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = Gates()
    permit = gates.try_enter(HERE, "", 1, 1)
    assert permit is not None
    permit.failed(limited(100.0))
    with pytest.raises(APITimeoutError, match="a turn for the call within") as caught:
        await enter(gates, model="")
    assert "the service's limit resets in 100 s" in caught.value.__notes__[0]


async def test_a_call_may_accept_a_longer_wait_than_others_or_a_shorter_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    for policy in (None, RateLimitPolicy(max_wait=60.0, cold_start=None)):
        start = trio.current_time()
        gates = Gates(rate_limit=policy, max_wait=60.0)
        at_once(gates).failed(limited(200.0))
        for theirs in (None, 60.0, 199.0):
            with pytest.raises(APITimeoutError):
                await gates.enter(HERE, M, 1, 2, deadlines(), max_retry_after=theirs)
        assert trio.current_time() == start
        permit = await gates.enter(HERE, M, 1, 3, deadlines(), max_retry_after=300.0)
        assert trio.current_time() == start + 200.0
        permit.failed(limited(50.0))
        with pytest.raises(APITimeoutError, match="within 10 s"):
            await gates.enter(HERE, M, 1, 4, deadlines(), max_retry_after=10.0)


async def test_a_wait_that_was_accepted_holds_however_long_it_is(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = Gates()
    at_once(gates).failed(limited(3600.0), 3600.0)
    await gates.enter(HERE, M, 1, 2, deadlines(), max_retry_after=7200.0)
    assert trio.current_time() == 3600.0


async def test_where_refusals_hold_nobody_back_each_is_by_itself(
    mock_clock: trio.testing.MockClock,
) -> None:
    gates = Gates(rate_limit=RateLimitPolicy(reactive=False, cold_start=2))
    first, second = at_once(gates), at_once(gates)
    assert not first.failed(limited(30.0))
    assert not second.failed(limited(30.0), 30.0)
    at_once(gates).succeeded({})
    for _ in range(3):
        at_once(gates)  # what was refused proved nothing, what was granted half a call
    assert gates.try_enter(HERE, M, 1, 99) is None
    assert gates.statistics().rates == {}


async def test_another_key_has_other_limits_and_the_same_circuits(
    autojump_clock: trio.testing.MockClock,
) -> None:
    breaker = CircuitBreakerPolicy(failure_threshold=2, open_for=10, on_open="wait")
    gates = Gates(breaker, RateLimitPolicy(requests_per_minute=1))
    other = gates.for_another_key()
    assert [gates.new_place(), other.new_place(), gates.new_place()] == [1, 2, 3]
    assert not at_once(gates).failed(BROKEN)
    assert gates.try_enter(HERE, M, 1, 9) is None  # its budget is spent, and the other's is not
    assert not at_once(other).failed(BROKEN)
    assert gates.statistics().circuits == other.statistics().circuits
    assert other.statistics().circuits == {"https://api.groq.com": "open"}
    queue = Queue(other)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.call, 5)
    assert queue.entered == [(5, 60.0)]
    assert (await gates.enter(HERE, "b", 1, 7, deadlines())).model == "b"
    assert gates.for_another_key().circuits is gates.circuits


async def test_whoever_does_not_wait_is_told_what_holds_it(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = Gates(CircuitBreakerPolicy(failure_threshold=1, open_for=10))
    lost, refused = at_once(gates), at_once(gates)
    refused.failed(limited(100.0))
    error = gates.hindrance(HERE, M)
    assert isinstance(error, APITimeoutError)
    assert (error.phase, error.limit, error.retry_after) == ("rate_limit", 0.0, 100.0)
    assert str(error) == f"rate limit: expected a turn for {M} at once, got 100 s to go"
    lost.failed(BROKEN)
    await trio.sleep(4)
    error = gates.hindrance(HERE, M)
    assert isinstance(error, CircuitOpenError)
    assert error.retry_at == 10.0


async def test_those_who_wait_already_are_told_when_the_moment_moves_too_far(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = Gates()
    first, second = at_once(gates), at_once(gates)
    first.failed(limited(5.0))
    late: list[float] = []

    async def call() -> None:
        with pytest.raises(APITimeoutError):
            await enter(gates)
        late.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(call)
        await trio.sleep(1)
        second.failed(limited(3600.0))
    assert late == [5.0, 5.0, 5.0]


async def test_a_long_line_ends_with_the_limit(autojump_clock: trio.testing.MockClock) -> None:
    gates = closed_for(2.0)
    queue = Queue(gates)
    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(queue.call, number)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(APITimeoutError, match=r"within 2.15 s .*, got others before it"):
            await enter(gates, place=99, total=2.15)
        assert trio.current_time() == 2.15
    assert [number for number, _ in queue.entered] == list(range(10))


async def test_a_deadline_of_the_caller_stays_the_callers(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = closed_for(2.0)
    queue = Queue(gates)
    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(queue.call, number)
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(2.15) as scope:
            await enter(gates, place=99)
        assert scope.cancelled_caught
        assert trio.current_time() == 2.15


@pytest.mark.parametrize("make", [lambda: closed_for(2.0), lambda: broken(on_open="wait")])
async def test_whoever_was_cancelled_before_is_told_so_and_nothing_else(
    make: Callable[[], Gates],
) -> None:
    gates = make()
    with trio.CancelScope() as scope:
        scope.cancel()
        await enter(gates)
    assert scope.cancelled_caught
    assert gates.statistics().given_up == 0
    assert gates.statistics().waiting == 0


async def test_a_call_that_was_refused_comes_before_those_that_came_later(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = Gates()
    queue = Queue(gates)
    places = [gates.new_place() for _ in range(2)]
    permits = [gates.try_enter(HERE, M, 1, place) for place in places]
    assert permits[0] is not None
    permits[0].failed(limited(2.0))
    async with trio.open_nursery() as nursery:
        for number in (5, 6, places[0]):
            nursery.start_soon(queue.call, number)
            await trio.testing.wait_all_tasks_blocked()
    assert [number for number, _ in queue.entered] == [places[0], 5, 6]


# -- the circuit


async def test_an_open_circuit_fails_at_once_and_says_when(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = broken()
    await trio.sleep(4)
    with pytest.raises(CircuitOpenError, match=r"tried again in 6 s") as caught:
        await enter(gates)
    assert (caught.value.retry_at, trio.current_time()) == (10.0, 4.0)
    await trio.sleep_until(10)
    assert gates.statistics().circuits == {"https://api.groq.com": "half-open"}
    probe = await enter(gates)
    assert gates.statistics().circuits == {"https://api.groq.com": "half-open"}
    with pytest.raises(CircuitOpenError, match="being tried again now"):
        await enter(gates)
    probe.cancelled()
    for _ in range(3):
        (await enter(gates)).succeeded({})
    assert gates.statistics().circuits == {"https://api.groq.com": "closed"}
    assert gates.statistics().given_up == 2


async def test_a_circuit_that_is_waited_for_lets_one_try_at_a_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = broken(on_open="wait")
    entered: list[tuple[int, float]] = []

    async def call(number: int, seconds: float) -> None:
        permit = await enter(gates, place=number)
        entered.append((number, trio.current_time()))
        await trio.sleep(seconds)
        permit.succeeded({})

    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(call, number, 1.0)
            await trio.testing.wait_all_tasks_blocked()
    assert entered == [(0, 10.0), (1, 11.0), (2, 12.0), (3, 13.0), (4, 13.0), (5, 13.0)]
    assert gates.statistics().circuit_seconds == 10 + 11 + 12 + 13 * 3
    assert gates.statistics().circuit_waits == 6


async def test_a_probe_that_fails_holds_the_others_back_for_another_while(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = broken(on_open="wait", success_threshold=1)
    probe: Permit | None = None

    async def fail() -> None:
        nonlocal probe
        probe = await enter(gates, place=1)
        await trio.sleep(2)
        probe.failed(BROKEN)

    queue = Queue(gates)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fail)
        await trio.testing.wait_all_tasks_blocked()
        for number in (2, 3):
            nursery.start_soon(queue.call, number)
    assert queue.entered == [(2, 22.0), (3, 22.0)]


async def test_a_wait_for_a_circuit_obeys_deadlines(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = broken(on_open="wait")
    with pytest.raises(CircuitOpenError):
        await enter(gates, total=10.0)
    assert trio.current_time() == 0.0
    with trio.move_on_after(9), pytest.raises(CircuitOpenError):
        await enter(gates)
    probe = await enter(gates)
    assert trio.current_time() == 10.0
    with pytest.raises(CircuitOpenError, match="being tried"):
        await enter(gates, total=5.0)
    assert trio.current_time() == 15.0
    probe.succeeded({})


async def test_a_call_that_waited_for_a_rate_asks_the_circuit_again(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = Gates(circuit_breaker=CircuitBreakerPolicy(failure_threshold=1, open_for=10))
    lost, refused = at_once(gates), at_once(gates)
    assert refused.failed(limited(5.0))

    async def break_it() -> None:
        await trio.sleep(1)
        lost.failed(BROKEN)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(break_it)
        with pytest.raises(CircuitOpenError, match=r"tried again in 6 s"):
            await enter(gates)
    assert trio.current_time() == 5.0
    assert gates._rate._models[M].in_flight == 0  # its turn was given back


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (APIStatusError("no", status_code=503), "open"),
        (APIStatusError("no", status_code=400), "closed"),
        (APITimeoutError("slow", phase="read", limit=1.0), "open"),
        (APITimeoutError("full", phase="pool", limit=1.0), "closed"),
    ],
)
async def test_what_opens_a_circuit(error: APIError, state: str) -> None:
    gates = Gates(circuit_breaker=CircuitBreakerPolicy(failure_threshold=1))
    at_once(gates).failed(error)
    assert list(gates.statistics().circuits.values()) == [state]


async def test_circuits_are_bounded_and_the_open_ones_stay() -> None:
    gates = broken()
    for number in range(3 * MAX_ORIGINS):
        other = gates.try_enter(Origin("https", f"{number}.test", 443), M, 1, number)
        assert other is not None
        other.succeeded({})
    assert len(gates.statistics().circuits) <= MAX_ORIGINS + 1
    assert gates.statistics().circuits["https://api.groq.com"] == "open"


async def test_below_that_number_none_is_forgotten() -> None:
    gates = Gates(circuit_breaker=CircuitBreakerPolicy(failure_threshold=2))
    at_once(gates).failed(BROKEN)
    for number in range(MAX_ORIGINS - 1):
        assert gates.try_enter(Origin("https", f"{number}.test", 443), M, 1, number) is not None
    at_once(gates).failed(BROKEN)
    assert gates.statistics().circuits["https://api.groq.com"] == "open"


# -- the throttle


async def test_a_budget_is_waited_for_in_order(autojump_clock: trio.testing.MockClock) -> None:
    gates = Gates(rate_limit=RateLimitPolicy(tokens_per_minute=600))
    at_once(gates, 540).succeeded({})
    queue = Queue(gates)
    async with trio.open_nursery() as nursery:
        for number, cost in ((1, 200), (2, 10)):
            nursery.start_soon(queue.call, number, cost)
            await trio.testing.wait_all_tasks_blocked()
    # 60 are left, and ten a second come back; the second stays behind for what the first took.
    assert queue.entered == [(1, 14.0), (2, 34.0)]
    assert gates.statistics().throttle_waits == 2
    assert gates.statistics().throttle_seconds == 48.0


async def test_usage_that_comes_back_ends_a_wait(autojump_clock: trio.testing.MockClock) -> None:
    gates = Gates(rate_limit=RateLimitPolicy(tokens_per_minute=600))
    stream = at_once(gates, 500)
    stream.succeeded({})  # its head is here, its usage is not
    queue = Queue(gates)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.call, 1, 300)
        await trio.sleep(2)
        stream.used(50)
        stream.used(0)
    assert queue.entered == [(1, 2.0)]


async def test_the_headers_of_a_success_and_of_an_error_are_a_budget(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = Gates(rate_limit=RateLimitPolicy(max_wait=50.0))
    at_once(gates, 50).succeeded(HEADERS, 50)
    refused = APIStatusError("no", status_code=400, rate_limits=STATED, headers=HEADERS)
    await trio.sleep(1)
    at_once(gates, 50).failed(refused)
    with pytest.raises(APITimeoutError, match=r"within 50 s \(max_wait\), got 59 s"):
        await enter(gates, cost=6100)
    await enter(gates, cost=500)
    assert trio.current_time() == pytest.approx(1 + 400 / 100)
    assert gates.book.get(M, 1.5) is not None


@pytest.mark.parametrize(
    ("error", "cost"),
    [
        (APIStatusError("no", status_code=400), 0),
        (PoolTimeoutError("full", phase="pool", limit=1.0), 0),
        (APIResponseValidationError("not JSON"), 600),
        (APIStatusError("no", status_code=503), 600),
        (BROKEN, 600),
        (None, 600),
    ],
)
async def test_what_was_turned_away_costs_nothing(error: APIError | None, cost: int) -> None:
    gates = Gates(rate_limit=RateLimitPolicy(tokens_per_minute=600))
    permit = at_once(gates, 600)
    if error is None:
        permit.cancelled()
    else:
        permit.failed(error)
    assert (gates.try_enter(HERE, M, 600, 9) is None) is bool(cost)


async def test_a_model_that_refuses_meanwhile_holds_back_who_waited_for_a_budget(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = Gates(rate_limit=RateLimitPolicy(tokens_per_minute=600))
    other = at_once(gates, 500)
    queue = Queue(gates)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.call, 7, 300)
        await trio.sleep(15)
        other.failed(limited(50.0))  # whose tokens would be enough
    assert queue.entered == [(7, 65.0)]


async def test_without_proactive_only_refusals_count(
    autojump_clock: trio.testing.MockClock,
) -> None:
    policy = RateLimitPolicy(tokens_per_minute=600, proactive=False, max_wait=None, cold_start=None)
    gates = Gates(rate_limit=policy)
    for _ in range(10):
        permit = at_once(gates, 600)
        permit.succeeded({}, 600)
    at_once(gates).failed(limited(3600.0))
    await enter(gates)
    assert trio.current_time() == 3600.0


async def test_a_cold_start_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    gates = Gates(rate_limit=RateLimitPolicy(cold_start=2))
    first = at_once(gates)
    at_once(gates)
    queue = Queue(gates)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.call, 3)
        nursery.start_soon(queue.call, 4)
        await trio.sleep(0.25)
        first.succeeded({})
    assert queue.entered == [(3, 0.25), (4, 0.25)]


async def test_a_budget_that_cannot_be_had_gives_the_turn_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gates = Gates(rate_limit=RateLimitPolicy(tokens_per_minute=600, max_wait=1.0))
    at_once(gates, 600).succeeded({})
    with pytest.raises(APITimeoutError, match=r"within 1 s \(max_wait\), got 60 s to go"):
        await enter(gates, cost=300)
    assert gates._rate._models[M].in_flight == 0
    assert gates.statistics().waiting == 0


# -- all together: the storm


SERVERS: dict[str, Callable[[], RateLimiter]] = {
    "window": FixedWindow,
    "window, whole seconds": lambda: FixedWindow(named=ceiled),
    "bucket": TokenBucket,
}


@pytest.mark.parametrize("case", SERVERS)
async def test_a_thousand_tasks_against_fifty_a_second(
    case: str, autojump_clock: trio.testing.MockClock
) -> None:
    gates = Gates(rate_limit=RateLimitPolicy())
    server = SERVERS[case]()
    chance = random.Random(case)  # noqa: S311 (no secret)
    seen: list[int] = []
    granted: list[int] = []

    async def call() -> None:
        place = gates.new_place()
        for _ in range(3):
            permit = await enter(gates, place=place)
            await trio.sleep(chance.uniform(0.01, 0.1))
            seen.append(place)
            wait = server.ask(trio.current_time())
            if wait is None:
                granted.append(place)
            await trio.sleep(chance.uniform(0.01, 0.1))
            if wait is None:
                permit.succeeded({})
                return
            assert permit.failed(limited(wait))
        pytest.fail("refused three times")

    async with trio.open_nursery() as nursery:
        for _ in range(1000):
            nursery.start_soon(call)
    assert sorted(granted) == list(range(1, 1001))
    assert len(seen) <= 1100
    assert max(abs(rank - place) for rank, place in enumerate(granted, 1)) <= 60
    assert trio.current_time() <= 30
    assert gates.statistics().waiting == 0


async def test_calls_for_no_model_are_not_throttled(autojump_clock: trio.testing.MockClock) -> None:
    gates = Gates(rate_limit=RateLimitPolicy(requests_per_minute=2))
    started = trio.current_time()
    for _ in range(10):
        (await enter(gates, model="")).succeeded({})
    permit = await gates.enter(HERE, "", 1, gates.new_place(), deadlines())
    permit.succeeded({}, 5)
    assert not permit.counts_tokens
    assert trio.current_time() == started
    for _ in range(3):
        (await enter(gates)).succeeded({})
    assert trio.current_time() == started + 30
