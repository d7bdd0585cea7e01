import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_pieces import cut, cuts, one_by_one
from trio_groq.cli._run_lines import BOM, LineSplitter, lines_of
from trio_groq.errors import InvalidRequestError


@given(data=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b""])).map(b"".join), at=cuts())
def test_lines_are_those_of_a_split_however_they_come(data: bytes, at: list[int]) -> None:
    *whole, rest = data.split(b"\n")
    expected = [*whole, rest] if rest else whole
    for pieces in (cut(data, at), one_by_one(data)):
        assert list(lines_of(pieces, 1000)) == list(enumerate(expected, 1))


def test_what_has_no_end_is_left() -> None:
    splitter = LineSplitter(10)
    splitter.feed(b"one\ntw")
    assert (splitter.next_line(), splitter.next_line()) == (b"one", None)
    assert (splitter.rest(), splitter.number) == (b"tw", 1)
    splitter.feed(b"o\n")
    assert (splitter.next_line(), splitter.rest(), splitter.number) == (b"two", b"", 2)


@pytest.mark.parametrize("rest", [b"\n", b"", b"\nmore"])
def test_a_line_that_is_too_long_ends_the_reading(rest: bytes) -> None:
    lines = lines_of([b"1234\n", b"123", b"45" + rest], 4)
    assert next(lines) == (1, b"1234")
    with pytest.raises(InvalidRequestError, match=r"^line 2: expected at most 4 bytes, got more$"):
        next(lines)


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert list(lines_of([BOM + b"a\n", BOM + b"b"], 99)) == [(1, b"a"), (2, BOM + b"b")]
    assert list(lines_of([BOM + b"a"], 99)) == [(1, b"a")]
