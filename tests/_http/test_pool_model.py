"""`pool_state` against a slow, plain model of it: any steps in any order.

The model keeps lists, searches them, and states each rule in the words of the rule. The machine
plays the callers: it knows who holds what, and checks that nothing is held twice or comes back
after it was closed.
"""

import attrs
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from trio_groq._http.messages import Origin
from trio_groq._http.pool_state import Dial, PoolFull, PoolLimits, PoolState, Use, Wait, Waiter

ORIGINS = [Origin("https", f"{name}.test", 443) for name in ("a", "b")]


@attrs.define
class Idle:
    """An idle connection of the model."""

    connection: int
    origin: Origin
    since: float


@attrs.define(eq=False)
class Ticket:
    """A waiter of the model, beside the real one."""

    origin: Origin
    real: Waiter[int]


@attrs.define
class Model:
    """What the pool should hold; `idle` and `queue` have the oldest first."""

    limits: PoolLimits
    leased: int = 0
    dialling: int = 0
    idle: list[Idle] = attrs.field(factory=list)
    queue: list[Ticket] = attrs.field(factory=list)
    opened: int = 0
    reused: int = 0
    handed_off: int = 0
    closed: int = 0
    expired: int = 0
    stale: int = 0

    @property
    def full(self) -> bool:
        return self.leased + self.dialling + len(self.idle) >= self.limits.max_connections

    def close_expired(self, now: float) -> list[int]:
        old = [entry for entry in self.idle if now - entry.since >= self.limits.idle_expiry]
        self.idle = [entry for entry in self.idle if entry not in old]
        self.closed += len(old)
        self.expired += len(old)
        return [entry.connection for entry in old]

    def close_oldest(self) -> int:
        self.closed += 1
        return self.idle.pop(0).connection

    def acquire(self, origin: Origin, now: float) -> Use[int] | Dial[int] | PoolFull | None:
        """What a call is to get; None to wait."""
        close = self.close_expired(now)
        for entry in reversed(self.idle):
            if entry.origin == origin:
                self.idle.remove(entry)
                self.leased += 1
                self.reused += 1
                return Use(entry.connection, tuple(close))
        if self.full and not self.idle:
            most = self.limits.max_waiters
            waiting = len(self.queue)
            return PoolFull(waiting) if most is not None and waiting >= most else None
        if self.full:
            close.append(self.close_oldest())
        self.dialling += 1
        return Dial(tuple(close))

    def give_place(self) -> Ticket | None:
        """A place is free: the waiter that gets it."""
        if not self.queue:
            return None
        self.dialling += 1
        return self.queue.pop(0)

    def release(
        self, connection: int, origin: Origin, now: float
    ) -> tuple[list[int], Ticket | None, bool]:
        """What is to be closed, whom to wake, and whether that one gets the connection."""
        self.leased -= 1
        if self.queue and self.queue[0].origin == origin:
            self.leased += 1
            self.reused += 1
            self.handed_off += 1
            return [], self.queue.pop(0), True
        if self.queue or self.limits.max_idle == 0:
            self.closed += 1
            return [connection], self.give_place(), False
        self.idle.append(Idle(connection, origin, now))
        close = self.close_expired(now)
        while len(self.idle) > self.limits.max_idle:
            close.append(self.close_oldest())
        return close, None, False

    def discard(self) -> Ticket | None:
        """A leased connection is closed: the waiter that gets its place."""
        self.leased -= 1
        self.closed += 1
        return self.give_place()

    def replace(self) -> None:
        """A dead connection is closed, and who had it dials instead: the queue stays as it is.

        So no call was served on it after all.
        """
        self.leased -= 1
        self.reused -= 1
        self.closed += 1
        self.stale += 1
        self.dialling += 1


LIMITS = st.builds(
    PoolLimits,
    max_connections=st.integers(1, 5),
    max_idle=st.integers(0, 5),
    idle_expiry=st.sampled_from([1000.0, 2.0, 0.0]),
    max_waiters=st.none() | st.integers(0, 4),
)

SMALL_LIMITS = st.builds(
    PoolLimits,
    max_connections=st.just(2),
    max_idle=st.just(1),
    idle_expiry=st.just(2.0),
    max_waiters=st.none() | st.integers(1, 8),
)


class Callers(RuleBasedStateMachine):
    """Callers over a `PoolState`, and the model beside it."""

    def begin(self, limits: PoolLimits) -> None:
        self.state: PoolState[int] = PoolState(limits)
        self.model = Model(limits)
        self.now = 0.0
        self.made = 0
        self.places: list[Origin] = []
        self.leases: dict[int, Origin] = {}
        self.closed: set[int] = set()
        self.used_again: set[int] = set()

    # -- what callers do with what they get

    def take(self, grant: Use[int] | Dial[int], origin: Origin) -> None:
        self.drop(grant.close)
        if isinstance(grant, Dial):
            self.places.append(origin)
            return
        assert grant.connection not in self.leases, "in two hands"
        assert grant.connection not in self.closed, "back from the dead"
        self.leases[grant.connection] = origin
        self.used_again.add(grant.connection)

    def drop(self, connections: tuple[int, ...]) -> None:
        for connection in connections:
            assert connection not in self.closed, "closed twice"
            assert connection not in self.leases, "closed in somebody's hands"
            self.closed.add(connection)

    def wake(self, waiter: Waiter[int] | None, expected: Ticket | None) -> None:
        assert waiter is (None if expected is None else expected.real)
        if waiter is not None:
            assert waiter.grant is not None
            self.take(waiter.grant, waiter.origin)

    # -- the steps

    @rule(origin=st.sampled_from(ORIGINS))
    def acquire(self, origin: Origin) -> None:
        expected = self.model.acquire(origin, self.now)
        step = self.state.acquire(origin, self.now)
        if isinstance(step, Wait):
            assert expected is None
            assert step.waiter.grant is None
            self.model.queue.append(Ticket(origin, step.waiter))
            return
        assert step == expected
        if not isinstance(step, PoolFull):
            self.take(step, origin)

    @precondition(lambda self: self.places)
    @rule(data=st.data())
    def dialled(self, data: st.DataObject) -> None:
        self.connect(data.draw(st.integers(0, len(self.places) - 1)))

    @rule(origins=st.lists(st.sampled_from(ORIGINS), min_size=1, max_size=6))
    def rush(self, origins: list[Origin]) -> None:
        """Many calls at once, and every dial succeeds."""
        for origin in origins:
            self.acquire(origin)
        while self.places:
            self.connect(0)

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def calm(self, data: st.DataObject) -> None:
        """All calls end well, in any order."""
        for connection in data.draw(st.permutations(sorted(self.leases))):
            self.give_back(connection)

    def connect(self, place: int) -> None:
        origin = self.places.pop(place)
        self.state.dialled()
        self.model.dialling -= 1
        self.model.leased += 1
        self.model.opened += 1
        self.made += 1
        self.leases[self.made] = origin

    @precondition(lambda self: self.places)
    @rule(data=st.data())
    def abandon(self, data: st.DataObject) -> None:
        self.places.pop(data.draw(st.integers(0, len(self.places) - 1)))
        self.model.dialling -= 1
        self.wake(self.state.abandon(), self.model.give_place())

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.give_back(data.draw(st.sampled_from(sorted(self.leases))))

    def give_back(self, connection: int) -> None:
        origin = self.leases.pop(connection)
        close, expected, handed = self.model.release(connection, origin, self.now)
        closed, waiter = self.state.release(connection, origin, self.now)
        assert closed == tuple(close)
        self.drop(closed)
        self.wake(waiter, expected)
        if handed:
            assert connection in self.leases

    @precondition(lambda self: self.leases)
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        connection = data.draw(st.sampled_from(sorted(self.leases)))
        del self.leases[connection]
        self.closed.add(connection)
        self.wake(self.state.discard(), self.model.discard())

    @precondition(lambda self: self.used_again & self.leases.keys())
    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        """A connection turns out to be dead: whoever has it has its place now, to dial on."""
        reused = self.used_again & self.leases.keys()
        connection = data.draw(st.sampled_from(sorted(reused)))
        self.places.append(self.leases.pop(connection))
        self.closed.add(connection)
        self.state.replace()
        self.model.replace()

    @precondition(lambda self: self.model.queue)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        ticket = self.model.queue.pop(data.draw(st.integers(0, len(self.model.queue) - 1)))
        assert self.state.forget(ticket.real) is True
        assert self.state.forget(ticket.real) is False
        assert ticket.real.grant is None

    @rule(seconds=st.sampled_from([0.5, 1.0, 2.0, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def clear_idle(self) -> None:
        dropped = self.state.clear_idle()
        assert dropped == tuple(entry.connection for entry in self.model.idle)
        self.model.closed += len(dropped)
        self.model.idle.clear()
        self.drop(dropped)

    @rule()
    def clear_waiters(self) -> None:
        dropped = self.state.clear_waiters()
        assert dropped == tuple(ticket.real for ticket in self.model.queue)
        assert all(waiter.grant is None for waiter in dropped)
        self.model.queue.clear()

    # -- what always holds

    @invariant()
    def counts_as_the_model(self) -> None:
        model, now = self.model, self.state.statistics()
        assert (now.leased, now.dialling) == (model.leased, model.dialling)
        assert (now.idle, now.waiting) == (len(model.idle), len(model.queue))
        assert (now.opened, now.reused, now.handed_off) == (
            model.opened,
            model.reused,
            model.handed_off,
        )
        assert (now.closed, now.expired, now.stale) == (model.closed, model.expired, model.stale)
        assert min(model.reused, model.handed_off, model.stale) >= 0
        assert now.open == self.state.open == now.leased + now.dialling + now.idle

    @invariant()
    def counts_as_the_callers(self) -> None:
        now = self.state.statistics()
        assert now.leased == len(self.leases)
        assert now.dialling == len(self.places)
        assert now.closed == len(self.closed)
        assert now.opened == self.made == now.leased + now.idle + now.closed

    @invariant()
    def keeps_its_limits(self) -> None:
        limits, now = self.state.limits, self.state.statistics()
        assert 0 <= now.open <= limits.max_connections
        assert 0 <= now.idle <= limits.max_idle
        assert limits.max_waiters is None or now.waiting <= limits.max_waiters

    @invariant()
    def nobody_waits_for_what_is_there(self) -> None:
        now = self.state.statistics()
        if now.waiting:
            assert now.idle == 0
            assert now.open == self.state.limits.max_connections

    @invariant()
    def whoever_waits_has_nothing_yet(self) -> None:
        assert all(ticket.real.grant is None for ticket in self.model.queue)

    @invariant()
    def nothing_idles_in_hands_or_closed(self) -> None:
        idle = {entry.connection for entry in self.model.idle}
        assert not idle & self.leases.keys()
        assert not idle & self.closed

    def teardown(self) -> None:
        """Everybody gives back what they have, in turn: the pool ends empty or idle."""
        while self.places or self.leases:
            while self.places:
                self.places.pop()
                self.model.dialling -= 1
                self.wake(self.state.abandon(), self.model.give_place())
            if self.leases:
                self.give_back(min(self.leases))
        assert self.state.statistics().waiting == 0, "somebody was forgotten"
        assert self.state.open == self.state.statistics().idle


class Untroubled(Callers):
    """Any limits, any steps."""

    @initialize(limits=LIMITS)
    def begin_with_any(self, limits: PoolLimits) -> None:
        self.begin(limits)


class Troubled(Callers):
    """Few places, and most of them are given up: nearly everything goes wrong."""

    @initialize(limits=SMALL_LIMITS)
    def begin_with_few(self, limits: PoolLimits) -> None:
        self.begin(limits)

    @rule(data=st.data())
    def nothing_works(self, data: st.DataObject) -> None:
        """Whoever has something loses it, and some of those who wait give up in between."""
        for _ in range(data.draw(st.integers(1, 6))):
            steps = []
            if self.places:
                steps.append(self.abandon)
            if self.leases:
                steps.append(self.discard)
            if self.used_again & self.leases.keys():
                steps.append(self.replace)
            if self.model.queue:
                steps.append(self.forget)
            if steps:
                data.draw(st.sampled_from(steps))(data)


SETTINGS = settings(
    deadline=None,
    max_examples=80,
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_pool_is_as_its_model() -> None:
    run_state_machine_as_test(Untroubled, settings=SETTINGS)


def test_the_pool_is_as_its_model_where_most_steps_fail() -> None:
    run_state_machine_as_test(Troubled, settings=SETTINGS)
