"""Whoever changes from the official SDK finds every method and every parameter."""

import re
from importlib.util import find_spec
from typing import Any

import pytest

from sdk_table import METHODS, NOTES, PAGE, PARAMETERS, missing, our_name, ours, render, theirs

needs_sdk = pytest.mark.skipif(
    find_spec("groq") is None, reason="the official SDK is absent: pip install groq"
)


@pytest.mark.parametrize(
    ("mine", "expected"),
    [
        ({"a.create": {"x": True, "y": False}}, []),
        ({"a.create": {"x": True, "y": False, "z": False}, "b.create": {}}, []),
        ({"a.create": {"x": True}}, ["a.create(y)"]),
        ({"a.create": {"x": True, "y": True}}, ["a.create(y) is required here"]),
        ({"b.create": {}}, ["a.create"]),
    ],
)
def test_what_is_missing_is_told(mine: Any, expected: list[str]) -> None:
    assert missing(mine, {"a.create": {"x": True, "y": False}}) == expected


def test_what_is_explained_is_not_missing() -> None:
    other = {"client.copy": {"base_url": False}, "client.is_closed": {}}
    assert missing({"client.with_options": {}}, other) == []
    assert missing({}, other) == ["client.copy"]


def test_a_page() -> None:
    other = {"models.list": {"timeout": False}, "client.close": {}}
    mine = {
        "client.aclose": {},
        "models.list": {"timeout": False, "max_retries": False},
        "models.wait": {"seconds": True},
    }
    text = render(mine, other, "1.2.3")
    assert "(``groq`` 1.2.3)" in text
    rows = [row.split("     - ") for row in text.split("   * - ") if row.startswith("``")]
    assert [[cell.partition("\n")[0] for cell in row] for row in rows] == [
        ["``client.close``", "—", "—", "``client.aclose``: named as what Trio closes"],
        ["``models.list``", "``timeout``", "``max_retries``", "—"],
        ["``models.wait``", "—", "``seconds``", "only here"],
    ]


@needs_sdk
def test_nothing_of_the_sdk_is_missing() -> None:
    other = theirs()
    assert len(other) >= 17
    assert missing(ours(), other) == []


@needs_sdk
def test_what_is_explained_exists() -> None:
    other = theirs()
    labels = {f"{name}({each})" for name, parameters in other.items() for each in parameters}
    assert PARAMETERS.keys() <= labels
    assert METHODS.keys() <= other.keys()
    assert NOTES.keys() <= other.keys()
    mine = ours()
    renamed = [our_name(name) for name in METHODS]
    assert all(name in mine for name in renamed if name is not None)
    needless = [
        label
        for label in PARAMETERS
        if label[:-1].partition("(")[2] in mine.get(our_name(label.partition("(")[0]) or "", {})
    ]
    assert needless == []


@needs_sdk
def test_the_page_is_what_the_signatures_say() -> None:
    """After a change: python tests/sdk_table.py."""
    text = PAGE.read_text(encoding="utf-8")
    stated = re.search(r"\(``groq`` ([\d.]+)\)", text)
    assert stated is not None
    assert text == render(ours(), theirs(), stated[1])
