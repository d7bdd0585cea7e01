"""Faults on a score: the right bytes, the right end, at every position."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq.testing import Fault
from trio_groq.testing.beats import Beat, Ending, Gap
from trio_groq.testing.faults import inject

SCORE = [Beat(b"abc", 2.0), Beat(b"de"), Beat(b"", 1.0), Beat(b"fgh", 0.5)]
WHOLE = b"abcdefgh"
POSITIONS = range(len(WHOLE) + 1)


def joined(score: Iterable[Beat]) -> bytes:
    return b"".join(beat.data for beat in score)


def test_no_fault_changes_nothing() -> None:
    assert inject(None, SCORE) is SCORE


@pytest.mark.parametrize("at", POSITIONS)
@pytest.mark.parametrize(
    ("made", "ending"),
    [(Fault.stall, Ending.STALL), (Fault.reset, Ending.RESET), (Fault.truncate, Ending.CUT)],
)
def test_an_ending_comes_after_exactly_so_many_bytes(made: object, ending: Ending, at: int) -> None:
    assert callable(made)
    score = list(inject(made(at), SCORE))
    assert joined(score) == WHOLE[:at]
    assert [beat.then for beat in score if beat.then] == [ending]
    assert score[-1].then is ending


def test_an_ending_waits_for_the_bytes_before_it_only() -> None:
    assert sum(beat.delay for beat in inject(Fault.truncate(0), SCORE)) == 2.0
    assert sum(beat.delay for beat in inject(Fault.truncate(5), SCORE)) == 2.0
    assert sum(beat.delay for beat in inject(Fault.truncate(6), SCORE)) == 3.5


@pytest.mark.parametrize("made", [Fault.stall, Fault.reset, Fault.truncate, Fault.garbage])
def test_a_fault_behind_the_end_never_happens(made: object) -> None:
    assert callable(made)
    assert list(inject(made(len(WHOLE) + 1), SCORE)) == SCORE


def test_a_close_before_the_response_is_a_cut_at_nothing() -> None:
    assert Fault.before_response_close() == Fault.truncate(0)


@pytest.mark.parametrize("at", POSITIONS)
def test_garbage_is_inserted_and_the_rest_follows(at: int) -> None:
    score = inject(Fault.garbage(at, b"!?"), SCORE)
    assert joined(score) == WHOLE[:at] + b"!?" + WHOLE[at:]


@pytest.mark.parametrize("at", POSITIONS)
@pytest.mark.parametrize("size", [1, 2, 3, 20])
def test_a_drip_cuts_what_is_behind_its_byte(at: int, size: int) -> None:
    score = list(inject(Fault.slow_drip(10.0, size, at), SCORE))
    assert joined(score) == WHOLE
    pieces = [beat for beat in score if beat.gap is Gap.WRITE]
    assert joined(pieces) == WHOLE[at:]
    assert [len(beat.data) for beat in pieces[:-1]] == [size] * (len(pieces) - 1)
    assert all(beat.delay >= 10.0 for beat in pieces)


def test_a_drip_adds_its_intervals_to_the_pace() -> None:
    score = list(inject(Fault.slow_drip(10.0, 4), SCORE))
    assert [(beat.data, beat.delay) for beat in score if beat.data] == [
        (b"abcd", 10.0),
        (b"efgh", 11.5),
    ]


def test_a_split_makes_pieces_and_leaves_the_rest() -> None:
    score = list(inject(Fault.split([1, 4]), [*SCORE, Beat(b"ij", 3.0)]))
    assert score == [
        Beat(b"a", 2.0, Gap.SETTLE),
        Beat(b"bcde", 0.0, Gap.SETTLE),
        Beat(b"", 1.0),
        Beat(b"fgh", 0.5),
        Beat(b"ij", 3.0),
    ]


def test_a_split_may_want_more_than_there_is() -> None:
    score = list(inject(Fault.split([6, 100]), SCORE))
    assert [beat.data for beat in score] == [b"abcdef", b"gh"]


@settings(deadline=None, max_examples=100)
@given(
    pieces=st.lists(st.binary(max_size=5), max_size=6),
    sizes=st.lists(st.integers(1, 7), max_size=8),
)
def test_a_split_never_loses_a_byte(pieces: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(pieces)
    score = list(inject(Fault.split(sizes), [Beat(piece) for piece in pieces]))
    assert joined(score) == whole
    complete = [len(beat.data) for beat in score if beat.gap is Gap.SETTLE]
    for wanted, got in zip(sizes, complete[:-1], strict=False):
        assert got == wanted


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Fault.stall(-1), "Fault.stall: at, in bytes: expected at least 0, got -1"),
        (lambda: Fault.slow_drip(-0.5), "interval, in seconds: expected at least 0, got -0.5"),
        (lambda: Fault.split([3, 0]), "size of a piece, in bytes: expected at least 1, got 0"),
    ],
)
def test_an_impossible_fault_is_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
