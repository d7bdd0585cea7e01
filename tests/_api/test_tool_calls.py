"""Calls become arguments, and results text."""

import enum
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import attrs
import msgspec
import pytest

from _api.output_types import City, Even
from trio_groq._api.tool_calls import (
    MAX_ERROR_CHARS,
    MAX_LISTED_ERRORS,
    FunctionTool,
    PreparedCall,
    ToolSet,
    failed,
    succeeded,
)
from trio_groq.errors import APIResponseValidationError, InvalidRequestError
from trio_groq.types.chat import ChatCompletionMessageToolCall, FunctionCall

BUILT_IN: Any = {"type": "browser_search"}
CALLERS: Any = {"type": "function", "function": {"name": "ask_user", "parameters": {}}}


def forecast(city: str, days: int = 3, *, home: City | None = None) -> None:
    """Tell the weather."""


async def later(even: Even, others: list[Even] | None = None) -> None: ...


def call(name: str, arguments: str = "{}") -> ChatCompletionMessageToolCall:
    return ChatCompletionMessageToolCall(
        id="call_1", function=FunctionCall(name=name, arguments=arguments)
    )


# -- arguments


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('{"city": "Oslo"}', {"city": "Oslo"}),
        ('{"days": 1, "city": "Oslo"}', {"city": "Oslo", "days": 1}),
        (
            '{"city": "Oslo", "home": {"name": "Rome", "inhabitants": 3}}',
            {"city": "Oslo", "home": City("Rome", 3)},
        ),
        ('{"city": "Oslo", "home": null}', {"city": "Oslo", "home": None}),
    ],
)
def test_arguments(text: str, arguments: dict[str, Any]) -> None:
    assert FunctionTool(forecast).arguments(text) == arguments


@pytest.mark.parametrize("text", ["", " \n", "{}"])
def test_no_arguments(text: str) -> None:
    def ping(times: int = 1) -> None: ...

    assert FunctionTool(ping).arguments(text) == {}


def test_attrs_classes_are_made_by_their_own_rules() -> None:
    tool = FunctionTool(later)
    assert tool.arguments('{"even": {"half": 2}}') == {"even": Even(2)}
    assert tool.arguments('{"even": {"half": 2}, "others": [{"half": 1, "note": "n"}]}') == {
        "even": Even(2),
        "others": [Even(1, "n")],
    }
    for wrong in ('{"even": {"half": 60}}', '{"even": {"half": "2"}}', "{}", '{"even": 1}', "[]"):
        with pytest.raises(msgspec.ValidationError):
            tool.arguments(wrong)
    with pytest.raises(msgspec.ValidationError, match="unknown fields more"):
        tool.arguments('{"even": {"half": 2}, "more": 1}')


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("{}", msgspec.ValidationError, "missing required field `city`"),
        ('{"city": 5}', msgspec.ValidationError, r"got `int` - at `\$.city`"),
        ('{"city": "a", "town": "b"}', msgspec.ValidationError, "unknown field `town`"),
        ('{"city": "a", "days": "3"}', msgspec.ValidationError, "Expected `int`, got `str`"),
        ("null", msgspec.ValidationError, "Expected `object`, got `null`"),
        ('{"city": "a', msgspec.DecodeError, "truncated"),
        ("Oslo", msgspec.DecodeError, "malformed"),
        ('{"city": "\ud800"}', msgspec.DecodeError, "expected text of sane depth"),
    ],
)
def test_wrong_arguments(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        FunctionTool(forecast).arguments(text)


def test_arguments_that_are_nested_too_deeply() -> None:
    def take(value: Any) -> None: ...

    with pytest.raises(msgspec.DecodeError, match="text of sane depth"):
        FunctionTool(take).arguments('{"value": ' + "[" * 100_000)


class Service:
    async def fetch(self) -> None: ...

    async def __call__(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "is_async"),
    [
        (forecast, False),
        (later, True),
        (partial(later, others=None), True),
        (partial(forecast, days=1), False),
        (Service().fetch, True),
        (Service(), True),
    ],
)
def test_what_is_async(function: Callable[..., Any], *, is_async: bool) -> None:
    assert FunctionTool(function).is_async is is_async


def test_a_tool_tells_its_name() -> None:
    assert repr(FunctionTool(forecast)) == "<FunctionTool forecast>"


# -- sets of tools


def test_the_tools_are_sent_in_their_order() -> None:
    tools = ToolSet([BUILT_IN, forecast, CALLERS, {"type": "new"}])
    assert tools.params == [BUILT_IN, FunctionTool(forecast).param, CALLERS, {"type": "new"}]


@pytest.mark.parametrize("name", ["forecast", "ask_user"])
def test_names_are_used_once(name: str) -> None:
    again: Any = {"type": "function", "function": {"name": name}}
    with pytest.raises(InvalidRequestError) as caught:
        ToolSet([forecast, CALLERS, again])
    assert str(caught.value) == (
        f"tools[2]: expected a name of its own, got {name!r} a second time"
    )
    with pytest.raises(InvalidRequestError, match="got 'forecast' a second time"):
        ToolSet([forecast, forecast])


def test_what_is_no_tool() -> None:
    tools: Any = [forecast, 5]
    with pytest.raises(InvalidRequestError, match=r"tools\[1\]: expected a function"):
        ToolSet(tools)


def test_who_runs_a_call() -> None:
    tools = ToolSet([BUILT_IN, forecast, CALLERS])
    assert tools.is_callers(call("ask_user"))
    assert not tools.is_callers(call("forecast"))
    assert not tools.is_callers(call("nobody"))


def test_a_call_is_prepared() -> None:
    tools = ToolSet([forecast])
    wanted = call("forecast", '{"city": "Oslo"}')
    prepared = tools.prepare(wanted)
    assert prepared.call is wanted
    assert prepared.tool.function is forecast
    assert prepared.arguments == {"city": "Oslo"}


MISSING = "(Object missing required field `city`)"
MALFORMED = "(JSON is malformed: invalid character (byte 0))"


@pytest.mark.parametrize(
    ("wanted", "message", "body"),
    [
        (
            call("weather"),
            "tool call: expected one of the tools forecast, later, got 'weather'",
            "weather",
        ),
        (
            call("forecast"),
            f"arguments of forecast: expected arguments that fit {MISSING}, got {{}}",
            "{}",
        ),
        (
            call("forecast", "Oslo!"),
            f"arguments of forecast: expected JSON {MALFORMED}, got Oslo!",
            "Oslo!",
        ),
    ],
)
def test_a_wrong_call(wanted: ChatCompletionMessageToolCall, message: str, body: str) -> None:
    with pytest.raises(APIResponseValidationError) as caught:
        ToolSet([forecast, later]).prepare(wanted)
    assert (caught.value.message, caught.value.body) == (message, body)


def test_a_call_without_any_tool() -> None:
    with pytest.raises(APIResponseValidationError, match=r"tools \(there are none\), got 'f'"):
        ToolSet([BUILT_IN]).prepare(call("f"))


# -- results


class Mood(enum.StrEnum):
    GOOD = "good"


@attrs.frozen
class Weather:
    degrees: float


def prepared() -> PreparedCall:
    return PreparedCall(call("forecast"), FunctionTool(forecast), {})


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("It rains: \u2602", "It rains: \u2602"),
        ("", ""),
        (Mood.GOOD, "good"),
        (None, "null"),
        (True, "true"),
        (1.5, "1.5"),
        ([1, "a"], '[1,"a"]'),
        ({"a": City("Oslo", 3)}, '{"a":{"name":"Oslo","inhabitants":3}}'),
        (Weather(1.5), '{"degrees":1.5}'),
        (datetime(2024, 5, 31, tzinfo=UTC), '"2024-05-31T00:00:00Z"'),
    ],
)
def test_results(value: Any, content: str) -> None:
    result = succeeded(prepared(), value)
    assert result.content == content
    assert type(result.content) is str
    assert result.value is value
    assert result.error is None
    assert result.message == {"role": "tool", "tool_call_id": "call_1", "content": content}


def test_results_that_cannot_be_sent() -> None:
    with pytest.raises(TypeError, match=r"forecast: expected a JSON result, got object \("):
        succeeded(prepared(), object())
    with pytest.raises(TypeError, match="expected a finite number"):
        succeeded(prepared(), {"a": float("nan")})
    with pytest.raises(UnicodeEncodeError):
        succeeded(prepared(), "\ud800")


NESTED = ExceptionGroup("nursery", [ValueError("a"), ExceptionGroup("more", [KeyError("b")])])
LONG = ExceptionGroup("nursery", [ValueError(str(number)) for number in range(9)])


@pytest.mark.parametrize(
    ("error", "content"),
    [
        (ValueError("no such city"), "Error: ValueError: no such city"),
        (TimeoutError(), "Error: TimeoutError"),
        (NESTED, "Error: ValueError: a; KeyError: 'b'"),
        (OSError("\ud800"), "Error: OSError: ?"),
        (APIResponseValidationError("tool call: wrong"), "Error: tool call: wrong"),
    ],
)
def test_what_the_model_is_told_of_an_error(error: Exception, content: str) -> None:
    result = failed(call("forecast"), error)
    assert (result.content, result.error, result.value) == (content, error, None)


def test_the_model_is_not_told_all_of_a_long_error() -> None:
    content = failed(call("forecast"), ValueError("x" * 10_000)).content
    assert len(content) == len("Error: ") + MAX_ERROR_CHARS
    assert content.endswith("x...")
    assert failed(call("forecast"), LONG).content.count("ValueError") == MAX_LISTED_ERRORS
