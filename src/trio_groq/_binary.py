"""`BinaryResponse`: audio and files, read as they come, written to disk whole or not at all."""

import os
import secrets
from collections.abc import AsyncIterable
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Final, final

import trio

from trio_groq._callers import caller_line
from trio_groq._open_response import MAX_BODY_BYTES, OpenResponse
from trio_groq._ownership import let_go
from trio_groq.errors import InvalidRequestError, StreamError
from trio_groq.types.meta import ResponseMeta

__all__ = ["BinaryResponse", "ByteStream", "checked_chunk_size", "write_pieces"]

_WRITE_BYTES: Final = 1024 * 1024
"""Bytes collected before a worker thread writes them: a hand-over to a thread costs about 50 us,
which a receive of 64 KiB each would pay sixteen times a megabyte."""
_CLEANUP_SECONDS: Final = 5.0
"""How long a cancelled write may take to remove what it had written."""


def checked_chunk_size(size: int | None) -> int | None:
    """A size of pieces that a caller gave; asked before a response is used up.

    Raises:
        InvalidRequestError: It is no positive integer.
    """
    if size is not None and not (isinstance(size, int) and size > 0):
        raise InvalidRequestError(
            f"chunk_size: expected a positive integer, got {size!r}", path="chunk_size"
        )
    return size


@final
class ByteStream:
    """The pieces of a body, for `async for`; closing it closes the response.

    Args:
        response: The response, open.
        size: Bytes of each piece but the last; None for pieces as they come.
        owner: Kept while this is: dropped, it would close the response.
    """

    __slots__ = ("_busy", "_owner", "_response", "_rest", "_size")

    def __init__(
        self, response: OpenResponse, size: int | None = None, *, owner: object = None
    ) -> None:
        self._busy = False
        self._owner = owner
        self._response = response
        self._size = size
        self._rest = bytearray()

    def __aiter__(self) -> "ByteStream":
        return self

    async def __anext__(self) -> bytes:
        if self._busy:
            raise StreamError("body: expected one reader at a time, got a second task")
        self._busy = True
        try:
            piece = await self._next_piece()
        finally:
            self._busy = False
        if not piece:
            raise StopAsyncIteration
        return piece

    async def _next_piece(self) -> bytes:
        """As `__anext__`; empty at the end."""
        size = self._size
        if size is None:
            return await self._response.receive_some()
        await trio.lowlevel.checkpoint_if_cancelled()
        while len(self._rest) < size and (more := await self._response.receive_some()):
            self._rest += more
        piece = bytes(self._rest[:size])
        del self._rest[:size]
        return piece

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        self._response.finish()
        await trio.lowlevel.cancel_shielded_checkpoint()


@final
class BinaryResponse:
    """A response that is no JSON: audio, or the content of a file. Returned open.

    Use it as `async with`, or read it to its end: `read`, `write_to_file` and an iteration that
    ends give the connection back. It can be read once.

    Every way of reading raises `APIConnectionError` when the connection breaks or a limit passes,
    `ProtocolError` for a body that ends before its end.
    """

    __slots__ = ("__weakref__", "_made_at", "_response", "_started", "_token")

    def __init__(self, response: OpenResponse) -> None:
        self._response = response
        self._started = False
        self._token = trio.lowlevel.current_trio_token()
        self._made_at = caller_line()

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self._response.head.status

    @property
    def content_type(self) -> str | None:
        """The media type, as the server states it."""
        return self._response.head.headers.get("content-type")

    @property
    def content_length(self) -> int | None:
        """Bytes of the body, where the server states them."""
        text = self._response.head.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    @property
    def meta(self) -> ResponseMeta:
        """How the response came, as far as it has come."""
        return self._response.meta()()

    @property
    def request_id(self) -> str | None:
        """The server's name for the call."""
        return self._response.request_id

    def _start(self) -> OpenResponse:
        if self._started or not self._response.open:
            state = "read already" if self._started else "closed"
            raise StreamError(f"binary response: expected it to be unread, got it {state}")
        self._started = True
        return self._response

    def aiter_bytes(self, chunk_size: int | None = None) -> ByteStream:
        """The body in pieces.

        Args:
            chunk_size: Bytes of each piece but the last; None for pieces as they come.

        Raises:
            InvalidRequestError: `chunk_size` is no positive integer.
            StreamError: It was read already, or closed.
        """
        size = checked_chunk_size(chunk_size)
        return ByteStream(self._start(), size, owner=self)

    iter_bytes = aiter_bytes

    async def read(self, limit: int = MAX_BODY_BYTES) -> bytes:
        """The whole body.

        Args:
            limit: Bytes at the most.

        Raises:
            APIError: It is longer than `limit`.
            StreamError: It was read already, or closed.
        """
        response = self._start()
        try:
            await trio.lowlevel.checkpoint()  # a body that came with the head is none
            return await response.read(limit)
        finally:
            response.finish()

    async def write_to_file(self, path: str | os.PathLike[str]) -> int:
        """Write the body to a file, which appears whole or not at all.

        It is written under another name in the same folder, and renamed at its end. Whatever
        ends it before that, cancellation too, leaves nothing behind, and an older file of that
        name as it was.

        Args:
            path: The file; an existing one is replaced.

        Returns:
            How many bytes were written.

        Raises:
            InvalidRequestError: `path` is no name of a file.
            OSError: The file cannot be written.
            StreamError: It was read already, or closed.
        """
        async with self:
            return await write_pieces(self.aiter_bytes(), Path(path))

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        self._response.finish()
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def __aenter__(self) -> "BinaryResponse":
        try:
            await trio.lowlevel.checkpoint()
        except BaseException:
            self._response.finish()  # nobody will come to close what could not be entered
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        let_go(self, self._response, self._token, self._made_at)

    def __repr__(self) -> str:
        state = "open" if self._response.open else "closed"
        return f"<BinaryResponse {self.status_code}, {self.content_type}, {state}>"


async def write_pieces(pieces: AsyncIterable[bytes], path: Path) -> int:
    """Write `pieces` to `path`, under another name until all are there.

    Returns:
        How many bytes were written.

    Raises:
        InvalidRequestError: `path` is no name of a file.
        OSError: The file cannot be written.
    """
    if not path.name or "\0" in str(path):
        raise InvalidRequestError(
            f"path: expected the name of a file, got {str(path)!r}", path="path", value=path
        )
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    # Exclusive: nobody's file is written over, and no link is followed to one.
    file = await trio.to_thread.run_sync(FileIO, part, "xb")
    written = 0
    complete = False
    try:
        pending = bytearray()
        async for piece in pieces:
            pending += piece
            if len(pending) >= _WRITE_BYTES:
                await trio.to_thread.run_sync(_write_all, file, pending)
                written += len(pending)
                pending = bytearray()
        written += len(pending)
        await trio.to_thread.run_sync(_settle, file, pending, part, path)
        complete = True
    finally:
        if not complete:
            with trio.move_on_after(_CLEANUP_SECONDS, shield=True):
                await trio.to_thread.run_sync(_remove, file, part)
    return written


def _write_all(file: FileIO, data: bytearray) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _settle(file: FileIO, data: bytearray, part: Path, path: Path) -> None:
    """Write the last bytes, and give the file its name once the disk has them."""
    _write_all(file, data)
    os.fsync(file.fileno())
    file.close()
    part.replace(path)


def _remove(file: FileIO, path: Path) -> None:
    file.close()
    path.unlink(missing_ok=True)
