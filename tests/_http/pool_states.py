"""A `PoolState` over integers, in the state that a test begins with."""

from trio_groq._http.messages import Origin
from trio_groq._http.pool_state import Dial, PoolLimits, PoolState, Wait, Waiter

HERE = Origin("https", "here.test", 443)
THERE = Origin("https", "there.test", 443)
State = PoolState[int]


def new_state(
    max_connections: int = 10,
    *,
    max_idle: int = 10,
    idle_expiry: float = 60.0,
    max_waiters: int | None = None,
) -> State:
    return PoolState(
        PoolLimits(
            max_connections=max_connections,
            max_idle=max_idle,
            idle_expiry=idle_expiry,
            max_waiters=max_waiters,
        )
    )


def lease(state: State, *connections: int, origin: Origin = HERE, now: float = 0.0) -> None:
    """Dial these connections; they are leased."""
    for _ in connections:
        assert state.acquire(origin, now) == Dial()
        state.dialled()


def idle(state: State, *connections: int, origin: Origin = HERE, now: float = 0.0) -> None:
    """Have these connections idle, the first for longest."""
    lease(state, *connections, origin=origin, now=now)
    for connection in connections:
        assert state.release(connection, origin, now) == ((), None)


def wait(state: State, origin: Origin = HERE, now: float = 0.0) -> Waiter[int]:
    step = state.acquire(origin, now)
    assert isinstance(step, Wait)
    assert step.waiter.grant is None
    assert step.waiter.origin == origin
    return step.waiter


def counts(state: State) -> tuple[int, int, int, int]:
    """Leased, dialling, idle, waiting; `open` is the sum of the first three."""
    now = state.statistics()
    assert now.open == state.open == now.leased + now.dialling + now.idle
    return now.leased, now.dialling, now.idle, now.waiting
