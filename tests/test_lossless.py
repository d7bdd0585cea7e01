"""What a document loses, and what its declarations lack, is told."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Required, TypedDict

import msgspec
import pytest

from declared import undeclared
from lossless import lost


@pytest.mark.parametrize(
    ("stated", "kept", "where"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": None, "b": [None]}, {"b": [None]}, []),
        ({"a": 1, "b": 0}, {"a": 1.0, "b": 0}, []),
        ({"a": 1}, {}, [".a"]),
        ({"a": False}, {"a": 0}, [".a"]),
        ({"a": {"b": [{"c": 1}, {"c": 2}]}}, {"a": {"b": [{"c": 1}, {}]}}, [".a.b[].c"]),
        ({"a": [1, 2]}, {"a": [1]}, [".a"]),
        ({"a": [1]}, {"a": {"0": 1}}, [".a"]),
        ("text", "other", [""]),
    ],
)
def test_what_is_lost(stated: Any, kept: Any, where: list[str]) -> None:
    assert [path for path, _ in lost(stated, kept)] == where


class Text(TypedDict):
    type: Literal["text"]
    text: str


class Image(TypedDict, total=False):
    type: Required[Literal["image"]]
    sizes: Annotated[Sequence[int], msgspec.Meta(max_length=2)] | None


class Answer(msgspec.Struct):
    parts: list[Text | Image | Mapping[str, object]]
    labels: Mapping[str, str] | None = None
    anything: object = None


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"parts": [{"type": "text", "text": "a"}, {"type": "image", "sizes": [1]}]}, []),
        ({"parts": [{"type": "text", "sizes": [1]}]}, [".parts[].sizes"]),
        ({"parts": [{"type": "new", "more": 1}]}, []),  # a mapping of any shape may be meant
        ({"labels": {"a": "b"}, "anything": {"c": [1]}}, []),
        ({"labels": [1]}, [".labels"]),
        ({"parts": [], "more": 1}, [".more"]),
        ({"parts": {"a": 1}}, [".parts"]),
    ],
)
def test_what_is_not_declared(value: Any, where: list[str]) -> None:
    assert list(undeclared(value, Answer)) == where
