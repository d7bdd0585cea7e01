"""The package keeps the layers that docs/architecture.rst draws, and the rules beside them."""

from collections.abc import Callable
from textwrap import dedent

import pytest

import source_rules
from shared_data import ROOT
from source_rules import Module, Modules

Rule = Callable[[Modules], list[str]]


def fakes(sources: dict[str, str]) -> dict[str, Module]:
    """Modules of a made-up package; a name that ends with a dot is a package's `__init__`."""
    modules = {}
    for key, text in sources.items():
        name = f"trio_groq.{key}".rstrip(".")
        modules[name] = Module(name, dedent(text), is_package=key.endswith(".") or not key)
    return modules


@pytest.mark.parametrize("rule", source_rules.RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Rule) -> None:
    modules = source_rules.read_modules(ROOT / "src" / "trio_groq")
    assert "trio_groq._http.messages" in modules
    assert rule(modules) == []


BASE = {
    "": "",
    "errors": "",
    "types.": "",
    "_http.": "",
    "_http.dial": "",
    "sse.": "",
    "client": "",
}

BROKEN: dict[str, tuple[Rule, dict[str, str], str]] = {
    "upward": (
        source_rules.upward_imports,
        {"errors": "import trio_groq.client"},
        "trio_groq.errors: expected no import of trio_groq.client, got one",
    ),
    "upward, a name of a module": (
        source_rules.upward_imports,
        {"_http.dial": "from trio_groq.client import GroqClient"},
        "trio_groq._http.dial: expected no import of trio_groq.client, got one",
    ),
    "upward, relative": (
        source_rules.upward_imports,
        {"_http.dial": "from ..client import GroqClient"},
        "trio_groq._http.dial: expected no import of trio_groq.client, got one",
    ),
    "upward, relative in a package's own file": (
        source_rules.upward_imports,
        {"_http.": "from .. import client"},
        "trio_groq._http: expected no import of trio_groq.client, got one",
    ),
    "upward, in a function": (
        source_rules.upward_imports,
        {"errors": "def late():\n    from trio_groq import client"},
        "trio_groq.errors: expected no import of trio_groq.client, got one",
    ),
    "upward, for types only": (
        source_rules.upward_imports,
        {"errors": "if TYPE_CHECKING:\n    from trio_groq.client import GroqClient"},
        "trio_groq.errors: expected no import of trio_groq.client, got one",
    ),
    "upward, by name": (
        source_rules.upward_imports,
        {"errors": "importlib.import_module('trio_groq.client')"},
        "trio_groq.errors: expected no import of trio_groq.client, got one",
    ),
    "upward, the facade": (
        source_rules.upward_imports,
        {"client": "from trio_groq import __version__"},
        "trio_groq.client: expected no import of trio_groq, got one",
    ),
    "strangers": (
        source_rules.upward_imports,
        {"_http.dial": "from trio_groq.sse import SSEParser"},
        "trio_groq._http.dial: expected no import of trio_groq.sse, got one",
    ),
    "a part without a layer": (
        source_rules.upward_imports,
        {"utils": ""},
        "trio_groq.utils: expected its layer in LAYERS, got none",
    ),
    "circle in a package": (
        source_rules.import_circles,
        {"types.a": "from . import b", "types.b": "from trio_groq.types.a import A"},
        "imports: expected no circle, got types.a <- types.b <- types.a",
    ),
    "circle through a facade": (
        source_rules.import_circles,
        {"_http.": "from trio_groq._http.dial import d", "_http.dial": "from . import Origin"},
        "imports: expected no circle, got _http <- _http.dial <- _http",
    ),
    "ssl": (
        source_rules.foreign_ssl,
        {"client": "if TYPE_CHECKING:\n    from ssl import SSLContext"},
        "trio_groq.client: expected no import of ssl, got one",
    ),
    "print": (
        source_rules.console_use,
        {"client": "def f():\n    print('here')"},
        "trio_groq.client: expected no use of the console, got print()",
    ),
    "arguments": (
        source_rules.console_use,
        {"testing.server": "import sys\nname = sys.argv[0]"},
        "trio_groq.testing.server: expected no use of the console, got sys.argv",
    ),
    "arguments, imported": (
        source_rules.console_use,
        {"client": "from sys import argv"},
        "trio_groq.client: expected no use of the console, got sys.argv",
    ),
    "long file": (
        source_rules.long_files,
        {"client": "\n" * 451},
        "trio_groq.client: expected at most 450 lines, got 451",
    ),
    "bare async generator": (
        source_rules.bare_async_generators,
        {"client": "class C:\n    async def pieces(self):\n        print((yield 1))"},
        "trio_groq.client: expected no bare async generator, got pieces",
    ),
}


@pytest.mark.parametrize(("rule", "sources", "finding"), BROKEN.values(), ids=BROKEN)
def test_a_rule_finds_what_breaks_it(rule: Rule, sources: dict[str, str], finding: str) -> None:
    assert rule(fakes(BASE)) == []
    assert rule(fakes(BASE | sources)) == [finding]


KEPT: dict[str, dict[str, str]] = {
    "downward and sideways": {
        "": "from trio_groq.client import GroqClient",
        "client": "from trio_groq.config import ClientConfig\nfrom trio_groq import errors",
        "config": "import trio_groq.errors",
        "_http.dial": "from .messages import Origin\nfrom trio_groq._http import messages",
        "_http.messages": "",
    },
    "modules below a facade": {
        "_http.": "from trio_groq._http.pool import Pool",
        "_http.pool": "from trio_groq._http.dial import dial",
    },
    "ssl where it belongs": {"_http.dial": "import ssl", "testing.certificates": "import ssl"},
    "the console where it belongs": {"cli.": "import sys", "cli.demo": "print(sys.argv)"},
    "a name that only looks like it": {"client": "self.print(argv, sys.platform)"},
    "a file at the limit": {"client": "\n" * 450},
    "async context managers and closed generators": {
        "client": """\
            @asynccontextmanager
            async def opened():
                yield 1

            async def outer():
                def inner():
                    yield 1
                return [each async for each in inner()]
            """,
        "testing.": "async def pieces():\n    yield 1",
    },
}


@pytest.mark.parametrize("sources", KEPT.values(), ids=KEPT)
def test_no_rule_finds_fault_with_what_is_right(sources: dict[str, str]) -> None:
    modules = fakes(BASE | sources)
    assert [finding for rule in source_rules.RULES for finding in rule(modules)] == []
