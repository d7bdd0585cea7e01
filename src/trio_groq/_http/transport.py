"""A connected, non-blocking socket, plain or TLS: receive into a buffer, send, close.

The readiness policy. A receive that fails for want of data costs more than it saves on a paced
stream, where the next token is always still to come; on a saturated stream data is always there
and waiting for readability is the waste. So the transport follows the last outcome: it tries at
once after a receive that brought much, and waits first after one that brought little.

Every receive is a full checkpoint, and the checkpoint comes *before* the bytes: what has been
received is in the caller's hands with no await in between, so one buffer can serve all
connections of a client, and a cancelled receive has taken nothing from the socket.

A TLS socket is used as directly as a plain one, in non-blocking mode; `dial` hands over how to
receive from it and what it raises for "not yet", and this file need not know more of it.
"""

import math
import select
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, final

import trio

from trio_groq._http.readiness import ReadinessOption, closed_error, watch
from trio_groq.errors import APIConnectionError

__all__ = ["Transport"]

EAGER_BYTES: Final = 4096
"""A receive of this many bytes or more is followed by another one at once: several events were
waiting, so the peer is ahead of us. Half a dozen typical events; one alone is about 300 bytes."""

_Errors: TypeAlias = tuple[type[Exception], ...]
Receive: TypeAlias = Callable[[memoryview], int]


def _connection_error(doing: str, exc: OSError) -> APIConnectionError:
    reason = exc.strerror or str(exc) or type(exc).__name__
    return APIConnectionError(f"connection: {doing} failed: {reason}")


def _has_news(sock: socket.socket) -> bool:
    """Whether something has come: bytes, the end, or an error. Yes where this cannot be asked.

    To ask costs a half of a receive that fails, and over TLS, where one fails in much ceremony,
    far less.
    """
    if sys.platform == "win32":
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    try:
        return bool(poll.poll(0))
    except OSError:  # a process that may have no more descriptors may not ask either
        return True


def _nothing_more(_received: int) -> bool:
    return True


@final
class Transport:
    """Bytes in and out of one connected socket.

    Args:
        sock: Connected and non-blocking; owned from here on.
        want_read: What it raises when an operation needs the socket to be readable first. A
            plain socket raises the same either way: a receive takes it for this, a send for:
        want_write: What it raises when an operation needs the socket to be writable first.
        receive: How to receive into a buffer, if not with the socket's own `recv_into`.
        pending: Whether another receive would give something without the socket being readable.
        readiness: How to wait for bytes.

    Attributes:
        closed: Whether `close` was called.
        unsent: Bytes that the present `send_all`, or the last one, has not sent.
    """

    __slots__ = (
        "_buffer",
        "_eager",
        "_not_yet",
        "_pending",
        "_receive",
        "_sock",
        "_take",
        "_want_write",
        "_watch",
        "closed",
        "unsent",
    )

    def __init__(
        self,
        sock: socket.socket,
        *,
        want_read: _Errors = (BlockingIOError,),
        want_write: _Errors = (BlockingIOError,),
        receive: Receive | None = None,
        pending: Callable[[], bool] | None = None,
        readiness: ReadinessOption = "auto",
    ) -> None:
        self._sock = sock
        self._want_write = want_write
        self._not_yet = (*want_read, *want_write)
        self._receive = receive or sock.recv_into
        self._pending = pending
        self._buffer = memoryview(b"")
        self._take: Callable[[int], bool] = _nothing_more
        self._watch = watch(sock, readiness)
        self._eager = True
        self.closed: bool = False
        self.unsent: int = 0

    def receive(
        self, buffer: memoryview, take: Callable[[int], bool], *, gap: float, end: float
    ) -> Awaitable[None]:
        """Receive into `buffer`, again and again, until it is enough.

        Args:
            buffer: Where bytes go, from its start; overwritten by each receive.
            take: Called at once with how many bytes came, 1 to `len(buffer)`, or 0 when the peer
                has closed its side; True if that is enough, as 0 has to be. What it raises is
                raised here.
            gap: Longest wait for (more) bytes, in seconds.
            end: When to give up in any case, on Trio's clock, in seconds.

        Raises:
            trio.TooSlowError: One of the limits passed. Infinity stands for no limit.
            APIConnectionError: The connection broke, or was closed by another task.

        Cancelled, it has taken nothing from the socket that `take` was not given.
        """
        self._buffer = buffer
        self._take = take
        if self._eager:
            return self._receive_at_once(gap, end)
        return self._watch.until(self._attempt, gap, end)

    async def _receive_at_once(self, gap: float, end: float) -> None:
        await trio.lowlevel.checkpoint()
        if trio.current_time() >= end:
            raise trio.TooSlowError
        if not self._attempt():
            await self._watch.until(self._attempt, gap, end)

    def _attempt(self) -> bool:
        """One receive, if there is something to receive; whether it was enough."""
        while True:
            try:
                received = self._receive(self._buffer)
            except self._not_yet:
                return False
            except OSError as exc:
                raise _connection_error("receiving", exc) from exc
            pending = self._pending is not None and self._pending()
            self._eager = pending or received >= EAGER_BYTES
            if self._take(received):
                self._take = _nothing_more  # whoever that is can go: nothing here holds it
                return True
            if not pending:
                return False

    def send_now(self, data: bytes | memoryview) -> int:
        """Send what goes without waiting: nearly always all of it.

        Returns:
            How many bytes went, 0 to `len(data)`.

        Raises:
            APIConnectionError: The connection broke.
        """
        # A peer answers after a round trip, so the first receive would come too early.
        self._eager = False
        try:
            return self._sock.send(data)
        except self._not_yet:
            return 0
        except OSError as exc:
            raise _connection_error("sending", exc) from exc

    async def send_all(  # noqa: ASYNC910 (called when it must wait)
        self, data: memoryview, *, gap: float = math.inf, end: float = math.inf
    ) -> None:
        """Send everything, waiting as often as it takes, while another task receives.

        Args:
            data: What to send; after `send_now` has taken none of it, the same again (a TLS record
                may be half sent).
            gap: Longest wait for the socket to take some more, in seconds.
            end: When to give up in any case, on Trio's clock, in seconds.

        Raises:
            trio.TooSlowError: One of the limits passed. Infinity stands for no limit.
            APIConnectionError: The connection broke, or was closed by another task.

        Cancelled, the peer may have a torn message: close the transport.
        """
        self.unsent = len(data)
        while data:  # noqa: ASYNC913 (each turn waits, or sends some)
            try:
                data = data[self._sock.send(data) :]
                self.unsent = len(data)
            except self._not_yet as exc:
                with trio.CancelScope(deadline=min(trio.current_time() + gap, end)) as scope:
                    await self._until_possible(exc)
                if scope.cancelled_caught:
                    raise trio.TooSlowError from None
            except OSError as exc:
                raise _connection_error("sending", exc) from exc

    async def _until_possible(self, refusal: Exception) -> None:  # noqa: ASYNC910 (it has waited)
        if not isinstance(refusal, self._want_write):
            await self._until_received()
            return
        try:
            await trio.lowlevel.wait_writable(self._sock)
        except trio.ClosedResourceError:
            if self.closed:
                raise closed_error() from None
            # A limit has ended a receive on this socket (see `HubWatch.expire`), not this send.

    async def _until_received(self) -> None:
        """Until the task that receives has tried: it takes in what TLS needs to read as well.

        To wait for the same bytes here would be to wait for what that task has already taken.
        """
        tried = trio.Event()
        receive = self._receive

        def receive_and_tell(buffer: memoryview) -> int:
            self._receive = receive
            tried.set()
            return receive(buffer)

        self._receive = receive_and_tell
        try:
            await tried.wait()
        finally:
            self._receive = receive

    def is_quiet(self) -> bool:
        """Whether the peer has sent nothing and not closed: what an idle connection must be.

        Never blocks. TLS messages that carry no data (session tickets) are taken in on the way.
        A byte that comes is lost: a connection that is not quiet is of no further use.
        """
        if self.closed:
            return False
        if not _has_news(self._sock) and not (self._pending is not None and self._pending()):
            return True
        try:
            self._receive(memoryview(bytearray(1)))
        except self._not_yet:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close the socket at once and wake whoever waits on it. Idempotent, never blocks."""
        if not self.closed:
            self.closed = True
            self._watch.close()
            if trio.lowlevel.in_trio_run():  # else the run is over, and nobody can be waiting
                trio.lowlevel.notify_closing(self._sock)
            self._sock.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"fd {self._sock.fileno()}"
        return f"<Transport {state}>"
