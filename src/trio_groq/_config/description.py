"""The effective settings as a table of text: name, value, origin."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from trio_groq._api.auth import Secret
from trio_groq._config.hints import NONE, fields_of
from trio_groq._config.settings import Origins, Path, shown_path, without_keys
from trio_groq._http.proxies import Proxy

__all__ = ["described"]

MAX_SHOWN: Final = 60
"""Longest text of a value, in characters."""
HIDDEN: Final = "..."
DEFAULT: Final = "default"
UNKNOWN: Final = "argument"
"""Who states a value that is not the default, when nobody else is known to."""

_USER_IN_URL: Final = re.compile(r"//[^/@\s]*@")


def described(config: Any, origins: Origins, proxy: tuple[str, str] | None = None) -> str:  # noqa: ANN401 (any attrs object)
    """Describe each setting on a line of its own.

    Args:
        config: An attrs object, with others in it.
        origins: Who stated what.
        proxy: What is in effect for the setting `proxy`, and who states it; None if that is as the
            setting says.

    Returns:
        Lines without a line end behind the last one. Secrets, header fields and query parameters
        are hidden, and what is no plain value is shown as its type.
    """
    rows = [("setting", "value", "origin")]
    for path, value, default in _rows(config, None, ()):
        if proxy is not None and path == ("proxy",):
            rows.append((shown_path(path), *proxy))
            continue
        is_default = value is default or (type(value) is type(default) and value == default)
        text = value if isinstance(value, _Shown) else _Shown(_shown(value))
        origin = origins.of(config, path) or (DEFAULT if is_default else UNKNOWN)
        rows.append((_one_line(shown_path(path)), text, _one_line(origin)))
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c}" for a, b, c in rows)


class _Shown(str):
    """Text that is shown as it is."""

    __slots__ = ()


def _rows(record: Any, defaults: Any, path: Path) -> Iterator[tuple[Path, Any, Any]]:  # noqa: ANN401 (any attrs object)
    """Path, value and default of each setting of a record."""
    for name, field in fields_of(type(record)).items():
        value = getattr(record, name)
        has_defaults = type(defaults) is type(record)
        default = getattr(defaults, name) if has_defaults else _default(field)
        here = (*path, name)
        if attrs.has(type(value)):
            yield from _rows(value, default, here)
        elif isinstance(value, Mapping) and value:
            for key, item in value.items():
                shown = _Shown(_shown(item)) if field.repr else _Shown(HIDDEN)
                yield (*here, str(key)), shown, None
        else:
            yield here, value, default


def _default(field: "attrs.Attribute[Any]") -> object:
    """A field's default; nothing that is equal to a value where it has none."""
    default: Any = field.default
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class at run time
        return attrs.NOTHING if default.takes_self else default.factory()
    return default


def _shown(value: Any) -> str:  # noqa: ANN401 (any setting)
    if value is None or value in _EMPTY:
        return NONE
    for kind, show in _FORMS:
        if isinstance(value, kind):
            return show(value)
    return type(value).__name__


def _shown_text(text: str) -> str:
    """Text without what a URL or a key in it would give away, and in one line."""
    hidden = without_keys(_USER_IN_URL.sub(f"//{HIDDEN}@", text))
    return _cut(hidden if hidden.isprintable() and hidden else repr(hidden))


def _one_line(text: str) -> str:
    """A name as it is, or escaped: nothing in it may end the line, or be obeyed by a terminal."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - len(HIDDEN)]}{HIDDEN}"


_EMPTY: Final[tuple[object, ...]] = ((), [], {}, frozenset())

# The first that fits: booleans are integers, too.
_FORMS: Final[tuple[tuple[Any, Callable[[Any], str]], ...]] = (
    (bool, lambda value: str(value).lower()),
    (int | float | Secret, repr),
    (Proxy, str),
    (str, _shown_text),
    (frozenset, lambda value: ", ".join(sorted(map(_shown, value)))),
    (tuple | list, lambda value: _cut(", ".join(map(_shown, value)))),
)
