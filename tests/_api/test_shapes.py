"""What a declaration becomes, and how errors tell where they are."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Required, TypedDict

import msgspec
import pytest

from trio_groq._api.shapes import check, shape_of


class Circle(TypedDict):
    kind: Literal["circle", "disc"]
    radius: float


class Square(TypedDict, total=False):
    kind: Required[Literal["square"]]
    side: Required[Annotated[float, msgspec.Meta(ge=0)]]
    inner: Sequence[Circle]


class Stamp(msgspec.Struct):
    text: str


class Drawing(TypedDict, total=False):
    shapes: Required[Sequence[Circle | Square | Stamp | Mapping[str, object]]]
    first: Circle | Mapping[str, object] | None
    names: Mapping[str, int]
    notes: Mapping[str, object]
    mode: Literal["fast", "fine"]


DRAWING = shape_of(Drawing)

CIRCLE = {"kind": "circle", "radius": 1}


@pytest.mark.parametrize(
    "drawing",
    [
        {"shapes": []},
        {"shapes": [CIRCLE, {"kind": "disc", "radius": 1.5}]},
        {"shapes": [{"kind": "square", "side": 1, "new": None}]},
        {"shapes": [{"kind": "star", "points": "many"}]},
        {"shapes": [Stamp(text="s")]},
        {"shapes": [], "first": None, "mode": "finest", "notes": {"a": object()}},
        {"shapes": [], "first": CIRCLE, "names": {"a": 1}, "new": 1},
    ],
)
def test_right(drawing: dict[str, Any]) -> None:
    check(drawing, DRAWING)


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        ({}, "Object missing required field `shapes`"),
        ({"shapes": [{}]}, "Object missing required field `kind` - at `$.shapes[0]`"),
        ({"shapes": [5]}, "Expected `object`, got `int` - at `$.shapes[0]`"),
        ({"shapes": [{"kind": 5}]}, "Expected `str`, got `int` - at `$.kind` - at `$.shapes[0]`"),
        (
            {"shapes": [CIRCLE, {"kind": "square", "side": -1}]},
            "Expected `float` >= 0.0 - at `$.side` - at `$.shapes[1]`",
        ),
        (
            {"shapes": [], "first": {"kind": "disc"}},
            "missing required field `radius` - at `$.first`",
        ),
        ({"shapes": [], "names": {"a": "b"}}, "Expected `int`, got `str` - at `$.names[...]`"),
        ({"shapes": [], "mode": None}, "Expected `str`, got `null` - at `$.mode`"),
    ],
)
def test_wrong(drawing: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        check(drawing, DRAWING)
    assert str(caught.value).endswith(message)


def test_a_declaration_is_compiled_once() -> None:
    assert shape_of(Drawing) is DRAWING
