"""`EventStream`: what every stream of decoded events has in common.

A stream is pulled: it has no task of its own, so a slow reader slows the server down and memory
stays bounded. One receive gives a batch: all its events are decoded before the next await, and
then handed out one by one, an error among them in its place.

It holds a leased connection and gives it back exactly once, at the first of: the end of the
stream (after a bounded drain, so that the connection can be reused), an error, a cancellation
inside a receive, `aclose`. Only the first of these keeps the connection.

What a subclass adds: `_read`, which makes of a server-sent event what is handed out; an
accumulator, which puts together what was; and names for both. `_take` is the loop over the events
of one receive, `_glance` the short way of one that comes alone; all the time goes there: a subclass
whose events are many and alike may replace them by its own, under the same contract.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import ClassVar, Final, Generic, NoReturn, Protocol, Self, TypeVar

import trio

from trio_groq._api.responses import error_from_event
from trio_groq._callers import caller_line
from trio_groq._cancellation import is_cancellation
from trio_groq._http.messages import Span
from trio_groq._open_response import OpenResponse
from trio_groq._ownership import let_go
from trio_groq._stream_views import StreamIterator, as_batch
from trio_groq.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    ProtocolError,
    StreamError,
)
from trio_groq.sse.event import ServerSentEvent
from trio_groq.sse.parser import SSEParser
from trio_groq.types._base import Buffer
from trio_groq.types.meta import ResponseMeta

__all__ = ["EventStream"]

E = TypeVar("E")
R = TypeVar("R")
E_contra = TypeVar("E_contra", contravariant=True)

DONE: Final = b"[DONE]"
DRAIN_BYTES: Final = 16_384
"""After a stream's end only the end of the body is due, a few bytes; a server that sends more than
this is not worth waiting for."""
DRAIN_SECONDS: Final = 0.25
"""What follows the end is under way with it; a new connection costs less than a longer wait."""
_EXCERPT: Final = 200


class Accumulates(Protocol[E_contra]):
    """What puts together what has been handed out."""

    @property
    def finished(self) -> bool:
        """Whether a stream that ends now ends well."""

    def add(self, event: E_contra, /) -> None:
        """Take in the next event; an `APIError` if the whole becomes too long."""


class EventStream(ABC, Generic[E, R]):
    """A stream of events of type `E`, which together amount to an `R`.

    Args:
        open_response: Sends the request, and returns when the response's head is here.
        accumulator: Puts together what is handed out.
        max_event_bytes: Upper bound of one server-sent event.
    """

    _NOUN: ClassVar[str]
    """What an event is, for messages."""
    _END: ClassVar[str]
    """What ends a stream well, for messages."""

    __slots__ = (
        "__weakref__",
        "_accumulator",
        "_busy",
        "_done",
        "_events",
        "_failure",
        "_made_at",
        "_open",
        "_parser",
        "_ready",
        "_response",
        "_token",
    )

    def __init__(
        self,
        open_response: Callable[[], Awaitable[OpenResponse]],
        accumulator: Accumulates[E],
        *,
        max_event_bytes: int,
    ) -> None:
        self._open: Callable[[], Awaitable[OpenResponse]] | None = open_response
        self._parser = SSEParser(max_event_bytes=max_event_bytes)
        self._accumulator = accumulator
        self._ready: list[E] = []  # the next one last: a deque takes 700 bytes
        self._response: OpenResponse | None = None
        self._failure: APIError | None = None
        self._events = 0
        self._done = False
        self._busy = False
        self._token: trio.lowlevel.TrioToken | None = None
        self._made_at = caller_line()

    # -- what a subclass knows

    @abstractmethod
    def _read(self, event: ServerSentEvent) -> E | None:
        """Decode an event: what to hand out, or None for nothing.

        Sets `_done` at the one that ends the stream.

        Raises:
            APIError: It reports an error, or cannot be read.
        """

    @abstractmethod
    def _result(self) -> R:
        """What has been handed out so far, put together."""

    def _cost(self) -> int | None:
        """Tokens that the call cost, once that is known."""
        return None

    def _is_token(self, event: E) -> bool:  # noqa: ARG002 (subclasses look at it)
        """Whether the limit on the first token is kept with this event."""
        return True

    # -- its scope

    async def open(self) -> Self:
        """Send the request and wait for the response's head; `async with` does it.

        Raises:
            APIError: See the error tree.
        """
        if self._response is None:
            if self._token is not None:
                raise StreamError("stream: expected to be opened once, got a second time")
            self._token = trio.lowlevel.current_trio_token()
            open_response, self._open = self._open, None  # it holds the request's body
            assert open_response is not None  # noqa: S101 (there is no token yet)
            self._response = response = await open_response()
            if response.watch is not None:
                response.watch.is_stream = True
            return self
        try:
            await trio.lowlevel.checkpoint()
        except BaseException as exc:
            self._tell(exc)
            self._end()  # nobody will come to close what could not be entered
            raise
        return self

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None and is_cancellation(exc):
            self._tell(exc)
        await self.aclose()

    async def aclose(self) -> None:
        """Give the connection back, or close it if the stream was not read to its end."""
        self._tell()
        self._end()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def __del__(self) -> None:
        response = self._response
        if response is not None:
            let_go(self, response, self._token, self._made_at)

    # -- its events

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        ready = self._ready
        if ready:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            await self._refill()
        event = ready.pop()
        try:
            self._accumulator.add(event)
        except APIError as exc:
            self._too_long(exc)
            raise
        return event

    async def _next_batch(self) -> list[E]:
        ready = self._ready
        if ready:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            await self._refill()
        batch = ready[::-1]
        ready.clear()
        add = self._accumulator.add
        try:
            for event in batch:
                add(event)
        except APIError as exc:
            self._too_long(exc)
            raise
        return batch

    def _too_long(self, exc: APIError) -> None:
        """The whole has become longer than the accumulator's limit."""
        self._complete(exc)
        self._tell(exc)
        self._end()

    def batches(self) -> StreamIterator[list[E]]:
        """The events as lists, one for each receive: cheaper where many come at once."""
        return StreamIterator(self._next_batch, as_batch, close=self.aclose)

    async def until_done(self) -> R:
        """Read the stream to its end.

        Returns:
            All of it, put together.
        """
        async for _ in self.batches():
            pass
        return self._result()

    @property
    def response(self) -> ResponseMeta:
        """Status, headers, request id and timings of the response, as far as it has come.

        Raises:
            StreamError: The stream is not open yet.
        """
        return self._opened().meta()()

    meta = response

    # -- its bytes

    def _opened(self) -> OpenResponse:
        if self._response is None:
            raise self._misused()
        return self._response

    def _misused(self) -> StreamError:
        if self._response is None:
            return StreamError("stream: expected it to be open, got a use outside `async with`")
        return StreamError("stream: expected one reader at a time, got a second task")

    async def _refill(self) -> None:  # noqa: ASYNC910 (what has come is there without a wait)
        """One receive, its events decoded into `_ready`; at the end, raise what ended it all."""
        response = self._response
        if response is None or self._busy:
            raise self._misused()
        ready = self._ready
        self._busy = True
        try:
            if not self._done and self._failure is None:
                await response.receive(self._take, self._glance)
                if ready:
                    self._events += len(ready)
                    if response.wants_chunks:
                        self._chunks_came(response)
                elif not self._done and self._failure is None:
                    self._body_ended()
            # The last events are handed out first: what is left to drain may let wait.
            if self._done and not ready and not response.complete:
                await self._drain(response)
        except trio.TooSlowError:
            self._failure = response.too_slow(self._events)
        except APIConnectionError as exc:
            self._broken(exc)
        except BaseException as exc:
            self._tell(exc)
            self._end()
            raise
        finally:
            self._busy = False
        if self._failure is not None or (self._done and (not ready or response.complete)):
            self._end()
        if not ready:
            await self._stop()

    def _chunks_came(self, response: OpenResponse) -> None:
        is_first = response.first_token_at is None and any(map(self._is_token, self._ready))
        response.chunks_came(len(self._ready), is_first=is_first)

    def _glance(self, buffer: bytes | bytearray, end: int) -> bool:  # noqa: ARG002
        """Take what one receive brought, if that is one simple event: see `Glance`."""
        return False

    def _take(self, spans: list[Span]) -> bool:
        """Decode the events of one receive into `_ready`; after a wrong one there is no second.

        Returns:
            Whether there is anything to hand out, or the stream is over.
        """
        ready = self._ready
        read = self._read
        try:
            for event in self._parser.feed_spans(spans):
                decoded = read(event)
                if decoded is not None:
                    ready.append(decoded)
                if self._done:
                    break
        except APIError as exc:
            self._failure = exc
        ready.reverse()
        return bool(ready) or self._done or self._failure is not None

    def _api_error(self, data: Buffer) -> APIError:
        """The error that an event reports."""
        response = self._opened()
        return error_from_event(
            bytes(data), request_id=response.request_id, redactor=response.redactor()
        )

    def _unreadable(self, data: Buffer, why: Exception) -> APIResponseValidationError:
        """The error for an event that cannot be decoded."""
        redactor = self._opened().redactor()
        redactor.hide(why)
        excerpt = redactor.start(data, _EXCERPT).decode("utf-8", "replace")
        return APIResponseValidationError(
            f"stream event: expected {self._NOUN} ({why}), got {excerpt!r}", body=excerpt
        )

    def _body_ended(self) -> None:
        try:
            self._parser.close()
        except ProtocolError as exc:  # an event that was too large, behind others that were not
            self._failure = exc
            return
        if self._accumulator.finished:
            self._done = True
        else:
            self._failure = StreamError(f"stream: expected {self._END}, got the response's end")

    def _broken(self, exc: APIConnectionError) -> None:
        """A receive failed: what had come before it is still handed out."""
        self._opened().redactor().hide(exc)
        if isinstance(exc, ProtocolError) and self._accumulator.finished:
            self._done = True
        else:
            self._failure = StreamError(
                f"stream: expected {self._END}, got a broken connection ({exc.message})"
            )
            self._failure.__cause__ = exc

    async def _drain(self, response: OpenResponse) -> None:  # noqa: ASYNC910 (what has come is there without a wait)
        """Read what is left after the end, within bounds, so that the connection is reused."""
        left = DRAIN_BYTES

        def consume(spans: list[Span]) -> bool:
            nonlocal left
            left -= sum(end - start for _, start, end in spans)
            return left <= 0

        with trio.move_on_after(DRAIN_SECONDS):  # noqa: ASYNC912 (called when bytes are due)
            try:
                await response.receive(consume)
            except (APIConnectionError, trio.TooSlowError):
                # The answer is whole; the connection is closed and not missed.
                response.abandon()

    async def _stop(self) -> NoReturn:
        """Nothing is left to hand out: raise what ended the stream."""
        failure = self._failure
        if failure is not None:
            self._complete(failure)
        if isinstance(failure, APITimeoutError):  # a caller whose own has passed is told of that
            await trio.lowlevel.checkpoint()
        self._tell(failure)
        await trio.lowlevel.checkpoint()
        if failure is None:
            raise StopAsyncIteration
        raise failure

    def _complete(self, failure: APIError) -> APIError:
        """Say in an error what it belongs to, and what had come."""
        failure.partial = failure.partial or self._result()
        self._opened().blame(failure)
        return failure

    def _tell(self, error: BaseException | None = None) -> None:
        """Tell observers how the call ended; what comes after the first time is not told."""
        response = self._response
        if response is None:
            return
        error = error or self._failure
        response.begun(error)
        watch = response.watch
        if watch is None or watch.is_over:
            return
        if error is None:
            if watch.only_failures:
                watch.is_over = True
            else:
                watch.finished(self._result(), response.shown_meta(), complete=self._done)
        else:
            watch.failed(error)

    def _end(self) -> None:
        """Give the connection back. A stream that ends before its end is closed from now on."""
        response = self._response
        if response is not None:
            response.begun(self._failure)
        if not self._done and self._failure is None:
            self._failure = StreamError("stream: expected it to be open, got it closed")
        if response is not None:
            permit = response.permit
            if permit is not None and permit.counts_tokens and (cost := self._cost()) is not None:
                permit.used(cost)
            response.finish()

    def __repr__(self) -> str:
        if self._response is None:
            state = "not open"
        elif self._done:
            state = "done"
        elif self._failure is not None:
            state = f"failed: {type(self._failure).__name__}"
        else:
            state = "open" if self._response.open else "closed"
        return f"<{type(self).__name__} {state}, {len(self._ready)} ready>"
