import subprocess
import sys
from importlib import import_module

import pytest

import trio_groq.observe
from trio_groq import _hooks

OPTIONAL = "opentelemetry"


def test_every_name_is_there() -> None:
    names = trio_groq.observe.__all__
    assert {getattr(trio_groq.observe, name) is not None for name in names} == {True}
    assert set(names) <= set(dir(trio_groq.observe))
    assert trio_groq.observe.CallFinished is _hooks.CallFinished


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'CallWatch'"):
        _ = trio_groq.observe.CallWatch


def test_only_what_is_used_is_loaded() -> None:
    code = (
        "import sys, trio_groq.observe as observe; observe.LoggingObserver; observe.LatencyTracker;"
        f"sys.exit('{OPTIONAL}' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 (our own code)


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, OPTIONAL, None)
    monkeypatch.delitem(sys.modules, "trio_groq.observe.otel", raising=False)
    with pytest.raises(ImportError, match=r"install it with trio-groq\[otel\]"):
        import_module("trio_groq.observe.otel")
