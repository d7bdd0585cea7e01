"""Servers to dial, and contexts for both sides."""

import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
import trustme

from trio_groq._http.messages import Origin

Serve = Callable[[trio.SSLStream[trio.SocketStream]], Any]


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 (a count is wanted)


@asynccontextmanager
async def tls_server(context: ssl.SSLContext, serve: Serve) -> AsyncIterator[Origin]:
    """A server that hands each connection, its handshake done, to `serve`."""

    async def handle(plain: trio.SocketStream) -> None:
        stream = trio.SSLStream(plain, context, server_side=True, https_compatible=True)
        async with plain:
            try:
                await stream.do_handshake()
                await serve(stream)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the client has refused us, as it should in many of these

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, handle, 0)
        yield Origin("https", "localhost", listeners[0].socket.getsockname()[1])
        nursery.cancel_scope.cancel()


async def stay(stream: trio.SSLStream[trio.SocketStream]) -> None:
    await stream.receive_some(1)


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*(names or ("localhost",))).configure_cert(context)
    return context


def client_context(authority: trustme.CA) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())
