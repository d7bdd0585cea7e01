"""How the sockets of one Trio run wait: each by itself, or all through one poller.

There are two ways, and which is cheaper depends on how many sockets turn readable at a time:

- *Alone*, a task waits with `trio.lowlevel.wait_readable`. Trio arms the kernel's interest anew for
  every wait, but the task goes on in the very round in which its bytes came.
- *Together*, one poller (epoll, or kqueue) watches all sockets, level-triggered, and one task waits
  for it. A token costs no system call but the receive; what there is to pay is a round of the
  scheduler more, once for all sockets that are readable at the same time.

Below some five sockets at a time the first is cheaper (by a quarter, when tokens come singly), from
there on the second (by an eighth, when there are many). So the hub begins with the first, counts
from time to time how many tasks wake up in a round, and follows. A task that waits goes on waiting
as it began, until something comes; its next wait is of the new kind.

Together:

- A socket is *armed* (in the poller) from its first wait on. While its reader keeps up no further
  system call is made.
- When it is readable and nobody waits, the reader does not keep up: it is disarmed, its bytes stay
  in the kernel, the window closes, and the server has to wait. The next wait arms it again.
- Closing takes it out before its descriptor can be reused, and wakes whoever waits.

One task keeps all time limits (see `limits`), however long the sockets wait and in which way.

The tasks live as long as something is watched, so nothing is left behind in a run that goes on.
"""

import math
from collections.abc import Callable
from typing import Final, NoReturn, TypeAlias, final

import outcome
import trio

from trio_groq._http.limits import LimitQueue
from trio_groq._http.pollers import Poller
from trio_groq.errors import APIConnectionError

__all__ = ["Attempt", "Hub", "HubWatch", "closed_error"]

PROBE_EVERY: Final = 64
"""Wake-ups between two counts of how many there are in a round; a count costs about one of them."""
PROBE_WEIGHT: Final = 1 / 8
LOOK_WEIGHT: Final = 1 / 64
"""How much the last count, and the last look of the poller, tell of the next ones."""
DENSE: Final = 4.0
SPARSE: Final = 2.0
"""Sockets that are ready at a time. From the first figure on the poller is used, until there are
fewer than the second: far enough apart that a change is rare, for it costs a system call each."""


Attempt: TypeAlias = Callable[[], bool]
"""Takes what there is, without blocking; True if that is enough. Its errors are the waiter's."""


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
class HubWatch:
    """A socket that the hub watches. See the top of this file."""

    __slots__ = (
        "_alone",
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
        self._alone = False
        self.attempt: Attempt = _enough
        self.armed: bool = False
        self.closed: bool = False
        self.gap: float = math.inf
        self.end: float = math.inf
        self.deadline: float = math.inf
        self.entry_at: float = math.inf

    @property
    def waits(self) -> bool:
        """Whether a task waits."""
        return self._alone or self.task is not None

    async def until(self, attempt: Attempt, gap: float, end: float) -> None:
        """See `Watch`. One coroutine for both ways, and no call that can be spared: every token."""
        hub = self.hub
        now = hub.now()
        if self.closed or self._alone or self.task is not None or end <= now:
            self._refuse()
        while True:
            # `min` costs 1,000 instructions, one in forty of all that is ours of a token.
            self.deadline = deadline = end if end < now + gap else now + gap  # noqa: FURB136
            if deadline < self.entry_at:
                hub.limit(self)
            if hub.together:
                if not self.armed:
                    hub.arm(self)
                self.attempt = attempt
                self.gap = gap
                self.end = end
                self.task = trio.lowlevel.current_task()
                await trio.lowlevel.wait_task_rescheduled(self._abort)
                return
            if self.armed:
                hub.disarm(self)
            self._alone = True
            try:
                await trio.lowlevel.wait_readable(self.fd)
            except trio.ClosedResourceError:
                raise (closed_error() if self.closed else trio.TooSlowError()) from None
            finally:
                self._alone = False
            hub.woken = woken = hub.woken + 1
            if woken >= hub.probe_at:
                hub.probe()
            if attempt():
                return
            now = hub.now()
            if end <= now:  # of a socket that is always readable, nobody else may end the wait
                raise trio.TooSlowError

    def _refuse(self) -> NoReturn:
        if self.closed:
            raise closed_error()
        if self.waits:
            raise trio.BusyResourceError("another task waits for this socket already")
        raise trio.TooSlowError

    def _abort(self, _raise_cancel: object) -> trio.lowlevel.Abort:
        self.task = None
        self.attempt = _enough
        return trio.lowlevel.Abort.SUCCEEDED

    def on_readable(self) -> None:
        """Make the attempt of the task that waits, and let it go on if that was enough."""
        try:
            if not self.attempt():
                self.deadline = min(self.hub.now() + self.gap, self.end)
                return
        except Exception as exc:  # noqa: BLE001 (it is raised where it belongs, in the waiting task)
            self._end(exc)
        else:
            self._end(None)

    def _end(self, failure: Exception | None) -> None:
        """Let the task that waits in the hub, if there is one, go on: with success or an error."""
        task, self.task = self.task, None
        if task is None:
            return
        self.attempt = _enough
        if failure is None:
            trio.lowlevel.reschedule(task)
        else:
            trio.lowlevel.reschedule(task, outcome.Error(failure))

    def expire(self) -> None:
        """The limit has passed: end the wait, unless it is about to end well.

        Trio has no other way to end the wait of one that waits alone than to say that the
        descriptor is closing. Who waits to write to it hears it, too, and has to wait again.
        """
        if self._alone:
            trio.lowlevel.notify_closing(self.fd)
        else:
            self._end(trio.TooSlowError())

    def close(self) -> None:
        """See `Watch`."""
        if not self.closed:
            self.closed = True
            self.hub.forget(self)
            if self._alone:
                trio.lowlevel.notify_closing(self.fd)
            else:
                self._end(closed_error())


@final
class Hub:
    """What the watches of one run share: the poller, the time limits, and the tasks for both.

    Args:
        make_poller: Called when sockets are first to wait together.
        adaptive: Whether the hub chooses between the two ways of waiting; if not, all wait
            together.

    Attributes:
        together: The way in which a wait that begins now is to wait.
        now: Trio's clock.
        woken: Waits that ended, of those that wait alone.
        probe_at: At how many of them to count again how many there are in a round.
    """

    def __init__(self, make_poller: Callable[[], Poller], *, adaptive: bool = False) -> None:
        self._make_poller = make_poller
        self._adaptive = adaptive
        self._poller: Poller | None = None
        self._nursery: trio.Nursery | None = None
        self._scope: trio.CancelScope | None = None
        self._timer: trio.CancelScope | None = None
        self._watches: dict[int, HubWatch] = {}
        self._limits = LimitQueue()
        self._density = 0.0
        self.together: bool = not adaptive
        self.now: Callable[[], float] = trio.current_time
        self.woken: int = 0
        self.probe_at: int = PROBE_EVERY

    def watch(self, fd: int) -> HubWatch:
        """Watch a descriptor that nothing else here watches."""
        watched = self._watches[fd] = HubWatch(self, fd)
        if self._scope is None:
            scope = self._scope = trio.CancelScope()
            self.now = trio.lowlevel.current_clock().current_time  # asked for with every wait
            trio.lowlevel.spawn_system_task(self._run, scope, name="trio_groq readiness")
        return watched

    def forget(self, watched: HubWatch) -> None:
        """Take a watch out; with the last one the tasks end."""
        if self._watches.get(watched.fd) is not watched:
            return
        del self._watches[watched.fd]
        if watched.armed:
            self.disarm(watched)
        if not self._watches:
            self._stop()

    def arm(self, watched: HubWatch) -> None:
        """Have the poller look at it."""
        try:
            poller = self._poller or self._start_poller()
            poller.arm(watched.fd)
        except OSError as exc:  # the system's own limit on watches
            raise APIConnectionError(f"watching a connection: {exc.strerror}") from exc
        watched.armed = True

    def disarm(self, watched: HubWatch) -> None:
        """Have the poller look at it no more."""
        watched.armed = False
        if self._poller is not None:
            self._poller.disarm(watched.fd)

    def limit(self, watched: HubWatch) -> None:
        """See to its deadline, which is earlier than what was seen to so far."""
        is_first = self._limits.add(watched, watched.deadline, len(self._watches))
        if is_first and self._timer is not None:
            self._timer.deadline = watched.deadline

    # -- how many at a time

    def probe(self) -> None:
        """Count what wakes up before the callback runs: in the next round, among its tasks."""
        self.probe_at = self.woken + PROBE_EVERY
        trio.lowlevel.current_trio_token().run_sync_soon(self._probed, self.woken)

    def _probed(self, woken: int) -> None:
        self._density += (self.woken - woken - self._density) * PROBE_WEIGHT
        if self._density >= DENSE and self._scope is not None:
            try:
                self._poller = self._poller or self._start_poller()
            except OSError:  # no descriptor is left for it: tasks can wait alone as well
                return
            self.together = True

    def _looked(self, ready: int) -> None:
        self._density += (ready - self._density) * LOOK_WEIGHT
        if self._density < SPARSE:
            self.together = False
            self._density = 0.0

    # -- its tasks

    async def _run(self, scope: trio.CancelScope) -> None:
        try:
            with scope:
                async with trio.open_nursery() as nursery:
                    if self._scope is scope:
                        self._nursery = nursery
                        if self._poller is not None:
                            nursery.start_soon(self._keep_polling, self._poller)
                    await self._keep_time(scope)
        finally:
            if self._scope is scope:  # the run ends, with sockets still watched
                self._stop()

    def _start_poller(self) -> Poller:
        poller = self._poller = self._make_poller()
        if self._nursery is not None:
            self._nursery.start_soon(self._keep_polling, poller)
        return poller

    def _stop(self) -> None:
        scope, self._scope = self._scope, None
        poller, self._poller = self._poller, None
        self._nursery = self._timer = None
        self._limits.clear()
        self._density = 0.0
        self.together = not self._adaptive
        if scope is not None:
            scope.cancel()
        if poller is not None:
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
        ready = poller.poll()
        for fd in ready:
            watched = self._watches.get(fd)
            if watched is None or not watched.armed:
                continue  # closed by an attempt before it in this round
            if watched.task is None:
                self.disarm(watched)
            else:
                watched.on_readable()
        if self._adaptive and self.together:
            self._looked(len(ready))

    async def _keep_time(self, scope: trio.CancelScope) -> None:  # noqa: ASYNC910 (over at once if so)
        while self._scope is scope:
            with trio.CancelScope(deadline=self._limits.next_at) as self._timer:
                await trio.sleep_forever()
            self._limits.expire(self.now())
