"""attrs validators for limits, that raise `ConfigurationError` with name, range and value."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, get_args

from trio_groq.errors import ConfigurationError

if TYPE_CHECKING:
    import attrs

__all__ = ["count", "instance", "number", "one_of", "shown"]

MAX_SHOWN: Final = 20
"""Longest text of a wrong value that a message shows, in characters: a key is longer."""
_MAX_FLOAT: Final = sys.float_info.max
Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def shown(value: object) -> str:
    """A wrong value as a message shows it: what may be a key, in a wrong place, is not shown."""
    if isinstance(value, str | bytes) and len(value) > MAX_SHOWN:
        return f"{type(value).__name__} of length {len(value)}"
    if isinstance(value, str | bytes | int | float | None):
        return repr(value)
    return type(value).__name__


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def count(low: int, *, optional: bool = False) -> Validator:
    """Accept integers >= `low`, and None where `optional`."""
    expected = f"an integer >= {low}" + (" or None" if optional else "")

    def check(_owner: object, field: "attrs.Attribute[Any]", value: Any) -> None:  # noqa: ANN401
        if optional and value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int) or value < low:
            raise ConfigurationError(f"{field.name}: expected {expected}, got {shown(value)}")

    return check


def number(
    low: float, high: float = _MAX_FLOAT, *, above: bool = False, optional: bool = False
) -> Validator:
    """Accept finite numbers from `low` (or only above it) to `high`, and None where `optional`."""
    expected = f"a number {'>' if above else '>='} {low}"
    if high != _MAX_FLOAT:
        expected = f"a number from {low} to {high}"
    if optional:
        expected += " or None"

    def check(_owner: object, field: "attrs.Attribute[Any]", value: Any) -> None:  # noqa: ANN401
        if optional and value is None:
            return
        # Comparisons with nan are false; infinity is above `high`.
        if not _is_number(value) or not low <= value <= high or (above and value == low):
            raise ConfigurationError(f"{field.name}: expected {expected}, got {shown(value)}")

    return check


def instance(kind: type, *, optional: bool = False) -> Validator:
    """Accept instances of `kind`, and None where `optional`."""
    expected = kind.__name__ + (" or None" if optional else "")

    def check(_owner: object, field: "attrs.Attribute[Any]", value: object) -> None:
        if not (isinstance(value, kind) or (optional and value is None)):
            got = type(value).__name__
            raise ConfigurationError(f"{field.name}: expected {expected}, got {got}")

    return check


def one_of(choices: object) -> Validator:
    """Accept the values of a `Literal`."""
    values = get_args(choices)

    def check(_owner: object, field: "attrs.Attribute[Any]", value: object) -> None:
        if value not in values:
            expected = ", ".join(values)
            raise ConfigurationError(
                f"{field.name}: expected one of {expected}, got {shown(value)}"
            )

    return check
