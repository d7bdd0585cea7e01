"""Sending a request while its response may already come.

A server need not read a request to its end to answer it: a 413 says that it will not. So what
cannot be sent at once is sent in one task while another one receives, and the first that is done
ends the other:

- The request is whole: the wait for the response begins, and with it the limit on `read`.
- The response's head is here: what has not been sent will not be, and no other exchange can follow.
- Sending has broken: what has come of a response is still heard (RFC 9112, 9.5).
"""

import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, final

import trio

from trio_groq._cancellation import raise_plainly
from trio_groq._http.bodies import Body, Measured, Piece
from trio_groq._http.deadlines import Deadlines
from trio_groq._http.exchange import Exchange
from trio_groq._http.transport import Transport
from trio_groq.errors import APIConnectionError

__all__ = ["Sending", "until_one_ends"]

CLOSE_SECONDS: Final = 5.0
"""So long may it take to close a body, shielded from cancellation. Files close in microseconds;
what takes longer is a stream of the caller's, or a file system that has gone."""

Function: TypeAlias = Callable[[], Awaitable[None]]


@final
class Sending:
    """What is left of a request to send.

    Args:
        transport: Where it goes.
        data: What of it is in memory.
        body: What follows that, None for nothing.
        exchange: Knows what has come meanwhile.
        deadlines: The call's limits. That on `write` is for each wait for the socket to take some
            more, so it does not depend on how long the request is; to read the body is not
            counted.
        sent: Bytes of `data` that have been sent already.

    Attributes:
        whole: Whether everything has been sent.
        broken: Why the connection took no more, if it did not.
    """

    __slots__ = (
        "_begun",
        "_body",
        "_data",
        "_deadlines",
        "_exchange",
        "_gap",
        "_length",
        "_transport",
        "broken",
        "whole",
    )

    def __init__(
        self,
        transport: Transport,
        data: memoryview,
        body: Body | None,
        exchange: Exchange,
        deadlines: Deadlines,
        *,
        sent: int,
    ) -> None:
        self._transport = transport
        self._data = data[sent:]
        self._body = body
        self._exchange = exchange
        self._deadlines = deadlines
        self._begun = sent
        self._length = len(data) + (0 if body is None else body.length)
        limit = deadlines.timeouts.write
        self._gap = math.inf if limit is None else limit
        self.whole: bool = False
        self.broken: APIConnectionError | None = None

    async def run(self) -> None:
        """Send it; return when it is whole or the connection is broken.

        Raises:
            APITimeoutError: A limit passed.
            InvalidRequestError: The body cannot be read, or has another length than it said.
        """
        if await self._send(self._data):
            self.whole = self._body is None or await self._send_body(self._body)

    @property
    def received(self) -> str:
        """What has come of a response, and how far the request is, for people."""
        sent = self._begun - self._transport.unsent
        return f"{self._exchange.received} after {sent} of {self._length} bytes were sent"

    async def _send(self, data: Piece) -> bool:  # noqa: ASYNC910 (waits only if it must)
        self._begun += len(data)
        try:
            await self._transport.send_all(
                memoryview(data), gap=self._gap, end=self._deadlines.ends_at
            )
        except trio.TooSlowError:
            raise self._deadlines.error("write", trio.current_time(), self.received) from None
        except APIConnectionError as exc:
            # Caught here and not around it all: a body may be read from a connection, too.
            self.broken = exc
            return False  # noqa: ASYNC910 (see above)
        return True  # noqa: ASYNC910 (see above)

    async def _send_body(self, body: Body) -> bool:
        reading = Measured(body, "request body")
        sent = 0
        try:
            while piece := await reading.next_piece():
                await trio.lowlevel.checkpoint()  # neither memory nor a free socket is one
                if not await self._send(piece):
                    return False  # noqa: ASYNC910 (see `_send`)
                sent += len(piece)
                if body.progress is not None:
                    body.progress(sent, body.length)
        finally:
            with trio.move_on_after(CLOSE_SECONDS, shield=True):
                await reading.aclose()
        return True


async def until_one_ends(first: Function, second: Function) -> None:  # noqa: ASYNC910 (they do)
    """Run two functions at once; when one has ended, cancel the other.

    Raises what the first to fail has raised, or `Cancelled`: as it is, and in no exception group.
    """
    failures: list[BaseException] = []

    async def run(function: Function) -> None:  # noqa: ASYNC910 (it may fail at once)
        try:
            await function()
        except trio.Cancelled:
            raise
        except BaseException as exc:  # noqa: BLE001 (it is raised below, all of them are)
            failures.append(exc)
        nursery.cancel_scope.cancel()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run, first)
            nursery.start_soon(run, second)
    except BaseExceptionGroup as group:  # of cancellations: everything else is in `failures`
        await raise_plainly(group)
        raise
    if failures:
        raise failures.pop(0)
