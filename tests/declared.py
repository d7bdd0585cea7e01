"""What a value has that its declaration, which type checkers and editors read, does not."""

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec

__all__ = ["undeclared"]


def _forms(hint: Any) -> Iterator[Any]:
    """The types that an annotation allows."""
    origin = get_origin(hint)
    if origin in {Annotated, Required, NotRequired}:
        yield from _forms(get_args(hint)[0])
    elif origin in {Union, UnionType}:
        for each in get_args(hint):
            yield from _forms(each)
    else:
        yield hint


def _is_record(form: Any) -> bool:
    return is_typeddict(form) or (isinstance(form, type) and issubclass(form, msgspec.Struct))


def _fits(value: Mapping[str, Any], record: type) -> bool:
    """Whether the members that tell records apart have a value that this one has."""
    for name, hint in get_type_hints(record, include_extras=True).items():
        for form in _forms(hint):
            if get_origin(form) is Literal and value.get(name) not in get_args(form):
                return False
    return True


def undeclared(value: Any, hint: Any, path: str = "") -> Iterator[str]:
    """The members of a value that no declaration has, each as its path.

    A mapping of any shape declares nothing where there are records beside it; unless all of those
    are told apart by a member, and none of them is meant.

    Args:
        value: Plain JSON.
        hint: The annotation.
        path: Where in the value this is.
    """
    forms = list(_forms(hint))
    if isinstance(value, list):
        inner = [get_args(form)[0] for form in forms if get_origin(form) in {Sequence, list}]
        found = [
            [where for item in value for where in undeclared(item, each, f"{path}[]")]
            for each in inner
        ]
        yield from min(found, key=len, default=[] if object in forms else [path])
    elif isinstance(value, dict):
        records = [form for form in forms if _is_record(form) and _fits(value, form)]
        mappings = [form for form in forms if get_origin(form) in {Mapping, dict}]
        found = [list(_undeclared_in(value, record, path)) for record in records]
        if found:
            yield from min(found, key=len)
        elif not mappings and object not in forms:
            yield path


def _undeclared_in(value: Mapping[str, Any], record: type, path: str) -> Iterator[str]:
    hints = get_type_hints(record, include_extras=True)
    for name, item in value.items():
        where = f"{path}.{name}"
        if name in hints:
            yield from undeclared(item, hints[name], where)
        else:
            yield where
