from itertools import count
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from batch_api import CHAT, answer_line, chat_line, chat_lines
from trio_groq.testing.batch_runs import BatchOrder, BatchRun

HOUR = 3600.0
ORDER = BatchOrder(
    id="batch_1",
    endpoint=CHAT,
    input_file_id="file_1",
    data=chat_lines(5) + b"{\n" + chat_line("x", "fail"),
    completion_window="24h",
    window=24 * HOUR,
    metadata=None,
    created=0.0,
    duration=10 * HOUR,
)
LATER = 1000 * HOUR
ORDERS = (
    "validating",
    "in_progress",
    "finalizing",
    "cancelling",
    "completed",
    "expired",
    "cancelled",
    "failed",
)


class Kept:
    """A run, and the files that it made."""

    def __init__(self, order: BatchOrder) -> None:
        self.files: list[tuple[str, bytes, float]] = []
        serials = count(1)
        self.run = BatchRun(order, answer_line, self._keep, lambda: next(serials))

    def _keep(self, name: str, data: bytes, now: float) -> str | None:
        self.files.append((name, data, now))
        return f"file_of_{name}"


def orders() -> st.SearchStrategy[BatchOrder]:
    hours = st.sampled_from([0.0, 1.0, 10.0, 23.0, 24.0, 30.0, 500.0])
    data = st.sampled_from([ORDER.data, b"", chat_lines(1)])
    return st.builds(
        lambda duration, data: attrs.evolve(ORDER, duration=duration * HOUR, data=data), hours, data
    )


def moments() -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(0, 600 * HOUR), max_size=8).map(sorted)


def shown_at(kept: Kept, now: float) -> dict[str, Any]:
    kept.run.advance(now)
    return kept.run.shown()


@given(orders(), moments(), st.none() | st.floats(0, 600 * HOUR))
def test_it_ends_the_same_however_often_it_is_looked_at(
    order: BatchOrder, looks: list[float], cancelled_at: float | None
) -> None:
    often, seldom = Kept(order), Kept(order)
    moments = [(at, False) for at in looks]
    if cancelled_at is not None:
        moments.append((cancelled_at, True))
        seldom.run.advance(cancelled_at)
        seldom.run.cancel(cancelled_at)
    for at, cancels in sorted(moments):
        often.run.advance(at)
        if cancels:
            often.run.cancel(at)
    assert shown_at(often, LATER) == shown_at(seldom, LATER)
    assert often.files == seldom.files


@given(orders(), moments(), st.none() | st.floats(0, 600 * HOUR))
def test_it_never_goes_back(
    order: BatchOrder, looks: list[float], cancelled_at: float | None
) -> None:
    kept = Kept(order)
    before = kept.run.shown()
    for at in [*looks, LATER, 2 * LATER]:
        kept.run.advance(at)
        if cancelled_at is not None and at >= cancelled_at:
            kept.run.cancel(at)
        now = shown_at(kept, at)
        assert ORDERS.index(now["status"]) >= ORDERS.index(before["status"])
        for name, value in before.items():
            assert not name.endswith("_at") or value is None or now[name] == value
        counts, last = now["request_counts"], before["request_counts"]
        assert now["status"] == "failed" or all(counts[name] >= last[name] for name in counts)
        assert counts["completed"] + counts["failed"] <= counts["total"]
        before = now
    assert before["status"] in {"completed", "failed", "expired", "cancelled"}
    assert (before["output_file_id"] is not None) == (
        before["request_counts"]["completed"] > 0 and before["status"] != "failed"
    )
