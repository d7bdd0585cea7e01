import pytest

from trio_groq.cli._output import UsageFailure
from trio_groq.cli._run_template import Template


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{a}", "1{b}"),
        ("<{a}> {long name}!", "<1{b}> two!"),
        ("{{a}} {a}", "{a} 1{b}"),
    ],
)
def test_places_are_filled_once(text: str, filled: str) -> None:
    template = Template(text)
    assert template.fill({"a": "1{b}", "long name": "two"}) == filled
    assert template.missing(["a", "long name"]) == []


def test_columns_that_are_not_there() -> None:
    assert Template("{a} {b} {c}").missing(["b"]) == ["a", "c"]


def test_a_name_reaches_into_nothing() -> None:
    template = Template("{a.__class__} {a[0]}")
    assert template.missing(["a"]) == ["a.__class__", "a[0]"]


@pytest.mark.parametrize("text", ["{", "}", "{a", "{}", "{a:>9}", "{a!r}", "{a:{b}}"])
def test_what_is_no_template(text: str) -> None:
    with pytest.raises(UsageFailure, match=r"^--template: expected text with {column} in it"):
        Template(text)
