"""Sending and receiving at once over real TLS, where both directions share one state."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest
import trio
import trustme

from _http.body_sources import Silent
from _http.tls_servers import client_context, server_context, tls_server
from trio_groq._http.bodies import Body
from trio_groq._http.connection import Connection, ReceiveBuffer
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.dial import Dialer
from trio_groq._http.exchange import Exchange, ExchangeLimits
from trio_groq._http.messages import Request, ResponseHead, Span
from trio_groq._http.request_encoder import RequestEncoder

Stream: TypeAlias = trio.SSLStream[trio.SocketStream]
Serve: TypeAlias = Callable[[Stream], Awaitable[None]]
Content: TypeAlias = bytes | Body

LARGE = 1 << 23
ENDLESS = 1 << 50
HANG = 30.0
"""Seconds: no test waits for them unless something hangs."""
HINT = b"HTTP/1.1 103 Early Hints\r\nLink: " + b"x" * 8000 + b"\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"

each_version = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)
each_content = pytest.mark.parametrize("large", ["in memory", "streamed"])


def content_of(large: str, length: int) -> Content:
    return bytes(length) if large == "in memory" else Silent(length)


@asynccontextmanager
async def dialled(
    authority: trustme.CA, version: ssl.TLSVersion, serve: Serve
) -> AsyncIterator[Connection]:
    server = server_context(authority)
    server.minimum_version = server.maximum_version = version
    with trio.fail_after(HANG):
        async with tls_server(server, serve) as origin:
            transport = await Dialer(client_context(authority)).dial(origin)
            connection = Connection(transport, origin, ReceiveBuffer(), 1)
            try:
                yield connection
            finally:
                connection.close()


async def send(connection: Connection, content: Content) -> tuple[Exchange, ResponseHead]:
    request = Request(connection.origin, b"POST", b"/", (), content)
    limits = ExchangeLimits(max_informational=10_000, max_head_bytes=1 << 27)
    exchange = Exchange(request, limits)
    body = None if isinstance(content, bytes) else content
    data = RequestEncoder().encode(request)
    head = await connection.send(exchange, data, Deadlines(Timeouts(), trio.current_time()), body)
    return exchange, head


async def count_body(connection: Connection) -> int:
    count = 0

    def consume(spans: list[Span]) -> bool:
        nonlocal count
        count += sum(end - start for _, start, end in spans)
        return False

    await connection.receive(Deadlines(Timeouts(), trio.current_time()), consume)
    return count


async def drop_request(stream: Stream, *, hints: bool = False) -> None:
    """Take one request of `LARGE` bytes; send a hint for each piece, so that both sides send."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += await stream.receive_some()
    left = LARGE - len(data.partition(b"\r\n\r\n")[2])
    while left:
        if hints:
            await stream.send_all(HINT)
        left -= len(await stream.receive_some(65_536))
        assert left >= 0


@each_version
@each_content
@pytest.mark.parametrize("hints", [False, True], ids=["quiet", "talking"])
async def test_much_in_both_directions(
    large: str, hints: bool, version: ssl.TLSVersion, authority: trustme.CA
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE

    async def serve(stream: Stream) -> None:
        for _ in range(2):
            await drop_request(stream, hints=hints)
            await stream.send_all(answer)
            await stream.send_all(bytes(LARGE))
        await stream.receive_some()

    async with dialled(authority, version, serve) as connection:
        for _ in range(2):
            exchange, head = await send(connection, content_of(large, LARGE))
            assert head.status == 200
            assert (len(exchange.informational) > LARGE // 65_536) == hints
            assert await count_body(connection) == LARGE
            assert connection.reusable


@each_version
@each_content
@pytest.mark.parametrize("closes", [False, True], ids=["stays", "closes"])
async def test_an_early_answer(
    large: str, closes: bool, version: ssl.TLSVersion, authority: trustme.CA
) -> None:
    async def serve(stream: Stream) -> None:
        await stream.receive_some(100)
        await stream.send_all(TOO_LARGE)
        if not closes:
            await trio.sleep_forever()

    async with dialled(authority, version, serve) as connection:
        _, head = await send(connection, content_of(large, 1 << 26))
        assert head.status == 413
        assert await count_body(connection) == 2
        assert not connection.reusable


@each_version
async def test_an_answer_that_is_there_when_the_pipe_is_found_torn(
    version: ssl.TLSVersion, authority: trustme.CA
) -> None:
    """The first send fails already; the answer is read all the same."""
    answered = trio.Event()

    async def serve(stream: Stream) -> None:
        await stream.send_all(TOO_LARGE)
        stream.transport_stream.socket.shutdown(trio.socket.SHUT_RDWR)
        answered.set()

    async with dialled(authority, version, serve) as connection:
        await answered.wait()
        _, head = await send(connection, Silent(ENDLESS))
        assert head.status == 413
        assert await count_body(connection) == 2
        assert not connection.reusable
