"""What does it cost to cancel 1,000 streams?"""

from functools import partial

from benchmarks import peers
from benchmarks.metering import Meter
from benchmarks.peers import Peer
from benchmarks.records import Figures, Metric, Question, Scale
from benchmarks.target import Target
from benchmarks.workloads import PacedStreams

STREAMS = 1000


async def _cancel(peer: Peer, target: Target, streams: int) -> dict[str, float]:
    async with peer.connect(target) as session:
        async with peer.loop.group() as group:
            await PacedStreams(peer.loop, target, session, group).open(streams)
            meter = Meter(target)
            group.cancel()
        reading = meter.stop()
    return {"cpu": reading.cpu / streams * 1e6, "wall": reading.wall * 1e3}


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """Plain, then TLS."""
    peer = peers.load(name)
    streams = min(STREAMS, scale.streams)
    return {
        f"{STREAMS:,} streams{', TLS' if where.tls else ''}": peer.loop.run(
            partial(_cancel, peer, where, streams)
        )
        for where in (target, target.over_tls)
    }


QUESTION = Question(
    name="cancelling",
    title="Cancelling 1,000 streams",
    text=(
        "1,000 streams are open and all tasks are cancelled at once; the time is up when every "
        "task has ended and every connection is closed."
    ),
    peers=peers.some(name for name in peers.ALL if name != "trio_groq_batches"),
    needs=peers.NEEDS,
    metrics=(
        Metric("cpu", "CPU per stream", "µs"),
        Metric("wall", "until all have ended", "ms"),
    ),
    measure=measure,
    rounds=2,
    slow_rounds=1,
)
