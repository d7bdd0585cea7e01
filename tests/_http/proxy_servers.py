"""Proxies to dial through: HTTP (CONNECT and absolute form, plain and TLS) and SOCKS5.

They share no code with the client under test. Whatever host is asked for, they connect to loopback:
so a name that does not resolve proves that it was the proxy who was given it.
"""

import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeAlias
from urllib.parse import urlsplit

import attrs
import trio

__all__ = ["ProxyServer", "http_proxy", "socks_proxy"]

Stream: TypeAlias = trio.SocketStream | trio.SSLStream[trio.SocketStream]
GONE = (trio.BrokenResourceError, trio.ClosedResourceError, OSError)


@attrs.define
class ProxyServer:
    """A running proxy.

    Attributes:
        scheme: Of its URL.
        port: Where it listens.
        heads: Request heads as they came; for SOCKS the hosts and ports asked for.
        accepted: Connections so far.
    """

    scheme: str
    port: int = 0
    heads: list[bytes] = attrs.field(factory=list)
    accepted: int = 0

    def url(self, user: str = "") -> str:
        """Its URL; `user` is what stands before the @."""
        return f"{self.scheme}://{user}{'@' if user else ''}localhost:{self.port}"


class Reader:
    """Exact reads from a stream."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.rest = b""

    async def _more(self) -> bool:
        data = await self.stream.receive_some(65_536)
        self.rest += data
        return bool(data)

    async def exactly(self, size: int) -> bytes:
        while len(self.rest) < size:
            if not await self._more():
                raise trio.BrokenResourceError
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    async def until(self, end: bytes) -> bytes:
        """Up to and with `end`; empty when the peer has closed instead."""
        while end not in self.rest:
            if not await self._more():
                return b""
        data, _, self.rest = self.rest.partition(end)
        return data + end


async def pump(source: Stream, sink: Stream) -> None:
    """Pass on what comes, and its end."""
    try:
        while data := await source.receive_some(65_536):
            await sink.send_all(data)
    except GONE:
        pass  # one of the two is gone, and so is the other at once
    finally:
        await trio.aclose_forcefully(sink)
        await trio.aclose_forcefully(source)


async def join(client: Stream, upstream: Stream) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump, client, upstream)
        nursery.start_soon(pump, upstream, client)


def rewritten(head: bytes) -> bytes:
    """A head for the origin: target in origin form, and nothing that was for the proxy."""
    first, *fields = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, version = first.split(b" ")
    parts = urlsplit(target.decode())
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    kept = [field for field in fields if not field.lower().startswith(b"proxy-")]
    return b"\r\n".join([b"%b %b %b" % (method, path.encode(), version), *kept]) + b"\r\n\r\n"


def length_of(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def forward(client: Stream, asked: Reader, head: bytes, server: ProxyServer) -> None:
    """Pass on requests in absolute form, over one connection to their origin."""
    upstream = await trio.open_tcp_stream(
        "127.0.0.1", urlsplit(head.split(b" ")[1].decode()).port or 80
    )
    async with trio.open_nursery() as nursery, upstream:
        nursery.start_soon(pump, upstream, client)
        while head:
            await upstream.send_all(rewritten(head) + await asked.exactly(length_of(head)))
            head = await asked.until(b"\r\n\r\n")
            if head:
                server.heads.append(head)
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def _listening(
    server: ProxyServer, context: ssl.SSLContext | None, serve: Callable[[Stream], Awaitable[None]]
) -> AsyncIterator[ProxyServer]:
    async def handle(plain: trio.SocketStream) -> None:
        server.accepted += 1
        stream: Stream = plain
        if context is not None:
            stream = trio.SSLStream(plain, context, server_side=True, https_compatible=True)
        async with plain:
            try:
                await serve(stream)
            except* GONE:
                pass  # the client has refused us, or was cancelled

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, handle, 0)
        server.port = listeners[0].socket.getsockname()[1]
        yield server
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def http_proxy(
    *,
    context: ssl.SSLContext | None = None,
    user: str | None = None,
    answer: bytes | None = None,
    piece: int | None = None,
) -> AsyncIterator[ProxyServer]:
    """An HTTP proxy.

    Args:
        context: TLS to it; None for none.
        user: `user:password` that it wants, percent-encoding undone; None for anybody.
        answer: What it says to everything, and then closes; None to do what it is asked.
        piece: Bytes of its answer to CONNECT at a time; None for all at once.
    """
    server = ProxyServer("http" if context is None else "https")
    wanted = None if user is None else b"Basic " + base64.b64encode(user.encode())

    async def say(stream: Stream, data: bytes) -> None:
        for start in range(0, len(data), piece or len(data)):
            await stream.send_all(data[start : start + (piece or len(data))])

    async def serve(stream: Stream) -> None:
        asked = Reader(stream)
        head = await asked.until(b"\r\n\r\n")
        if not head:
            return
        server.heads.append(head)
        if answer is not None:
            await say(stream, answer)
            return
        if wanted is not None and b"\r\nProxy-Authorization: %b\r\n" % wanted not in head:
            await say(
                stream,
                b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                b"Proxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
            )
            return
        if not head.startswith(b"CONNECT "):
            await forward(stream, asked, head, server)
            return
        upstream = await trio.open_tcp_stream(
            "127.0.0.1", int(head.split(b" ")[1].rpartition(b":")[2])
        )
        async with upstream:
            await say(stream, b"HTTP/1.1 200 Connection established\r\n\r\n")
            await join(stream, upstream)

    async with _listening(server, context, serve):
        yield server


@asynccontextmanager
async def socks_proxy(
    *,
    user: str | None = None,
    reply: int = 0,
    piece: int | None = None,
    bound: bytes = b"\x01\x00\x00\x00\x00\x00\x00",
) -> AsyncIterator[ProxyServer]:
    """A SOCKS5 proxy.

    Args:
        user: `user:password` that it wants; None for anybody.
        reply: Its reply to a request, 0 for success.
        piece: Bytes of its messages at a time; None for all at once.
        bound: Type of address, address and port of its reply.
    """
    server = ProxyServer("socks5h")

    async def serve(stream: Stream) -> None:
        asked = Reader(stream)

        async def say(data: bytes) -> None:
            for start in range(0, len(data), piece or len(data)):
                await stream.send_all(data[start : start + (piece or len(data))])

        version, count = await asked.exactly(2)
        assert version == 5
        methods = await asked.exactly(count)
        method = 0 if user is None else 2
        if method not in methods:
            await say(b"\x05\xff")
            return
        await say(bytes([5, method]))
        if user is not None:
            assert await asked.exactly(1) == b"\x01"
            given = [(await asked.exactly((await asked.exactly(1))[0])).decode() for _ in range(2)]
            if ":".join(given) != user:
                await say(b"\x01\x01")
                return
            await say(b"\x01\x00")
        assert await asked.exactly(3) == b"\x05\x01\x00"
        kind = (await asked.exactly(1))[0]
        size = {1: 4, 4: 16}.get(kind) or (await asked.exactly(1))[0]
        host = await asked.exactly(size)
        port = int.from_bytes(await asked.exactly(2), "big")
        server.heads.append(b"%d %b %d" % (kind, host, port))
        if reply:
            await say(bytes([5, reply, 0]) + bound)
            return
        upstream = await trio.open_tcp_stream("127.0.0.1", port)
        async with upstream:
            await say(b"\x05\x00\x00" + bound)
            await join(stream, upstream)

    async with _listening(server, None, serve):
        yield server
