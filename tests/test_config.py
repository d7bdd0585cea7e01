"""`ClientConfig`: what it takes, what it refuses, and what the environment says."""

import copy
from typing import Any, get_args

import attrs
import pytest

from trio_groq import (
    ClientConfig,
    ExchangeLimits,
    GroqClient,
    PoolLimits,
    RetryPolicy,
    Secret,
    Timeouts,
)
from trio_groq.config import LogLevel
from trio_groq.errors import ConfigurationError
from trio_groq.observe.logging import LEVELS
from trio_groq.testing import FakeGroq

KEY = "gsk_0123456789abcdefWXYZ"


def test_the_documented_defaults() -> None:
    config = ClientConfig()
    assert config.base_url == "https://api.groq.com"
    assert config.timeouts == Timeouts()
    assert config.retry == RetryPolicy(max_retries=2)
    assert config.limits == PoolLimits(
        max_connections=1000, max_idle=100, idle_expiry=60.0, max_waiters=None
    )
    assert config.exchange_limits == ExchangeLimits()
    assert config.api_key is None
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        config.base_url = "https://other.test"  # type: ignore[misc]


def test_it_shows_no_key_and_no_header() -> None:
    config = ClientConfig(
        api_key=KEY, default_headers={"x": "hidden"}, default_query={"y": "hidden"}
    )
    for shown in (repr(config), f"{config}", str(attrs.asdict(config)["api_key"])):
        assert KEY not in shown
        assert "hidden" not in shown
    assert "...WXYZ" in repr(config)
    assert isinstance(config.api_key, Secret)


def test_it_can_be_varied() -> None:
    config = attrs.evolve(ClientConfig(api_key=KEY), base_url="https://other.test/openai/v1")
    assert config.api_key == Secret(KEY)
    assert str(config.parsed_base_url()) == "https://other.test"
    assert copy.copy(config) == config


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"api_key": ""}, "^api_key: expected a key", id="empty-key"),
        pytest.param({"api_key": f"{KEY}\n"}, "^api_key: expected printable", id="key-line"),
        pytest.param({"base_url": "ftp://x"}, "^base_url: expected https", id="url"),
        pytest.param({"base_url": 5}, "^base_url: expected", id="url-type"),
        pytest.param({"max_event_bytes": 0}, "^max_event_bytes: expected an integer", id="bytes"),
        pytest.param({"default_headers": {"x": "a\n"}}, "^default_headers: header x", id="header"),
        pytest.param({"default_headers": {"Host": "x"}}, "^default_headers: header", id="host"),
        pytest.param({"default_headers": ["x"]}, "^default_headers: expected", id="headers-type"),
        pytest.param({"default_query": {"x": [1]}}, "^default_query: ", id="query"),
        pytest.param({"default_query": 5}, "^default_query: expected", id="query-type"),
        pytest.param({"timeouts": 5}, "^timeouts: expected", id="timeouts-type"),
        pytest.param({"retry": 5}, "^retry: expected", id="retry-type"),
        pytest.param({"limits": 5}, "^limits: expected", id="limits-type"),
        pytest.param({"exchange_limits": 5}, "^exchange_limits: expected", id="exchange-type"),
        pytest.param({"ssl_context": 5}, "^ssl_context: expected", id="ssl-type"),
        pytest.param({"models": "llama"}, "^models: expected a list of names", id="models-text"),
        pytest.param({"models": [""]}, "^models: expected a list of names", id="models-empty"),
        pytest.param({"models": [5]}, "^models: expected a list of names", id="models-number"),
        pytest.param({"latency_samples": 0}, "^latency_samples: expected", id="samples"),
        pytest.param({"track_latency": 1}, "^track_latency: expected bool", id="track"),
        pytest.param(
            {"log_level": "x"}, "^log_level: expected one of off, critical, error", id="log"
        ),
    ],
)
def test_what_is_wrong_is_told_at_construction(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        ClientConfig(**fields)
    assert KEY not in str(caught.value)


def test_a_wrong_default_header_does_not_show_its_value() -> None:
    with pytest.raises(ConfigurationError) as caught:
        ClientConfig(default_headers={"Authorization": f"Bearer {KEY}\n"})
    assert KEY not in f"{caught.value!r}{vars(caught.value)}{caught.value.__context__!r}"


def test_a_key_function_is_kept_as_it_is() -> None:
    def key() -> str:
        raise AssertionError

    assert ClientConfig(api_key=key).required_key() is key


def test_without_a_key_it_says_where_to_set_one() -> None:
    with pytest.raises(ConfigurationError, match="set GROQ_API_KEY or pass api_key="):
        ClientConfig().required_key()


# -- the environment


@pytest.mark.parametrize(
    ("environ", "key", "url"),
    [
        ({}, None, "https://api.groq.com"),
        ({"GROQ_API_KEY": KEY}, KEY, "https://api.groq.com"),
        ({"GROQ_API_KEY": "", "GROQ_BASE_URL": ""}, None, "https://api.groq.com"),
        ({"GROQ_BASE_URL": "https://a.test"}, None, "https://a.test"),
        ({"GROQ_HOST": "https://b.test"}, None, "https://b.test"),
        ({"GROQ_BASE_URL": "https://a.test", "GROQ_HOST": "x"}, None, "https://a.test"),
        ({"GROQ_BASE_URL": "", "GROQ_HOST": "https://b.test"}, None, "https://b.test"),
    ],
)
def test_from_env(environ: dict[str, str], key: str | None, url: str) -> None:
    config = ClientConfig.from_env(environ)
    assert config.api_key == (None if key is None else Secret(key))
    assert config.base_url == url


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"GROQ_API_KEY": f"{KEY}\n"}, "^GROQ_API_KEY: expected printable ASCII"),
        ({"GROQ_BASE_URL": "http://evil.test"}, "^GROQ_BASE_URL: base_url: expected https"),
        ({"GROQ_HOST": "nonsense"}, "^GROQ_HOST: base_url: expected https"),
        ({"GROQ_BASE_URL": KEY}, "^GROQ_BASE_URL: base_url: expected https"),
        (
            {"GROQ_LOG": "loud"},
            "^GROQ_LOG: log_level: expected one of off, critical, error, .* got 'loud'",
        ),
        (
            {"GROQ_CUSTOM_HEADERS": f"X-Team: a\n\nX-Key {KEY}"},
            "^GROQ_CUSTOM_HEADERS: expected lines of .* got no colon in line 3$",
        ),
        (
            {"GROQ_CUSTOM_HEADERS": f"Bad Name: {KEY}"},
            "^GROQ_CUSTOM_HEADERS: header name: expected a token",
        ),
        ({"GROQ_CUSTOM_HEADERS": "Host: a.test"}, "^GROQ_CUSTOM_HEADERS: header Host:"),
    ],
)
def test_a_wrong_variable_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        ClientConfig.from_env(environ)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("debug", "debug"),
        (" INFO ", "info"),
        ("Warn", "warn"),
        ("critical", "critical"),
        ("off", "off"),
        ("", None),
    ],
)
def test_the_log_level_of_the_environment(text: str, level: str | None) -> None:
    assert ClientConfig.from_env({"GROQ_LOG": text}).log_level == level
    assert ClientConfig.from_env({"GROQ_LOG": text}, log_level="trace").log_level == "trace"


def test_header_fields_of_the_environment_have_those_of_arguments_above_them() -> None:
    environ = {"GROQ_CUSTOM_HEADERS": "X-Team: blue:1 \r\n  X-Other :2\n\nX-Gone:\n"}
    assert ClientConfig.from_env(environ).default_headers == {
        "X-Team": "blue:1",
        "X-Other": "2",
        "X-Gone": "",
    }
    config = ClientConfig.from_env(environ, default_headers={"x-team": "red", "X-Gone": None})
    assert config.default_headers == {"X-Other": "2", "x-team": "red", "X-Gone": None}
    with pytest.raises(ConfigurationError, match=r"^default_headers: expected a mapping"):
        ClientConfig.from_env(environ, default_headers=5)


def test_another_wrong_field_is_not_blamed_on_the_variable() -> None:
    with pytest.raises(ConfigurationError, match=r"^max_event_bytes: "):
        ClientConfig.from_env({"GROQ_BASE_URL": "https://a.test"}, max_event_bytes=0)


@pytest.mark.parametrize(
    ("environ", "given"),
    [
        pytest.param({"GROQ_API_KEY": "bad\n"}, {"api_key": KEY}, id="key"),
        pytest.param(
            {"GROQ_BASE_URL": "nonsense"},
            {"api_key": KEY, "base_url": "https://given.test"},
            id="url",
        ),
    ],
)
def test_what_is_given_wins_and_the_environment_is_not_looked_at(
    environ: dict[str, str], given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    config = ClientConfig.from_env(environ, **given)
    client = GroqClient(**given)
    assert config.api_key == client.config.api_key == Secret(KEY)
    assert config.base_url == client.config.base_url


def test_plaintext_allowed_by_argument_holds_for_the_environment_s_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GROQ_BASE_URL", "http://groq.internal")
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    assert GroqClient(allow_plaintext=True).config.base_url == "http://groq.internal"
    with pytest.raises(ConfigurationError, match="GROQ_BASE_URL"):
        GroqClient()


def test_with_a_config_the_environment_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_BASE_URL", "https://other.test")
    monkeypatch.setenv("GROQ_API_KEY", "bad\n")
    client = GroqClient(config=ClientConfig(api_key=KEY))
    assert client.config == ClientConfig(api_key=KEY)


def test_readiness_is_one_of_the_ways_there_are() -> None:
    with pytest.raises(ConfigurationError, match="auto, epoll, kqueue, trio, got 'poll'"):
        ClientConfig(readiness="poll")  # type: ignore[arg-type]


async def test_readiness_can_be_forced(fake_groq: FakeGroq) -> None:
    config = ClientConfig(api_key="gsk_test", base_url=fake_groq.url, readiness="trio")
    async with GroqClient(config=config) as client:
        completion = await client.chat.completions.create(
            model="llama-3.1-8b-instant", messages=[{"role": "user", "content": "Hello"}]
        )
    assert completion.choices


def test_levels_are_those_that_logging_is_set_up_with() -> None:
    assert sorted(get_args(LogLevel)) == sorted(LEVELS)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("timeout", r" \(did you mean timeouts\?\)"), ("foo", ""), ("_origins", "")],
)
def test_a_field_that_there_is_none_of(name: str, hint: str) -> None:
    given: Any = {name: 5}
    allowed = "allow_plaintext, api_key, base_url, .*, trust_env"
    with pytest.raises(
        ConfigurationError, match=f"^{name}: expected one of {allowed}, got '{name}'{hint}$"
    ):
        ClientConfig.from_env({}, **given)


@pytest.mark.parametrize("option", [-1, 0, float("nan"), "5"])
def test_a_timeout_is_blamed_by_the_name_it_was_given(option: Any) -> None:
    expected = rf"^timeout: expected a number > 0 or None, got {option!r}$"
    with pytest.raises(ConfigurationError, match=expected):
        GroqClient(KEY, timeout=option)


def test_wrong_statuses_are_told_one_by_one() -> None:
    statuses: Any = [429, 500, 200, "x"]
    expected = "^statuses: expected statuses from 400 to 499, got 'x', 200, 500$"
    with pytest.raises(ConfigurationError, match=expected):
        RetryPolicy(statuses=statuses)
