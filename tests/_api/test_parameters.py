"""What the check of parameters says."""

import warnings
from collections import UserDict, UserList, deque
from collections.abc import Callable
from typing import Annotated, Literal, NotRequired, TypedDict

import msgspec
import pytest

from _api.parameter_bodies import USER, Fields
from shared_data import json_lines, needs_shared_data
from trio_groq._api.parameter_faults import translated
from trio_groq._api.parameters import Validator, encode_json
from trio_groq.errors import InvalidRequestError
from trio_groq.types import (
    ChatCompletionCreateParams,
    ChatCompletionMessage,
    ChatCompletionRequestBody,
    Choice,
)

validate = Validator(ChatCompletionCreateParams)

WOLFRAM = "compound_custom.tools.wolfram_settings.authorization"


def params(**fields: object) -> Fields:
    """Parameters that are right, with others; Ellipsis takes one away."""
    merged: Fields = {"model": "m", "messages": [USER], **fields}
    return {name: value for name, value in merged.items() if value is not ...}


def message(content: object) -> Fields:
    return {"messages": [USER, {"role": "user", "content": content}]}


def function_tool(**function: object) -> Fields:
    return {"type": "function", "function": function}


RIGHT: list[Fields] = [
    {},
    {"temperature": 0},
    {"temperature": 2.0},
    {"temperature": None},
    {"frequency_penalty": -2, "presence_penalty": 2},
    {"top_p": 1},
    {"n": 1},
    {"n": None},
    {"logprobs": True, "top_logprobs": 20},
    {"logprobs": None, "top_logprobs": None},
    {"include_reasoning": True, "reasoning_format": None},
    {"include_reasoning": None, "reasoning_format": "raw"},
    {"stop": "a"},
    {"stop": ["a", "b", "c", "d"]},
    {"stop": []},
    {"stop": {"a"}},
    {"service_tier": "a-new-tier", "reasoning_effort": "ultra", "citation_options": "some"},
    {"logit_bias": {"50256": -100}},
    {"metadata": {"a": "b"}},
    {"seed": 2**70},
    {"max_completion_tokens": 1, "user": "u", "store": False, "parallel_tool_calls": False},
    {"disable_tool_validation": True, "stream_options": {"include_usage": True}},
    {"tool_choice": "auto"},
    {"tool_choice": "a-new-one"},
    {"tool_choice": {"type": "function", "function": {"name": "f"}}},
    {"tools": []},
    {"tools": [function_tool(name="f", parameters={"type": "object", "default": None})]},
    {"tools": [{"type": "browser_search"}, {"type": "a-new-one", "with": 1}]},
    {"tools": ({"type": "mcp", "server_label": "s"},)},
    {"response_format": {"type": "json_object"}},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}},
    {"response_format": {"type": "a-new-one"}},
    {"search_settings": {"include_domains": ["a"], "country": None, "a_new_one": 1}},
    {"compound_custom": {"models": {"answering_model": "m"}, "tools": None}},
    {"documents": [{"source": {"type": "text", "text": "t"}, "id": None}]},
    {"documents": [{"source": {"type": "json", "data": {"a": [1, None]}}}]},
    {"messages": (USER,)},
    {"messages": deque([USER])},
    {"messages": UserList([UserDict(USER)])},
    {"messages": [UserDict(USER)]},
    {"messages": [ChatCompletionMessage(content="a"), USER]},
    {"messages": [{"role": "critic", "opinion": 5}]},
    {"messages": [{**USER, "name": "n", "a_new_one": {}}]},
    {"messages": [{"role": "assistant"}]},
    {"messages": [{"role": "assistant", "content": None, "tool_calls": None}]},
    {"messages": [{"role": "function", "name": "f", "content": None}]},
    message([{"type": "text", "text": "t"}]),
    message(({"type": "image_url", "image_url": {"url": "u", "detail": "new"}},)),
    message([{"type": "document", "document": {"data": {"a": 1}}}]),
    message([{"type": "hologram", "hologram": {}}]),
]


@pytest.mark.parametrize("fields", RIGHT, ids=str)
def test_right(fields: Fields) -> None:
    given = params(**fields)
    before = dict(given)
    validate(given)
    assert given == before
    encode_json(given)


WRONG: list[tuple[Fields, str]] = [
    ({"temperature": 3.5}, "temperature: expected a number <= 2.0, got 3.5"),
    ({"temperature": -1}, "temperature: expected a number >= 0.0, got -1"),
    ({"temperature": True}, "temperature: expected a number or None, got True"),
    ({"temperature": "1"}, "temperature: expected a number or None, got '1'"),
    ({"temperature": float("nan")}, "temperature: expected a finite number, got nan"),
    ({"temperature": float("inf")}, "temperature: expected a finite number, got inf"),
    ({"top_p": 1.5}, "top_p: expected a number <= 1.0, got 1.5"),
    ({"presence_penalty": -2.5}, "presence_penalty: expected a number >= -2.0, got -2.5"),
    ({"n": 2}, "n: expected an integer <= 1, got 2"),
    ({"n": 0}, "n: expected an integer >= 1, got 0"),
    ({"seed": True}, "seed: expected an integer or None, got True"),
    ({"seed": 1.0}, "seed: expected an integer or None, got 1.0"),
    ({"logprobs": 1}, "logprobs: expected a boolean or None, got 1"),
    ({"disable_tool_validation": None}, "disable_tool_validation: expected a boolean, got None"),
    ({"top_logprobs": 21, "logprobs": True}, "top_logprobs: expected an integer <= 20, got 21"),
    ({"top_logprobs": 3}, "top_logprobs: expected logprobs=True beside it, got 3"),
    (
        {"top_logprobs": 3, "logprobs": False},
        "top_logprobs: expected logprobs=True beside it, got 3",
    ),
    (
        {"include_reasoning": False, "reasoning_format": "raw"},
        "include_reasoning: expected no reasoning_format beside it, got False",
    ),
    ({"model": ...}, "model: expected a value, got nothing"),
    ({"model": None}, "model: expected a string, got None"),
    ({"model": b"m"}, "model: expected a string, got b'm'"),
    ({"messages": ...}, "messages: expected a value, got nothing"),
    ({"messages": None}, "messages: expected a list, got None"),
    ({"messages": []}, "messages: expected at least 1 item, got []"),
    ({"messages": deque()}, "messages: expected at least 1 item, got deque([])"),
    ({"messages": "hi"}, "messages: expected a list, got 'hi'"),
    ({"messages": USER}, "messages: expected a list, got {'content': 'hi', 'role': 'user'}"),
    ({"messages": ["hi"]}, "messages[0]: expected an object, got 'hi'"),
    ({"messages": [None]}, "messages[0]: expected an object, got None"),
    ({"messages": [{"content": "hi"}]}, "messages[0].role: expected a value, got nothing"),
    ({"messages": [{"role": 5}]}, "messages[0].role: expected a string, got 5"),
    ({"messages": [{"role": []}]}, "messages[0].role: expected a string, got []"),
    ({"messages": [{"role": "user"}]}, "messages[0].content: expected a value, got nothing"),
    (
        {"messages": [USER, {"role": "tool", "content": "42"}]},
        "messages[1].tool_call_id: expected a value, got nothing",
    ),
    (message(5), "messages[1].content: expected a string or a list, got 5"),
    (message([]), "messages[1].content: expected at least 1 item, got []"),
    (message(["t"]), "messages[1].content[0]: expected an object, got 't'"),
    (
        message([{"type": "text", "text": "t"}, {"type": "text", "text": 5}]),
        "messages[1].content[1].text: expected a string, got 5",
    ),
    (
        message([{"type": "image_url", "image_url": {}}]),
        "messages[1].content[0].image_url.url: expected a value, got nothing",
    ),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "type": "function"}]}]},
        "messages[0].tool_calls[0].function: expected a value, got nothing",
    ),
    ({"stop": 5}, "stop: expected a string, a list or None, got 5"),
    ({"stop": list("abcde")}, "stop: expected at most 4 items, got ['a', 'b', 'c', 'd', 'e']"),
    ({"stop": {5}}, "stop[0]: expected a string, got {5}"),
    ({"stop": ["a", 5]}, "stop[1]: expected a string, got 5"),
    ({"tools": [{"type": "function"}]}, "tools[0].function: expected a value, got nothing"),
    ({"tools": [function_tool()]}, "tools[0].function.name: expected a value, got nothing"),
    ({"tools": [{}] * 129}, "tools: expected at most 128 items, got [{}, {}, {}, {}, {}, {}, ...]"),
    ({"tool_choice": 5}, "tool_choice: expected a string, an object or None, got 5"),
    ({"response_format": "json"}, "response_format: expected an object, got 'json'"),
    (
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema: expected a value, got nothing",
    ),
    ({"logit_bias": {"5": "a"}}, "logit_bias[...]: expected an integer, got {'5': 'a'}"),
    ({"logit_bias": {5: 1}}, "logit_bias: expected strings as keys, got {5: 1}"),
    ({"documents": [{}]}, "documents[0].source: expected a value, got nothing"),
    (
        {"documents": [{"source": {"type": "json", "data": []}}]},
        "documents[0].source.data: expected an object, got []",
    ),
    (
        {"compound_custom": {"tools": {"wolfram_settings": {"authorization": b"secret"}}}},
        f"{WOLFRAM}: expected a string or None, got a bytes",
    ),
]


@pytest.mark.parametrize(("fields", "text"), WRONG, ids=[text[:60] for _, text in WRONG])
def test_wrong(fields: Fields, text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        validate(params(**fields))
    assert str(caught.value) == text
    assert caught.value.path == text.partition(":")[0]
    assert not caught.value.is_retryable


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"temperature": 3.5}, 3.5),
        ({"model": ...}, None),
        (message([{"type": "text", "text": 5}]), 5),
        ({"logit_bias": {"5": "a"}}, {"5": "a"}),
    ],
)
def test_the_error_has_the_value(fields: Fields, value: object) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        validate(params(**fields))
    assert caught.value.value == value


def test_a_value_inside_a_struct_is_found() -> None:
    class Holder(msgspec.Struct):
        role: int = 5

    with pytest.raises(InvalidRequestError, match=r"messages\[0\]: expected an object, got "):
        validate(params(messages=[Holder()]))
    with pytest.raises(InvalidRequestError, match=r"messages\[0\]: expected an object, got Choice"):
        validate(params(messages=[Choice()]))


@pytest.mark.parametrize("make", [iter, lambda items: (item for item in items), reversed])
def test_iterators_are_refused_with_the_reason(make: Callable[[list[Fields]], object]) -> None:
    with pytest.raises(InvalidRequestError, match=r"expected a list, got .*read only once"):
        validate(params(messages=make([USER])))


def test_excerpts_are_bounded() -> None:
    for value in (b"x" * 10_000, {"k" * 1000: "v" * 1000}, ["x" * 60] * 10, 10**4000):
        with pytest.raises(InvalidRequestError) as caught:
            validate(params(model=value))
        assert len(str(caught.value)) < 130


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("temprature", " (did you mean temperature?)"),
        ("max_token", " (did you mean max_tokens"),
        ("zzz", ""),
    ],
)
def test_unknown_names_are_refused_with_near_ones(name: str, near: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        validate(params(**{name: 0.5}))
    assert str(caught.value).startswith(f"{name}: expected a known parameter{near}")
    assert ", got 0.5; what the API takes beyond these" in str(caught.value)
    assert str(caught.value).endswith("can be sent with extra_body")
    assert (caught.value.path, caught.value.value) == (name, 0.5)


def test_any_declaration_will_do() -> None:
    class Params(TypedDict, total=False):
        size: Annotated[int, msgspec.Meta(ge=0)]
        code: Annotated[str, msgspec.Meta(min_length=1, max_length=2)] | None
        color: NotRequired[Literal["red", "blue"]]

    check = Validator(Params)
    check({"size": 0, "code": None, "color": "green"})
    for wrong, text in (
        ({"size": -1}, "size: expected an integer >= 0, got -1"),
        ({"code": ""}, "code: expected at least 1 character, got ''"),
        ({"code": "abc"}, "code: expected at most 2 characters, got 'abc'"),
        ({"color": 5}, "color: expected a string, got 5"),
    ):
        with pytest.raises(InvalidRequestError, match=f"^{text}$"):
            check(wrong)


def test_what_msgspec_may_say_one_day_is_passed_on() -> None:
    error = translated("Number out of range - at `$.seed`", {"seed": 5})
    assert str(error) == "seed: expected what the API takes (Number out of range), got 5"


def test_a_body_may_say_stream() -> None:
    Validator(ChatCompletionRequestBody)(params(stream=True))
    with pytest.raises(InvalidRequestError, match="stream: expected a known parameter"):
        validate(params(stream=True))


def test_cycles_are_no_foreign_errors() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    with pytest.raises(InvalidRequestError, match="model: expected a string"):
        validate(params(model=cycle))
    deep: Fields = {}
    deep["source"] = deep
    with pytest.raises(InvalidRequestError, match="documents"):
        validate(params(documents=[deep]))


# --- deprecated parameters -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "by"),
    [
        ("max_tokens", 5, "max_completion_tokens"),
        ("function_call", "auto", "tool_choice"),
        ("function_call", {"name": "f"}, "tool_choice"),
        ("functions", [{"name": "f"}], "tools"),
        ("include_domains", ["a"], "search_settings.include_domains"),
        ("exclude_domains", None, "search_settings.exclude_domains"),
    ],
)
def test_deprecated_parameters_warn_and_name_another(name: str, value: object, by: str) -> None:
    message = f"^{name} is deprecated by the API: use {by}$"
    with pytest.warns(DeprecationWarning, match=message) as caught:
        validate(params(**{name: value}))
    assert [one.filename for one in caught] == [__file__]


def test_deprecated_parameters_are_checked_too() -> None:
    with pytest.raises(InvalidRequestError, match="max_tokens: "):
        validate(params(max_tokens="5"))


# --- recorded traffic ----------------------------------------------------------------------------


@needs_shared_data
def test_recorded_requests_that_succeeded_are_right() -> None:
    check = Validator(ChatCompletionRequestBody)
    seen = 0
    for row in json_lines("groq/exchanges.jsonl"):
        request = row["request"] or {}
        body = request.get("json")
        if row["status"] != 200 or not (request.get("url") or "").endswith("/chat/completions"):
            continue
        if isinstance(body, dict) and body.get("messages"):
            seen += 1
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                check(body)
    assert seen > 500
