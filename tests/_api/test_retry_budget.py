"""How many retries a client may make."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from trio_groq._api.retry_budget import RetryBudget, RetryBudgetPolicy
from trio_groq.errors import ConfigurationError


def taken(budget: RetryBudget, now: float, asked: int = 1000) -> int:
    return sum(budget.try_retry(now) for _ in range(asked))


def test_a_client_that_makes_few_calls_may_repeat_them() -> None:
    budget = RetryBudget(RetryBudgetPolicy())
    assert taken(budget, 100.0) == 10
    assert budget.denied == 990


def test_retries_are_a_part_of_the_calls() -> None:
    budget = RetryBudget(RetryBudgetPolicy(min_per_second=0))
    assert not budget.try_retry(0.0)
    for _ in range(200):
        budget.called(0.0)
    assert taken(budget, 0.0) == 40


def test_both_come_back_when_the_window_has_passed() -> None:
    budget = RetryBudget(RetryBudgetPolicy(ratio=0.5, window=10, min_per_second=0.5))
    for second in range(10):
        budget.called(float(second))
    assert taken(budget, 9.0) == 10
    assert taken(budget, 18.9) == 0  # the retries of 9.0 still count, one call does
    assert taken(budget, 19.0) == 5


def test_an_outage_is_not_multiplied() -> None:
    budget = RetryBudget(RetryBudgetPolicy())
    retries = 0
    for tick in range(6000):  # ten calls a second for a minute, each tried three times
        now = tick / 100
        if tick % 10 == 0:
            budget.called(now)
            retries += taken(budget, now, asked=2)
    assert retries <= 0.2 * 600 + 10 * 7
    assert budget.denied == 1200 - retries


class Client(RuleBasedStateMachine):
    """Any calls and retries: never more than any window of calls allows."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = RetryBudgetPolicy(ratio=0.5, window=4.0, min_per_second=0.5)
        self.budget = RetryBudget(self.policy)
        self.now = 0.0
        self.calls: list[float] = []
        self.retries: list[float] = []

    def lately(self, moments: list[float]) -> int:
        """The count at the budget's own grain: tenths of the window."""
        tenth = self.policy.window / 10
        return sum(int(each // tenth) > int(self.now // tenth) - 10 for each in moments)

    @rule()
    def call(self) -> None:
        self.budget.called(self.now)
        self.calls.append(self.now)

    @rule(count=st.integers(1, 5))
    def retry(self, count: int) -> None:
        for _ in range(count):
            allowed = self.lately(self.retries) + 1 <= 0.5 * self.lately(self.calls) + 2.0
            assert self.budget.try_retry(self.now) is allowed
            if allowed:
                self.retries.append(self.now)

    @rule(seconds=st.sampled_from([0.125, 0.5, 1.0, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds


def test_the_budget_is_as_its_model() -> None:
    run_state_machine_as_test(
        Client, settings=settings(deadline=None, max_examples=60, stateful_step_count=40)
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("ratio", -0.1, "ratio: expected a number >= 0, got -0.1"),
        ("window", 0, "window: expected a number > 0, got 0"),
        ("min_per_second", None, "min_per_second: expected a number >= 0, got None"),
    ],
)
def test_a_wrong_policy_is_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RetryBudgetPolicy(**{field: value})
    assert str(caught.value) == message
