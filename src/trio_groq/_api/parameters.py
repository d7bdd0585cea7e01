"""Parameters are checked before anything is sent, and become JSON.

The check is one pass of msgspec over the parameters as they are; all that costs more happens only
after something was found to be wrong. It is as strict as the API where that saves a round trip.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from reprlib import Repr
from typing import Annotated, Any, final, get_args, get_origin, get_type_hints

import msgspec

from trio_groq._api.shapes import check, shape_of
from trio_groq._callers import warn
from trio_groq.errors import InvalidRequestError
from trio_groq.types._base import Excludes, Needs, Replaced
from trio_groq.types.chat import ChatCompletionMessage

__all__ = ["Validator", "encode_json", "sendable_messages"]

_MAX_EXCERPT = 80
"""Most characters that a message shows of a wrong value."""

_HIDDEN = ("authorization", "headers", "headers[...]")
"""Parameters whose value no message shows."""

_SANE = "values without cycles, of sane depth"

_NOTHING = object()
"""The value of what is missing."""

_EXCERPT = Repr()
_EXCERPT.maxstring = _EXCERPT.maxother = _EXCERPT.maxlong = _MAX_EXCERPT


# --- messages ------------------------------------------------------------------------------------


def _excerpt(path: str, value: object) -> str:
    """What a message says was given."""
    if value is _NOTHING:
        return "nothing"
    if path.endswith(_HIDDEN):
        return f"a {type(value).__name__}"
    text = _EXCERPT.repr(value)
    return text if len(text) <= _MAX_EXCERPT else f"{text[: _MAX_EXCERPT - 3]}..."


def _wrong(path: str, expected: str, value: object, more: str = "") -> InvalidRequestError:
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


def _translated(text: str, params: object) -> InvalidRequestError:
    """An error of `check` in words for the caller."""
    path = _path(text)
    if missing := _FIELD.match(text):
        return _wrong(".".join(filter(None, (path, missing[1]))), "a value", _NOTHING)
    value = _value_at(params, path)
    if "at `key` in" in text:
        return _wrong(path, "strings as keys", value)
    if (form := _EXPECTED.match(text)) is None:
        return _wrong(path, f"what the API takes ({_PLACE.sub('', text)})", value)
    types, bound, direction, length = form.groups()
    if isinstance(value, float) and not math.isfinite(value):
        return _wrong(path, "a finite number", value)
    if length:
        unit = "item" if types == "array" else "character"
        most = "at least" if direction == ">" else "at most"
        return _wrong(path, f"{most} {length} {unit}{'' if length == '1' else 's'}", value)
    more = "; an iterator is read only once, make it a list" if isinstance(value, Iterator) else ""
    return _wrong(path, _type_names(types) + (bound or ""), value, more)


# --- the check -----------------------------------------------------------------------------------


@final
class Validator:
    """Checks the parameters of one kind of request.

    Compiled on first use, so that importing costs nothing.

    Args:
        declaration: The TypedDict that declares them.
    """

    __slots__ = ("_declaration", "_known", "_replaced", "_rules", "_shape")

    def __init__(self, declaration: type) -> None:
        self._declaration = declaration
        self._shape: type | None = None
        self._known: frozenset[str] = frozenset()
        self._replaced: dict[str, str] = {}
        self._rules: list[tuple[str, Excludes | Needs]] = []

    def __call__(self, params: Mapping[str, object]) -> None:
        """Check `params`, which stay as they are.

        Args:
            params: What the caller gave, by name; left out is not the same as None. Deprecated ones
                are a `DeprecationWarning` at the nearest line outside this package.

        Raises:
            InvalidRequestError: A parameter is wrong, missing, or unknown.
        """
        shape = self._shape or self._compile()
        if not params.keys() <= self._known:
            raise self._unknown(params)
        try:
            check(params, shape)
        except msgspec.ValidationError as error:
            self._check_again(params, shape, str(error))
        for name, rule in self._rules:
            if name in params:
                _check_rule(name, rule, params)
        if not self._replaced.keys().isdisjoint(params):
            self._warn(params)

    def _compile(self) -> type:
        hints = get_type_hints(self._declaration, include_extras=True)
        self._known = frozenset(hints)
        for name, hint in hints.items():
            for note in get_args(hint)[1:] if get_origin(hint) is Annotated else ():
                if isinstance(note, Replaced):
                    self._replaced[name] = note.by
                elif isinstance(note, Excludes | Needs):
                    self._rules.append((name, note))
        self._shape = shape_of(self._declaration)
        return self._shape

    def _unknown(self, params: Mapping[str, object]) -> InvalidRequestError:
        name = next(name for name in params if name not in self._known)
        import difflib  # noqa: PLC0415 (needed only for what went wrong)

        near = difflib.get_close_matches(str(name), self._known)
        hint = f" (did you mean {' or '.join(near)}?)" if near else ""
        more = "; what the API takes beyond these can be sent with extra_body"
        return _wrong(str(name), f"a known parameter{hint}", params[name], more)

    def _check_again(self, params: Mapping[str, object], shape: type, text: str) -> None:
        """Raise what is wrong, unless only the kind of sequence is.

        msgspec takes lists and tuples for arrays. Other sequences are as good, but so rare that
        they may pay for a second look.
        """
        try:
            check(_plain(params), shape)
        except RecursionError:  # there is a cycle, and not where one may be
            raise _translated(text, params) from None
        except msgspec.ValidationError as error:
            raise _translated(str(error), params) from None

    def _warn(self, params: Mapping[str, object]) -> None:
        for name, by in self._replaced.items():
            if name in params:
                warn(f"{name} is deprecated by the API: use {by}", DeprecationWarning)


def _plain(value: object) -> object:
    """The same with every sequence a list and every mapping a dict."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray | memoryview):
        return [_plain(item) for item in value]
    return value


def _check_rule(name: str, rule: Excludes | Needs, params: Mapping[str, object]) -> None:
    value, other = params[name], params.get(rule.other)
    if value is None:
        return
    if isinstance(rule, Excludes) and other is not None:
        raise _wrong(name, f"no {rule.other} beside it", value)
    if isinstance(rule, Needs) and other is not True:
        raise _wrong(name, f"{rule.other}=True beside it", value)


# --- JSON ----------------------------------------------------------------------------------------


def sendable_messages(messages: Sequence[object]) -> Sequence[object]:
    """The messages without what the API itself adds to an answer but refuses in a request.

    A `ChatCompletionMessage` can so be sent back as it came, citations, executed tools and all.
    """
    return [
        msgspec.structs.replace(message, executed_tools=None, annotations=None)
        if isinstance(message, ChatCompletionMessage)
        else message
        for message in messages
    ]


def _encodable(value: object) -> object:
    """What to encode for what msgspec does not know.

    It also asks for keys of dicts; those, a list or a dict cannot be.
    """
    if isinstance(value, Mapping) and not isinstance(value, dict):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, list | tuple):
        return list(value)
    raise TypeError(f"expected a JSON value, got {type(value).__name__}")


_encode = msgspec.json.Encoder(enc_hook=_encodable).encode


def encode_json(value: object) -> bytes:
    """Encode `value` as JSON in UTF-8.

    Beside plain values: Structs, dataclasses, attrs classes, dates (ISO 8601), enums, and
    `bytes` (base64).

    Raises:
        InvalidRequestError: A part of it cannot be JSON: an object of another type, a number that
            is not finite, half of a surrogate pair, a cycle. `path` says which.
    """
    try:
        encoded = _encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise _not_encodable(value, error) from error
    # msgspec writes NaN and infinity as null. They are looked for only where a null was written.
    if b"null" in encoded and (found := _find(value, _is_not_finite)):
        raise _wrong(found[0], "a finite number", found[1])
    return encoded


def _not_encodable(value: object, error: Exception) -> InvalidRequestError:
    if isinstance(error, RecursionError):
        return _wrong("", _SANE, value)
    path, culprit = _find(value, _is_not_encodable) or ("", value)
    if isinstance(culprit, str):
        return _wrong(path, "text without lone surrogates", culprit)
    return _wrong(path, "what JSON can hold", culprit)


def _is_not_finite(leaf: object) -> bool:
    return isinstance(leaf, float) and not math.isfinite(leaf)


def _is_not_encodable(leaf: object) -> bool:
    try:
        _encode(leaf)
    except (TypeError, ValueError, OverflowError):
        return True
    return False


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
