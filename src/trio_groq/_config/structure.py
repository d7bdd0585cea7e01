"""Trees of settings become attrs classes, by cattrs; all that does not fit is told at once.

Nothing here knows a class by name: fields are made by their types. What a file can hold are tables
for attrs classes and mappings, lists for tuples, lists and sets, and text, numbers, booleans and
the values of literals; fields of other types are set in code. `cattrs` is slow to import: import
this module late.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, Literal, TypeVar, get_args

import attrs
import cattrs
import msgspec
from cattrs.gen import make_dict_structure_fn, override

from trio_groq._api.auth import Secret
from trio_groq._config.faults import Fault, is_integer, message_of, shown_value
from trio_groq._config.hints import (
    NONE,
    Hint,
    fields_of,
    is_optional,
    item_hint,
    members,
    origin_of,
    record_of,
)
from trio_groq._config.interpolation import Expanded
from trio_groq._config.settings import Node, Setting, Tree, leaves
from trio_groq.errors import ConfigurationError

__all__ = ["structured"]

T = TypeVar("T")


_SEQUENCES: Final = (tuple, frozenset, list)


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
        message = message_of(exc, cls, tree)
    # Raised here: the error above holds every value.
    raise ConfigurationError(message)


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
        except Fault as fault:
            raise Fault(fault.message, (key, *fault.path)) from None
    return made


def _stated(setting: Setting, hint: Hint, *, is_hidden: bool) -> Any:  # noqa: ANN401 (any field)
    """Of what a file states a value of the type; the rest is a value already."""
    if setting.origin.kind == "file":
        return _value(setting.value, hint, is_hidden=is_hidden)
    return setting.value


def _value(value: object, hint: Hint, *, is_hidden: bool) -> Any:  # noqa: ANN401 (any field)
    """A value out of a file as a value of the type.

    Raises:
        Fault: It is none.
    """
    kinds = [each for each in members(hint) if _expected(each)]
    # Where any text will do, `none` is a text like others.
    is_none = value is None or (value == NONE and str not in kinds)
    if is_none and is_optional(hint):
        return None
    if not kinds:
        raise Fault("expected to be set in code, got a value in a file")
    for kind in kinds:
        made = _made(value, kind, is_hidden=is_hidden)
        if made is not _UNFIT:
            return made
    expected = [each for kind in kinds if (each := _expected(kind))]
    if is_optional(hint):
        expected.append(NONE)
    raise Fault(f"expected {' or '.join(expected)}, got {shown_value(value, is_hidden=is_hidden)}")


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
        is_fit = isinstance(value, float) or is_integer(value)
    elif kind is int:
        is_fit = is_integer(value)
    else:
        is_fit = isinstance(value, kind)
    return value if is_fit else _UNFIT


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
        except Fault as fault:
            raise Fault(fault.message, (index, *fault.path)) from None
