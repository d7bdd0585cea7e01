"""Plain values become values of types that contain attrs classes.

msgspec can make attrs objects, but past their `__init__`: converters would not run, and validators
would see what was not converted. So attrs classes, and what contains them, are made by cattrs; all
else by msgspec, which is stricter (no text becomes a number) and knows `Meta` and all the types of
our schemas.
"""

import dataclasses
from collections.abc import Callable, Iterator
from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypeAlias,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import attrs
import msgspec
from msgspec import inspect as mi

__all__ = ["contains_attrs", "new_structurer"]

_Hint: TypeAlias = Any
"""A type as an annotation has it."""

_Hook: TypeAlias = Callable[[Any, Any], Any]

_OBJECTS: Final = (mi.StructType, mi.DataclassType, mi.TypedDictType)

MAX_FAULTS: Final = 5
"""Most faults of one value that a message tells; who sees more is not helped."""


_PLAIN: Final = (bool, int, float, str, bytes)
"""What cattrs would make of anything, by calling it, and without asking factories of hooks."""


def contains_attrs(hint: _Hint) -> bool:
    """Whether an attrs class is part of the type, however deep."""
    return any(map(attrs.has, _classes(hint)))


def _classes(hint: _Hint) -> Iterator[type]:
    """The classes that the type is made of."""
    seen: set[object] = set()
    pending: list[mi.Type] = [mi.type_info(hint)]
    while pending:
        info = pending.pop()
        cls = getattr(info, "cls", None)
        if cls is not None:
            if cls in seen:
                continue
            seen.add(cls)
            yield _class_of(cls)
        pending.extend(_parts(info))


def _class_of(hint: _Hint) -> Any:  # noqa: ANN401 (a class, or a special form)
    """The class of a generic type with its arguments, else the type itself."""
    origin: Any = get_origin(hint)
    return origin or hint


def _parts(info: mi.Type) -> Iterator[mi.Type]:
    """The types right below a type of our schemas."""
    if isinstance(info, mi.Metadata):
        yield info.type
    elif isinstance(info, mi.CollectionType):
        yield info.item_type
    elif isinstance(info, mi.UnionType):
        yield from info.types
    elif isinstance(info, _OBJECTS):
        yield from (field.type for field in info.fields)


def new_structurer(type_: _Hint) -> Callable[[Any], Any]:
    """What makes values of `type_`, which contains an attrs class, of decoded JSON.

    Returns:
        A function that raises `msgspec.ValidationError`, with paths, for what does not fit.
    """
    import cattrs  # noqa: PLC0415 (slow to import, and few need it)

    for cls in _classes(type_):
        _resolve(cls)
    converter = cattrs.Converter(forbid_extra_keys=True)
    for plain in _PLAIN:
        converter.register_structure_hook(plain, msgspec.convert)
    # Of several that fit, the one registered last is asked.
    converter.register_structure_hook_factory(_is_union, lambda hint: _union_hook(converter, hint))
    converter.register_structure_hook_factory(
        _is_object, lambda hint: _object_hook(lambda: _maker(converter, hint))
    )
    converter.register_structure_hook_factory(
        lambda hint: not contains_attrs(hint),
        lambda hint: lambda value, _: msgspec.convert(value, hint),
    )

    def structure(value: Any) -> Any:  # noqa: ANN401 (any JSON, any type)
        try:
            return converter.structure(value, type_)
        except (cattrs.BaseValidationError, msgspec.ValidationError) as error:
            faults = cattrs.transform_error(error, format_exception=_fault)
            raise msgspec.ValidationError("; ".join(faults[:MAX_FAULTS])) from error

    return structure


def _fault(error: BaseException, _: type | None) -> str:
    """What is wrong, without the path, which cattrs adds."""
    if isinstance(error, KeyError):
        return "missing a required field"
    if extra := getattr(error, "extra_fields", None):
        return f"unknown fields {', '.join(sorted(extra))}"
    return str(error)


def _is_union(hint: _Hint) -> bool:
    return _class_of(hint) in (Union, UnionType)


def _is_object(hint: _Hint) -> bool:
    return isinstance(mi.type_info(hint), _OBJECTS) and _class_of(hint) is not Annotated


def _resolve(cls: type) -> None:
    """Put classes in the place of their names, also in `list["Name"]`, where cattrs does not."""
    if attrs.has(cls):
        attrs.resolve_types(cls, include_extras=True)
    elif dataclasses.is_dataclass(cls):
        hints = get_type_hints(cls, include_extras=True)
        for field in dataclasses.fields(cls):
            field.type = hints[field.name]


def _object_hook(make: Callable[[], _Hook]) -> _Hook:
    """Makes what only an object can be; itself made when first used: it may contain itself."""
    made = cache(make)

    def structure(value: Any, hint: _Hint) -> Any:  # noqa: ANN401 (any JSON, any type)
        return made()(msgspec.convert(value, dict), hint)

    return structure


def _maker(converter: Any, hint: _Hint) -> _Hook:  # noqa: ANN401 (imported late)
    """What makes objects of a class."""
    cls = _class_of(hint)
    if mi.is_struct_type(cls):
        return _struct_hook(converter, hint)
    if is_typeddict(cls):
        made: _Hook = converter.gen_structure_typeddict(hint)
    else:
        made = converter.gen_structure_attrs_fromdict(hint)
    return made


def _union_hook(converter: Any, hint: _Hint) -> _Hook:  # noqa: ANN401 (imported late)
    """Makes the member that fits; msgspec lets no two of them look alike."""
    members = get_args(hint)

    def structure(value: Any, _: _Hint) -> Any:  # noqa: ANN401 (any JSON, any type)
        fitting = [member for member in members if _may_be(member, value)]
        failure: Exception | None = None
        for member in fitting:
            try:
                return converter.structure(value, member)
            except Exception as error:  # noqa: BLE001 (raised below, if nothing fits)
                failure = error
        raise failure or msgspec.ValidationError(f"Expected `{hint}`, got `{value!r:.40}`")

    return structure


def _may_be(member: _Hint, value: object) -> bool:
    """Whether to try `member`: of several objects, tags tell; the rest differs in kind."""
    info = mi.type_info(member)
    while isinstance(info, mi.Metadata):
        info = info.type
    if isinstance(info, mi.StructType) and info.tag_field and isinstance(value, dict):
        return bool(value.get(info.tag_field) == info.tag)
    return isinstance(info, _OBJECTS) == isinstance(value, dict)


def _struct_hook(converter: Any, hint: _Hint) -> _Hook:  # noqa: ANN401 (imported late)
    """Makes a Struct with an attrs class in it, by way of an attrs class that looks like it."""
    from cattrs.gen import make_dict_structure_fn, override  # noqa: PLC0415 (see above)

    cls: type[msgspec.Struct] = _class_of(hint)
    config = cls.__struct_config__
    fields = msgspec.structs.fields(hint)
    stand_ins: dict[str, Any] = {
        field.name: attrs.field(
            type=field.type,
            alias=field.name,
            default=attrs.NOTHING if field.required else msgspec.UNSET,
        )
        for field in fields
    }
    if config.tag_field is not None:
        tag: Any = Literal.__getitem__(config.tag)  # a type made at run time
        stand_ins[config.tag_field] = attrs.field(type=tag, default=config.tag)
    options: dict[str, Any] = {field.name: override(rename=field.encode_name) for field in fields}
    options["_cattrs_forbid_extra_keys"] = config.forbid_unknown_fields
    stand_in = attrs.make_class(cls.__name__, stand_ins, kw_only=True)
    make: Callable[[Any, Any], Any] = make_dict_structure_fn(stand_in, converter, **options)

    def structure(value: Any, _: _Hint) -> Any:  # noqa: ANN401 (any JSON, any type)
        made = make(value, stand_in)
        given = {field.name: getattr(made, field.name) for field in fields}
        return cls(**{name: item for name, item in given.items() if item is not msgspec.UNSET})

    return structure
