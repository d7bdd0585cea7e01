"""What a field's type says of the values that a file may give it."""

from collections.abc import Mapping
from types import UnionType
from typing import Any, Final, TypeAlias, Union, get_args, get_origin

import attrs

from trio_groq._api.rate_limit_policy import RateLimitPolicy
from trio_groq._api.retry import RetryPolicy
from trio_groq._http.deadlines import Timeouts

__all__ = [
    "ALIASES",
    "NONE",
    "SHORT_FORMS",
    "Hint",
    "allowed_keys",
    "fields_of",
    "is_optional",
    "item_hint",
    "members",
    "origin_of",
    "record_of",
]

Hint: TypeAlias = Any
"""A type as an annotation has it."""

NONE: Final = "none"
"""No value, in a file: TOML has no null."""

ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "timeout": ("timeouts",),
    "max_retries": ("retry",),
    "rate_limit_rpm": ("rate_limit", "requests_per_minute"),
}
"""Other names at the top, as the client's arguments and shared files have them, and their place."""

SHORT_FORMS: Final[Mapping[type, str]] = {
    Timeouts: "total",
    RetryPolicy: "max_retries",
    RateLimitPolicy: "requests_per_minute",
}
"""The field of a record that a single value in the record's place is for."""


def origin_of(hint: Hint) -> Hint:
    """The type that a generic one was made of, None for others."""
    origin: Hint = get_origin(hint)
    return origin


def members(hint: Hint) -> tuple[Hint, ...]:
    """The types of a union, however nested; the type alone if it is none."""
    if origin_of(hint) in (Union, UnionType):
        return tuple(member for each in get_args(hint) for member in members(each))
    return (hint,)


def is_optional(hint: Hint) -> bool:
    """Whether None is a value of the type."""
    return type(None) in members(hint)


def record_of(hint: Hint) -> type | None:
    """The attrs class that a table in this place describes, None if there is none."""
    return next(
        (each for each in members(hint) if isinstance(each, type) and attrs.has(each)), None
    )


def item_hint(hint: Hint) -> Hint | None:
    """The type of a mapping's values, None if the type has no mapping."""
    found = (get_args(each) for each in members(hint) if origin_of(each) in (Mapping, dict))
    return next((arguments[1] for arguments in found), None)


def fields_of(cls: type) -> "dict[str, attrs.Attribute[Any]]":
    """The fields that can be given to a class, by name, with types that are no text."""
    if any(isinstance(field.type, str) for field in attrs.fields(cls)):
        attrs.resolve_types(cls)
    return {
        field.name: field
        for field in attrs.fields(cls)
        if field.init and not field.name.startswith("_")
    }


def allowed_keys(cls: type, *, is_top: bool) -> list[str]:
    """What a table for the class may have, in order; the top also has the other names."""
    fields = fields_of(cls)
    names = set(fields)
    if is_top:
        names |= {alias for alias, path in ALIASES.items() if path[0] in fields}
    return sorted(names)
