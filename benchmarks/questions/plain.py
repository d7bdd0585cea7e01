"""How much CPU does a plain completion cost, and how many are done in a second?"""

from functools import partial

from benchmarks import peers
from benchmarks.peers import Peer
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target
from benchmarks.workloads import repeat

AT_ONCE = (1, 50, 500)


async def _cases(peer: Peer, target: Target, scale: Scale) -> Figures:
    figures: Figures = {}
    async with peer.connect(target) as session:
        call = partial(session.complete, "Hello")
        for at_once in AT_ONCE:
            load = partial(repeat, peer.loop, target, call, at_once=min(at_once, scale.streams))
            await load(seconds=scale.seconds / 5)
            done = await load(seconds=scale.seconds)
            figures[f"{at_once} at once{', TLS' if target.tls else ''}"] = {
                "cpu": done.reading.cpu / done.calls * 1e6,
                "calls": done.calls / done.reading.wall,
                "server": done.reading.server * 100,
            }
    return figures


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """Plain, then TLS; over connections that are open already."""
    peer = peers.load(name)
    return {
        **peer.loop.run(partial(_cases, peer, target, scale)),
        **peer.loop.run(partial(_cases, peer, target.over_tls, scale)),
    }


QUESTION = Question(
    name="plain",
    title="Plain completions",
    text=(
        "So many callers, each of which makes one completion after the other, over connections "
        "that are open already. The server answers at once."
    ),
    peers=peers.some(name for name in peers.ALL if name != "trio_groq_batches"),
    needs=peers.NEEDS,
    metrics=(
        Metric("cpu", "CPU per completion", "µs"),
        Metric("calls", "completions", "1/s", more_is_better=True),
        Metric("server", "server's share of a core", "%", plotted=False),
    ),
    measure=measure,
    goals=(
        Goal(case="50 at once", metric="cpu", of="aiohttp", at_most=1.0),
        Goal(case="50 at once", metric="cpu", of="groq_trio", at_most=1 / 12),
    ),
    rounds=3,
)
