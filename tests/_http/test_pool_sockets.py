"""The pool over real sockets, plain and TLS."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio

from _http.pool_world import PairDialer, World
from cancellation import descriptors
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.dial import Dialer
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.messages import Origin, Request
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.pool_state import PoolLimits
from trio_groq.testing import FakeGroq, Reply


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
