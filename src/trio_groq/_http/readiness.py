"""Waiting for a socket to become readable, cheaply enough for thousands of streams.

`trio.lowlevel.wait_readable` arms and disarms the kernel's interest for every wait, and a time
limit on a wait costs a cancel scope: together more than receiving and decoding a token. Here all
sockets of a Trio run share one poller (epoll, or kqueue), which is itself waited on through Trio
by one system task, and one timer task looks after all time limits.

Whoever waits says what to attempt when the socket is readable: a function that takes the bytes and
tells whether that was enough. The poller's task calls it, so a task wakes up once for a whole
event, however many pieces it came in, and the bytes are gone before the poller looks again.

How a socket is watched:

- It is *armed* (in the poller, level-triggered) from its first wait on. While its reader keeps up
  no further system call is made.
- When it is readable and nobody waits, the reader does not keep up: it is disarmed, its bytes stay
  in the kernel, the window closes, and the server has to wait. The next wait arms it again.
- Closing takes it out before its descriptor can be reused, and wakes whoever waits.

How time limits work: each watch has at most one entry in a heap, at or before the moment of its
limit. A wait whose limit is later than the entry, as the next one of a stream's always is, costs
one comparison; the entry moves on when it comes up.

Both tasks live as long as something is watched, so nothing is left behind in a run that goes on.
"""

import heapq
import math
import select
import socket
from collections.abc import Callable
from itertools import count
from typing import Final, Literal, Protocol, TypeAlias, final

import outcome
import trio

from trio_groq._http.pollers import POLLERS, Poller
from trio_groq.errors import APIConnectionError, ConfigurationError

__all__ = ["ReadinessOption", "Watch", "closed_error", "watch"]

STALE_FACTOR: Final = 2
STALE_FLOOR: Final = 64
"""Entries that were overtaken by earlier ones stay in the heap until their time, or until there are
so many more of them than of watches: then they are swept out, at the cost of having pushed them."""

ReadinessOption: TypeAlias = Literal["auto", "epoll", "kqueue", "trio"]
"""How to wait: the best there is, one of the pollers, or Trio's own `wait_readable`."""


Attempt: TypeAlias = Callable[[], bool]
"""Takes what there is, without blocking; True if that is enough. Its errors are the waiter's."""


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


def closed_error() -> APIConnectionError:
    """What a task gets whose connection another task closes."""
    error = APIConnectionError(
        "connection: expected it to stay open during the call, got closed by this client"
    )
    error.is_retryable = False
    return error


def _enough() -> bool:
    return True


@final
class PolledWatch:
    """A socket that the shared poller watches. See the top of this file."""

    __slots__ = (
        "armed",
        "attempt",
        "closed",
        "deadline",
        "end",
        "entry_at",
        "fd",
        "gap",
        "hub",
        "task",
    )

    def __init__(self, hub: "Hub", fd: int) -> None:
        self.hub: Hub = hub
        self.fd: int = fd
        self.task: trio.lowlevel.Task | None = None
        self.attempt: Attempt = _enough
        self.armed: bool = False
        self.closed: bool = False
        self.gap: float = math.inf
        self.end: float = math.inf
        self.deadline: float = math.inf
        self.entry_at: float = math.inf

    async def until(self, attempt: Attempt, gap: float, end: float) -> None:
        """See `Watch`."""
        if self.closed:
            raise closed_error()
        if self.task is not None:
            raise trio.BusyResourceError("another task waits for this socket already")
        if not self.armed:
            self.hub.arm(self)
        self.attempt = attempt
        now = trio.current_time()
        if end <= now:
            raise trio.TooSlowError
        self.gap = gap
        self.end = end
        self.deadline = deadline = min(now + gap, end)
        if deadline < self.entry_at:
            self.hub.add_entry(self, deadline)
        self.task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(self._abort)

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self.task = None
        return trio.lowlevel.Abort.SUCCEEDED

    def on_readable(self) -> None:
        """Make the attempt of the task that waits, and let it go on if that was enough."""
        try:
            if not self.attempt():
                self.deadline = min(trio.current_time() + self.gap, self.end)
                return
        except Exception as exc:  # noqa: BLE001 (it is raised where it belongs, in the waiting task)
            self.wake(exc)
        else:
            self.wake(None)

    def wake(self, failure: Exception | None) -> None:
        """Let the waiting task, if there is one, go on: with success, or with an error."""
        task, self.task = self.task, None
        if task is None:
            return
        self.attempt = _enough
        if failure is None:
            trio.lowlevel.reschedule(task)
        else:
            trio.lowlevel.reschedule(task, outcome.Error(failure))

    def close(self) -> None:
        """See `Watch`."""
        if not self.closed:
            self.closed = True
            self.hub.forget(self)
            self.wake(closed_error())


@final
class Hub:
    """The poller of one run, its two tasks, and what they look after."""

    def __init__(self, make_poller: Callable[[], Poller]) -> None:
        self._make_poller = make_poller
        self._poller: Poller | None = None
        self._scope: trio.CancelScope | None = None
        self._timer: trio.CancelScope | None = None
        self._watches: dict[int, PolledWatch] = {}
        self._entries: list[tuple[float, int, PolledWatch]] = []
        self._order = count()

    def watch(self, fd: int) -> PolledWatch:
        """Watch a descriptor that nothing else here watches."""
        watched = self._watches[fd] = PolledWatch(self, fd)
        if self._poller is None:
            poller = self._poller = self._make_poller()
            scope = self._scope = trio.CancelScope()
            trio.lowlevel.spawn_system_task(self._run, poller, scope, name="trio_groq readiness")
        return watched

    def forget(self, watched: PolledWatch) -> None:
        """Take a watch out; with the last one the tasks end."""
        if self._watches.get(watched.fd) is not watched:
            return
        del self._watches[watched.fd]
        if watched.armed and self._poller is not None:
            self._poller.disarm(watched.fd)
        if not self._watches and self._poller is not None:
            self._stop(self._poller)

    def arm(self, watched: PolledWatch) -> None:
        """Have the poller look at it."""
        assert self._poller is not None  # noqa: S101 (it runs while anything is watched)
        try:
            self._poller.arm(watched.fd)
        except OSError as exc:  # the system's own limit on watches
            raise APIConnectionError(f"watching a connection: {exc.strerror}") from exc
        watched.armed = True

    def add_entry(self, watched: PolledWatch, when: float) -> None:
        """Look at this watch's deadline at `when`, which is earlier than its entry so far."""
        if len(self._entries) > STALE_FACTOR * len(self._watches) + STALE_FLOOR:
            self._entries[:] = [entry for entry in self._entries if self._is_live(entry)]
            heapq.heapify(self._entries)
        watched.entry_at = when
        heapq.heappush(self._entries, (when, next(self._order), watched))
        if self._timer is not None and self._entries[0][2] is watched:
            self._timer.deadline = when

    def _is_live(self, entry: tuple[float, int, PolledWatch]) -> bool:
        when, _, watched = entry
        return when == watched.entry_at and not watched.closed

    async def _run(self, poller: Poller, scope: trio.CancelScope) -> None:
        try:
            with scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._keep_time, poller)
                    await self._keep_polling(poller)
        finally:
            if self._poller is poller:  # the run ends, with sockets still watched
                self._stop(poller)

    def _stop(self, poller: Poller) -> None:
        scope, self._scope = self._scope, None
        self._poller = self._timer = None
        self._entries.clear()
        if scope is not None:
            scope.cancel()
        if trio.lowlevel.in_trio_run():
            trio.lowlevel.notify_closing(poller.fileno())
        poller.close()

    async def _keep_polling(self, poller: Poller) -> None:  # noqa: ASYNC910 (over at once if so)
        while self._poller is poller:
            try:
                await trio.lowlevel.wait_readable(poller.fileno())
            except trio.ClosedResourceError:
                return  # noqa: ASYNC910 (it has waited)
            if self._poller is poller:  # it may have been closed after it became readable
                self._look(poller)

    def _look(self, poller: Poller) -> None:
        for fd in poller.poll():
            watched = self._watches.get(fd)
            if watched is None or not watched.armed:
                continue  # closed by an attempt before it in this round
            if watched.task is None:
                watched.armed = False
                poller.disarm(fd)
            else:
                watched.on_readable()

    async def _keep_time(self, poller: Poller) -> None:  # noqa: ASYNC910 (over at once if so)
        while self._poller is poller:
            next_at = self._entries[0][0] if self._entries else math.inf
            with trio.CancelScope(deadline=next_at) as self._timer:
                await trio.sleep_forever()
            self._expire(trio.current_time())

    def _expire(self, now: float) -> None:
        entries = self._entries
        while entries and entries[0][0] <= now:
            entry = heapq.heappop(entries)
            watched = entry[2]
            if not self._is_live(entry):
                continue
            watched.entry_at = math.inf
            if watched.task is None:
                continue
            if watched.deadline <= now:
                watched.wake(trio.TooSlowError())
            else:
                self.add_entry(watched, watched.deadline)


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


def _available(option: ReadinessOption) -> str:
    offered = [name for name in POLLERS if hasattr(select, name)]
    if option == "auto":
        return offered[0] if offered else "trio"
    if option != "trio" and option not in offered:
        raise ConfigurationError(
            f"readiness: expected one of {', '.join(['auto', *offered, 'trio'])}, got {option!r}"
        )
    return option


def watch(sock: socket.socket, option: ReadinessOption = "auto") -> Watch:
    """Watch a socket in the present Trio run.

    Raises:
        ConfigurationError: There is no such way of waiting on this system.
    """
    kind = _available(option)
    if kind == "trio":
        return TrioWatch(sock)
    try:
        hubs = _HUBS.get()
    except LookupError:
        hubs = {}
        _HUBS.set(hubs)
    if kind not in hubs:
        hubs[kind] = Hub(POLLERS[kind])
    return hubs[kind].watch(sock.fileno())
