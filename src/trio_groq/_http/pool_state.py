"""Who holds which connection: the pool's bookkeeping, sans-IO.

Every method decides synchronously and returns what the caller must now do; nothing is promised
across an await. To assign is to take: a connection or a place that a method hands out is counted
as taken from that moment, and whoever got it gives it back exactly once.

A *place* is the right to have one connection. The rules:

- `open` counts places: dialling, leased and idle. It never exceeds `max_connections`.
- An idle connection is reused last in, first out: the busy few stay warm, the rest expire.
- A place or a connection that becomes free goes to the first waiter, before anything idles. Were
  it to idle first, a newcomer could overtake. The first waiter is served even if it wants another
  origin: then the freed connection is closed and the waiter dials on its place.
- While anybody waits, nothing is idle: an idle connection of another origin is closed, oldest
  first, to make room for a dial.

Each step is O(1): idle connections are kept in two ordered tables, one an origin (to take the
newest) and one over all (to drop the oldest); waiters are one ordered table, so that one that
gives up leaves from the middle. Expiry looks only at the oldest and pays for each once.
"""

from collections import OrderedDict
from typing import Final, Generic, TypeVar, final

import attrs
import msgspec

from trio_groq._http.messages import Origin
from trio_groq._validators import count, number

__all__ = ["Dial", "PoolFull", "PoolLimits", "PoolState", "PoolStatistics", "Use", "Wait", "Waiter"]

C = TypeVar("C")
"""A connection. The bookkeeping only passes it around, so tests may use integers."""


@attrs.frozen(kw_only=True)
class PoolLimits:
    """How many connections there may be, and for how long.

    Attributes:
        max_connections: Open at once, being dialled included; 1 or more.
        max_idle: Kept open unused; 0 or more. Beyond it the one unused for longest is closed.
        idle_expiry: Seconds after which an unused connection is closed instead of used. Servers
            in front of the API close after one to several minutes.
        max_waiters: Calls that may wait for a connection at once; None for any number. One more
            fails at once instead of joining a hopeless queue.
    """

    max_connections: int = attrs.field(default=1000, validator=count(1))
    max_idle: int = attrs.field(default=100, validator=count(0))
    idle_expiry: float = attrs.field(default=60.0, validator=number(0))
    max_waiters: int | None = attrs.field(default=None, validator=count(0, optional=True))


class PoolStatistics(msgspec.Struct, kw_only=True, frozen=True):
    """The pool at one moment.

    Attributes:
        open: Connections that exist or are being dialled: `leased` + `idle` + `dialling`.
        leased: In use by a call.
        idle: Open and unused.
        dialling: Being connected.
        waiting: Calls that wait for a connection.
        opened: Connections made so far.
        reused: Times a call was served on a connection that an earlier one had used.
        handed_off: Connections that went straight from one call to a waiting one.
        closed: Connections closed so far, for any reason.
        expired: Of these, unused for longer than `idle_expiry`.
        stale: Of these, closed or written to by the server while unused.
    """

    open: int
    leased: int
    idle: int
    dialling: int
    waiting: int
    opened: int
    reused: int
    handed_off: int
    closed: int
    expired: int
    stale: int


class Use(msgspec.Struct, Generic[C], frozen=True):
    """Take this connection; close those."""

    connection: C
    close: tuple[C, ...] = ()


class Dial(msgspec.Struct, Generic[C], frozen=True):
    """A place is yours: connect, then say `dialled`, or `abandon` the place; close those."""

    close: tuple[C, ...] = ()


class Wait(msgspec.Struct, Generic[C], frozen=True):
    """Wait until the waiter's `grant` is set."""

    waiter: "Waiter[C]"


class PoolFull(msgspec.Struct, frozen=True):
    """Nothing is free, and as many are waiting as may."""

    waiting: int


@final
class Waiter(Generic[C]):
    """One call in the queue.

    Attributes:
        origin: What it wants a connection to.
        grant: What it got: `Use` or `Dial`; None while it waits.
    """

    __slots__ = ("grant", "origin", "token")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.grant: Use[C] | Dial[C] | None = None
        self.token: object = None


@final
class PoolState(Generic[C]):
    """See the top of this file. `now` is any clock in seconds that never goes back."""

    def __init__(self, limits: PoolLimits) -> None:
        self.limits: Final = limits
        self._leased = 0
        self._dialling = 0
        self._idle_at: OrderedDict[C, tuple[Origin, float]] = OrderedDict()
        self._idle_by_origin: dict[Origin, OrderedDict[C, None]] = {}
        self._waiters: OrderedDict[Waiter[C], None] = OrderedDict()
        self._opened = 0
        self._reused = 0
        self._handed_off = 0
        self._closed = 0
        self._expired = 0
        self._stale = 0

    @property
    def open(self) -> int:
        """Places taken: leased, idle and dialling."""
        return self._leased + self._dialling + len(self._idle_at)

    def acquire(self, origin: Origin, now: float) -> Use[C] | Dial[C] | Wait[C] | PoolFull:
        """A call wants a connection to `origin`."""
        expired = self._expire(now)
        idle = self._idle_by_origin.get(origin)
        if idle:
            connection, _ = idle.popitem()
            if not idle:
                del self._idle_by_origin[origin]
            del self._idle_at[connection]
            self._leased += 1
            self._reused += 1
            return Use(connection, expired)
        if self.open < self.limits.max_connections:
            self._dialling += 1
            return Dial(expired)
        if self._idle_at:
            self._dialling += 1
            return Dial((self._drop_oldest(),))
        if self.limits.max_waiters is not None and len(self._waiters) >= self.limits.max_waiters:
            return PoolFull(len(self._waiters))
        waiter: Waiter[C] = Waiter(origin)
        self._waiters[waiter] = None
        return Wait(waiter)

    @property
    def would_wait(self) -> bool:
        """Whether `acquire` would now find neither a connection nor a place for one.

        An idle connection, to wherever, is one of the two.
        """
        return not self._idle_at and self.open >= self.limits.max_connections

    def dialled(self) -> None:
        """The holder of a place has connected: the connection is leased to it."""
        self._dialling -= 1
        self._leased += 1
        self._opened += 1

    def abandon(self) -> Waiter[C] | None:
        """The holder of a place could not connect: it goes to the first waiter, if any."""
        self._dialling -= 1
        return self._grant_place()

    def forget(self, waiter: Waiter[C]) -> bool:
        """The call behind `waiter` gives up. False if it was no longer in the queue."""
        return waiter in self._waiters and self._waiters.pop(waiter) is None

    def release(
        self, connection: C, origin: Origin, now: float
    ) -> tuple[tuple[C, ...], Waiter[C] | None]:
        """A call is done with a connection that can be used again.

        Returns:
            Connections to close, and the waiter to wake, if any.
        """
        self._leased -= 1
        waiter = next(iter(self._waiters), None)
        if waiter is not None and waiter.origin == origin:
            del self._waiters[waiter]
            self._leased += 1
            self._reused += 1
            self._handed_off += 1
            waiter.grant = Use(connection)
            return (), waiter
        if waiter is not None or self.limits.max_idle == 0:
            self._closed += 1
            return (connection,), self._grant_place()
        self._idle_at[connection] = (origin, now)
        self._idle_by_origin.setdefault(origin, OrderedDict())[connection] = None
        close = self._expire(now)
        if len(self._idle_at) > self.limits.max_idle:
            close = (*close, self._drop_oldest())
        return close, None

    def discard(self) -> Waiter[C] | None:
        """A leased connection has been closed: its place goes to the first waiter, if any."""
        self._leased -= 1
        self._closed += 1
        return self._grant_place()

    def replace(self) -> None:
        """A leased connection was found dead and closed: its holder dials on its place.

        It has waited for its turn; going to the end of the queue would cost it that.
        """
        self._leased -= 1
        self._dialling += 1
        self._reused -= 1
        self._closed += 1
        self._stale += 1

    def clear_idle(self) -> tuple[C, ...]:
        """Drop every idle connection; they are to be closed."""
        dropped = tuple(self._idle_at)
        self._idle_at.clear()
        self._idle_by_origin.clear()
        self._closed += len(dropped)
        return dropped

    def clear_waiters(self) -> tuple[Waiter[C], ...]:
        """Send every waiter away without a grant; they are to be woken."""
        dropped = tuple(self._waiters)
        self._waiters.clear()
        return dropped

    def statistics(self) -> PoolStatistics:
        """The pool at this moment."""
        return PoolStatistics(
            open=self.open,
            leased=self._leased,
            idle=len(self._idle_at),
            dialling=self._dialling,
            waiting=len(self._waiters),
            opened=self._opened,
            reused=self._reused,
            handed_off=self._handed_off,
            closed=self._closed,
            expired=self._expired,
            stale=self._stale,
        )

    def _grant_place(self) -> Waiter[C] | None:
        if not self._waiters:
            return None
        waiter, _ = self._waiters.popitem(last=False)
        self._dialling += 1
        waiter.grant = Dial()
        return waiter

    def _drop_oldest(self) -> C:
        connection, (origin, _) = self._idle_at.popitem(last=False)
        siblings = self._idle_by_origin[origin]
        del siblings[connection]
        if not siblings:
            del self._idle_by_origin[origin]
        self._closed += 1
        return connection

    def _expire(self, now: float) -> tuple[C, ...]:
        expired: list[C] = []
        while self._idle_at:
            _, since = next(iter(self._idle_at.values()))
            if now - since < self.limits.idle_expiry:
                break
            expired.append(self._drop_oldest())
        self._expired += len(expired)
        return tuple(expired)
