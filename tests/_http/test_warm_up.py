"""Connections are opened at once, and given back whatever happens."""

from functools import partial

import pytest
import trio
from trio.testing import MockClock

from _http.pool_world import HERE, PairDialer
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.pool_state import PoolLimits
from trio_groq._http.warm_up import open_at_once
from trio_groq.errors import APIConnectionError


class Leases:
    """What is leased, by number.

    Attributes:
        delay: Seconds that each takes.
        fail_at: The one that fails.
    """

    def __init__(self, *, delay: float = 0.0, fail_at: int | None = None) -> None:
        self.delay = delay
        self.fail_at = fail_at
        self.begun = 0
        self.held: list[int] = []
        self.most = 0
        self.returned: list[int] = []

    async def acquire(self) -> int:
        number = self.begun
        self.begun += 1
        await trio.sleep(self.delay * (number + 1))
        if number == self.fail_at:
            raise APIConnectionError(f"number {number}")
        self.held.append(number)
        self.most = max(self.most, len(self.held))
        return number

    def release(self, number: int) -> None:
        self.held.remove(number)
        self.returned.append(number)


def never() -> bool:
    return False


@pytest.mark.parametrize("count", [0, 1, 5])
async def test_all_are_held_at_once_and_given_back(count: int) -> None:
    leases = Leases()
    await open_at_once(leases.acquire, leases.release, count, never)
    assert (leases.most, leases.held, sorted(leases.returned)) == (count, [], list(range(count)))


async def test_the_first_error_is_raised_and_the_rest_given_back(
    autojump_clock: MockClock,
) -> None:
    leases = Leases(delay=1.0, fail_at=2)
    with pytest.raises(APIConnectionError, match=r"^number 2$"):
        await open_at_once(leases.acquire, leases.release, 5, never)
    assert trio.current_time() == 3.0
    assert (leases.held, leases.returned) == ([], [0, 1])


async def test_cancelled_it_gives_all_back(autojump_clock: MockClock) -> None:
    leases = Leases(delay=1.0)
    raised: list[type[BaseException]] = []
    with trio.move_on_after(2.5) as scope:
        try:
            await open_at_once(leases.acquire, leases.release, 5, never)
        except BaseException as error:
            raised.append(type(error))
            raise
    assert scope.cancelled_caught
    assert raised == [trio.Cancelled]  # and no group of them
    assert (leases.held, leases.returned) == ([], [0, 1])


async def test_no_connection_is_a_checkpoint_all_the_same() -> None:
    leases = Leases()
    with trio.CancelScope() as scope:
        scope.cancel()
        await open_at_once(leases.acquire, leases.release, 0, never)
    assert scope.cancelled_caught


async def test_over_a_pool(nursery: trio.Nursery) -> None:
    dialer = PairDialer(nursery)
    pool = ConnectionPool(dialer, PoolLimits(), ExchangeLimits())  # type: ignore[arg-type]  # as good
    deadlines = Deadlines(Timeouts(), trio.current_time())
    acquire = partial(pool._acquire, HERE, deadlines)
    for count, opened in ((3, 3), (2, 3), (5, 5)):  # what is idle counts
        await open_at_once(acquire, pool.release, count, never)
        now = pool.statistics()
        assert (now.idle, now.leased, now.opened) == (opened, 0, opened)
    pool.close()


async def test_it_waits_for_nobody_who_comes_in_between(autojump_clock: MockClock) -> None:
    async def hold() -> None:
        connection = await pool._acquire(HERE, deadlines)
        await trio.sleep(5.0)
        pool.release(connection)

    async def warm_up() -> None:
        await pool.warm_up(HERE, 4, deadlines)
        assert trio.current_time() == 0.0
        assert pool.statistics().idle == 2

    async with trio.open_nursery() as peers:
        limits = PoolLimits(max_connections=4, max_idle=4)
        pool = ConnectionPool(PairDialer(peers), limits, ExchangeLimits())  # type: ignore[arg-type]  # as good
        deadlines = Deadlines(Timeouts(), trio.current_time())
        async with trio.open_nursery() as calls:
            # Whichever of the two is first: the other one comes when it has begun.
            calls.start_soon(hold)
            calls.start_soon(warm_up)
            calls.start_soon(hold)
        pool.close()
