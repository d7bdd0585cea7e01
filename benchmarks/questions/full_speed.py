"""How much CPU does a token cost when the server is as fast as the client?"""

from collections import deque
from functools import partial

from benchmarks import peers
from benchmarks.peers import Peer
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target
from benchmarks.workloads import repeat

STREAMS = 2
"""Streams at once: while one is read, the server fills the other's socket."""
TOKENS = 2000
"""Long enough that the request itself is a small part of it."""


async def _case(peer: Peer, target: Target, scale: Scale) -> dict[str, float]:
    look = deque[object](maxlen=0).append  # a caller that costs next to nothing
    tokens = min(TOKENS, int(scale.seconds * 10_000))
    async with peer.connect(target) as session:
        warm_up = partial(session.stream, "full:100", look)
        await repeat(peer.loop, target, warm_up, at_once=STREAMS, seconds=scale.seconds / 5)
        call = partial(session.stream, f"full:{tokens}", look)
        load = await repeat(peer.loop, target, call, at_once=STREAMS, seconds=scale.seconds)
    return {
        "cpu": load.reading.cpu / (load.calls * tokens) * 1e6,
        "server": load.reading.server * 100,
        "client": load.reading.cpu / load.reading.wall * 100,
    }


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """Plain, then TLS."""
    peer = peers.load(name)
    return {
        "plain": peer.loop.run(partial(_case, peer, target, scale)),
        "TLS": peer.loop.run(partial(_case, peer, target.over_tls, scale)),
    }


QUESTION = Question(
    name="full_speed",
    title="CPU per token at full speed",
    text=(
        f"{STREAMS} streams at once, {TOKENS:,} tokens each, again and again. The server sends a "
        "stream as one block of bytes, each event in an HTTP chunk of its own, so that a receive "
        "brings many. The client is the bottleneck: it uses a whole core, the server a "
        "fraction of one."
    ),
    peers=peers.ALL,
    needs=peers.NEEDS,
    metrics=(
        Metric("cpu", "CPU per token", "µs"),
        Metric("client", "client's share of a core", "%", plotted=False),
        Metric("server", "server's share of a core", "%", plotted=False),
    ),
    measure=measure,
    goals=(
        Goal(case="plain", metric="cpu", of="groq_trio", at_most=1 / 40),
        Goal(case="plain", metric="cpu", of="aiohttp", at_most=1.0),
        Goal(case="plain", metric="cpu", of="raw_trio", at_most=2.0),
        Goal(case="plain", metric="cpu", peer="trio_groq_batches", of="aiohttp", at_most=0.8),
        Goal(case="TLS", metric="cpu", of="aiohttp", at_most=1.0),
        Goal(case="plain", metric="cpu", at_most=10.0),
    ),
)
