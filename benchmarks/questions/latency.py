"""How long does a token take from the server's send to the caller?"""

from functools import partial

from benchmarks import peers
from benchmarks.metering import percentile
from benchmarks.peers import Peer
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target
from benchmarks.workloads import paced_streams

PACES = ((1, 200.0), (100, 20.0), (1000, 2.0))
"""Streams, and tokens a second of each."""


async def _paces(peer: Peer, target: Target, scale: Scale) -> Figures:
    figures: Figures = {}
    async with paced_streams(peer, target) as streams:
        for count, rate in PACES:
            await streams.open(min(count, scale.streams))
            reading = await streams.run(scale.seconds * 2, settle=scale.seconds / 2, rate=rate)
            name = f"{count:,} stream{'s' if count > 1 else ''}{', TLS' if target.tls else ''}"
            figures[name] = {
                "p50": percentile(streams.delays, 50) / 1e6,
                "p99": percentile(streams.delays, 99) / 1e6,
                "server": reading.server * 100,
            }
    return figures


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """Plain, then TLS."""
    peer = peers.load(name)
    return {
        **peer.loop.run(partial(_paces, peer, target, scale)),
        **peer.loop.run(partial(_paces, peer, target.with_tls(True), scale)),
    }


QUESTION = Question(
    name="latency",
    title="From sent to the caller",
    text=(
        "Each token carries the time at which the server sent it; the caller looks at the same "
        "clock when it has the token decoded. 200 tokens a second for one stream, 2,000 for many."
    ),
    peers=peers.some(name for name in peers.ALL if name != "trio_groq_batches"),
    needs=peers.NEEDS,
    metrics=(
        Metric("p50", "median", "ms"),
        Metric("p99", "99th percentile", "ms"),
        Metric("server", "server's share of a core", "%", plotted=False),
    ),
    measure=measure,
    goals=(Goal(case="100 streams", metric="p99", at_most=1.0),),
    rounds=3,
)
