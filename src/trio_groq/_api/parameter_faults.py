"""What is wrong with parameters, in words for the caller."""

import difflib
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from reprlib import Repr
from typing import Any

import msgspec

from trio_groq.errors import InvalidRequestError

__all__ = ["check_finite", "not_encodable", "translated", "unknown", "wrong"]

_MAX_EXCERPT = 80
"""Most characters that a message shows of a wrong value."""

_HIDDEN = ("authorization", "headers", "headers[...]")
"""Parameters whose value no message shows."""

_SANE = "values without cycles, of sane depth"

_NOTHING = object()
"""The value of what is missing."""

_EXCERPT = Repr()
_EXCERPT.maxstring = _EXCERPT.maxother = _EXCERPT.maxlong = _MAX_EXCERPT


def _excerpt(path: str, value: object) -> str:
    """What a message says was given."""
    if value is _NOTHING:
        return "nothing"
    if path.endswith(_HIDDEN):
        return f"a {type(value).__name__}"
    text = _EXCERPT.repr(value)
    return text if len(text) <= _MAX_EXCERPT else f"{text[: _MAX_EXCERPT - 3]}..."


def wrong(path: str, expected: str, value: object, more: str = "") -> InvalidRequestError:
    """The error for a parameter that is not what the API takes."""
    return InvalidRequestError(
        f"{path or 'parameters'}: expected {expected}, got {_excerpt(path, value)}{more}",
        path=path,
        value=None if value is _NOTHING else value,
    )


_TYPE_NAMES = {
    "array": "a list",
    "bool": "a boolean",
    "float": "a number",
    "int": "an integer",
    "null": "None",
    "object": "an object",
    "str": "a string",
}

_PLACE = re.compile(r" - at (?:`key` in )?`\$([^`]*)`")
_STEP = re.compile(r"\.([^.\[]+)|\[(\d+)\]")
_EXPECTED = re.compile(r"Expected `([^`]*)`( [<>]= \S+)?(?: of length ([<>])= (\d+))?")
_FIELD = re.compile(r"Object missing required field `([^`]*)`")


def _path(text: str) -> str:
    """The path in an error of `check`, without the leading `$.`."""
    return "".join(reversed(_PLACE.findall(text))).removeprefix(".")


def _value_at(params: object, path: str) -> object:
    """The value at `path`, or the innermost one before the path can be followed no further."""
    value: Any = params
    known, _, _ = path.partition("[...]")  # msgspec does not tell which key of a dict it was
    for name, index in _STEP.findall(f".{known}"):
        try:
            value = value[int(index) if index else name]
        except (LookupError, TypeError):  # a set has items, but no index
            break
    return value


def _type_names(union: str) -> str:
    *names, last = [_TYPE_NAMES.get(name, name) for name in union.split(" | ")]
    return f"{', '.join(names)} or {last}" if names else last


def translated(text: str, params: object) -> InvalidRequestError:
    """An error of `check` in words for the caller."""
    path = _path(text)
    if missing := _FIELD.match(text):
        return wrong(".".join(filter(None, (path, missing[1]))), "a value", _NOTHING)
    value = _value_at(params, path)
    if "at `key` in" in text:
        return wrong(path, "strings as keys", value)
    if (form := _EXPECTED.match(text)) is None:
        return wrong(path, f"what the API takes ({_PLACE.sub('', text)})", value)
    types, bound, direction, length = form.groups()
    if isinstance(value, float) and not math.isfinite(value):
        return wrong(path, "a finite number", value)
    if length:
        unit = "item" if types == "array" else "character"
        most = "at least" if direction == ">" else "at most"
        return wrong(path, f"{most} {length} {unit}{'' if length == '1' else 's'}", value)
    more = "; an iterator is read only once, make it a list" if isinstance(value, Iterator) else ""
    return wrong(path, _type_names(types) + (bound or ""), value, more)


def unknown(name: str, value: object, known: Collection[str]) -> InvalidRequestError:
    """The error for a parameter that the API does not know.

    Args:
        name: Its name.
        value: What was given.
        known: Names that the API knows.
    """
    near = difflib.get_close_matches(name, known)
    hint = f" (did you mean {' or '.join(near)}?)" if near else ""
    more = "; what the API takes beyond these can be sent with extra_body"
    return wrong(name, f"a known parameter{hint}", value, more)


def not_encodable(
    value: object, error: Exception, encode: Callable[[object], bytes]
) -> InvalidRequestError:
    """The error for a value that cannot be JSON.

    Args:
        value: What was to be encoded.
        error: What `encode` raised.
        encode: Makes JSON.
    """
    if isinstance(error, RecursionError):
        return wrong("", _SANE, value)

    def is_culprit(leaf: object) -> bool:
        try:
            encode(leaf)
        except (TypeError, ValueError, OverflowError):
            return True
        return False

    path, culprit = _find(value, is_culprit) or ("", value)
    if isinstance(culprit, str):
        return wrong(path, "text without lone surrogates", culprit)
    return wrong(path, "what JSON can hold", culprit)


def check_finite(value: object) -> None:
    """Look for numbers that are not finite.

    Raises:
        InvalidRequestError: There is one; `path` says where.
    """
    if found := _find(value, _is_not_finite):
        raise wrong(found[0], "a finite number", found[1])


def _is_not_finite(leaf: object) -> bool:
    return isinstance(leaf, float) and not math.isfinite(leaf)


def _find(
    value: object, wanted: Callable[[object], bool], path: str = ""
) -> tuple[str, object] | None:
    """Path and value of the first leaf, or name of a member, that is `wanted`."""
    children = _children(value)
    if children is None:
        return (path, value) if wanted(value) else None
    for step, child in children:
        if isinstance(step, int):
            inner = f"{path}[{step}]"
        elif wanted(step):
            return path, step
        else:
            inner = f"{path}.{step}" if path else str(step)
        if found := _find(child, wanted, inner):
            return found
    return None


def _children(value: object) -> Iterator[tuple[object, object]] | None:
    """Name or index, and value, of each part; None for a leaf."""
    if isinstance(value, Mapping):
        return iter(value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return iter(enumerate(value))
    if isinstance(value, msgspec.Struct):
        return ((name, getattr(value, name)) for name in value.__struct_fields__)
    fields = getattr(type(value), "__attrs_attrs__", ())
    names = getattr(type(value), "__dataclass_fields__", [field.name for field in fields])
    return ((name, getattr(value, name)) for name in names) if names else None
