"""What is wrong with settings: collected out of cattrs' errors, and told with origin and path."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

import cattrs
from cattrs.errors import ForbiddenExtraKeysError

from trio_groq._config.hints import allowed_keys, record_of
from trio_groq._config.interpolation import Expanded
from trio_groq._config.settings import Node, Path, Setting, Tree, leaves, shown_path, without_keys
from trio_groq._validators import shown
from trio_groq.errors import ConfigurationError

__all__ = ["MAX_FAULTS", "Fault", "is_integer", "message_of", "shown_value", "unknown_key"]

MAX_FAULTS: Final = 10
"""Most faults that one message tells."""
MAX_SHOWN: Final = 60
"""Longest name of an unknown key that a message shows, in characters."""
MAX_INTEGER: Final = 2**63
"""TOML's integers have 64 bits; longer ones Python does not even print."""


class Fault(Exception):  # noqa: N818 (never leaves this package)
    """What is wrong with one setting.

    Attributes:
        message: The end of the message.
        path: Where below the field it is.
    """

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


def message_of(exc: cattrs.ClassValidationError, cls: type, tree: Tree) -> str:
    """All that is wrong, a fault to a line.

    Args:
        exc: What the converter raised.
        cls: The attrs class that was to be made.
        tree: The settings that it was to be made of.
    """
    found = _faults(exc, cls, ())
    faults = [": ".join(filter(None, (_blamed(tree, path), text))) for path, text in found]
    more = len(faults) - MAX_FAULTS
    if more > 0:
        faults = [*faults[:MAX_FAULTS], f"and {more} more"]
    return without_keys("\n".join(faults))


def is_integer(value: object) -> bool:
    """Whether a value is an integer of no more bits than files have."""
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and -MAX_INTEGER <= value < MAX_INTEGER
    )


def shown_value(value: object, *, is_hidden: bool) -> str:
    """A wrong value as a message shows it."""
    if is_hidden or not isinstance(value, str | bool | float | int | None):
        return type(value).__name__
    if isinstance(value, Expanded):
        return f"other text from {value.template}"
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, int) and not isinstance(value, bool) and not is_integer(value):
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
            yield (*path, key), unknown_key(key, allowed_keys(cls, is_top=not path))
    elif isinstance(exc, Fault):
        yield (*path, *exc.path), exc.message
    elif isinstance(exc, ConfigurationError):
        yield _of_validator(str(exc), path)
    elif isinstance(exc, KeyError):
        yield path, "expected a value, got none"
    else:
        raise exc


def unknown_key(key: str, allowed: list[str]) -> str:
    """That a key is none of these, and which it is like."""
    near = get_close_matches(key, allowed, n=1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"expected one of {', '.join(allowed)}, got {key[:MAX_SHOWN]!r}{hint}"


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
    return ": ".join(part for part in (name, shown_path(path)) if part)


def _rest(path: Path) -> str:
    text = shown_path(path)
    return text if not text or text.startswith("[") else f".{text}"
