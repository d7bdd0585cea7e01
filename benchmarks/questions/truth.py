"""Does a client report what happened? 200 streams whose true gap between tokens is 20 ms."""

import time
from functools import partial
from itertools import pairwise
from typing import Any

from benchmarks import peers
from benchmarks.loops import Group
from benchmarks.metering import percentile
from benchmarks.peers import Peer, Session
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target

STREAMS = 200
RATE = 50.0


class _Gaps:
    """One stream's gaps: between what was sent, and between what came."""

    def __init__(self) -> None:
        self.opened = False
        self.sent: list[int] = []
        self.came: list[int] = []

    def take(self, text: str | None) -> None:
        self.opened = True
        if text:
            self.came.append(time.monotonic_ns())
            self.sent.append(int(text, 16))


def _differences(all_times: list[list[int]]) -> list[float]:
    return [(after - before) / 1e6 for times in all_times for before, after in pairwise(times)]


async def _gaps(peer: Peer, target: Target, scale: Scale) -> list[_Gaps]:
    gaps = [_Gaps() for _ in range(min(STREAMS, scale.streams))]

    async def run(session: Session, group: Group) -> None:
        for gap in gaps:
            group.start_soon(session.stream, "paced", gap.take)
        while not all(gap.opened for gap in gaps):
            await peer.loop.sleep(0.005)
        target.pace(rate=RATE)
        await peer.loop.sleep(scale.seconds)
        for gap in gaps:  # what came while the streams settled does not count
            gap.sent.clear()
            gap.came.clear()
        await peer.loop.sleep(scale.seconds * 4 + 3 / RATE)
        target.pace()

    async with peer.connect(target) as session, peer.loop.group() as group:
        await run(session, group)
        group.cancel()
    return gaps


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """The gaps that the client's caller sees, beside the true ones."""
    peer = peers.load(name)
    gaps = peer.loop.run(partial(_gaps, peer, target, scale))
    seen: dict[str, Any] = {
        "seen": _differences([gap.came for gap in gaps]),
        "true": _differences([gap.sent for gap in gaps]),
    }
    return {
        f"{STREAMS} x {RATE:g}/s": {
            f"{kind}_p{percent}": percentile(values, percent)
            for kind, values in seen.items()
            for percent in (1, 50, 99)
        }
    }


QUESTION = Question(
    name="truth",
    title="What the client reports",
    text=(
        f"{STREAMS} streams, {STREAMS * RATE:,.0f} tokens a second in all. The gap between two "
        "tokens of a stream, as its caller sees it, beside the gap between the times at which "
        "they were sent, which is 20 ms. A harness built on a client that falls behind measures "
        "the client."
    ),
    peers=peers.some(name for name in peers.ALL if name != "trio_groq_batches"),
    needs=peers.NEEDS,
    metrics=(
        Metric("seen_p1", "seen, 1st percentile", "ms", plotted=False),
        Metric("seen_p50", "seen, median", "ms"),
        Metric("seen_p99", "seen, 99th percentile", "ms"),
        Metric("true_p1", "true, 1st percentile", "ms", plotted=False),
        Metric("true_p50", "true, median", "ms"),
        Metric("true_p99", "true, 99th percentile", "ms"),
    ),
    measure=measure,
    goals=(
        Goal(case="200 x 50/s", metric="seen_p50", at_most=20.2),
        Goal(case="200 x 50/s", metric="seen_p99", at_most=35.0),
    ),
    rounds=3,
    slow_rounds=1,
)
