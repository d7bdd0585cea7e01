"""Whether a failed call is made again, and after how long a wait: one function.

The rules are those of the official SDK, with two exceptions: the caller may have a verdict of its
own, and if the server asks for a longer wait than we accept, we stop, and do not come back too
early. In this order, the first that applies decides:

1. All retries are used up: stop.
2. Events of the result were received (`partial`): stop. What was handed out cannot be taken back.
3. The caller's verdict (`verdict`) is no: stop.
4. `x-should-retry` of an error response: as it says, against any status.
5. The status is 400, 401, 403, 404, 413 or 422: stop. The request itself is at fault, which nobody
   but the server knows better.
6. The caller's verdict is yes: go on. Else by the error: see `is_transient`.
7. The server names a wait: that one, unless it is longer than we care to wait; then stop.
8. Otherwise exponential backoff with jitter.
9. A wait that would not end before the deadline is not begun: stop.

Time and chance are arguments. An error that is not repeated because of the wait (7 and 9) gets a
note that says so.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeAlias

import attrs

from trio_groq._validators import count, instance, number
from trio_groq.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    GroqError,
    StreamError,
)

__all__ = ["RetryOption", "RetryPolicy", "Verdict", "as_retry_policy", "decide", "is_transient"]

Verdict: TypeAlias = Callable[[GroqError], bool | None]
"""Tells whether a failed attempt is to be repeated; None leaves it to the rules."""

# Request timeout, conflict (a lock held by another request), rate limit, flex capacity.
RETRIED_STATUSES = frozenset({408, 409, 429, 498})
NEVER_RETRIED: Final = frozenset({400, 401, 403, 404, 413, 422})
"""The request itself is at fault: sent again it fails again."""
# From here on every status is the server's fault, and most of those pass.
FIRST_SERVER_STATUS = 500

# Waiting again in a queue that was too long makes it longer; the total limit has no time left.
# The same holds for the line before a rate limit: it had its time (`max_wait`).
FINAL_PHASES = frozenset({"pool", "rate_limit", "total"})

_SHOULD_RETRY = {"true": True, "false": False}


def _as_statuses(value: Collection[int]) -> frozenset[int] | Collection[int]:
    """Lists of a configuration file, too; what is no collection is told by `_check_statuses`."""
    return frozenset(value) if isinstance(value, Collection) else value


def _check_statuses(_owner: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, frozenset):
        raise ConfigurationError(f"{field.name}: expected statuses from 400 to 499, got {value!r}")
    wrong = [each for each in value if not isinstance(each, int) or not 400 <= each <= 499]  # noqa: PLR2004 (HTTP's 4xx)
    if wrong:
        shown = ", ".join(sorted(map(repr, wrong)))
        raise ConfigurationError(f"{field.name}: expected statuses from 400 to 499, got {shown}")
    if value & NEVER_RETRIED:
        never = ", ".join(map(str, sorted(value & NEVER_RETRIED)))
        raise ConfigurationError(
            f"{field.name}: expected none that fails again whenever it is sent again, got {never}"
        )


def _check_verdict(_owner: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if value is not None and not callable(value):
        raise ConfigurationError(
            f"{field.name}: expected a function or None, got {type(value).__name__}"
        )


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and how patiently a call is repeated. All times are in seconds.

    Attributes:
        max_retries: Repetitions after the first attempt, 0 or more.
        initial_delay: Wait before the first repetition, 0 or more.
        multiplier: Growth of the wait from one repetition to the next, 1 or more.
        max_delay: Longest wait of our own choice, 0 or more.
        jitter: Part of the wait, 0 to 1, that chance may take away, so that clients which
            failed together do not come back together.
        max_retry_after: Longest wait that is accepted from the server, 0 or more. If it asks for
            more, the error is raised at once; its `retry_after` tells how long.
        statuses: Statuses from 400 to 499 that are repeated; those from 500 on always are.
        verdict: Asked about each error that may be repeated, with the error; None to have no say.
            Its no is final. Its yes goes beyond `statuses`, but not against `x-should-retry`, nor
            for 400, 401, 403, 404, 413 and 422.
        idempotency_key: Whether all attempts of a call carry one and the same `Idempotency-Key`.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    # The defaults are those of the official SDK: users of it find the same behaviour.
    max_retries: int = attrs.field(default=2, validator=count(0))
    initial_delay: float = attrs.field(default=0.5, validator=number(0))
    multiplier: float = attrs.field(default=2.0, validator=number(1))
    max_delay: float = attrs.field(default=8.0, validator=number(0))
    jitter: float = attrs.field(default=0.25, validator=number(0, 1))
    max_retry_after: float = attrs.field(default=60.0, validator=number(0))
    statuses: frozenset[int] = attrs.field(
        default=RETRIED_STATUSES, converter=_as_statuses, validator=_check_statuses
    )
    verdict: Verdict | None = attrs.field(default=None, validator=_check_verdict)
    idempotency_key: bool = attrs.field(default=False, validator=instance(bool))


RetryOption: TypeAlias = int | RetryPolicy
"""How often a failed call is repeated at the most, or a policy."""


def as_retry_policy(option: RetryOption, default: RetryPolicy) -> RetryPolicy:
    """The policy that an option means; a number replaces `max_retries` of `default`.

    Raises:
        ConfigurationError: It is no integer >= 0.
    """
    if isinstance(option, RetryPolicy):
        return option
    return attrs.evolve(default, max_retries=option)


def decide(
    policy: RetryPolicy,
    *,
    attempt: int,
    error: GroqError,
    headers: Mapping[str, str] | None,
    remaining: float,
    u: float,
) -> float | None:
    """Decide what follows a failed attempt.

    Args:
        policy: The numbers.
        attempt: How many attempts were made so far, this one included: 1 or more.
        error: What the attempt ended with.
        headers: Header fields of the response, None if there was none.
        remaining: Seconds until the caller's deadline or our total limit, `inf` without one.
        u: A random number, 0 <= u < 1.

    Returns:
        Seconds to wait before the next attempt, 0 or more; None to stop and raise the error.
    """
    if attempt > policy.max_retries or not _may_retry(policy, error, headers):
        return None
    wait = _wait(policy, attempt, error, u)
    if wait is not None and wait < remaining:
        return wait
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    if wait is None:
        error.add_note(
            f"Not tried again: the server asks to wait {asked:g} s, longer than max_retry_after "
            f"({policy.max_retry_after:g} s)."
        )
    else:
        error.add_note(
            f"Not tried again: the wait of {wait:.3g} s would not end before the deadline in "
            f"{max(remaining, 0.0):.3g} s."
        )
    return None


def _may_retry(policy: RetryPolicy, error: GroqError, headers: Mapping[str, str] | None) -> bool:
    if isinstance(error, APIError) and error.partial is not None:
        return False
    verdict = None if policy.verdict is None else policy.verdict(error)
    if verdict is False:
        return False
    if isinstance(error, APIStatusError) and headers is not None:
        told = _SHOULD_RETRY.get(headers.get("x-should-retry", "").lower())
        if told is not None:
            return told
    if isinstance(error, APIStatusError) and error.status_code in NEVER_RETRIED:
        return False
    return verdict is True or is_transient(error, policy.statuses)


def is_transient(error: GroqError, statuses: Collection[int] = RETRIED_STATUSES) -> bool:
    """Tell whether the same call may well succeed when it is made again at once or soon.

    This is narrower than `error.is_retryable`, which holds for some later moment, too: an open
    circuit or a pool without a free connection is not overcome by asking again.

    Args:
        error: What an attempt ended with.
        statuses: Those from 400 to 499 that pass.

    Returns:
        True for these statuses and all from 500 on, for a failed connection, for a stream that
        broke, and for a time limit on one phase of an attempt.
    """
    if isinstance(error, APIStatusError):
        if error.code == "insufficient_quota":  # a 429 that no wait overcomes
            return False
        return error.status_code in statuses or error.status_code >= FIRST_SERVER_STATUS
    if isinstance(error, APITimeoutError):
        return error.phase not in FINAL_PHASES
    return isinstance(error, APIConnectionError | StreamError) and error.is_retryable


def _wait(policy: RetryPolicy, attempt: int, error: GroqError, u: float) -> float | None:
    """Seconds to wait; None if the server asks for more than is accepted."""
    asked = error.retry_after if isinstance(error, APIStatusError) else None
    if asked is not None and asked > 0:
        return asked if asked <= policy.max_retry_after else None
    return _backoff(policy, attempt) * (1 - policy.jitter * u)


def _backoff(policy: RetryPolicy, attempt: int) -> float:
    try:
        delay = policy.initial_delay * float(policy.multiplier) ** (attempt - 1)
    except OverflowError:  # far beyond any maximum
        return policy.max_delay
    return min(delay, policy.max_delay)
