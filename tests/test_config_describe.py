"""`ClientConfig.describe`: every setting, its value and where it comes from; and no secret."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import attrs
import pytest

from trio_groq import ClientConfig, GroqClient, RetryPolicy, Timeouts
from trio_groq._config.description import described
from trio_groq._config.settings import Origins
from trio_groq._http.dial import default_ssl_context
from trio_groq.config import RateLimitPolicy

KEY = "gsk_0123456789abcdefWXYZ"


def rows(config: ClientConfig) -> dict[str, tuple[str, str]]:
    """Value and origin of each setting."""
    head, *lines = config.describe().splitlines()
    ends = (head.index("value"), head.index("origin"))
    return {
        line[: ends[0]].strip(): (line[ends[0] : ends[1]].strip(), line[ends[1] :])
        for line in lines
    }


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


PROXIES: dict[str, tuple[dict[str, Any], dict[str, str], tuple[str, str]]] = {
    "none": ({}, {}, ("none", "default")),
    "of the environment": (
        {},
        {"HTTPS_PROXY": "http://user:hunter2@proxy.test"},
        ("http://proxy.test:80", "HTTPS_PROXY"),
    ),
    "for all schemes": ({}, {"all_proxy": "proxy.test"}, ("http://proxy.test:80", "all_proxy")),
    "for another scheme": ({}, {"http_proxy": "proxy.test"}, ("none", "default")),
    "not for this host": (
        {},
        {"https_proxy": "proxy.test", "NO_PROXY": "groq.com"},
        ("none for this host", "https_proxy"),
    ),
    "nonsense": ({}, {"https_proxy": "x://hunter2"}, ("no URL of a proxy", "https_proxy")),
    "not trusted": ({"trust_env": False}, {"https_proxy": "proxy.test"}, ("none", "default")),
    "given": (
        {"proxy": "http://user:hunter2@p.test"},
        {"https_proxy": "proxy.test"},
        ("http://p.test:80", "argument"),
    ),
    "off": ({"proxy": "none"}, {"https_proxy": "proxy.test"}, ("none", "argument")),
}


@pytest.mark.parametrize(("fields", "environ", "row"), PROXIES.values(), ids=PROXIES)
def test_the_proxy_in_effect(
    fields: dict[str, Any],
    environ: dict[str, str],
    row: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    config = ClientConfig(**fields)
    assert rows(config)["proxy"] == row
    assert config.describe(environ) == config.describe()
    assert "hunter2" not in config.describe()


def test_a_file_switches_the_environment_s_proxy_off(tmp_path: Path) -> None:
    path = tmp_path / "groq.toml"
    path.write_text('proxy = "none"\n')
    environ = {"HTTPS_PROXY": "http://proxy.test"}
    config = ClientConfig.from_file(path, environ=environ)
    assert config.proxies(environ).https is None
    [line] = [each for each in config.describe(environ).splitlines() if each.startswith("proxy")]
    assert line.split() == ["proxy", "none", f"{path}:", "proxy"]


def test_every_field_is_there_once_in_order() -> None:
    shown = rows(ClientConfig())
    tops = [field.name for field in attrs.fields(ClientConfig) if field.name != "_origins"]
    assert list(dict.fromkeys(name.partition(".")[0] for name in shown)) == tops
    assert [name for name in shown if name.startswith("timeouts.")] == [
        f"timeouts.{field.name}" for field in attrs.fields(Timeouts)
    ]
    assert {origin for _, origin in shown.values()} == {"default"}


def test_values_are_short_text() -> None:
    shown = rows(ClientConfig())
    assert {name: shown[name][0] for name in ("base_url", "api_key", "allow_plaintext")} == {
        "base_url": "https://api.groq.com",
        "api_key": "none",
        "allow_plaintext": "false",
    }
    assert shown["timeouts.connect"][0] == "5.0"
    assert shown["retry.statuses"][0] == "408, 409, 429, 498"
    assert shown["models"][0] == shown["default_headers"][0] == shown["rate_limit"][0] == "none"


def test_names_stay_in_their_line() -> None:
    shown = rows(ClientConfig(default_query={"a\x85\x1b[1m": "x"}))
    assert shown[r"default_query.a\x85\x1b[1m"][0] == "..."


def test_it_is_a_table_without_an_end() -> None:
    lines = ClientConfig().describe().split("\n")
    assert lines[0].split() == ["setting", "value", "origin"]
    assert len({line.rindex(line.split()[-1]) for line in lines}) == 1
    assert lines[-1].startswith("log_level ")


def test_origins(tmp_path: Path) -> None:
    path = tmp_path / "groq.json"
    data = {
        "timeout": 5,
        "timeouts": {"read": 6},
        "models": ["x"],
        "default_headers": {"X-A": "1", "X-B": "1"},
        "retry": {"statuses": [408]},
    }
    path.write_text(json.dumps({"trio_groq": data}), encoding="utf-8")
    environ = {"GROQ_API_KEY": KEY, "GROQ_HOST": "https://a.test", "GROQ_CUSTOM_HEADERS": "x-b: 2"}
    config = ClientConfig.from_file(
        path, environ=environ, timeouts={"write": 7}, rate_limit=RateLimitPolicy(max_wait=1)
    )
    given = {name: row for name, row in rows(config).items() if row[1] != "default"}
    assert given == {
        "api_key": ("...WXYZ", "GROQ_API_KEY"),
        "base_url": ("https://a.test", "GROQ_HOST"),
        "timeouts.total": ("5", f"{path}: trio_groq.timeout"),
        "timeouts.read": ("6", f"{path}: trio_groq.timeouts.read"),
        "timeouts.write": ("7", "argument"),
        "retry.statuses": ("408", f"{path}: trio_groq.retry.statuses"),
        "rate_limit.requests_per_minute": ("none", "argument"),
        "rate_limit.tokens_per_minute": ("none", "argument"),
        "rate_limit.proactive": ("true", "argument"),
        "rate_limit.max_wait": ("1", "argument"),
        "rate_limit.cold_start": ("32", "argument"),
        "rate_limit.reactive": ("true", "argument"),
        "models": ("x", f"{path}: trio_groq.models"),
        "default_headers.X-A": ("...", f"{path}: trio_groq.default_headers.X-A"),
        "default_headers.x-b": ("...", "GROQ_CUSTOM_HEADERS"),
    }


def test_origins_of_the_environment_and_of_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GROQ_BASE_URL", "GROQ_HOST", "GROQ_CUSTOM_HEADERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    monkeypatch.setenv("GROQ_LOG", "INFO")
    client = GroqClient(base_url="https://a.test", timeout=5, default_headers={"x": "1"})
    given = {name: row for name, row in rows(client.config).items() if row[1] != "default"}
    assert given == {
        "api_key": ("...WXYZ", "GROQ_API_KEY"),
        "base_url": ("https://a.test", "argument"),
        "timeouts.total": ("5", "argument"),
        "default_headers.x": ("...", "argument"),
        "log_level": ("info", "GROQ_LOG"),
    }


def test_a_default_that_is_stated_has_the_origin_of_who_states_it() -> None:
    config = ClientConfig.from_env({"GROQ_BASE_URL": "https://api.groq.com"}, max_event_bytes=5)
    assert rows(config)["base_url"] == ("https://api.groq.com", "GROQ_BASE_URL")


def test_what_is_replaced_later_is_an_argument() -> None:
    config = ClientConfig.from_env({"GROQ_BASE_URL": "https://a.test", "GROQ_LOG": "info"})
    varied = attrs.evolve(config, base_url="https://b.test", retry=RetryPolicy(jitter=0))
    shown = rows(varied)
    assert shown["base_url"] == ("https://b.test", "argument")
    assert shown["retry.jitter"] == ("0", "argument")
    assert shown["retry.max_retries"] == ("2", "default")
    assert shown["log_level"] == ("info", "GROQ_LOG")
    assert rows(attrs.evolve(varied, log_level=None))["log_level"] == ("none", "default")
    assert rows(ClientConfig(retry=RetryPolicy(jitter=0)))["retry.jitter"] == ("0", "argument")


def test_origins_are_no_part_of_equality_or_repr() -> None:
    config = ClientConfig.from_env({"GROQ_BASE_URL": "https://a.test"})
    assert config == ClientConfig(base_url="https://a.test")
    assert repr(config) == repr(ClientConfig(base_url="https://a.test"))
    assert "a.test" not in repr(config._origins)


def test_origins_last_through_copies_and_pickles() -> None:
    environ = {"GROQ_BASE_URL": "https://a.test", "GROQ_CUSTOM_HEADERS": "x: 1"}
    config = ClientConfig.from_env(environ)
    for twin in (copy.copy(config), pickle.loads(pickle.dumps(config))):  # noqa: S301 (made here)
        assert twin == config
        assert twin.describe() == config.describe()
    with pytest.raises(TypeError, match="never to be pickled"):
        pickle.dumps(ClientConfig.from_env({"GROQ_API_KEY": KEY}))


def test_what_is_set_in_code_is_shown_as_its_type() -> None:
    def key() -> str:
        raise AssertionError

    def verdict(error: object) -> None:
        raise AssertionError

    shown = rows(
        ClientConfig(
            api_key=key, ssl_context=default_ssl_context(), retry=RetryPolicy(verdict=verdict)
        )
    )
    assert shown["api_key"] == ("function", "argument")
    assert shown["ssl_context"] == ("SSLContext", "argument")
    assert shown["retry.verdict"] == ("function", "argument")


@attrs.frozen
class Other:
    """Values that no field has so far."""

    text: str = ""
    texts: list[str] = attrs.field(factory=list)
    table: dict[str, object] = attrs.field(factory=dict)
    needed: int = attrs.field(kw_only=True)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, ["text", "''", "default"]),
        (
            {"text": "http://user:pass@proxy.test:1"},
            ["text", "http://...@proxy.test:1", "argument"],
        ),
        ({"text": f"Bearer {KEY}"}, ["text", "Bearer", "...", "argument"]),
        ({"text": "a\nb"}, ["text", "'a\\nb'", "argument"]),
        ({"text": "x" * 61}, ["text", "x" * 57 + "...", "argument"]),
        ({"texts": ["a", KEY]}, ["texts", "a,", "...", "argument"]),
        ({"texts": ["x" * 40] * 2}, ["texts", "x" * 40 + ",", "x" * 15 + "...", "argument"]),
        ({"table": {"a": None}}, ["table.a", "none", "argument"]),
        ({"table": {"a": KEY}}, ["table.a", "...", "argument"]),
        ({"needed": 7}, ["needed", "7", "argument"]),
    ],
)
def test_texts_are_bounded_and_hide_what_they_would_give_away(
    fields: dict[str, Any], line: list[str]
) -> None:
    table = described(Other(**{"needed": 5, **fields}), Origins())
    assert line in [each.split() for each in table.splitlines()]
    assert KEY not in table


def test_no_secret_is_shown() -> None:
    secret = "hunter2hunter2"
    config = ClientConfig.from_env(
        {"GROQ_API_KEY": KEY, "GROQ_CUSTOM_HEADERS": f"Authorization: {secret}"},
        default_query={"token": secret},
        default_headers={"X-Key": secret},
    )
    for shown in (config.describe(), repr(config), repr(config._origins)):
        assert secret not in shown
        assert KEY[:-4] not in shown
    assert rows(config)["default_query.token"] == ("...", "argument")
