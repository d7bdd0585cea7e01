"""How long until the first token, when the server answers at once?"""

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import peers
from benchmarks.metering import percentile
from benchmarks.peers import Peer, Session
from benchmarks.records import Figures, Metric, Question, Scale
from benchmarks.target import Target

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def _first_token(session: Session) -> float:
    """Milliseconds from the call to the first chunk in the caller's hands."""
    arrivals: list[float] = []
    started = time.perf_counter()
    await session.stream("full:1", lambda _: arrivals.append(time.perf_counter()))
    return (arrivals[0] - started) * 1e3


async def _warm(peer: Peer, target: Target, calls: int) -> list[float]:
    async with peer.connect(target) as session:
        for _ in range(2):
            await _first_token(session)
        return [await _first_token(session) for _ in range(calls)]


async def _cold(peer: Peer, target: Target, calls: int) -> list[float]:
    """A new client each time; the first one, which warms up the process, does not count."""
    times = []
    for _ in range(calls + 1):
        async with peer.connect(target) as session:
            times.append(await _first_token(session))
    return times[1:]  # noqa: ASYNC910 (calls > 0)


def measure(name: str, target: Target, scale: Scale) -> Figures:
    """Warm and cold, plain and TLS."""
    peer = peers.load(name)
    figures: Figures = {}
    kinds: dict[str, Callable[..., Awaitable[list[float]]]] = {"warm": _warm, "cold": _cold}
    for where in (target, target.over_tls):
        for kind, times_of in kinds.items():
            calls = scale.calls if kind == "warm" else max(scale.calls // 5, 1)
            times = peer.loop.run(partial(times_of, peer, where, calls))
            case = f"{kind}{', TLS' if where.tls else ''}"
            figures[case] = {"p50": percentile(times, 50), "p99": percentile(times, 99)}
    return figures


QUESTION = Question(
    name="first_token",
    title="Time to the first token",
    text=(
        "From the call to the first chunk in the caller's hands, one call at a time. The server "
        "answers at once, so this is what client and loopback add. Cold is a new client, with "
        "a new connection and its handshake."
    ),
    peers=peers.some(name for name in peers.ALL if name != "trio_groq_batches"),
    needs=peers.NEEDS,
    metrics=(Metric("p50", "median", "ms"), Metric("p99", "99th percentile", "ms")),
    measure=measure,
    rounds=3,
)
