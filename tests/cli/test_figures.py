import sys
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq.cli._figures import in_milliseconds, peak_memory, percentile

KNOWN = {
    "one sample is all": ([7.0], 50, 7.0),
    "the median of an even count is the lower one": ([4.0, 1.0, 3.0, 2.0], 50, 2.0),
    "the median of an odd count": ([3.0, 1.0, 2.0], 50, 2.0),
    "95 of 20": ([float(n) for n in range(1, 21)], 95, 19.0),
    "96 of 20": ([float(n) for n in range(1, 21)], 96, 20.0),
    "99 of 100": ([float(n) for n in range(100, 0, -1)], 99, 99.0),
    "99 of few is the greatest": ([1.0, 2.0, 3.0], 99, 3.0),
    "100": ([1.0, 2.0, 3.0], 100, 3.0),
    "1": ([1.0, 2.0, 3.0], 1, 1.0),
}


@pytest.mark.parametrize(("samples", "percent", "expected"), KNOWN.values(), ids=KNOWN)
def test_percentile_is_the_nearest_rank(
    samples: list[float], percent: int, expected: float
) -> None:
    assert percentile(samples, percent) == expected


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.integers(1, 100))
def test_percentile_is_the_least_sample_that_covers(samples: list[int], percent: int) -> None:
    def covers(value: float) -> bool:
        return sum(sample <= value for sample in samples) * 100 >= percent * len(samples)

    found = percentile(samples, percent)
    assert found == min(sample for sample in samples if covers(sample))


@pytest.mark.parametrize(("samples", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_percentile_refuses_what_has_none(samples: list[float], percent: int) -> None:
    with pytest.raises(ValueError, match="percentile: expected"):
        percentile(samples, percent)


def test_milliseconds() -> None:
    assert in_milliseconds(0.01234) == "12.3 ms"


@pytest.mark.parametrize(("platform", "expected"), [("linux", 5 * 1024), ("darwin", 5)])
def test_peak_memory_is_in_bytes(
    monkeypatch: pytest.MonkeyPatch, platform: str, expected: int
) -> None:
    resource = ModuleType("resource")
    resource.__dict__.update(RUSAGE_SELF=0, getrusage=lambda _: SimpleNamespace(ru_maxrss=5))
    monkeypatch.setitem(sys.modules, "resource", resource)
    assert peak_memory(platform) == expected


def test_peak_memory_where_nobody_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert peak_memory() is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count it")
def test_peak_memory_of_this_process_is_plausible() -> None:
    peak = peak_memory()
    assert peak is not None
    assert 5_000_000 < peak < 50_000_000_000
