"""The rules at the top of `pool_state`, over integers: places, and idle connections."""

from typing import Any

import msgspec
import pytest

from _http.pool_states import HERE, THERE, counts, idle, lease, new_state, wait
from trio_groq._http.messages import Origin
from trio_groq._http.pool_state import Dial, PoolLimits, Use
from trio_groq.errors import ConfigurationError

# -- places


def test_a_new_pool_is_empty() -> None:
    state = new_state()
    assert set(msgspec.structs.astuple(state.statistics())) == {0}


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


def test_a_dead_connection_is_replaced_on_its_place() -> None:
    state = new_state(2)
    idle(state, 1, 2)
    assert state.acquire(HERE, 0.0) == Use(2)
    state.replace()
    assert counts(state) == (0, 1, 1, 0)
    now = state.statistics()
    assert (now.opened, now.reused, now.closed, now.stale) == (2, 0, 1, 1)
    state.dialled()
    assert counts(state) == (1, 0, 1, 0)
    assert state.release(3, HERE, 0.0) == ((), None)
    now = state.statistics()
    assert (now.opened, now.reused, now.closed, now.stale) == (3, 0, 1, 1)
    assert [state.acquire(HERE, 0.0) for _ in range(2)] == [Use(3), Use(1)]


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


# -- clearing


def test_a_newcomer_would_wait_when_neither_a_place_nor_an_idle_connection_is_left() -> None:
    state = new_state(2)
    lease(state, 1)
    assert not state.would_wait
    lease(state, 2, origin=THERE)
    assert state.would_wait
    state.release(2, THERE, 0.0)
    assert not state.would_wait  # that one would be closed for it
    assert state.acquire(HERE, 0.0) == Dial((2,))
    assert state.would_wait


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
