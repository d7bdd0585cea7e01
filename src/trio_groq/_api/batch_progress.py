"""When a batch is over, and how long to wait before looking at it again."""

from collections.abc import Iterator
from typing import Final

from trio_groq.types.batches import Batch

__all__ = ["FINAL_STATUSES", "INTERVAL", "MAX_INTERVAL", "intervals", "is_over"]

FINAL_STATUSES: Final = frozenset({"completed", "failed", "expired", "cancelled"})
"""Statuses that a batch does not leave."""

INTERVAL: Final = 1.0
"""Seconds until the second look: a small batch is over in about a second."""
MAX_INTERVAL: Final = 30.0
"""Seconds between two looks at the most: in a day, 2,880 small requests."""
_GROWTH: Final = 1.5
"""A batch that has run for long will be looked at late by half of that at the most."""


def is_over(batch: Batch) -> bool:
    """Whether the batch's status is final."""
    return batch.status in FINAL_STATUSES


def intervals(first: float, most: float) -> Iterator[float]:
    """Seconds from each look to the next, without end.

    Args:
        first: The first interval, > 0.
        most: The longest one; if it is shorter than `first`, all are of this length.
    """
    interval = min(first, most)
    while True:
        yield interval
        interval = min(interval * _GROWTH, most)
