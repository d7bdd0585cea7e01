"""Objects of many kinds, told apart by `type`, of which new ones may come at any time.

msgspec decodes a union of tagged structs as fast as one struct, and refuses a tag that it does not
know. So the union of the known kinds is tried first, and is nearly always right. Only when that
fails, the document is decoded into plain JSON and taken apart: every object of an unknown kind
becomes an `UnknownItem`, which keeps all of it, and the rest what it would have become.

The fields of structs are annotated with the known kinds where msgspec reads the annotation, and
with `UnknownItem` beside them where type checkers do.
"""

from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Any, Final, Generic, TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec

from trio_groq.types._base import Buffer, without_nulls

__all__ = ["OpenDecoder", "UnknownItem"]

T = TypeVar("T")

_TAG: Final = "type"
_AT: Final = " - at `$"

_Read: TypeAlias = Callable[[Any], Any]
"""Makes of plain JSON what a field holds."""


class UnknownItem(dict[str, Any]):
    """An object whose `type` this version of the package does not know: all of it, as it came.

    It is a dict, so it can be read, compared, and sent back as it is.
    """

    __slots__ = ()

    @property
    def type(self) -> str:
        """What kind the API says that it is; empty if it does not."""
        kind = self.get(_TAG)
        return kind if isinstance(kind, str) else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({super().__repr__()})"


def _at(step: str, read: _Read, value: object) -> Any:  # noqa: ANN401 (what the field holds)
    """`read(value)`; an error says where, as msgspec's own do."""
    try:
        return read(value)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(_AT)
        raise msgspec.ValidationError(f"{what}{_AT}{step}{path or '`'}") from None


def _list_reader(read: _Read) -> _Read:
    def read_list(value: object) -> list[Any]:
        if not isinstance(value, list):
            raise msgspec.ValidationError(f"Expected `array`, got `{type(value).__name__}`")
        return [_at(f"[{index}]", read, item) for index, item in enumerate(value)]

    return read_list


def _kind_reader(structs: tuple[type, ...], unknown: type[UnknownItem], *, strict: bool) -> _Read:
    """Reads an object of one of several kinds, or of none of them."""
    kinds: dict[object, type] = {
        struct.__struct_config__.tag: struct  # type: ignore[attr-defined]  # a Struct
        for struct in structs
    }

    def read_kind(value: object) -> object:
        if not isinstance(value, dict):
            raise msgspec.ValidationError(f"Expected `object`, got `{type(value).__name__}`")
        tag = value.get(_TAG)
        struct = kinds.get(tag) if isinstance(tag, str) else None
        return unknown(value) if struct is None else _read_struct(struct, value, strict=strict)

    return read_kind


def _read_struct(struct: type, value: object, *, strict: bool) -> object:
    """A struct; what in it is open is read here, the rest by msgspec."""
    readers = _readers(struct, strict=strict)
    if not isinstance(value, dict) or not readers:
        return _convert(value, struct, strict=strict)
    rest = {**value}
    opened = {
        name: _at(f".{name}", read, rest.pop(name))
        for name, read in readers.items()
        if rest.get(name) is not None
    }
    made = _convert(rest, struct, strict=strict)
    return msgspec.structs.replace(made, **opened)  # type: ignore[type-var]  # a Struct


def _convert(value: object, struct: type, *, strict: bool) -> object:
    return msgspec.convert(value if strict else without_nulls(value), struct, strict=strict)


@cache
def _readers(struct: type, *, strict: bool) -> dict[str, _Read]:
    """Readers of the fields of a struct that hold, at whatever depth, objects of open kinds."""
    readers = {
        field.encode_name: _reader(field.type, UnknownItem, strict=strict)
        for field in msgspec.structs.fields(struct)
    }
    return {name: read for name, read in readers.items() if read is not None}


def _is_struct(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, msgspec.Struct)


def _reader(hint: Any, unknown: type[UnknownItem], *, strict: bool) -> _Read | None:  # noqa: ANN401 (an annotation)
    """What reads values of a type; None where msgspec can do it as well."""
    origin = get_origin(hint)
    members = get_args(hint) if origin in (Union, UnionType) else (hint,)
    members = tuple(member for member in members if member is not type(None))
    if origin is list:
        inner = _reader(get_args(hint)[0], unknown, strict=strict)
        return None if inner is None else _list_reader(inner)
    if not all(map(_is_struct, members)):
        is_optional = members != (hint,) and len(members) == 1
        return _reader(members[0], unknown, strict=strict) if is_optional else None
    if all(member.__struct_config__.tag_field == _TAG for member in members):
        return _kind_reader(members, unknown, strict=strict)
    (struct,) = members  # a union of structs without tags is none that msgspec takes
    if not _readers(struct, strict=strict):
        return None
    return lambda value: _read_struct(struct, value, strict=strict)


class OpenDecoder(Generic[T]):
    """Decodes JSON into a struct, or into one of a union of tagged structs, of open kinds.

    As with `Decoder`, any field may be null, whether or not its type says so.

    Args:
        type_: A struct, or a union of structs with the tag field `type`.
        unknown: What an object of an unknown kind becomes where the whole document is one.
        strict: What the types do not promise is an error; unknown kinds pass all the same.
    """

    __slots__ = ("_read", "decode_strictly")

    def __init__(
        self,
        type_: Any,  # noqa: ANN401 (a union is no type)
        *,
        unknown: type[UnknownItem] = UnknownItem,
        strict: bool = False,
    ) -> None:
        self.decode_strictly: Callable[[Buffer], T] = msgspec.json.Decoder(type_).decode
        """The first attempt alone, msgspec's own function: for who comes back when it fails."""
        read = _reader(type_, unknown, strict=strict)
        assert read is not None  # noqa: S101 (that is what this class is for)
        self._read: _Read = read

    def decode(self, data: Buffer) -> T:
        """Decode one JSON document; raises as `decode_with_care` does."""
        try:
            return self.decode_strictly(data)
        except msgspec.ValidationError:
            return self.decode_with_care(data)
        except (UnicodeDecodeError, RecursionError) as error:
            raise msgspec.DecodeError(f"JSON: expected UTF-8 of sane depth, got {error}") from error

    def decode_with_care(self, data: Buffer, kind: str | None = None) -> T:
        """Decode what `decode_strictly` has refused.

        Args:
            data: UTF-8. Nothing of it is kept.
            kind: The `type` of an object that has none itself.

        Raises:
            msgspec.ValidationError: It is JSON of another shape; the message has the path.
            msgspec.DecodeError: It is not JSON, not UTF-8, or nested too deeply.
        """
        try:
            plain = msgspec.json.decode(data)
            if kind is not None and isinstance(plain, dict):
                plain.setdefault(_TAG, kind)
            made: T = self._read(plain)
        except (UnicodeDecodeError, RecursionError) as error:
            raise msgspec.DecodeError(f"JSON: expected UTF-8 of sane depth, got {error}") from error
        return made
