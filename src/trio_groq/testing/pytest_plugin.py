"""The pytest plugin: a fixture `fake_groq` for tests that run under pytest-trio.

pytest loads it in every run of an environment with trio-groq, so it loads nothing itself: Trio
and the server come with the first test that asks for the fixture.
"""

from collections.abc import AsyncIterator
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from trio_groq.testing.server import FakeGroq

__all__ = ["pytest_configure"]

# The name that pytest-trio is registered by.
_PYTEST_TRIO = "trio"


async def _serve() -> AsyncIterator["FakeGroq"]:  # noqa: ASYNC900 (pytest-trio runs it to its end)
    """A FakeGroq on a free loopback port, without TLS, that echoes; one for each test."""
    from trio_groq.testing.server import FakeGroq  # noqa: PLC0415 (see the module's docstring)

    async with FakeGroq() as server:
        yield server  # noqa: ASYNC119, RUF100 (as above; ruff has not got the rule)


def _refuse() -> None:
    """A FakeGroq; needs pytest-trio."""
    pytest.fail(
        "fake_groq: expected pytest-trio to be active, got none; "
        "`pip install 'trio-groq[test]'` brings it",
        pytrace=False,
    )


def pytest_configure(config: pytest.Config) -> None:
    """Give the fixture that fits: all plugins are known by now."""
    trio_plugin = config.pluginmanager.get_plugin(_PYTEST_TRIO)
    fixtures = ModuleType("trio_groq_fixtures")
    made = pytest.fixture(_refuse) if trio_plugin is None else trio_plugin.trio_fixture(_serve)
    fixtures.__dict__["fake_groq"] = made
    config.pluginmanager.register(fixtures, fixtures.__name__)
