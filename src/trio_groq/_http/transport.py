"""A connected, non-blocking socket, plain or TLS: receive into a buffer, send, close.

The readiness policy. A receive that fails for want of data costs more than it saves on a paced
stream, where the next token is always still to come; on a saturated stream data is always there
and waiting for readability is the waste. So the transport follows the last outcome: it tries at
once after a receive that brought much (or when TLS holds decrypted bytes, which no readiness call
can see), and waits first after one that brought little.

Every receive is a full checkpoint, and the checkpoint comes *before* the bytes: what has been
received is in the caller's hands with no await in between, so one buffer can serve all
connections of a client, and a cancelled receive has taken nothing from the socket.

A TLS socket is used as directly as a plain one, in non-blocking mode; `dial` hands over the
exceptions that its `recv_into` and `send` raise for "not yet", and this file need not know them.
"""

import socket
from collections.abc import Awaitable, Callable
from typing import Final, final

import trio

from trio_groq.errors import APIConnectionError

__all__ = ["Transport"]

EAGER_BYTES: Final = 4096
"""A receive of this many bytes or more is followed by another one at once: several events were
waiting, so the peer is ahead of us. Half a dozen typical events; one alone is about 300 bytes."""

_Errors = tuple[type[Exception], ...]


def _none_pending() -> int:
    return 0


def _connection_error(doing: str, exc: OSError) -> APIConnectionError:
    reason = exc.strerror or str(exc) or type(exc).__name__
    return APIConnectionError(f"connection: {doing} failed: {reason}")


@final
class Transport:
    """Bytes in and out of one connected socket.

    Args:
        sock: Connected and non-blocking; owned from here on.
        want_read: What it raises when an operation needs the socket to be readable first. A
            plain socket raises the same either way: a receive takes it for this, a send for:
        want_write: What it raises when an operation needs the socket to be writable first.
        pending: How many received bytes the socket object itself holds (TLS).
    """

    __slots__ = ("_eager", "_pending", "_sock", "_want_read", "_want_write", "closed")

    def __init__(
        self,
        sock: socket.socket,
        *,
        want_read: _Errors = (BlockingIOError,),
        want_write: _Errors = (BlockingIOError,),
        pending: Callable[[], int] = _none_pending,
    ) -> None:
        self._sock = sock
        self._want_read = want_read
        self._want_write = want_write
        self._pending = pending
        self._eager = True
        self.closed: bool = False

    async def receive_into(self, buffer: memoryview) -> int:
        """Wait for bytes and put them at the start of `buffer`.

        Returns:
            How many bytes came, 1 to `len(buffer)`; 0 when the peer has closed its side.

        Raises:
            APIConnectionError: The connection broke, or was closed by another task.

        Cancelled, it has taken nothing from the socket.
        """
        if self._eager:
            await trio.lowlevel.checkpoint()
        else:
            await self._wait(trio.lowlevel.wait_readable)
        while True:  # noqa: ASYNC913 (each turn waits for the socket)
            try:
                received = self._sock.recv_into(buffer)
            except self._want_read:
                await self._wait(trio.lowlevel.wait_readable)
            except self._want_write:
                await self._wait(trio.lowlevel.wait_writable)
            except OSError as exc:
                raise _connection_error("receiving", exc) from exc
            else:
                self._eager = received >= EAGER_BYTES or self._pending() > 0
                return received

    async def send_all(self, data: bytes) -> None:
        """Send everything.

        A checkpoint for cancellation before the first byte; once the kernel's buffer is full, a
        full one for each wait.

        Raises:
            APIConnectionError: The connection broke, or was closed by another task.

        Cancelled after the first byte, the peer has a torn message: close the transport.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        rest = memoryview(data)
        while rest:
            try:
                sent = self._sock.send(rest)
            except self._want_write:
                await self._wait(trio.lowlevel.wait_writable)
            except self._want_read:
                await self._wait(trio.lowlevel.wait_readable)
            except OSError as exc:
                raise _connection_error("sending", exc) from exc
            else:
                rest = rest[sent:]
        # A peer answers after a round trip, so the first receive would come too early.
        self._eager = False

    async def _wait(self, ready: Callable[[socket.socket], Awaitable[None]]) -> None:
        try:
            await ready(self._sock)
        except trio.ClosedResourceError:
            raise APIConnectionError(
                "connection: expected it to stay open during the call, got closed by this client"
            ) from None

    def is_quiet(self) -> bool:
        """Whether the peer has sent nothing and not closed: what an idle connection must be.

        Never blocks. TLS messages that carry no data (session tickets) are taken in on the way.
        A byte that comes is lost: a connection that is not quiet is of no further use.
        """
        try:
            self._sock.recv_into(bytearray(1))
        except (*self._want_read, *self._want_write):
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close the socket at once and wake whoever waits on it. Idempotent, never blocks."""
        if not self.closed:
            self.closed = True
            if trio.lowlevel.in_trio_run():  # else the run is over, and nobody can be waiting
                trio.lowlevel.notify_closing(self._sock)
            self._sock.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"fd {self._sock.fileno()}"
        return f"<Transport {state}>"
