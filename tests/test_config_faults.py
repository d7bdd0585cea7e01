"""How `ClientConfig.from_file` tells what is wrong: all of it, with its place, and no secret."""

from pathlib import Path
from typing import Any

import pytest

from config_reading import faults_of, read
from trio_groq import ClientConfig
from trio_groq.errors import ConfigurationError

KEY = "gsk_0123456789abcdefWXYZ"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "groq.json"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        pytest.param(
            {"timeouts": {"raed": 5}},
            "timeouts.raed: expected one of connect, first_byte, first_token, pool, read, tls, "
            "total, write, got "
            "'raed' (did you mean read?)",
            id="key",
        ),
        pytest.param(
            {"timeout": {"zzz": 5}},
            "timeout.zzz: expected one of connect, first_byte, first_token, pool, read, tls, "
            "total, write, got "
            "'zzz'",
            id="key-of-alias",
        ),
        pytest.param({"timeout": "5"}, "timeout: expected a number or none, got '5'", id="text"),
        pytest.param({"timeout": -5}, "timeout: expected a number > 0 or None, got -5", id="range"),
        pytest.param({"timeout": True}, "timeout: expected a table, got True", id="boolean"),
        pytest.param({"timeouts": [5]}, "timeouts: expected a table, got list", id="list"),
        pytest.param(
            {"max_retries": 2.5}, "max_retries: expected an integer, got 2.5", id="fraction"
        ),
        pytest.param(
            {"max_retries": True}, "max_retries: expected a table, got True", id="no-integer"
        ),
        pytest.param(
            {"max_event_bytes": "x" * 99},
            "max_event_bytes: expected an integer, got str of length 99",
            id="long",
        ),
        pytest.param(
            {"circuit_breaker": {"on_open": "hope"}},
            "circuit_breaker.on_open: expected one of fail, wait, got 'hope'",
            id="literal",
        ),
        pytest.param(
            {"log_level": 5},
            "log_level: expected one of off, critical, error, warning, warn, info, debug, trace "
            "or none, got 5",
            id="literal-or-none",
        ),
        pytest.param({"models": "x"}, "models: expected a list, got 'x'", id="no-list"),
        pytest.param({"models": ["x", 5]}, "models[1]: expected text, got 5", id="item"),
        pytest.param({"models": ["x", [5]]}, "models[1]: expected text, got list", id="list-item"),
        pytest.param(
            {"retry": {"statuses": [418, "x"]}},
            "retry.statuses[1]: expected an integer, got 'x'",
            id="set-item",
        ),
        pytest.param(
            {"retry": {"statuses": [200]}},
            "retry.statuses: expected statuses from 400 to 499, got 200",
            id="converted",
        ),
        pytest.param({"api_key": 5}, "api_key: expected text or none, got int", id="key-type"),
        pytest.param(
            {"api_key": f"{KEY} "},
            "api_key: expected printable ASCII without spaces, got another character at position "
            "24 of 25 (a line end copied along?)",
            id="key-value",
        ),
        pytest.param(
            {"base_url": "http://evil.test"},
            "base_url: expected https, got 'http://evil.test'; http is for loopback hosts, "
            "elsewhere it needs allow_plaintext=True",
            id="url",
        ),
        pytest.param({"default_headers": 5}, "default_headers: expected a table, got int", id="h"),
        pytest.param(
            {"default_headers": {"x": [KEY]}},
            "default_headers.x: expected text or none, got list",
            id="header",
        ),
        pytest.param(
            {"default_query": {"x": []}},
            "default_query: query x: expected text, a number or a boolean, got list",
            id="query",
        ),
        pytest.param(
            {"strict_validation": 1}, "strict_validation: expected true or false, got 1", id="i"
        ),
        pytest.param(
            {"rate_limit_rpm": 0},
            "rate_limit_rpm: expected an integer >= 1 or None, got 0",
            id="alias",
        ),
    ],
)
def test_a_fault_is_told_with_its_path(path: Path, data: dict[str, Any], fault: str) -> None:
    assert faults_of(path, data) == [fault]
    section = {"llm": {"providers": {"groq": data}}}
    assert faults_of(path, section)[0].endswith(fault.partition(": ")[2])


def test_the_path_is_the_one_in_the_file(path: Path) -> None:
    section = {"llm": {"providers": {"groq": {"rate_limit_rpm": 0, "modles": []}}}}
    told = faults_of(path, section)
    assert told[0].startswith("llm.providers.groq.rate_limit_rpm: expected an integer")
    assert told[1].startswith("llm.providers.groq.modles: expected one of allow_plaintext, ")
    assert told[1].endswith("(did you mean models?)")


def test_all_faults_of_all_sources_are_told_up_to_a_limit(path: Path) -> None:
    data = {"timeouts": {"read": 0, "write": "x"}, "max_event_bytes": 0, "zzz": KEY}
    environ = {"GROQ_LOG": "loud"}
    told = faults_of(path, data, environ, latency_samples=0, limits={"max_idle": -1})
    assert [line[: line.index("expected")] for line in told] == [
        "timeouts.write: ",
        "timeouts.read: ",
        "limits.max_idle: ",
        "max_event_bytes: ",
        "latency_samples: ",
        "GROQ_LOG: log_level: ",
        "zzz: ",
    ]
    told = faults_of(path, {"retry": 1, **{f"key{index:02}": 1 for index in range(12)}})
    assert len(told) == 11
    assert told[0].startswith("key00: ")
    assert told[-1] == "and 2 more"


def test_only_the_source_that_is_at_fault_is_blamed(path: Path) -> None:
    bad = {"base_url": "http://evil.test", "max_event_bytes": 5}
    assert faults_of(path, bad)[0].startswith("base_url: expected https")
    environ = {"GROQ_BASE_URL": "http://evil.test"}
    assert faults_of(path, {}, environ)[0].startswith("GROQ_BASE_URL: base_url: expected https")
    with pytest.raises(ConfigurationError, match=r"^base_url: expected https"):
        read(path, {}, base_url="http://evil.test")
    # Header fields of two sources: which of them is at fault only their names tell.
    with pytest.raises(ConfigurationError, match=r"^default_headers: header Host:"):
        read(path, {"default_headers": {"x": "1"}}, default_headers={"Host": "x"})
    with pytest.raises(ConfigurationError, match=r"groq\.json: default_headers: header Host:"):
        read(path, {"default_headers": {"Host": "1"}})


def test_unknown_arguments(path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^tmeout: expected one of .* mean timeout\?\)$"):
        read(path, {}, tmeout=5)
    with pytest.raises(ConfigurationError, match=r"^_origins: expected one of"):
        read(path, {}, _origins=5)


@pytest.mark.parametrize(
    "data",
    [
        {"api_key": [KEY]},
        {"api_kye": KEY},
        {KEY: 5},
        {"timeouts": KEY},
        {"timeouts": {"read": KEY}},
        {"max_event_bytes": f"Bearer {KEY}"},
        {"base_url": KEY},
        {"models": [KEY, 5]},
        {"max_event_bytes": "${K}"},
        {"circuit_breaker": {"on_open": "${K}"}},
        {"base_url": "${K}"},
        {"default_headers": {"authorization": f"{KEY}\n"}},
        {"default_headers": {"x": [KEY]}},
        {"default_query": {"x": [KEY]}},
        {"log_level": KEY},
    ],
)
def test_no_fault_shows_a_key(path: Path, data: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(path, data, {"K": KEY})
    assert KEY[4:] not in f"{caught.value}{caught.value!r}{vars(caught.value)}"


def test_text_of_variables_is_not_shown(path: Path) -> None:
    data = {"max_event_bytes": "${S}", "circuit_breaker": {"on_open": "x${S}"}}
    told = faults_of(path, data, {"S": "sesame"})
    assert told == [
        "circuit_breaker.on_open: expected one of fail, wait, got other text from x${S}",
        "max_event_bytes: expected an integer, got other text from ${S}",
    ]


@pytest.mark.parametrize("number", ["0x" + "f" * 5000, "-0x" + "f" * 16])
def test_a_number_that_is_too_long_to_print(tmp_path: Path, number: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(f"max_event_bytes: {number}\ntimeout: {number}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="got an integer of more than 64 bits"):
        ClientConfig.from_file(path, environ={})
