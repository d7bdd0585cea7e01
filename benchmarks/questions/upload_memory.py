"""How much memory does a large upload need?"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from benchmarks import peers
from benchmarks.metering import resident_bytes
from benchmarks.records import Figures, Goal, Metric, Question, Scale
from benchmarks.runner import ROOT
from benchmarks.target import Target
from trio_groq._api.uploads import multipart_body
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.dial import Dialer
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.messages import Origin, Request
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.pool_state import PoolLimits

SIZES = {"full": 2_000_000_000, "quick": 200_000_000, "smoke": 2_000_000}
"""Bytes of the file, by the scale's name."""
WARM_UP = 2_000_000
LOOK_EVERY = 16_000_000
"""Bytes between two looks at the memory. A file that is held, even in part, is seen at once."""


@contextmanager
def _discarding_server() -> Iterator[Origin]:
    with subprocess.Popen(
        (sys.executable, "-m", "benchmarks.discarding"),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Origin("http", "127.0.0.1", int(process.stdout.readline()))
        finally:
            process.stdin.close()


class _Peak:
    """Looks at the memory while an upload makes progress."""

    def __init__(self) -> None:
        self.most = 0
        self.looks = 0

    def look(self, sent: int, total: int) -> None:
        if sent // LOOK_EVERY >= self.looks or sent == total:
            self.looks += 1
            self.most = max(self.most, resident_bytes())


async def _upload(pool: ConnectionPool, origin: Origin, path: Path, size: int) -> _Peak:
    with path.open("wb") as file:
        file.truncate(size)  # sparse: neither the disk nor its cache holds it
    peak = _Peak()
    body = await multipart_body([("purpose", "batch")], [("file", path)], progress=peak.look)
    kind = (b"Content-Type", body.content_type.encode("ascii"))
    request = Request(origin, b"POST", b"/openai/v1/files", (kind,), body)
    deadlines = Deadlines(Timeouts(), trio.current_time())
    connection, head = await pool.send(request, deadlines)
    assert head.status == 200
    await connection.receive(deadlines, lambda _spans: False)
    pool.release(connection)
    assert pool.statistics().idle == 1
    return peak


async def _measure(origin: Origin, path: Path, size: int) -> dict[str, float]:
    pool = ConnectionPool(Dialer(), PoolLimits(), ExchangeLimits())
    try:
        await _upload(pool, origin, path, WARM_UP)
        before = resident_bytes()
        started, cpu = time.perf_counter(), time.process_time()
        peak = await _upload(pool, origin, path, size)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    finally:
        pool.close()
    assert peak.looks >= size // LOOK_EVERY
    return {
        "memory": max(peak.most - before, 0) / 1e6,
        "cpu": cpu / (size / 1e9),
        "rate": size / 1e6 / seconds,
    }


def measure(_name: str, _target: Target, scale: Scale) -> Figures:
    """One small upload, so that everything is loaded, and then the large one."""
    with TemporaryDirectory() as folder, _discarding_server() as origin:
        path = Path(folder) / "batch.jsonl"
        return {"one file": trio.run(_measure, origin, path, SIZES[scale.name])}


QUESTION = Question(
    name="upload_memory",
    title="Memory for a large upload",
    text=(
        f"A form with a sparse file of {SIZES['full'] // 1_000_000_000} GB, to a server in a "
        "process of its own that keeps nothing. Memory is the most by which the resident size is "
        "above what it was before, after a small upload; it is looked at every "
        f"{LOOK_EVERY // 1_000_000} MB. The file is read in worker threads while it is sent; most "
        "of the CPU time is what the system takes to read it for the first time."
    ),
    peers=peers.some(("trio_groq",)),
    needs={},
    metrics=(
        Metric("memory", "memory above the baseline, at most", "MB"),
        Metric("cpu", "CPU per GB", "s"),
        Metric("rate", "sent", "MB/s", more_is_better=True, plotted=False),
    ),
    measure=measure,
    goals=(Goal(case="one file", metric="memory", at_most=50.0),),
    rounds=2,
)
