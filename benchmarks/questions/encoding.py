"""What does a request with a long prompt cost?"""

from functools import partial

from benchmarks import peers
from benchmarks.peers import Peer
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target
from benchmarks.workloads import repeat

LINE = (
    'He said "no" to a naïve plan; a tab\tand a path C:\\temp stand here, and then a line ends.\n'
)
LONG = (LINE * 2000)[:100_000]
SHORT = "Hello"


async def _costs(peer: Peer, target: Target, scale: Scale) -> Figures:
    costs = {}
    async with peer.connect(target) as session:
        for case, prompt in (("5 bytes", SHORT), ("100 KB", LONG)):
            load = partial(repeat, peer.loop, target, partial(session.complete, prompt), at_once=1)
            await load(seconds=scale.seconds / 5)
            done = await load(seconds=scale.seconds)
            costs[case] = done.reading.cpu / done.calls * 1e6
    added = costs["100 KB"] - costs["5 bytes"]
    return {**{case: {"cpu": cost} for case, cost in costs.items()}, "added": {"cpu": added}}


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """A plain completion with a short and with a long prompt."""
    peer = peers.load(name)
    return peer.loop.run(partial(_costs, peer, target, scale))


QUESTION = Question(
    name="encoding",
    title="A prompt of 100 KB",
    text=(
        "CPU of a plain completion with a short prompt and with one of 100,000 characters, in "
        "which some must be escaped; the difference is validating, encoding and sending it."
    ),
    peers=peers.some(
        name for name in peers.ALL if name not in ("trio_groq_batches", "aiohttp_uvloop")
    ),
    needs=peers.NEEDS,
    metrics=(Metric("cpu", "CPU per request", "µs"),),
    measure=measure,
    goals=(
        # To write a request and to read its response: a tenth of a millisecond each.
        Goal(case="5 bytes", metric="cpu", at_most=200.0),
        Goal(case="added", metric="cpu", at_most=100.0),
    ),
    rounds=3,
)
