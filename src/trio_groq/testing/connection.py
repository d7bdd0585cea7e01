"""One connection: reads requests, plays responses, and ends as badly as was asked."""

import socket
import struct
from collections.abc import Iterable
from typing import Protocol

import trio
from trio.testing import wait_all_tasks_blocked

from trio_groq.testing.beats import Beat, Ending, Gap, coalesce
from trio_groq.testing.chat import Names
from trio_groq.testing.reading import Refused, RequestReader
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.rendering import Persistence, render
from trio_groq.testing.replies import Reply

__all__ = ["Connection", "Service"]

_RECEIVE_BYTES = 64 * 1024

# A pause as long as this, in seconds, is watched for the client's leaving; after a shorter one the
# next send finds out.
_WATCHED_PAUSE = 0.5

# How long a refused request may go on arriving before its connection is closed, in seconds.
_LINGER = 1.0

# Closing drops what is unsent and sends a RST (`SO_LINGER` on, with a time of 0).
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Service(Protocol):
    """What a connection asks of its server."""

    @property
    def max_body_bytes(self) -> int:
        """Largest body of a request."""

    @property
    def max_requests_per_connection(self) -> int | None:
        """Requests after which the connection is closed, None for any number."""

    def answer(self, request: RecordedRequest) -> Reply:
        """The reply to a whole request."""

    def new_names(self) -> Names:
        """Identities for the next response."""


def _persists(request: RecordedRequest) -> bool:
    options = (request.header("connection") or "").lower().split(",")
    wants_close = "close" in (option.strip() for option in options)
    return request.http_version == "1.1" and not wants_close


class Connection:
    """One accepted connection.

    Args:
        stream: Where bytes come and go; over TLS with the handshake still to be made.
        raw: The socket under it.
        serial: Number of the connection, from 1.
        service: Who knows the answers.
    """

    def __init__(
        self,
        stream: trio.SocketStream | trio.SSLStream[trio.SocketStream],
        raw: trio.socket.SocketType,
        serial: int,
        service: Service,
    ) -> None:
        self._stream = stream
        self._socket = raw
        self._service = service
        self._reader = RequestReader(serial, service.max_body_bytes)
        self._left: int | None = service.max_requests_per_connection

    def close(self) -> None:
        """Close the socket now. `run` notices and returns."""
        self._socket.close()

    async def run(self) -> None:
        """Serve until either side has had enough; `close` afterwards, come what may."""
        await trio.lowlevel.checkpoint()
        try:
            if isinstance(self._stream, trio.SSLStream):
                await self._stream.do_handshake()
            await self._end(await self._serve())
        except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            pass  # the client has gone, or `close` was called: either ends the connection

    async def _serve(self) -> Ending:
        """Serve request after request, and tell how the connection ends."""
        while True:
            try:
                request = await self._receive()
            except Refused as refused:
                await self._refuse(refused.reply)
                return Ending.LINGER
            if request is None:
                return Ending.CLOSE
            reply = self._service.answer(request)
            persistence = self._persistence(request)
            names = self._service.new_names()
            ending = await self._play(render(reply, request, names, persistence))
            if ending is not None:
                return ending

    async def _receive(self) -> RecordedRequest | None:
        """The next request, None once the client has closed."""
        await trio.lowlevel.checkpoint()
        while True:
            request = self._reader.poll(trio.current_time())
            if request is not None:
                return request
            interim = self._reader.interim()
            if interim:
                await self._stream.send_all(interim)
            data = await self._stream.receive_some(_RECEIVE_BYTES)
            if not data:
                return None
            self._reader.feed(bytes(data))

    def _persistence(self, request: RecordedRequest) -> Persistence:
        if self._left is not None:
            self._left -= 1
        return Persistence(
            keep_alive=_persists(request) and self._left != 0,
            chunked=request.http_version == "1.1",
        )

    async def _refuse(self, reply: Reply) -> None:
        unread = RecordedRequest(method="", path="", connection=0, received_at=0.0)
        persistence = Persistence(keep_alive=False)
        await self._play(render(reply, unread, self._service.new_names(), persistence))

    async def _play(self, beats: Iterable[Beat]) -> Ending | None:
        due = trio.current_time()
        await trio.lowlevel.checkpoint()
        for beat in coalesce(beats):
            if beat.delay:
                due += beat.delay  # so that lateness does not add up
                await self._pause(due)
            if beat.gap is Gap.SETTLE:
                await wait_all_tasks_blocked()
            if beat.data:
                await self._stream.send_all(beat.data)
            if beat.then is not None:
                return beat.then
        return None

    async def _pause(self, due: float) -> None:
        """Sleep, but not on after the client has gone: nobody should wait for that in a test."""
        if due - trio.current_time() >= _WATCHED_PAUSE:
            with trio.move_on_at(due):
                if not await self._socket.recv(1, socket.MSG_PEEK):
                    raise trio.BrokenResourceError
        await trio.sleep_until(due)

    async def _end(self, ending: Ending) -> None:
        await trio.lowlevel.checkpoint()
        if ending is Ending.CLOSE:
            await self._stream.aclose()
        elif ending is Ending.LINGER:
            await self._linger()
        elif ending is Ending.RESET:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        elif ending is Ending.STALL:
            await self._discard()

    async def _linger(self) -> None:
        """Let the client read the refusal: bytes unread at the close would reset the connection."""
        self._socket.shutdown(socket.SHUT_WR)
        with trio.move_on_after(_LINGER):
            await self._discard()

    async def _discard(self) -> None:
        while await self._stream.receive_some(_RECEIVE_BYTES):
            pass
