"""The pool over socket pairs: when a request is sent again, and when it is not."""

import socket

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from _http.pool_world import (
    Peer,
    Script,
    answer,
    be_silent,
    close_it,
    echo,
    new_world,
    serve_once,
    serve_once_then,
)
from trio_groq._http.deadlines import Timeouts
from trio_groq.errors import APITimeoutError, ProtocolError


async def test_a_request_on_a_reused_connection_is_sent_again_if_no_byte_came() -> None:
    async with new_world() as world:
        world.dialer.scripts.append(serve_once_then(close_it))
        await world.call()
        assert await world.call(b"/again") == b"/again"
        assert world.dialer.dials == 2
        assert world.counts() == (0, 0, 1, 0)


async def test_it_is_sent_again_on_a_new_connection_whatever_else_is_idle() -> None:
    async with new_world() as world:
        world.dialer.scripts.extend([serve_once_then(close_it)] * 3)
        for connection in [await world.lease() for _ in range(3)]:
            await world.read(connection)
        again = await world.lease(b"/again")
        assert (again.serial, again.exchanges) == (4, 1)
        assert world.counts() == (1, 0, 2, 0)
        assert await world.read(again) == b"/again"
        now = world.pool.statistics()
        assert (now.opened, now.closed, now.stale) == (4, 1, 1)


async def test_a_request_that_could_not_even_be_sent_is_sent_again() -> None:
    async with new_world() as world:
        await world.call()
        # Nobody reads there any more: a quiet connection to look at, and EPIPE at the first send.
        world.dialer.peers[0].stream.socket.shutdown(socket.SHUT_RD)
        assert await world.call(b"/again") == b"/again"
        assert world.dialer.dials == 2
        assert world.counts() == (0, 0, 1, 0)
        assert world.pool.statistics().stale == 1


async def test_on_a_fresh_connection_no_request_is_sent_again() -> None:
    async def hang_up(peer: Peer) -> None:
        await peer.request()

    async with new_world() as world:
        world.dialer.scripts.append(hang_up)
        with pytest.raises(ProtocolError, match="got the connection's end after 0 bytes"):
            await world.call()
        assert world.dialer.dials == 1
        assert world.counts() == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "first", [serve_once, serve_once_then(close_it)], ids=["found stale", "sent again"]
)
async def test_the_fresh_connection_of_a_replacement_is_the_last(first: Script) -> None:
    """It breaks without a byte, too; by then it is no longer the idle connection's fault."""

    async def hang_up(peer: Peer) -> None:
        await peer.request()

    async with new_world() as world:
        world.dialer.scripts.extend([echo, first, hang_up])
        for connection in [await world.lease() for _ in range(2)]:
            await world.read(connection)
        await wait_all_tasks_blocked()
        with pytest.raises(ProtocolError, match="got the connection's end after 0 bytes"):
            await world.call()
        assert world.dialer.dials == 3
        now = world.pool.statistics()
        assert (now.closed, now.stale) == (2, 1)
        assert world.counts() == (0, 0, 1, 0), "the other idle one was left alone"


async def one_byte(peer: Peer) -> None:
    await peer.send(b"H")


async def early_hints(peer: Peer) -> None:
    await peer.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")


async def half_a_body(peer: Peer) -> None:
    await peer.send(answer(b"whole")[:-2])


async def no_http(peer: Peer) -> None:
    await peer.send(b"SSH-2.0-x\r\n\r\n")


@pytest.mark.parametrize("spoil", [one_byte, early_hints, half_a_body, no_http])
async def test_after_one_byte_of_a_response_no_request_is_sent_again(spoil: Script) -> None:
    async with new_world() as world:
        world.dialer.scripts.append(serve_once_then(spoil))
        await world.call()
        with pytest.raises(ProtocolError):
            await world.call()
        assert world.dialer.dials == 1
        assert world.counts() == (0, 0, 0, 0)
        assert await world.call(b"/next") == b"/next"


@pytest.mark.parametrize(
    ("timeouts", "phase"),
    [(Timeouts(read=3.0), "read"), (Timeouts(total=3.0), "total")],
    ids=["read", "total"],
)
async def test_after_a_timeout_no_request_is_sent_again(
    timeouts: Timeouts, phase: str, autojump_clock: MockClock
) -> None:
    async with new_world() as world:
        world.dialer.scripts.append(serve_once_then(be_silent))
        await world.call()
        with pytest.raises(APITimeoutError) as caught:
            await world.call(timeouts=timeouts)
        assert (caught.value.phase, caught.value.limit) == (phase, 3.0)
        assert trio.current_time() == 3.0
        assert world.dialer.dials == 1
        assert world.counts() == (0, 0, 0, 0)
