"""The plugin: a fixture that works under pytest-trio, and no harm done elsewhere."""

import subprocess
import sys

import pytest

from raw_http import chat_request, connect
from trio_groq import testing
from trio_groq.testing import FakeGroq

pytest_plugins = ["pytester"]

USES = """
    import pytest
    from trio_groq.testing import FakeGroq

    @pytest.mark.trio
    async def test_in_trio(fake_groq):
        assert isinstance(fake_groq, FakeGroq)

    def test_outside(fake_groq):
        pass
"""


async def test_the_fixture_is_a_server_at_work(fake_groq: FakeGroq) -> None:
    async with connect(fake_groq) as client:
        assert (await client.ask(chat_request())).status == 200


async def test_each_test_has_a_server_of_its_own(fake_groq: FakeGroq) -> None:
    assert fake_groq.connections_opened == 0


def test_it_works_with_the_marker_and_in_trio_tests_only(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(USES)
    result = pytester.runpytest("-W", "error", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*Trio fixtures can only be used by Trio tests*"])


def test_without_pytest_trio_it_fails_when_used_and_says_why(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other(): pass\ndef test_outside(fake_groq): pass")
    result = pytester.runpytest("-W", "error", "-p", "no:trio", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*expected pytest-trio to be active, got none*"])


def test_loading_the_plugin_loads_no_more_than_the_package_and_pytest() -> None:
    code = """
import sys, trio_groq, pytest
before = set(sys.modules)
import trio_groq.testing.pytest_plugin
print(*sorted(set(sys.modules) - before))
"""
    done = subprocess.run(  # noqa: S603 (this interpreter)
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    package, plugin = "trio_groq.testing", "trio_groq.testing.pytest_plugin"
    assert done.stdout.split() == ["trio_groq._facades", package, plugin]


def test_the_package_names_what_it_gives() -> None:
    for name in testing.__all__:
        assert getattr(testing, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        testing.Nonsense  # noqa: B018 (a name that is not there)
