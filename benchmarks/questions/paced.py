"""How much CPU does a token cost when each comes alone?"""

from functools import partial

from benchmarks import peers
from benchmarks.peers import Peer
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target
from benchmarks.workloads import paced_streams

STREAMS, RATE = 100, 50.0
"""Tokens a second of each: 5,000 in all."""
OVERLOAD_STREAMS = 1000
OVERLOADED = ("trio_groq", "raw_trio", "trio_sockets", "aiohttp_uvloop", "aiohttp")
"""Peers that are given 50,000 tokens a second as well; the others would only pile them up."""


async def _paces(
    peer: Peer, target: Target, scale: Scale, paces: list[tuple[int, float]]
) -> Figures:
    figures: Figures = {}
    async with paced_streams(peer, target) as streams:
        for count, rate in paces:
            await streams.open(count)
            reading = await streams.run(scale.seconds * 2, settle=scale.seconds / 2, rate=rate)
            name = f"{count:,} x {rate:g}/s{', TLS' if target.tls else ''}"
            figures[name] = {
                "cpu": reading.cpu / max(streams.tokens, 1) * 1e6,
                "kept_up": streams.tokens / max(reading.sent, 1) * 100,
                "server": reading.server * 100,
                "behind": reading.late * 1e3,
            }
    return figures


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """Plain and TLS at the common pace, then too fast where that makes sense."""
    peer = peers.load(name)
    streams = min(STREAMS, scale.streams)
    paces = [(streams, RATE)]
    over_tls = peer.loop.run(partial(_paces, peer, target.over_tls, scale, paces))
    if name in OVERLOADED:
        paces.append((min(OVERLOAD_STREAMS, scale.streams), RATE))
    return {**peer.loop.run(partial(_paces, peer, target, scale, paces)), **over_tls}


QUESTION = Question(
    name="paced",
    title="CPU per token, paced",
    text=(
        "Streams x tokens a second of each, evenly spread, so that nearly every token comes alone "
        "and costs a wake-up. A client that falls behind gets several tokens per receive and looks "
        "cheaper than it is; how much came in time is stated as kept up. 1,000 x 50/s is more "
        "than most can take, and is asked of the fast ones only."
    ),
    peers=peers.some(name for name in peers.ALL if name != "trio_groq_batches"),
    needs=peers.NEEDS,
    metrics=(
        Metric("cpu", "CPU per token", "µs"),
        Metric("kept_up", "kept up", "%", more_is_better=True, plotted=False),
        Metric("server", "server's share of a core", "%", plotted=False),
        Metric("behind", "server late by at most", "ms", plotted=False),
    ),
    measure=measure,
    goals=(
        Goal(case="100 x 50/s", metric="cpu", of="raw_trio", at_most=0.8),
        Goal(case="100 x 50/s", metric="cpu", of="trio_sockets", at_most=0.8),
        Goal(case="100 x 50/s, TLS", metric="cpu", of="trio_sockets", at_most=0.8),
        Goal(case="100 x 50/s", metric="cpu", of="aiohttp_uvloop", at_most=0.9),
        Goal(case="100 x 50/s", metric="cpu", of="groq_trio", at_most=1 / 10),
    ),
    rounds=3,
)
