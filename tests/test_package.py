"""What importing the package costs, and what its public face promises."""

import importlib
import importlib.metadata
import importlib.resources
import inspect
import json
import os
import subprocess
import sys
from typing import Any

import attrs
import pytest
import trio

import trio_groq
from trio_groq.testing import FakeGroq, Reply

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

RARE = frozenset(
    {
        "trio_groq._api.parameter_faults",
        "trio_groq._api.structured",
        "trio_groq._api.throttle",
        "trio_groq._api.uploads",
        "trio_groq._api_response",
        "trio_groq._binary",
        "trio_groq._config.loading",
        "trio_groq._event_stream",
        "trio_groq._hooks.watch",
        "trio_groq._http.multipart",
        "trio_groq._http.proxy_exemptions",
        "trio_groq._http.socks",
        "trio_groq._http.tls_over_tls",
        "trio_groq._http.tunnel",
        "trio_groq._http.warm_up",
        "trio_groq._stream",
        "trio_groq._tool_loop",
        "trio_groq.fanout.map",
        "trio_groq.observe",
        "trio_groq.sse.parser",
        "trio_groq.testing",
    }
)
"""What proxies, raw responses, streams, files, tools and observers need: not each program.

What a failed call needs is not among them: when there is no descriptor left, no module can be
loaded, and nobody would learn of the failure.
"""

CLASS = "from trio_groq import GroqClient"
MADE = f"{CLASS}; client = GroqClient(api_key='gsk_x'); client.chat.completions.create"
COMPLETED = """
import trio
from trio_groq import GroqClient

async def main():
    async with GroqClient(api_key="gsk_x", base_url={url!r}) as client:
        await client.chat.completions.create(
            model="openai/gpt-oss-120b", messages=[{{"role": "user", "content": "Hello"}}]
        )

trio.run(main)
"""

FAILED = """
import resource
import trio
from trio_groq import GroqClient, GroqError

told = []

async def main():
    async with GroqClient(api_key="gsk_x", base_url={url!r}, max_retries=0) as client:
        for _ in range(3):
            try:
                await client.chat.completions.create(
                    model="openai/gpt-oss-120b", messages=[{{"role": "user", "content": "Hello"}}]
                )
            except GroqError as error:
                told.append(type(error).__name__)
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))

trio.run(main)
"""
"""The first of three calls takes the last descriptor."""

MOST_MODULES = 96
"""Of ours that a client and its completions may load; each costs some 0.2 ms."""

ATTRS_CLASSES = frozenset(
    {
        "CircuitBreakerPolicy",
        "ClientConfig",
        "ExchangeLimits",
        "PoolLimits",
        "RateLimitPolicy",
        "RetryBudgetPolicy",
        "RetryPolicy",
        "Timeouts",
    }
)
"""Those that check their fields. One costs an import 0.5 ms and up, a Struct a thirtieth of it."""


def result_of(script: str, expression: str) -> Any:
    """What an expression gives in a fresh interpreter without proxies, after a script."""
    environ = {name: text for name, text in os.environ.items() if "proxy" not in name.lower()}
    whole = f"import json, sys\n{script}\nprint(json.dumps({expression}))"
    done = subprocess.run(  # noqa: S603 (the script is ours)
        [sys.executable, "-c", whole], capture_output=True, check=True, text=True, env=environ
    )
    return json.loads(done.stdout)


def modules_after(statement: str) -> set[str]:
    """Names of the modules that a fresh interpreter holds after one statement."""
    return set(result_of(statement, "list(sys.modules)"))


def test_importing_the_package_loads_no_extra_and_nothing_slow() -> None:
    loaded = modules_after("import trio_groq") - modules_after("import trio")
    assert "trio_groq" in loaded
    assert loaded & (EXTRAS | LATE) == set()


@pytest.mark.parametrize("script", [CLASS, MADE], ids=["class", "made"])
def test_a_client_loads_little(script: str) -> None:
    loaded = modules_after(script) - modules_after("import trio")
    assert "trio_groq.client" in loaded
    assert loaded & (EXTRAS | LATE | RARE) == set()
    assert len([name for name in loaded if name.startswith("trio_groq")]) <= MOST_MODULES


async def test_a_completion_loads_little_more(fake_groq: FakeGroq) -> None:
    script = COMPLETED.format(url=fake_groq.url)
    loaded = await trio.to_thread.run_sync(modules_after, script)
    assert "trio_groq._http.exchange" in loaded
    assert loaded & RARE == set()


async def test_a_failure_needs_no_module_that_is_not_loaded(fake_groq: FakeGroq) -> None:
    pytest.importorskip("resource")
    refused = attrs.evolve(Reply.error(429, "later"), close_after=True)
    fake_groq.enqueue(Reply.json({}), refused)
    told = await trio.to_thread.run_sync(result_of, FAILED.format(url=fake_groq.url), "told")
    assert told == ["RateLimitError", "APIConnectionError"]


def test_only_what_checks_its_fields_is_an_attrs_class() -> None:
    found = result_of(
        f"import attrs\n{MADE}",
        "[value.__name__ for name, module in sys.modules.items() if name.startswith('trio_groq')"
        " for value in vars(module).values() if isinstance(value, type) and attrs.has(value)]",
    )
    assert set(found) == ATTRS_CLASSES


def test_what_is_rare_is_still_there() -> None:
    for name in RARE:
        importlib.import_module(name)


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
    assert not hasattr(module, "no_such_name")
    assert [each for each in names if each.startswith("_") and each != "__version__"] == []


@pytest.mark.parametrize("name", ["trio_groq", "trio_groq.sse", "trio_groq.types"])
def test_a_facade_lists_what_it_has_not_loaded_yet(name: str) -> None:
    listed = result_of(f"import {name}", f"dir({name})")
    assert set(importlib.import_module(name).__all__) <= set(listed)


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
