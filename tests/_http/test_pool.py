"""The pool over socket pairs, with exact virtual times; then over real sockets.

A socket pair delivers at once, so a mock clock may jump whenever all tasks wait.
"""

import errno
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeAlias, cast, final

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from cancellation import descriptors
from trio_groq._http.connection import Connection
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.dial import Dialer
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.messages import Origin, Request, Span
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.pool_state import PoolLimits
from trio_groq._http.readiness import ReadinessOption
from trio_groq._http.transport import Transport
from trio_groq.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidRequestError,
    PoolTimeoutError,
    ProtocolError,
)
from trio_groq.testing import FakeGroq, Reply

HERE: Final = Origin("http", "here.test", 80)
THERE: Final = Origin("http", "there.test", 80)


def answer(body: bytes, *, close: bool = False) -> bytes:
    fields = b"content-length: %d\r\n" % len(body) + b"connection: close\r\n" * close
    return b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n" + body


@final
class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, origin: Origin) -> None:
        self.stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
        self.origin = origin

    async def request(self) -> bytes:
        """The next request's target; empty when the client has closed."""
        data = bytearray()
        while not data.endswith(b"\r\n\r\n"):
            part = await self.stream.receive_some()
            if not part:
                return b""
            data += part
        return bytes(data.split(b" ", 2)[1])

    async def send(self, data: bytes) -> None:
        await self.stream.send_all(data)

    def close(self) -> None:
        self.stream.socket.close()


Script: TypeAlias = Callable[[Peer], Awaitable[None]]


async def echo(peer: Peer) -> None:
    """Answer each request with its target."""
    while target := await peer.request():
        await peer.send(answer(target))


@final
class PairDialer:
    """Dials socket pairs; what is at their other end runs in `nursery`.

    Attributes:
        scripts: What the next peers do; `echo` when there are none left.
        failures: What the next dials raise; None for none.
        delay: Seconds that a dial takes.
        gate: What a dial waits for.
        peers: Those dialled so far.
        dials: How many were begun.
        readiness: How the pool's ends wait.
        decoy: Whether another connection opens and closes just before.
    """

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self.scripts: deque[Script] = deque()
        self.failures: deque[Exception | None] = deque()
        self.delay = 0.0
        self.gate = trio.Event()
        self.gate.set()
        self.peers: list[Peer] = []
        self.dials = 0
        self.readiness: ReadinessOption = "auto"
        self.decoy = False

    async def dial(self, origin: Origin) -> Transport:
        self.dials += 1
        failure = self.failures.popleft() if self.failures else None
        await trio.sleep(self.delay)
        await self.gate.wait()
        if failure is not None:
            raise failure
        if self.decoy:
            near, far = socket.socketpair()
            Transport(near).close()
            far.close()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        peer = Peer(theirs, origin)
        self.peers.append(peer)
        self._nursery.start_soon(self._run, self.scripts.popleft() if self.scripts else echo, peer)
        return Transport(ours, readiness=self.readiness)

    async def _run(self, script: Script, peer: Peer) -> None:
        try:
            await script(peer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client has gone, or the test closed this end
        finally:
            peer.close()


async def read_body(connection: Connection, *, enough: int = sys.maxsize) -> bytes:
    """The rest of a response's body, or `enough` of it."""
    body = bytearray()

    def consume(spans: list[Span]) -> bool:
        for buffer, start, end in spans:
            body.extend(buffer[start:end])
        return len(body) >= enough

    await connection.receive(Deadlines(Timeouts(), trio.current_time()), consume)
    return bytes(body)


@attrs.frozen
class World:
    """A pool and what it dials."""

    pool: ConnectionPool
    dialer: PairDialer

    def counts(self) -> tuple[int, int, int, int]:
        """Leased, dialling, idle, waiting."""
        now = self.pool.statistics()
        assert now.open == now.leased + now.dialling + now.idle
        return now.leased, now.dialling, now.idle, now.waiting

    async def lease(
        self, target: bytes = b"/", *, origin: Origin = HERE, timeouts: Timeouts | None = None
    ) -> Connection:
        """A call whose response's head has come."""
        deadlines = Deadlines(timeouts or Timeouts(), trio.current_time())
        request = Request(origin, b"GET", target)
        connection, head = await self.pool.send(request, deadlines)
        assert head.status == 200
        return connection

    async def read(self, connection: Connection) -> bytes:
        """The rest of a call; the connection goes back."""
        try:
            return await read_body(connection)
        finally:
            self.pool.release(connection)

    async def call(
        self, target: bytes = b"/", *, origin: Origin = HERE, timeouts: Timeouts | None = None
    ) -> bytes:
        """A whole call."""
        return await self.read(await self.lease(target, origin=origin, timeouts=timeouts))


@asynccontextmanager
async def new_world(
    max_connections: int = 10,
    *,
    max_idle: int = 10,
    max_waiters: int | None = None,
    idle_expiry: float = 60.0,
) -> AsyncIterator[World]:
    """At the end everything is closed, and nothing is left."""
    before = descriptors()
    limits = PoolLimits(
        max_connections=max_connections,
        max_idle=max_idle,
        max_waiters=max_waiters,
        idle_expiry=idle_expiry,
    )
    async with trio.open_nursery() as nursery:
        dialer = PairDialer(nursery)
        world = World(ConnectionPool(cast("Dialer", dialer), limits, ExchangeLimits()), dialer)
        try:
            yield world
        finally:
            world.pool.close()
        nursery.cancel_scope.cancel()
    now = world.pool.statistics()
    assert (now.open, now.waiting, now.opened) == (0, 0, now.closed)
    assert not world.pool._connections
    assert descriptors() - before == set()


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


# -- idle connections that went bad


async def close_it(peer: Peer) -> None:
    peer.close()


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


async def test_every_stale_connection_is_passed_over() -> None:
    async with new_world() as world:
        for connection in [await world.lease() for _ in range(3)]:
            await world.read(connection)
        for peer in world.dialer.peers[1:]:
            peer.close()
        assert await world.call(b"/next") == b"/next"
        assert world.dialer.dials == 3, "one was still good"
        assert world.pool.statistics().stale == 2


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


# -- replay


def serve_once_then(spoil: Script) -> Script:
    """Answer one request, then do this at the second."""

    async def script(peer: Peer) -> None:
        await peer.send(answer(await peer.request()))
        await peer.request()
        await spoil(peer)

    return script


async def test_a_request_on_a_reused_connection_is_sent_again_if_no_byte_came() -> None:
    async with new_world() as world:
        world.dialer.scripts.append(serve_once_then(close_it))
        await world.call()
        assert await world.call(b"/again") == b"/again"
        assert world.dialer.dials == 2
        assert world.counts() == (0, 0, 1, 0)


async def test_it_is_sent_again_once_for_each_stale_connection() -> None:
    async with new_world() as world:
        world.dialer.scripts.extend([serve_once_then(close_it)] * 3)
        for connection in [await world.lease() for _ in range(3)]:
            await world.read(connection)
        assert await world.call(b"/again") == b"/again"
        assert world.dialer.dials == 4
        assert world.pool.statistics().closed == 3


async def test_a_request_that_could_not_even_be_sent_is_sent_again() -> None:
    async with new_world() as world:
        await world.call()
        # Nobody reads there any more: a quiet connection to look at, and EPIPE at the first send.
        world.dialer.peers[0].stream.socket.shutdown(socket.SHUT_RD)
        assert await world.call(b"/again") == b"/again"
        assert world.dialer.dials == 2
        assert world.pool.statistics().stale == 0


async def test_on_a_fresh_connection_no_request_is_sent_again() -> None:
    async def hang_up(peer: Peer) -> None:
        await peer.request()

    async with new_world() as world:
        world.dialer.scripts.append(hang_up)
        with pytest.raises(ProtocolError, match="got the connection's end after 0 bytes"):
            await world.call()
        assert world.dialer.dials == 1
        assert world.counts() == (0, 0, 0, 0)


async def test_the_fresh_connection_of_a_replay_is_the_last() -> None:
    async def hang_up(peer: Peer) -> None:
        await peer.request()

    async with new_world() as world:
        world.dialer.scripts.extend([serve_once_then(close_it), hang_up])
        await world.call()
        with pytest.raises(APIConnectionError):
            await world.call()
        assert world.dialer.dials == 2


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


async def be_silent(peer: Peer) -> None:
    await trio.sleep_forever()


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


# -- the queue


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


async def in_line(world: World, nursery: trio.Nursery, *targets: bytes) -> list[bytes]:
    """Start calls in this order; the list shows the order in which they end."""
    ended: list[bytes] = []

    async def wait(target: bytes) -> None:
        ended.append(await world.call(target))

    for place, target in enumerate(targets, world.counts()[3] + 1):
        nursery.start_soon(wait, target)
        await wait_all_tasks_blocked()
        assert world.counts()[3] == place
    return ended


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

    async def serve_one(peer: Peer) -> None:
        await peer.send(answer(await peer.request()))  # closed after it, and not announced

    async with new_world(1) as world:
        world.dialer.scripts.append(serve_one)
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


# -- dialling


async def test_a_failed_dial_gives_its_place_to_the_next() -> None:
    async with new_world(1) as world, trio.open_nursery() as nursery:
        world.dialer.failures.append(APIConnectionError("refused"))
        world.dialer.gate = trio.Event()

        async def fail() -> None:
            with pytest.raises(APIConnectionError, match=r"^refused$"):
                await world.call()

        nursery.start_soon(fail)
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 1, 0, 0)
        ended = await in_line(world, nursery, b"/1", b"/2")
        world.dialer.gate.set()
        await wait_all_tasks_blocked()
        assert ended == [b"/1", b"/2"]
        assert world.counts() == (0, 0, 1, 0)
        assert world.dialer.dials == 2


async def test_a_cancelled_dial_gives_its_place_to_the_next() -> None:
    async with new_world(1) as world, trio.open_nursery() as nursery:
        world.dialer.gate = trio.Event()
        scope = trio.CancelScope()

        async def be_cancelled() -> None:
            with scope:
                await world.call()

        nursery.start_soon(be_cancelled)
        await wait_all_tasks_blocked()
        ended = await in_line(world, nursery, b"/1")
        scope.cancel()
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 1, 0, 0), "the next is dialling"
        world.dialer.gate.set()
        await wait_all_tasks_blocked()
        assert ended == [b"/1"]


async def test_a_dial_that_takes_too_long_gives_its_place_back(autojump_clock: MockClock) -> None:
    async with new_world(1) as world:
        world.dialer.delay = 10.0
        with pytest.raises(APITimeoutError) as caught:
            await world.call(timeouts=Timeouts(connect=2.0))
        assert (caught.value.phase, trio.current_time()) == ("connect", 2.0)
        assert world.counts() == (0, 0, 0, 0)
        world.dialer.delay = 0.0
        assert await world.call(b"/next") == b"/next"


async def test_a_foreign_exception_in_a_dial_gives_the_place_back() -> None:
    async with new_world(1) as world:
        world.dialer.failures.append(OSError(errno.EMFILE, "too many"))
        with pytest.raises(OSError, match="too many"):
            await world.call()
        assert world.counts() == (0, 0, 0, 0)
        assert await world.call(b"/next") == b"/next"


# -- the pool's end

is_closed = pytest.raises(APIConnectionError, match="expected it to be open, got a call after")


async def test_a_call_after_the_close_fails() -> None:
    async with new_world() as world:
        await world.call()
        world.pool.close()
        assert world.counts() == (0, 0, 0, 0)
        with is_closed as caught:
            await world.call()
        assert not caught.value.is_retryable
        world.pool.close()
        assert world.dialer.dials == 1


async def test_the_close_sends_every_waiter_away(autojump_clock: MockClock) -> None:
    async with new_world(1) as world:
        held = await world.lease()
        failed: list[str] = []

        async def wait() -> None:
            try:
                await world.call()
            except APIConnectionError as error:
                failed.append(str(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            assert world.counts() == (1, 0, 0, 2)
            world.pool.close()
        assert failed == ["client: expected it to be open, got a call after its close"] * 2
        assert trio.current_time() == 0.0
        world.pool.release(held)
        assert world.counts() == (0, 0, 0, 0)


async def test_one_that_was_just_handed_a_connection_gets_the_close() -> None:
    async with new_world(1) as world, trio.open_nursery() as nursery:
        held = await world.lease()

        async def wait() -> None:
            with is_closed:
                await world.call()

        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        await read_body(held)
        world.pool.release(held)
        world.pool.close()
        assert world.counts() == (1, 0, 0, 0)
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 0, 0, 0)


async def test_one_that_is_dialling_gets_the_close() -> None:
    async with new_world() as world, trio.open_nursery() as nursery:
        world.dialer.gate = trio.Event()

        async def dial() -> None:
            with is_closed:
                await world.call()

        nursery.start_soon(dial)
        await wait_all_tasks_blocked()
        world.pool.close()
        world.dialer.gate.set()
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 0, 0, 0)


async def half_an_answer(peer: Peer) -> None:
    await peer.request()
    await peer.send(answer(b"whole")[:-2])
    await trio.sleep_forever()


async def test_one_that_is_reading_gets_the_close() -> None:
    async with new_world() as world, trio.open_nursery() as nursery:
        world.dialer.scripts.append(half_an_answer)
        held = await world.lease()

        async def read() -> None:
            with pytest.raises(APIConnectionError, match="got closed by this client"):
                await world.read(held)

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        world.pool.close()
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 0, 0, 0)


@pytest.mark.parametrize("readiness", ["auto", "trio"])
async def test_one_that_reads_on_after_the_close_gets_it_too(readiness: ReadinessOption) -> None:
    """It was busy elsewhere at the time: the socket is closed before it waits for it."""
    async with new_world() as world:
        world.dialer.readiness = readiness
        world.dialer.scripts.append(half_an_answer)
        held = await world.lease()
        assert await read_body(held, enough=3) == b"who"
        world.pool.close()
        with pytest.raises(APIConnectionError):
            await world.read(held)
        assert world.counts() == (0, 0, 0, 0)


@pytest.mark.parametrize("readiness", ["auto", "trio"])
@pytest.mark.parametrize("reused", [False, True])
async def test_one_that_is_sending_gets_the_close(reused: bool, readiness: ReadinessOption) -> None:
    async with new_world() as world, trio.open_nursery() as nursery:
        world.dialer.readiness = readiness
        world.dialer.scripts.append(serve_once_then(be_silent) if reused else be_silent)
        if reused:
            await world.call()

        async def send() -> None:
            body = bytes(8_000_000)
            deadlines = Deadlines(Timeouts(), trio.current_time())
            with pytest.raises(APIConnectionError):
                await world.pool.send(Request(HERE, b"POST", b"/", body=body), deadlines)

        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        assert world.counts() == (1, 0, 0, 0)
        world.pool.close()
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 0, 0, 0)


@pytest.mark.parametrize("turn", range(12))
async def test_limits_hold_on_a_connection_made_as_the_last_one_closed(
    turn: int, autojump_clock: MockClock
) -> None:
    """Which tasks of the readiness seam run first is chance, so this is tried several times."""
    async with new_world() as world:
        world.dialer.decoy = True
        world.dialer.scripts.append(serve_once_then(be_silent))
        await world.call()
        with pytest.raises(APITimeoutError):
            await world.call(timeouts=Timeouts(read=1.0))
        assert trio.current_time() == 1.0


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


# -- real sockets


def chat_request(server: FakeGroq, prompt: str) -> Request:
    scheme, _, authority = server.url.partition("://")
    host, _, port = authority.partition(":")
    body = (
        b'{"model":"llama-3.1-8b-instant","stop":"\\n",'
        b'"messages":[{"role":"user","content":"%b"}]}' % prompt.encode()
    )
    headers = ((b"Authorization", b"Bearer gsk_test"), (b"Content-Type", b"application/json"))
    return Request(
        Origin(scheme, host, int(port)), b"POST", b"/openai/v1/chat/completions", headers, body
    )


@asynccontextmanager
async def real_world(
    *, tls: bool, keep_alive: bool = True
) -> AsyncIterator[tuple[FakeGroq, World]]:
    before = descriptors()
    async with FakeGroq(tls=tls, keep_alive=keep_alive) as server, trio.open_nursery() as nursery:
        dialer = Dialer(server.ssl_context() if tls else None)
        pool = ConnectionPool(dialer, PoolLimits(), ExchangeLimits())
        try:
            yield server, World(pool, PairDialer(nursery))
        finally:
            pool.close()
    assert pool.statistics().open == 0
    assert descriptors() - before == set()


async def ask(server: FakeGroq, world: World, prompt: str) -> None:
    deadlines = Deadlines(Timeouts(), trio.current_time())
    connection, _ = await world.pool.send(chat_request(server, prompt), deadlines)
    assert b'"You said: %b"' % prompt.encode() in await world.read(connection)


def idle_socket(world: World) -> socket.socket:
    (connection,) = world.pool._connections
    return connection._transport._sock


each_scheme = pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])


@each_scheme
async def test_a_real_connection_is_reused(tls: bool) -> None:
    async with real_world(tls=tls) as (server, world):
        for number in range(3):
            await ask(server, world, f"number {number}")
        assert server.connections_opened == 1
        assert world.pool.statistics().reused == 2


@each_scheme
async def test_a_real_connection_that_is_not_to_be_kept_is_closed(tls: bool) -> None:
    async with real_world(tls=tls, keep_alive=False) as (server, world):
        for number in range(3):
            await ask(server, world, f"number {number}")
            assert world.counts() == (0, 0, 0, 0)
        assert server.connections_opened == 3
        assert world.pool.statistics().stale == 0


@each_scheme
@pytest.mark.parametrize(
    "reply",
    [
        Reply(content="You said: first", close_after=True),
        Reply(
            content="You said: first",
            hold_idle_data=b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n",
        ),
    ],
    ids=["closed", "408"],
)
async def test_a_real_connection_that_went_bad_is_found(reply: Reply, tls: bool) -> None:
    async with real_world(tls=tls) as (server, world):
        server.enqueue(reply)
        await ask(server, world, "first")
        assert world.counts() == (0, 0, 1, 0)
        if tls:  # tickets came first, and are no sign
            assert next(iter(world.pool._connections)).is_quiet() in {True, False}
        await trio.lowlevel.wait_readable(idle_socket(world))
        await ask(server, world, "second")
        assert server.connections_opened == 2
        assert world.counts() == (0, 0, 1, 0)
        assert world.pool.statistics().stale == 1


@each_scheme
async def test_real_connections_all_closed_by_the_server_are_replaced(tls: bool) -> None:
    """Seen or not seen before the next request: it gets its answer on a new connection."""
    async with real_world(tls=tls) as (server, world):
        for number in range(5):
            await ask(server, world, f"number {number}")
            server.close_connections()
        assert server.connections_opened == 5
