"""What do many open streams cost: memory, CPU per token, and time until the caller has it?"""

from functools import partial

from benchmarks import peers
from benchmarks.metering import percentile, resident_bytes
from benchmarks.peers import Peer
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target
from benchmarks.workloads import PacedStreams, paced_streams

STREAMS = (1, 10, 100, 1000, 5000)
TOTAL = 2000
"""Tokens a second of all streams together: the same at every number of streams, so that CPU per
token can be compared, and so low that every client keeps up."""
FASTEST = 200
"""Tokens a second of one stream, at the most."""
MEMORY_FROM = 1000
"""With fewer streams than this, what the allocator takes at a time would be most of it."""
SETTLED = 1.2
"""Tokens that each stream has had, before what a token costs is measured: the first one of a stream
is dearer, and with thousands of streams there would be no others."""
LATE = 10_000_000
"""Nanoseconds from sent to received after which a token is late."""
MANY_ONLY = ("trio_groq", "raw_trio", "trio_sockets", "aiohttp_uvloop")
"""Peers that are asked to hold the most streams; opening them takes the others too long."""
MOST_OVER_TLS = 1000


async def _ladder(peer: Peer, target: Target, scale: Scale, steps: list[int]) -> Figures:
    figures: Figures = {}
    async with paced_streams(peer, target) as streams:
        before, at = 0, 0
        for step in steps:
            await streams.open(step)
            name = f"{step:,} stream{'s' if step > 1 else ''}"
            figures[name] = now = await _at(streams, scale, step)
            held = resident_bytes()
            if step >= MEMORY_FROM:
                now["memory"] = (held - before) / (step - at) / 1000
            before, at = held, step
    return figures


async def _at(streams: PacedStreams, scale: Scale, step: int) -> dict[str, float]:
    total = min(TOTAL, step * FASTEST)
    settle = max(scale.seconds, step / total * SETTLED)
    reading = await streams.run(scale.seconds * 2, settle=settle, total=total)
    late = sum(delay > LATE for delay in streams.delays)
    # What has not come at all is late too.
    late += max(reading.sent - len(streams.delays), 0)
    return {
        "cpu": reading.cpu / max(streams.tokens, 1) * 1e6,
        "p50": percentile(streams.delays, 50) / 1e6,
        "p99": percentile(streams.delays, 99) / 1e6,
        "late": late / max(reading.sent, 1) * 100,
        "server": reading.server * 100,
        "behind": reading.late * 1e3,
    }


async def _memory(peer: Peer, target: Target, steps: list[int]) -> dict[str, float]:
    async with paced_streams(peer, target) as streams:
        await streams.open(steps[0])
        before = resident_bytes()
        await streams.open(steps[-1])
        return {"memory": (resident_bytes() - before) / (steps[-1] - steps[0]) / 1000}


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """From few streams to many, so that memory is a difference; over TLS, memory only."""
    peer = peers.load(name)
    if target.tls:
        # A process of its own, or it would use memory that the plain streams have given back.
        most = min(scale.streams, MOST_OVER_TLS)
        memory = peer.loop.run(partial(_memory, peer, target, [max(most // 10, 1), most]))
        return {f"{most:,} streams, TLS": memory}
    most = scale.streams if name in MANY_ONLY else min(scale.streams, 1000)
    steps = [step for step in STREAMS if step <= most] or [1, most]
    return peer.loop.run(partial(_ladder, peer, target, scale, steps))


QUESTION = Question(
    name="open_streams",
    title="Many open streams",
    text=(
        f"All streams together get {TOTAL:,} tokens a second, evenly spread, however many there "
        f"are; a single one {FASTEST}. What is counted begins when each stream has had its first. "
        "Each token carries the time at which the server sent it; "
        "the caller looks at the same clock when it has the token decoded. Memory is how much the "
        "resident size grew, per stream, since the step before. A token is late if it reaches the "
        f"caller more than {LATE // 1_000_000} ms after it was sent. 5,000 streams are asked only "
        "of those that open them in reasonable time."
    ),
    peers=peers.some(name for name in peers.ALL if name != "trio_groq_batches"),
    needs=peers.NEEDS,
    metrics=(
        Metric("memory", "memory per stream", "KB"),
        Metric("cpu", "CPU per token", "µs"),
        Metric("p50", "from sent to the caller, median", "ms"),
        Metric("p99", "from sent to the caller, 99th percentile", "ms"),
        Metric("late", "late tokens", "%"),
        Metric("server", "server's share of a core", "%", plotted=False),
        Metric("behind", "server late by at most", "ms", plotted=False),
    ),
    measure=measure,
    goals=(
        Goal(case="1,000 streams", metric="memory", at_most=12.0),
        Goal(case="1,000 streams, TLS", metric="memory", at_most=60.0),
        Goal(case="100 streams", metric="p99", at_most=1.0),
        Goal(case="1,000 streams", metric="cpu", of="raw_trio", at_most=0.8),
        Goal(case="1,000 streams", metric="cpu", of="trio_sockets", at_most=0.8),
        Goal(case="1,000 streams", metric="cpu", of="aiohttp_uvloop", at_most=0.9),
        Goal(case="5,000 streams", metric="cpu", of_case="100 streams", at_most=1.3),
        Goal(case="1,000 streams", metric="cpu", of="groq_trio", at_most=1 / 10),
    ),
    rounds=2,
    slow_rounds=1,
    also_tls=True,
)
