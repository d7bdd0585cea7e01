"""Settings of files: what wins over them, how they are made, and how faults are told."""

import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from trio_groq import ClientConfig, PoolLimits, RetryPolicy, Secret, Timeouts
from trio_groq._config.settings import Origin, file_origin
from trio_groq._config.sources import planted
from trio_groq._config.structure import structured
from trio_groq._http.dial import default_ssl_context
from trio_groq._validators import count, number
from trio_groq.config import CircuitBreakerPolicy, RateLimitPolicy, RetryBudgetPolicy
from trio_groq.errors import ConfigurationError

KEY = "gsk_0123456789abcdefWXYZ"
OTHER = "gsk_abcdefghijklmnop9876"
URL = "https://a.test"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "groq.json"


def read(
    path: Path, data: object, environ: dict[str, str] | None = None, **arguments: Any
) -> ClientConfig:
    path.write_text(json.dumps(data), encoding="utf-8")
    return ClientConfig.from_file(path, environ=environ or {}, **arguments)


def faults_of(path: Path, *sources: Any, **arguments: Any) -> list[str]:
    """The faults, each a line, without the file's name."""
    with pytest.raises(ConfigurationError) as caught:
        read(path, *sources, **arguments)
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 (made right here)
    return [line.removeprefix(f"{path}: ") for line in str(error).splitlines()]


# -- precedence


def test_argument_over_environment_over_file_over_default(path: Path) -> None:
    data = {"api_key": "k1", "base_url": "https://file.test", "max_event_bytes": 5}
    environ = {"GROQ_API_KEY": "k2", "GROQ_BASE_URL": "https://env.test"}
    config = read(path, data, environ, api_key="k3")
    assert config.api_key == Secret("k3")
    assert config.base_url == "https://env.test"
    assert config.max_event_bytes == 5
    assert config.readiness == "auto"


def test_within_records_each_field_has_its_own_source(path: Path) -> None:
    data = {"timeouts": {"read": 5, "write": 6}, "retry": {"jitter": 0}, "max_retries": 4}
    config = read(path, data, timeouts={"write": 7}, timeout=8, max_retries=9)
    assert config.timeouts == Timeouts(read=5, write=7, total=8)
    assert config.retry == RetryPolicy(jitter=0, max_retries=9)


def test_a_record_that_is_given_whole_replaces_the_file_s(path: Path) -> None:
    config = read(path, {"timeouts": {"read": 5}}, timeouts=Timeouts(write=7))
    assert config.timeouts == Timeouts(write=7)
    assert read(path, {"retry": {"jitter": 0}}, max_retries=RetryPolicy()).retry == RetryPolicy()


def test_header_fields_are_joined_without_case(path: Path) -> None:
    data = {"default_headers": {"x-file": "1", "x-env": "1", "x-both": "1", "x-gone": None}}
    environ = {"GROQ_CUSTOM_HEADERS": "X-Env: 2\nX-Both: 2"}
    config = read(path, data, environ, default_headers={"X-BOTH": "3"})
    assert config.default_headers == {
        "x-file": "1",
        "x-gone": None,
        "X-Env": "2",
        "X-BOTH": "3",
    }


def test_query_parameters_are_joined_with_case(path: Path) -> None:
    config = read(path, {"default_query": {"a": 1, "b": "x"}}, default_query={"A": 2, "b": True})
    assert config.default_query == {"a": 1, "A": 2, "b": True}


def test_what_only_code_can_say(path: Path) -> None:
    context = default_ssl_context()

    def key() -> str:
        raise AssertionError

    def verdict(error: object) -> None:
        raise AssertionError

    config = read(path, {}, api_key=key, ssl_context=context, retry={"verdict": verdict})
    assert config.required_key() is key
    assert config.ssl_context is context
    assert config.retry == RetryPolicy(verdict=verdict)
    assert faults_of(path, {"ssl_context": "x", "retry": {"verdict": "y"}}) == [
        "retry.verdict: expected to be set in code, got a value in a file",
        "ssl_context: expected to be set in code, got a value in a file",
    ]


# -- forms


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param({"timeout": 5}, {"timeouts": Timeouts(total=5)}, id="timeout"),
        pytest.param({"timeouts": 0.5}, {"timeouts": Timeouts(total=0.5)}, id="timeouts"),
        pytest.param({"timeout": None}, {}, id="timeout-null"),
        pytest.param({"timeout": {"read": 1}}, {"timeouts": Timeouts(read=1)}, id="timeout-table"),
        pytest.param(
            {"timeout": 5, "timeouts": {"read": 1}},
            {"timeouts": Timeouts(read=1, total=5)},
            id="timeout-both",
        ),
        pytest.param({"max_retries": 0}, {"retry": RetryPolicy(max_retries=0)}, id="retries"),
        pytest.param(
            {"retry": {"statuses": [408]}}, {"retry": RetryPolicy(statuses=[408])}, id="statuses"
        ),
        pytest.param(
            {"rate_limit": {"max_wait": "none"}, "rate_limit_rpm": 9},
            {"rate_limit": RateLimitPolicy(requests_per_minute=9, max_wait=None)},
            id="rate-limit",
        ),
        pytest.param(
            {"rate_limit": 9}, {"rate_limit": RateLimitPolicy(requests_per_minute=9)}, id="rpm"
        ),
        pytest.param({"rate_limit": True}, {"rate_limit": RateLimitPolicy()}, id="on"),
        pytest.param({"rate_limit": {}}, {"rate_limit": RateLimitPolicy()}, id="empty-table"),
        pytest.param({"circuit_breaker": False}, {"circuit_breaker": None}, id="off"),
        pytest.param({"circuit_breaker": "none"}, {"circuit_breaker": None}, id="none"),
        pytest.param({"circuit_breaker": None}, {"circuit_breaker": None}, id="null"),
        pytest.param(
            {"circuit_breaker": {"on_open": "wait"}},
            {"circuit_breaker": CircuitBreakerPolicy(on_open="wait")},
            id="breaker",
        ),
        pytest.param(
            {"retry_budget": {"ratio": 1}}, {"retry_budget": RetryBudgetPolicy(ratio=1)}, id="ratio"
        ),
        pytest.param(
            {"limits": {"max_waiters": "none"}}, {"limits": PoolLimits()}, id="none-in-record"
        ),
        pytest.param(
            {"default_headers": {"x": "none"}}, {"default_headers": {"x": "none"}}, id="t"
        ),
        pytest.param({"log_level": "none"}, {}, id="no-level"),
        pytest.param({"log_level": "trace"}, {"log_level": "trace"}, id="level"),
    ],
)
def test_forms(path: Path, data: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read(path, data) == ClientConfig(**expected)
    if "'none'" not in str(data):  # code has a None of its own
        assert read(path, {}, **data) == ClientConfig(**expected)


def test_a_part_given_above_turns_on_what_the_file_turns_off(path: Path) -> None:
    config = read(path, {"circuit_breaker": False}, circuit_breaker={"open_for": 3})
    assert config.circuit_breaker == CircuitBreakerPolicy(open_for=3)
    data = {"circuit_breaker": {"open_for": 3}}
    assert read(path, data, circuit_breaker=None).circuit_breaker is None


def test_a_setting_under_two_names(path: Path) -> None:
    assert faults_of(path, {"timeout": 5, "timeouts": {"total": 6}}) == [
        f"timeouts.total: expected it once, got {path}: timeout and {path}: timeouts.total"
    ]
    assert faults_of(path, {}, max_retries=3, retry=RetryPolicy()) == [
        "retry: expected it once, got argument and argument"
    ]
    assert faults_of(path, {"timeout": {}, "timeouts": {}}, max_event_bytes=0) == [
        "max_event_bytes: expected an integer >= 1, got 0"
    ]
    assert faults_of(path, {"circuit_breaker": {}}, retry=RetryPolicy(), max_retries={}) == [
        "retry: expected it once, got argument and retry"
    ]


# -- variables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "one"),
        ("x${A}-${B:-two}y", "xone-twoy"),
        ("${A:-other}", "one"),
        ("${EMPTY:-full}", "full"),
        ("${B:-}", ""),
        ("${B:-a:-b}", "a:-b"),
        ("$A", "$A"),
        ("$${A}", "${A}"),
        ("a$", "a$"),
        ("${NESTED}", "${A}"),
    ],
)
def test_variables(path: Path, text: str, expected: str) -> None:
    environ = {"A": "one", "EMPTY": "", "NESTED": "${A}"}
    data = {"default_query": {"x": text}, "default_headers": {"x": text}, "models": [f"m{text}"]}
    config = read(path, data, environ)
    assert config.default_query == config.default_headers == {"x": expected}
    assert config.models == (f"m{expected}",)
    assert {type(each) for each in (*config.models, config.default_query["x"])} == {str}


def test_variables_are_numbers_and_booleans_where_these_are_expected(path: Path) -> None:
    data = {
        "timeout": "${T}",
        "max_retries": "${R:-4}",
        "strict_validation": "${S}",
        "rate_limit_rpm": "${R:-5}",
        "circuit_breaker": {"on_open": "${W}"},
        "latency_samples": 7,
        "limits": {"max_waiters": "${N:-none}"},
    }
    config = read(path, data, {"T": "2.5", "S": "true", "W": "wait"})
    assert config == ClientConfig(
        timeouts=Timeouts(total=2.5),
        retry=RetryPolicy(max_retries=4),
        strict_validation=True,
        rate_limit=RateLimitPolicy(requests_per_minute=5),
        circuit_breaker=CircuitBreakerPolicy(on_open="wait"),
        latency_samples=7,
    )


def test_every_missing_variable_is_told(path: Path) -> None:
    data = {"api_key": "${KEY}", "models": ["${M}", 5], "timeout": "${", "base_url": "${U:-x"}
    assert faults_of(path, data, {"KEY": ""}) == [
        "api_key: expected the variable KEY to be set, got none",
        "models: expected the variable M to be set, got none",
        "timeout: expected ${NAME} or ${NAME:-text}, got `${` without that; $${ is ${",
        "base_url: expected ${NAME} or ${NAME:-text}, got `${` without that; $${ is ${",
    ]


def test_a_variable_of_what_is_overruled_need_not_be_set(path: Path) -> None:
    data = {"api_key": "${KEY}", "base_url": "${URL}"}
    config = read(path, data, {"GROQ_BASE_URL": URL}, api_key=KEY)
    assert (config.api_key, config.base_url) == (Secret(KEY), URL)


def test_arguments_and_the_environment_are_taken_literally(path: Path) -> None:
    environ = {"GROQ_CUSTOM_HEADERS": "X-A: ${HOME}"}
    config = read(path, {}, environ, default_query={"x": "${HOME}"})
    assert config.default_headers == {"X-A": "${HOME}"}
    assert config.default_query == {"x": "${HOME}"}


# -- faults


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        pytest.param(
            {"timeouts": {"raed": 5}},
            "timeouts.raed: expected one of connect, first_token, pool, read, total, write, got "
            "'raed' (did you mean read?)",
            id="key",
        ),
        pytest.param(
            {"timeout": {"zzz": 5}},
            "timeout.zzz: expected one of connect, first_token, pool, read, total, write, got "
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
            f"max_event_bytes: expected an integer, got '{'x' * 60}'",
            id="long",
        ),
        pytest.param(
            {"circuit_breaker": {"on_open": "hope"}},
            "circuit_breaker.on_open: expected one of fail, wait, got 'hope'",
            id="literal",
        ),
        pytest.param(
            {"log_level": 5},
            "log_level: expected one of off, error, warning, info, debug, trace or none, got 5",
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
            "retry.statuses: expected statuses from 400 to 499, got frozenset({200})",
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
    told = faults_of(path, {"zzz": 1, **{f"key{index:02}": 1 for index in range(11)}})
    assert len(told) == 11
    assert told[0].startswith("key00: ")
    assert told[-1] == "and 2 more"


def test_only_the_source_that_is_at_fault_is_blamed(path: Path) -> None:
    bad = {"base_url": "http://evil.test", "max_event_bytes": 5}
    assert faults_of(path, bad)[0].startswith("base_url: expected https")
    environ = {"GROQ_BASE_URL": "http://evil.test"}
    assert faults_of(path, {}, environ)[0].startswith("GROQ_BASE_URL: base_url: expected https")
    with pytest.raises(ConfigurationError, match="^base_url: expected https"):
        read(path, {}, base_url="http://evil.test")
    # Header fields of two sources: which of them is at fault only their names tell.
    with pytest.raises(ConfigurationError, match="^default_headers: header Host:"):
        read(path, {"default_headers": {"x": "1"}}, default_headers={"Host": "x"})
    with pytest.raises(ConfigurationError, match="groq.json: default_headers: header Host:"):
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


# -- classes that are not there yet


@attrs.frozen
class Inner:
    name: str
    size: int = attrs.field(default=1, validator=count(1))


@attrs.frozen
class Outer:
    """A configuration with every form of a field."""

    either: int | str | None = None
    amount: float = attrs.field(default=1.0, validator=number(0))
    pair: Timeouts | float | None = None
    inner: Inner | None = None
    names: list[str] = attrs.field(factory=list)
    quoted: "frozenset[Literal['a', 'b']]" = frozenset()
    table: Mapping[str, int] = attrs.field(factory=dict)
    anything: dict[str, object] | None = None
    kept: str = attrs.field(default="fixed", init=False)


def made(data: dict[str, Any], origin: Origin = file_origin("f", ())) -> Outer:  # noqa: B008 (frozen)
    return structured(Outer, planted(Outer, data, origin))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, Outer()),
        ({"either": "none"}, Outer(either="none")),
        ({"either": None}, Outer()),
        ({"either": 5}, Outer(either=5)),
        ({"either": "x"}, Outer(either="x")),
        ({"amount": 2}, Outer(amount=2)),
        ({"pair": {"read": 3}}, Outer(pair=Timeouts(read=3))),
        ({"inner": {"name": "x"}}, Outer(inner=Inner("x"))),
        ({"inner": False}, Outer()),
        ({"names": ["x"], "quoted": ["a", "a"]}, Outer(names=["x"], quoted=frozenset("a"))),
        ({"table": {"x": 5}, "anything": {"y": 1.5}}, Outer(table={"x": 5}, anything={"y": 1.5})),
        ({"anything": "none"}, Outer()),
    ],
)
def test_any_attrs_class_is_made_by_its_types(data: dict[str, Any], expected: Outer) -> None:
    assert made(data) == expected


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"either": 2.5}, "f: either: expected an integer or text or none, got 2.5"),
        ({"inner": {"size": 2}}, "f: inner.name: expected a value, got none"),
        ({"inner": True}, "inner.name: expected a value, got none"),
        ({"inner": {"name": "x", "size": 0}}, "f: inner.size: expected an integer >= 1, got 0"),
        ({"quoted": ["c"]}, "f: quoted[0]: expected one of a, b, got 'c'"),
        ({"table": {"x": "y"}}, "f: table.x: expected an integer, got 'y'"),
        ({"kept": "x"}, "f: kept: expected one of "),
        ({"timeout": 5}, "f: timeout: expected one of "),
        ({"amount": float("nan")}, "f: amount: expected a number >= 0, got nan"),
    ],
)
def test_faults_of_any_attrs_class(data: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        made(data)
    assert str(caught.value).startswith(fault)


@attrs.frozen
class Broken:
    size: int = attrs.field()

    @size.validator
    def _check(self, _field: object, value: int) -> None:
        raise ZeroDivisionError


@attrs.frozen
class Whole:
    size: int = 0

    def __attrs_post_init__(self) -> None:
        if self.size:
            raise ConfigurationError("nothing fits")


def test_a_slip_in_a_validator_is_no_fault_of_the_file() -> None:
    with pytest.raises(ZeroDivisionError):
        structured(Broken, planted(Broken, {"size": 5}, file_origin("f", ())))


def test_a_class_that_blames_no_field() -> None:
    with pytest.raises(ConfigurationError, match="^f: : nothing fits$"):
        structured(Whole, planted(Whole, {"size": 5}, file_origin("f", ())))
