"""Types that answers may have, of every kind and mixed, and a checker of strict schemas."""

import enum
import string
from collections.abc import Iterator
from dataclasses import dataclass, field, make_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NotRequired, TypedDict, TypeVar
from uuid import UUID

import attrs
import msgspec
from hypothesis import strategies as st
from msgspec import Meta

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    """How bad it is."""

    LOW = 1
    HIGH = 2


class City(msgspec.Struct):
    """A city.

    Attributes:
        name: In its own language.
    """

    name: str
    inhabitants: int


class Box(msgspec.Struct, Generic[T]):
    item: T


class Cat(msgspec.Struct, tag=True):
    lives: int


class Dog(msgspec.Struct, tag=True):
    name: str


class Tree(msgspec.Struct):
    value: int
    children: "list[Tree]"
    parent: "Tree | None" = None


class Forest(msgspec.Struct):
    first: Tree
    second: Tree | None


@dataclass
class Point:
    x: float
    y: float = 0.5


def doubled(given: int) -> int:
    return given * 2


@attrs.frozen
class Even:
    """A number that is doubled on its way in."""

    half: int = attrs.field(converter=doubled, validator=attrs.validators.lt(100))
    note: str | None = None


@dataclass
class Pair:
    """Two of them."""

    left: Even
    right: Even | None
    others: list[Even] = field(default_factory=list)


class Person(TypedDict):
    """A person."""

    name: str
    nick: NotRequired[str]
    home: City


class Everything(msgspec.Struct, rename="camel"):
    """All at once."""

    text: Annotated[str, Meta(min_length=1, pattern="^a", description="A text", examples=["abc"])]
    share: Annotated[float, Meta(gt=0, le=1)]
    some_cities: Annotated[list[City], Meta(min_length=1, max_length=3)]
    capital: Annotated[City, Meta(description="The capital")]
    colour: Colour
    level: Level
    word: Literal["a", "b", 1] | None
    pet: Cat | Dog | None
    point: Point
    even: Even
    person: Person
    box: Box[int]
    moment: Annotated[datetime, Meta(tz=True)]
    day: date
    price: Decimal
    key: UUID
    raw: bytes
    numbers: set[int]
    several: tuple[str, ...]
    ok: bool
    nothing: None
    mixed: int | str | list[bool]
    best: Colour = Colour.RED
    count: int = 5
    score: float = float("nan")


KINDS = {"string", "number", "integer", "boolean", "null", "object", "array"}
KEYWORDS = {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf"}
KEYWORDS |= {"$ref", "$defs", "description"}


def faults(schema: Any, place: str = "#") -> Iterator[str]:
    """What a strict schema must not have, by place."""
    if unknown := schema.keys() - KEYWORDS:
        yield f"{place}: keywords {unknown}"
    if "$ref" in schema and len(schema) > 1:
        yield f"{place}: something beside a reference"
    if not schema.keys() & {"type", "anyOf", "$ref"}:
        yield f"{place}: no type"
    if schema.get("type", "null") not in KINDS:
        yield f"{place}: type {schema['type']}"
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            yield f"{place}: open"
        if sorted(schema["required"]) != sorted(schema["properties"]):
            yield f"{place}: optional properties"
    parts = {**schema.get("properties", {}), **schema.get("$defs", {})}
    parts.update(enumerate(schema.get("anyOf", ())))
    if schema.get("type") == "array":
        parts["items"] = schema["items"]
    for name, part in parts.items():
        yield from faults(part, f"{place}/{name}")


# --- types and values of them, at random ---------------------------------------------------------

Typed = tuple[Any, st.SearchStrategy[Any]]

NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=3).map(lambda name: f"f_{name}")
LEAVES: list[Typed] = [
    (int, st.integers(-(2**53), 2**53)),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (str, st.text(st.characters(codec="utf-8"), max_size=5)),
    (bool, st.booleans()),
    (type(None), st.none()),
    (Colour, st.sampled_from(Colour)),
    (Level, st.sampled_from(Level)),
    (Literal["x", "y"], st.sampled_from(["x", "y"])),
    (datetime, st.datetimes(timezones=st.just(UTC))),
    (date, st.dates()),
    (Decimal, st.decimals(allow_nan=False, allow_infinity=False)),
    (UUID, st.uuids()),
    (bytes, st.binary(max_size=5)),
    (Cat | Dog, st.builds(Cat, st.integers(0, 9)) | st.builds(Dog, st.text("ab"))),
]


def _struct(fields: dict[str, Any]) -> Any:
    return msgspec.defstruct("RandomStruct", list(fields.items()))


def _dataclass(fields: dict[str, Any]) -> Any:
    return make_dataclass("RandomDataclass", fields.items())


def _attrs(fields: dict[str, Any]) -> Any:
    return attrs.make_class(
        "RandomAttrs", {name: attrs.field(type=hint) for name, hint in fields.items()}
    )


def _typed_dict(fields: dict[str, Any]) -> Any:
    return TypedDict("RandomDict", fields)  # type: ignore[operator]  # made at run time


def _of_fields(make: Any, fields: dict[str, Typed]) -> Typed:
    cls = make({name: hint for name, (hint, _) in fields.items()})
    return cls, st.builds(cls, **{name: values for name, (_, values) in fields.items()})


def objects(parts: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    """Classes of all four kinds, with fields of the types of `parts`."""
    makers = st.sampled_from([_struct, _dataclass, _attrs, _typed_dict])
    return st.builds(_of_fields, makers, st.dictionaries(NAMES, parts, max_size=3))


def _wider(parts: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    lists = parts.map(lambda part: (list.__class_getitem__(part[0]), st.lists(part[1], max_size=2)))
    maybe = parts.map(lambda part: (part[0] | None, st.none() | part[1]))
    return lists | maybe | objects(parts)


TYPED = objects(st.recursive(st.sampled_from(LEAVES), _wider, max_leaves=6))
"""A class at random, and a strategy for its objects."""
