"""A type becomes the strict JSON Schema that the API takes for structured outputs.

The subset of strict mode: string, number, integer, boolean, null, object, array, `enum`, `anyOf`,
and `$ref` to `$defs` or to the root (`#`). Every object is closed, and all of its properties are
required. Other keywords are refused by the API or have no effect, so what a type says beyond the
subset (limits, formats, defaults) is told to the model in `description`; the answer is held to it
when it is decoded.

A field with a default is therefore asked for like any other, and so is a key of a TypedDict that
is not required. Where the model shall be free to have no value, the field's type says so, with
`| None`.

The API tells the objects of an `anyOf` apart by one property that is an `enum` in all of them:
the tag of tagged Structs. Objects that share a second enumeration it refuses, with a 400.

Source: "Structured Outputs" of the API's guides, and the recorded traffic.
"""

import enum
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, TypeAlias, TypeGuard, get_args, get_origin

import msgspec
from msgspec import inspect as mi

from trio_groq.errors import InvalidRequestError

__all__ = ["json_schema_format", "schema_name", "strict_schema"]

Schema: TypeAlias = dict[str, Any]
_Object: TypeAlias = mi.StructType | mi.DataclassType | mi.TypedDictType

MAX_NAME_CHARS: Final = 64
"""What the API takes as the name of a schema."""

_WRONG_IN_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")

_PLAIN: Final[dict[type[mi.Type], str]] = {
    mi.NoneType: "null",
    mi.BoolType: "boolean",
    mi.IntType: "integer",
    mi.FloatType: "number",
    mi.StrType: "string",
}
_TEXTS: Final[dict[type[mi.Type], str]] = {
    mi.DateTimeType: "date and time in ISO 8601, such as 2024-05-31T12:30:00",
    mi.DateType: "date in ISO 8601, such as 2024-05-31",
    mi.TimeType: "time in ISO 8601, such as 12:30:00",
    mi.TimeDeltaType: "duration in ISO 8601, such as P1DT2H30M",
    mi.UUIDType: "UUID, such as 123e4567-e89b-12d3-a456-426614174000",
    mi.DecimalType: "decimal number, such as 12.50",
    mi.BytesType: "bytes in base64",
    mi.ByteArrayType: "bytes in base64",
    mi.MemoryViewType: "bytes in base64",
}
_LIMITS: Final = {
    "gt": "> {}",
    "ge": ">= {}",
    "lt": "< {}",
    "le": "<= {}",
    "multiple_of": "a multiple of {}",
    "min_length": "length at least {}",
    "max_length": "length at most {}",
    "pattern": "contains a match of the regular expression {}",
    "tz": "{} time zone",
}
_REFUSED: Final[dict[type[mi.Type], str]] = {
    mi.AnyType: "Any",
    mi.DictType: "a dict",
    mi.TupleType: "a tuple of fixed length",
    mi.NamedTupleType: "a NamedTuple",
    mi.StructType: "an array_like Struct",
    mi.RawType: "Raw",
    mi.ExtType: "Ext",
}
"""What no strict schema can say, by its name in messages."""

_NO_DOCUMENTATION: Final = (None, enum.Enum.__doc__, "An enumeration.")


def json_schema_format(type_: Any) -> dict[str, Any]:  # noqa: ANN401 (any annotation)
    """The `response_format` that asks for an answer of `type_`.

    Args:
        type_: A msgspec Struct, attrs class, dataclass or TypedDict.

    Raises:
        InvalidRequestError: It is of another kind, or contains what has no strict schema.
    """
    schema = strict_schema(type_)
    wanted: dict[str, Any] = {"name": schema_name(type_)}
    if description := schema.pop("description", None):
        wanted["description"] = description
    return {"type": "json_schema", "json_schema": {**wanted, "schema": schema, "strict": True}}


def schema_name(type_: Any) -> str:  # noqa: ANN401 (any annotation)
    """The name of `type_` in what the API takes: letters, digits, `_` and `-`, at most 64."""
    return _WRONG_IN_NAME.sub("_", _name_of(type_))[:MAX_NAME_CHARS]


def strict_schema(type_: Any) -> Schema:  # noqa: ANN401 (any annotation)
    """The strict JSON Schema of `type_`.

    Args:
        type_: See `json_schema_format`.

    Returns:
        A new dict: an object at the top, the types that it refers to in `$defs`.

    Raises:
        InvalidRequestError: See there.
    """
    try:
        info = mi.type_info(type_)
        return _strict_schema(type_, info)
    except (TypeError, NameError) as error:  # NameError: a forward reference that leads nowhere
        raise _wrong(type_, "a type that can be decoded from JSON", str(error)) from error


def _strict_schema(type_: object, info: mi.Type) -> Schema:
    root = info.type if isinstance(info, mi.Metadata) else info
    if not _is_object(root):
        expected = "a msgspec Struct, attrs class, dataclass or TypedDict"
        advice = "; the API wants an object at the top: make it a field of one"
        raise _wrong(type_, expected, f"{_name_of(type_)}{advice}")
    builder = _Builder(type_, root.cls)
    schema = builder.object_schema(root)
    if isinstance(info, mi.Metadata):
        schema = _told(schema, info)
    if builder.definitions:
        schema["$defs"] = builder.definitions
    return schema


def _wrong(type_: object, expected: str, got: str) -> InvalidRequestError:
    message = f"response_format: expected {expected}, got {got}"
    return InvalidRequestError(message, path="response_format", value=type_)


def _name_of(type_: Any) -> str:  # noqa: ANN401 (any annotation)
    """`Box[int]` for a generic type with its arguments, else the name of the class."""
    arguments = get_args(type_)
    if get_origin(type_) is Annotated:
        return _name_of(arguments[0])
    name = getattr(type_, "__name__", None)
    if name and arguments:
        return f"{name}[{', '.join(map(_name_of, arguments))}]"
    return name or repr(type_)


def _is_object(info: mi.Type) -> TypeGuard[_Object]:
    if isinstance(info, mi.StructType):
        return not info.array_like
    return isinstance(info, mi.DataclassType | mi.TypedDictType)


# --- descriptions --------------------------------------------------------------------------------


def _described(schema: Schema, text: str) -> Schema:
    """`schema` with `text` for the model, in front of what its description says already."""
    if not text:
        return schema
    if "$ref" in schema:  # beside a reference, nothing else may stand
        return {"anyOf": [schema], "description": text}
    more = schema.get("description")
    return {**schema, "description": f"{text} ({more})" if more else text}


def _noted(schema: Schema, notes: Iterable[str]) -> Schema:
    """`schema` with `notes` behind what its description says already."""
    if not (text := "; ".join(notes)):
        return schema
    before = schema.get("description")
    plain = {name: value for name, value in schema.items() if name != "description"}
    return _described(plain, f"{before}; {text}" if before else text)


def _told(schema: Schema, info: mi.Metadata) -> Schema:
    """`schema` with what `msgspec.Meta` says of it."""
    extra = info.extra_json_schema or {}
    examples = [f"for example {_json(each)}" for each in extra.get("examples", ())]
    return _described(_noted(schema, examples), extra.get("description", ""))


def _limits(info: mi.Type) -> Iterator[str]:
    if type(info) in _TEXTS:
        yield _TEXTS[type(info)]
    for name, text in _LIMITS.items():
        limit = getattr(info, name, None)
        if name == "tz" and limit is not None:
            limit = "with a" if limit else "without a"
        if limit is not None:
            yield text.format(limit)


def _documentation(cls: Any) -> str:  # noqa: ANN401 (a class, or a generic one with arguments)
    cls = getattr(cls, "__origin__", cls)
    text = cls.__doc__
    if text in _NO_DOCUMENTATION:
        return ""
    # A dataclass without a docstring is given its signature for one.
    is_signature = text.startswith(f"{cls.__name__}(") and text.endswith(")")
    return "" if is_signature else inspect.cleandoc(text)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


# --- schemas -------------------------------------------------------------------------------------


def _enumeration(values: Iterable[object]) -> Schema:
    """One of `values`; the API wants to know the type of each."""
    kinds: dict[str, list[object]] = {}
    for value in values:
        kind = "null" if value is None else "string" if isinstance(value, str) else "integer"
        kinds.setdefault(kind, []).append(value)
    schemas: list[Schema] = [
        {"type": kind} if kind == "null" else {"type": kind, "enum": members}
        for kind, members in kinds.items()
    ]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


class _Builder:
    """Collects the definitions of one schema.

    Attributes:
        definitions: Schemas of the objects below the root, by name.
    """

    def __init__(self, type_: object, root: object) -> None:
        self._type = type_
        self._references = {root: "#"}
        self.definitions: dict[str, Schema] = {}

    def object_schema(self, info: _Object) -> Schema:
        """The object itself, not a reference to it."""
        properties: Schema = {}
        if isinstance(info, mi.StructType) and info.tag_field is not None:
            properties[info.tag_field] = _enumeration([info.tag])
        for field in info.fields:
            place = f"{_name_of(info.cls)}.{field.name}"
            schema = self._schema(field.type, place)
            properties[field.encode_name] = _noted(schema, self._default(field))
        closed: Schema = {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
        return _described(closed, _documentation(info.cls))

    @staticmethod
    def _default(field: mi.Field) -> Iterator[str]:
        default = field.default
        if default is msgspec.NODEFAULT or default != default:  # noqa: PLR0124 (NaN, not in JSON)
            return
        yield f"by default {_json(default)}"

    def _schema(self, info: mi.Type, place: str) -> Schema:
        if isinstance(info, mi.Metadata):
            return _told(self._schema(info.type, place), info)
        if _is_object(info):
            return self._reference(info)
        if type(info) in _REFUSED or isinstance(info, mi.CustomType):
            raise self._refused(info, place)
        if isinstance(info, mi.UnionType):
            return self._union(info, place)
        if isinstance(info, mi.EnumType):
            values = [member.value for member in info.cls]
            return _described(_enumeration(values), _documentation(info.cls))
        if isinstance(info, mi.LiteralType):
            return _enumeration(info.values)
        if isinstance(info, mi.CollectionType):
            schema: Schema = {"type": "array", "items": self._schema(info.item_type, f"{place}[]")}
        else:
            schema = {"type": _PLAIN.get(type(info), "string")}
        return _noted(schema, _limits(info))

    def _union(self, info: mi.UnionType, place: str) -> Schema:
        members: list[Schema] = []
        for member in info.types:
            schema = self._schema(member, place)
            members.extend(schema["anyOf"] if schema.keys() == {"anyOf"} else [schema])
        return {"anyOf": members}

    def _reference(self, info: _Object) -> Schema:
        if info.cls not in self._references:
            name = self._free_name(schema_name(info.cls))
            self._references[info.cls] = f"#/$defs/{name}"
            self.definitions[name] = {}  # its place, should it refer to itself
            self.definitions[name] = self.object_schema(info)
        return {"$ref": self._references[info.cls]}

    def _free_name(self, name: str) -> str:
        """`name`, numbered if another class has it."""
        taken, number = name, 1
        while taken in self.definitions:
            number += 1
            taken = f"{name}_{number}"
        return taken

    def _refused(self, info: mi.Type, place: str) -> InvalidRequestError:
        got = info.cls.__name__ if isinstance(info, mi.CustomType) else _REFUSED[type(info)]
        advice = "; a strict schema has fixed fields of known types: use a class, or a list of one"
        expected = f"a type with a strict schema at {place}"
        return _wrong(self._type, expected, f"{got}{advice}")
