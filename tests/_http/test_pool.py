"""The pool over socket pairs: which connection a call gets, and what the pool tells of itself."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from _http.pool_world import HERE, THERE, Peer, answer, in_line, new_world
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.messages import Request
from trio_groq.errors import InvalidRequestError

# -- reuse


async def test_one_connection_carries_one_call_after_the_other() -> None:
    async with new_world() as world:
        for number in range(5):
            target = b"/%d" % number
            assert await world.call(target) == target
            assert world.counts() == (0, 0, 1, 0)
        assert world.dialer.dials == 1
        now = world.pool.statistics()
        assert (now.opened, now.reused, now.handed_off, now.closed) == (1, 4, 0, 0)


async def test_calls_at_once_have_connections_of_their_own() -> None:
    async with new_world() as world:
        leased = [await world.lease(b"/%d" % number) for number in range(3)]
        assert world.counts() == (3, 0, 0, 0)
        assert [connection.serial for connection in leased] == [1, 2, 3]
        bodies = [await world.read(connection) for connection in leased]
        assert bodies == [b"/0", b"/1", b"/2"]
        assert world.counts() == (0, 0, 3, 0)
        last = await world.lease(b"/last")
        assert last.serial == 3, "the one that came back last"
        assert await world.read(last) == b"/last"


async def test_each_origin_has_its_own_connections() -> None:
    async with new_world() as world:
        await world.call(origin=HERE)
        await world.call(origin=THERE)
        await world.call(origin=HERE)
        assert [peer.origin for peer in world.dialer.peers] == [HERE, THERE]
        assert world.counts() == (0, 0, 2, 0)


async def test_a_full_pool_closes_an_idle_connection_for_another_origin() -> None:
    async with new_world(1) as world:
        await world.call(origin=HERE)
        assert await world.call(b"/there", origin=THERE) == b"/there"
        assert world.counts() == (0, 0, 1, 0)
        assert world.pool.statistics().closed == 1
        await wait_all_tasks_blocked()
        assert world.dialer.peers[0].stream.socket.fileno() == -1, "its peer has seen the end"


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"/", close=True),
        answer(b"/") + b"more",
        b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\n/",
    ],
    ids=["announced", "excess", "http 1.0"],
)
async def test_a_connection_that_is_not_reusable_is_closed(reply: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(reply)

    async with new_world() as world:
        world.dialer.scripts.append(script)
        assert await world.call() == b"/"
        assert world.counts() == (0, 0, 0, 0)
        assert await world.call(b"/next") == b"/next"
        assert world.pool.statistics().stale == 0


async def test_a_response_that_was_not_read_to_its_end_closes_its_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer(b"whole")[:-1])
        await trio.sleep_forever()

    async with new_world() as world:
        world.dialer.scripts.append(script)
        connection = await world.lease()
        world.pool.release(connection)
        assert world.counts() == (0, 0, 0, 0)
        assert repr(connection).endswith(", 1 exchanges, closed>")
        assert await world.call(b"/next") == b"/next"


async def test_an_invalid_request_takes_no_connection() -> None:
    async with new_world() as world:
        request = Request(HERE, b"GET", b"/", headers=((b"x", b"a\nb"),))
        with pytest.raises(InvalidRequestError):
            await world.pool.send(request, Deadlines(Timeouts(), 0.0))
        assert world.dialer.dials == 0


async def test_a_connection_tells_how_it_was_come_by(autojump_clock: MockClock) -> None:
    async with new_world(1) as world:
        world.dialer.delay = 2.0
        first = await world.lease()
        assert (first.connected_in, first.waited, first.exchanges) == (2.0, 0.0, 1)

        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                second = await world.lease(b"/second")
                assert second is first
                assert (second.connected_in, second.waited, second.exchanges) == (None, 3.0, 2)
                assert await world.read(second) == b"/second"

            nursery.start_soon(wait)
            await trio.sleep(3.0)
            await world.read(first)
        assert world.pool.statistics().handed_off == 1


# -- what it tells


async def test_repr_and_statistics_tell_its_state() -> None:
    async with new_world(2) as world, trio.open_nursery() as nursery:
        assert repr(world.pool) == "<ConnectionPool open: 0 leased, 0 idle, 0 dialling, 0 waiting>"
        held = await world.lease()
        world.dialer.gate = trio.Event()
        nursery.start_soon(world.call)
        await wait_all_tasks_blocked()
        ended = await in_line(world, nursery, b"/waits")
        assert repr(world.pool) == "<ConnectionPool open: 1 leased, 0 idle, 1 dialling, 1 waiting>"
        assert world.pool.statistics().open == 2
        await world.read(held)
        while not ended:
            await trio.lowlevel.checkpoint()
        assert repr(world.pool) == "<ConnectionPool open: 0 leased, 1 idle, 1 dialling, 0 waiting>"
        world.dialer.gate.set()
        await wait_all_tasks_blocked()
        world.pool.close()
        assert (
            repr(world.pool) == "<ConnectionPool closed: 0 leased, 0 idle, 0 dialling, 0 waiting>"
        )
