"""What all tests with foreign servers share."""

from collections.abc import Iterator

import pytest
from trio.testing import MockClock


@pytest.fixture
def still_clock() -> Iterator[MockClock]:
    """A clock that stands still while anything happens, so a slow machine changes no result.

    It only goes on, to the next deadline, when nothing has happened for 20 real seconds: a bug
    that would hang becomes an error.
    """
    clock = MockClock(autojump_threshold=20.0)
    yield clock
    assert clock.current_time() == 0.0, "expected something to happen, got 20 s of nothing"
