"""Defaults that are sent, what is left out, `meta`, and the decoder that forgives null."""

import copy
import gc
from typing import Any

import msgspec
import pytest

from trio_groq.types import ChatCompletion, ChatCompletionMessage, ResponseMeta
from trio_groq.types._base import Decoder, Piece, Record, Response, attach_meta, sent


class Point(Piece, frozen=True):
    x: int = sent(int)
    label: str | None = None


class Figure(Response):
    name: str = sent(lambda: "figure")
    points: list[Point] = sent(list[Point])
    size: float | None = None
    first: Point = sent(Point)
    extra: dict[str, Any] | None = None


decode = Decoder(Figure).decode


def test_defaults_that_are_sent_are_encoded_and_others_are_not() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Figure())) == {
        "name": "figure",
        "points": [],
        "first": {"x": 0},
    }


def test_defaults_are_made_anew_for_each_object() -> None:
    one, two = Figure(), Figure()
    one.points.append(Point(x=1))
    assert two.points == []


def test_meta_is_beside_the_fields() -> None:
    figure, same = Figure(size=1.0), Figure(size=1.0)
    made: list[ResponseMeta] = []

    def make() -> ResponseMeta:
        made.append(ResponseMeta(request_id="req_1", status=200, headers={}))
        return made[-1]

    assert figure.meta is None
    attach_meta(figure, make)
    assert not made, "expected it to be made only when asked for"
    assert figure.meta is figure.meta is made[0]
    assert len(made) == 1
    assert figure == same
    assert repr(figure) == repr(same)
    assert msgspec.json.encode(figure) == msgspec.json.encode(same)
    assert copy.deepcopy(msgspec.json.decode(msgspec.json.encode(figure), type=Figure)) == figure


def test_pieces_are_unknown_to_the_garbage_collector() -> None:
    assert not gc.is_tracked(Point())
    assert gc.is_tracked(Figure())


def test_pieces_cannot_be_assigned_to() -> None:
    with pytest.raises(AttributeError):
        setattr(Point(), "x", 1)  # noqa: B010 (a type checker knows better)


@pytest.mark.parametrize(
    "kind",
    [bytes, bytearray, memoryview],
)
def test_any_buffer_is_decoded(kind: type) -> None:
    assert decode(kind(b'{"name":"f","new":1}')) == Figure(name="f")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"{}", Figure(), id="nothing"),
        pytest.param(b'{"name":null,"points":null,"first":null}', Figure(), id="all null"),
        pytest.param(b'{"points":[{"x":null}]}', Figure(points=[Point()]), id="null inside"),
        pytest.param(b'{"first":{"x":12.0}}', Figure(first=Point(x=12)), id="integral float"),
        pytest.param(b'{"size":12}', Figure(size=12.0), id="integer for a float"),
        pytest.param(b'{"first":{"x":"12"}}', Figure(first=Point(x=12)), id="digits"),
        pytest.param(b'{"extra":{"a":null}}', Figure(extra={"a": None}), id="null in free form"),
    ],
)
def test_null_is_missing(body: bytes, expected: Figure) -> None:
    figure = decode(body)
    assert figure == expected
    assert figure.size is None or type(figure.size) is float


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"points":{}}', r"Expected `array`, got `object` - at `\$.points`"),
        (b'{"points":[null]}', r"Expected `object`, got `null` - at `\$.points\[0\]`"),
        (b'{"name":5,"first":null}', r"Expected `str`, got `int` - at `\$.name`"),
        (b'{"first":{"x":12.5}}', "Expected `int`, got `float`"),
    ],
)
def test_another_shape_is_an_error_with_its_path(body: bytes, message: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=message):
        decode(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>", id="no JSON"),
        pytest.param(b'{"name":"a', id="cut off"),
        pytest.param(b'{"name":"\xff"}', id="no UTF-8"),
        pytest.param(b'{"name":null,"first":"\xff"}', id="no UTF-8 after a null"),
        pytest.param(b'{"extra":' + b'{"a":' * 100_000, id="too deep"),
        pytest.param(b'{"name":null,"new":' + b"[" * 100_000, id="too deep after a null"),
    ],
)
def test_what_is_no_json_is_a_decode_error(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(body)


def test_decoding_keeps_nothing_of_the_buffer() -> None:
    buffer = bytearray(b'{"name":"first","extra":{"key":"value"}}')
    figure = decode(memoryview(buffer))
    buffer[:] = b"x" * len(buffer)
    assert figure == Figure(name="first", extra={"key": "value"})


@pytest.mark.parametrize("type_", [ChatCompletion, ChatCompletionMessage])
def test_every_field_of_an_answer_has_a_default(type_: type[Record]) -> None:
    assert Decoder(type_).decode(b"{}") == type_()
