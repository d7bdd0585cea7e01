"""The figures of a report: percentiles, and the memory that the process has used."""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

__all__ = ["MEGABYTE", "in_milliseconds", "peak_memory", "percentile"]

MEGABYTE: Final = 1024 * 1024


def percentile(samples: Sequence[float], percent: int) -> float:
    """The nearest-rank percentile: the least sample that `percent` % of them do not exceed.

    It is always one of the samples, so p99 of fewer than 100 is the greatest.

    Args:
        samples: One or more, in any order.
        percent: 1 to 100.

    Raises:
        ValueError: There are no samples, or `percent` is out of range.
    """
    if not samples:
        raise ValueError("percentile: expected samples, got none")
    if not 1 <= percent <= 100:  # noqa: PLR2004 (percent)
        raise ValueError(f"percentile: expected 1 to 100 percent, got {percent!r}")
    rank = -(-percent * len(samples) // 100)  # rounded up, in integers
    return sorted(samples)[rank - 1]


def in_milliseconds(seconds: float) -> str:
    """Such as `12.3 ms`."""
    return f"{seconds * 1000:.1f} ms"


def peak_memory(platform: str = sys.platform) -> int | None:
    """The most resident memory that this process has had, in bytes; None where nobody counts it.

    Source: getrusage(2), `ru_maxrss`: kilobytes, but bytes on macOS.
    """
    try:
        resource = import_module("resource")  # by name: Windows has none, which types know
    except ModuleNotFoundError:
        return None
    usage: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if platform == "darwin" else usage * 1024
