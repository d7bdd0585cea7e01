"""Counts of the last seconds."""

from hypothesis import given
from hypothesis import strategies as st

from trio_groq._api.rolling import BUCKETS, RollingCount


def test_things_are_counted_until_their_bucket_is_a_window_old() -> None:
    count = RollingCount(10.0)
    for moment in (0.5, 0.7, 3.0):
        count.add(moment)
    assert count.total(9.9) == 3
    assert count.first(9.9) == 0.5
    assert count.total(10.0) == 1
    assert count.first(12.9) == 3.0
    assert count.total(13.0) == 0
    assert count.first(13.0) == 13.0


def test_nothing_is_left_after_clear() -> None:
    count = RollingCount(1.0)
    count.add(5.0)
    count.clear()
    assert count.total(5.0) == 0
    count.add(5.0)
    assert count.total(5.0) == 1


@given(st.lists(st.floats(0, 0.4), max_size=60), st.sampled_from([0.5, 1.0, 10.0]))
def test_every_count_is_between_that_of_a_shorter_and_that_of_the_whole_window(
    steps: list[float], window: float
) -> None:
    count, moments, now = RollingCount(window), [], 0.0
    for step in steps:
        now += step
        moments.append(now)
        count.add(now)
        surely = sum(now - each < window * (1 - 1 / BUCKETS) - 1e-9 for each in moments)
        maybe = sum(now - each <= window + 1e-9 for each in moments)
        assert surely <= count.total(now) <= maybe
        assert len(count._buckets) <= BUCKETS


def test_memory_does_not_grow_with_the_rate() -> None:
    count = RollingCount(10.0)
    for number in range(100_000):
        count.add(number / 1000)
    assert count.total(99.999) == 10_000
    assert len(count._buckets) == BUCKETS
