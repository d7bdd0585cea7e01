"""Parameters are checked before anything is sent, and become JSON.

The check is one pass of msgspec over the parameters as they are; all that costs more happens only
after something was found to be wrong: what there is to say then is in `parameter_faults`. It is as
strict as the API where that saves a round trip.
"""

# ruff: noqa: PLC0415 (faults load with the first one)

from collections.abc import Mapping, Sequence
from typing import Annotated, final, get_args, get_origin, get_type_hints

import msgspec

from trio_groq._api.shapes import check, shape_of
from trio_groq._callers import warn
from trio_groq.errors import InvalidRequestError
from trio_groq.types._base import Excludes, Needs, Replaced
from trio_groq.types.chat import ChatCompletionMessage

__all__ = ["Validator", "encode_json", "sendable_messages"]

_LONG = 4096
"""Bytes of JSON from which on it pays to ask for floats before a null is looked for."""

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
        from trio_groq._api.parameter_faults import unknown

        return unknown(str(name), params[name], self._known)

    def _check_again(self, params: Mapping[str, object], shape: type, text: str) -> None:
        """Raise what is wrong, unless only the kind of sequence is.

        msgspec takes lists and tuples for arrays. Other sequences are as good, but so rare that
        they may pay for a second look.
        """
        from trio_groq._api.parameter_faults import translated

        try:
            check(_plain(params), shape)
        except RecursionError:  # there is a cycle, and not where one may be
            raise translated(text, params) from None
        except msgspec.ValidationError as error:
            raise translated(str(error), params) from None

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
    from trio_groq._api.parameter_faults import wrong

    if isinstance(rule, Excludes) and other is not None:
        raise wrong(name, f"no {rule.other} beside it", value)
    if isinstance(rule, Needs) and other is not True:
        raise wrong(name, f"{rule.other}=True beside it", value)


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
_pack = msgspec.msgpack.Encoder(enc_hook=_encodable).encode


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
        from trio_groq._api.parameter_faults import not_encodable

        raise not_encodable(value, error, _encode) from error
    # msgspec writes NaN and infinity as null. They are looked for only where a null was written.
    if len(encoded) > _LONG and not _may_have_floats(value):
        return encoded
    if b"null" in encoded:
        from trio_groq._api.parameter_faults import check_finite

        check_finite(value)
    return encoded


def _may_have_floats(value: object) -> bool:
    """Whether there may be a float in it, at the price of a copy: in MessagePack it begins with CB.

    To look for a word in a long text costs as much as to write it as JSON; for one byte, nothing.
    """
    try:
        return b"\xcb" in _pack(value)
    except (TypeError, ValueError, OverflowError, RecursionError):  # JSON may have it all the same
        return True
