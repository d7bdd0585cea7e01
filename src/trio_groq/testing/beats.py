"""A response as a score: bytes, when each is sent, and what comes after the last.

Sans-IO. A reply is rendered into beats, a fault rewrites them, and the connection plays them.
"""

import enum
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

__all__ = ["MAX_WRITE_BYTES", "Beat", "Ending", "Gap", "coalesce", "regroup"]

# As much as one TLS send or one loopback write moves well; more would only hold memory.
MAX_WRITE_BYTES = 64 * 1024


class Gap(enum.Enum):
    """How a beat keeps apart from the one before."""

    MERGE = "merge"
    """It may share a write with it, unless it has a delay."""
    WRITE = "write"
    """It begins a write of its own; the kernel may still hand both to the reader at once."""
    SETTLE = "settle"
    """The same, once all other tasks of this run wait: a reader among them has taken the rest."""


class Ending(enum.Enum):
    """What becomes of the connection after a beat; without one it stays open for more."""

    CLOSE = "close"
    """Closed in good order; with TLS the end is announced."""
    LINGER = "linger"
    """The same, after the rest of the request has been read: it would reset the connection."""
    CUT = "cut"
    """A bare FIN; with TLS the end is not announced."""
    RESET = "reset"
    """A RST."""
    STALL = "stall"
    """Kept open in silence until the client closes it."""


class Beat(msgspec.Struct, frozen=True):
    """Bytes to send.

    Attributes:
        data: What to send; may be empty.
        delay: Seconds to wait before, counted from the moment the beat before was due.
        gap: Whether it may share a write with the beat before.
        then: What to do afterwards; nothing follows this beat.
    """

    data: bytes
    delay: float = 0.0
    gap: Gap = Gap.MERGE
    then: Ending | None = None


def regroup(beats: Iterable[Beat], size: int, gap: Gap = Gap.MERGE) -> Iterator[Beat]:
    """Join every `size` beats into one that waits for as long as all of them; at least 1."""
    if size == 1 and gap is Gap.MERGE:
        yield from beats
        return
    source = iter(beats)
    while group := list(islice(source, size)):
        data = b"".join(beat.data for beat in group)
        yield Beat(data, sum(beat.delay for beat in group), gap)


def coalesce(beats: Iterable[Beat], limit: int = MAX_WRITE_BYTES) -> Iterator[Beat]:
    """Join what may share a write, up to `limit` bytes a write (a longer beat stays whole)."""
    first: Beat | None = None
    held: list[bytes] = []
    size = 0
    for beat in beats:
        apart = beat.delay > 0 or beat.gap is not Gap.MERGE
        if first is not None and (apart or size + len(beat.data) > limit):
            yield Beat(b"".join(held), first.delay, first.gap)
            first = None
        if first is None:
            first, held, size = beat, [], 0
        held.append(beat.data)
        size += len(beat.data)
        if beat.then is not None:
            yield Beat(b"".join(held), first.delay, first.gap, beat.then)
            return
    if first is not None:
        yield Beat(b"".join(held), first.delay, first.gap)
