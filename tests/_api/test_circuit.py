"""When a service is held to be down, and how it is tried again."""

import math
from typing import Any

import attrs
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

from trio_groq import errors
from trio_groq._api.circuit import (
    Circuit,
    CircuitBreakerPolicy,
    CircuitPermit,
    CircuitState,
    counts_as_failure,
)
from trio_groq._http.deadlines import Timeouts

CLOSED, OPEN, HALF_OPEN = CircuitState


def admitted(circuit: Circuit, now: float) -> CircuitPermit:
    permit = circuit.admit(now)
    assert permit is not None
    return permit


def opened(now: float = 0.0, **policy: Any) -> Circuit:
    circuit = Circuit(CircuitBreakerPolicy(**policy))
    for _ in range(circuit.policy.failure_threshold):
        admitted(circuit, now).failed(now)
    assert circuit.state is OPEN
    return circuit


def test_it_opens_after_five_failures_in_a_row() -> None:
    circuit = Circuit(CircuitBreakerPolicy())
    for _ in range(4):
        admitted(circuit, 1.0).failed(1.0)
    admitted(circuit, 1.0).succeeded(1.0)  # which breaks the row
    for _ in range(4):
        admitted(circuit, 2.0).failed(2.0)
    assert circuit.state is CLOSED
    permit = admitted(circuit, 3.0)
    assert permit.failed(3.0)
    assert circuit.state is OPEN
    assert circuit.retry_at == 33.0
    assert circuit.admit(3.0) is None
    assert circuit.admit(32.999) is None


def test_one_probe_at_a_time_and_three_successes_close_it() -> None:
    circuit = opened()
    assert circuit.admits_at(29.0) == 30.0
    for moment in (30.0, 31.0):
        probe = admitted(circuit, moment)
        assert circuit.state is HALF_OPEN
        assert circuit.admit(moment) is None
        assert circuit.admits_at(moment) == math.inf
        assert probe.succeeded(moment)
    assert circuit.state is HALF_OPEN
    assert admitted(circuit, 32.0).succeeded(32.0)
    assert circuit.state is CLOSED
    for _ in range(100):
        admitted(circuit, 32.0)


def test_one_failed_probe_opens_it_again() -> None:
    circuit = opened()
    admitted(circuit, 30.0).succeeded(30.5)
    admitted(circuit, 30.5).succeeded(31.0)
    admitted(circuit, 31.0).failed(33.0)
    assert circuit.state is OPEN
    assert circuit.retry_at == 63.0
    admitted(circuit, 63.0).succeeded(63.0)
    assert circuit.state is HALF_OPEN  # the successes of last time are over


def test_a_cancelled_probe_gives_its_place_back_and_proves_nothing() -> None:
    circuit = opened()
    for _ in range(10):
        probe = admitted(circuit, 30.0)
        assert probe.cancelled()
        assert not probe.cancelled()
        assert not probe.succeeded(30.0)
    assert circuit.state is HALF_OPEN
    admitted(circuit, 30.0)
    assert circuit.admit(30.0) is None


def test_more_probes_at_once_when_allowed() -> None:
    circuit = opened(half_open_probes=2, success_threshold=1, open_for=5)
    first, second = admitted(circuit, 5.0), admitted(circuit, 5.0)
    assert circuit.admit(5.0) is None
    assert first.succeeded(5.0)
    assert circuit.state is CLOSED
    assert not second.failed(5.0)  # of a round that is over
    assert circuit.state is CLOSED


def test_calls_from_before_have_no_say() -> None:
    circuit = Circuit(CircuitBreakerPolicy(failure_threshold=1))
    old = [admitted(circuit, 0.0) for _ in range(4)]
    old[0].failed(0.0)
    assert not old[1].succeeded(10.0)
    assert circuit.state is OPEN
    probe = admitted(circuit, 30.0)
    assert not old[2].failed(30.0)
    assert not old[3].cancelled()
    assert circuit.state is HALF_OPEN
    assert circuit.admit(30.0) is None  # the probe is still out
    assert probe.succeeded(30.0)


def test_a_cancelled_call_says_nothing_of_a_closed_circuit() -> None:
    circuit = Circuit(CircuitBreakerPolicy(failure_threshold=2))
    admitted(circuit, 0.0).failed(0.0)
    assert not admitted(circuit, 0.0).cancelled()
    admitted(circuit, 0.0).failed(0.0)
    assert circuit.state is OPEN


def test_the_error_says_when() -> None:
    circuit = opened(now=100.0)
    error = circuit.refusal("https://api.groq.com", 102.5)
    assert isinstance(error, errors.CircuitOpenError)
    assert error.retry_at == 130.0
    assert str(error) == (
        "circuit: expected https://api.groq.com to be up, got 5 failures in a row or a failed try; "
        "it is tried again in 27.5 s"
    )
    admitted(circuit, 130.0)
    error = circuit.refusal("https://api.groq.com", 140.0)
    assert error.retry_at == 141.0  # nobody knows: a moment that lies ahead
    assert str(error).endswith("; it is being tried again now")


def test_whoever_sleeps_until_retry_at_does_not_spin() -> None:
    circuit = opened()
    probe = admitted(circuit, 30.0)
    now, asked = 30.0, 0
    while circuit.admit(now) is None:
        asked += 1
        error = circuit.refusal("https://api.groq.com", now)
        assert error.retry_at == now + 1.0
        now = error.retry_at
        if now == 35.0:
            probe.succeeded(now)
    assert (now, asked) == (35.0, 5)


def test_its_time_over_an_open_circuit_is_half_open_to_whoever_asks() -> None:
    circuit = Circuit(CircuitBreakerPolicy())
    assert circuit.state_at(0.0) is CLOSED
    circuit = opened()
    assert circuit.state_at(29.9) is OPEN
    assert circuit.state_at(30.0) is HALF_OPEN
    assert circuit.state is OPEN
    admitted(circuit, 30.0).failed(31.0)
    assert circuit.state_at(60.9) is OPEN
    assert circuit.state_at(61.0) is HALF_OPEN


def status(code: int) -> errors.APIStatusError:
    return errors.APIStatusError("no", status_code=code)


def timeout(phase: Any) -> errors.APITimeoutError:
    return errors.APITimeoutError("slow", phase=phase, limit=1.0)


def closed_client() -> errors.APIConnectionError:
    error = errors.APIConnectionError("closed")
    error.is_retryable = False
    return error


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        *[(status(code), True) for code in (500, 502, 503, 504, 529, 599)],
        *[(status(code), False) for code in (307, 400, 401, 404, 408, 413, 422, 429, 498)],
        *[(timeout(phase), True) for phase in ("connect", "write", "read", "first_token", "total")],
        *[(timeout(phase), None) for phase in ("pool", "rate_limit")],
        (errors.APIConnectionError("lost"), True),
        (errors.ProtocolError("bad chunk"), True),
        (errors.StreamError("cut off"), True),
        (errors.PoolTimeoutError("full", phase="pool", limit=0.0), None),
        (closed_client(), None),
        (errors.APIResponseValidationError("not JSON"), None),
        (errors.InvalidRequestError("no model"), None),
        (errors.CircuitOpenError("down", retry_at=1.0), None),
    ],
)
def test_what_an_error_says_of_the_service(error: errors.GroqError, verdict: bool | None) -> None:
    assert counts_as_failure(error) is verdict
    assert counts_as_failure(error, EVERYTHING) is verdict


EVERYTHING = Timeouts(pool=1.0, write=1.0, read=1.0, first_token=1.0, total=1.0)


@pytest.mark.parametrize("phase", ["write", "read", "first_token", "total"])
@pytest.mark.parametrize(
    ("usual", "verdict"),
    [(0.5, True), (1.0, True), (1.5, None)],
    ids=["longer", "the-usual", "shorter"],
)
def test_a_limit_that_is_shorter_than_the_usual_one_says_nothing(
    phase: Any, usual: float | None, verdict: bool | None
) -> None:
    usually = attrs.evolve(EVERYTHING, **{phase: usual})
    assert counts_as_failure(timeout(phase), usually) is verdict
    assert counts_as_failure(timeout("connect"), Timeouts(connect=usual)) is True


@pytest.mark.parametrize("phase", ["first_token", "total"])
@pytest.mark.parametrize(("silence", "verdict"), [(1.0, True), (1.5, None), (None, None)])
def test_where_no_limit_is_usual_that_on_silence_counts(
    phase: Any, silence: float | None, verdict: bool | None
) -> None:
    usually = Timeouts(read=silence, first_token=None, total=None)
    assert counts_as_failure(timeout(phase), usually) is verdict


def test_without_any_usual_limit_a_caller_s_says_nothing() -> None:
    assert counts_as_failure(timeout("write"), Timeouts(write=None)) is None


def test_a_function_for_the_key_says_nothing_of_the_service() -> None:
    assert counts_as_failure(timeout("key")) is None


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("failure_threshold", 0, "failure_threshold: expected an integer >= 1, got 0"),
        ("open_for", 0.0, "open_for: expected a number > 0, got 0.0"),
        ("half_open_probes", 0, "half_open_probes: expected an integer >= 1, got 0"),
        ("success_threshold", 0, "success_threshold: expected an integer >= 1, got 0"),
        ("on_open", "hold", "on_open: expected one of fail, wait, got 'hold'"),
    ],
)
def test_a_wrong_policy_is_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        CircuitBreakerPolicy(**{field: value})
    assert str(caught.value) == message


class Service(RuleBasedStateMachine):
    """Any calls with any end, beside a model that keeps the whole history of the round."""

    @initialize(failures=st.integers(1, 3), probes=st.integers(1, 3), successes=st.integers(1, 3))
    def begin(self, failures: int, probes: int, successes: int) -> None:
        self.policy = CircuitBreakerPolicy(
            failure_threshold=failures,
            open_for=10,
            half_open_probes=probes,
            success_threshold=successes,
        )
        self.circuit = Circuit(self.policy)
        self.now = 0.0
        self.enter(CLOSED)
        self.old: list[CircuitPermit] = []
        self.opened_at = -math.inf

    def enter(self, state: CircuitState) -> None:
        self.state = state
        self.ends: list[bool] = []
        if hasattr(self, "out"):
            self.old += self.out
        self.out: list[CircuitPermit] = []

    @rule()
    def call(self) -> None:
        if self.state is OPEN and self.now >= self.opened_at + 10:
            self.enter(HALF_OPEN)
        may = self.state is CLOSED or (
            self.state is HALF_OPEN and len(self.out) < self.policy.half_open_probes
        )
        permit = self.circuit.admit(self.now)
        assert (permit is not None) is may
        if permit is not None:
            self.out.append(permit)

    @precondition(lambda self: self.out)
    @rule(data=st.data(), how=st.sampled_from(["ok", "ok", "failed", "failed", "cancelled"]))
    def end(self, data: st.DataObject, how: str) -> None:
        permit = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        self.old.append(permit)
        if how == "cancelled":
            permit.cancelled()
            return
        self.ends.append(how == "ok")
        if how == "ok":
            permit.succeeded(self.now)
            enough = sum(self.ends) >= self.policy.success_threshold
            if self.state is HALF_OPEN and enough:
                self.enter(CLOSED)
            return
        permit.failed(self.now)
        row = self.ends[-self.policy.failure_threshold :]
        tripped = len(row) == self.policy.failure_threshold and not any(row)
        if self.state is HALF_OPEN or tripped:
            self.opened_at = self.now
            self.enter(OPEN)

    @precondition(lambda self: self.old)
    @rule(data=st.data())
    def end_an_old_one(self, data: st.DataObject) -> None:
        permit = data.draw(st.sampled_from(self.old))
        assert not permit.failed(self.now)
        assert not permit.succeeded(self.now)
        assert not permit.cancelled()

    @rule(seconds=st.sampled_from([1.0, 5.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def is_as_the_model(self) -> None:
        assert self.circuit.state is self.state
        if self.state is OPEN:
            assert self.circuit.retry_at == self.opened_at + 10


def test_the_circuit_is_as_its_model() -> None:
    run_state_machine_as_test(
        Service, settings=settings(deadline=None, max_examples=80, stateful_step_count=50)
    )
