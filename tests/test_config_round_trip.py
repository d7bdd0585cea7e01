"""A configuration written as a plain table is read back as the same configuration."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import attrs
from hypothesis import given
from hypothesis import strategies as st

from test_package import modules_after
from trio_groq import ClientConfig, ExchangeLimits, PoolLimits, RetryPolicy, Timeouts
from trio_groq.config import CircuitBreakerPolicy, LogLevel, RateLimitPolicy, RetryBudgetPolicy


def tabled(value: Any) -> Any:
    """Plain values for a file, with the word for None that TOML needs."""
    if attrs.has(type(value)):
        fields = [field.name for field in attrs.fields(type(value))]
        return {
            name: tabled(getattr(value, name))
            for name in fields
            if name not in {"_origins", "api_key", "ssl_context", "verdict"}
        }
    if isinstance(value, dict):
        return {name: tabled(item) if item is not None else None for name, item in value.items()}
    if isinstance(value, tuple | frozenset):
        return [tabled(item) for item in value]
    if isinstance(value, str):
        return value.replace("${", "$${")
    return "none" if value is None else value


def written(config: ClientConfig) -> dict[str, Any]:
    """The table of a file. `none` for the proxy is no proxy; what the environment says is null."""
    return {**tabled(config), "proxy": config.proxy}


counts = st.integers(1, 2**63 - 1)
numbers = st.floats(1e-6, 1e9) | st.integers(1, 10**9)
words = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1)
texts = st.text(max_size=20) | st.just("none") | st.just("${x}")
names = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True).map("X-{}".format)


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def record(cls: type, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=fields).map(lambda chosen: cls(**chosen))


@cache
def configs() -> st.SearchStrategy[ClientConfig]:
    limit = some(numbers)
    level = st.sampled_from(list(get_args(LogLevel)))
    readiness: list[Literal["auto", "trio"]] = ["auto", "trio"]
    return record(
        ClientConfig,
        base_url=st.sampled_from(["https://a.test", "https://b.test:1/x", "http://localhost:1"]),
        allow_plaintext=st.booleans(),
        timeouts=record(
            Timeouts,
            connect=limit,
            tls=limit,
            first_byte=limit,
            read=limit,
            total=limit,
            first_token=limit,
        ),
        retry=record(
            RetryPolicy,
            max_retries=counts,
            jitter=st.floats(0, 1),
            statuses=st.frozensets(st.sampled_from([408, 409, 418, 429, 498])),
            idempotency_key=st.booleans(),
        ),
        retry_budget=some(record(RetryBudgetPolicy, ratio=numbers)),
        circuit_breaker=some(
            record(
                CircuitBreakerPolicy,
                open_for=numbers,
                on_open=st.sampled_from(["fail", "wait"]),
            )
        ),
        rate_limit=some(
            record(RateLimitPolicy, requests_per_minute=some(counts), proactive=st.booleans())
        ),
        limits=record(PoolLimits, max_connections=counts, max_waiters=some(counts)),
        exchange_limits=record(ExchangeLimits, max_decoded_bytes=some(counts)),
        max_event_bytes=counts,
        strict_validation=st.booleans(),
        default_headers=st.dictionaries(names, some(st.just("none") | words), max_size=3),
        default_query=st.dictionaries(
            st.text(max_size=5), some(texts | st.booleans() | st.integers(-9, 9)), max_size=3
        ),
        proxy=st.sampled_from([None, "none"]),
        readiness=st.sampled_from(readiness),
        models=st.lists(words, max_size=3).map(tuple),
        track_latency=st.booleans(),
        latency_samples=counts,
        log_level=some(level),
    )


@given(config=configs())
def test_what_is_written_is_read_back(config: ClientConfig) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "groq.json")
        path.write_text(json.dumps(written(config)), encoding="utf-8")
        read = ClientConfig.from_file(path, environ={})
    assert read == config
    # The same settings and values, whoever states them.
    shown = [
        [line.rpartition("  ")[0].split() for line in each.describe().splitlines()]
        for each in (read, config)
    ]
    assert shown[0] == shown[1]


@given(config=configs())
def test_it_overrules_a_file_as_arguments(config: ClientConfig) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "groq.json")
        path.write_text('{"timeouts": {"read": 77}, "circuit_breaker": false}', encoding="utf-8")
        fields = {
            field.name: getattr(config, field.name)
            for field in attrs.fields(ClientConfig)
            if field.name != "_origins"
        }
        assert ClientConfig.from_file(path, environ={}, **fields) == config


def test_what_reads_files_is_loaded_when_a_file_is_read() -> None:
    late = {"cattrs", "tomllib", "yaml", "trio_groq._config.structure", "trio_groq._config.files"}
    made = "from trio_groq import ClientConfig; ClientConfig.from_env({})"
    assert modules_after(made) & late == set()
