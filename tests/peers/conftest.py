"""What all tests with foreign servers share."""

import pytest
from trio.testing import MockClock


@pytest.fixture
def still_clock() -> MockClock:
    """A clock that stands still while anything happens, so a slow machine changes no result.

    It only goes on, to the next deadline, when nothing has happened for 20 real seconds: a bug
    that would hang becomes an error.
    """
    return MockClock(autojump_threshold=20.0)
