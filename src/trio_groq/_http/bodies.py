"""Request bodies that are not in memory: a length that is known beforehand, and pieces.

The length goes into `Content-Length` before the first piece is read, so whatever is read has to be
held to it: a request with fewer bytes makes the server wait for the rest, one with more makes it
take them for the next request. `Measured` holds back the last piece until nothing comes after it,
so that no peer ever has a whole request whose source said otherwise.
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias, final

from trio_groq.errors import InvalidRequestError

__all__ = [
    "PIECE_BYTES",
    "Body",
    "BytesSource",
    "Measured",
    "OpenBody",
    "Piece",
    "Progress",
    "Source",
]

PIECE_BYTES: Final = 262_144
"""A piece is at most this long. A trip to a worker thread and back is about 0.1 ms: at this size,
1 s for 2 GB; and an upload holds two pieces at the most."""

Piece: TypeAlias = bytes | bytearray | memoryview
"""Bytes of a body; as a memoryview, of single bytes."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called with how many bytes of a body have been sent, and how many there are."""


class OpenBody(Protocol):
    """One reading of a source, from its first byte."""

    async def next_piece(self) -> Piece:
        """The next 1 to `PIECE_BYTES` bytes; empty at the end, and from then on.

        They are valid until the next call but one.

        Raises:
            InvalidRequestError: The source cannot be read.
        """

    async def aclose(self) -> None:
        """Give back what the reading holds. Idempotent."""


class Source(Protocol):
    """Content that is read in pieces."""

    @property
    def length(self) -> int:
        """How many bytes it will give."""

    @property
    def replayable(self) -> bool:
        """Whether `open` may be called now: always, or only before the first piece was taken."""

    def open(self) -> OpenBody:
        """Begin a reading; nothing is read yet, and nothing held."""


class Body(Source, Protocol):
    """The content of one request, that is read while it is sent."""

    @property
    def progress(self) -> Progress | None:
        """Whom to tell after each piece that was sent; with each attempt it begins anew."""


@final
class BytesSource:
    """Content that is in memory, and stays as it is.

    Args:
        data: The content.
    """

    __slots__ = ("_view", "length")

    replayable: Final = True

    def __init__(self, data: Piece) -> None:
        view = memoryview(data)
        self._view = view.cast("B") if view.c_contiguous else memoryview(view.tobytes())
        self.length: Final = len(self._view)

    def open(self) -> OpenBody:
        """See `Source`."""
        return _OpenBytes(self._view)


@final
class _OpenBytes:
    __slots__ = ("_rest",)

    def __init__(self, view: memoryview) -> None:
        self._rest = view

    async def next_piece(self) -> Piece:  # noqa: ASYNC910 (it is here; to send it waits)
        piece, self._rest = self._rest[:PIECE_BYTES], self._rest[PIECE_BYTES:]
        return piece  # noqa: ASYNC910 (see above)

    async def aclose(self) -> None:  # noqa: ASYNC910 (nothing to wait for)
        self._rest = memoryview(b"")


@final
class Measured:
    """A reading that is held to its source's length.

    Args:
        source: What to read.
        what: What it is, for errors: a parameter's name.
    """

    __slots__ = ("_got", "_length", "_reading", "_what")

    def __init__(self, source: Source, what: str) -> None:
        self._what = what
        self._length = source.length
        self._reading = source.open()
        self._got = 0

    async def next_piece(self) -> Piece:
        """See `OpenBody`.

        Raises:
            InvalidRequestError: The source has fewer or more bytes than it said. The piece that
                would have made it whole has not been given out then.
        """
        piece = await self._reading.next_piece()
        self._got += len(piece)
        if not piece and self._got < self._length:
            raise self._wrong(f"{self._got}")
        if piece and self._got >= self._length:
            over = self._got > self._length or await self._reading.next_piece()
            if over:
                raise self._wrong("more")
        return piece

    def _wrong(self, got: str) -> InvalidRequestError:
        return InvalidRequestError(
            f"{self._what}: expected {self._length} bytes, got {got}", path=self._what
        )

    async def aclose(self) -> None:
        """See `OpenBody`."""
        await self._reading.aclose()
