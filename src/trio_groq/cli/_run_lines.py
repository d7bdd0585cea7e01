"""The lines of a file of any size, one after the other: pieces go in, lines come out. Sans-IO."""

from collections.abc import Iterable, Iterator
from typing import Final, final

from trio_groq.errors import InvalidRequestError

__all__ = ["BOM", "LineSplitter", "lines_of"]

BOM: Final = b"\xef\xbb\xbf"
"""What some editors put before UTF-8."""


@final
class LineSplitter:
    r"""Cuts bytes at `\n`: `feed` it, then take lines until there is none. Linear in the bytes.

    Args:
        max_bytes: Longest line, in bytes.

    Attributes:
        number: The line that came last, from 1; 0 before the first.
    """

    __slots__ = ("_buffer", "_max_bytes", "_scanned", "_start", "number")

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._start = 0  # of the line that comes next
        self._scanned = 0  # no line ends before this
        self.number = 0

    def feed(self, data: bytes) -> None:
        """Add what comes next in the file. Take all lines before more is fed."""
        del self._buffer[: self._start]
        self._scanned -= self._start
        self._start = 0
        self._buffer += data

    def next_line(self) -> bytes | None:
        """The next line, without its end; None if more has to be fed first.

        Raises:
            InvalidRequestError: It is too long; there is no way to go on.
        """
        buffer, start = self._buffer, self._start
        end = buffer.find(b"\n", self._scanned)
        is_cut = end < 0
        if is_cut:
            end = self._scanned = len(buffer)
        if end - start > self._max_bytes:
            raise InvalidRequestError(
                f"line {self.number + 1}: expected at most {self._max_bytes} bytes, got more"
            )
        if is_cut:
            return None
        self._start = self._scanned = end + 1
        self.number += 1
        return bytes(buffer[start:end])

    def rest(self) -> bytes:
        """What came after the last line's end: empty, or a line that has no end."""
        return bytes(self._buffer[self._start :])


def lines_of(pieces: Iterable[bytes], max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """The lines of a text file: numbered from 1, without ends and byte order mark.

    Args:
        pieces: The file, in pieces of any size.
        max_bytes: Longest line, in bytes.

    Yields:
        Number and line, while `pieces` come; the last one need not have an end.

    Raises:
        InvalidRequestError: A line is too long.
    """
    splitter = LineSplitter(max_bytes)
    for piece in pieces:
        splitter.feed(piece)
        while (line := splitter.next_line()) is not None:
            yield splitter.number, _without_mark(splitter.number, line)
    if rest := splitter.rest():
        yield splitter.number + 1, _without_mark(splitter.number + 1, rest)


def _without_mark(number: int, line: bytes) -> bytes:
    return line.removeprefix(BOM) if number == 1 else line
