"""Feeding a sans-IO part as a connection does: piece by piece, through one reused buffer."""

from collections.abc import Callable, Iterable
from itertools import pairwise

from hypothesis import strategies as st

Feed = Callable[[bytearray, int, int], list[tuple[bytes | bytearray, int, int]]]

STALE = b"5\r\nstale\r\n0\r\n\r\n"
"""What an earlier receive left around the bytes that count; to read it is a bug."""


def one_by_one(data: bytes) -> list[bytes]:
    """Pieces of one byte each."""
    return [data[i : i + 1] for i in range(len(data))]


def cut(data: bytes, points: Iterable[int]) -> list[bytes]:
    """`data` cut at `points`; those outside of it cut nothing."""
    inner = {point for point in points if 0 < point < len(data)}
    return [data[start:end] for start, end in pairwise(sorted({0, len(data)} | inner))]


def cuts(size: int = 200) -> st.SearchStrategy[list[int]]:
    """Points to cut at."""
    return st.lists(st.integers(0, size), max_size=12)


def feed_pieces(feed: Feed, pieces: Iterable[bytes], into: bytearray | None = None) -> bytes:
    """Feed each piece amid stale bytes and overwrite it afterwards; return the payload.

    `into` receives the payload too, for those who need it although `feed` raises.
    """
    payload = bytearray() if into is None else into
    for piece in pieces:
        buffer = bytearray(STALE + piece + STALE)
        for source, start, end in feed(buffer, len(STALE), len(STALE) + len(piece)):
            assert start < end
            payload += source[start:end]
        buffer[:] = b"!" * len(buffer)
    return bytes(payload)
