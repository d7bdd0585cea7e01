"""Warnings and messages blame the nearest line outside this package."""

import warnings
from types import FunctionType
from typing import Any

from trio_groq import _callers


def within_the_package(function: Any) -> Any:
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

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        here()
        tell()
    assert [(one.filename, one.lineno) for one in caught] == [
        (__file__, line_of(here) + 1),
        (__file__, line_of(tell) + 1),
    ]
