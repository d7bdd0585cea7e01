"""Whether and when a failed call is made again."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq import errors
from trio_groq._api.rate_limits import retry_after
from trio_groq._api.retry import RetryPolicy, as_retry_policy, decide, is_transient
from trio_groq._http.messages import Headers

POLICY = RetryPolicy()
BROKEN = errors.APIConnectionError("connection lost")


def status_error(status: int, **fields: Any) -> errors.APIStatusError:
    return errors.APIStatusError("no", status_code=status, **fields)


def timeout(phase: Any) -> errors.APITimeoutError:
    kind = errors.PoolTimeoutError if phase == "pool" else errors.APITimeoutError
    return kind("too slow", phase=phase, limit=5.0)


def wait_after(error: errors.GroqError, policy: RetryPolicy = POLICY, **changes: Any) -> Any:
    arguments: dict[str, Any] = {"attempt": 1, "headers": None, "remaining": math.inf, "u": 0.0}
    return decide(policy, error=error, **(arguments | changes))


@pytest.mark.parametrize("status", [408, 409, 429, 498, 500, 501, 502, 503, 504, 529, 599])
def test_statuses_that_are_retried(status: int) -> None:
    assert wait_after(status_error(status)) == 0.5


@pytest.mark.parametrize("status", [302, 400, 401, 402, 403, 404, 405, 413, 415, 422, 424, 499])
def test_statuses_that_are_not(status: int) -> None:
    assert wait_after(status_error(status)) is None


@pytest.mark.parametrize(
    ("error", "is_retried"),
    [
        (BROKEN, True),
        (errors.ProtocolError("bad chunk size"), True),
        (timeout("connect"), True),
        (timeout("write"), True),
        (timeout("read"), True),
        (timeout("first_token"), True),
        (timeout("total"), False),
        (timeout("pool"), False),
        (timeout("rate_limit"), False),
        (errors.StreamError("cut off before the first event"), True),
        (errors.StreamError("cut off", partial="Hel"), False),
        (errors.APIConnectionError("lost", partial="Hel"), False),
        (status_error(503, partial="Hel"), False),
        (errors.APIResponseValidationError("not JSON"), False),
        (errors.CircuitOpenError("down", retry_at=9.0), False),
        (errors.ConfigurationError("no key"), False),
        (errors.InvalidRequestError("no model"), False),
    ],
)
def test_errors_by_kind(error: errors.GroqError, is_retried: bool) -> None:
    assert wait_after(error) == (0.5 if is_retried else None)


def test_the_class_for_413_is_not_transient_whatever_its_code() -> None:
    error = errors.RequestTooLargeError("no", status_code=413, code="rate_limit_exceeded")
    assert not is_transient(error)


def test_a_quota_that_is_spent_comes_back_in_no_wait() -> None:
    error = errors.RateLimitError("no", status_code=429, code="insufficient_quota")
    assert not is_transient(error)


@pytest.mark.parametrize(
    ("status", "value", "is_retried"),
    [
        (400, "true", True),
        (413, "True", True),
        (503, "false", False),
        (429, "FALSE", False),
        (503, "maybe", True),
        (400, "maybe", False),
        (400, "", False),
    ],
)
def test_x_should_retry_wins_over_the_status(status: int, value: str, is_retried: bool) -> None:
    headers = Headers([(b"x-should-retry", value.encode())])
    wait = wait_after(status_error(status), headers=headers)
    assert wait == (0.5 if is_retried else None)


def test_x_should_retry_does_not_take_back_what_was_handed_out() -> None:
    headers = {"x-should-retry": "true"}
    assert wait_after(status_error(503, partial="Hel"), headers=headers) is None


def test_x_should_retry_says_nothing_of_a_response_that_cannot_be_read() -> None:
    headers = {"x-should-retry": "true"}
    assert wait_after(errors.APIResponseValidationError("?"), headers=headers) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_fault_of_the_request_is_not_repeated_whatever_else_it_says(status: int) -> None:
    error = status_error(status, retry_after=1.0, code="rate_limit_exceeded")
    assert wait_after(error, headers={"retry-after": "1"}) is None
    with pytest.raises(errors.ConfigurationError) as caught:
        RetryPolicy(statuses=frozenset({408, status}))
    assert str(caught.value) == (
        f"statuses: expected none that fails again whenever it is sent again, got {status}"
    )


def test_the_statuses_of_a_policy_count_beside_those_from_500_on() -> None:
    policy = RetryPolicy(statuses=frozenset({425}))
    assert wait_after(status_error(425), policy) == 0.5
    assert wait_after(status_error(429), policy) is None
    assert wait_after(status_error(503), policy) == 0.5
    assert RetryPolicy(statuses=[408, 425]).statuses == {408, 425}


@pytest.mark.parametrize(
    ("answer", "headers", "status", "is_retried"),
    [
        (True, {}, 410, True),
        (True, {}, 503, True),
        *[(True, {}, status, False) for status in (400, 401, 403, 404, 413, 422)],
        (True, {"x-should-retry": "true"}, 413, True),
        (False, {}, 503, False),
        (None, {}, 503, True),
        (None, {}, 400, False),
        (False, {"x-should-retry": "true"}, 503, False),
        (True, {"x-should-retry": "false"}, 503, False),
        (None, {"x-should-retry": "true"}, 400, True),
    ],
)
def test_the_caller_has_a_verdict_and_either_may_say_no(
    answer: bool | None, headers: dict[str, str], status: int, is_retried: bool
) -> None:
    asked = []

    def verdict(error: errors.GroqError) -> bool | None:
        asked.append(error)
        return answer

    error = status_error(status)
    wait = wait_after(error, RetryPolicy(verdict=verdict), headers=headers)
    assert wait == (0.5 if is_retried else None)
    assert asked == [error]


def test_no_verdict_brings_back_what_was_handed_out_or_used_up() -> None:
    policy = RetryPolicy(verdict=lambda _: True)
    assert wait_after(errors.StreamError("cut off", partial="Hel"), policy) is None
    assert wait_after(BROKEN, policy, attempt=3) is None
    assert wait_after(errors.APIResponseValidationError("not JSON"), policy) == 0.5


def test_an_error_says_that_its_wait_was_too_long() -> None:
    error = status_error(429, retry_after=7200.0)
    assert wait_after(error) is None
    assert error.__notes__ == [
        "Not tried again: the server asks to wait 7200 s, longer than max_retry_after (60 s)."
    ]
    assert error.retry_after == 7200.0


@pytest.mark.parametrize(("remaining", "said"), [(6.5, "6.5 s"), (-1.0, "0 s")])
def test_an_error_says_that_its_deadline_was_too_near(remaining: float, said: str) -> None:
    error = status_error(429, retry_after=7.0)
    assert wait_after(error, remaining=remaining) is None
    assert error.__notes__ == [
        f"Not tried again: the wait of 7 s would not end before the deadline in {said}."
    ]


def test_an_error_that_is_not_repeated_for_another_reason_has_no_note() -> None:
    for error in (status_error(400), status_error(429, retry_after=7200.0)):
        assert wait_after(error, RetryPolicy(max_retries=0)) is None
        assert not hasattr(error, "__notes__")


@pytest.mark.parametrize(
    ("headers", "message", "wait"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, "try again in 5s", 1.5),
        ({"retry-after-ms": "0", "retry-after": "4"}, "", 4.0),
        ({"retry-after": "7"}, "Please try again in 6.78s.", 7.0),
        ({"retry-after": "0.25"}, "", 0.25),
        ({"retry-after": "1m"}, "", 60.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:30 GMT"}, "", 20.0),
        ({}, "Please try again in 6.78s. Need more?", 6.78),
        ({}, "Please try again in 1h53m56.832s.", None),
        ({}, "Slow down.", 0.5),
    ],
)
def test_every_form_of_a_wait_is_honoured(
    headers: dict[str, str], message: str, wait: float | None
) -> None:
    error = status_error(429, retry_after=retry_after(headers, message, 10.0))
    assert wait_after(error, headers=headers) == wait


@pytest.mark.parametrize(
    ("attempt", "wait"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 8.0), (5000, 8.0)]
)
def test_backoff_doubles_up_to_its_maximum(attempt: int, wait: float) -> None:
    assert wait_after(BROKEN, RetryPolicy(max_retries=9999), attempt=attempt) == wait


@pytest.mark.parametrize(("u", "wait"), [(0.0, 8.0), (0.25, 7.5), (0.5, 7.0), (0.75, 6.5)])
def test_jitter_shortens_even_the_longest_wait(u: float, wait: float) -> None:
    assert wait_after(BROKEN, RetryPolicy(max_retries=9), attempt=9, u=u) == wait


def test_each_number_of_the_policy_counts() -> None:
    policy = RetryPolicy(initial_delay=1, multiplier=3, max_delay=5, jitter=1, max_retries=3)
    waits = [wait_after(BROKEN, policy, attempt=n, u=0.5) for n in (1, 2, 3, 4)]
    assert waits == [0.5, 1.5, 2.5, None]


@pytest.mark.parametrize(
    ("max_retries", "attempt", "wait"),
    [(2, 1, 0.5), (2, 2, 1.0), (2, 3, None), (0, 1, None), (1, 2, None)],
)
def test_retries_are_counted(max_retries: int, attempt: int, wait: float | None) -> None:
    policy = RetryPolicy(max_retries=max_retries)
    headers = {"x-should-retry": "true"}
    assert wait_after(status_error(503), policy, attempt=attempt, headers=headers) == wait


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        (0.001, 0.001),
        (7.0, 7.0),  # exactly, without jitter, and beyond max_delay
        (59.5, 59.5),
        (60.0, 60.0),
        (60.001, None),
        (6836.832, None),
        (0.0, 0.375),
        (None, 0.375),
    ],
)
def test_the_servers_wait_is_honoured_or_too_long(asked: float | None, wait: float | None) -> None:
    assert wait_after(status_error(429, retry_after=asked), u=0.999999999) == pytest.approx(wait)


def test_too_long_a_wait_stops_although_the_server_says_retry() -> None:
    error = status_error(429, retry_after=61.0)
    assert wait_after(error, headers={"x-should-retry": "true"}) is None
    assert wait_after(error, RetryPolicy(max_retry_after=61)) == 61.0


@pytest.mark.parametrize(
    ("remaining", "wait"), [(math.inf, 0.5), (0.51, 0.5), (0.5, None), (0.0, None), (-1.0, None)]
)
def test_a_wait_ends_before_the_deadline_or_is_not_begun(
    remaining: float, wait: float | None
) -> None:
    assert wait_after(BROKEN, remaining=remaining) == wait


def test_no_wait_at_all_still_needs_time_left() -> None:
    policy = RetryPolicy(initial_delay=0)
    assert wait_after(BROKEN, policy, remaining=0.1) == 0
    assert wait_after(BROKEN, policy, remaining=0.0) is None


@given(
    attempt=st.integers(1, 10**6),
    u=st.floats(0, 1, exclude_max=True),
    remaining=st.floats(-1, 100),
    status=st.integers(100, 700),
    asked=st.none() | st.floats(0, 1e9),
)
@settings(deadline=None, max_examples=300)
def test_a_wait_is_within_every_bound(
    attempt: int, u: float, remaining: float, status: int, asked: float | None
) -> None:
    policy = RetryPolicy(max_retries=10**6)
    error = status_error(status, retry_after=asked)
    wait = wait_after(error, policy, attempt=attempt, u=u, remaining=remaining)
    if wait is not None:
        assert is_transient(error)
        assert 0 <= wait < remaining
        assert wait <= (policy.max_retry_after if asked else policy.max_delay)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("max_retries", -1, "max_retries: expected an integer >= 0, got -1"),
        ("max_retries", 1.0, "max_retries: expected an integer >= 0, got 1.0"),
        ("max_retries", True, "max_retries: expected an integer >= 0, got True"),
        ("initial_delay", -0.1, "initial_delay: expected a number >= 0, got -0.1"),
        ("initial_delay", math.nan, "initial_delay: expected a number >= 0, got nan"),
        ("initial_delay", False, "initial_delay: expected a number >= 0, got False"),
        ("multiplier", 0.5, "multiplier: expected a number >= 1, got 0.5"),
        ("max_delay", math.inf, "max_delay: expected a number >= 0, got inf"),
        ("max_delay", "8", "max_delay: expected a number >= 0, got '8'"),
        ("jitter", 1.5, "jitter: expected a number from 0 to 1, got 1.5"),
        ("max_retry_after", None, "max_retry_after: expected a number >= 0, got None"),
        ("statuses", 429, "statuses: expected statuses from 400 to 499, got 429"),
        ("statuses", "429", None),
        ("statuses", [503, 200], None),
        ("verdict", True, "verdict: expected a function or None, got bool"),
        ("idempotency_key", 1, "idempotency_key: expected bool, got int"),
    ],
)
def test_a_wrong_policy_is_refused(field: str, value: Any, message: str | None) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        RetryPolicy(**{field: value})
    assert str(caught.value) == message or (message is None and field in str(caught.value))


def test_a_policy_is_frozen_and_its_numbers_are_the_sdks() -> None:
    assert RetryPolicy() == RetryPolicy(
        max_retries=2,
        initial_delay=0.5,
        multiplier=2.0,
        max_delay=8.0,
        jitter=0.25,
        max_retry_after=60.0,
        statuses=frozenset({408, 409, 429, 498}),
        verdict=None,
        idempotency_key=False,
    )
    with pytest.raises(AttributeError):
        POLICY.max_retries = 3  # type: ignore[misc]


def test_an_option_is_a_policy_or_replaces_the_number_of_retries() -> None:
    default = RetryPolicy(initial_delay=1.0)
    assert as_retry_policy(POLICY, default) is POLICY
    assert as_retry_policy(5, default) == RetryPolicy(max_retries=5, initial_delay=1.0)
    with pytest.raises(errors.ConfigurationError, match="max_retries: expected an integer >= 0"):
        as_retry_policy(True, default)
