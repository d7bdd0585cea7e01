"""A connection over a socket pair, and the peer that it sends to."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import attrs
import trio

from trio_groq._http.bodies import Body
from trio_groq._http.connection import Connection, ReceiveBuffer
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.exchange import Exchange
from trio_groq._http.messages import Origin, Request, ResponseHead, Span
from trio_groq._http.request_encoder import RequestEncoder
from trio_groq._http.transport import Transport

if TYPE_CHECKING:
    from trio_groq._http.readiness import ReadinessOption

__all__ = ["ENDLESS", "FINE", "LARGE", "LIMITS", "TOO_LARGE", "Pair", "paired"]

ORIGIN: Final = Origin("http", "groq.test", 80)
FINE: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TOO_LARGE: Final = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
LARGE: Final = 1 << 22
"""More than a socket pair holds."""
ENDLESS: Final = 1 << 50
LIMITS: Final = Timeouts(read=5.0, write=3.0)


@attrs.frozen
class Pair:
    """A connection, and its other end."""

    connection: Connection
    peer: trio.SocketStream

    async def send(self, content: bytes | Body, timeouts: Timeouts = LIMITS) -> ResponseHead:
        request = Request(ORIGIN, b"POST", b"/", (), content)
        body = None if isinstance(content, bytes) else content
        return await self.connection.send(
            Exchange(request),
            RequestEncoder().encode(request),
            Deadlines(timeouts, trio.current_time()),
            body,
        )

    async def read(self) -> bytes:
        """The response's body."""
        body = bytearray()

        def consume(spans: list[Span]) -> bool:
            for data, start, end in spans:
                body.extend(memoryview(data)[start:end])
            return False

        await self.connection.receive(Deadlines(LIMITS, trio.current_time()), consume)
        return bytes(body)

    async def request(self) -> bytes:
        """The body of one request, as long as its head says."""
        data = bytearray()
        while b"\r\n\r\n" not in data:
            data += await self.peer.receive_some()
        end = data.index(b"\r\n\r\n") + 4
        length = int(data.lower().partition(b"content-length: ")[2].split(b"\r", 1)[0])
        while len(data) < end + length:
            data += await self.peer.receive_some()
        assert len(data) == end + length
        return bytes(data[end:])

    async def rest(self) -> bytes:
        """Everything up to the end."""
        data = bytearray()
        while piece := await self.peer.receive_some():
            data += piece
        return bytes(data)


@contextmanager
def paired(readiness: "ReadinessOption" = "auto") -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport = Transport(ours, readiness=readiness)
    connection = Connection(transport, ORIGIN, ReceiveBuffer(4096), 1)
    peer = trio.SocketStream(trio.socket.from_stdlib_socket(theirs))
    try:
        yield Pair(connection, peer)
    finally:
        connection.close()
        peer.socket.close()
