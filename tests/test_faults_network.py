"""What goes wrong on the way to a server: names, addresses, descriptors, proxies.

A part of the list of faults; see `test_faults`.
"""

import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from _http.proxy_servers import ProxyServer, http_proxy, join, socks_proxy
from _http.test_dial import Resolver
from _http.test_dial_faults import BlackHoles
from cancellation import assert_whole, descriptors
from fault_calls import ANSWERS, CALLS, Call, each_call, each_scheme, plain
from fault_world import (
    Front,
    Stream,
    calm_clock,
    fronting,
    new_world,
    request_of,
    stay,
)
from trio_groq import GroqClient, Timeouts
from trio_groq.errors import (
    APIConnectionError,
    APITimeoutError,
    GroqError,
)

NAMED = "http://groq.test:{port}"


@pytest.fixture
def clock() -> MockClock:
    return calm_clock()


# -- DNS


@each_call
@pytest.mark.parametrize(
    "failure",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure"),
        OSError(24, "Too many open files"),
        UnicodeError("label too long"),
        None,
    ],
    ids=["no name", "again", "fail", "system", "unicode", "no address"],
)
async def test_dns_failure(clock: MockClock, failure: Exception | None, call: Call) -> None:
    resolver = Resolver(failure=failure)
    async with new_world(url=NAMED) as world:
        trio.socket.set_custom_hostname_resolver(resolver)
        await world.fails(call, APIConnectionError, match="groq.test", after=0.0)
        resolver.failure, resolver.addresses = None, ("127.0.0.1",)
        await world.works(call)


class Silent(Resolver):
    """Never answers while it is told to be silent."""

    silent = True

    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        if self.silent:
            await trio.sleep_forever()
        return await super().getaddrinfo(*args, **kwargs)


@each_call
async def test_dns_that_is_silent(clock: MockClock, call: Call) -> None:
    resolver = Silent("127.0.0.1")
    async with new_world(url=NAMED, timeouts=Timeouts(connect=3.0)) as world:
        trio.socket.set_custom_hostname_resolver(resolver)
        assert (await world.fails(call, APITimeoutError, after=3.0)).phase == "connect"
        await world.gives_up(call, 2.0)
        resolver.silent = False
        await world.works(call)


# -- black-holed IPv6, and other addresses that lead nowhere


@each_call
async def test_black_holed_ipv6(clock: MockClock, call: Call) -> None:
    """Costs a quarter of a second; where all is black, the limit on connecting ends it."""
    async with new_world(url=NAMED, timeouts=Timeouts(connect=3.0)) as world:
        trio.socket.set_custom_hostname_resolver(Resolver("fd00::1", "fd00::2", "127.0.0.1"))
        holes = BlackHoles(socket.AF_INET6)
        trio.socket.set_custom_socket_factory(holes)
        began = trio.current_time()
        await world.works(call)
        assert trio.current_time() - began == pytest.approx(0.25)
        world.fake.close_connections()
        holes.families = (socket.AF_INET6, socket.AF_INET)
        assert (await world.fails(call, APITimeoutError, after=3.0)).phase == "connect"
        await world.gives_up(call, 2.0)
        holes.families = (socket.AF_INET6,)
        await world.works(call)


@each_call
async def test_an_address_that_refuses(clock: MockClock, call: Call) -> None:
    resolver = Resolver("127.0.0.2", "127.0.0.3")  # the server listens on the first only
    async with new_world(url=NAMED) as world:
        trio.socket.set_custom_hostname_resolver(resolver)
        await world.fails(call, APIConnectionError, match="refused")
        resolver.addresses = ("127.0.0.2", "127.0.0.1")
        await world.works(call)


# -- descriptors


@contextmanager
def descriptors_left(number: int) -> Iterator[None]:
    """Whoever wants more than so many gets EMFILE."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [socket.socket() for _ in range(number + 1)]
    limit = max(each.fileno() for each in held)
    for each in held:
        each.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def starved(call: Call) -> Call:
    """The same, without a descriptor to be had."""

    async def run(client: GroqClient) -> object:
        with descriptors_left(0):
            return await call(client)

    return run


@each_scheme
@each_call
async def test_no_descriptor_left(clock: MockClock, call: Call, *, tls: bool) -> None:
    async with new_world(tls=tls) as world:
        error = await world.fails(starved(call), APIConnectionError, match="Too many open files")
        assert error.is_retryable
        await world.works(call)


@each_scheme
@each_call
async def test_hardly_a_descriptor_left(clock: MockClock, call: Call, *, tls: bool) -> None:
    """One for our socket and none for what watches it, none for the server's, and so on."""
    outcomes = []
    async with new_world(tls=tls, timeouts=Timeouts(connect=0.3, read=0.3)) as world:
        for left in range(5):
            before = descriptors()
            with descriptors_left(left), suppress(APIConnectionError), trio.fail_after(60):
                outcomes.append(await call(world.client))
            await trio.sleep(0.2)  # the server tries again to accept what was given up
            await world.check(before)
            world.fake.close_connections()
        assert outcomes
        assert {*outcomes} == {ANSWERS[call]}
        await world.works(call)


async def test_no_descriptor_left_for_a_file(clock: MockClock, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"custom_id":"a"}\n')

    async def from_disk(client: GroqClient) -> object:
        return await client.files.create(file=path, purpose="batch")

    async with new_world() as world:
        await world.works(plain)
        await world.fails(starved(from_disk), GroqError)
        assert await from_disk(world.client)
        assert_whole(world.client)


# -- a proxy that refuses

REFUSALS = {
    "403": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "407": b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "502": b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!",
    "garbage": b"\x00\x01garbage\r\n\r\n",
    "nothing": b"",
    "SOCKS": b"\x05\xff",
    "endless": b"HTTP/1.1 200 OK\r\n" + b"x-more: and more\r\n" * 10_000,
}


@asynccontextmanager
async def before(proxy: ProxyServer) -> AsyncIterator[Front]:
    """What stands in front of a proxy, and may refuse in its stead."""

    async def pass_on(stream: trio.SocketStream) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", proxy.port) as upstream:
            await join(stream, upstream)

    async with fronting(pass_on) as front:
        yield front


@each_scheme
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_proxy_that_refuses(clock: MockClock, name: str, *, tls: bool) -> None:
    async def refuse(stream: Stream) -> None:
        await request_of(stream)
        await stream.send_all(REFUSALS[name])

    async with (
        http_proxy() as proxy,
        before(proxy) as front,
        new_world(tls=tls, proxy=f"http://127.0.0.1:{front.port}") as world,
    ):
        world.front = front
        for call in CALLS:
            front.bad.append(refuse)
            await world.fails(call, after=0.0)
            await world.works(call)
            world.fake.close_connections()


@each_call
async def test_a_proxy_that_says_nothing(clock: MockClock, call: Call) -> None:
    async with http_proxy() as proxy, before(proxy) as front:
        url = f"http://127.0.0.1:{front.port}"
        async with new_world(tls=True, proxy=url, timeouts=Timeouts(connect=3.0)) as world:
            world.front = front
            front.bad.extend([stay, stay])
            assert (await world.fails(call, APITimeoutError, after=3.0)).phase == "connect"
            await world.gives_up(call, 2.0)
            await world.works(call)


@each_scheme
@pytest.mark.parametrize("reply", [1, 2, 5, 8, 200, None])
async def test_a_socks_proxy_that_refuses(
    clock: MockClock, reply: int | None, *, tls: bool
) -> None:
    pytest.importorskip("socksio")

    async def refuse(stream: Stream) -> None:
        await stream.receive_some(100)
        await stream.send_all(b"\x05\xff" if reply is None else b"\x05\x00")
        await stream.receive_some(100)
        if reply is not None:
            await stream.send_all(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))

    async with (
        socks_proxy() as proxy,
        before(proxy) as front,
        new_world(tls=tls, proxy=f"socks5://127.0.0.1:{front.port}") as world,
    ):
        world.front = front
        for call in CALLS:
            front.bad.append(refuse)
            await world.fails(call, APIConnectionError, after=0.0)
            await world.works(call)
            world.fake.close_connections()
