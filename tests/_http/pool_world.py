"""A pool over socket pairs, and what is at their other ends.

A socket pair delivers at once, so a mock clock may jump whenever all tasks wait.
"""

import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeAlias, cast, final

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cancellation import descriptors
from trio_groq._http.connection import Connection
from trio_groq._http.deadlines import Deadlines, Dialling, Timeouts
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.messages import Origin, Request, Span
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.pool_state import PoolLimits
from trio_groq._http.transport import Transport
from trio_groq.errors import APIConnectionError

if TYPE_CHECKING:
    from trio_groq._http.dial import Dialer
    from trio_groq._http.readiness import ReadinessOption

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
        self._turn = trio.Lock()  # the client may have an answer before who sent it goes on

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
        async with self._turn:
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

    def forwards(self, _origin: Origin) -> None:
        return None

    def refusal(self, _origin: Origin, _status: int) -> None:
        return None

    async def dial(self, origin: Origin, _dialling: Dialling) -> Transport:
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


async def close_it(peer: Peer) -> None:
    peer.close()


def serve_once_then(spoil: Script) -> Script:
    """Answer one request, then do this at the second."""

    async def script(peer: Peer) -> None:
        await peer.send(answer(await peer.request()))
        await peer.request()
        await spoil(peer)

    return script


async def serve_once(peer: Peer) -> None:
    """Answer one request, and close without a word."""
    await peer.send(answer(await peer.request()))


async def be_silent(peer: Peer) -> None:
    await trio.sleep_forever()


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


def is_closed() -> AbstractContextManager[pytest.ExceptionInfo[APIConnectionError]]:
    """Raises what a call on a closed pool gets."""
    return pytest.raises(APIConnectionError, match="expected it to be open, got a call after")
