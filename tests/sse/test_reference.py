"""The reference decoder against Python's: the parser relies on their being the same."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse.reference import decode_utf8

# Both sides of every boundary that the decoder looks at.
BOUNDARIES = bytes.fromhex("00417f808f909fa0bfc0c1c2dfe0e1ecedeeeff0f1f3f4f5ff")


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_python_replaces_what_the_standard_replaces(length: int) -> None:
    for values in product(BOUNDARIES, repeat=length):
        data = bytes(values)
        assert data.decode("utf-8", "replace") == decode_utf8(data)


@given(st.lists(st.sampled_from(BOUNDARIES), max_size=12).map(bytes) | st.binary(max_size=12))
@settings(deadline=None, max_examples=300)
def test_longer_sequences_too(data: bytes) -> None:
    assert data.decode("utf-8", "replace") == decode_utf8(data)
