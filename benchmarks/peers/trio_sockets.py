"""The floor as one would write it: Trio's own sockets, which receive first and then wait."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import trio

from benchmarks.peers.raw_trio import RECEIVE_BYTES, ByHand
from benchmarks.target import Target

__all__ = ["connect"]

Stream: TypeAlias = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class TrioSockets(ByHand[Stream]):
    """Over TLS on Trio's stream, plain on the socket below it, which has less to do."""

    async def _connect(self) -> Stream:
        stream = await trio.open_tcp_stream("127.0.0.1", self._target.port)
        if not self._target.tls:
            return stream
        return trio.SSLStream(
            stream, self._target.ssl_context, server_hostname="127.0.0.1", https_compatible=True
        )

    async def _send_all(self, sock: Stream, data: bytes) -> None:
        await sock.send_all(data)

    async def _receive(self, sock: Stream) -> bytes:
        if isinstance(sock, trio.SocketStream):
            data = await sock.socket.recv(RECEIVE_BYTES)
        else:
            data = bytes(await sock.receive_some(RECEIVE_BYTES))
        assert data
        return data

    def _close(self, sock: Stream) -> None:
        stream = sock if isinstance(sock, trio.SocketStream) else sock.transport_stream
        stream.socket.close()


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[TrioSockets]:
    """Open the client."""
    session = TrioSockets(target)
    yield session
    session.close()
    await trio.lowlevel.checkpoint()
