"""What importing the package costs, and what its public face promises."""

import importlib
import importlib.metadata
import importlib.resources
import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

import trio_groq

PUBLIC_MODULES = (
    "trio_groq",
    "trio_groq.errors",
    "trio_groq.sse",
    "trio_groq.testing",
    "trio_groq.types",
)

EXTRAS = frozenset(
    {"certifi", "click", "hypercorn", "hypothesis", "pytest", "rich", "trustme", "uvicorn", "yaml"}
)
"""Packages that the package may use where they are installed, and never needs."""

LATE = frozenset(
    {
        "asyncio",
        "cattrs",
        "email",
        "gzip",
        "http.client",
        "importlib.metadata",
        "multiprocessing",
        "tomllib",
        "unittest",
        "urllib.request",
        "xml",
    }
)
"""Modules that cost time, and that no first request needs."""


def modules_after(statement: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after one statement."""
    script = f"{statement}\nimport sys, json\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(  # noqa: S603 (the script is ours)
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_no_extra_and_nothing_slow() -> None:
    loaded = modules_after("import trio_groq") - modules_after("import trio")
    assert "trio_groq" in loaded
    assert loaded & (EXTRAS | LATE) == set()


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_importing_a_public_module_loads_no_extra(name: str) -> None:
    assert modules_after(f"import {name}") & EXTRAS == set()


def test_the_version_is_the_distribution_s() -> None:
    assert trio_groq.__version__ == importlib.metadata.version("trio-groq")


def test_the_package_is_marked_as_typed() -> None:
    assert importlib.resources.files("trio_groq").joinpath("py.typed").is_file()


def sort_key(name: str) -> tuple[bool, bool, str]:
    """Constants, then classes, then the rest, as the linter sorts them."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_all_names_what_the_module_has_in_order(name: str) -> None:
    module = importlib.import_module(name)
    names = module.__all__
    assert names
    assert names == sorted(set(names), key=sort_key)
    assert [each for each in names if not hasattr(module, each)] == []
    assert [each for each in names if each.startswith("_") and each != "__version__"] == []


@pytest.mark.parametrize("name", PUBLIC_MODULES)
def test_every_public_thing_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert (module.__doc__ or "").strip()
    silent = [each for each in module.__all__ if not is_documented(getattr(module, each))]
    assert silent == []


def is_documented(value: Any) -> bool:
    """Whether a class or function has text of its own; other values need none here."""
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        return True
    return bool((value.__doc__ or "").strip())


def test_errors_are_part_of_the_face() -> None:
    errors = importlib.import_module("trio_groq.errors")
    exceptions = {
        name for name in errors.__all__ if issubclass(getattr(errors, name), BaseException)
    }
    assert exceptions - set(trio_groq.__all__) == set()
