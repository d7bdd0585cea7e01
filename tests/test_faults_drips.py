"""Handshakes, proxies and records that come a byte at a time: no limit is outlived.

A part of the list of faults; see `test_faults`. Responses that drip are in `test_faults_stalls`.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from fault_calls import WIRE, Call, each_call, plain, streamed
from fault_world import Front, Script, Stream, World, calm_clock, fronting, new_world, stay
from trio_groq import Timeouts
from trio_groq.errors import APITimeoutError

LIMIT = 9.5
"""Seconds; a byte comes every second, so that nine of them come in time."""


@pytest.fixture
def clock() -> MockClock:
    return calm_clock()


async def drip(stream: trio.SocketStream, data: bytes) -> None:
    """Send a byte every second."""
    for byte in data:
        await trio.sleep(1.0)
        await stream.send_all(bytes([byte]))


class Dripping(trio.abc.HalfCloseableStream):
    """Sends a byte every second, once it is told to."""

    def __init__(self, plain: trio.SocketStream, *, slow: bool) -> None:
        self.plain = plain
        self.slow = slow

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await (drip(self.plain, bytes(data)) if self.slow else self.plain.send_all(data))

    async def wait_send_all_might_not_block(self) -> None:
        await self.plain.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self.plain.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return bytes(await self.plain.receive_some(max_bytes))

    async def aclose(self) -> None:
        await self.plain.aclose()


def dripping_handshake(context: ssl.SSLContext) -> Script:
    async def run(stream: Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        slow = Dripping(stream, slow=True)
        tls = trio.SSLStream(slow, context, server_side=True, https_compatible=True)
        await tls.do_handshake()
        await stay(stream)

    return run


def dripping_records(context: ssl.SSLContext, wire: bytes) -> Script:
    """A handshake in no time, and a record that takes longer than anybody waits."""

    async def run(stream: Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        slow = Dripping(stream, slow=False)
        tls = trio.SSLStream(slow, context, server_side=True, https_compatible=True)
        await tls.do_handshake()
        await tls.receive_some(65_536)
        slow.slow = True
        await tls.send_all(wire)

    return run


LIMITS = [
    pytest.param(Timeouts(connect=LIMIT), "connect", id="connect"),
    pytest.param(Timeouts(connect=None, total=LIMIT), "total", id="total"),
    pytest.param(Timeouts(connect=30.0, total=LIMIT), "total", id="total-first"),
    pytest.param(Timeouts(connect=LIMIT, total=LIMIT), "total", id="both"),
]
each_limit = pytest.mark.parametrize(("limits", "phase"), LIMITS)


@each_call
@pytest.mark.parametrize(
    ("limits", "phase"),
    [
        *LIMITS,
        pytest.param(Timeouts(connect=None, tls=LIMIT), "tls", id="tls"),
        pytest.param(Timeouts(connect=30.0, tls=LIMIT), "tls", id="tls-first"),
        pytest.param(Timeouts(connect=LIMIT, tls=30.0), "connect", id="connect-first"),
        pytest.param(Timeouts(connect=None, tls=30.0, total=LIMIT), "total", id="total-before-tls"),
    ],
)
async def test_slow_drip_of_a_handshake(
    clock: MockClock, call: Call, limits: Timeouts, phase: str
) -> None:
    async with new_world(tls=True, timeouts=limits) as world:
        script = dripping_handshake(world.certificates.server_context)
        world.next_raw(script, script)
        error = await world.fails(call, APITimeoutError, after=LIMIT)
        assert (error.phase, error.limit) == (phase, LIMIT)
        where = f"https://127.0.0.1:{world.front.port}"
        assert str(error).startswith(f"{phase} timeout: expected ")
        assert str(error).endswith(
            f" within 9.5 s, got part of a handshake with {where}: bytes came 9 times"
        )
        await world.gives_up(call, 5.0)
        await world.works(call)


async def test_a_handshake_in_time_meets_no_limit(clock: MockClock) -> None:
    limits = Timeouts(connect=None, tls=1.0, first_byte=1.0)
    async with new_world(tls=True, timeouts=limits) as world:
        await world.works(plain)
        await world.works(streamed)


@each_call
async def test_slow_drip_of_a_record(clock: MockClock, call: Call) -> None:
    """Every byte satisfies the limit on the gap, and none of them is one of the response yet."""
    async with new_world(tls=True, timeouts=Timeouts(read=5.0, total=LIMIT)) as world:
        script = dripping_records(world.certificates.server_context, WIRE[call])
        world.next_raw(script, script)
        error = await world.fails(call, APITimeoutError, after=LIMIT)
        assert str(error) == "total timeout: expected the whole call within 9.5 s, got 0 bytes"
        await world.gives_up(call, 5.0)
        await world.works(call)


# -- proxies


async def dripping_tunnel(stream: Stream) -> None:
    assert isinstance(stream, trio.SocketStream)
    await stream.receive_some(65_536)
    await drip(stream, b"HTTP/1.1 200 Connection established\r\n\r\n")


async def dripping_refusal(stream: Stream) -> None:
    assert isinstance(stream, trio.SocketStream)
    await stream.receive_some(65_536)
    await drip(stream, b"HTTP/1.1 103 Early\r\n\r\n" * 5)


async def dripping_socks(stream: Stream) -> None:
    assert isinstance(stream, trio.SocketStream)
    await stream.receive_some(100)
    await drip(stream, b"\x05\x00")
    await stream.receive_some(100)
    await drip(stream, b"\x05\x00\x00\x01" + bytes(6))


PROXIES: dict[str, tuple[str, Callable[[Stream], Awaitable[None]]]] = {
    "connect": ("http", dripping_tunnel),
    "informational": ("http", dripping_refusal),
    "socks": ("socks5h", dripping_socks),
}


@asynccontextmanager
async def proxied(
    kind: str, scheme: str, limits: Timeouts
) -> AsyncIterator[tuple[World, Front, str]]:
    """A world behind a proxy that nothing comes through, and the proxy's URL."""
    if scheme.startswith("socks"):
        pytest.importorskip("socksio")
    async with fronting(stay) as front:
        url = f"{scheme}://127.0.0.1:{front.port}"
        async with new_world(tls=True, proxy=url, timeouts=limits) as world:
            world.front = front
            yield world, front, url


@each_call
@each_limit
@pytest.mark.parametrize("kind", PROXIES)
async def test_slow_drip_of_a_proxy_s_answer(
    clock: MockClock, kind: str, call: Call, limits: Timeouts, phase: str
) -> None:
    scheme, script = PROXIES[kind]
    async with proxied(kind, scheme, limits) as (world, front, url):
        front.bad.extend([script, script])
        error = await world.fails(call, APITimeoutError, after=LIMIT)
        assert (error.phase, error.limit) == (phase, LIMIT)
        assert str(error).endswith(f" within 9.5 s, got 9 bytes of an answer of proxy {url}")
        await world.gives_up(call, 5.0)


@pytest.mark.parametrize(
    ("limits", "phase"),
    [
        (Timeouts(tls=LIMIT, connect=None), "tls"),
        (Timeouts(tls=30.0, connect=LIMIT), "connect"),
    ],
)
async def test_slow_drip_of_a_handshake_with_a_proxy(
    clock: MockClock, limits: Timeouts, phase: str
) -> None:
    async with proxied("tls", "https", limits) as (world, front, url):
        script = dripping_handshake(world.certificates.server_context)
        front.bad.extend([script, script])
        error = await world.fails(plain, APITimeoutError, after=LIMIT)
        assert (error.phase, error.limit) == (phase, LIMIT)
        assert str(error).endswith(f"got part of a handshake with {url}: bytes came 9 times")
        await world.gives_up(plain, 5.0)


async def test_each_handshake_has_the_whole_limit(clock: MockClock) -> None:
    """One with the proxy, then one with the origin: together longer than the limit on one."""

    async def late_then_silent(stream: Stream) -> None:
        """A proxy whose handshake takes 6 s, and behind whom nobody speaks TLS."""
        assert isinstance(stream, trio.SocketStream)
        context = world.certificates.server_context
        tls = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        await trio.sleep(6.0)
        await tls.receive_some(65_536)
        await tls.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        while await tls.receive_some(65_536):
            pass

    async with proxied("tls", "https", Timeouts(tls=LIMIT, connect=None)) as (world, front, _):
        front.bad.append(late_then_silent)
        error = await world.fails(plain, APITimeoutError, after=6.0 + LIMIT)
        assert (error.phase, error.limit) == ("tls", LIMIT)
        origin = str(world.client.config.base_url).removesuffix("/")
        assert str(error).endswith(f"got 0 bytes of a handshake with {origin}")
