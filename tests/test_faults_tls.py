"""TLS that stalls, breaks off, shows somebody else, or is not spoken at all.

A part of the list of faults; see `test_faults`.
"""

import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cancellation import assert_whole
from fault_calls import ANSWERS, CALLS, WIRE, Call, each_call, streamed
from fault_world import (
    Stream,
    calm_clock,
    new_world,
    request_of,
    secured,
    stay,
)
from peers.raw_peer import head
from trio_groq import Timeouts
from trio_groq.errors import (
    APIConnectionError,
    APITimeoutError,
    StreamError,
)
from trio_groq.testing.certificates import issue

BROKEN = (APIConnectionError, StreamError)


@pytest.fixture
def clock() -> MockClock:
    return calm_clock()


# -- TLS: handshakes that stall, break off, or show somebody else


class Cut(trio.abc.HalfCloseableStream):
    """Passes on so many bytes of what is sent, in all, and drops the rest."""

    def __init__(self, plain: trio.SocketStream, left: int | None = None) -> None:
        self.plain = plain
        self.left = left

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        piece = bytes(data) if self.left is None else bytes(data)[: self.left]
        if self.left is not None:
            self.left -= len(piece)
        await self.plain.send_all(piece)

    async def wait_send_all_might_not_block(self) -> None:
        await self.plain.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self.plain.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        return bytes(await self.plain.receive_some(max_bytes))

    async def aclose(self) -> None:
        await self.plain.aclose()


async def stay_raw(stream: Stream) -> None:
    """Nothing, not even a handshake."""
    assert isinstance(stream, trio.SocketStream)
    await stay(stream)


@each_call
async def test_handshake_stall(clock: MockClock, call: Call) -> None:
    async with new_world(tls=True, timeouts=Timeouts(connect=3.0)) as world:
        world.next_raw(stay_raw, stay_raw)
        assert (await world.fails(call, APITimeoutError, after=3.0)).phase == "connect"
        await world.gives_up(call, 2.0)
        await world.works(call)


def handshake_of(context: ssl.SSLContext, size: int, *, closes: bool) -> Any:
    """So many bytes of a handshake, then silence, or the end."""

    async def run(stream: Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        tls = trio.SSLStream(Cut(stream, size), context, server_side=True, https_compatible=True)
        if not closes:
            await tls.do_handshake()
            await stay(stream)
            return
        with trio.move_on_after(0.1):
            await tls.do_handshake()

    return run


@pytest.mark.parametrize("size", [0, 1, 5, 6, 130])
async def test_partial_tls_record_in_the_handshake(clock: MockClock, size: int) -> None:
    async with new_world(tls=True, timeouts=Timeouts(connect=3.0)) as world:
        for call in CALLS:
            context = world.certificates.server_context
            world.next_raw(handshake_of(context, size, closes=False))
            assert (await world.fails(call, APITimeoutError, after=3.0)).phase == "connect"
            world.next_raw(handshake_of(context, size, closes=True))
            await world.fails(call, APIConnectionError, match="TLS with https://127")
            await world.works(call)


@each_call
@pytest.mark.parametrize("size", [1, 5, 50])
async def test_partial_tls_record(clock: MockClock, size: int, call: Call) -> None:
    """A record of the response that breaks off: behind its first bytes silence, or the end."""

    def answer_some(*, closes: bool) -> Callable[[Stream], Awaitable[None]]:
        async def run(stream: Stream) -> None:
            assert isinstance(stream, trio.SocketStream)
            cut = Cut(stream)
            context = world.certificates.server_context
            tls = trio.SSLStream(cut, context, server_side=True, https_compatible=True)
            await tls.do_handshake()
            await tls.receive_some(65_536)
            await tls.send_all(WIRE[call][:20])
            cut.left = size
            await tls.send_all(WIRE[call][20:])
            if not closes:
                await stay(stream)

        return run

    async with new_world(tls=True, timeouts=Timeouts(read=4.0)) as world:
        world.next_raw(answer_some(closes=False), answer_some(closes=True))
        assert (await world.fails(call, APITimeoutError, after=4.0)).phase == "read"
        await world.fails(call, APIConnectionError, after=0.0)
        await world.works(call)


@each_call
@pytest.mark.parametrize("announced", [False, True], ids=["missing", "sent"])
async def test_missing_close_notify(clock: MockClock, call: Call, *, announced: bool) -> None:
    """A body that lasts until the end is whole only if TLS says that this was the end.

    An event stream has a last word of its own.
    """
    fields, _, body = WIRE[call].partition(b"\r\n\r\n")
    kind = next(line for line in fields.split(b"\r\n") if line.lower().startswith(b"content-type"))
    if b"chunked" in fields:
        pieces = body.split(b"\r\n")[1::2]  # the payloads have no such ends
        body = b"".join(pieces)
    wire = b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (kind, body)

    async def answer(stream: Stream) -> None:
        assert isinstance(stream, trio.SSLStream)
        await request_of(stream)
        await stream.send_all(wire)
        if announced:
            stream._https_compatible = False
            await stream.aclose()

    async with new_world(tls=True) as world:
        world.next(answer)
        if announced or call is streamed:
            assert await call(world.client) == ANSWERS[call]
            assert_whole(world.client)
        else:
            await world.fails(call, BROKEN)
        await world.works(call)


@each_call
async def test_missing_close_notify_behind_a_whole_response(clock: MockClock, call: Call) -> None:
    async def answer(stream: Stream) -> None:
        await request_of(stream)
        await stream.send_all(WIRE[call])

    async with new_world(tls=True) as world:
        world.next(answer)
        assert await call(world.client) == ANSWERS[call]
        await world.works(call)
        assert world.front.accepted == 2


@each_call
@pytest.mark.parametrize("who", ["wrong host", "wrong authority"])
async def test_wrong_host(clock: MockClock, who: str, call: Call) -> None:
    """Refused before a byte of the request is sent, and not asked again."""
    other = issue("evil.test" if who == "wrong host" else "127.0.0.1")
    heard: list[bytes] = []

    async def listen(stream: Stream) -> None:
        heard.append(await request_of(stream))

    async with new_world(tls=True, retries=2) as world:
        context = world.client.config.ssl_context
        assert context is not None
        if who == "wrong host":
            context.load_verify_locations(cadata=other.ca_pem.decode())
        world.next_raw(secured(other.server_context, listen))
        error = await world.fails(call, APIConnectionError, match="TLS with https://127")
        assert (error.is_retryable, error.attempts) == (False, 1)
        assert heard in ([], [b""])
        await world.works(call)


# -- TLS where none is spoken, and the reverse


@each_call
async def test_a_tls_server_for_a_plain_client(clock: MockClock, call: Call) -> None:
    certificates = issue("127.0.0.1")
    async with new_world() as world:
        world.next_raw(secured(certificates.server_context, stay))
        await world.fails(call, APIConnectionError, after=0.0)
        await world.works(call)


@each_call
@pytest.mark.parametrize("answers", [True, False])
async def test_a_plain_server_for_a_tls_client(
    clock: MockClock, call: Call, *, answers: bool
) -> None:
    async def refuse(stream: Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        await stream.receive_some(65_536)
        if answers:
            await stream.send_all(head("Content-Length: 0", status="400 Bad Request"))

    async with new_world(tls=True) as world:
        world.next_raw(refuse)
        await world.fails(call, APIConnectionError, match="TLS with https://127", after=0.0)
        await world.works(call)
