"""Where the bytes of an upload come from: files of ours, files of the caller's, async streams.

Each is read in pieces while it is sent, files in worker threads, and anew for each attempt. The
`param` of each is the parameter that it was given for: errors name it.
"""

import os
import sys
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import IO, Final, final

import attrs
import trio

from trio_groq._http.bodies import PIECE_BYTES, OpenBody, Piece
from trio_groq.errors import InvalidRequestError

__all__ = [
    "FileSource",
    "PathSource",
    "StreamSource",
    "file_shown",
    "reading_errors",
    "unreadable",
    "wrong_file",
]

_COMPRESSED: Final = {"zlib": "error", "lzma": "LZMAError", "zipfile": "BadZipFile"}
"""What files of these modules raise where their content is corrupt: no subclasses of the others."""


def wrong_file(param: str, expected: str, got: str, value: object = None) -> InvalidRequestError:
    """The error for a file that is not what it should be."""
    return InvalidRequestError(f"{param}: expected {expected}, got {got}", path=param, value=value)


def unreadable(param: str, shown: str, exc: Exception) -> InvalidRequestError:
    """The one place where errors of reading are translated."""
    reason = (exc.strerror if isinstance(exc, OSError) else None) or str(exc) or type(exc).__name__
    return wrong_file(param, "a file that can be read", f"{shown} ({reason})")


def reading_errors() -> tuple[type[Exception], ...]:
    """What a file object may raise because its content cannot be had.

    A closed one raises ValueError, a compressed and truncated one EOFError. A module that was not
    imported has no file that could be read.
    """
    known = ((sys.modules.get(module), name) for module, name in _COMPRESSED.items())
    return (
        OSError,
        ValueError,
        EOFError,
        *(getattr(module, name) for module, name in known if module),
    )


def file_shown(file: object) -> str:
    """What an error calls a file object."""
    name = getattr(file, "name", None)
    return repr(name) if isinstance(name, str | int) else f"a {type(file).__name__}"


@final
@attrs.frozen
class PathSource:
    """A file that each attempt opens and closes."""

    param: str
    path: str
    length: int
    replayable = True

    def open(self) -> OpenBody:
        """See `Source`."""
        return _OpenFile(self.param, repr(self.path), self._open, closes=True)

    def _open(self) -> IO[bytes]:
        file = open(self.path, "rb", buffering=0)  # noqa: PTH123, SIM115 (the reading closes it)
        try:
            length = os.fstat(file.fileno()).st_size
            if length != self.length:
                got = f"{length}: the file has changed since the call began"
                raise wrong_file(self.param, f"{self.length} bytes", got)
        except BaseException:
            file.close()
            raise
        return file


@final
@attrs.define(eq=False)
class FileSource:
    """A file object of the caller's, which stays open."""

    param: str
    file: IO[bytes]
    length: int
    seekable: bool
    begun: bool = False

    @property
    def replayable(self) -> bool:
        """See `Source`."""
        return self.seekable or not self.begun

    def open(self) -> OpenBody:
        """See `Source`."""
        return _OpenFile(self.param, file_shown(self.file), self._rewind, closes=False)

    def _rewind(self) -> IO[bytes]:
        self.begun = True
        if self.seekable:
            self.file.seek(0)
        return self.file


@final
class _OpenFile:
    """Reads in worker threads; a thread that reads is waited for, so the file is free afterwards.

    Args:
        param: The parameter, for errors.
        shown: The file, for errors.
        begin: Opens or rewinds it; called in a worker thread.
        closes: Whether to close it in the end.
    """

    __slots__ = ("_begin", "_closes", "_file", "_param", "_shown")

    def __init__(
        self,
        param: str,
        shown: str,
        begin: Callable[[], IO[bytes]],
        *,
        closes: bool,
    ) -> None:
        self._param = param
        self._shown = shown
        self._begin = begin
        self._closes = closes
        self._file: IO[bytes] | None = None

    async def next_piece(self) -> Piece:
        """See `OpenBody`."""
        return await trio.to_thread.run_sync(self._read)

    def _read(self) -> bytes:
        try:
            if self._file is None:
                self._file = self._begin()
            piece: object = self._file.read(PIECE_BYTES)
        except reading_errors() as exc:
            raise unreadable(self._param, self._shown, exc) from exc
        if not isinstance(piece, bytes):
            raise wrong_file(self._param, "bytes from the file", type(piece).__name__)
        return piece

    async def aclose(self) -> None:  # noqa: ASYNC910 (nothing may be open)
        """See `OpenBody`."""
        if self._file is not None and self._closes:
            # Abandoned when it takes too long: the thread closes it all the same. Cancelled before
            # it began, it is here for the next attempt.
            await trio.to_thread.run_sync(self._file.close, abandon_on_cancel=True)
        self._file = None


@final
@attrs.define(eq=False)
class StreamSource:
    """An async stream, which can be read once."""

    param: str
    stream: AsyncIterable[object]
    length: int
    begun: bool = False

    @property
    def replayable(self) -> bool:
        """See `Source`."""
        return not self.begun

    def open(self) -> OpenBody:
        """See `Source`."""
        return _OpenStream(self)


@final
class _OpenStream:
    __slots__ = ("_iterator", "_rest", "_source")

    def __init__(self, source: StreamSource) -> None:
        self._source = source
        self._iterator: AsyncIterator[object] | None = None
        self._rest = memoryview(b"")

    async def next_piece(self) -> Piece:  # noqa: ASYNC910 (as much as the caller's stream waits)
        if self._iterator is None:
            self._source.begun = True
            self._iterator = aiter(self._source.stream)
        while not self._rest:  # noqa: ASYNC913 (see above)
            try:
                given = await anext(self._iterator)
            except StopAsyncIteration:
                return b""  # noqa: ASYNC910 (see above)
            if not isinstance(given, bytes | bytearray | memoryview):
                raise wrong_file(self._source.param, "bytes from the stream", type(given).__name__)
            self._rest = memoryview(given).cast("B")
        piece, self._rest = self._rest[:PIECE_BYTES], self._rest[PIECE_BYTES:]
        return piece  # noqa: ASYNC910 (see above)

    async def aclose(self) -> None:  # noqa: ASYNC910 (there may be nothing to close)
        close = getattr(self._iterator, "aclose", None)
        if close is not None:
            await close()
