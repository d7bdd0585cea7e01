"""JSON that is JSON: what parameters become, and what they cannot."""

import json
from collections import UserDict, deque
from dataclasses import dataclass
from enum import Enum

import attrs
import pytest

from _api.parameter_bodies import USER, Fields
from trio_groq._api.parameters import encode_json, sendable_messages
from trio_groq.errors import InvalidRequestError
from trio_groq.types import (
    Annotation,
    ChatCompletionMessage,
    ChatCompletionTokenLogprob,
    ExecutedTool,
)


@dataclass
class Point:
    x: float


@attrs.frozen
class Frozen:
    x: float


class Color(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (None, b"null"),
        ({"a": None, "b": [1.5, True]}, b'{"a":null,"b":[1.5,true]}'),
        ({"a": "null"}, b'{"a":"null"}'),
        (ChatCompletionMessage(content="a"), b'{"role":"assistant","content":"a"}'),
        (deque([1]), b"[1]"),
        (UserDict(a=deque()), b'{"a":[]}'),
        ({1: "a"}, b'{"1":"a"}'),
        ([Point(1.0), Frozen(2.0), None], b'[{"x":1.0},{"x":2.0},null]'),
        ({"a": Color.RED, "b": None}, b'{"a":"red","b":null}'),
        (10**30, b"1" + b"0" * 30),
        ("ä\u2028", '"ä\u2028"'.encode()),
    ],
)
def test_json(value: object, encoded: bytes) -> None:
    assert encode_json(value) == encoded


NAN = float("nan")
CYCLE: Fields = {}
CYCLE["again"] = [CYCLE]
DEEP: object = None
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NAN, "parameters: expected a finite number, got nan"),
        ({"a": [1, {"b": -float("inf")}]}, "a[1].b: expected a finite number, got -inf"),
        ({"a": None, "b": (1.0, NAN)}, "b[1]: expected a finite number, got nan"),
        ({"a": {5: NAN}}, "a[5]: expected a finite number, got nan"),
        (deque([NAN]), "[0]: expected a finite number, got nan"),
        ([Point(NAN)], "[0].x: expected a finite number, got nan"),
        ([Frozen(NAN)], "[0].x: expected a finite number, got nan"),
        (
            ChatCompletionTokenLogprob(logprob=NAN),
            "logprob: expected a finite number, got nan",
        ),
        ({"a": ["b", "\ud800"]}, "a[1]: expected text without lone surrogates, got '\\ud800'"),
        ({"a": {"\udfff": 1}}, "a: expected text without lone surrogates, got '\\udfff'"),
        (
            ChatCompletionMessage(content="\ud800"),
            "content: expected text without lone surrogates, got '\\ud800'",
        ),
        ({"a": [iter(())]}, "a[0]: expected what JSON can hold, got <tuple_iterator"),
        ({"a": {("k",): 1}}, "parameters: expected what JSON can hold, got "),
        ({"a": object()}, "a: expected what JSON can hold, got <object"),
        (CYCLE, "parameters: expected values without cycles, of sane depth, got "),
        (DEEP, "parameters: expected values without cycles, of sane depth, got "),
        (
            {"authorization": object()},
            "authorization: expected what JSON can hold, got a object",
        ),
    ],
    ids=range(17),
)
def test_what_json_cannot_hold(value: object, text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        encode_json(value)
    assert str(caught.value).startswith(text)
    assert caught.value.path == text.partition(":")[0].replace("parameters", "")


LONG = "a long text, with null and \u02cb in it; " * 200


@pytest.mark.parametrize("text", [LONG, LONG.replace("\u02cb", "`")])
@pytest.mark.parametrize("value", [NAN, [1.5, {"b": -float("inf")}], Point(NAN), {5: [NAN]}])
def test_no_number_is_lost_beside_a_long_text(text: str, value: object) -> None:
    with pytest.raises(InvalidRequestError, match=r"^value.*: expected a finite number"):
        encode_json({"text": text, "none": None, "value": value})


@pytest.mark.parametrize("value", [None, 1.5, [1, None], {"a": 2**63}, deque([1.0])])
def test_long_texts_are_encoded(value: object) -> None:
    whole = {"text": LONG, "value": value}
    expected = {"text": LONG, "value": list(value) if isinstance(value, deque) else value}
    assert json.loads(encode_json(whole)) == expected


def test_messages_are_sent_back_without_what_the_api_refuses() -> None:
    answer = ChatCompletionMessage(
        content="a",
        reasoning="r",
        executed_tools=[ExecutedTool(index=0)],
        annotations=[Annotation(type="document_citation")],
    )
    sendable = sendable_messages([USER, answer])
    assert encode_json(sendable[1]) == b'{"role":"assistant","content":"a","reasoning":"r"}'
    assert sendable[0] is USER
    assert answer.executed_tools == [ExecutedTool(index=0)]
