"""The connection pool: the async shell over `pool_state`, and the engine's front door.

`pool_state` decides, this file does: it dials, waits and closes. What it is handed it holds in a
`try` from that very moment, so the count is right after a cancellation at every await.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final, NoReturn, final

import trio

from trio_groq._http.connection import Connection, ReceiveBuffer
from trio_groq._http.deadlines import Deadlines, Dialling
from trio_groq._http.dial import Dialer
from trio_groq._http.exchange import Exchange, ExchangeLimits
from trio_groq._http.messages import Origin, Request, ResponseHead
from trio_groq._http.pool_state import (
    Dial,
    PoolFull,
    PoolLimits,
    PoolState,
    PoolStatistics,
    Use,
    Wait,
    Waiter,
)
from trio_groq._http.request_encoder import RequestEncoder
from trio_groq._http.run_guard import RunGuard
from trio_groq.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidRequestError,
    PoolTimeoutError,
)

__all__ = ["ConnectionPool"]


def _is_broken(exc: APIConnectionError) -> bool:
    """Whether a connection broke by itself: no limit of ours, and no close of ours, ended it."""
    return exc.is_retryable and not isinstance(exc, APITimeoutError)


def _nothing_sent() -> str:
    return "0 bytes: nothing was sent, all connections are in use"


@final
class ConnectionPool:
    """HTTP/1.1 connections, at most `limits.max_connections` of them, shared by many tasks.

    Args:
        dialer: Opens them.
        limits: How many, and for how long.
        exchange_limits: What one response may make us hold.
    """

    def __init__(
        self,
        dialer: Dialer,
        limits: PoolLimits,
        exchange_limits: ExchangeLimits,
    ) -> None:
        self._dialer: Final = dialer
        self._exchange_limits: Final = exchange_limits
        self._state: Final[PoolState[Connection]] = PoolState(limits)
        self._buffer: Final = ReceiveBuffer()
        self._encoder: Final = RequestEncoder(forwards=dialer.forwards)
        self._guard: Final = RunGuard()
        self._connections: Final[set[Connection]] = set()
        self._dials: Final[set[trio.CancelScope]] = set()
        self._serial = 0
        self._closed = False

    async def send(self, request: Request, deadlines: Deadlines) -> tuple[Connection, ResponseHead]:
        """Send a request over a connection of the pool.

        A server may close an idle connection just as we use it. So a request that was sent on a
        reused connection, and drew not a byte of a response, is sent again, on a new one (RFC
        9112, 9.3.1), if its body can be read again; no other failure is.

        Returns:
            The connection, leased: read the body from it, and `release` it in any case; and the
            response's head.

        Raises:
            InvalidRequestError: The request is not valid HTTP, and nothing was sent; or its body
                cannot be read or has not the length that it said, and it was not sent whole.
            PoolTimeoutError: No connection was free in time.
            APIConnectionError: Connecting, sending or receiving failed.

        Cancelled, the connection it was using is closed, and its place is free.
        """
        # A view: unlike bytes, no frame of a traceback shows what is in it, and the key is.
        data = memoryview(self._encoder.encode(request))
        body = None if isinstance(request.body, bytes) else request.body
        connection = await self._acquire(request.origin, deadlines)
        while True:
            exchange = Exchange(request, self._exchange_limits)
            reused = connection.connected_in is None  # it was open, used before or not
            try:
                head = await connection.send(exchange, data, deadlines, body)
            except APIConnectionError as exc:
                stale = reused and not exchange.begun and _is_broken(exc)
                if not stale or (body is not None and not body.replayable):
                    self.release(connection)
                    raise
            except BaseException:
                self.release(connection)
                raise
            else:
                refusal = self._dialer.refusal(request.origin, head.status)
                if refusal is not None:
                    self.release(connection)
                    raise refusal
                return connection, head
            connection = await self._replace(connection, deadlines)

    async def warm_up(self, origin: Origin, count: int, deadlines: Deadlines) -> None:
        """Have `count` connections to `origin` open and unused, TLS done.

        Those that are idle already count. Fewer are opened where other calls leave no place.

        Args:
            origin: Where to.
            count: 1 to `max_idle` and `max_connections`.
            deadlines: Limits on it: each connection has its own limit on connecting.

        Raises:
            InvalidRequestError: So many would not be kept.
            APIConnectionError: Connecting failed. What is open by then stays so.
        """
        limits = self._state.limits
        most = min(limits.max_idle, limits.max_connections)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= most:
            raise InvalidRequestError(
                f"count: expected an integer from 1 to {most} (max_idle, max_connections), "
                f"got {count!r}",
                path="count",
                value=count,
            )
        from trio_groq._http.warm_up import open_at_once  # noqa: PLC0415 (few warm up)

        acquire = partial(self._acquire, origin, deadlines)
        await open_at_once(acquire, self.release, count, lambda: self._state.would_wait)

    def check_run(self) -> None:
        """Pass in the run and the process in which the pool is used first.

        Raises:
            ConfigurationError: This is another one, or no Trio run.
        """
        self._guard.check()

    def release(self, connection: Connection) -> None:
        """Give a leased connection back: kept if its exchange ended cleanly, closed otherwise."""
        if connection.reusable and not self._closed:
            now = trio.current_time()
            close, waiter = self._state.release(connection, connection.origin, now)
            if close:
                self._close(close)
            self._wake(waiter)
        else:
            self._discard(connection)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def statistics(self) -> PoolStatistics:
        """The pool at this moment."""
        return self._state.statistics()

    def close(self) -> None:
        """Close every connection, idle or not, and send every waiter away. Idempotent.

        A call that is under way gets an `APIConnectionError`.
        """
        self._closed = True
        if self._guard.is_forked:
            return  # the sockets, and the poller that watches them, are the parent's
        self._close(self._state.clear_idle())
        for connection in self._connections:
            connection.close()
        for scope in self._dials:
            scope.cancel()
        for waiter in self._state.clear_waiters():
            self._wake(waiter)

    async def _acquire(self, origin: Origin, deadlines: Deadlines) -> Connection:
        """Lease a connection that is open and quiet."""
        started = trio.current_time()
        if self._closed:
            self._raise_closed()
        step = self._state.acquire(origin, started)
        if isinstance(step, PoolFull):
            raise PoolTimeoutError(
                f"pool: expected a place in the queue, got {step.waiting} calls waiting already "
                "(max_waiters)",
                phase="pool",
                limit=0.0,
            )
        waited = 0.0
        if isinstance(step, Wait):
            grant = await self._wait(step.waiter, deadlines)
            waited = trio.current_time() - started
        else:
            grant = step
        if grant.close:
            self._close(grant.close)
        if isinstance(grant, Dial):
            connection = await self._dial(origin, deadlines)
        else:
            connection = grant.connection
            connection.connected_in = None
            if not connection.is_quiet():
                connection = await self._replace(connection, deadlines)
        connection.waited = waited
        return connection  # noqa: ASYNC910 (a request follows, which waits)

    async def _wait(
        self, waiter: Waiter[Connection], deadlines: Deadlines
    ) -> Use[Connection] | Dial[Connection]:
        def abort(_: object) -> trio.lowlevel.Abort:
            # Runs only while nothing was granted: a grant reschedules the task at once.
            self._state.forget(waiter)
            return trio.lowlevel.Abort.SUCCEEDED

        waiter.token = trio.lowlevel.current_task()
        await deadlines.within(
            "pool", trio.lowlevel.wait_task_rescheduled, abort, received=_nothing_sent
        )
        if waiter.grant is None:
            self._raise_closed()
        return waiter.grant

    async def _dial(self, origin: Origin, deadlines: Deadlines) -> Connection:
        if self._closed:  # since this place was granted
            self._wake(self._state.abandon())
            self._raise_closed()
        started = trio.current_time()
        dialling = Dialling(deadlines)
        transport = None
        scope = trio.CancelScope()
        self._dials.add(scope)
        try:
            with scope:
                transport = await deadlines.within(
                    "connect", self._dialer.dial, origin, dialling, received=dialling.received
                )
        finally:
            self._dials.remove(scope)
            if transport is None:
                self._wake(self._state.abandon())
        if transport is None:
            self._raise_closed()
        self._state.dialled()
        self._serial += 1
        connection = Connection(transport, origin, self._buffer, self._serial)
        connection.connected_in = trio.current_time() - started
        self._connections.add(connection)
        if self._closed:
            self._discard(connection)
            self._raise_closed()
        return connection

    async def _replace(self, connection: Connection, deadlines: Deadlines) -> Connection:
        """Dial on the place of a connection that turned out to be dead."""
        self._close((connection,))
        self._state.replace()
        return await self._dial(connection.origin, deadlines)

    def _discard(self, connection: Connection) -> None:
        self._close((connection,))
        self._wake(self._state.discard())

    def _close(self, connections: Iterable[Connection]) -> None:
        for connection in connections:
            self._connections.discard(connection)
            connection.close()

    def _wake(self, waiter: Waiter[Connection] | None) -> None:
        if waiter is not None:
            task = waiter.token
            assert isinstance(task, trio.lowlevel.Task)  # noqa: S101 (set before it waits)
            trio.lowlevel.reschedule(task)

    def _raise_closed(self) -> NoReturn:
        error = APIConnectionError("client: expected it to be open, got a call after its close")
        error.is_retryable = False
        error.add_note("Make calls inside `async with GroqClient(...) as client:`.")
        raise error

    def __repr__(self) -> str:
        now = self.statistics()
        state = "closed" if self._closed else "open"
        return (
            f"<ConnectionPool {state}: {now.leased} leased, {now.idle} idle, "
            f"{now.dialling} dialling, {now.waiting} waiting>"
        )
