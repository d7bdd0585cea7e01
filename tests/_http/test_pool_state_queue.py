"""The rules at the top of `pool_state`, over integers: who waits, and who keeps its turn."""

import pytest

from _http.pool_states import HERE, THERE, counts, idle, lease, new_state, wait
from trio_groq._http.messages import Origin
from trio_groq._http.pool_state import Dial, PoolFull, Use

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


def test_who_replaces_a_dead_connection_keeps_its_turn() -> None:
    state = new_state(1)
    idle(state, 1)
    assert state.acquire(HERE, 0.0) == Use(1)
    first, second = wait(state), wait(state, THERE)
    state.replace()
    assert (first.grant, second.grant) == (None, None)
    assert counts(state) == (0, 1, 0, 2)
    third = wait(state)
    state.dialled()
    assert counts(state) == (1, 0, 0, 3)
    assert state.release(2, HERE, 0.0) == ((), first)
    assert first.grant == Use(2)
    assert (second.grant, third.grant) == (None, None)


def test_one_that_was_handed_a_dead_connection_replaces_it_before_the_next_is_served() -> None:
    state = new_state(1)
    lease(state, 1)
    first, second = wait(state), wait(state)
    assert state.release(1, HERE, 0.0) == ((), first)
    state.replace()
    assert second.grant is None
    assert counts(state) == (0, 1, 0, 1)
    now = state.statistics()
    assert (now.handed_off, now.reused, now.closed, now.stale) == (1, 0, 1, 1)


@pytest.mark.parametrize("origin", [HERE, THERE])
def test_a_replacement_that_fails_gives_its_place_to_the_first_waiter(origin: Origin) -> None:
    state = new_state(1)
    idle(state, 1)
    assert state.acquire(HERE, 0.0) == Use(1)
    first, second = wait(state, origin), wait(state)
    state.replace()
    assert state.abandon() is first
    assert first.grant == Dial()
    assert second.grant is None
    assert counts(state) == (0, 1, 0, 1)
    now = state.statistics()
    assert (now.opened, now.closed, now.stale) == (1, 1, 1)


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


def test_clear_waiters_sends_all_away_without_a_grant() -> None:
    state = new_state(1)
    lease(state, 1)
    waiters = (wait(state), wait(state, THERE))
    assert state.clear_waiters() == waiters
    assert all(waiter.grant is None for waiter in waiters)
    assert counts(state) == (1, 0, 0, 0)
    assert not state.forget(waiters[0])
    assert state.release(1, HERE, 0.0) == ((), None)
