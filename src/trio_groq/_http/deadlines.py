"""The time limits of one call: by phase, and in total.

They are limits of ours and raise `APITimeoutError`. A limit of the caller's is a cancel scope
around the call, and stays `trio.Cancelled`: it is neither caught nor turned into something else.
"""

import math
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeAlias, TypeVar, final

import attrs
import trio

from trio_groq._validators import number
from trio_groq.errors import APITimeoutError, ConfigurationError, Phase, PoolTimeoutError

__all__ = ["Deadlines", "Dialling", "TimeoutOption", "Timeouts", "as_timeouts"]

T = TypeVar("T")

_WAITED_FOR: Final[dict[Phase, str]] = {
    "pool": "a free connection",
    "connect": "a connection (DNS, TCP and TLS)",
    "tls": "a TLS handshake",
    "write": "the connection to take more of the request",
    "first_byte": "the first byte of the response",
    "read": "the next bytes of the response",
    "first_token": "the first token of the stream",
    "total": "the whole call",
}


_LIMIT: Final = number(0, above=True, optional=True)


@attrs.frozen(kw_only=True)
class Timeouts:
    """How long a call may wait, by what it waits for; each in seconds > 0, None for no limit.

    Attributes:
        connect: A new connection: DNS, TCP, proxy and TLS together.
        tls: A TLS handshake, with the origin or with an `https` proxy, each by itself. It lies
            within `connect`: whichever passes first ends the wait.
        pool: A connection of the pool to become free.
        write: The socket to take more of the request; each wait for that by itself.
        first_byte: The first byte of the response, from the request's end; None leaves that wait
            to `read`.
        read: The next bytes of the response, from the last ones or from the request's end.
        first_token: A stream's first token, from the call's beginning: a chunk with more than the
            role.
        total: The whole call, all attempts and waits between them included; for a stream, up to
            its last event.
    """

    connect: float | None = attrs.field(default=5.0, validator=_LIMIT)
    tls: float | None = attrs.field(default=None, validator=_LIMIT)
    pool: float | None = attrs.field(default=60.0, validator=_LIMIT)
    write: float | None = attrs.field(default=60.0, validator=_LIMIT)
    first_byte: float | None = attrs.field(default=None, validator=_LIMIT)
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

    def error(self, phase: Phase, now: float, received: str) -> APITimeoutError:
        """Say which limit ended a wait of this kind: the total, the first token, or its own.

        Args:
            phase: The kind.
            now: When it ended.
            received: How far the call had come by then, for people: what had been received.
        """
        if now >= self.total_at:
            phase = "total"
        elif now >= self.first_token_at:
            phase = "first_token"
        limit: float = getattr(self.timeouts, phase) or 0.0
        cls = PoolTimeoutError if phase == "pool" else APITimeoutError
        return cls(
            f"{phase} timeout: expected {_WAITED_FOR[phase]} within {limit:g} s, got {received}",
            phase=phase,
            limit=limit,
        )

    async def within(
        self,
        phase: Phase,
        function: Callable[..., Awaitable[T]],
        *args: object,
        received: Callable[[], str],
    ) -> T:
        """Await `function(*args)` within the limits of a phase.

        Args:
            phase: Which.
            function: What is awaited.
            args: What it is given.
            received: Tells, if a limit passes, what had been received by then.

        Raises:
            APITimeoutError: A limit passed; what `function` was doing has been cancelled.
        """
        with trio.CancelScope(deadline=self.at(phase, trio.current_time())):
            return await function(*args)
        raise self.error(phase, trio.current_time(), received())


@final
class Dialling:
    """How far one new connection is, for its errors, and the limit on its TLS handshakes.

    Args:
        deadlines: The call's limits; None for no limit on a handshake.
    """

    __slots__ = ("_bytes", "_deadlines", "_peer", "_step", "_tries")

    def __init__(self, deadlines: Deadlines | None = None) -> None:
        self._deadlines = deadlines
        self._step: Literal["connect", "proxy", "tls"] = "connect"
        self._peer: object = "the host"
        self._bytes = self._tries = 0

    def connects(self, peer: object) -> None:
        """TCP begins."""
        self._step, self._peer = "connect", peer

    def asks(self, proxy: object) -> None:
        """A proxy is asked for a way to the origin."""
        self._step, self._peer, self._bytes = "proxy", proxy, 0

    def answered(self, number: int) -> None:
        """So many bytes more of the proxy's answer are here."""
        self._bytes += number

    async def secures(
        self,
        peer: object,
        step: Callable[[], None],
        until_done: Callable[[Callable[[], None]], Awaitable[None]],
    ) -> None:
        """Go through a TLS handshake, within the limit of its own if there is one.

        Args:
            peer: With whom.
            step: Goes on with it, as far as what has come allows.
            until_done: Calls a function whenever something has come, until it does not raise.

        Raises:
            APITimeoutError: The limit passed.
        """

        def counted() -> None:
            self._tries += 1
            step()

        self._step, self._peer, self._tries = "tls", peer, 0
        deadlines = self._deadlines
        if deadlines is None or deadlines.timeouts.tls is None:
            await until_done(counted)
        else:
            await deadlines.within("tls", until_done, counted, received=self.received)

    def received(self) -> str:
        """What has come so far."""
        if self._step == "connect":
            return f"0 bytes: no TCP connection to {self._peer} yet"
        if self._step == "proxy":
            return f"{self._bytes} bytes of an answer of proxy {self._peer}"
        # OpenSSL reads the socket itself, so the bytes are not to be counted.
        times = self._tries - 1
        if times < 1:
            return f"0 bytes of a handshake with {self._peer}"
        return f"part of a handshake with {self._peer}: bytes came {times} time{'s'[: times > 1]}"
