"""After a 429: who may go when, step by step."""

import math

import pytest

from trio_groq._api.line import Line, Waiter
from trio_groq._api.rate_gate import MAX_MODELS, RateGate, RatePermit

M = "llama-3.1-8b-instant"


def go(gate: RateGate, now: float, model: str = M) -> RatePermit:
    permit = gate.try_enter(model, now)
    assert permit is not None
    return permit


def turn(gate: RateGate, waiter: Waiter, now: float) -> float:
    at = gate.poll(M, waiter, now)
    assert isinstance(at, float)
    return at


def passes(gate: RateGate, waiter: Waiter, now: float) -> RatePermit:
    permit = gate.poll(M, waiter, now)
    assert isinstance(permit, RatePermit)
    return permit


def refused_after(granted: int, wait: float = 2.0, *, at: float = 0.1) -> RateGate:
    """So many calls at 0 are granted, and one more is refused at `at`."""
    gate = RateGate()
    permits = [go(gate, 0.0) for _ in range(granted + 1)]
    for permit in permits[:granted]:
        assert permit.granted(0.1) is None
    assert permits[granted].refused(at, wait)
    return gate


def test_nothing_is_held_back_before_the_first_refusal() -> None:
    gate = RateGate()
    for _ in range(10_000):
        go(gate, 0.0)
    assert gate.rates() == {}
    assert gate.opens_at(M) == -math.inf


def test_one_refusal_closes_the_gate_for_its_model_alone() -> None:
    gate = refused_after(10)
    assert gate.try_enter(M, 0.1) is None
    assert gate.try_enter(M, 2.0999) is None
    assert gate.opens_at(M) == 2.1
    go(gate, 0.2, "another")


def test_the_latest_moment_that_was_named_counts() -> None:
    gate = RateGate()
    first, second, third = (go(gate, 0.0) for _ in range(3))
    first.refused(0.1, 5.0)
    second.refused(0.2, 3.0)
    assert gate.opens_at(M) == 5.1
    third.refused(0.3, 7.0)
    assert gate.opens_at(M) == 7.3


def test_it_stays_closed_for_a_round_trip_at_least() -> None:
    gate = RateGate()
    slow, stuck = go(gate, 0.0), go(gate, 0.0)
    slow.refused(0.25, 0.01)
    assert gate.opens_at(M) == 0.5
    stuck.refused(9.0, 0.01)  # waited for a connection, most likely
    assert gate.opens_at(M) == 10.0


def test_it_is_closed_for_a_moment_however_soon_the_server_says() -> None:
    gate = RateGate()
    go(gate, 1.0).refused(1.0, 0.0)
    assert gate.opens_at(M) == 1.02


def test_a_slow_start_lets_one_go_and_one_more_with_each_answer() -> None:
    gate = refused_after(100, 0.9)  # 100 a second: the rate binds less than the window
    waiters = [gate.join(M, place) for place in range(1, 9)]
    assert turn(gate, waiters[0], 0.5) == 1.0
    assert turn(gate, waiters[1], 0.5) == math.inf  # is not the head
    first = passes(gate, waiters[0], 1.0)
    assert turn(gate, waiters[1], 1.0) == 2.0  # no answer for so long is taken for one
    assert first.granted(1.1) is waiters[0].line
    second, third = passes(gate, waiters[1], 1.1), passes(gate, waiters[2], 1.2)
    assert turn(gate, waiters[3], 1.2) == 2.2
    second.granted(1.3)
    passes(gate, waiters[3], 1.3)
    passes(gate, waiters[4], 1.3)
    third.granted(1.4)
    passes(gate, waiters[5], 1.4)
    passes(gate, waiters[6], 1.4)
    assert turn(gate, waiters[7], 1.5) == 2.5  # four are in flight


def test_without_answers_the_window_doubles_each_second() -> None:
    gate = refused_after(100, 1.0)
    waiters = [gate.join(M, place) for place in range(1, 9)]
    passes(gate, waiters[0], 2.0)
    assert turn(gate, waiters[1], 2.0) == 3.0
    passes(gate, waiters[1], 3.0)
    assert turn(gate, waiters[2], 3.0) == 4.0
    passes(gate, waiters[2], 4.0)
    passes(gate, waiters[3], 4.1)
    assert turn(gate, waiters[4], 4.2) == 5.2


def test_the_rate_is_what_was_granted_until_the_reopening() -> None:
    gate = refused_after(20, 1.9, at=0.1)
    assert gate.rates() == {}
    go(gate, 2.0)
    assert gate.rates() == {M: 10.0}


def test_what_is_in_flight_counts_as_granted_and_what_is_refused_does_not() -> None:
    gate = RateGate()
    permits = [go(gate, 0.0) for _ in range(30)]
    permits[0].refused(0.5, 0.5)
    for permit in permits[1:5]:
        permit.refused(0.5, 0.5)
    permits[5].void()
    go(gate, 1.0)
    assert gate.rates() == {M: 24.0}


def test_hours_of_closure_do_not_make_the_rate_slow() -> None:
    gate = refused_after(61, 590.0, at=1.0)
    go(gate, 591.0)
    assert gate.rates() == {M: pytest.approx(1.0)}


def test_nobody_is_believed_for_longer_than_ten_minutes() -> None:
    gate = refused_after(1, 30 * 86_400.0, at=1.0)
    assert gate.try_enter(M, 600.9) is None
    go(gate, 601.0)


def test_whoever_accepts_a_longer_wait_is_not_let_go_before_it_is_over() -> None:
    gate = RateGate()
    go(gate, 0.0).refused(1.0, 3600.0, longest=3600.0)
    assert gate.try_enter(M, 3600.9) is None
    go(gate, 3601.0)


def test_what_the_server_named_is_told_as_long_as_it_closes_the_gate() -> None:
    gate = RateGate()
    assert gate.named(M, 0.0) is None
    first, second, third = (go(gate, 0.0) for _ in range(3))
    first.refused(1.0, 5.0, is_named=False)
    assert gate.named(M, 1.0) is None
    second.refused(1.0, 3600.0)
    third.refused(2.0, 10.0)
    assert gate.named(M, 3.0) == 3598.0
    assert gate.opens_at(M) == 601.0
    assert gate.named(M, 601.0) is None  # somebody asks again


def test_calls_are_spaced_by_the_rate() -> None:
    gate = refused_after(20, 1.9)
    waiters = [gate.join(M, place) for place in range(1, 5)]
    passes(gate, waiters[0], 2.0).granted(2.0)
    assert turn(gate, waiters[1], 2.0) == pytest.approx(2.1)
    passes(gate, waiters[1], 2.1)
    assert turn(gate, waiters[2], 2.1) == pytest.approx(2.2)
    assert gate.try_enter(M, 2.2) is None  # there is a line
    # A little lateness is made up for, an hour is not.
    passes(gate, waiters[2], 2.215).granted(2.215)
    assert turn(gate, waiters[3], 2.215) == pytest.approx(2.3)


def test_a_refusal_from_before_the_reopening_only_names_a_moment() -> None:
    gate = RateGate()
    late = go(gate, 0.0)
    for _ in range(19):
        go(gate, 0.0).granted(0.1)
    go(gate, 0.0).refused(0.1, 0.9)
    go(gate, 1.0).granted(1.0)
    rate = gate.rates()
    late.refused(1.05, 0.5)
    assert gate.opens_at(M) == 2.05  # its round trip was long
    assert gate.rates() == rate
    waiter = gate.join(M, 9)
    assert turn(gate, waiter, 1.1) == 2.05
    passes(gate, waiter, 2.05)


def grow(gate: RateGate, calls: int, now: float) -> float:
    """So many calls pass and are granted, each at its turn."""
    for place in range(calls):
        waiter = gate.join(M, place)
        step = gate.poll(M, waiter, now)
        while isinstance(step, float):
            now = step
            step = gate.poll(M, waiter, now)
        step.granted(now)
    return now


def test_a_rate_grows_slowly_at_first_and_faster_later() -> None:
    gate = refused_after(20, 1.9)
    now = grow(gate, 50, 2.0)
    early = gate.rates()[M]
    assert 10.0 < early < 10.2
    now = grow(gate, 500, now)
    later = gate.rates()[M]
    assert later > 20
    assert now < 60


def test_a_slow_rate_grows_by_a_tenth_in_twenty_grants() -> None:
    gate = refused_after(30, 59.9)  # one in two seconds
    grow(gate, 21, 60.0)
    assert 0.5 * 1.1 < gate.rates()[M] < 0.5 * 1.2


def test_a_proved_rate_loses_a_tenth() -> None:
    gate = refused_after(20, 1.9)
    now = grow(gate, 120, 2.0)
    before = gate.rates()[M]
    waiter = gate.join(M, 1)
    passes(gate, waiter, now + 0.1).refused(now + 0.1, 1.5)
    go(gate, now + 1.6)
    assert gate.rates()[M] == pytest.approx(before * 0.9)


def test_one_bad_round_costs_a_proved_rate_half_and_two_cost_it_all() -> None:
    gate = refused_after(20, 1.9)
    now = grow(gate, 120, 2.0)
    go(gate, now + 0.1).refused(now + 0.1, 1.0)
    now += 1.1
    proved = 0.0
    for share in (1.0, 0.5):
        waiter = gate.join(M, 1)
        first = passes(gate, waiter, now)
        proved = proved or gate.rates()[M]
        assert gate.rates()[M] == pytest.approx(share * proved)
        waiter = gate.join(M, 2)
        assert turn(gate, waiter, now) > now  # held back: the server is asked for all it gives
        first.granted(now)
        passes(gate, waiter, now + 0.5).refused(now + 0.5, 1.5)
        now += 2.0
    go(gate, now)
    assert gate.rates()[M] == pytest.approx(0.5)  # one in two seconds, as it was now


def test_few_calls_that_were_not_held_back_say_nothing_of_the_rate() -> None:
    gate = refused_after(18, 2.0)
    go(gate, 2.1).granted(2.1)
    assert gate.rates() == {}
    gate = refused_after(19, 1.9)
    go(gate, 2.0)
    assert gate.rates() == {M: 9.5}


def test_a_second_refusal_of_calls_that_were_held_back_says_it() -> None:
    gate = refused_after(3, 1.9)
    waiters = [gate.join(M, place) for place in range(1, 4)]
    first = passes(gate, waiters[0], 2.0)
    assert gate.rates() == {}
    assert turn(gate, waiters[1], 2.0) == 3.0
    first.granted(2.1)
    passes(gate, waiters[1], 2.1).granted(2.2)
    passes(gate, waiters[2], 2.2).refused(2.3, 1.7)
    go(gate, 4.0)
    assert gate.rates() == {M: pytest.approx(2 / (4.0 - 2.0))}


def test_a_proved_rate_is_not_given_up_for_a_few_calls_either() -> None:
    gate = refused_after(20, 1.9)
    now = grow(gate, 120, 2.0)
    go(gate, now + 0.1).refused(now + 0.1, 1.0)
    go(gate, now + 1.1).granted(now + 1.1)
    rate = gate.rates()[M]
    for calm in (5.0, 20.0):  # the one lies in what is measured, the other does not
        now += 50.0
        go(gate, now).granted(now)
        go(gate, now + calm).refused(now + calm, 15.0)
        go(gate, now + 45.0).granted(now + 45.0)
        assert gate.rates()[M] == rate


def test_after_steady_traffic_the_rate_was_a_tenth_too_high_at_the_most() -> None:
    gate = RateGate()
    for tenth in range(81):
        go(gate, tenth / 10).granted(tenth / 10)
    go(gate, 8.1).refused(8.1, 30.0)
    go(gate, 38.1)
    assert gate.rates() == {M: pytest.approx(0.9 * 81 / 8.1)}


def test_where_nothing_is_granted_for_long_the_rate_is_no_slower_than_one_in_that_time() -> None:
    gate = refused_after(20, 1.9)
    now = 2.0
    for _ in range(20):
        go(gate, now).refused(now, 10.0)
        now += 10.0
    go(gate, now)
    assert gate.rates() == {M: pytest.approx(0.1)}


def test_a_rate_that_few_grants_speak_for_grows_in_large_steps() -> None:
    gate = refused_after(1, 1.9)
    first, second = gate.join(M, 1), gate.join(M, 2)
    passing = passes(gate, first, 2.0)
    assert turn(gate, second, 2.0) == 3.0
    passing.granted(2.0)
    passes(gate, second, 2.0).refused(2.0, 2.0)  # one in two seconds
    now, rates = 4.0, []
    for _ in range(6):
        now = grow(gate, 1, now)
        rates.append(gate.rates()[M])
    # By the time since the reopening, which the grants do not limit as they do other slow rates.
    assert rates == pytest.approx([0.5, 0.502, 0.506, 0.512, 0.52, 0.529], abs=0.001)
    now = grow(gate, 20, now)
    assert now < 4.0 + 40.0
    assert gate.rates()[M] > 1.0


def test_a_minute_of_calm_and_all_is_forgotten() -> None:
    gate = refused_after(20, 1.9)
    go(gate, 2.0).granted(2.0)
    go(gate, 61.9).granted(61.9)
    assert gate.rates() == {M: 10.0}
    for _ in range(100):
        go(gate, 62.0)
    assert gate.rates() == {}


def test_it_is_not_forgotten_while_calls_wait_for_it() -> None:
    gate = refused_after(20, 1.9)
    waiter = gate.join(M, 1)
    assert gate.try_enter(M, 100.0) is None
    passes(gate, waiter, 100.0)
    assert gate.rates() == {M: 10.0}


def test_a_permit_is_settled_once() -> None:
    gate = refused_after(20, 1.9)
    permit = go(gate, 2.0)
    assert permit.is_current
    assert permit.granted(2.0) is None
    assert not permit.is_current
    assert permit.granted(2.0) is None
    assert permit.void() is None
    assert not permit.refused(2.0, 50.0)
    assert gate.opens_at(M) == 2.0


def test_a_permit_is_current_until_the_model_refuses_something() -> None:
    gate = RateGate()
    one, other = go(gate, 0.0), go(gate, 0.0)
    assert other.is_current
    one.refused(0.1, 1.0)
    assert not other.is_current
    go(gate, 1.1)
    assert not other.is_current
    assert other.void() is None


def test_whoever_gives_a_place_back_names_the_line_to_wake() -> None:
    gate = refused_after(100, 1.0)
    first = go(gate, 1.1)
    waiter = gate.join(M, 5)
    assert first.void() is waiter.line
    passes(gate, waiter, 1.2)


def test_a_cold_start_lets_half_a_call_more_go_with_each_answer() -> None:
    gate = RateGate(cold_start=4)
    permits = [go(gate, 0.0) for _ in range(4)]
    waiters = [gate.join(M, place) for place in range(5, 9)]
    assert turn(gate, waiters[0], 0.0) == 1.0
    permits[0].granted(0.1)
    passes(gate, waiters[0], 0.1)
    passes(gate, waiters[1], 0.1)  # 4 are in flight, and 4.5 may be
    assert turn(gate, waiters[2], 0.1) == 1.1
    assert gate.rates() == {}


def test_a_cold_start_does_not_bind_who_has_less_in_flight() -> None:
    gate = RateGate(cold_start=4)
    for second in range(1000):
        go(gate, float(second)).granted(second + 0.5)
    permits = [go(gate, 1000.0) for _ in range(4)]
    assert gate.try_enter(M, 1000.0) is None  # calls one by one proved nothing
    assert len(permits) == 4


def test_the_number_of_models_is_bounded_and_those_waited_for_stay() -> None:
    gate = refused_after(1)
    line: Line = gate.join(M, 1).line
    for number in range(3 * MAX_MODELS):
        go(gate, 0.0, f"model {number}")
    assert len(gate._models) <= MAX_MODELS + 1
    assert gate.opens_at(M) > 0
    assert line.head is not None
    assert gate.opens_at("model 0") == -math.inf


def test_below_that_number_none_is_forgotten() -> None:
    gate = refused_after(1, 30.0)
    for number in range(MAX_MODELS - 1):
        go(gate, 1.0, f"model {number}")
    assert gate.try_enter(M, 2.0) is None


# -- what is taken back


def test_a_grant_that_is_taken_back_closes_the_gate() -> None:
    gate = RateGate()
    first, second, third = go(gate, 0.0), go(gate, 0.0), go(gate, 0.0)
    for permit in (first, second, third):
        permit.granted(0.5)
    first.taken_back(1.0, 4.0)
    assert gate.opens_at(M) == 5.0
    assert gate.try_enter(M, 4.9) is None
    first.taken_back(1.0, 40.0)  # once
    second.taken_back(1.5, 0.0)  # named no later moment
    assert gate.opens_at(M) == 5.0
    probe = go(gate, 5.0)
    assert gate.try_enter(M, 5.0) is None  # a slow start: one in flight, and none too many
    third.taken_back(5.5, 7.0)  # of the round before: it only names a later moment
    probe.granted(5.5)
    waiter = gate.join(M, 9)
    assert gate.poll(M, waiter, 5.5) == 12.5
    assert not isinstance(gate.poll(M, waiter, 12.5), float)


def test_what_was_not_granted_cannot_be_taken_back() -> None:
    gate = RateGate()
    for permit in (go(gate, 0.0), lost := go(gate, 0.0)):
        if permit is lost:
            permit.void()
        permit.taken_back(1.0, 4.0)
    assert gate.try_enter(M, 1.0) is not None
