"""Settings of files: what wins over them, and how values are made of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from config_reading import faults_of, read
from trio_groq import ClientConfig, PoolLimits, RetryPolicy, Secret, Timeouts
from trio_groq._config.settings import Origin, Origins, Setting, file_origin
from trio_groq._config.sources import planted
from trio_groq._config.structure import structured
from trio_groq._http.dial import default_ssl_context
from trio_groq._validators import count, number
from trio_groq.config import CircuitBreakerPolicy, RateLimitPolicy, RetryBudgetPolicy
from trio_groq.errors import ConfigurationError

KEY = "gsk_0123456789abcdefWXYZ"
URL = "https://a.test"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "groq.json"


def test_a_setting_does_not_show_its_value() -> None:
    setting = Setting(KEY, file_origin("groq.toml", ("trio_groq",)))
    origins = Origins({("api_key",): ("argument", KEY)})
    assert "groq.toml" in repr(setting)
    assert KEY not in f"{setting!r}{setting}{origins!r}{origins}"


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
        ({"names": ["x"], "quoted": ["a", "a"]}, Outer(names=["x"], quoted=frozenset({"a"}))),
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
    with pytest.raises(ConfigurationError, match=r"^f: nothing fits$"):
        structured(Whole, planted(Whole, {"size": 5}, file_origin("f", ())))
