"""`BatchResults`: the lines of a batch's output and error files, while they come."""

from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import final

import trio

from trio_groq._api.batch_lines import BatchLineReader, BatchResponseLine
from trio_groq._api.batch_progress import is_over
from trio_groq._binary import BinaryResponse, ByteStream
from trio_groq.errors import InvalidRequestError, StreamError
from trio_groq.types.batches import Batch

__all__ = ["BatchResults"]


@final
class BatchResults:
    """The results of a batch, for `async with` and `async for`: the answers, then what failed.

    Made by `client.batches.results`, not by hand. Nothing is asked for before it is entered or
    iterated. It holds one connection at the most, and one line in memory.

    Raises, while iterating:
        APIResponseValidationError: A line is not what the API promises; the iteration can go on
            after it, unless the line is too long.
        APIError: A file cannot be had, or broke off. The iteration is over.

    Cancelled inside a receive, it is over and its connection closed; cancelled between two lines
    that have come, nothing is lost.
    """

    __slots__ = ("_batch", "_busy", "_files", "_find", "_is_over", "_open_file", "_pieces", "_reader")

    def __init__(
        self,
        find: Callable[[], Awaitable[Batch]],
        open_file: Callable[[str], Awaitable[BinaryResponse]],
        *,
        max_line_bytes: int,
    ) -> None:
        self._find = find
        self._open_file = open_file
        self._reader = BatchLineReader(BatchResponseLine, max_line_bytes=max_line_bytes)
        self._batch: Batch | None = None
        self._files: deque[str] = deque()
        self._pieces: ByteStream | None = None
        self._busy = False
        self._is_over = False

    @property
    def batch(self) -> Batch | None:
        """The batch, once the results have been entered or iterated."""
        return self._batch

    async def _look_up(self) -> None:
        batch = await self._find()
        if not is_over(batch):
            raise InvalidRequestError(
                f"batch {batch.id}: expected one that is over, got status {batch.status!r}; "
                "batches.wait waits for that",
                path="batch",
                value=batch.id,
            )
        self._batch = batch
        self._files.extend(filter(None, (batch.output_file_id, batch.error_file_id)))

    async def __aenter__(self) -> "BatchResults":
        if self._batch is None:
            await self._look_up()
        else:
            await trio.lowlevel.checkpoint()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> "BatchResults":
        return self

    async def __anext__(self) -> BatchResponseLine:
        if self._busy:
            raise trio.BusyResourceError("batch results: expected one reader, got two")
        self._busy = True
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            while (line := self._reader.next_line()) is None:
                await self._receive()
        finally:
            self._busy = False
        return line

    async def _receive(self) -> None:
        """Feed the reader what comes next, in whichever file; the iteration ends after the last."""
        try:
            if self._batch is None and not self._is_over:
                await self._look_up()
            if self._pieces is None:
                await self._open_next()
                return
            self._reader.feed(await anext(self._pieces))
        except StopAsyncIteration:
            if self._pieces is None:
                raise
            self._pieces = None
            self._reader.close()
        except BaseException:
            self._end()
            raise

    async def _open_next(self) -> None:
        if self._is_over:
            raise StreamError("batch results: expected them to be open, got them closed")
        if not self._files:
            await trio.lowlevel.checkpoint()
            raise StopAsyncIteration
        response = await self._open_file(self._files[0])
        self._files.popleft()
        self._reader = self._reader.another()
        self._pieces = response.aiter_bytes()
