"""Waiting for a socket to become readable, cheaply enough for thousands of streams.

A time limit on a wait costs a cancel scope, and arming the kernel's interest for every wait a
system call: together more than receiving and decoding a token. So the sockets of a Trio run have a
hub in common (see `hub`), which keeps all time limits with one task, and has one poller for all of
them where that is cheaper.

Whoever waits says what to attempt when the socket is readable: a function that takes the bytes and
tells whether that was enough. A task goes on once for a whole event, however many pieces it came
in; and where the poller's task makes the attempt, it does not even wake up before.
"""

import select
import socket
from typing import Final, Literal, Protocol, TypeAlias, final

import trio

from trio_groq._http.hub import Attempt, Hub, closed_error
from trio_groq._http.pollers import POLLERS
from trio_groq.errors import ConfigurationError

__all__ = ["ReadinessOption", "Watch", "closed_error", "watch"]

ReadinessOption: TypeAlias = Literal["auto", "epoll", "kqueue", "trio"]
"""How to wait: as is cheapest at the time, always through one of the pollers, or with no more than
Trio's own `wait_readable` and its cancel scopes."""


class Watch(Protocol):
    """One socket, watched."""

    async def until(self, attempt: Attempt, gap: float, end: float) -> None:
        """Call `attempt` whenever the socket is readable, until it returns True. A checkpoint.

        Args:
            attempt: Called in this task or on its behalf.
            gap: Longest wait for the socket to become readable (again), in seconds.
            end: When to give up in any case, on Trio's clock, in seconds.

        Raises:
            trio.TooSlowError: One of the limits passed. Infinity stands for no limit.
            APIConnectionError: `close` was called.
            trio.BusyResourceError: Another task waits already.
        """

    def close(self) -> None:
        """Stop watching; call it before the socket is closed. Idempotent."""


@final
class TrioWatch:
    """A socket that Trio itself watches: where there is no poller, or none is wanted."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._closed = False

    async def until(self, attempt: Attempt, gap: float, end: float) -> None:
        """See `Watch`."""
        while True:
            if self._closed:
                raise closed_error()
            with trio.CancelScope(deadline=min(trio.current_time() + gap, end)) as scope:
                try:
                    await trio.lowlevel.wait_readable(self._sock)
                except trio.ClosedResourceError:
                    raise closed_error() from None
            if scope.cancelled_caught:
                raise trio.TooSlowError
            if attempt():
                return

    def close(self) -> None:
        """See `Watch`; whoever waits is woken by the transport's `notify_closing`."""
        self._closed = True


_HUBS: Final[trio.lowlevel.RunVar[dict[str, Hub]]] = trio.lowlevel.RunVar("trio_groq hubs")


def _poller(option: ReadinessOption) -> str | None:
    """The poller that an option means; None for Trio alone."""
    offered = [name for name in POLLERS if hasattr(select, name)]
    if option == "auto":
        return offered[0] if offered else None
    if option == "trio":
        return None
    if option not in offered:
        raise ConfigurationError(
            f"readiness: expected one of {', '.join(['auto', *offered, 'trio'])}, got {option!r}"
        )
    return option


def watch(sock: socket.socket, option: ReadinessOption = "auto") -> Watch:
    """Watch a socket in the present Trio run.

    Raises:
        ConfigurationError: There is no such way of waiting on this system.
    """
    poller = _poller(option)
    if poller is None:
        return TrioWatch(sock)
    try:
        hubs = _HUBS.get()
    except LookupError:
        hubs = {}
        _HUBS.set(hubs)
    if option not in hubs:
        hubs[option] = Hub(POLLERS[poller], adaptive=option == "auto")
    return hubs[option].watch(sock.fileno())
