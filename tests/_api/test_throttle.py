"""Spending a known budget: when which call may go."""

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from trio_groq._api.rate_limit_policy import RateLimitPolicy, estimate_tokens
from trio_groq._api.throttle import MAX_MODELS, Spend, Throttle
from trio_groq.errors import ConfigurationError, RateLimits, RateLimitWindow

if TYPE_CHECKING:
    from trio_groq._api.line import Waiter

M = "llama-3.1-8b-instant"


def throttle(**policy: Any) -> Throttle:
    return Throttle(RateLimitPolicy(**policy))


def go(at: Throttle, now: float, cost: int = 1) -> Spend:
    spend = at.try_enter(M, cost, now)
    assert spend is not None
    return spend


def stated(**window: Any) -> RateLimits:
    return RateLimits(tokens=RateLimitWindow(**window))


def test_without_any_limit_nothing_waits() -> None:
    idle = throttle()
    for _ in range(1000):
        go(idle, 0.0, 10**9)


def test_requests_pass_until_a_tenth_is_left_and_then_keep_a_distance() -> None:
    busy = throttle(requests_per_minute=60)
    for _ in range(54):
        go(busy, 0.0)
    go(busy, 0.0)  # 5 left: the next one stays behind for a sixth of the second it takes to refill
    assert busy.turn_at(M, 1, 0.0) == pytest.approx(1 / 6)
    assert busy.try_enter(M, 1, 0.1) is None
    go(busy, 1 / 6)
    assert busy.turn_at(M, 1, 1 / 6) == pytest.approx(1 / 6 + 1 - (5 + 1 / 6 - 1) / 6)


def test_in_the_end_calls_go_as_fast_as_the_bucket_refills() -> None:
    busy = throttle(requests_per_minute=60)
    now, count = 0.0, 0
    while now < 120:
        now = max(now, busy.turn_at(M, 1, now))
        go(busy, now)
        count += 1
    assert 60 + 119 - 6 <= count <= 60 + 121
    assert busy.turn_at(M, 1, now) - now == pytest.approx(1.0, abs=0.05)


def test_tokens_are_spent_as_estimated_and_corrected_by_what_was_used() -> None:
    busy = throttle(tokens_per_minute=6000)
    spend = go(busy, 0.0, 5000)
    assert busy.turn_at(M, 2000, 0.0) == pytest.approx(10.0)
    spend.answered(None, 0.0)
    spend.used(1500, 0.0)
    assert busy.turn_at(M, 2000, 0.0) == 0.0
    spend.used(0, 0.0)  # it is settled
    assert busy.turn_at(M, 6000, 0.0) == pytest.approx(15.0)


def test_what_is_given_back_shortens_the_distance_too() -> None:
    busy = throttle(tokens_per_minute=600)
    spend = go(busy, 0.0, 600)
    assert busy.turn_at(M, 1, 5.0) == pytest.approx(60.0)
    spend.used(570, 10.0)  # 30 were left, half of the reserve
    assert busy.turn_at(M, 1, 10.0) == pytest.approx(30.0)
    assert busy.turn_at(M, 1, 100.0) == 100.0


def test_more_than_was_estimated_is_taken_too() -> None:
    busy = throttle(tokens_per_minute=6000)
    go(busy, 0.0, 1000).used(5500, 0.0)
    assert busy.turn_at(M, 1000, 0.0) == pytest.approx(5.0)


def test_what_was_not_sent_costs_neither_tokens_nor_a_request() -> None:
    busy = throttle(requests_per_minute=1, tokens_per_minute=6000)
    spend = go(busy, 0.0, 6000)
    assert busy.turn_at(M, 1, 0.0) == pytest.approx(60.0)
    spend.void(0.0)
    budget = busy._budgets[M]
    assert (budget.requests, budget.tokens) == (0, 0)
    assert [bucket.level(0.0) for bucket, _ in budget._prices(1)] == [1.0, 6000.0]
    spend.void(0.0)
    assert [bucket.level(0.0) for bucket, _ in budget._prices(1)] == [1.0, 6000.0]


def test_a_request_beyond_the_whole_budget_goes_when_it_is_full() -> None:
    busy = throttle(tokens_per_minute=600)
    go(busy, 0.0, 100)
    assert busy.turn_at(M, 10**6, 0.0) == pytest.approx(10.0)
    go(busy, 10.0, 1200)
    assert busy.turn_at(M, 1, 10.0) >= 10.0 + 60.0


def test_what_is_charged_and_what_is_given_back_are_no_more_than_the_whole_budget() -> None:
    busy = throttle(tokens_per_minute=600)
    spend = go(busy, 0.0, 10**6)
    assert busy.turn_at(M, 600, 0.0) == pytest.approx(60.0)
    spend.answered(None, 0.0)
    spend.used(150, 0.0)
    assert busy.turn_at(M, 450, 0.0) == 0.0
    assert busy.turn_at(M, 600, 0.0) == pytest.approx(15.0)


def test_models_have_budgets_of_their_own() -> None:
    busy = throttle(requests_per_minute=1)
    go(busy, 0.0)
    assert busy.try_enter(M, 1, 0.0) is None
    assert busy.try_enter("another", 1, 0.0) is not None


def test_headers_state_a_budget_that_is_spent() -> None:
    busy = throttle()
    go(busy, 0.0, 700).answered(stated(limit=6000, remaining=500, reset_after=55.0), 0.0)
    assert busy.turn_at(M, 700, 0.0) == pytest.approx(2.0)
    # There is enough for less, but not much: a sixth of the reserve is gone.
    assert busy.turn_at(M, 400, 0.0) == pytest.approx(7.0 / 6)


def test_calls_under_way_are_not_in_the_headers_yet() -> None:
    busy = throttle()
    first, second, third = (go(busy, 0.0, 700) for _ in range(3))
    first.answered(stated(limit=6000, remaining=5300, reset_after=7.0), 0.1)
    assert busy.turn_at(M, 5000, 0.1) == pytest.approx(0.1 + (5000 - 3900) / 100)
    second.answered(None, 0.2)
    third.answered(stated(limit=6000, remaining=4000, reset_after=20.0), 0.2)
    assert busy.turn_at(M, 4000, 0.2) == 0.2


def test_requests_are_stated_by_the_day() -> None:
    busy = throttle()
    limits = RateLimits(requests=RateLimitWindow(limit=14400, remaining=0, reset_after=86400.0))
    go(busy, 0.0).answered(limits, 0.0)
    assert busy.turn_at(M, 1, 0.0) == pytest.approx(6.0)
    fresh = RateLimits(requests=RateLimitWindow(limit=14400, remaining=14400, reset_after=0.0))
    go(busy, 6.0).answered(fresh, 6.0)
    assert busy.turn_at(M, 1, 20.0) == 20.0


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"limit": 6000},
        {"remaining": 0},
        {"limit": 0, "remaining": 0, "reset_after": 1.0},
    ],
)
def test_headers_that_state_no_budget_change_nothing(window: dict[str, Any]) -> None:
    busy = throttle(tokens_per_minute=600)
    go(busy, 0.0, 300).answered(stated(**window), 0.0)
    assert busy.turn_at(M, 400, 0.0) == pytest.approx(10.0)


def test_a_stated_rate_follows_from_what_is_used_and_the_time_to_the_reset() -> None:
    busy = throttle()
    go(busy, 0.0).answered(stated(limit=1000, remaining=0, reset_after=10.0), 0.0)
    assert busy.turn_at(M, 200, 0.0) == pytest.approx(2.0)
    go(busy, 2.0, 200).answered(stated(limit=600, remaining=600, reset_after=0.0), 2.0)
    go(busy, 5.0, 600)
    assert busy.turn_at(M, 100, 5.0) >= 5.0 + 10.0


def test_more_left_than_granted_is_no_more_than_granted() -> None:
    busy = throttle()
    go(busy, 0.0).answered(stated(limit=600, remaining=900, reset_after=5.0), 0.0)
    assert busy.turn_at(M, 600, 0.0) == 0.0
    go(busy, 0.0, 600)
    assert busy.turn_at(M, 100, 0.0) >= 10.0


def test_a_line_is_served_in_order_and_from_its_head() -> None:
    busy = throttle(tokens_per_minute=600)
    go(busy, 0.0, 600)
    second, first = busy.join(M, 8, 10, 0.0), busy.join(M, 7, 300, 0.0)
    assert busy.poll(M, second, 30.0) == math.inf  # there is enough, and it is not its turn
    assert busy.poll(M, first, 0.0) == pytest.approx(60.0)  # kept at a distance of its own cost
    assert busy.try_enter(M, 1, 60.0) is None
    assert isinstance(busy.poll(M, first, 60.0), Spend)
    assert isinstance(busy.poll(M, second, 100.0), Spend)


def test_what_comes_back_names_the_line_to_wake() -> None:
    busy = throttle(tokens_per_minute=600)
    spend = go(busy, 0.0, 500)
    waiter = busy.join(M, 7, 300, 0.0)
    assert busy.poll(M, waiter, 0.0) == pytest.approx(20.0)
    assert spend.answered(None, 1.0) is waiter.line
    assert spend.used(100, 1.0) is waiter.line
    assert isinstance(busy.poll(M, waiter, 1.0), Spend)
    assert spend.answered(None, 2.0) is None
    assert spend.used(100, 2.0) is None


def test_the_number_of_models_is_bounded_and_those_in_use_stay() -> None:
    busy = throttle(requests_per_minute=1)
    spend = go(busy, 0.0)
    for number in range(3 * MAX_MODELS):
        other = busy.try_enter(f"model {number}", 1, 0.0)
        assert other is not None
        other.used(1, 0.0)
    assert len(busy._budgets) <= MAX_MODELS + 1
    assert busy.try_enter(M, 1, 0.0) is None
    spend.used(1, 0.0)


def test_below_that_number_none_is_forgotten() -> None:
    busy = throttle(requests_per_minute=1)
    go(busy, 0.0).answered(None, 0.0)
    for number in range(MAX_MODELS - 1):
        other = busy.try_enter(f"model {number}", 1, 0.0)
        assert other is not None
        other.answered(None, 0.0)
    assert busy.try_enter(M, 1, 0.0) is None


@pytest.mark.parametrize(
    ("size", "most", "tokens"),
    [(0, 0, 1), (0, None, 1024), (1, 0, 1), (4, 0, 1), (5, 0, 2), (4000, 500, 1500)],
)
def test_estimates(size: int, most: int | None, tokens: int) -> None:
    assert estimate_tokens(size, most) == tokens


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "requests_per_minute",
            0,
            "requests_per_minute: expected an integer >= 1 or None, got 0",
        ),
        ("tokens_per_minute", 1.5, "tokens_per_minute: expected an integer >= 1 or None, got 1.5"),
        ("proactive", 1, "proactive: expected bool, got int"),
        ("max_wait", -1, "max_wait: expected a number >= 0 or None, got -1"),
        ("cold_start", 0, "cold_start: expected an integer >= 1 or None, got 0"),
    ],
)
def test_a_wrong_policy_is_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RateLimitPolicy(**{field: value})
    assert str(caught.value) == message


class Account(RuleBasedStateMachine):
    """Any calls against both budgets: what is let through is never more than they grant."""

    @initialize(rpm=st.sampled_from([6, 60]), tpm=st.sampled_from([600, 6000]))
    def begin(self, rpm: int, tpm: int) -> None:
        self.rpm, self.tpm = rpm, tpm
        self.throttle = throttle(requests_per_minute=rpm, tokens_per_minute=tpm)
        self.now = 0.0
        self.place = 0
        self.requests, self.tokens = float(rpm), float(tpm)
        self.out: list[Spend] = []
        self.waiting: list[Waiter] = []
        self.let: list[int] = []

    def passed(self, spend: Spend, cost: int) -> None:
        self.requests -= 1
        self.tokens -= cost
        assert self.requests >= -1e-3
        assert self.tokens >= -1e-3
        self.out.append(spend)

    @rule(cost=st.integers(1, 500))
    def call(self, cost: int) -> None:
        self.place += 1
        spend = self.throttle.try_enter(M, cost, self.now)
        if spend is None:
            self.waiting.append(self.throttle.join(M, self.place, cost, self.now))
        else:
            assert not self.waiting, "overtaken"
            self.let.append(self.place)
            self.passed(spend, cost)

    @precondition(lambda self: self.waiting)
    @rule()
    def ask(self) -> None:
        waiter = self.waiting[0]
        step = self.throttle.poll(M, waiter, self.now)
        if isinstance(step, float):
            assert self.now < step < math.inf
        else:
            self.waiting.pop(0)
            self.let.append(waiter.place)
            self.passed(step, waiter.cost)

    @precondition(lambda self: self.waiting)
    @rule()
    def wait_and_ask(self) -> None:
        """At the moment that it names the head does pass."""
        step = self.throttle.poll(M, self.waiting[0], self.now)
        if isinstance(step, float):
            self.pass_time(step + 1e-9 - self.now)
            step = self.throttle.poll(M, self.waiting[0], self.now)
            assert isinstance(step, Spend)
        waiter = self.waiting.pop(0)
        self.let.append(waiter.place)
        self.passed(step, waiter.cost)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        waiter = self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1)))
        waiter.line.leave(waiter)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), share=st.sampled_from([0.0, 0.5, 1.0]))
    def answer(self, data: st.DataObject, share: float) -> None:
        spend = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        used = int(spend._cost * share)
        self.tokens = min(self.tokens + spend._cost - used, self.tpm)
        spend.used(used, self.now)

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.requests = min(self.requests + seconds * self.rpm / 60, self.rpm)
        self.tokens = min(self.tokens + seconds * self.tpm / 60, self.tpm)

    @invariant()
    def first_come_first_served(self) -> None:
        if hasattr(self, "let"):
            assert self.let == sorted(self.let)


def test_no_budget_is_overdrawn() -> None:
    run_state_machine_as_test(
        Account, settings=settings(deadline=None, max_examples=80, stateful_step_count=50)
    )
