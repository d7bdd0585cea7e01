"""Each rule at the top of `pool_state`, over integers."""

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, TypeVar

import attrs
import pytest

from trio_groq._http.messages import Origin
from trio_groq._http.pool_state import (
    Dial,
    PoolFull,
    PoolLimits,
    PoolState,
    Use,
    Wait,
    Waiter,
)
from trio_groq.errors import ConfigurationError

HERE = Origin("https", "here.test", 443)
THERE = Origin("https", "there.test", 443)
State = PoolState[int]
T = TypeVar("T")


def new_state(
    max_connections: int = 10,
    *,
    max_idle: int = 10,
    idle_expiry: float = 60.0,
    max_waiters: int | None = None,
) -> State:
    return PoolState(
        PoolLimits(
            max_connections=max_connections,
            max_idle=max_idle,
            idle_expiry=idle_expiry,
            max_waiters=max_waiters,
        )
    )


def lease(state: State, *connections: int, origin: Origin = HERE, now: float = 0.0) -> None:
    """Dial these connections; they are leased."""
    for _ in connections:
        assert state.acquire(origin, now) == Dial()
        state.dialled()


def idle(state: State, *connections: int, origin: Origin = HERE, now: float = 0.0) -> None:
    """Have these connections idle, the first for longest."""
    lease(state, *connections, origin=origin, now=now)
    for connection in connections:
        assert state.release(connection, origin, now) == ((), None)


def wait(state: State, origin: Origin = HERE, now: float = 0.0) -> Waiter[int]:
    step = state.acquire(origin, now)
    assert isinstance(step, Wait)
    assert step.waiter.grant is None
    assert step.waiter.origin == origin
    return step.waiter


def counts(state: State) -> tuple[int, int, int, int]:
    """Leased, dialling, idle, waiting; `open` is the sum of the first three."""
    now = state.statistics()
    assert now.open == state.open == now.leased + now.dialling + now.idle
    return now.leased, now.dialling, now.idle, now.waiting


# -- places


def test_a_new_pool_is_empty() -> None:
    state = new_state()
    assert set(attrs.astuple(state.statistics())) == {0}


def test_a_place_is_taken_from_the_moment_it_is_assigned() -> None:
    state = new_state(2)
    assert state.acquire(HERE, 0.0) == Dial()
    assert counts(state) == (0, 1, 0, 0)
    assert state.acquire(HERE, 0.0) == Dial()
    assert counts(state) == (0, 2, 0, 0)
    wait(state)
    assert counts(state) == (0, 2, 0, 1)


def test_a_dialled_connection_is_leased_and_counted() -> None:
    state = new_state()
    lease(state, 1)
    assert counts(state) == (1, 0, 0, 0)
    assert state.statistics().opened == 1
    assert state.statistics().reused == 0


def test_an_abandoned_place_is_free_again() -> None:
    state = new_state(1)
    assert state.acquire(HERE, 0.0) == Dial()
    assert state.abandon() is None
    assert counts(state) == (0, 0, 0, 0)
    assert state.acquire(HERE, 0.0) == Dial()


def test_a_discarded_connection_leaves_its_place_free() -> None:
    state = new_state(1)
    lease(state, 1)
    assert state.discard() is None
    assert counts(state) == (0, 0, 0, 0)
    assert state.statistics().closed == 1
    assert state.statistics().stale == 0
    assert state.acquire(HERE, 0.0) == Dial()


def test_a_stale_connection_is_counted_as_such() -> None:
    state = new_state()
    idle(state, 1)
    assert state.acquire(HERE, 0.0) == Use(1)
    assert state.discard(stale=True) is None
    assert (state.statistics().closed, state.statistics().stale) == (1, 1)


# -- idle connections


def test_the_newest_idle_connection_is_used_first() -> None:
    state = new_state()
    idle(state, 1, 2, 3)
    assert [state.acquire(HERE, 0.0) for _ in range(3)] == [Use(3), Use(2), Use(1)]
    assert counts(state) == (3, 0, 0, 0)
    assert state.statistics().reused == 3


def test_newest_is_by_release_not_by_making() -> None:
    state = new_state()
    lease(state, 1, 2, 3)
    for connection in (2, 3, 1):
        state.release(connection, HERE, 0.0)
    assert [state.acquire(HERE, 0.0) for _ in range(3)] == [Use(1), Use(3), Use(2)]


def test_a_connection_is_used_for_its_own_origin_only() -> None:
    state = new_state()
    idle(state, 1)
    idle(state, 2, origin=THERE)
    assert state.acquire(HERE, 0.0) == Use(1)
    assert state.acquire(HERE, 0.0) == Dial()
    assert state.acquire(THERE, 0.0) == Use(2)


@pytest.mark.parametrize(
    "other",
    [
        Origin("http", HERE.host, HERE.port),
        Origin(HERE.scheme, "here.example", HERE.port),
        Origin(HERE.scheme, HERE.host, 444),
    ],
)
def test_origins_differ_in_any_part(other: Origin) -> None:
    state = new_state()
    idle(state, 1)
    assert state.acquire(other, 0.0) == Dial()


def test_beyond_max_idle_the_oldest_of_any_origin_is_closed() -> None:
    state = new_state(max_idle=2)
    lease(state, 1, 2)
    lease(state, 3, origin=THERE)
    assert state.release(3, THERE, 0.0) == ((), None)
    assert state.release(1, HERE, 0.0) == ((), None)
    assert state.release(2, HERE, 0.0) == ((3,), None)
    assert counts(state) == (0, 0, 2, 0)
    assert state.acquire(THERE, 0.0) == Dial()


def test_with_max_idle_zero_nothing_idles() -> None:
    state = new_state(max_idle=0)
    lease(state, 1)
    assert state.release(1, HERE, 0.0) == ((1,), None)
    assert counts(state) == (0, 0, 0, 0)
    assert state.statistics().closed == 1


def test_with_max_idle_zero_a_waiter_is_still_handed_the_connection() -> None:
    state = new_state(1, max_idle=0)
    lease(state, 1)
    waiter = wait(state)
    assert state.release(1, HERE, 0.0) == ((), waiter)
    assert waiter.grant == Use(1)


# -- expiry


@pytest.mark.parametrize(
    ("now", "expired"), [(109.0, False), (109.999, False), (110.0, True), (1e9, True)]
)
def test_expiry_is_exact(now: float, expired: bool) -> None:
    state = new_state(idle_expiry=10.0)
    idle(state, 1, now=100.0)
    assert state.acquire(HERE, now) == (Dial((1,)) if expired else Use(1))
    assert state.statistics().expired == state.statistics().closed == int(expired)


def test_each_connection_expires_from_its_own_release() -> None:
    state = new_state(idle_expiry=10.0)
    lease(state, 1, 2)
    state.release(1, HERE, 0.0)
    state.release(2, HERE, 5.0)
    assert state.acquire(HERE, 10.0) == Use(2, (1,))
    assert state.release(2, HERE, 12.0) == ((), None)
    assert state.acquire(HERE, 21.0) == Use(2)


def test_expired_connections_of_any_origin_are_closed_by_any_step_oldest_first() -> None:
    state = new_state(idle_expiry=10.0)
    lease(state, 3, origin=THERE)
    idle(state, 1, origin=THERE, now=0.0)
    idle(state, 2, now=1.0)
    assert state.release(3, THERE, 11.0) == ((1, 2), None)
    assert counts(state) == (0, 0, 1, 0)
    assert state.statistics().expired == 2


def test_with_expiry_zero_a_connection_is_closed_as_it_comes_back() -> None:
    state = new_state(idle_expiry=0.0)
    lease(state, 1)
    assert state.release(1, HERE, 0.0) == ((1,), None)
    assert counts(state) == (0, 0, 0, 0)


def test_expiry_frees_the_place_for_a_dial_where_the_pool_was_full() -> None:
    state = new_state(1, idle_expiry=10.0, max_waiters=0)
    idle(state, 1, origin=THERE)
    assert state.acquire(HERE, 10.0) == Dial((1,))
    assert counts(state) == (0, 1, 0, 0)
    assert (state.statistics().closed, state.statistics().expired) == (1, 1)


# -- eviction


def test_a_full_pool_closes_its_oldest_idle_connection_for_another_origin() -> None:
    state = new_state(3)
    idle(state, 1, 2, 3)
    assert state.acquire(THERE, 0.0) == Dial((1,))
    assert state.acquire(THERE, 0.0) == Dial((2,))
    assert counts(state) == (0, 2, 1, 0)
    assert (state.statistics().closed, state.statistics().expired) == (2, 0)


def test_a_pool_that_is_not_full_closes_nothing() -> None:
    state = new_state(2)
    idle(state, 1)
    assert state.acquire(THERE, 0.0) == Dial()
    assert counts(state) == (0, 1, 1, 0)


# -- the queue


def test_waiters_are_served_first_come_first_served() -> None:
    state = new_state(1)
    lease(state, 1)
    waiters = [wait(state) for _ in range(3)]
    for waiter in waiters:
        assert state.release(1, HERE, 0.0) == ((), waiter)
        assert waiter.grant == Use(1)
    assert state.release(1, HERE, 0.0) == ((), None)
    assert counts(state) == (0, 0, 1, 0)


def test_a_hand_off_goes_past_the_idle_table_and_is_counted() -> None:
    state = new_state(1)
    lease(state, 1)
    waiter = wait(state)
    assert state.release(1, HERE, 0.0) == ((), waiter)
    assert counts(state) == (1, 0, 0, 0)
    assert (state.statistics().handed_off, state.statistics().reused) == (1, 1)


def test_a_newcomer_does_not_overtake_one_that_was_handed_a_connection() -> None:
    state = new_state(1)
    lease(state, 1)
    first = wait(state)
    state.release(1, HERE, 0.0)
    second = wait(state)
    assert first.grant == Use(1)
    assert second.grant is None


def test_the_first_waiter_gets_the_place_even_for_another_origin() -> None:
    state = new_state(1)
    lease(state, 1)
    first = wait(state, THERE)
    second = wait(state, HERE)
    assert state.release(1, HERE, 0.0) == ((1,), first)
    assert first.grant == Dial()
    assert second.grant is None
    assert counts(state) == (0, 1, 0, 1)
    assert state.statistics().closed == 1


@pytest.mark.parametrize("origin", [HERE, THERE])
@pytest.mark.parametrize("give_up", ["abandon", "discard"])
def test_a_place_that_is_given_up_goes_to_the_first_waiter(give_up: str, origin: Origin) -> None:
    state = new_state(1)
    assert state.acquire(HERE, 0.0) == Dial()
    if give_up == "discard":
        state.dialled()
    first, second = wait(state, origin), wait(state)
    assert getattr(state, give_up)() is first
    assert first.grant == Dial()
    assert second.grant is None
    assert counts(state) == (0, 1, 0, 1)
    assert state.abandon() is second
    assert state.abandon() is None
    assert counts(state) == (0, 0, 0, 0)


@pytest.mark.parametrize("leaver", [0, 1, 2])
def test_who_gives_up_leaves_the_order_of_the_others(leaver: int) -> None:
    state = new_state(1)
    lease(state, 1)
    waiters = [wait(state) for _ in range(3)]
    assert state.forget(waiters[leaver]) is True
    assert state.forget(waiters[leaver]) is False
    served = [state.release(1, HERE, 0.0)[1] for _ in range(2)]
    assert served == [waiter for place, waiter in enumerate(waiters) if place != leaver]
    assert waiters[leaver].grant is None


def test_one_that_has_its_grant_is_not_in_the_queue() -> None:
    state = new_state(1)
    lease(state, 1)
    waiter = wait(state)
    state.release(1, HERE, 0.0)
    assert state.forget(waiter) is False
    assert waiter.grant == Use(1)
    assert counts(state) == (1, 0, 0, 0)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_a_full_queue_takes_no_more(most: int) -> None:
    state = new_state(1, max_waiters=most)
    lease(state, 1)
    waiters = [wait(state) for _ in range(most)]
    assert state.acquire(HERE, 0.0) == PoolFull(most)
    assert counts(state) == (1, 0, 0, most)
    if waiters:
        state.forget(waiters[0])
        wait(state)
        assert state.acquire(HERE, 0.0) == PoolFull(most)


# -- clearing


def test_clear_idle_drops_idle_connections_only() -> None:
    state = new_state()
    idle(state, 1, 2)
    idle(state, 3, origin=THERE)
    assert state.acquire(HERE, 0.0) == Use(2)
    assert state.clear_idle() == (1, 3)
    assert counts(state) == (1, 0, 0, 0)
    assert state.statistics().closed == 2
    assert state.clear_idle() == ()
    assert state.acquire(HERE, 0.0) == Dial()
    assert state.release(2, HERE, 0.0) == ((), None)
    assert state.acquire(HERE, 0.0) == Use(2)


def test_clear_waiters_sends_all_away_without_a_grant() -> None:
    state = new_state(1)
    lease(state, 1)
    waiters = (wait(state), wait(state, THERE))
    assert state.clear_waiters() == waiters
    assert all(waiter.grant is None for waiter in waiters)
    assert counts(state) == (1, 0, 0, 0)
    assert not state.forget(waiters[0])
    assert state.release(1, HERE, 0.0) == ((), None)


# -- limits


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_connections", 0),
        ("max_connections", 1.5),
        ("max_connections", None),
        ("max_idle", -1),
        ("idle_expiry", -0.1),
        ("idle_expiry", float("nan")),
        ("idle_expiry", float("inf")),
        ("max_waiters", -1),
        ("max_waiters", True),
    ],
)
def test_a_limit_out_of_its_range_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name}: expected .* got {value!r}$"):
        PoolLimits(**{name: value})


# -- cost: counted, not timed


def cost(step: Callable[[], T]) -> tuple[int, int, T]:
    """Bytecodes that a step runs, and functions (of C, too) that it calls."""
    opcodes = calls = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal opcodes
        frame.f_trace_opcodes = True
        opcodes += event == "opcode"
        return trace

    def profile(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracer, profiler = sys.gettrace(), sys.getprofile()
    sys.setprofile(profile)
    sys.settrace(trace)
    try:
        result = step()
    finally:
        sys.settrace(tracer)
        sys.setprofile(profiler)
    return opcodes, calls, result


def busy_state(size: int) -> State:
    """`size` idle connections to each of two origins, a place more, and nobody waiting."""
    state = new_state(2 * size + 1, max_idle=2 * size)
    idle(state, *range(size))
    idle(state, *range(size, 2 * size), origin=THERE)
    return state


def queued_state(size: int) -> tuple[State, list[Waiter[int]]]:
    """`size` leased connections, and as many waiting."""
    state = new_state(size)
    lease(state, *range(size))
    return state, [wait(state) for _ in range(size)]


def costs_of_use(size: int) -> list[tuple[int, int]]:
    state = busy_state(size)
    steps: list[Callable[[], object]] = [
        lambda: state.acquire(HERE, 1.0),
        lambda: state.release(size - 1, HERE, 1.0),
        lambda: state.acquire(Origin("https", "third.test", 443), 1.0),
        state.dialled,
        lambda: state.release(-1, Origin("https", "third.test", 443), 1.0),  # one too many idle
        lambda: state.acquire(HERE, 1.0),
        state.discard,
        lambda: state.acquire(Origin("https", "fourth.test", 443), 1.0),
        lambda: state.acquire(Origin("https", "fourth.test", 443), 1.0),
        lambda: state.acquire(Origin("https", "fourth.test", 443), 1.0),  # evicts
        state.abandon,
        state.statistics,
    ]
    return [cost(step)[:2] for step in steps]


def costs_of_waiting(size: int) -> list[tuple[int, int]]:
    state, waiters = queued_state(size)
    steps: list[Callable[[], object]] = [
        lambda: state.acquire(HERE, 1.0),
        lambda: state.forget(waiters[size // 2]),
        lambda: state.forget(waiters[size - 1]),
        lambda: state.release(0, HERE, 1.0),
        lambda: state.release(1, THERE, 1.0),
        state.abandon,
        state.discard,
        state.statistics,
    ]
    return [cost(step)[:2] for step in steps]


@pytest.mark.parametrize("costs", [costs_of_use, costs_of_waiting])
def test_a_step_costs_the_same_whatever_the_size(
    costs: Callable[[int], list[tuple[int, int]]],
) -> None:
    """A loop over what there is would show in the count of bytecodes.

    What C does inside one call would not; the tables are OrderedDicts for it: a plain dict that is
    emptied from the front walks over its holes.
    """
    small = costs(10)
    assert all(opcodes > 5 for opcodes, _ in small), "something was counted"
    assert costs(10_000) == small


def test_the_count_would_show_a_loop() -> None:
    def walk(numbers: range) -> None:
        for _ in numbers:
            pass

    few, many = cost(partial(walk, range(10)))[0], cost(partial(walk, range(100)))[0]
    assert many > few + 90


def test_expiry_pays_for_each_connection_once() -> None:
    state = new_state(1000, max_idle=1000, idle_expiry=10.0)
    idle(state, *range(500))
    assert state.acquire(HERE, 10.0) == Dial(tuple(range(500)))
    small = new_state(1000, max_idle=1000, idle_expiry=10.0)
    idle(small, 0)
    assert small.acquire(HERE, 10.0) == Dial((0,))
    assert (
        cost(lambda: state.acquire(HERE, 10.0))[:2] == cost(lambda: small.acquire(HERE, 10.0))[:2]
    )
