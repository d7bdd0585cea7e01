"""Does a request cost more when the pool holds many connections?"""

import time
from functools import partial
from itertools import count

from benchmarks import peers
from benchmarks.peers import Peer, Session
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.target import Target
from benchmarks.workloads import PacedStreams, paced_streams, repeat
from trio_groq._http.messages import Origin
from trio_groq._http.pool_state import Dial, PoolLimits, PoolState, Use

CONNECTIONS = (10, 100, 1000, 5000)
OURS = "trio_groq"
AT_ONCE = 5


def _bookkeeping(connections: int, turns: int) -> float:
    """Microseconds for one acquire and one release, half of the connections idle."""
    state: PoolState[int] = PoolState(PoolLimits(max_connections=connections, max_idle=connections))
    origin = Origin("https", "api.groq.com", 443)
    for _ in range(connections):
        assert isinstance(state.acquire(origin, 0.0), Dial)
        state.dialled()
    serial = count()
    for _ in range(connections // 2):
        state.release(next(serial), origin, 0.0)
    best = float("inf")
    for _ in range(5):
        started = time.process_time()
        for _ in range(turns):
            step = state.acquire(origin, 1.0)
            assert isinstance(step, Use)
            state.release(step.connection, origin, 1.0)
        best = min(best, time.process_time() - started)
    return best / turns * 1e6


async def _requests(peer: Peer, target: Target, session: Session, scale: Scale) -> float:
    call = partial(session.complete, "Hello")
    at_once = min(AT_ONCE, scale.streams)
    await repeat(peer.loop, target, call, at_once=at_once, seconds=scale.seconds / 5)
    load = await repeat(peer.loop, target, call, at_once=at_once, seconds=scale.seconds)
    return load.reading.cpu / load.calls * 1e6


async def _leased(peer: Peer, target: Target, scale: Scale, steps: list[int]) -> Figures:
    """Requests beside so many streams that are open and say nothing."""
    figures: Figures = {}
    async with paced_streams(peer, target) as streams:
        for step in steps:
            await streams.open(step)
            cost = await _requests(peer, target, streams.session, scale)
            figures[f"{step:,} leased"] = {"request": cost}
    return figures


async def _idle(peer: Peer, target: Target, scale: Scale, steps: list[int]) -> Figures:
    """Requests beside so many connections that are open and unused."""
    figures: Figures = {}
    async with peer.connect(target) as session:
        for step in steps:
            async with peer.loop.group() as group:
                streams = PacedStreams(peer.loop, target, session, group)
                await streams.open(step)
                streams.end()
            figures[f"{step:,} idle"] = {"request": await _requests(peer, target, session, scale)}
    return figures


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """Beside leased connections for all; the rest is asked of our own pool alone."""
    peer = peers.load(name)
    most = scale.streams if name == OURS else min(scale.streams, 1000)
    steps = [step for step in CONNECTIONS if step <= most] or [most]
    figures = peer.loop.run(partial(_leased, peer, target, scale, steps))
    if name == OURS:
        figures |= peer.loop.run(partial(_idle, peer, target, scale, steps))
        for step in steps:
            turns = int(scale.seconds * 40_000)
            figures[f"{step:,} idle"]["bookkeeping"] = _bookkeeping(step, turns)
    return figures


QUESTION = Question(
    name="pool",
    title="Cost of a request beside many connections",
    text=(
        "Plain completions while so many connections are open: leased (each with a stream that is "
        "open and silent) or idle. Bookkeeping is one acquire and one release of the pool's own "
        "state, without any I/O. Flat is right."
    ),
    peers=peers.some(("trio_groq", "aiohttp", "groq_trio")),
    needs=peers.NEEDS,
    metrics=(
        Metric("request", "CPU per request", "µs"),
        Metric("bookkeeping", "acquire and release", "µs"),
    ),
    measure=measure,
    goals=tuple(
        Goal(case=f"{most} {kind}", metric=metric, of_case=f"10 {kind}", at_most=1.3)
        for most in ("1,000", "5,000")
        for kind, metric in (("leased", "request"), ("idle", "request"), ("idle", "bookkeeping"))
    ),
    rounds=2,
)
