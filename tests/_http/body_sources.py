"""Sources of bodies for tests: pieces as they are given, and what became of each reading."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, final

import trio

from trio_groq._http.bodies import OpenBody, Piece, Progress, Source

__all__ = ["Pieces", "Silent", "read_all"]


@final
class Pieces:
    """A body of these pieces.

    Args:
        pieces: What each reading gives.
        length: What it says; None for the truth.
        replayable: Whether it can be read more than once.
        before: Awaited before each piece, with its number.
        progress: See `Body`.

    Attributes:
        opened: How many readings were begun.
        closed: How many of them were closed, once or more.
    """

    def __init__(
        self,
        pieces: Iterable[Piece],
        *,
        length: int | None = None,
        replayable: bool = True,
        before: Callable[[int], Awaitable[None]] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.pieces: Final = list(pieces)
        self.length: Final = sum(map(len, self.pieces)) if length is None else length
        self.before: Final = before
        self.progress: Final = progress
        self._replayable = replayable
        self.opened = 0
        self.closed = 0

    @property
    def replayable(self) -> bool:
        return self._replayable or self.opened == 0

    def open(self) -> OpenBody:
        assert self.replayable
        self.opened += 1
        return _Reading(self)


@final
class _Reading:
    def __init__(self, source: Pieces) -> None:
        self._source = source
        self._number = 0
        self._closed = False

    async def next_piece(self) -> Piece:
        assert not self._closed
        if self._source.before is not None:
            await self._source.before(self._number)
        self._number += 1
        pieces = self._source.pieces
        return pieces[self._number - 1] if self._number <= len(pieces) else b""

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()
        if not self._closed:
            self._closed = True
            self._source.closed += 1


@final
class Silent:
    """A body of zeros, as long as it says, that is nowhere in memory."""

    replayable = True

    def __init__(self, length: int, progress: Progress | None = None) -> None:
        self.length: Final = length
        self.progress: Final = progress

    def open(self) -> OpenBody:
        return _Zeros(self.length)


@final
class _Zeros:
    def __init__(self, length: int) -> None:
        self._left = length
        self._piece = bytes(65_536)

    async def next_piece(self) -> Piece:
        count = min(self._left, len(self._piece))
        self._left -= count
        return memoryview(self._piece)[:count]

    async def aclose(self) -> None:
        self._left = 0


async def read_all(source: Source) -> list[bytes]:
    """The pieces of one reading, to its end and once beyond."""
    reading = source.open()
    pieces = []
    while piece := await reading.next_piece():
        pieces.append(bytes(piece))
    assert await reading.next_piece() == b""
    await reading.aclose()
    await reading.aclose()
    return pieces
