"""Unions whose kinds are not all known: what passes, what it becomes, and what is refused."""

import copy
import pickle
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq.types._base import Piece, Record, sent
from trio_groq.types._open_unions import OpenDecoder, UnknownItem


class Leaf(Record, tag_field="type", tag="leaf"):
    type: ClassVar[str] = "leaf"
    size: int = sent(int)


class Twig(Record, tag_field="type", tag="twig"):
    type: ClassVar[str] = "twig"
    parts: list[Leaf] = sent(list[Leaf])
    first: Leaf | None = None


class Pot(Record):
    label: str | None = None


class Garden(Piece, frozen=True):
    plants: list[Leaf | Twig] = sent(list[Leaf | Twig])
    best: Leaf | Twig | None = None
    pot: Pot | None = None
    fence: "Fence | None" = None
    pots: list[Pot] | None = None


class Fence(Record):
    by: Twig | None = None


class Odd(UnknownItem):
    __slots__ = ()


gardens: OpenDecoder[Garden] = OpenDecoder(Garden)
decode = gardens.decode
plant: OpenDecoder[Any] = OpenDecoder(Leaf | Twig, unknown=Odd)


def of(data: object) -> bytes:
    return msgspec.json.encode(data)


def test_known_kinds_are_what_they_are() -> None:
    leaf = {"type": "leaf", "size": 3, "new": 1}
    garden = decode(of({"plants": [leaf, {"type": "twig", "parts": [leaf]}], "best": leaf}))
    assert garden == Garden(plants=[Leaf(size=3), Twig(parts=[Leaf(size=3)])], best=Leaf(size=3))
    assert garden.best is not None
    assert garden.best.type == "leaf"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(
            {"plants": [{"type": "cactus", "x": None}, {"type": "leaf", "size": None}]},
            Garden(plants=[UnknownItem({"type": "cactus", "x": None}), Leaf()]),  # type: ignore[list-item]  # what type checkers do not see here
            id="in-a-list",
        ),
        pytest.param(
            {"best": {"size": 3}},
            Garden(best=UnknownItem({"size": 3})),  # type: ignore[arg-type]  # see above
            id="no-type",
        ),
        pytest.param(
            {"best": {"type": 5}},
            Garden(best=UnknownItem({"type": 5})),  # type: ignore[arg-type]  # see above
            id="type-no-text",
        ),
        pytest.param(
            {"best": {"type": "twig", "parts": [{"type": "new"}], "first": {"type": "leaf"}}},
            Garden(best=Twig(parts=[UnknownItem({"type": "new"})], first=Leaf())),  # type: ignore[list-item]  # see above
            id="one-kind-only",
        ),
        pytest.param(
            {"fence": {"by": {"type": "new"}}, "plants": None},
            Garden(fence=Fence(by=UnknownItem({"type": "new"}))),  # type: ignore[arg-type]  # see above
            id="within-a-struct",
        ),
        pytest.param({"plants": None, "pot": {"label": None}}, Garden(pot=Pot()), id="null"),
        pytest.param(
            {"best": {"type": "leaf", "size": 12.0}, "pots": [{}]},
            Garden(best=Leaf(size=12), pots=[Pot()]),
            id="float",
        ),
    ],
)
def test_what_msgspec_refuses_is_read_with_care(data: object, expected: Garden) -> None:
    assert decode(of(data)) == expected
    assert type(decode(of(data)).best) is type(expected.best)


def test_a_strict_decoder_forgives_nothing_and_takes_unknown_kinds() -> None:
    strict: OpenDecoder[Garden] = OpenDecoder(Garden, strict=True)
    new = {"type": "new", "x": None}
    garden = strict.decode(of({"plants": [new], "best": None, "fence": {"by": None}}))
    assert garden == Garden(plants=[UnknownItem(new)], fence=Fence())  # type: ignore[list-item]  # what type checkers do not see here
    for wrong in (
        {"plants": None, "best": new},
        {"plants": [new, {"type": "leaf", "size": 12.0}]},
        {"plants": [new, {"type": "twig", "parts": None}]},
    ):
        decode(of(wrong))
        with pytest.raises(msgspec.ValidationError, match=r"Expected .* - at `\$\.plants"):
            strict.decode(of(wrong))


def test_a_whole_document_of_an_unknown_kind() -> None:
    made = plant.decode(b'{"type":"new","a":[null]}')
    assert type(made) is Odd
    assert made == {"type": "new", "a": [None]}
    assert made.type == "new"
    assert Odd().type == ""
    inner = plant.decode(b'{"type":"twig","parts":[{"type":"new"}]}')
    assert type(inner.parts[0]) is UnknownItem


def test_a_kind_told_from_elsewhere() -> None:
    assert plant.decode_with_care(b'{"size":3}', "leaf") == Leaf(size=3)
    assert plant.decode_with_care(b'{"type":"twig"}', "leaf") == Twig()
    assert plant.decode_with_care(b'{"size":3}') == Odd(size=3)
    with pytest.raises(msgspec.ValidationError):
        plant.decode_with_care(b"5", "leaf")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"plants":5}', "Expected `array`, got `int` - at `$.plants`"),
        (b'{"plants":[5]}', "Expected `object`, got `int` - at `$.plants[0]`"),
        (
            b'{"plants":[{"type":"leaf","size":"a"}]}',
            "Expected `int`, got `str` - at `$.plants[0].size`",
        ),
        (
            b'{"best":{"type":"twig","parts":[{"type":"leaf"},{"type":"leaf","size":[]}]}}',
            "Expected `int`, got `array` - at `$.best.parts[1].size`",
        ),
        (b'{"fence":5}', "Expected `object`, got `int` - at `$.fence`"),
        (b'{"pot":5}', "Expected `object | null`, got `int` - at `$.pot`"),
        (b"[]", "Expected `object`, got `array`"),
    ],
)
def test_other_shapes_are_refused_with_their_place(data: bytes, message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        decode(data)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no JSON",
        b'{"pot":{"label":"\xff"}}',
        b'{"plants":5,"pot":{"label":"\xff"}}',
        b'{"new":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"plants":[{"type":"new","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
    ],
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(data)


def test_unknown_items_are_dicts_that_can_be_kept_and_sent() -> None:
    item = UnknownItem({"type": "new", "x": [1, None]})
    assert msgspec.json.decode(of([item])) == [{"type": "new", "x": [1, None]}]
    assert copy.deepcopy(item) == item
    assert pickle.loads(pickle.dumps(item)) == item  # noqa: S301 (our own bytes)
    assert type(copy.copy(item)) is UnknownItem
    assert repr(item) == "UnknownItem({'type': 'new', 'x': [1, None]})"


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "size", "parts", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
_unknown = st.dictionaries(st.text(max_size=3), _json, max_size=3).map(
    lambda fields: {**fields, "type": "unknown kind"}
)
_known = st.builds(lambda size: {"type": "leaf", "size": size}, st.integers(-9, 9))


@settings(max_examples=100)
@given(st.lists(_unknown | _known, max_size=4))
def test_lists_of_known_and_unknown_kinds_come_back_as_they_were(items: list[Any]) -> None:
    garden = decode(of({"plants": items}))
    assert msgspec.json.decode(of(garden.plants)) == items
    assert [type(each) for each in garden.plants] == [
        Leaf if item["type"] == "leaf" else UnknownItem for item in items
    ]


@settings(max_examples=100)
@given(_json)
def test_any_json_is_read_or_refused(data: object) -> None:
    refusal = "$.plants[0]"
    try:
        decode(of({"plants": [data]}))
    except msgspec.ValidationError as error:
        refusal = str(error)
    assert "$.plants[0]" in refusal
