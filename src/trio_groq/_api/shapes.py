"""The declaration of a request becomes a type that msgspec can check values against.

msgspec checks a TypedDict, but builds a dict for it, and it knows no union of several. So each
TypedDict becomes a throw-away struct, and each union of them a stand-in that looks at the field
that tells its members apart. Fields that are declared nowhere pass, and so do unknown values of
enumerations: what the API adds later must not need a new version of ours.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import msgspec

from trio_groq.types._base import Encoded

__all__ = ["check", "shape_of"]

_Hint: TypeAlias = Any
"""A type as an annotation has it."""


_MAPPINGS = (dict, Mapping)  # a dict is what it nearly always is, and is quickly seen


class _Variant:
    """Base of the stand-ins for unions of objects; msgspec hands those to `_check_variant`.

    Attributes:
        tag: Field that tells the members apart, such as `role`.
        members: What to check, by the tag's value.
        other: What to check when the tag is missing, wrong or unknown.
        structs: Structs of ours that stand for such an object, and pass.
        passed: What the check returns to msgspec, which wants an instance.
    """

    tag: str
    members: dict[str, type]
    other: type
    structs: tuple[type, ...]
    passed: "_Variant"


def _check_variant(variant: type[_Variant], value: object) -> _Variant:
    shape = variant.other
    if isinstance(value, _MAPPINGS):
        tag = value.get(variant.tag)
        if isinstance(tag, str):
            shape = variant.members.get(tag, shape)
    elif isinstance(value, variant.structs):
        return variant.passed
    try:
        msgspec.convert(value, shape, dec_hook=_check_variant)
    except msgspec.ValidationError as error:
        # msgspec adds the path from here upwards to a ValueError, but not to its own error.
        raise ValueError(str(error)) from None
    return variant.passed


def check(value: object, shape: type) -> None:
    """Check `value`, which stays as it is.

    Raises:
        msgspec.ValidationError: It is wrong; the message says what, and ends with the path in
            pieces, the innermost first: " - at `$.text` - at `$.messages[0].content[1]`".
    """
    msgspec.convert(value, shape, dec_hook=_check_variant)


@cache
def shape_of(declaration: type) -> type:
    """A struct with the fields of a TypedDict, which must not contain itself, for `check`."""
    required: frozenset[str] = getattr(declaration, "__required_keys__", frozenset())
    hints = get_type_hints(declaration, include_extras=True)
    return msgspec.defstruct(
        declaration.__name__,
        [
            (name, _compiled(hint)) if name in required else (name, _compiled(hint), None)
            for name, hint in hints.items()
        ],
        kw_only=True,
        gc=False,
    )


def _tag_of(declarations: Sequence[type]) -> str:
    """The field that is a Literal in all of them."""
    hints = [get_type_hints(declaration) for declaration in declarations]
    shared = set(hints[0]).intersection(*hints[1:])
    return next(
        name for name in sorted(shared) if all(_origin(hint[name]) is Literal for hint in hints)
    )


def _variant(declarations: Sequence[type], structs: Sequence[type]) -> _Hint:
    """What stands for a union of TypedDicts and structs."""
    members: dict[str, type] = {}
    tag = _tag_of(declarations)
    for declaration in declarations:
        for value in get_args(get_type_hints(declaration)[tag]):
            members[value] = shape_of(declaration)
    other = msgspec.defstruct("Other", [(tag, str)], gc=False)
    namespace = {"tag": tag, "members": members, "other": other, "structs": tuple(structs)}
    variant: type[_Variant] = type("Variant", (_Variant,), namespace)
    variant.passed = variant()
    return variant


def _union(hints: Sequence[_Hint]) -> _Hint:
    declarations = [hint for hint in hints if is_typeddict(hint)]
    structs = [hint for hint in hints if _is_struct(hint)]
    # Beside a TypedDict, a Mapping is there for type checkers only: the TypedDict says its shape.
    plain = [
        _compiled(hint)
        for hint in hints
        if hint not in declarations
        and hint not in structs
        and not (declarations and _origin(hint) is Mapping)
    ]
    if len(declarations) > 1:
        plain.append(_variant(declarations, structs))
    else:
        plain.extend(map(shape_of, declarations))
    return Union[tuple(plain)]  # noqa: UP007 (made of a tuple, there is no `|`)


def _origin(hint: _Hint) -> Any:  # noqa: ANN401 (a class, or a special form)
    return get_origin(hint)


def _is_struct(hint: _Hint) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _compiled(hint: _Hint) -> _Hint:  # noqa: PLR0911 (one return for each form of annotation)
    """The annotation as msgspec shall check it."""
    origin, args = _origin(hint), get_args(hint)
    if origin in (Required, NotRequired):
        return _compiled(args[0])
    if origin is Annotated:
        if any(isinstance(note, Encoded) for note in args[1:]):
            return str
        limits = [limit for limit in args[1:] if isinstance(limit, msgspec.Meta)]
        inner = _compiled(args[0])
        return Annotated[(inner, *limits)] if limits else inner
    if origin in (Union, UnionType):
        return _union(args)
    if origin is Literal:
        return str  # enumerations are open
    if origin is Sequence:
        return list[_compiled(args[0])]  # type: ignore[misc]  # made at run time
    if origin is Mapping:
        return dict[str, _compiled(args[1])]  # type: ignore[misc]  # made at run time
    if is_typeddict(hint):
        return shape_of(hint)
    return Any if hint is object else hint
