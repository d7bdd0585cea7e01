"""How often and how patiently a failed call is made again: the numbers.

What follows from them is decided in `retry_rules`.
"""

from collections.abc import Callable, Collection
from typing import Any, Final, TypeAlias

import attrs

from trio_groq._validators import count, instance, number
from trio_groq.errors import ConfigurationError, GroqError

__all__ = ["RETRIED_STATUSES", "RetryOption", "RetryPolicy", "Verdict", "as_retry_policy"]

Verdict: TypeAlias = Callable[[GroqError], bool | None]
"""Tells whether a failed attempt is to be repeated; None leaves it to the rules."""

# Request timeout, conflict (a lock held by another request), rate limit, flex capacity.
RETRIED_STATUSES = frozenset({408, 409, 429, 498})
NEVER_RETRIED: Final = frozenset({400, 401, 403, 404, 413, 422})
"""The request itself is at fault: sent again it fails again."""


def _as_statuses(value: Collection[int]) -> frozenset[int] | Collection[int]:
    """Lists of a configuration file, too; what is no collection is told by `_check_statuses`."""
    return frozenset(value) if isinstance(value, Collection) else value


def _check_statuses(_owner: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, frozenset) or not all(
        isinstance(status, int) and 400 <= status <= 499  # noqa: PLR2004 (HTTP's 4xx)
        for status in value
    ):
        raise ConfigurationError(f"{field.name}: expected statuses from 400 to 499, got {value!r}")
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
