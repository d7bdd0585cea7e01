"""The pool over socket pairs: idle connections that went bad, or expired, and their replacement."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from _http.pool_world import Peer, Script, answer, close_it, new_world


async def send_a_byte(peer: Peer) -> None:
    await peer.send(b"H")


async def say_408(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
    peer.close()


async def send_another_answer(peer: Peer) -> None:
    await peer.send(answer(b"poison"))


@pytest.mark.parametrize("spoil", [close_it, send_a_byte, say_408, send_another_answer])
async def test_a_stale_connection_is_found_at_checkout(spoil: Script) -> None:
    async with new_world() as world:
        await world.call()
        await spoil(world.dialer.peers[0])
        assert world.counts() == (0, 0, 1, 0)
        assert await world.call(b"/next") == b"/next"
        assert world.dialer.dials == 2
        assert world.counts() == (0, 0, 1, 0)
        now = world.pool.statistics()
        assert (now.opened, now.closed, now.stale) == (2, 1, 1)


async def test_a_stale_connection_is_replaced_and_the_other_idle_ones_are_left_alone() -> None:
    async with new_world() as world:
        for connection in [await world.lease() for _ in range(3)]:
            await world.read(connection)
        for peer in world.dialer.peers[1:]:
            peer.close()
        fresh = await world.lease(b"/next")
        assert (fresh.serial, fresh.exchanges) == (4, 1)
        assert world.counts() == (1, 0, 2, 0), "one of these is stale too, and not yet looked at"
        assert world.pool.statistics().stale == 1
        others = [await world.lease(b"/other") for _ in range(2)]
        assert [connection.serial for connection in others] == [5, 1]
        for connection in (fresh, *others):
            await world.read(connection)
        now = world.pool.statistics()
        assert (now.opened, now.idle, now.closed, now.stale) == (5, 3, 2, 2)


async def test_a_stale_connection_of_a_full_pool_is_replaced_on_its_place() -> None:
    async with new_world(2) as world:
        for connection in [await world.lease() for _ in range(2)]:
            await world.read(connection)
        world.dialer.peers[1].close()
        world.dialer.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(world.call)
            await wait_all_tasks_blocked()
            assert world.counts() == (0, 1, 1, 0), "nothing was evicted for it"
            world.dialer.gate.set()
        assert world.counts() == (0, 0, 2, 0)


async def test_a_replacement_tells_how_long_it_took_to_connect(autojump_clock: MockClock) -> None:
    async with new_world() as world:
        await world.call()
        world.dialer.peers[0].close()
        world.dialer.delay = 2.0
        fresh = await world.lease()
        assert (fresh.connected_in, fresh.waited, fresh.serial) == (2.0, 0.0, 2)
        await world.read(fresh)


@pytest.mark.parametrize(
    ("seconds", "reused"), [(0.0, True), (59.5, True), (60.0, False), (1e6, False)]
)
async def test_an_idle_connection_expires(
    seconds: float, reused: bool, autojump_clock: MockClock
) -> None:
    async with new_world() as world:
        await world.call()
        await trio.sleep(seconds)
        assert await world.call(b"/next") == b"/next"
        now = world.pool.statistics()
        assert (now.opened, now.reused, now.expired) == ((1, 1, 0) if reused else (2, 0, 1))
        assert now.stale == 0
