"""One transport and one exchange at a time."""

import math
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias, final

import trio

from trio_groq._http.bodies import Body
from trio_groq._http.deadlines import Deadlines
from trio_groq._http.exchange import Exchange, Glance
from trio_groq._http.messages import Origin, ResponseHead, Span
from trio_groq._http.sending import Sending, until_one_ends
from trio_groq._http.transport import Transport
from trio_groq.errors import APIConnectionError, Phase

__all__ = ["Connection", "ReceiveBuffer"]

RECEIVE_BYTES: Final = 65_536
"""One receive takes at most this much: the largest read in recorded traffic is 110 KB, the median
300 bytes, and the buffer is one for all connections of a client."""


Consume: TypeAlias = Callable[[list[Span]], bool]


def _nothing_more(_spans: list[Span]) -> bool:
    return True


@final
class ReceiveBuffer:
    """Where received bytes land: one for all connections of a client.

    Sharing is safe because everything between a receive and the next await is synchronous.
    """

    __slots__ = ("data", "view")

    def __init__(self, size: int = RECEIVE_BYTES) -> None:
        self.data: bytearray = bytearray(size)
        self.view: memoryview = memoryview(self.data)


@final
class Connection:
    """A connection to `origin`.

    Attributes:
        origin: Where it leads.
        serial: Its number among the pool's connections, for people.
        exchanges: How many exchanges were begun on it.
        sent_at: When the present exchange's request began to be sent, on Trio's clock.
        waited: Seconds that the call which has it waited in the pool's queue.
        connected_in: Seconds that it took to open, if that call had to; else None.
    """

    __slots__ = (
        "_buffer",
        "_consume",
        "_early",
        "_exchange",
        "_glance",
        "_transport",
        "connected_in",
        "exchanges",
        "origin",
        "sent_at",
        "serial",
        "waited",
    )

    def __init__(
        self, transport: Transport, origin: Origin, buffer: ReceiveBuffer, serial: int
    ) -> None:
        self._transport = transport
        self._buffer = buffer
        self._exchange: Exchange | None = None
        self._early: list[Span] | None = None  # what came with the head, until it is taken
        self._consume: Consume = _nothing_more
        self._glance: Glance | None = None
        self.origin: Origin = origin
        self.serial: int = serial
        self.exchanges: int = 0
        self.sent_at: float = 0.0
        self.waited: float = 0.0
        self.connected_in: float | None = None

    async def send(
        self,
        exchange: Exchange,
        data: bytes | memoryview,
        deadlines: Deadlines,
        body: Body | None = None,
    ) -> ResponseHead:
        """Send a request and wait for the head of its response.

        A peer that answers before it has read everything is heard at once, and so is one that
        closes then (RFC 9112, 9.5): its answer says more than the broken pipe.

        Args:
            exchange: A new exchange; this connection's from here on.
            data: The request, or what of it is in memory.
            deadlines: The call's limits.
            body: What follows `data`, None for nothing.

        Raises:
            APIConnectionError: The connection broke. `ProtocolError`, `APITimeoutError` included.
            InvalidRequestError: The body cannot be read, or has another length than it said.
        """
        self._exchange = exchange
        self.exchanges += 1
        self.sent_at = trio.current_time()
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            sent = self._transport.send_now(data)
        except APIConnectionError as broken:
            return await self._answer_to_torn_request(exchange, deadlines, broken)
        if sent < len(data) or body is not None:
            rest = Sending(self._transport, memoryview(data), body, exchange, deadlines, sent=sent)
            return await self._send_and_receive_head(exchange, rest, deadlines)
        return await self._receive_head(exchange, deadlines)

    async def _send_and_receive_head(
        self, exchange: Exchange, rest: Sending, deadlines: Deadlines
    ) -> ResponseHead:
        async def receive() -> None:
            # While the request is on its way, that the response has not begun means nothing.
            await self._receive_of_head(
                "read", math.inf, self._take_head, exchange, deadlines, rest=rest
            )

        await until_one_ends(rest.run, receive)
        if exchange.head is not None:
            if not rest.whole:
                exchange.close_after()
            return exchange.head
        if rest.broken is not None:
            return await self._answer_to_torn_request(exchange, deadlines, rest.broken)
        return await self._receive_head(exchange, deadlines)

    async def _answer_to_torn_request(
        self, exchange: Exchange, deadlines: Deadlines, broken: APIConnectionError
    ) -> ResponseHead:
        try:
            head = await self._receive_head(exchange, deadlines)
        except APIConnectionError:
            raise broken from None
        exchange.close_after()
        return head

    async def _receive_head(self, exchange: Exchange, deadlines: Deadlines) -> ResponseHead:
        """Receive the head of the response to a request of which no more will be sent."""
        first_byte = deadlines.timeouts.first_byte
        if first_byte is not None and not exchange.begun:
            await self._receive_of_head(
                "first_byte", first_byte, self._take_first, exchange, deadlines
            )
        if exchange.head is None:
            await self._receive_of_head(
                "read", deadlines.read_gap, self._take_head, exchange, deadlines
            )
        assert exchange.head is not None  # noqa: S101 (`_take_head` saw it)
        return exchange.head  # noqa: ASYNC910 (there is no head before one of the two has waited)

    async def _receive_of_head(
        self,
        phase: Phase,
        gap: float,
        take: Callable[[int], bool],
        exchange: Exchange,
        deadlines: Deadlines,
        *,
        rest: Sending | None = None,
    ) -> None:
        """Receive until `take` has enough, while `rest` is still being sent, if it is."""
        try:
            await self._transport.receive(self._buffer.view, take, gap=gap, end=deadlines.ends_at)
        except trio.TooSlowError:
            pass
        else:
            return
        await trio.lowlevel.checkpoint()  # a caller whose own deadline has passed is told of that
        received = exchange.received if rest is None else rest.received
        raise deadlines.error(phase, trio.current_time(), received)

    def _take_first(self, received: int) -> bool:
        self._take_head(received)
        return True

    def _take_head(self, received: int) -> bool:
        exchange = self._exchange
        assert exchange is not None  # noqa: S101 (a receive is part of an exchange)
        if received == 0:
            exchange.receive_eof()  # raises: there is no head yet
        # What comes with the head is in memory of its own (see `Exchange`), and can be kept.
        self._early = exchange.receive(self._buffer.data, 0, received) or None
        return exchange.head is not None

    def take_whole(self, limit: int) -> bytes | None:
        """The whole body, if it came with the head and has at most `limit` bytes; else None."""
        exchange, spans = self._exchange, self._early or []
        if exchange is None or not exchange.complete or exchange.failure is not None:
            return None
        if sum([end - start for _, start, end in spans]) > limit:
            return None
        self._early = None
        return b"".join([memoryview(data)[start:end] for data, start, end in spans])

    def receive(
        self, deadlines: Deadlines, consume: Consume, glance: Glance | None = None
    ) -> Awaitable[None]:
        """Receive more of the response's body, until it is enough or complete.

        Args:
            deadlines: The call's limits.
            consume: Called with decoded bytes, which are valid during that call only; True if
                they are enough for now. Called in this task or on its behalf.
            glance: Called first with what one receive brought, where a chunk begins with it; True
                if it took all of that, and it is enough. Otherwise `consume` gets it, as ever.

        Returns:
            What to await; at once, and once.

        Raises:
            trio.TooSlowError: The limit on `read` passed, or one on the whole call.
            APIConnectionError: As `send`.
        """
        self._consume = consume
        self._glance = glance
        exchange = self._exchange
        assert exchange is not None  # noqa: S101 (a body follows a head)
        if self._early is not None or exchange.complete or exchange.failure is not None:
            return self._receive_early(exchange, deadlines)
        return self._transport.receive(
            self._buffer.view, self._take, gap=deadlines.read_gap, end=deadlines.ends_at
        )

    async def _receive_early(self, exchange: Exchange, deadlines: Deadlines) -> None:  # noqa: ASYNC910 (see below)
        """Give out what came with the head; go on receiving if that is not enough."""
        await trio.lowlevel.checkpoint_if_cancelled()
        spans, self._early = self._early, None
        consume, glance = self._consume, self._glance
        self._forget()
        if spans and consume(spans):
            return  # noqa: ASYNC910 (what is here costs no wait)
        if exchange.failure is not None:
            raise exchange.failure
        if not exchange.complete:
            await self.receive(deadlines, consume, glance)

    def _take(self, received: int) -> bool:
        exchange = self._exchange
        assert exchange is not None  # noqa: S101 (a receive is part of an exchange)
        glance = self._glance
        if glance is not None and exchange.offer(glance, self._buffer.data, received):
            self._forget()
            return True
        if received:
            spans = exchange.receive(self._buffer.data, 0, received)
        else:
            spans = exchange.receive_eof()
        if spans and self._consume(spans):
            self._forget()
            return True
        if exchange.failure is not None:
            raise exchange.failure
        return exchange.complete

    def _forget(self) -> None:
        """Let whoever has received go: nothing here holds it."""
        self._consume = _nothing_more
        self._glance = None

    @property
    def received(self) -> str:
        """What has come of the present exchange's response, for people."""
        return "0 bytes" if self._exchange is None else self._exchange.received

    @property
    def complete(self) -> bool:
        """Whether the present exchange's response is complete (and its bytes were all taken)."""
        return self._exchange is not None and self._exchange.complete and self._early is None

    @property
    def reusable(self) -> bool:
        """Whether another exchange may follow: none was begun, or the last one ended cleanly."""
        if self._transport.closed:
            return False
        return self._exchange is None or self._exchange.reusable

    def is_quiet(self) -> bool:
        """Whether an idle connection is still good: open, and nothing was sent unasked."""
        return self._transport.is_quiet()

    def close(self) -> None:
        """Close at once. Idempotent."""
        self._forget()
        self._transport.close()

    def __repr__(self) -> str:
        if self._transport.closed:
            state = "closed"
        elif self._exchange is None or self._exchange.complete:
            state = "idle"
        else:
            state = repr(self._exchange)
        return f"<Connection {self.serial} to {self.origin}, {self.exchanges} exchanges, {state}>"
