"""Whether a failed call is made again, and after how long a wait: one pure function.

The rules are those of the official SDK, with one exception: if the server asks for a longer wait
than we accept, we stop, and do not come back too early. In this order, the first that applies
decides:

1. All retries are used up: stop.
2. Events of the result were received (`partial`): stop. What was handed out cannot be taken back.
3. `x-should-retry` of an error response: as it says, against any status.
4. By the error: see `is_transient`.
5. The server names a wait: that one, unless it is longer than we care to wait; then stop.
6. Otherwise exponential backoff with jitter.
7. A wait that would not end before the deadline is not begun: stop.

Time and chance are arguments.
"""

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from trio_groq._validators import count, number
from trio_groq.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    GroqError,
    StreamError,
)

__all__ = ["RetryOption", "RetryPolicy", "as_retry_policy", "decide", "is_transient"]

# Request timeout, conflict (a lock held by another request), rate limit, flex capacity.
RETRIED_STATUSES = frozenset({408, 409, 429, 498})
# From here on every status is the server's fault, and most of those pass.
FIRST_SERVER_STATUS = 500

# Waiting again in a queue that was too long makes it longer; the total limit has no time left.
FINAL_PHASES = frozenset({"pool", "total"})

_SHOULD_RETRY = {"true": True, "false": False}


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
    if attempt > policy.max_retries or not _may_retry(error, headers):
        return None
    wait = _wait(policy, attempt, error, u)
    return wait if wait is not None and wait < remaining else None


def _may_retry(error: GroqError, headers: Mapping[str, str] | None) -> bool:
    if isinstance(error, APIError) and error.partial is not None:
        return False
    if isinstance(error, APIStatusError) and headers is not None:
        told = _SHOULD_RETRY.get(headers.get("x-should-retry", "").lower())
        if told is not None:
            return told
    return is_transient(error)


def is_transient(error: GroqError) -> bool:
    """Tell whether the same call may well succeed when it is made again at once or soon.

    This is narrower than `error.is_retryable`, which holds for some later moment, too: an open
    circuit or a pool without a free connection is not overcome by asking again.

    Args:
        error: What an attempt ended with.

    Returns:
        True for the statuses 408, 409, 429, 498 and all from 500 on, for a failed connection, for
        a stream that broke, and for a time limit on one phase of an attempt.
    """
    if isinstance(error, APIStatusError):
        return error.status_code in RETRIED_STATUSES or error.status_code >= FIRST_SERVER_STATUS
    if isinstance(error, APITimeoutError):
        return error.phase not in FINAL_PHASES
    return isinstance(error, APIConnectionError | StreamError) and error.is_retryable


def _wait(policy: RetryPolicy, attempt: int, error: GroqError, u: float) -> float | None:
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
