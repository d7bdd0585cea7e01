"""The pool over socket pairs: who waits for a connection, and who gets the next place."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from _http.pool_world import HERE, THERE, Peer, answer, in_line, new_world, read_body, serve_once
from trio_groq._http.deadlines import Timeouts
from trio_groq.errors import APITimeoutError, PoolTimeoutError


@pytest.mark.parametrize(
    ("timeouts", "error", "phase"),
    [
        (Timeouts(pool=3.0), PoolTimeoutError, "pool"),
        (Timeouts(pool=4.0, total=3.0), APITimeoutError, "total"),
    ],
    ids=["pool", "total"],
)
async def test_a_wait_for_a_connection_ends_in_time(
    timeouts: Timeouts, error: type[APITimeoutError], phase: str, autojump_clock: MockClock
) -> None:
    async with new_world(1) as world:
        held = await world.lease()
        with pytest.raises(error) as caught:
            await world.call(timeouts=timeouts)
        assert trio.current_time() == 3.0
        assert (caught.value.phase, caught.value.limit) == (phase, 3.0)
        assert world.counts() == (1, 0, 0, 0)
        await world.read(held)
        assert world.counts() == (0, 0, 1, 0)


async def test_a_full_queue_refuses_at_once(autojump_clock: MockClock) -> None:
    async with new_world(1, max_waiters=1) as world, trio.open_nursery() as nursery:
        held = await world.lease()
        nursery.start_soon(world.call)
        await wait_all_tasks_blocked()
        with pytest.raises(PoolTimeoutError, match="got 1 calls waiting already") as caught:
            await world.call()
        assert (caught.value.phase, caught.value.limit) == ("pool", 0.0)
        assert not caught.value.is_retryable
        assert trio.current_time() == 0.0
        assert world.counts() == (1, 0, 0, 1)
        await world.read(held)


async def test_waiters_are_served_in_order() -> None:
    async with new_world(1) as world:
        async with trio.open_nursery() as nursery:
            held = await world.lease()
            ended = await in_line(world, nursery, b"/1", b"/2", b"/3")
            await world.read(held)
        assert ended == [b"/1", b"/2", b"/3"]
        now = world.pool.statistics()
        assert (now.opened, now.handed_off) == (1, 3)


async def test_a_place_passes_down_the_line_where_connections_are_not_kept() -> None:
    async def serve_one(peer: Peer) -> None:
        await peer.send(answer(await peer.request(), close=True))

    async with new_world(1) as world:
        world.dialer.scripts.extend([serve_one] * 4)
        async with trio.open_nursery() as nursery:
            held = await world.lease()
            ended = await in_line(world, nursery, b"/1", b"/2", b"/3")
            await world.read(held)
        assert ended == [b"/1", b"/2", b"/3"]
        assert world.pool.statistics().opened == 4


async def test_a_waiter_keeps_its_turn_when_what_it_was_handed_is_stale() -> None:
    """The connection is gone, but its place is the waiter's: the next in line comes after it."""

    async with new_world(1) as world:
        world.dialer.scripts.append(serve_once)
        async with trio.open_nursery() as nursery:
            held = await world.lease()
            ended = await in_line(world, nursery, b"/1", b"/2", b"/3")
            await world.read(held)
        assert ended == [b"/1", b"/2", b"/3"]
        assert world.pool.statistics().opened == 2


async def test_a_replayed_request_keeps_its_turn() -> None:
    """What it had it lost through no fault of its own: it does not go to the end of the line."""
    hang_up = trio.Event()

    async def serve_one_and_wait(peer: Peer) -> None:
        await peer.send(answer(await peer.request()))
        await peer.request()
        await hang_up.wait()

    async with new_world(1) as world:
        world.dialer.scripts.append(serve_one_and_wait)
        await world.call()
        ended: list[bytes] = []

        async def call(target: bytes) -> None:
            ended.append(await world.call(target))

        async with trio.open_nursery() as nursery:
            for target in (b"/again", b"/1", b"/2"):
                nursery.start_soon(call, target)
                await wait_all_tasks_blocked()
            assert world.counts() == (1, 0, 0, 2)
            hang_up.set()
        assert ended == [b"/again", b"/1", b"/2"]
        assert (world.dialer.dials, world.pool.statistics().stale) == (2, 1)


async def test_the_first_waiter_gets_the_place_for_another_origin() -> None:
    async with new_world(1) as world:
        async with trio.open_nursery() as nursery:
            held = await world.lease()

            async def there() -> None:
                assert await world.call(b"/there", origin=THERE) == b"/there"

            nursery.start_soon(there)
            await wait_all_tasks_blocked()
            assert world.counts() == (1, 0, 0, 1)
            await world.read(held)
        assert [peer.origin for peer in world.dialer.peers] == [HERE, THERE]
        assert world.pool.statistics().closed == 1


async def test_a_cancelled_waiter_leaves_the_line() -> None:
    async with new_world(1) as world, trio.open_nursery() as nursery:
        held = await world.lease()
        with trio.CancelScope() as scope:
            nursery.start_soon(world.call)
            await wait_all_tasks_blocked()
            scope.cancel()
            await world.call()
        assert scope.cancelled_caught
        assert world.counts() == (1, 0, 0, 1)
        await world.read(held)


async def test_one_cancelled_after_its_grant_passes_the_place_on() -> None:
    async with new_world(1) as world, trio.open_nursery() as nursery:
        held = await world.lease()
        cancelled = trio.CancelScope()

        async def wait() -> None:
            with cancelled:
                await world.call(b"/never")

        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        ended = await in_line(world, nursery, b"/next")
        await read_body(held)
        world.pool.release(held)
        assert world.counts() == (1, 0, 0, 1), "handed off, and not yet awake"
        cancelled.cancel()
        while not ended:
            await trio.lowlevel.checkpoint()
        assert cancelled.cancelled_caught
        assert ended == [b"/next"]
        assert world.counts() == (0, 0, 1, 0)
