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
        APIResponseValidationError: A line is not what the API promises. The iteration can go on
            after it: with the next line, or after one that is too long with the next file.
        APIError: A file cannot be had, or broke off; the iteration is over.
        InvalidRequestError: The batch is not over.

    Cancelled inside a receive, it is over and its connection closed; cancelled between two lines
    that have come, nothing is lost.
    """

    __slots__ = (
        "_batch",
        "_busy",
        "_files",
        "_find",
        "_is_closed",
        "_max_line_bytes",
        "_open_file",
        "_pieces",
        "_reader",
        "_response",
    )

    def __init__(
        self,
        find: Callable[[], Awaitable[Batch]],
        open_file: Callable[[str], Awaitable[BinaryResponse]],
        *,
        max_line_bytes: int,
    ) -> None:
        self._find = find
        self._open_file = open_file
        self._max_line_bytes = max_line_bytes
        self._reader = self._new_reader()
        self._batch: Batch | None = None
        self._files: deque[str] = deque()
        self._response: BinaryResponse | None = None  # kept: dropped, it would be closed
        self._pieces: ByteStream | None = None
        self._busy = False
        self._is_closed = False

    def _new_reader(self) -> BatchLineReader[BatchResponseLine]:
        return BatchLineReader(BatchResponseLine, max_line_bytes=self._max_line_bytes)

    @property
    def batch(self) -> Batch | None:
        """The batch, once the results have been entered or iterated."""
        return self._batch

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

    async def aclose(self) -> None:
        """Close the connection, unless the file that it brings was read to its end. Idempotent."""
        self._is_closed = True
        response, self._response = self._response, None
        if response is not None:
            await response.aclose()
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()

    def __aiter__(self) -> "BatchResults":
        return self

    async def __anext__(self) -> BatchResponseLine:
        if self._busy:
            raise StreamError("batch results: expected one reader at a time, got a second task")
        self._busy = True
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
            while (line := self._reader.next_line()) is None:
                if not await self._receive():
                    raise StopAsyncIteration
        finally:
            self._busy = False
        return line

    async def _receive(self) -> bool:
        """Feed the reader what comes next; False after the last file."""
        if self._batch is None:
            await self._look_up()
        if self._is_closed:
            raise StreamError("batch results: expected them to be open, got them closed or broken")
        if self._pieces is None:
            return await self._open_next()
        try:
            piece = await anext(self._pieces, b"")
        except BaseException:
            self._is_closed = True  # and so is the response, which saw to it
            raise
        if piece:
            self._reader.feed(piece)
        else:
            self._response = self._pieces = None
            self._reader.close()
        return True

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

    async def _open_next(self) -> bool:
        if not self._files:
            await trio.lowlevel.checkpoint()
            return False
        self._response = await self._open_file(self._files[0])
        self._files.popleft()
        self._reader = self._new_reader()
        self._pieces = self._response.aiter_bytes()
        return True

    def __repr__(self) -> str:
        state = "closed" if self._is_closed else "open"
        batch = "not looked up" if self._batch is None else self._batch.id
        return f"<BatchResults of {batch}, {state}, {len(self._files)} files left>"
