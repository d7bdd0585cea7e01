"""A response whose head is here: what holds the connection until its body has been read."""

import math
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final, final

import trio

from trio_groq._api.rate_limits import parse_rate_limits
from trio_groq._api.redaction import Redactor, repeats
from trio_groq._http.connection import Connection, Consume
from trio_groq._http.deadlines import Deadlines
from trio_groq._http.exchange import Glance
from trio_groq._http.messages import Headers, Request, ResponseHead, Span
from trio_groq._http.pool import ConnectionPool
from trio_groq.errors import (
    APIError,
    APIStatusError,
    APITimeoutError,
    AttemptRecord,
    RequestInfo,
    StreamError,
)
from trio_groq.types.meta import ResponseMeta, Timings

if TYPE_CHECKING:
    from trio_groq._gates import Permit
    from trio_groq._hooks import CallWatch
    from trio_groq._trial import Trial

__all__ = ["MAX_BODY_BYTES", "OpenResponse", "Unparsed"]

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""A whole response in memory. The largest honest one is a batch of embeddings: 2,048 of 1,024
numbers each are some 25 MB."""
_ERROR_STATUS: Final = 300


class Unparsed(ABC):
    """What a raw call returns, for who need not know more of it; see `APIResponse`."""

    __slots__ = ()

    @abstractmethod
    def cost(self) -> int | None:
        """Tokens that the call cost, as far as a body that was read says so."""


@final
class OpenResponse:
    """A response whose head is here and whose body is not yet read.

    It holds a leased connection and gives it back exactly once: at `finish`, which keeps the
    connection if the body was read to its end, and closes it otherwise.

    Attributes:
        head: Status and header fields.
        request: Method and URL.
        deadlines: The call's limits.
        attempts: How many times the call was sent.
        history: The attempts before this one, which failed.
        permit: What the gates let it pass with, which is told what it cost; None without gates.
        began_at: When the attempt began, on Trio's clock.
        awaits_token: Whether it is an event stream, whose first token proves that it goes well.
        trial: Until that has come, what is told how the stream began; else None.
        first_token_at: When the first token came, on Trio's clock; None before that.
        watch: What the call tells its story to; None where nobody observes.
        wants_chunks: Whether to say how many chunks came: until the first token is here, and to
            the end for observers.
    """

    __slots__ = (
        "_connect",
        "_connection",
        "_ended_at",
        "_first_byte_at",
        "_pool",
        "_queue",
        "_sent",
        "_sent_at",
        "_shown",
        "_target",
        "_was_complete",
        "attempts",
        "awaits_token",
        "began_at",
        "deadlines",
        "first_token_at",
        "head",
        "history",
        "permit",
        "request",
        "trial",
        "wants_chunks",
        "watch",
    )

    def __init__(
        self,
        pool: ConnectionPool,
        connection: Connection,
        head: ResponseHead,
        request: RequestInfo,
        deadlines: Deadlines,
        *,
        sent: Request | None = None,
    ) -> None:
        now = trio.current_time()
        # Not the request itself, whose body may be large.
        self._sent = () if sent is None else sent.headers
        self._target = b"" if sent is None else sent.target
        self._shown: Headers | None = None
        self._pool = pool
        self._connection: Connection | None = connection
        self._queue = connection.waited
        self._connect = connection.connected_in
        self._sent_at = connection.sent_at
        self._first_byte_at = now
        self._ended_at: float | None = None
        self._was_complete = False
        self.first_token_at: float | None = None
        self.head: ResponseHead = head
        self.request: RequestInfo = request
        self.deadlines: Deadlines = deadlines
        self.attempts: int = 1
        self.history: tuple[AttemptRecord, ...] = ()
        self.permit: Permit | None = None
        self.began_at: float = connection.sent_at
        self.awaits_token: bool = False
        self.trial: Trial | None = None
        self.watch: CallWatch | None = None
        self.wants_chunks: bool = True

    @property
    def request_id(self) -> str | None:
        """The server's name for the call."""
        name = self.head.headers.get("x-request-id")
        return None if name is None else self.redactor().text(name)

    def shown_headers(self) -> Headers:
        """The header fields for observers, who may log them; those of an error as it has them."""
        if self._shown is None:
            shown = headers = self.head.headers
            if self.head.status >= _ERROR_STATUS or repeats(headers, self._sent, self._target):
                shown = self.redactor().headers(headers)
            self._shown = shown
        return self._shown

    def shown_meta(self) -> ResponseMeta:
        """How the response came, for observers."""
        return self._meta_of(self.shown_headers())()

    def redactor(self) -> Redactor:
        """What hides the secrets that the request was sent with."""
        return Redactor(self._sent, self._target)

    @property
    def open(self) -> bool:
        """Whether the connection is still held."""
        return self._connection is not None

    @property
    def complete(self) -> bool:
        """Whether the whole body has been read."""
        return self._connection is None or self._connection.complete

    def receive(self, consume: Consume, glance: Glance | None = None) -> Awaitable[None]:
        """Receive more of the body, until `consume` or `glance` has enough, or to its end.

        See `Connection.receive`.

        Raises:
            trio.TooSlowError: A limit passed: `too_slow` says which.
            APIConnectionError: The connection broke.
        """
        if self._connection is None:
            raise StreamError("response: expected it to be open, got it closed")
        return self._connection.receive(self.deadlines, consume, glance)

    def too_slow(self, events: int | None = None) -> APITimeoutError:
        """The error for a `trio.TooSlowError` that `receive` has just raised.

        Args:
            events: How many have come, if it is a stream of them.
        """
        connection = self._connection
        received = "0 bytes" if connection is None else connection.received
        if events is not None:
            received = f"{received}, {events} event{'s'[: events != 1]}"
        return self.deadlines.error("read", trio.current_time(), received)

    def first_token_came(self) -> None:
        """The stream's first chunk is here: note when, and lift the limit on its coming."""
        self.first_token_at = trio.current_time()
        self.deadlines.first_token_came()
        self.begun()
        if self.watch is not None:
            self.watch.first_token_came()

    def begun(self, error: BaseException | None = None) -> None:
        """Tell the gates how a stream began; what comes after the first time is not told.

        Args:
            error: What ended it before its first token; None if that came, or nobody waits for it.
        """
        trial, self.trial = self.trial, None
        if trial is not None:
            trial.settle(error)

    def blame(self, error: APIError) -> None:
        """Say in an error what it belongs to: the request, and all attempts with this one.

        What an error says already is left as it is.
        """
        error.request = error.request or self.request
        error.request_id = error.request_id or self.request_id
        if error.attempts:
            return
        ended = trio.current_time() if self._ended_at is None else self._ended_at
        last = AttemptRecord(
            number=self.attempts,
            started=self.began_at - self.deadlines.started,
            duration=ended - self.began_at,
            error=f"{type(error).__name__}: {error.message}",
            status=error.status_code if isinstance(error, APIStatusError) else None,
            request_id=error.request_id,
        )
        error.attempts = self.attempts
        error.history = (*self.history, last)

    def chunks_came(self, number: int, *, is_first: bool) -> None:
        """A receive brought so many events of a stream.

        Args:
            number: How many, 1 or more.
            is_first: The first token is among them.
        """
        if is_first:
            self.first_token_came()
        if self.watch is None or self.watch.only_failures:
            self.wants_chunks = self.first_token_at is None
        else:
            self.watch.chunks_came(number)

    async def read(self, limit: int, *, cut: bool = False) -> bytes:
        """The whole body.

        Args:
            limit: Bytes at the most.
            cut: Return the first `limit` bytes of a longer body instead of raising: for errors,
                which also lift no limit on a first token.

        Raises:
            APIConnectionError: The connection broke, or a limit passed.
            APIError: The body is longer than `limit`.
        """
        whole = None if self._connection is None else self._connection.take_whole(limit)
        if whole is not None:
            return whole  # noqa: ASYNC910 (what is here costs no wait)
        body = bytearray()

        def consume(spans: list[Span]) -> bool:
            for data, start, end in spans:
                body.extend(memoryview(data)[start:end])
            return len(body) > limit

        try:
            if self.deadlines.first_token_at < math.inf and not cut:
                await self._receive_all(lambda spans: consume(spans) or bool(body))
                self.deadlines.first_token_came()
            await self._receive_all(consume)
            if len(body) > limit and not cut:
                raise APIError(f"response body: expected at most {limit} bytes, got more")
        except BaseException as exc:
            self.begun(exc)
            if isinstance(exc, APIError):
                self.redactor().hide(exc)
                self.blame(exc)
            if self.watch is not None:
                self.watch.failed(exc)
            raise
        return bytes(body[:limit])

    async def receive_some(self) -> bytes:
        """The next bytes of the body, as many as one receive brings; empty at its end.

        At the end, after an error and when cancelled the connection is given back.

        Raises:
            APIConnectionError: The connection broke, or a limit passed.
        """
        piece = bytearray()

        def consume(spans: list[Span]) -> bool:
            for data, start, end in spans:
                piece.extend(memoryview(data)[start:end])
            return bool(piece)

        if self._connection is None and not self._was_complete:
            raise StreamError("response: expected it to be open, got it closed")
        if self.complete:
            try:
                await trio.lowlevel.checkpoint()
            finally:
                self.finish()
            return b""
        try:
            await self._receive_all(consume)
        except BaseException as exc:
            self.begun(exc)
            if isinstance(exc, APIError):
                self.redactor().hide(exc)
                self.blame(exc)
            if self.watch is not None:
                self.watch.failed(exc)
            self.finish()
            raise
        self.deadlines.first_token_came()
        self.begun()
        if self.complete:
            self.finish()
        return bytes(piece)

    async def _receive_all(self, consume: Consume) -> None:
        try:
            await self.receive(consume)
        except trio.TooSlowError:
            pass
        else:
            return
        await trio.lowlevel.checkpoint()  # a caller whose own deadline has passed is told of that
        raise self.too_slow()

    def finish(self) -> None:
        """Give the connection back. Idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            complete = self._was_complete = connection.complete
            self._ended_at = trio.current_time()
            self._pool.release(connection)
            self.begun()  # if it was closed before its first token
            if self.watch is not None and not self.watch.only_failures:
                self.watch.ended(self.shown_meta(), complete=complete)

    def abandon(self) -> None:
        """Close the connection, wherever the response was; its place is given back by `finish`."""
        if self._connection is not None:
            self._connection.close()

    def meta(self) -> Callable[[], ResponseMeta]:
        """How the response came, as far as it has come: a function that makes the record.

        It holds plain values only, so that what it is attached to can be copied and pickled.
        """
        return self._meta_of(self.head.headers)

    def _meta_of(self, headers: Headers) -> Callable[[], ResponseMeta]:
        ended = self._ended_at if self._ended_at is not None else trio.current_time()
        first_token = self.first_token_at
        return partial(
            _make_meta,
            self.head.status,
            headers,
            self.attempts,
            (
                self._queue,
                self._connect,
                self._first_byte_at - self._sent_at,
                None if first_token is None else first_token - self._sent_at,
                ended - self.deadlines.started,
            ),
            self.history,
        )


def _make_meta(
    status: int,
    headers: Headers,
    attempts: int,
    timings: tuple[float | None, ...],
    history: tuple[AttemptRecord, ...],
) -> ResponseMeta:
    return ResponseMeta(
        request_id=headers.get("x-request-id"),
        status=status,
        headers=headers,
        rate_limits=parse_rate_limits(headers),
        attempts=attempts,
        timings=Timings(*timings),
        history=history,
    )
