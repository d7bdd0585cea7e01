"""The text of an answer becomes a value, or the error that says why not."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from _api import output_types
from _api.output_types import Box, City, Even, Pair, Person, Point
from trio_groq._api.schemas import json_schema_format
from trio_groq._api.structured import MAX_KEPT_TYPES, StructuredOutput, structured_output
from trio_groq.errors import (
    APIError,
    APIResponseValidationError,
    CutOffError,
    InvalidRequestError,
    RefusalError,
)
from trio_groq.types._base import attach_meta
from trio_groq.types.chat import (
    ChatCompletion,
    ChatCompletionMessage,
    ChatCompletionMessageToolCall,
    Choice,
    FunctionCall,
)
from trio_groq.types.meta import ResponseMeta
from trio_groq.types.parsed import ParsedChatCompletion, ParsedChoice, ParsedMessage

PARIS = '{"name": "Paris", "inhabitants": 2100000}'
CALL = ChatCompletionMessageToolCall(id="c", function=FunctionCall(name="f", arguments="{}"))
META = ResponseMeta(request_id="req_1", status=200, headers={})


def completion(text: str | None, reason: str | None = "stop", **fields: Any) -> ChatCompletion:
    message = ChatCompletionMessage(content=text, **fields)
    return ChatCompletion(id="c1", choices=[Choice(message=message, finish_reason=reason)])


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        (City, PARIS, City("Paris", 2_100_000)),
        (Box[City], f'{{"item": {PARIS}}}', Box(City("Paris", 2_100_000))),
        (Point, '{"x": 1}', Point(1.0, 0.5)),
        (Person, f'{{"name": "Ana", "home": {PARIS}}}', None),
        (Even, '{"half": 2}', Even(2)),
        (Pair, '{"left": {"half": 1}, "right": null}', Pair(Even(1), None)),
    ],
)
def test_values(type_: Any, text: str, value: Any) -> None:
    value = value or {"name": "Ana", "home": City("Paris", 2_100_000)}
    parsed = structured_output(type_).read(completion(text))
    assert parsed.parsed == value
    assert parsed.choices[0].message.parsed == value


@given(output_types.TYPED, st.data())
def test_what_is_written_is_read_again(typed: output_types.Typed, data: Any) -> None:
    type_, values = typed
    value = data.draw(values)
    text = msgspec.json.encode(value).decode()
    assert StructuredOutput(type_).decode(text) == value


def test_a_read_completion_is_the_completion_with_values() -> None:
    original = completion(PARIS)
    attach_meta(original, lambda: META)
    parsed = structured_output(City).read(original)
    assert isinstance(parsed, ParsedChatCompletion)
    assert isinstance(parsed.choices[0], ParsedChoice)
    assert isinstance(parsed.choices[0].message, ParsedMessage)
    assert msgspec.json.encode(parsed) == msgspec.json.encode(original)
    assert parsed.meta is META
    assert type(original.choices[0]) is Choice


def test_every_choice_is_read() -> None:
    original = completion(PARIS)
    original.choices.append(
        Choice(message=ChatCompletionMessage(content='{"name": "Rome", "inhabitants": 3}'), index=1)
    )
    parsed = structured_output(City).read(original)
    names = [choice.message.parsed and choice.message.parsed.name for choice in parsed.choices]
    assert names == ["Paris", "Rome"]
    original.choices[1].message.content = "Rome"
    with pytest.raises(APIResponseValidationError, match=r"^choices\[1\]: expected JSON of City"):
        structured_output(City).read(original)


@pytest.mark.parametrize(
    "fields", [{"tool_calls": [CALL]}, {"function_call": CALL.function}], ids=["tools", "function"]
)
def test_a_model_that_calls_tools_gives_no_value(fields: dict[str, Any]) -> None:
    parsed = structured_output(City).read(completion(None, "tool_calls", **fields))
    assert parsed.choices[0].message.parsed is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "choices[0]: expected City, got no text", id="empty"),
        pytest.param(None, "choices[0]: expected City, got no text", id="none"),
        pytest.param(
            "Paris",
            "choices[0]: expected JSON of City, got malformed JSON (JSON is malformed: ",
            id="no JSON",
        ),
        pytest.param("\ud800", "choices[0]: expected JSON of City, got malf", id="surrogate"),
        pytest.param(
            '{"name": "Paris", "inhabitants": "many"}',
            "choices[0]: expected City, got JSON of another shape: "
            'Expected `int`, got `str` - at `$.inhabitants`, in {"name": "Paris"',
            id="another shape",
        ),
    ],
)
def test_what_is_no_value(text: str | None, message: str) -> None:
    original = completion(text)
    with pytest.raises(APIResponseValidationError) as caught:
        structured_output(City).read(original)
    assert caught.value.message.startswith(message)
    assert len(caught.value.message) < 1000
    assert caught.value.body == (text or None)
    assert caught.value.partial is original


def test_nesting_that_is_too_deep() -> None:
    with pytest.raises(APIResponseValidationError, match=r"malformed JSON \(JSON: expected text"):
        structured_output(Even).read(completion('{"a":' + "[" * 100_000))


def test_a_shape_that_an_attrs_class_refuses() -> None:
    with pytest.raises(APIResponseValidationError, match=r"must be < 100: 120 @ \$, in"):
        structured_output(Even).read(completion('{"half": 60}'))


@pytest.mark.parametrize("reason", ["length", "content_filter"])
@pytest.mark.parametrize("text", [PARIS[:9], PARIS, None], ids=["part", "whole", "nothing"])
def test_an_answer_that_is_cut_off(reason: str, text: str | None) -> None:
    original = completion(text, reason)
    with pytest.raises(CutOffError, match=f"characters of it .finish reason {reason}") as caught:
        structured_output(City).read(original)
    assert (caught.value.text, caught.value.finish_reason) == (text, reason)
    assert caught.value.completion is original


def test_a_refusal() -> None:
    message = ParsedMessage[City](content=None, refusal="I cannot\nhelp with that.")
    original = ChatCompletion(choices=[Choice(message=message, finish_reason="stop")])
    with pytest.raises(RefusalError, match="got a refusal: I cannot help with that") as caught:
        structured_output(City).read(original)
    assert caught.value.text == "I cannot\nhelp with that."
    assert isinstance(caught.value, APIError)
    assert caught.value.completion is original


@pytest.mark.parametrize("reason", ["stop", None, "a_new_reason"])
def test_other_finish_reasons_are_none_of_ours(reason: str | None) -> None:
    assert structured_output(City).read(completion(PARIS, reason)).parsed.name == "Paris"


def test_a_type_is_prepared_once() -> None:
    output = structured_output(City)
    assert structured_output(City) is output
    assert structured_output(Box[City]) is structured_output(Box[City])
    assert output.name == "City"
    assert output.response_format == json_schema_format(City)


def test_not_every_type_is_kept() -> None:
    types = [msgspec.defstruct("Made", []) for _ in range(MAX_KEPT_TYPES + 1)]
    outputs = [structured_output(type_) for type_ in types]
    assert structured_output(types[-1]) is outputs[-1]
    assert structured_output(types[0]) is not outputs[0]


def test_two_shapes_that_no_decoder_can_tell_apart_are_refused() -> None:
    pair = msgspec.defstruct("Either", [("one", City | Point)])
    with pytest.raises(InvalidRequestError, match=r"^response_format: expected a type"):
        structured_output(pair)


def test_what_is_no_type_is_refused() -> None:
    wrong: Any = [{"a": 1}, [City], "City", None, 5]
    for each in wrong:
        with pytest.raises(InvalidRequestError, match=r"^response_format: expected a"):
            structured_output(each)
