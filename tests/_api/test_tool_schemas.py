"""Functions become definitions of tools."""

import enum
import functools
import gc
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NotRequired, TypedDict, TypeVar

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from _api import output_types
from trio_groq._api import attrs_values, tool_schemas
from trio_groq._api.parameters import Validator
from trio_groq._api.tool_calls import FunctionTool
from trio_groq._api.tool_schemas import MAX_INLINED, function_schema
from trio_groq.errors import InvalidRequestError
from trio_groq.types.chat_params import ChatCompletionCreateParams

if TYPE_CHECKING:
    from elsewhere import Unknown  # type: ignore[import-not-found]  # for type checkers only

jsonschema = pytest.importorskip("jsonschema")

T = TypeVar("T")


class Unit(enum.Enum):
    """A unit of temperature."""

    CELSIUS = "c"
    FAHRENHEIT = "f"


class Place(msgspec.Struct):
    """A place on earth."""

    latitude: Annotated[float, Meta(ge=-90, le=90, description="Degrees north")]
    longitude: float
    title: str = ""


@dataclass
class Period:
    start: str
    days: int = 1


@attrs.frozen
class Limits:
    most: int


class Extra(TypedDict):
    note: NotRequired[str]


class Node(msgspec.Struct):
    value: int
    children: "list[Node]" = []


class Outer(msgspec.Struct):
    inner: "Inner"


class Inner(msgspec.Struct):
    outer: Outer | None = None


def definition(function: Any) -> Any:
    """What is made of a function; the API's parameters may hold it."""
    made = function_schema(function).definition
    jsonschema.Draft202012Validator.check_schema(made["parameters"])
    tool = {"type": "function", "function": made}
    Validator(ChatCompletionCreateParams)(
        {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": [tool]}
    )
    assert json.loads(json.dumps(made)) == made
    return made


def properties(function: Any) -> Any:
    return definition(function)["parameters"]["properties"]


async def forecast(
    city: str,
    unit: Unit = Unit.CELSIUS,
    days: Annotated[int, Meta(ge=1, le=9)] = 3,
    *,
    detail: Literal["low", "high"] | None = None,
) -> "Unknown":
    """Tell the weather.

    Where it is known.

    Args:
        city: The city's name.
        days: How many days ahead.

    Returns:
        Text.
    """


def test_a_whole_definition() -> None:
    assert definition(forecast) == {
        "name": "forecast",
        "description": "Tell the weather.\n\nWhere it is known.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city's name."},
                "unit": {
                    "type": "string",
                    "enum": ["c", "f"],
                    "description": "A unit of temperature.",
                    "default": "c",
                },
                "days": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 9,
                    "description": "How many days ahead.",
                    "default": 3,
                },
                "detail": {
                    "anyOf": [{"type": "string", "enum": ["high", "low"]}, {"type": "null"}],
                },
            },
            "required": ["city"],
            "additionalProperties": False,
        },
    }


def test_a_bare_function() -> None:
    def ping() -> None: ...

    assert definition(ping) == {
        "name": "ping",
        "parameters": {
            "type": "object",
            "properties": {},
            "required": [],
            "additionalProperties": False,
        },
    }


def test_where_descriptions_come_from() -> None:
    def described(
        a: Annotated[int, Meta(description="From the Meta")],
        b: Annotated[int, "From the hint"],
        c: Annotated[int, Meta(ge=1), 5],
        d: int | None,
        e: int,
    ) -> None:
        """Do it.

        :param a: From the docstring
        :param b: From the docstring
        :param c: From the docstring
        :param d: From the docstring
        """

    found = {name: each.get("description") for name, each in properties(described).items()}
    assert found == {
        "a": "From the Meta",
        "b": "From the hint",
        "c": "From the docstring",
        "d": "From the docstring",
        "e": None,
    }


def test_what_objects_look_like() -> None:
    def plan(
        *,
        place: Annotated[Place, Meta(description="Where")],
        period: Period | None,
        limits: list[Limits],
        extra: Extra,
        more: dict[str, float],
        pair: tuple[int, str],
        anything: Any,
    ) -> None: ...

    found = properties(plan)
    assert found["place"] == {
        "type": "object",
        "description": "Where",
        "properties": {
            "latitude": {
                "type": "number",
                "minimum": -90,
                "maximum": 90,
                "description": "Degrees north",
            },
            "longitude": {"type": "number"},
            "title": {"type": "string", "default": ""},
        },
        "required": ["latitude", "longitude"],
    }
    assert found["period"]["anyOf"][1] == {"type": "null"}
    assert found["period"]["anyOf"][0]["required"] == ["start"]
    assert found["limits"]["items"]["properties"] == {"most": {"type": "integer"}}
    assert found["extra"] == {
        "type": "object",
        "properties": {"note": {"type": "string"}},
        "required": [],
    }
    assert found["more"] == {"type": "object", "additionalProperties": {"type": "number"}}
    assert found["pair"]["prefixItems"] == [{"type": "integer"}, {"type": "string"}]
    assert found["anything"] == {}
    assert "$defs" not in definition(plan)["parameters"]


def test_tags_tell_objects_apart() -> None:
    def adopt(pet: output_types.Cat | output_types.Dog) -> None: ...

    cat, dog = properties(adopt)["pet"]["anyOf"]
    assert cat["properties"]["type"] == {"type": "string", "enum": ["Cat"]}
    assert dog["properties"]["type"] == {"type": "string", "enum": ["Dog"]}
    assert properties(adopt)["pet"].keys() == {"anyOf"}


def test_types_that_contain_themselves_stay_references() -> None:
    def grow(tree: Node, other: Node, pair: Outer, inner: Inner) -> None: ...

    schema = definition(grow)["parameters"]
    assert schema["properties"]["tree"] == {"$ref": "#/$defs/Node"}
    assert schema["$defs"]["Node"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    validator = jsonschema.Draft202012Validator(schema)
    node = {"value": 1, "children": [{"value": 2, "children": [{"value": 3}]}]}
    outer: dict[str, Any] = {"inner": {"outer": {"inner": {}}}}
    value = {"tree": node, "other": node, "pair": outer, "inner": {"outer": outer}}
    validator.validate(value)
    assert not validator.is_valid({**value, "pair": {"inner": {"outer": {"inner": 1}}}})
    assert not validator.is_valid({**value, "other": {"value": 1, "children": [{}]}})


def test_a_schema_does_not_grow_without_end() -> None:
    made: Any = msgspec.defstruct("Level0", [("value", int)])
    for level in range(1, 40):  # written out, 2 ** 39 of them
        made = msgspec.defstruct(f"Level{level}", [("left", made), ("right", made)])

    def deep(tree: Any) -> None: ...

    deep.__annotations__["tree"] = made
    schema = definition(deep)["parameters"]
    assert len(json.dumps(schema)) < 200 * MAX_INLINED
    value: Any = {"value": 1}
    for _ in range(1, 12):
        value = {"left": value, "right": value}
    validator = jsonschema.Draft202012Validator(schema["$defs"]["Level11"] | schema)
    assert schema["$defs"]["Level11"]["properties"]["left"] == {"$ref": "#/$defs/Level10"}
    assert not validator.is_valid({"tree": value})


def test_an_enumeration_of_several_types() -> None:
    values: Any = Literal.__getitem__(("low", 2, None))

    def pick(level: Any) -> None: ...

    pick.__annotations__["level"] = values
    found = properties(pick)["level"]
    assert found["type"] == ["integer", "null", "string"]
    assert sorted(found["enum"], key=repr) == sorted(["low", 2, None], key=repr)


def test_keywords_of_the_caller_s_own_stay() -> None:
    own = {"enum": [0.5, 1.5], "$ref": "#/$defs/mine"}

    def pick(share: Annotated[Any, Meta(extra_json_schema=own)]) -> None: ...

    assert properties(pick)["share"] == own


@pytest.mark.parametrize("default", [None, float("nan"), object()])
def test_defaults_that_are_not_shown(default: Any) -> None:
    def take(value: Any = default) -> None: ...

    assert properties(take) == {"value": {}}


class Shop:
    def find(self, name: str) -> str:
        """Find it."""
        return name

    @classmethod
    def of(cls, name: str) -> None: ...

    @staticmethod
    def plain(name: str) -> None: ...

    def __call__(self, name: str) -> None:
        """Enter."""


def traced(function: Callable[..., T]) -> Callable[..., T]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> T:
        return function(*args, **kwargs)

    return wrapper


@traced
def wrapped(name: str) -> None:
    """Wrapped."""


def bound(store: Callable[[], None], name: str, limit: int = 3) -> None:
    """Bound."""


@pytest.mark.parametrize(
    ("function", "name", "description"),
    [
        (Shop().find, "find", "Find it."),
        (Shop.of, "of", None),
        (Shop.plain, "plain", None),
        (Shop(), "Shop", "Enter."),
        (wrapped, "wrapped", "Wrapped."),
        (functools.partial(bound, print, limit=4), "bound", "Bound."),
        (functools.partial(functools.partial(bound, print), limit=4), "bound", "Bound."),
    ],
    ids=["method", "class method", "static method", "object", "wrapped", "partial", "partials"],
)
def test_kinds_of_functions(function: Any, name: str, description: str | None) -> None:
    found = definition(function)
    assert (found["name"], found.get("description")) == (name, description)
    assert found["parameters"]["properties"] == {"name": {"type": "string"}}
    assert found["parameters"]["required"] == ["name"]


def positional(x: int, /) -> None: ...
def several(*x: int) -> None: ...
def any_names(**x: int) -> None: ...
def no_hint(x: int) -> None: ...
def nowhere(x: "Unknown") -> None: ...
def nowhere_deep(x: "list[Box[int]]") -> None: ...
def no_schema(x: Callable[[], None]) -> None: ...
def no_union(x: Limits | Period) -> None: ...


del no_hint.__annotations__["x"]


def private(__x: int) -> None: ...  # noqa: PYI063 (its name is what it is about)


class Box(msgspec.Struct, Generic[T]):
    item: "Missing"  # type: ignore[name-defined]  # noqa: F821 (that is what it is about)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (positional, "tools[1].positional: expected parameters that can be given by name"),
        (several, "got a variable number of arguments: x"),
        (any_names, "got keyword arguments of any name: x"),
        (no_hint, "tools[1].no_hint: expected a type hint for x, got none"),
        (nowhere, "expected type hints that lead to types, got name 'Unknown' is not defined"),
        (nowhere_deep, "expected parameters whose types have a JSON schema, got name 'Missing'"),
        (no_schema, "expected parameters whose types have a JSON schema, got Generating"),
        (no_union, "may not contain more than one dataclass or attrs type"),
        (private, "expected parameters without __ before them, got __x"),
        (max, "tools[1].max: expected a function with a signature, got one without"),
        (
            lambda: 1,
            "tools[1]: expected a name of 1 to 64 letters, digits, _ and -, got '<lambda>'",
        ),
        (Place, "tools[1]: expected a function or a tool as a dict, got <class"),
        (5, "tools[1]: expected a function or a tool as a dict, got 5"),
        ("forecast", "tools[1]: expected a function or a tool as a dict, got 'forecast'"),
    ],
)
def test_what_is_no_tool(function: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        function_schema(function, "tools[1]")
    assert message in str(caught.value)
    assert caught.value.value is function
    assert caught.value.path.startswith("tools[1]")


def test_a_function_s_schema_is_made_once_and_goes_with_it() -> None:
    def short(x: int) -> None: ...

    gc.collect()  # what other tests left goes now, and not in the middle
    kept = len(tool_schemas._MADE)
    assert function_schema(short) is function_schema(short)
    assert len(tool_schemas._MADE) == kept + 1
    del short
    gc.collect()
    assert len(tool_schemas._MADE) == kept


def named_apart(type_: Any) -> Any:
    """The same type; msgspec wants names of their own for the schemas of classes."""
    for number, cls in enumerate(attrs_values._classes(type_)):
        if cls.__name__.startswith("Random"):
            cls.__name__ = cls.__qualname__ = f"Random{number}"
    return type_


def test_two_types_of_one_name() -> None:
    def take(one: Any, two: Any) -> None: ...

    same = [msgspec.defstruct("Same", [(name, int)]) for name in ("a", "b")]
    take.__annotations__.update(one=same[0], two=same[1])
    with pytest.raises(InvalidRequestError, match=r"names of their own, got two of .*Same"):
        function_schema(take)


@settings(max_examples=50)
@given(output_types.TYPED, st.data())
def test_a_schema_accepts_what_is_read(typed: output_types.Typed, data: Any) -> None:
    type_, values = typed

    def take(value: Any, other: Any = None) -> None: ...

    take.__annotations__.update(value=named_apart(type_), other=type_ | None)
    value = data.draw(values)
    text = msgspec.json.encode({"value": value}).decode()
    validator = jsonschema.Draft202012Validator(definition(take)["parameters"])
    validator.validate(json.loads(text))
    assert not validator.is_valid({})
    assert not validator.is_valid({**json.loads(text), "more": 1})
    assert FunctionTool(take).arguments(text) == {"value": value}
