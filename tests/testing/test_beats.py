"""Beats: joined into writes, never across a delay or a gap, and nothing after an ending."""

from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq.testing.beats import Beat, Ending, Gap, coalesce, regroup

beats = st.lists(
    st.builds(
        Beat,
        st.binary(max_size=6),
        st.sampled_from([0.0, 0.0, 0.5]),
        st.sampled_from(Gap),
    ),
    max_size=12,
)


def joined(score: list[Beat]) -> bytes:
    return b"".join(beat.data for beat in score)


def test_beats_without_a_gap_share_a_write() -> None:
    assert list(coalesce([Beat(b"ab"), Beat(b"c"), Beat(b"d")])) == [Beat(b"abcd")]


def test_a_delay_or_a_gap_begins_a_write() -> None:
    score = [Beat(b"a"), Beat(b"b", 1.0), Beat(b"c"), Beat(b"d", gap=Gap.WRITE)]
    assert list(coalesce(score)) == [Beat(b"a"), Beat(b"bc", 1.0), Beat(b"d", gap=Gap.WRITE)]


def test_a_write_has_a_limit_but_a_beat_is_not_cut() -> None:
    assert [beat.data for beat in coalesce([Beat(b"abc"), Beat(b"d"), Beat(b"efghi")], 4)] == [
        b"abcd",
        b"efghi",
    ]


def test_nothing_is_sent_after_an_ending() -> None:
    score = [Beat(b"a"), Beat(b"", then=Ending.RESET), Beat(b"lost")]
    assert list(coalesce(score)) == [Beat(b"a", then=Ending.RESET)]


def test_no_beats_are_no_writes() -> None:
    assert list(coalesce([])) == []


@settings(deadline=None, max_examples=100)
@given(score=beats, limit=st.integers(1, 10))
def test_coalescing_keeps_bytes_and_time(score: list[Beat], limit: int) -> None:
    writes = list(coalesce(score, limit))
    assert joined(writes) == joined(score)
    assert sum(beat.delay for beat in writes) == sum(beat.delay for beat in score)


@settings(deadline=None, max_examples=100)
@given(score=beats, size=st.integers(1, 5), gap=st.sampled_from(Gap))
def test_regrouping_keeps_bytes_and_time(score: list[Beat], size: int, gap: Gap) -> None:
    groups = list(regroup(score, size, gap))
    assert joined(groups) == joined(score)
    assert sum(beat.delay for beat in groups) == sum(beat.delay for beat in score)
    assert len(groups) == -(-len(score) // size)
