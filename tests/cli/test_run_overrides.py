from typing import Any

import pytest

from trio_groq.cli._output import UsageFailure
from trio_groq.cli._run_overrides import parse_override
from trio_groq.errors import InvalidRequestError

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "a number": ("body.temperature=0", {"a": {"b": 1}, "temperature": 0}),
    "text": ('body.user="me=you"', {"a": {"b": 1}, "user": "me=you"}),
    "null": ("body.a=null", {"a": None}),
    "an object": ('body.a={"c":[1]}', {"a": {"c": [1]}}),
    "below": ("body.a.c=true", {"a": {"b": 1, "c": True}}),
    "below what is not there": ("body.x.y.z=1", {"a": {"b": 1}, "x": {"y": {"z": 1}}}),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_an_override_replaces_one_value_and_changes_nothing(
    text: str, expected: dict[str, Any]
) -> None:
    body = {"a": {"b": 1}}
    assert parse_override(text).applied(body) == expected
    assert body == {"a": {"b": 1}}


@pytest.mark.parametrize(
    "text", ["temperature=0", "body=1", "body.a", "body..a=1", "body.=1", "=1", "url.a=1"]
)
def test_what_is_no_override(text: str) -> None:
    with pytest.raises(UsageFailure, match=r"^--set: expected body.NAME=JSON, got "):
        parse_override(text)


@pytest.mark.parametrize("value", ["warm", "", "{", "\udcff"])
def test_a_value_that_is_no_json(value: str) -> None:
    with pytest.raises(UsageFailure, match=r"^--set body\.a: expected JSON, got ") as caught:
        parse_override(f"body.a={value}")
    assert caught.value.notes == ("text is JSON in double quotes: --set 'body.a=\"...\"'",)


def test_a_path_through_what_is_no_object() -> None:
    override = parse_override("body.a.b.c=1")
    with pytest.raises(
        InvalidRequestError, match=r"^body\.a\.b: expected an object to set 'c' in, got int$"
    ) as caught:
        override.applied({"a": {"b": 1}})
    assert (caught.value.path, caught.value.value) == ("body.a.b", 1)
