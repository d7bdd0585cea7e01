"""The time limits of one call: by phase, and in total.

They are limits of ours and raise `APITimeoutError`. A limit of the caller's is a cancel scope
around the call, and stays `trio.Cancelled`: it is neither caught nor turned into something else.
"""

import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, TypeVar, final

import attrs
import trio

from trio_groq._validators import number
from trio_groq.errors import APITimeoutError, ConfigurationError, Phase, PoolTimeoutError

__all__ = ["Deadlines", "TimeoutOption", "Timeouts", "as_timeouts"]

T = TypeVar("T")

_WAITED_FOR: Final[dict[Phase, str]] = {
    "pool": "a free connection",
    "connect": "a connection (DNS, TCP and TLS)",
    "write": "the request to be sent",
    "read": "the next bytes of the response",
    "first_token": "the first event of the stream",
    "total": "the whole call",
}


_LIMIT: Final = number(0, above=True, optional=True)


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long a call may wait, by what it waits for; each in seconds > 0, None for no limit.

    Attributes:
        connect: A new connection: DNS, TCP, proxy and TLS together.
        pool: A connection of the pool to become free.
        write: The socket to take more of the request; each wait for that by itself.
        read: The next bytes of the response, from the last ones or from the request's end.
        first_token: A stream's first token, from the call's beginning: a chunk with more than the
            role.
        total: The whole call, all attempts and waits between them included; for a stream, up to
            its last event.
    """

    connect: float | None = attrs.field(default=5.0, validator=_LIMIT)
    pool: float | None = attrs.field(default=60.0, validator=_LIMIT)
    write: float | None = attrs.field(default=60.0, validator=_LIMIT)
    read: float | None = attrs.field(default=60.0, validator=_LIMIT)
    first_token: float | None = attrs.field(default=None, validator=_LIMIT)
    total: float | None = attrs.field(default=None, validator=_LIMIT)


TimeoutOption: TypeAlias = float | Timeouts | None
"""Seconds for the whole call, or limits by phase; None for no limit in total."""


def as_timeouts(option: TimeoutOption, default: Timeouts) -> Timeouts:
    """The limits that an option means; a number replaces the total of `default`.

    Raises:
        ConfigurationError: It is no number of seconds > 0.
    """
    if isinstance(option, Timeouts):
        return option
    try:
        return attrs.evolve(default, total=option)
    except ConfigurationError as exc:  # the caller wrote `timeout`
        raise ConfigurationError(f"timeout: {str(exc).removeprefix('total: ')}") from None


def _after(start: float, seconds: float | None) -> float:
    return math.inf if seconds is None else start + seconds


@final
class Deadlines:
    """The limits of one call that has begun at `started` on Trio's clock.

    Attributes:
        timeouts: The limits.
        total_at: When the whole call must be over.
        first_token_at: When a stream's first event must have come; infinity once it has.
        ends_at: When the call fails, whatever it is doing: the earlier of these two.
        read_gap: Longest wait for more of the response, in seconds.
    """

    __slots__ = ("ends_at", "first_token_at", "read_gap", "started", "timeouts", "total_at")

    def __init__(self, timeouts: Timeouts, started: float) -> None:
        self.timeouts: Timeouts = timeouts
        self.started: float = started
        self.total_at: float = _after(started, timeouts.total)
        self.first_token_at: float = math.inf
        self.ends_at: float = self.total_at
        self.read_gap: float = math.inf if timeouts.read is None else timeouts.read

    def expect_first_token(self) -> None:
        """From now on the wait is for a stream's first event."""
        self.first_token_at = _after(self.started, self.timeouts.first_token)
        self.ends_at = min(self.total_at, self.first_token_at)

    def first_token_came(self) -> None:
        """The first event is here: its limit is no more."""
        self.first_token_at = math.inf
        self.ends_at = self.total_at

    def at(self, phase: Phase, now: float) -> float:
        """When a wait of this kind that begins now must end."""
        limit: float | None = getattr(self.timeouts, phase)
        return min(_after(now, limit), self.ends_at)

    def error(self, phase: Phase, now: float) -> APITimeoutError:
        """Say which limit ended a wait of this kind: the total, the first token, or its own."""
        if now >= self.total_at:
            phase = "total"
        elif now >= self.first_token_at:
            phase = "first_token"
        limit: float = getattr(self.timeouts, phase) or 0.0
        cls = PoolTimeoutError if phase == "pool" else APITimeoutError
        return cls(
            f"timeout: expected {_WAITED_FOR[phase]} within {limit:g} s, got none",
            phase=phase,
            limit=limit,
        )

    async def within(self, phase: Phase, function: Callable[..., Awaitable[T]], *args: object) -> T:
        """Await `function(*args)` within the limits of a phase.

        Raises:
            APITimeoutError: A limit passed; what `function` was doing has been cancelled.
        """
        with trio.CancelScope(deadline=self.at(phase, trio.current_time())):
            return await function(*args)
        raise self.error(phase, trio.current_time())
