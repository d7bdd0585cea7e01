"""Types with attrs classes in them: attrs objects are made by their own `__init__`."""

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypedDict, TypeVar

import attrs
import msgspec
import pytest

from _api.output_types import City, Even, Everything, Forest, Pair, Person, Tree
from trio_groq._api.attrs_values import MAX_FAULTS, contains_attrs, new_structurer

T = TypeVar("T")


class Boxes(msgspec.Struct, Generic[T], rename="camel"):
    the_item: T
    more_boxes: "list[Boxes[T]]" = []


class Inner(msgspec.Struct, tag=True):
    even: Even


class Outer(msgspec.Struct, tag=True, forbid_unknown_fields=True):
    inner: Inner | None


class Plain(msgspec.Struct, tag=True):
    number: Annotated[int, msgspec.Meta(ge=0)]


@dataclass
class Holder:
    even: Even
    union: Inner | Outer | Plain | str | None
    limited: Annotated[int, msgspec.Meta(ge=0)]
    noted: Annotated[Even, msgspec.Meta(description="x")] | str = ""


class Deep(TypedDict):
    pairs: tuple[Pair, ...]
    boxes: Boxes[Even]


@attrs.define
class Node:
    name: str
    children: list["Node"]
    blob: bytes = b""


@dataclass
class Branch:
    even: Even
    children: list["Branch"]


@pytest.mark.parametrize("type_", [Even, Pair, Everything, Deep, Boxes[Even], Node, Outer, Holder])
def test_types_with_attrs_classes_in_them(type_: Any) -> None:
    assert contains_attrs(type_)


@pytest.mark.parametrize("type_", [City, Tree, Forest, Person, Boxes[int], int, Plain | None])
def test_types_without(type_: Any) -> None:
    assert not contains_attrs(type_)


@pytest.mark.parametrize(
    ("type_", "value", "made"),
    [
        pytest.param(Even, {"half": 2}, Even(2), id="attrs"),
        pytest.param(
            Pair,
            {"left": {"half": 1}, "right": None, "others": [{"half": 3, "note": "x"}]},
            Pair(Even(1), None, [Even(3, "x")]),
            id="in a dataclass",
        ),
        pytest.param(
            Boxes[Even],
            {"theItem": {"half": 1}, "moreBoxes": [{"theItem": {"half": 2}}]},
            Boxes(Even(1), [Boxes(Even(2))]),
            id="in a generic Struct that contains itself",
        ),
        pytest.param(
            Deep,
            {
                "pairs": [{"left": {"half": 1}, "right": {"half": 2}}],
                "boxes": {"theItem": {"half": 1}},
            },
            {"pairs": (Pair(Even(1), Even(2)),), "boxes": Boxes(Even(1))},
            id="in a TypedDict",
        ),
        pytest.param(
            Node,
            {"name": "a", "children": [{"name": "b", "children": [], "blob": "eHk="}]},
            Node("a", [Node("b", [], b"xy")]),
            id="in itself",
        ),
        pytest.param(
            Branch,
            {"even": {"half": 1}, "children": [{"even": {"half": 2}, "children": []}]},
            Branch(Even(1), [Branch(Even(2), [])]),
            id="in a dataclass that contains itself",
        ),
    ],
)
def test_values(type_: Any, value: Any, made: Any) -> None:
    assert new_structurer(type_)(value) == made


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ({"type": "Inner", "even": {"half": 2}}, Inner(Even(2))),
        ({"type": "Outer", "inner": {"type": "Inner", "even": {"half": 2}}}, Outer(Inner(Even(2)))),
        ({"type": "Plain", "number": 2}, Plain(2)),
        ("text", "text"),
        (None, None),
    ],
)
def test_members_of_unions(value: Any, made: Any) -> None:
    holder = new_structurer(Holder)({"even": {"half": 1}, "union": value, "limited": 0})
    assert holder == Holder(Even(1), made, 0)


def test_a_member_of_a_union_may_be_described() -> None:
    structure = new_structurer(Holder)
    noted = structure({**holder(), "noted": {"half": 3}}).noted
    assert (noted, structure({**holder(), "noted": "none"}).noted) == (Even(3), "none")


def holder(**changes: Any) -> dict[str, Any]:
    return {"even": {"half": 1}, "union": None, "limited": 0, **changes}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (holder(even={"half": "2"}), "Expected `int`, got `str` @ $.even.half"),
        (holder(even={"half": 60}), "'half' must be < 100: 120 @ $.even"),
        (holder(even={}), "missing a required field @ $.even.half"),
        (holder(even={"half": 1, "more": 2, "and": 3}), "unknown fields and, more @ $.even"),
        (holder(even=5), "Expected `object`, got `int` @ $.even"),
        (holder(limited=-1), "Expected `int` >= 0 @ $.limited"),
        (holder(union={"type": "Inner"}), "missing a required field @ $.union.even"),
        (holder(union={"type": "Plain", "number": -1}), "Expected `int` >= 0 - at `$.number` @"),
        (
            holder(union={"type": "Outer", "inner": None, "x": 1}),
            "unknown fields x @ $.union",
        ),
        (holder(union=5), "Expected `null`, got `int` @ $.union"),
        (holder(union={"type": "New"}), "Expected `"),
    ],
)
def test_what_does_not_fit_is_told_with_its_path(value: Any, fault: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        new_structurer(Holder)(value)
    assert str(caught.value).startswith(fault)


def test_only_the_first_faults_are_told() -> None:
    wrong: Any = {"left": {}, "right": None, "others": [{} for _ in range(20)]}
    with pytest.raises(msgspec.ValidationError) as caught:
        new_structurer(Pair)(wrong)
    assert str(caught.value).count(" @ $") == MAX_FAULTS


def test_what_is_wrong_at_the_top() -> None:
    structure = new_structurer(Even)
    wrong: tuple[Any, ...] = ([], 5, "x", None)
    for value in wrong:
        with pytest.raises(msgspec.ValidationError, match=r"^Expected `object`, got `\w+` @ \$$"):
            structure(value)
