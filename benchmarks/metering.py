"""CPU time, wall time and memory of this process, and the load server's share beside them."""

import gc
import mmap
import re
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import attrs

from benchmarks.target import Target

__all__ = ["Meter", "Reading", "peak_bytes", "percentile", "resident_bytes"]

STATM = Path("/proc/self/statm")
"""On Linux; elsewhere psutil knows."""
STATUS = Path("/proc/self/status")
"""Has the peak, on Linux."""
_PEAK = re.compile(r"VmHWM:\s*([0-9]+) kB")


@attrs.frozen
class Reading:
    """What was spent between start and stop.

    Attributes:
        cpu: Seconds of CPU, user and system, of this process.
        wall: Seconds that passed.
        server: Share of one core that the load server used; 1.0 would make it the bottleneck.
        sent: Paced tokens that the server sent.
        late: By how many seconds the server was late with a paced token, at the most.
    """

    cpu: float
    wall: float
    server: float
    sent: int
    late: float


class Meter:
    """Measures what runs between `start` and `stop`; asking the server is not part of it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._before = target.figures()
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def stop(self) -> Reading:
        """Read the clocks."""
        cpu = time.process_time() - self._cpu
        wall = time.perf_counter() - self._wall
        after = self._target.figures()
        return Reading(
            cpu=cpu,
            wall=wall,
            server=(after["cpu"] - self._before["cpu"]) / wall,
            sent=after["sent"] - self._before["sent"],
            late=after["late"],
        )


def resident_bytes() -> int:
    """Memory of this process that is in RAM, after a collection."""
    gc.collect()
    if STATM.exists():
        return int(STATM.read_text().split()[1]) * mmap.PAGESIZE
    return int(import_module("psutil").Process().memory_info().rss)


def peak_bytes() -> int:
    """The most memory that this process had in RAM so far."""
    # On Linux `getrusage` counts in the process that this one was started from.
    if STATUS.exists() and (found := _PEAK.search(STATUS.read_text(encoding="utf-8"))):
        return int(found[1]) * 1024
    if sys.platform == "win32":
        return int(import_module("psutil").Process().memory_info().peak_wset)
    resource = import_module("resource")
    unit = 1 if sys.platform == "darwin" else 1024
    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of them lie; not a number when there are none."""
    ordered = sorted(values)
    if not ordered:
        return float("nan")
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]
