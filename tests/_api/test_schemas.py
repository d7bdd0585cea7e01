"""Types become schemas in the subset of JSON Schema that strict mode takes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from _api import output_types
from _api.output_types import (
    Box,
    Cat,
    City,
    Dog,
    Even,
    Everything,
    Forest,
    Pair,
    Person,
    Point,
    Tree,
)
from shared_data import json_lines, needs_shared_data
from trio_groq._api.parameters import Validator
from trio_groq._api.schemas import json_schema_format, schema_name, strict_schema
from trio_groq.errors import InvalidRequestError
from trio_groq.types.chat_params import ChatCompletionCreateParams

jsonschema = pytest.importorskip("jsonschema")

TYPES = [Everything, City, Box[int], Box[City], Cat, Tree, Forest, Point, Even, Pair, Person]
CITY = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "inhabitants": {"type": "integer"}},
    "required": ["name", "inhabitants"],
    "additionalProperties": False,
}


def properties(type_: Any) -> dict[str, Any]:
    found: dict[str, Any] = strict_schema(type_)["properties"]
    return found


@pytest.mark.parametrize("type_", TYPES, ids=schema_name)
def test_every_schema_is_strict(type_: Any) -> None:
    schema = strict_schema(type_)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert list(output_types.faults(schema)) == []


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({"type": "object", "properties": {}, "required": []}, "#: open"),
        ({**CITY, "required": ["name"]}, "#: optional properties"),
        ({**CITY, "properties": {"a": {}}, "required": ["a"]}, "#/a: no type"),
        ({"type": "array", "items": {"type": "string", "format": "date"}}, "#/items: keywords"),
        ({"anyOf": [{"$ref": "#", "description": "x"}]}, "#/0: something beside"),
        ({"type": "date"}, "#: type date"),
    ],
)
def test_the_checker_of_strict_schemas_finds_what_is_not(schema: Any, fault: str) -> None:
    (found,) = output_types.faults(schema)
    assert found.startswith(fault)


def test_the_parameter_is_as_the_api_takes_it() -> None:
    found = json_schema_format(City)
    assert found == {
        "type": "json_schema",
        "json_schema": {
            "name": "City",
            "description": "A city.\n\nAttributes:\n    name: In its own language.",
            "schema": CITY,
            "strict": True,
        },
    }
    messages = [{"role": "user", "content": "Where?"}]
    Validator(ChatCompletionCreateParams)(
        {"model": "m", "messages": messages, "response_format": found}
    )


@needs_shared_data
def test_the_recorded_schemas_are_strict_by_the_same_measure() -> None:
    """What the API answered with 200 passes the checker, once titles are off."""
    seen = 0
    for row in json_lines("groq/exchanges.jsonl"):
        body = (row["request"] or {}).get("json")
        form = body.get("response_format") if isinstance(body, dict) else None
        if not isinstance(form, dict) or form["type"] != "json_schema" or row["status"] != 200:
            continue
        assert form["json_schema"]["strict"] is True
        schema = form["json_schema"]["schema"]
        plain = {name: part for name, part in schema.items() if name not in {"title", "$schema"}}
        assert list(output_types.faults(plain)) == []
        seen += 1
    assert seen >= 5


def test_names() -> None:
    foreign = msgspec.defstruct("Größe", [])
    long = msgspec.defstruct("L" * 80, [])
    names = [schema_name(each) for each in (City, Box[int], Box[Box[City]], foreign, long)]
    assert names == ["City", "Box_int_", "Box_Box_City__", "Gr__e", "L" * 64]
    assert schema_name(Annotated[City, 1]) == "City"


def test_classes_of_one_name_stay_apart() -> None:
    other = msgspec.defstruct("City", [("mayor", str)])
    both = msgspec.defstruct("Both", [("a", City), ("b", other), ("c", City)])
    schema = strict_schema(both)
    references = [part["$ref"] for part in schema["properties"].values()]
    assert references == ["#/$defs/City", "#/$defs/City_2", "#/$defs/City"]
    assert list(schema["$defs"]["City_2"]["properties"]) == ["mayor"]


def test_what_a_type_says_beyond_the_subset_is_told_in_words() -> None:
    found = {name: part.get("description") for name, part in properties(Everything).items()}
    assert found["text"] == (
        "A text (length at least 1; contains a match of the regular expression ^a; "
        'for example "abc")'
    )
    assert found["share"] == "> 0; <= 1"
    assert found["someCities"] == "length at least 1; length at most 3"
    assert found["capital"] == "The capital"
    assert found["moment"] == (
        "date and time in ISO 8601, such as 2024-05-31T12:30:00; with a time zone"
    )
    assert found["raw"] == "bytes in base64"
    assert found["level"] == "How bad it is."
    assert found["best"] == 'by default "red"'
    assert found["count"] == "by default 5"
    assert found["score"] is None  # JSON has no NaN
    assert found["ok"] is None


def test_what_is_described_keeps_its_default() -> None:
    hint = Annotated[int, msgspec.Meta(description="How many")]
    schema = properties(msgspec.defstruct("Some", [("n", hint, 3), ("city", City | None, None)]))
    assert schema["n"]["description"] == "How many; by default 3"
    assert schema["city"]["description"] == "by default null"


def test_a_type_may_be_described_where_it_is_used() -> None:
    annotated = Annotated[City, msgspec.Meta(description="The largest")]
    assert strict_schema(annotated)["description"].startswith("The largest (A city.")


def test_the_docstring_that_a_dataclass_is_given_is_left_out() -> None:
    assert "description" not in strict_schema(Point)
    assert strict_schema(Pair)["description"] == "Two of them."


def test_enumerations_tell_their_type() -> None:
    found = properties(Everything)
    assert found["colour"] == {"type": "string", "enum": ["red", "blue"]}
    assert found["level"]["enum"] == [1, 2]
    assert found["word"]["anyOf"] == [
        {"type": "integer", "enum": [1]},
        {"type": "string", "enum": ["a", "b"]},
        {"type": "null"},
    ]
    with_null: Any = Literal.__getitem__(("a", None))
    maybe = msgspec.defstruct("Maybe", [("either", with_null)])
    assert properties(maybe)["either"]["anyOf"][0] == {"type": "null"}


def test_the_members_of_a_tagged_union_have_their_tag() -> None:
    schema = strict_schema(Everything)
    assert schema["properties"]["pet"] == {
        "anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}, {"type": "null"}]
    }
    assert schema["$defs"]["Dog"]["properties"]["type"] == {"type": "string", "enum": ["Dog"]}
    numbered = msgspec.defstruct("Numbered", [], tag_field="kind", tag=3)
    assert properties(numbered) == {"kind": {"type": "integer", "enum": [3]}}


def test_recursion() -> None:
    assert properties(Tree)["children"]["items"] == {"$ref": "#"}
    below = strict_schema(Forest)["$defs"]
    assert list(below) == ["Tree"]
    assert below["Tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


class Fixed(NamedTuple):
    a: int


class Ordered(msgspec.Struct, array_like=True):
    a: int


class Untagged:
    pass


@pytest.mark.parametrize(
    ("hint", "got"),
    [
        (dict[str, int], "a dict"),
        (Any, "Any"),
        (object, "object"),
        (tuple[int, str], "a tuple of fixed length"),
        (Fixed, "a NamedTuple"),
        (Ordered, "an array_like Struct"),
        (msgspec.Raw, "Raw"),
        (msgspec.msgpack.Ext, "Ext"),
        (Untagged, "Untagged"),
    ],
)
def test_what_no_strict_schema_can_say_is_refused(hint: Any, got: str) -> None:
    outer = msgspec.defstruct("Outer", [("inner", msgspec.defstruct("Inner", [("f", list[hint])]))])
    with pytest.raises(InvalidRequestError) as caught:
        strict_schema(outer)
    assert str(caught.value) == (
        "response_format: expected a type with a strict schema at Inner.f[], "
        f"got {got}; a strict schema has fixed fields of known types: use a class, or a list of one"
    )
    assert (caught.value.path, caught.value.value) == ("response_format", outer)


@pytest.mark.parametrize(
    ("hint", "got"),
    [
        (list[City], "list[City]"),
        (dict[str, int], "dict[str, int]"),
        (Cat | Dog, "_api.output_types.Cat | _api.output_types.Dog"),
        (City | None, "_api.output_types.City | None"),
        (int, "int"),
        (Ordered, "Ordered"),
        (Untagged, "Untagged"),
    ],
)
def test_only_an_object_stands_at_the_top(hint: Any, got: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        json_schema_format(hint)
    assert f"got {got}; the API wants an object at the top" in str(caught.value)


@dataclass
class Astray:
    where: "Nowhere"  # type: ignore[name-defined]  # noqa: F821 (the point)


def _unsound() -> Sequence[Any]:
    two = msgspec.defstruct("Two", [("either", City | Box[int])])
    odd = msgspec.defstruct("Odd", [("default", int, Untagged())])
    return [Astray, two, odd, [], {"type": "json_object"}]


@pytest.mark.parametrize("type_", _unsound(), ids=["reference", "union", "default", "list", "dict"])
def test_types_that_are_not_sound_are_refused(type_: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"^response_format: expected a type that can be"):
        strict_schema(type_)


@given(output_types.TYPED, st.data())
def test_a_schema_accepts_what_msgspec_writes(typed: output_types.Typed, data: Any) -> None:
    type_, values = typed
    schema = strict_schema(type_)
    assert list(output_types.faults(schema)) == []
    answer = json.loads(msgspec.json.encode(data.draw(values)))
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(answer)
    assert not validator.is_valid({**answer, "more": 1})
    for name in answer:
        assert not validator.is_valid({key: answer[key] for key in answer if key != name})
