"""Faults at an exact byte: how a well-made response goes wrong on its way.

Positions count the bytes of the HTTP response, head included, as they would be sent (under TLS:
before encryption). The same reply to the same request always has the same length on one server,
so a test learns the length from a clean response and sweeps over it.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import Literal

import attrs

from trio_groq.testing.beats import Beat, Ending, Gap

__all__ = ["Fault", "inject"]

_Kind = Literal["stall", "reset", "truncate", "garbage", "slow_drip", "split"]

# Breaks any framing: neither a chunk size, nor a line, nor UTF-8.
_GARBAGE = b"\x00\xff garbage \xfe\r\n"


def _checked(what: str, number: float, least: float) -> None:
    if number < least:
        raise ValueError(f"{what}: expected at least {least}, got {number!r}")


@attrs.frozen(kw_only=True)
class Fault:
    """What goes wrong with a response, and at which byte. Made by its class methods.

    A fault whose byte the response does not reach never happens; at exactly the response's length
    it happens after the last byte.
    """

    kind: _Kind
    at: int = 0
    data: bytes = b""
    interval: float = 0.0
    sizes: tuple[int, ...] = ()

    def __attrs_post_init__(self) -> None:
        _checked(f"Fault.{self.kind}: at, in bytes", self.at, 0)
        _checked(f"Fault.{self.kind}: interval, in seconds", self.interval, 0)
        for size in self.sizes:
            _checked(f"Fault.{self.kind}: size of a piece, in bytes", size, 1)

    @classmethod
    def stall(cls, at: int) -> "Fault":
        """Send `at` bytes, then nothing more, until the client closes the connection."""
        return cls(kind="stall", at=at)

    @classmethod
    def reset(cls, at: int) -> "Fault":
        """Send `at` bytes, then a RST.

        What the client's kernel has not taken by then is lost, as with any reset: for exactness
        keep `at` below what its receive buffer holds (some 60 KB), or let it read along.
        """
        return cls(kind="reset", at=at)

    @classmethod
    def truncate(cls, at: int) -> "Fault":
        """Send `at` bytes, then a FIN (under TLS without the closing alert)."""
        return cls(kind="truncate", at=at)

    @classmethod
    def before_response_close(cls) -> "Fault":
        """Read the request and close without a byte of response, as a stale connection does."""
        return cls.truncate(0)

    @classmethod
    def garbage(cls, at: int, data: bytes = _GARBAGE) -> "Fault":
        """Insert `data` after `at` bytes; the rest of the response follows it."""
        return cls(kind="garbage", at=at, data=data)

    @classmethod
    def slow_drip(cls, interval: float, size: int = 1, at: int = 0) -> "Fault":
        """From byte `at` on, send `size` bytes at a time, with `interval` seconds before each."""
        return cls(kind="slow_drip", at=at, interval=interval, sizes=(size,))

    @classmethod
    def split(cls, sizes: Iterable[int]) -> "Fault":
        """Send pieces of these sizes, in bytes, then the rest.

        Each piece waits until all other tasks of this Trio run wait, so that a client in the same
        run reads them one by one. A client elsewhere may see some together.
        """
        return cls(kind="split", sizes=tuple(sizes))


def _divide(beats: Iterable[Beat], at: int) -> Iterator[Beat | None]:
    """The beats, cut at byte `at`, with None in that place if there is such a byte."""
    source = iter(beats)
    room = at
    for beat in source:
        if len(beat.data) >= room:
            yield Beat(beat.data[:room], beat.delay, beat.gap)
            yield None
            if len(beat.data) > room:
                yield Beat(beat.data[room:])
            break
        room -= len(beat.data)
        yield beat
    yield from source


def _pieces(
    beats: Iterable[Beat], sizes: Iterator[int], interval: float, gap: Gap
) -> Iterator[Beat]:
    """The beats' bytes in pieces of these sizes, `interval` seconds apart; then as they were."""
    source = iter(beats)
    held = bytearray()
    waited = 0.0
    need = next(sizes, None)
    for beat in source:
        held += beat.data
        waited += beat.delay
        while need is not None and len(held) >= need:
            yield Beat(bytes(held[:need]), waited + interval, gap)
            del held[:need]
            waited = 0.0
            need = next(sizes, None)
        if need is None:
            break
    if held:
        yield Beat(bytes(held), waited + interval, gap)
    yield from source


_ENDINGS = {"stall": Ending.STALL, "reset": Ending.RESET, "truncate": Ending.CUT}


def _end(fault: Fault, beats: Iterable[Beat]) -> Iterator[Beat]:
    for beat in _divide(beats, fault.at):
        if beat is None:
            yield Beat(b"", then=_ENDINGS[fault.kind])
            return
        yield beat


def _insert(fault: Fault, beats: Iterable[Beat]) -> Iterator[Beat]:
    for beat in _divide(beats, fault.at):
        yield Beat(fault.data) if beat is None else beat


def _drip(fault: Fault, beats: Iterable[Beat]) -> Iterator[Beat]:
    source = _divide(beats, fault.at)
    for beat in source:
        if beat is None:
            break
        yield beat
    rest = (beat for beat in source if beat is not None)
    yield from _pieces(rest, repeat(fault.sizes[0]), fault.interval, Gap.WRITE)


def _split(fault: Fault, beats: Iterable[Beat]) -> Iterator[Beat]:
    return _pieces(beats, iter(fault.sizes), 0.0, Gap.SETTLE)


_INJECTORS: dict[_Kind, Callable[[Fault, Iterable[Beat]], Iterator[Beat]]] = {
    "stall": _end,
    "reset": _end,
    "truncate": _end,
    "garbage": _insert,
    "slow_drip": _drip,
    "split": _split,
}


def inject(fault: Fault | None, beats: Iterable[Beat]) -> Iterable[Beat]:
    """The beats of a response as the fault leaves them."""
    return beats if fault is None else _INJECTORS[fault.kind](fault, beats)
