"""`ChatStream`: a chat completion while it is being written.

A stream is pulled: it has no task of its own, so a slow reader slows the server down and memory
stays bounded. One receive gives a batch: all its events are decoded before the next await, and
then handed out one by one, an error among them in its place.

It holds a leased connection and gives it back exactly once, at the first of: the end of the
stream (after a bounded drain, so that the connection can be reused), an error, a cancellation
inside a receive, `aclose`. Only the first of these keeps the connection.
"""

import sys
import warnings
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, NoReturn, final

import trio

from trio_groq._api.accumulate import Accumulator
from trio_groq._api.responses import error_from_event
from trio_groq._http.messages import Span
from trio_groq._open_response import OpenResponse
from trio_groq._stream_views import StreamIterator, as_batch, as_events, as_texts
from trio_groq.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    GroqError,
    ProtocolError,
    StreamError,
)
from trio_groq.sse import ServerSentEvent, SSEParser
from trio_groq.types._base import Buffer, Decoder
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chunks import ChatCompletionChunk
from trio_groq.types.meta import ResponseMeta
from trio_groq.types.stream_events import DoneEvent, StreamEvent

__all__ = ["ChatStream"]

DONE: Final = b"[DONE]"
DRAIN_BYTES: Final = 16_384
"""After `[DONE]` only the end of the body is due, a few bytes; a server that sends more than this
is not worth waiting for."""
DRAIN_SECONDS: Final = 0.25
"""What follows `[DONE]` is under way with it; a new connection costs less than a longer wait."""
_EXCERPT: Final = 200
_OURS: Final = f"{__package__}."


def _caller_line() -> str:
    """File and line of the nearest frame outside this package: who made the stream."""
    frame = sys._getframe(1)  # noqa: SLF001 (documented; inspect.stack reads source files)
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_OURS):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


@final
class ChatStream:
    """One streamed chat completion. Made by `client.chat.completions`, not by hand.

    Use it as `async with ... as stream:`, and iterate: `async for chunk in stream` gives every
    `ChatCompletionChunk`; `batches()`, `text_deltas()` and `events()` are other views of the same
    sequence. `completion` is what has been handed out so far, put together.

    Raises, while iterating:
        StreamError: The stream was cut off, or the connection broke.
        APIStatusError: The API reports an error within the stream.
        APITimeoutError: A limit passed.
        APIResponseValidationError: An event that is no chunk.

    All of these carry `partial`, the completion so far. Cancelled inside a receive, the stream is
    over and its connection closed; cancelled between two chunks that have come, nothing is lost.

    Source: API reference, "Create chat completion", `stream`.
    """

    __slots__ = (
        "__weakref__",
        "_accumulator",
        "_busy",
        "_decoder",
        "_done",
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
        decoder: Decoder[ChatCompletionChunk],
        *,
        max_event_bytes: int,
    ) -> None:
        self._open = open_response
        self._decoder = decoder
        self._parser = SSEParser(max_event_bytes=max_event_bytes)
        self._accumulator = Accumulator()
        self._ready: list[ChatCompletionChunk] = []  # the next one last: a deque takes 700 bytes
        self._response: OpenResponse | None = None
        self._failure: GroqError | None = None
        self._done = False
        self._busy = False
        self._token: trio.lowlevel.TrioToken | None = None
        self._made_at = _caller_line()

    # -- its scope

    async def open(self) -> "ChatStream":
        """Send the request and wait for the response's head; `async with` does it.

        Raises:
            APIError: See the error tree.
        """
        if self._response is None:
            if self._token is not None:
                raise StreamError("stream: expected to be opened once, got a second time")
            self._token = trio.lowlevel.current_trio_token()
            self._response = await self._open()
            return self
        try:
            await trio.lowlevel.checkpoint()
        except BaseException:
            self._end()  # nobody will come to close what could not be entered
            raise
        return self

    async def __aenter__(self) -> "ChatStream":
        return await self.open()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Give the connection back, or close it if the stream was not read to its end."""
        self._end()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def __del__(self) -> None:
        response = self._response
        if response is None or not response.open:
            return
        # A finalizer may run in the middle of anything, in any thread: the pool is told later, from
        # the run itself. If that is over, nobody else has an interest, and only the socket is left.
        try:
            if self._token is not None:
                self._token.run_sync_soon(response.finish)
        except trio.RunFinishedError:
            response.abandon()
        warnings.warn(
            f"ChatStream made at {self._made_at} was dropped half-read; its connection is closed. "
            "Use `async with`.",
            ResourceWarning,
            stacklevel=2,
            source=self,
        )

    # -- its chunks

    def __aiter__(self) -> "ChatStream":
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        ready = self._ready
        if not ready:
            await self._refill()
            if not ready:
                await self._stop()
        else:
            await trio.lowlevel.checkpoint_if_cancelled()
        chunk = ready.pop()
        try:
            self._accumulator.add(chunk)
        except APIError as exc:  # longer than the accumulator's limit
            self._end()
            self._complete(exc)
            raise
        return chunk

    async def _next_batch(self) -> list[ChatCompletionChunk]:
        ready = self._ready
        if not ready:
            await self._refill()
            if not ready:
                await self._stop()
        else:
            await trio.lowlevel.checkpoint_if_cancelled()
        batch = ready[::-1]
        ready.clear()
        add = self._accumulator.add
        try:
            for chunk in batch:
                add(chunk)
        except APIError as exc:  # see `__anext__`
            self._end()
            self._complete(exc)
            raise
        return batch

    def batches(self) -> "StreamIterator[list[ChatCompletionChunk]]":
        """The chunks as lists, one for each receive: cheaper where many come at once."""
        return StreamIterator(self._next_batch, as_batch, close=self.aclose)

    def text_deltas(self) -> "StreamIterator[str]":
        """The pieces of text of the first choice, none of them empty."""
        return StreamIterator(self.__anext__, as_texts, close=self.aclose)

    def events(self) -> "StreamIterator[StreamEvent]":
        """The stream as typed events, with a `DoneEvent` at its end."""
        return StreamIterator(self.__anext__, as_events, close=self.aclose, last=self._done_event)

    async def until_done(self) -> ChatCompletion:
        """Read the stream to its end.

        Returns:
            The whole completion.
        """
        async for _ in self.batches():
            pass
        return self.completion

    @property
    def completion(self) -> ChatCompletion:
        """The completion put together from the chunks handed out so far; whole at the end."""
        return self._accumulator.completion()

    @property
    def response(self) -> ResponseMeta:
        """Status, headers, request id and timings of the response, as far as it has come.

        Raises:
            StreamError: The stream is not open yet.
        """
        return self._opened().meta()()

    meta = response

    def _done_event(self) -> StreamEvent:
        return DoneEvent(self.completion)

    # -- its bytes

    def _opened(self) -> OpenResponse:
        if self._response is None:
            raise self._not_open()
        return self._response

    @staticmethod
    def _not_open() -> StreamError:
        return StreamError("stream: expected it to be open, got a use outside `async with`")

    async def _refill(self) -> None:  # noqa: ASYNC910 (what has come is there without a wait)
        """One receive, its events decoded into `_ready`; at the end of the stream none are."""
        response = self._response
        if response is None:
            raise self._not_open()
        if self._busy:
            raise StreamError("stream: expected one reader at a time, got a second task")
        self._busy = True
        try:
            while not (self._ready or self._done or self._failure):
                await response.receive(self._take)
                if not (self._ready or self._done or self._failure):
                    self._body_ended()
                if self._ready and response.first_token_at is None:
                    response.first_token_came()
            # The last chunks are handed out first: what is left to drain may let wait.
            if self._done and not self._ready and not response.complete:
                await self._drain(response)
        except trio.TooSlowError:
            self._failure = response.too_slow()
        except APIConnectionError as exc:
            self._broken(exc)
        except BaseException:
            self._end()
            raise
        finally:
            self._busy = False
        if self._failure is not None or (self._done and (not self._ready or response.complete)):
            self._end()

    def _take(self, spans: list[Span]) -> bool:
        """Decode the events of one receive; after the first wrong one there is no second.

        Returns:
            Whether there is anything to hand out, or the stream is over.
        """
        ready = self._ready
        decode = self._decoder.decode_strictly
        try:
            data: Buffer
            for event in self._parser.feed_messages(spans):
                if type(event) is ServerSentEvent:
                    data = event.data
                    if event.event != "message":
                        self._take_named(event)
                        continue
                else:
                    data = event
                try:
                    chunk = decode(data)
                except (ValueError, RecursionError):
                    if bytes(data) == DONE:
                        self._done = True
                        break
                    chunk = self._decode_with_care(data)
                if chunk.error is not None or chunk.x_groq is not None:
                    self._check_chunk(chunk, data)
                ready.append(chunk)
        except GroqError as exc:
            self._failure = exc
        ready.reverse()
        return bool(ready) or self._done or self._failure is not None

    def _take_named(self, event: ServerSentEvent) -> None:
        """An event with a name: an error, or one of a kind that may come to be, and is skipped."""
        if event.event == "error":
            raise self._api_error(event.data)

    def _check_chunk(self, chunk: ChatCompletionChunk, data: Buffer) -> None:
        if chunk.error is not None or (chunk.x_groq is not None and chunk.x_groq.error is not None):
            raise self._api_error(data)

    def _api_error(self, data: Buffer) -> APIError:
        return error_from_event(bytes(data), request_id=self._opened().request_id)

    def _decode_with_care(self, data: Buffer) -> ChatCompletionChunk:
        """Decode what the types do not promise; an error if there is no way to."""
        try:
            return self._decoder.decode(data)
        except ValueError as exc:
            excerpt = bytes(data[:_EXCERPT]).decode("utf-8", "replace")
            raise APIResponseValidationError(
                f"stream event: expected a chat completion chunk ({exc}), got {excerpt!r}",
                body=excerpt,
            ) from exc

    def _body_ended(self) -> None:
        try:
            self._parser.close()
        except ProtocolError as exc:  # an event that was too large, behind others that were not
            self._failure = exc
            return
        if self._accumulator.finished:  # every choice has its finish reason
            self._done = True
        else:
            self._failure = StreamError(
                "stream: expected [DONE] or a finish reason, got the response's end"
            )

    def _broken(self, exc: APIConnectionError) -> None:
        """A receive failed: what had come before it is still handed out."""
        if isinstance(exc, ProtocolError) and self._accumulator.finished:
            self._done = True
        else:
            self._failure = StreamError(
                f"stream: expected [DONE], got a broken connection ({exc.message})"
            )
            self._failure.__cause__ = exc

    async def _drain(self, response: OpenResponse) -> None:  # noqa: ASYNC910 (what has come is there without a wait)
        """Read what is left after `[DONE]`, within bounds, so that the connection is reused."""
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
        await trio.lowlevel.checkpoint()
        failure = self._failure
        if failure is None:
            raise StopAsyncIteration
        raise self._complete(failure)

    def _complete(self, failure: GroqError) -> GroqError:
        """Say in an error what it belongs to, and what had come."""
        response = self._opened()
        if isinstance(failure, APIError):
            failure.partial = failure.partial or self.completion
            failure.request = failure.request or response.request
            failure.request_id = failure.request_id or response.request_id
        return failure

    def _end(self) -> None:
        """Give the connection back. A stream that ends before its end is closed from now on."""
        if not self._done and self._failure is None:
            self._failure = StreamError("stream: expected it to be open, got it closed")
        if self._response is not None:
            self._response.finish()

    def __repr__(self) -> str:
        if self._response is None:
            state = "not open"
        elif self._done:
            state = "done"
        elif self._failure is not None:
            state = f"failed: {type(self._failure).__name__}"
        else:
            state = "open" if self._response.open else "closed"
        return f"<ChatStream {state}, {len(self._ready)} chunks ready>"
