"""Validators of limits: what passes, and what the message says."""

import math
from typing import Any

import attrs
import pytest

from trio_groq._validators import count, number
from trio_groq.errors import ConfigurationError


def check(validator: Any, value: object) -> None:
    made: Any = attrs.make_class("Made", {"limit": attrs.field(validator=validator)})
    assert made(value).limit is value


@pytest.mark.parametrize(
    ("validator", "value"),
    [
        (count(0), 0),
        (count(1), 1),
        (count(1), 10**30),
        (count(0, optional=True), None),
        (number(0), 0),
        (number(0), 1e308),
        (number(0, above=True), 5e-324),
        (number(0, 1), 1),
        (number(0, 1), 0.5),
        (number(0, optional=True), None),
    ],
)
def test_accepted(validator: Any, value: object) -> None:
    check(validator, value)


@pytest.mark.parametrize(
    ("validator", "value", "message"),
    [
        (count(1), 0, "an integer >= 1, got 0"),
        (count(0), -1, "an integer >= 0, got -1"),
        (count(0), 1.0, "an integer >= 0, got 1.0"),
        (count(0), "1", "an integer >= 0, got '1'"),
        (count(0), True, "an integer >= 0, got True"),
        (count(0), None, "an integer >= 0, got None"),
        (count(0, optional=True), -1, "an integer >= 0 or None, got -1"),
        (number(0), -0.1, "a number >= 0, got -0.1"),
        (number(0, above=True), 0, "a number > 0, got 0"),
        (number(0, above=True, optional=True), 0.0, "a number > 0 or None, got 0.0"),
        (number(0), math.inf, "a number >= 0, got inf"),
        (number(0), math.nan, "a number >= 0, got nan"),
        (number(0), "5", "a number >= 0, got '5'"),
        (number(0), False, "a number >= 0, got False"),
        (number(0), None, "a number >= 0, got None"),
        (number(0, 1), 1.1, "a number from 0 to 1, got 1.1"),
        (number(0), 10**400, "a number >= 0, got 1000"),
    ],
)
def test_refused(validator: Any, value: object, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(validator, value)
    assert str(caught.value).startswith(f"limit: expected {message}")
