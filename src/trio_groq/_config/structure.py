"""Trees of settings become attrs classes, by cattrs; all that does not fit is told at once.

Nothing here knows a class by name: fields are made by their types. What a file can hold are tables
for attrs classes and mappings, lists for tuples, lists and sets, and text, numbers, booleans and
the values of literals; fields of other types are set in code. `cattrs` is slow to import: import
this module late.
"""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, Literal, TypeVar, get_args

import attrs
import cattrs
import msgspec
from cattrs.errors import ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn, override

from trio_groq._api.auth import Secret
from trio_groq._config.hints import (
    NONE,
    Hint,
    allowed_keys,
    fields_of,
    is_optional,
    item_hint,
    members,
    origin_of,
    record_of,
)
from trio_groq._config.interpolation import Expanded
from trio_groq._config.settings import Node, Path, Setting, Tree, leaves, shown_path, without_keys
from trio_groq.errors import ConfigurationError

__all__ = ["MAX_FAULTS", "structured"]

T = TypeVar("T")

MAX_FAULTS: Final = 10
"""Most faults that one message tells."""
MAX_SHOWN: Final = 60
"""Longest text of a wrong value that a message shows, in characters."""
MAX_INTEGER: Final = 2**63
"""TOML's integers have 64 bits; longer ones Python does not even print."""

_SEQUENCES: Final = (tuple, frozenset, list)


class _Fault(Exception):  # noqa: N818 (never leaves this module)
    """What is wrong with one setting.

    Attributes:
        message: The end of the message.
        path: Where below the field it is.
    """

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


def structured(cls: type[T], tree: Tree) -> T:
    """Make an object of settings.

    Args:
        cls: An attrs class.
        tree: Its settings. What comes from files is checked by the fields' types, too; the rest by
            the class alone.

    Raises:
        ConfigurationError: What does not fit, each on a line, with its origin and path.
    """
    try:
        return _converter().structure(tree, cls)
    except cattrs.ClassValidationError as exc:
        faults = [f"{_blamed(tree, path)}: {text}" for path, text in _faults(exc, cls, ())]
    # Raised here: the error above holds every value.
    more = len(faults) - MAX_FAULTS
    if more > 0:
        faults = [*faults[:MAX_FAULTS], f"and {more} more"]
    raise ConfigurationError(without_keys("\n".join(faults)))


@cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=True)
    converter.register_structure_hook_factory(attrs.has, lambda cls: _record_hook(converter, cls))
    return converter


def _record_hook(converter: cattrs.Converter, cls: type[Any]) -> Callable[[Any, Any], Any]:
    given = fields_of(cls)
    options: dict[str, Any] = {
        field.name: override(struct_hook=_field_hook(converter, given[field.name]))
        if field.name in given
        else override(omit=True)
        for field in attrs.fields(cls)
    }
    return make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **options)


def _field_hook(
    converter: cattrs.Converter, field: "attrs.Attribute[Any]"
) -> Callable[[Any, Any], Any]:
    """What makes a field's value of its setting, or of the table in its place."""
    hint = field.type
    record = record_of(hint)
    is_hidden = not field.repr or Secret in members(hint)

    def structure(node: Node, _: object) -> Any:  # noqa: ANN401 (any field)
        if isinstance(node, dict):
            if record is not None:
                return converter.structure(node, record)
            return _mapping(node, item_hint(hint), is_hidden=is_hidden)
        value = _stated(node, hint, is_hidden=is_hidden)
        # Checked before the class does, which tells only the first fault. What converts, checks
        # for itself.
        if field.validator is not None and field.converter is None:
            field.validator(None, field, value)
        return value

    return structure


def _mapping(table: Tree, hint: Hint, *, is_hidden: bool) -> dict[str, Any]:
    made = {}
    # All of a mapping's entries are settings, none a table.
    for (key,), setting in leaves(table):
        try:
            made[str(key)] = _stated(setting, hint, is_hidden=is_hidden)
        except _Fault as fault:
            raise _Fault(fault.message, (key, *fault.path)) from None
    return made


def _stated(setting: Setting, hint: Hint, *, is_hidden: bool) -> Any:  # noqa: ANN401 (any field)
    """Of what a file states a value of the type; the rest is a value already."""
    if setting.origin.kind == "file":
        return _value(setting.value, hint, is_hidden=is_hidden)
    return setting.value


def _value(value: object, hint: Hint, *, is_hidden: bool) -> Any:  # noqa: ANN401 (any field)
    """A value out of a file as a value of the type.

    Raises:
        _Fault: It is none.
    """
    kinds = [each for each in members(hint) if _expected(each)]
    # Where any text will do, `none` is a text like others.
    is_none = value is None or (value == NONE and str not in kinds)
    if is_none and is_optional(hint):
        return None
    if not kinds:
        raise _Fault("expected to be set in code, got a value in a file")
    for kind in kinds:
        made = _made(value, kind, is_hidden=is_hidden)
        if made is not _UNFIT:
            return made
    expected = [each for kind in kinds if (each := _expected(kind))]
    if is_optional(hint):
        expected.append(NONE)
    raise _Fault(f"expected {' or '.join(expected)}, got {_shown(value, is_hidden=is_hidden)}")


_UNFIT: Final = object()


def _expected(kind: Hint) -> str:
    """What a file has to hold for a type of this kind; empty where nothing in a file can be one."""
    if origin_of(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if origin_of(kind) in _SEQUENCES:
        return "a list"
    if item_hint(kind) is not None or (isinstance(kind, type) and attrs.has(kind)):
        return "a table"
    return _SCALARS.get(kind, "")


_SCALARS: Final[Mapping[object, str]] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "text",
    object: "a value",
}


def _made(value: object, kind: Hint, *, is_hidden: bool) -> Any:  # noqa: ANN401 (any field)
    """The value as one of this kind, `_UNFIT` if it is not one."""
    origin = origin_of(kind)
    if origin is Literal:
        return next((each for each in get_args(kind) if each == value), _UNFIT)
    if origin in _SEQUENCES and isinstance(value, list):
        return origin(_items(value, get_args(kind)[0], is_hidden=is_hidden))
    if kind not in _SCALARS:
        return _UNFIT
    if isinstance(value, Expanded):
        return _read(value, kind)
    if kind is float:
        is_fit = isinstance(value, float) or _is_integer(value)
    elif kind is int:
        is_fit = _is_integer(value)
    else:
        is_fit = isinstance(value, kind)
    return value if is_fit else _UNFIT


def _is_integer(value: object) -> bool:
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and -MAX_INTEGER <= value < MAX_INTEGER
    )


def _read(text: Expanded, kind: Any) -> Any:  # noqa: ANN401 (any field)
    """A value of the text of variables, which the environment has no other form for."""
    if kind in (str, object):
        return str(text)
    try:
        return msgspec.convert(str(text), kind, strict=False)
    except msgspec.ValidationError:
        return _UNFIT


def _items(values: list[object], hint: Hint, *, is_hidden: bool) -> Iterator[Any]:
    for index, value in enumerate(values):
        try:
            yield _value(value, hint, is_hidden=is_hidden)
        except _Fault as fault:
            raise _Fault(fault.message, (index, *fault.path)) from None


def _shown(value: object, *, is_hidden: bool) -> str:
    """A wrong value as a message shows it."""
    if is_hidden or not isinstance(value, str | bool | float | int | None):
        return type(value).__name__
    if isinstance(value, Expanded):
        return f"another value of {value.template}"
    if isinstance(value, str):
        return repr(value[:MAX_SHOWN])
    if isinstance(value, int) and not isinstance(value, bool) and not _is_integer(value):
        return "an integer of more than 64 bits"
    return repr(value)


def _faults(exc: BaseException, cls: type, path: Path) -> Iterator[tuple[Path, str]]:
    """Every fault that an error of cattrs holds, with its path.

    Args:
        exc: The error, or one within it.
        cls: The attrs class at `path`, or that has the field there.
        path: Where in the configuration.
    """
    if isinstance(exc, cattrs.ClassValidationError):
        noted, others = exc.group_exceptions()
        for error, note in noted:
            inner = record_of(note.type) if isinstance(error, cattrs.ClassValidationError) else None
            yield from _faults(error, inner or cls, (*path, note.name))
        for error in others:
            yield from _faults(error, cls, path)
    elif isinstance(exc, ForbiddenExtraKeysError):
        for key in sorted(exc.extra_fields):
            yield (*path, key), _unknown(key, allowed_keys(cls, is_top=not path))
    elif isinstance(exc, _Fault):
        yield (*path, *exc.path), exc.message
    elif isinstance(exc, ConfigurationError):
        yield _of_validator(str(exc), path)
    elif isinstance(exc, KeyError):
        yield path, "expected a value, got none"
    else:
        raise exc


def _unknown(key: str, allowed: list[str]) -> str:
    near = get_close_matches(key, allowed, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    shown = _shown(key, is_hidden=False)
    return f"expected one of {', '.join(allowed)}, got {shown}{hint}"


def _of_validator(message: str, path: Path) -> tuple[Path, str]:
    """Our own validators name the field first; here the path does."""
    name, colon, text = message.partition(": ")
    if not colon or not name.isidentifier():
        return path, message
    return (path if path[-1:] == (name,) else (*path, name)), text


def _blamed(tree: Tree, path: Path) -> str:
    """The origin and path of a fault: of its setting, or of the table that it is in."""
    node: Node = tree
    for depth, key in enumerate(path):
        if isinstance(node, Setting):
            return node.origin.blamed(path[:depth]) + _rest(path[depth:])
        if key not in node:
            break
        node = node[str(key)]
    if isinstance(node, Setting):
        return node.origin.blamed(path)
    # A table may be of several sources; then none is blamed.
    names = {setting.origin.name for _, setting in leaves(node)}
    name = names.pop() if len(names) == 1 else ""
    return f"{name}: {shown_path(path)}" if name else shown_path(path)


def _rest(path: Path) -> str:
    text = shown_path(path)
    return text if not text or text.startswith("[") else f".{text}"
