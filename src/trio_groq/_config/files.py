"""Files of settings: TOML, JSON and YAML, bounded, with the section that is ours."""

import os
import tomllib
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from trio_groq._config.settings import Origin, file_origin, without_keys
from trio_groq.errors import ConfigurationError

__all__ = ["MAX_FILE_BYTES", "SECTIONS", "read_section"]

MAX_FILE_BYTES: Final = 1_048_576
"""1 MiB. Settings take some KB; more is another file, given by mistake."""

SECTIONS: Final = (("trio_groq",), ("tool", "trio_groq"), ("llm", "providers", "groq"))
"""Where a file that others use, too, has our settings: pyproject.toml the second."""

MAX_SHOWN_KEYS: Final = 5
"""Keys of a file without settings that the message shows."""

_MISSING: Final = object()


def read_section(
    path: str | os.PathLike[str], allowed: Collection[str]
) -> tuple[Mapping[Any, object], Origin]:
    """Read the settings of a file: its one section that is ours, or else its top.

    Args:
        path: The file; its suffix tells the format.
        allowed: Keys at the top that show that there are settings.

    Returns:
        The table, and the origin of what is in it.

    Raises:
        ConfigurationError: It cannot be read, is too large, not in UTF-8 or not in its format,
            has no table at the top, no settings at all, or two sections for them.
    """
    file = Path(path)
    parse = _PARSERS.get(file.suffix.lower())
    if parse is None:
        raise ConfigurationError(
            f"{file}: expected a suffix of {', '.join(_PARSERS)}, got {file.suffix!r}"
        )
    data = parse(_read(file), str(file))
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"{file}: expected a table at the top, got {_kind(data)}")
    section, table = _find_section(data, str(file), allowed)
    return table, file_origin(str(file), section)


def _read(file: Path) -> str:
    problem = ""
    content = b""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        problem = f"expected a file that can be read, got: {exc.strerror}"
    if len(content) > MAX_FILE_BYTES:
        problem = f"expected at most {MAX_FILE_BYTES} bytes, got more"
    try:
        # Editors on Windows put a byte order mark in front.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        text = ""
        problem = problem or f"expected UTF-8, got other bytes at position {exc.start}"
    if problem:  # raised here, as the errors above hold the file's bytes
        raise ConfigurationError(f"{file}: {problem}")
    return text


def _parsed(parse: Callable[[], Any], name: str, format_: str) -> Any:  # noqa: ANN401 (what files hold)
    """Run a parser; its errors may quote the file, so none of them is kept."""
    try:
        return parse()
    except RecursionError:
        problem = "tables nested too deep"
    except (ValueError, msgspec.DecodeError) as exc:
        problem = str(exc)
    raise ConfigurationError(f"{name}: expected {format_}, got: {problem}")


def _parse_toml(text: str, name: str) -> Any:  # noqa: ANN401 (what files hold)
    return _parsed(lambda: tomllib.loads(text), name, "TOML")


def _parse_json(text: str, name: str) -> Any:  # noqa: ANN401 (what files hold)
    return _parsed(lambda: msgspec.json.decode(text), name, "JSON")


def _parse_yaml(text: str, name: str) -> Any:  # noqa: ANN401 (what files hold)
    try:
        yaml: Any = import_module("yaml")
    except ImportError as exc:
        raise ConfigurationError(
            f"{name}: expected PyYAML to be installed, got none; run: pip install pyyaml"
        ) from exc

    def parse() -> Any:  # noqa: ANN401 (what files hold)
        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as exc:
            problem = _yaml_problem(exc)
        else:
            return {} if data is None else data
        raise ValueError(problem)

    return _parsed(parse, name, "YAML")


def _yaml_problem(exc: Any) -> str:  # noqa: ANN401 (of a module that is imported late)
    """What PyYAML found, without the line, which its text quotes."""
    problem = str(getattr(exc, "problem", None) or "a character that YAML does not allow")
    mark = getattr(exc, "problem_mark", None)
    return problem if mark is None else f"{problem} (line {mark.line + 1})"


_PARSERS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    ".toml": _parse_toml,
    ".json": _parse_json,
    ".yaml": _parse_yaml,
    ".yml": _parse_yaml,
}


def _kind(value: object) -> str:
    return "nothing" if value is None else type(value).__name__


def _dig(data: object, keys: tuple[str, ...]) -> object:
    for key in keys:
        data = data.get(key, _MISSING) if isinstance(data, Mapping) else _MISSING
    return data


def _find_section(
    data: Mapping[Any, object], name: str, allowed: Collection[str]
) -> tuple[tuple[str, ...], Mapping[Any, object]]:
    found = {keys: table for keys in SECTIONS if (table := _dig(data, keys)) is not _MISSING}
    if len(found) > 1:
        sections = " and ".join(".".join(keys) for keys in found)
        raise ConfigurationError(f"{name}: expected one section of settings, got {sections}")
    for keys, table in found.items():
        if table is None:  # YAML's table without entries
            return keys, {}
        if not isinstance(table, Mapping):
            raise ConfigurationError(
                f"{name}: {'.'.join(keys)}: expected a table, got {_kind(table)}"
            )
        return keys, table
    # A slip in the only name is better told as one.
    if data and not any(get_close_matches(str(key), allowed, n=1) for key in data):
        sections = ", ".join(".".join(keys) for keys in SECTIONS)
        got = without_keys(", ".join(sorted(map(str, data))[:MAX_SHOWN_KEYS]))
        raise ConfigurationError(
            f"{name}: expected a section ({sections}), or at the top one of {', '.join(allowed)}; "
            f"got {got}"
        )
    return (), data
