"""The floor: one socket per stream on Trio, framing and events split by hand for this one server.

No errors, no timeouts, no limits, no pool but a list: what is left is what any client on Trio has
to do. It waits for readability before it receives, which costs less on a paced stream than a
receive that comes too early, as Trio's own sockets make it: those are in `trio_sockets`.
"""

import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import msgspec
import trio

from benchmarks.peers import OnToken, request_body
from benchmarks.peers.shapes import decode_chunk, decode_completion
from benchmarks.target import Target

__all__ = ["RECEIVE_BYTES", "ByHand", "RawTrio", "connect"]

RECEIVE_BYTES = 65_536

_HEAD = (
    b"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Authorization: Bearer gsk_benchmark\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)


S = TypeVar("S")


class ByHand(ABC, Generic[S]):
    """What all clients written by hand on Trio share, on sockets of the kind `S`. See `Session`."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._idle: list[S] = []

    @abstractmethod
    async def _connect(self) -> S:
        """A connection to the load server."""

    @abstractmethod
    async def _send_all(self, sock: S, data: bytes) -> None:
        """Send everything."""

    @abstractmethod
    async def _receive(self, sock: S) -> bytes:
        """Wait for the next bytes."""

    @abstractmethod
    def _close(self, sock: S) -> None:
        """Close it, whoever waits for it."""

    async def stream(self, model: str, on_token: OnToken) -> None:
        """See `Session`."""
        sock = await self._send(request_body(model, stream=True))
        try:
            data = await self._receive(sock)
            while (start := data.find(b"\r\n\r\n") + 4) < 4:
                data += await self._receive(sock)
            data = data[start:]
            tail = b""
            done = False
            while not done:
                payload, data, done = _dechunk(data)
                *events, tail = (tail + payload).split(b"\n\n")
                for event in events:
                    if event != b"data: [DONE]":
                        on_token(decode_chunk(event[6:]).choices[0].delta.content)
                if not done:
                    data += await self._receive(sock)
        except BaseException:
            self._close(sock)
            raise
        self._idle.append(sock)

    async def complete(self, prompt: str) -> str | None:
        """See `Session`."""
        sock = await self._send(request_body("plain", prompt, stream=False))
        try:
            data = await self._receive(sock)
            while (start := data.find(b"\r\n\r\n") + 4) < 4:
                data += await self._receive(sock)
            at = data.lower().find(b"content-length:") + 15
            end = start + int(data[at : data.find(b"\r\n", at)])
            while len(data) < end:
                data += await self._receive(sock)
        except BaseException:
            self._close(sock)
            raise
        self._idle.append(sock)
        return decode_completion(data[start:end]).choices[0].message.content

    async def _send(self, body: object) -> S:
        content = msgspec.json.encode(body)
        sock = self._idle.pop() if self._idle else await self._connect()
        await self._send_all(sock, _HEAD % len(content) + content)
        return sock

    def close(self) -> None:
        """Close what is idle."""
        for sock in self._idle:
            self._close(sock)


class RawTrio(ByHand[socket.socket]):
    """On sockets of the standard library, for which it waits with `trio.lowlevel`."""

    async def _connect(self) -> socket.socket:
        stream = await trio.open_tcp_stream("127.0.0.1", self._target.port)
        sock = socket.socket(fileno=stream.socket.detach())
        sock.settimeout(0.0)
        if not self._target.tls:
            return sock
        tls = self._target.ssl_context.wrap_socket(
            sock, server_hostname="127.0.0.1", do_handshake_on_connect=False
        )
        while True:  # noqa: ASYNC913 (each turn waits for the socket)
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                await trio.lowlevel.wait_readable(tls)
            else:
                return tls

    async def _send_all(self, sock: socket.socket, data: bytes) -> None:  # noqa: ASYNC910 (the answer is waited for)
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[sock.send(rest) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                await trio.lowlevel.wait_writable(sock)

    async def _receive(self, sock: socket.socket) -> bytes:
        if not (isinstance(sock, ssl.SSLSocket) and sock.pending()):
            await trio.lowlevel.wait_readable(sock)
        while True:  # noqa: ASYNC913 (each turn waits for the socket)
            try:
                data = sock.recv(RECEIVE_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                await trio.lowlevel.wait_readable(sock)
            else:
                assert data
                return data  # noqa: ASYNC910 (what is pending costs no wait)

    def _close(self, sock: socket.socket) -> None:
        trio.lowlevel.notify_closing(sock)
        sock.close()


def _dechunk(data: bytes) -> tuple[bytes, bytes, bool]:
    """The payload of all whole chunks, the rest, and whether the last chunk was among them."""
    parts: list[bytes] = []
    start = 0
    while (line := data.find(b"\r\n", start)) >= 0:
        size = int(data[start:line], 16)
        end = line + 2 + size
        if len(data) < end + 2:
            break
        if not size:
            return b"".join(parts), b"", True
        parts.append(data[line + 2 : end])
        start = end + 2
    return b"".join(parts), data[start:], False


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[RawTrio]:
    """Open the client."""
    session = RawTrio(target)
    yield session
    session.close()
    await trio.lowlevel.checkpoint()
