"""Warnings and messages blame the nearest line outside this package."""

from types import FunctionType
from typing import Any

import pytest

from trio_groq import _callers


def within_the_package(function: FunctionType) -> Any:
    """The same function, as one of this package's modules would have it."""
    return FunctionType(function.__code__, {"_callers": _callers, "__name__": "trio_groq.inner"})


def ask() -> str:
    return _callers.caller_line()


def tell() -> None:
    _callers.warn("told", UserWarning)


def line_of(function: Any) -> int:
    line: int = function.__code__.co_firstlineno
    return line


def test_the_line_is_that_of_the_caller() -> None:
    def here() -> str:
        return within_the_package(ask)()  # type: ignore[no-any-return]  # it returns text

    assert here() == f"{__file__}:{line_of(here) + 1}"
    assert ask() == f"{__file__}:{line_of(ask) + 1}"


def test_a_warning_is_at_the_line_of_the_caller() -> None:
    def here() -> None:
        within_the_package(tell)()

    with pytest.warns(UserWarning, match="told") as caught:
        here()
        tell()
    assert [(one.filename, one.lineno) for one in caught] == [
        (__file__, line_of(here) + 1),
        (__file__, line_of(tell) + 1),
    ]
