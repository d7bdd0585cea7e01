"""What clients are made to do; the questions put these together."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs

from benchmarks.loops import Group, Loop
from benchmarks.metering import Meter, Reading
from benchmarks.peers import Peer, Session
from benchmarks.target import Target

__all__ = ["Load", "PacedStreams", "paced_streams", "repeat"]

OPENING_AT_ONCE = 100
"""Requests under way while streams are opened: fewer than any listener's backlog."""


@attrs.frozen
class Load:
    """Calls, and what they cost.

    Attributes:
        calls: How many were finished.
        reading: What was spent.
    """

    calls: int
    reading: Reading


async def repeat(
    loop: Loop,
    target: Target,
    call: Callable[[], Awaitable[object]],
    *,
    at_once: int,
    seconds: float,
) -> Load:
    """Make calls in `at_once` tasks, over and over, for some seconds; at least one in each."""
    calls = 0

    async def caller() -> None:
        nonlocal calls
        while True:
            await call()
            calls += 1
            if time.perf_counter() >= until:
                return

    meter = Meter(target)
    until = time.perf_counter() + seconds
    async with loop.group() as group:
        for _ in range(at_once):
            group.start_soon(caller)
    return Load(calls, meter.stop())


class PacedStreams:
    """Paced streams that stay open, and what came of them.

    Attributes:
        session: The client.
        opened: Streams whose first chunk has come.
        tokens: Paced tokens that have come to the caller.
        delays: From sent to received by the caller, in nanoseconds, of each token; kept while
            `recording`.
    """

    def __init__(self, loop: Loop, target: Target, session: Session, group: Group) -> None:
        self._loop = loop
        self._target = target
        self.session = session
        self._group = group
        self._wanted = 0
        self.opened = 0
        self.tokens = 0
        self.delays: list[int] = []
        self.recording = False

    def take(self, text: str | None) -> None:
        """A chunk has come: what every caller does with its text."""
        if not text:
            self.opened += text is not None  # the last chunk has none at all
            return
        self.tokens += 1
        if self.recording:
            self.delays.append(time.monotonic_ns() - int(text, 16))

    async def open(self, streams: int) -> None:  # noqa: ASYNC910 (none are opened where none are wanted)
        """Open more streams, until there are so many."""
        while self._wanted < streams:
            if self._wanted - self.opened < OPENING_AT_ONCE:
                self._wanted += 1
                self._group.start_soon(self.session.stream, "paced", self.take)
            else:
                await self._loop.sleep(0.002)
        while self.opened < streams:
            await self._loop.sleep(0.002)

    def end(self) -> None:
        """Have the server end all of them."""
        self._target.figures("?end=1")

    async def run(
        self, seconds: float, *, settle: float, rate: float = 0.0, total: float = 0.0
    ) -> Reading:
        """Let tokens come for some seconds, after some more to settle; then pause them."""
        self._target.pace(rate=rate, total=total)
        await self._loop.sleep(settle)
        self._target.pace(rate=rate, total=total)
        self.tokens = 0
        self.delays.clear()
        self.recording = True
        meter = Meter(self._target)
        await self._loop.sleep(seconds)
        reading = meter.stop()
        self.recording = False
        self._target.pace()
        return reading


@asynccontextmanager
async def paced_streams(peer: Peer, target: Target) -> AsyncIterator[PacedStreams]:
    """A client for paced streams; at the end they are cancelled."""
    async with peer.connect(target) as session, peer.loop.group() as group:
        yield PacedStreams(peer.loop, target, session, group)
        target.pace()
        group.cancel()
