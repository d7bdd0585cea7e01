"""Every public name is in the API reference, and described where that takes its text from.

That each of them found its place there, the build of the pages checks: see `docs/conf.py`.
"""

import ast
import importlib
import inspect
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import UnionType

import pytest

from shared_data import ROOT

FACADES = re.findall(
    r"^\.\. automodule:: (\S+)$",
    "".join((ROOT / "docs" / name).read_text() for name in ("api.rst", "api-types.rst")),
    re.MULTILINE,
)
FACADE_OBJECTS = [
    (facade, name, getattr(importlib.import_module(facade), name))
    for facade in FACADES
    for name in importlib.import_module(facade).__all__
    if name not in {"NOT_GIVEN", "__version__"}  # described in the page itself
]


def described_data(module: str) -> set[str]:
    """Names that are assigned at the top of a module and have a text below that."""
    body = ast.parse(inspect.getsource(importlib.import_module(module))).body
    described = set()
    for node, after in itertools.pairwise(body):
        match node, after:
            case (
                ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str())),
            ):
                described.add(name)
    return described


def homes(name: str, value: object) -> Iterator[str]:
    """Modules of the package that have a value under this name."""
    for module in tuple(sys.modules.values()):
        if module.__name__.startswith("trio_groq") and vars(module).get(name) is value:
            yield module.__name__


def is_described(name: str, value: object) -> bool:
    """Whether there is a text for the reference; a union of types speaks for itself."""
    if inspect.isclass(value) or inspect.isroutine(value):
        return bool(vars(value).get("__doc__") or (inspect.isroutine(value) and value.__doc__))
    return isinstance(value, UnionType) or any(
        name in described_data(home) for home in homes(name, value)
    )


def test_the_reference_has_every_public_module() -> None:
    package = Path(importlib.import_module("trio_groq").__file__ or "").parent
    names = {path.stem for path in package.glob("[a-z]*.py")} | {
        path.parent.name for path in package.glob("[a-z]*/__init__.py")
    }
    # What `config` has the package exports; resources are described by their classes.
    inner = {"config", "client", "cli", "resources"}
    assert {f"trio_groq.{name}" for name in names - inner} | {"trio_groq"} == set(FACADES)


@pytest.mark.parametrize(
    ("facade", "name", "value"),
    FACADE_OBJECTS,
    ids=[f"{facade}.{name}" for facade, name, _ in FACADE_OBJECTS],
)
def test_every_public_name_is_described(facade: str, name: str, value: object) -> None:
    assert is_described(name, value), f"{facade}.{name}: expected a docstring, got none"


def test_a_name_without_a_docstring_is_missed() -> None:
    class Bare:
        pass

    assert not is_described("Bare", Bare)
    assert not is_described("NO_SUCH", 5)


def test_every_resource_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "api.rst").read_text(encoding="utf-8")
    for path in (ROOT / "src" / "trio_groq" / "resources").glob("[a-z]*.py"):
        module = importlib.import_module(f"trio_groq.resources.{path.stem}")
        classes = [name for name in module.__all__ if isinstance(getattr(module, name), type)]
        wrappers = ("WithRawResponse", "WithStreamingResponse")
        named = [name for name in classes if not name.endswith(wrappers)]
        # `Chat` and `Audio` only hold the resources below them.
        for name in set(named) - {"Chat", "Audio"}:
            assert f"autoclass:: {module.__name__}.{name}\n" in page
