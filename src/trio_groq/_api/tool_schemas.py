"""A Python function becomes the definition of a tool: what it is for, and which arguments it takes.

The name is the function's, the descriptions come from its docstring, the types from its hints. A
parameter with a default is not required. Descriptions may also stand in the hint, as
`Annotated[..., msgspec.Meta(description="...")]` or `Annotated[..., "..."]`, and win there.

The schema is that of `msgspec.json`, which knows everything that arguments may be, made plainer:
what a reference leads to stands in its place, since not every model's prompt shows definitions,
and an enumeration states its type. It is no strict schema (see `schemas`): there, nothing may be
left out, and a dict cannot be.
"""

import inspect
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Annotated, Any, Final, TypeAlias, get_type_hints
from weakref import WeakKeyDictionary

import attrs
import msgspec

from trio_groq._api.docstrings import read_docstring
from trio_groq._api.parameters import encode_json
from trio_groq._api.schemas import MAX_NAME_CHARS
from trio_groq.errors import InvalidRequestError
from trio_groq.types.chat_tools import FunctionDefinition

__all__ = ["FunctionSchema", "function_schema"]

Schema: TypeAlias = dict[str, Any]
_Hint: TypeAlias = Any
"""A type as an annotation has it."""

MAX_INLINED: Final = 100
"""References that are replaced in one schema; types that use each other more often than that would
make one of any size, and the rest of them stay references."""

_NAME: Final = re.compile(rf"[a-zA-Z0-9_-]{{1,{MAX_NAME_CHARS}}}")
_DEFINITIONS: Final = "#/$defs/"
_DROPPED: Final = ("title", "discriminator")
"""Names of classes, which are nothing to the model, and a map of them."""

_KINDS: Final = {str: "string", int: "integer", type(None): "null"}
_REFUSED: Final = {
    inspect.Parameter.POSITIONAL_ONLY: "one that is positional-only",
    inspect.Parameter.VAR_POSITIONAL: "a variable number of arguments",
    inspect.Parameter.VAR_KEYWORD: "keyword arguments of any name",
}


@attrs.frozen
class FunctionSchema:
    """What a function takes.

    Attributes:
        definition: As it is sent; not to be changed.
        arguments: Struct of its arguments; those that may be left out are then `msgspec.UNSET`.
    """

    definition: FunctionDefinition
    arguments: type[msgspec.Struct]


_MADE: Final[WeakKeyDictionary[types.FunctionType, FunctionSchema]] = WeakKeyDictionary()
"""What was made of functions that are still there: to make it takes half a millisecond."""


def function_schema(function: Callable[..., object], path: str = "tools") -> FunctionSchema:
    """Make the definition of a tool.

    Args:
        function: A function, method, `functools.partial` or object with `__call__`; sync or async.
            What a partial gives by keyword, the model is not asked for.
        path: What messages call the parameter.

    Raises:
        InvalidRequestError: It is no function, its name or a parameter is nothing that the API
            can name, a parameter has no type hint, or its type has no JSON schema.
    """
    if not isinstance(function, types.FunctionType):  # methods and partials are often made anew
        return _new_schema(function, path)
    if function not in _MADE:
        _MADE[function] = _new_schema(function, path)
    return _MADE[function]


def _new_schema(function: Callable[..., object], path: str) -> FunctionSchema:
    code = _code_of(function, path)
    name: str = getattr(code, "__name__", "")
    if name == "__call__":
        name = type(getattr(code, "__self__", code)).__name__
    if not _NAME.fullmatch(name):
        expected = f"a name of 1 to {MAX_NAME_CHARS} letters, digits, _ and -"
        raise _wrong(path, expected, repr(name), function)
    place = f"{path}.{name}"
    text = read_docstring(inspect.getdoc(code) or "")
    parameters = _parameters(function, place)
    hints = _hints(code, function, place)
    fields = [
        _field(each, _hint_of(each, hints, text.parameters, place, function)) for each in parameters
    ]
    try:
        arguments = msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)
        schema = _schema_of(arguments, parameters)
    except (TypeError, NameError) as error:  # NameError: a forward reference that leads nowhere
        expected = "parameters whose types have a JSON schema"
        raise _wrong(place, expected, " ".join(str(error).split()), function) from error
    except KeyError as error:  # msgspec would give both the same name
        got = f"two of the name {error}"
        raise _wrong(place, "types with names of their own", got, function) from error
    definition: FunctionDefinition = {"name": name}
    if text.description:
        definition["description"] = text.description
    definition["parameters"] = schema
    return FunctionSchema(definition, arguments)


def _wrong(place: str, expected: str, got: str, value: object) -> InvalidRequestError:
    return InvalidRequestError(f"{place}: expected {expected}, got {got}", path=place, value=value)


# --- functions -----------------------------------------------------------------------------------


def _code_of(function: object, path: str) -> Any:  # noqa: ANN401 (a function or method, of any kind)
    """What has the name, the docstring and the hints."""
    while isinstance(function, partial):
        function = function.func
    if inspect.isclass(function) or not callable(function):
        raise _wrong(path, "a function or a tool as a dict", f"{function!r:.80}", function)
    is_plain = inspect.isroutine(function) or hasattr(function, "__wrapped__")
    return inspect.unwrap(function if is_plain else function.__call__)


def _parameters(function: Callable[..., object], place: str) -> list[inspect.Parameter]:
    """Those that the model gives."""
    try:
        signature = inspect.signature(function)
    except ValueError as error:  # some that are written in C
        raise _wrong(place, "a function with a signature", "one without", function) from error
    given: Mapping[str, object] = function.keywords if isinstance(function, partial) else {}
    parameters = [each for each in signature.parameters.values() if each.name not in given]
    for each in parameters:
        if each.kind in _REFUSED:
            got = f"{_REFUSED[each.kind]}: {each.name}"
            raise _wrong(place, "parameters that can be given by name", got, function)
        if each.name.startswith("__"):  # no Struct has such a field
            raise _wrong(place, "parameters without __ before them", each.name, function)
    return parameters


def _hints(code: Any, function: object, place: str) -> dict[str, _Hint]:  # noqa: ANN401 (see `_code_of`)
    # What a function returns may be named where only type checkers look, and need not be known.
    annotations = {
        name: hint
        for name, hint in getattr(code, "__annotations__", {}).items()
        if name != "return"
    }
    holder = types.SimpleNamespace(__annotations__=annotations)
    try:
        return get_type_hints(holder, getattr(code, "__globals__", {}), include_extras=True)
    except (NameError, TypeError) as error:
        raise _wrong(place, "type hints that lead to types", str(error), function) from error


def _hint_of(
    parameter: inspect.Parameter,
    hints: Mapping[str, _Hint],
    texts: Mapping[str, str],
    place: str,
    function: object,
) -> _Hint:
    """The type of a parameter, with what is said about it."""
    name = parameter.name
    if name not in hints:
        raise _wrong(place, f"a type hint for {name}", "none", function)
    hint = hints[name]
    notes: tuple[object, ...] = getattr(hint, "__metadata__", ())
    if any(isinstance(note, msgspec.Meta) and note.description for note in notes):
        return hint
    text = next((note for note in notes if isinstance(note, str)), texts.get(name))
    return Annotated[hint, msgspec.Meta(description=text)] if text else hint


def _field(parameter: inspect.Parameter, hint: _Hint) -> tuple[str, _Hint, Any]:
    """What is left out is unset, so that the function takes its own default."""
    if parameter.default is parameter.empty:
        return parameter.name, hint, msgspec.field()
    return parameter.name, hint, msgspec.field(default_factory=_unset)


def _unset() -> object:
    return msgspec.UNSET


# --- schemas -------------------------------------------------------------------------------------


def _schema_of(arguments: type[msgspec.Struct], parameters: list[inspect.Parameter]) -> Schema:
    made = msgspec.json.schema(arguments)
    definitions: Mapping[str, Schema] = made["$defs"]
    own = definitions[made["$ref"].removeprefix(_DEFINITIONS)]
    inliner = _Inliner(definitions)
    schema = inliner.inlined(own)
    for name, default in _defaults(parameters):
        schema["properties"][name]["default"] = default
    if inliner.kept:
        schema["$defs"] = inliner.kept
    return schema


def _defaults(parameters: list[inspect.Parameter]) -> Iterator[tuple[str, object]]:
    """Defaults as JSON. None says no more than that nothing need be given."""
    for each in parameters:
        if each.default is None or each.default is each.empty:
            continue
        try:
            yield each.name, msgspec.json.decode(encode_json(each.default))
        except InvalidRequestError:  # some object, which the model could not write either
            continue


def _kinds(values: Iterable[object]) -> set[str]:
    """The types of an enumeration; none where a hint brings one of its own, of other types."""
    kinds = {_KINDS.get(type(value), "") for value in values}
    return set() if "" in kinds else kinds


class _Inliner:
    """Puts what references lead to in their place.

    Attributes:
        kept: Definitions that references are left to: of types that contain themselves.
    """

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions
        self._open: set[str] = set()
        self._left = MAX_INLINED
        self.kept: dict[str, Schema] = {}

    def inlined(self, schema: Schema) -> Schema:
        """A plainer schema of the same; `schema` stays as it is."""
        plain = {
            keyword: self._part(keyword, value)
            for keyword, value in schema.items()
            if keyword not in _DROPPED
        }
        if "type" not in plain and (kinds := sorted(_kinds(plain.get("enum", ())))):
            plain["type"] = kinds[0] if len(kinds) == 1 else kinds
        name = plain.get("$ref", "").removeprefix(_DEFINITIONS)
        if name in self._definitions:
            del plain["$ref"]
            return self._target(name) | plain
        return plain

    def _part(self, keyword: str, value: Any) -> Any:  # noqa: ANN401 (any JSON)
        if keyword == "properties":
            return {name: self.inlined(schema) for name, schema in value.items()}
        if keyword in ("anyOf", "prefixItems"):
            return [self.inlined(schema) for schema in value]
        if keyword in ("items", "additionalProperties") and isinstance(value, dict):
            return self.inlined(value)
        return value

    def _target(self, name: str) -> Schema:
        if name not in self.kept:
            if self._left and name not in self._open:
                self._left -= 1
                self._open.add(name)
                target = self.inlined(self._definitions[name])
                self._open.remove(name)
                if name not in self.kept:  # it does not contain itself
                    return target
            else:
                self.kept[name] = {}  # its place, should it refer to itself
                self.kept[name] = self.inlined(self._definitions[name])
        return {"$ref": f"{_DEFINITIONS}{name}"}
