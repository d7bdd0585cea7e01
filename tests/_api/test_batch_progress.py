from itertools import islice

import pytest

from trio_groq._api.batch_progress import FINAL_STATUSES, INTERVAL, MAX_INTERVAL, intervals, is_over
from trio_groq.types.batches import Batch

SEQUENCES = {
    "by default": ((INTERVAL, MAX_INTERVAL), [1, 1.5, 2.25, 3.375]),
    "up to the longest": ((4, 7), [4, 6, 7, 7]),
    "always the same": ((5, 5), [5, 5, 5, 5]),
    "the longest is shorter": ((9, 2), [2, 2, 2, 2]),
}


@pytest.mark.parametrize(("args", "expected"), SEQUENCES.values(), ids=SEQUENCES)
def test_intervals(args: tuple[float, float], expected: list[float]) -> None:
    assert list(islice(intervals(*args), 4)) == expected


def test_by_default_they_grow_to_half_a_minute() -> None:
    assert list(islice(intervals(INTERVAL, MAX_INTERVAL), 20))[-1] == 30


@pytest.mark.parametrize("status", ["completed", "failed", "expired", "cancelled"])
def test_final_statuses(status: str) -> None:
    assert is_over(Batch(status=status))
    assert len(FINAL_STATUSES) == 4


@pytest.mark.parametrize(
    "status", ["", "validating", "in_progress", "finalizing", "cancelling", "new"]
)
def test_other_statuses(status: str) -> None:
    assert not is_over(Batch(status=status))
