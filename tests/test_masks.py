"""What looks like a secret in texts, and what becomes of values that cannot be pickled."""

import pickle
from typing import Any, NoReturn

import pytest

from trio_groq._secrets import MAX_DEPTH, MAX_SHOWN, hidden_in, mask, picklable
from trio_groq.errors import GroqError, InvalidRequestError


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("", ""),
        ("gsk_", "gsk_"),
        ("a gsk_abc-DEF_123.", "a gsk_***."),
        ("Authorization: Bearer secret,", "Authorization: Bearer ***,"),
        ("{'authorization': 'basic dXNlcg'}", "{'authorization': 'basic ***'}"),
        ("sent bearer abc123de.fgh=", "sent bearer ***"),
        ("sent Bearer abcdefghijklmnopq", "sent Bearer ***"),
        ("Bearer authentication is needed", "Bearer authentication is needed"),
        ("header Authorization: expected text", "header Authorization: expected text"),
        ("http://u:p@h.test/a@b", "http://***@h.test/a@b"),
        ("scheme://[user:password@]host", "scheme://[user:password@]host"),
        (
            "https://h.test/?api_key=abc&page=2&token=x",
            "https://h.test/?api_key=***&page=2&token=***",
        ),
        ("/v1?x-api-key=abc#d", "/v1?x-api-key=***#d"),
        ("what? monkey=abc", "what? monkey=abc"),
    ],
)
def test_masks(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


def test_every_error_masks_its_message() -> None:
    assert str(GroqError("a gsk_123")) == "a gsk_***"
    assert GroqError().args == ()
    assert GroqError("a", 1).args == ("a", 1)


def test_values_are_copied_only_where_something_is_hidden() -> None:
    innocent = {"a": [1, ("b", b"c"), None]}
    assert hidden_in(innocent) is innocent
    told = {"gsk_1": [b"\xff gsk_2", ("gsk_3", {})], 5: object}
    assert hidden_in(told) == {"gsk_***": [b"\xff gsk_***", ("gsk_***", {})], 5: object}
    assert "gsk_1" in told


def test_nesting_is_bounded() -> None:
    deep: Any = "gsk_1"
    for _ in range(10 * MAX_DEPTH):
        deep = [deep]
    assert "gsk_1" not in repr(hidden_in(deep))


def test_cycles_and_shared_parts_are_entered_once() -> None:
    circle: list[object] = ["gsk_1"]
    circle += [circle, circle]
    assert hidden_in(circle) == ["gsk_***", "...", "..."]
    shared: list[object] = ["gsk_1"]
    for _ in range(MAX_DEPTH // 2):
        shared = [shared, shared]
    hidden: Any = hidden_in(shared)
    assert hidden[0] is hidden[1]


class Broken:
    def __repr__(self) -> str:
        raise ValueError

    def __reduce__(self) -> NoReturn:
        raise RuntimeError


def test_values_that_cannot_be_pickled() -> None:
    value = {"a": 1}
    assert picklable(value) is value
    shown = picklable([lambda: None, "gsk_123"])
    assert isinstance(shown, str)
    assert "<lambda>" in shown
    assert "gsk_***" in shown
    long = picklable([print, lambda: None, "x" * 1000])
    assert isinstance(long, str)
    assert len(long) == MAX_SHOWN
    assert picklable(Broken()) == "<Broken>"


@pytest.mark.parametrize("value", [lambda: None, Broken(), (each for each in "ab")])
def test_errors_are_pickled_whatever_their_value_is(value: object) -> None:
    error = InvalidRequestError("temperature: wrong", path="temperature", value=value)
    error.add_note("a note")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 (made here)
    assert (again.path, again.args, again.__notes__) == (error.path, error.args, error.__notes__)
    assert isinstance(again.value, str)
    assert error.value is value


def test_an_open_file_as_value() -> None:
    with open(__file__, "rb") as file:  # noqa: PTH123 (an open file is what is tested)
        error = InvalidRequestError("file: wrong", path="file", value=file)
        assert isinstance(pickle.loads(pickle.dumps(error)).value, str)  # noqa: S301 (made here)
