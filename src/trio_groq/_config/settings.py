"""Settings with their origins, as trees, before they are checked.

A tree has the shape of the configuration: a table for each record, a `Setting` for each value. So
two sources are joined field by field, and whoever finds a fault later knows whom to blame.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

from trio_groq.errors import ConfigurationError

__all__ = [
    "ARGUMENT",
    "HEADERS",
    "Node",
    "Origin",
    "Origins",
    "Path",
    "Setting",
    "Tree",
    "file_origin",
    "joined",
    "leaves",
    "origins_of",
    "overlaid",
    "shown_path",
    "value_at",
    "variable_origin",
    "without_keys",
]

HEADERS: Final = "default_headers"
"""The one table whose keys are compared without case."""

Path: TypeAlias = tuple[str | int, ...]
"""Keys that lead from the configuration to a value; numbers are places in a list."""

Tree: TypeAlias = "dict[str, Node]"
Node: TypeAlias = "Setting | Tree"


_KEY: Final = re.compile(r"gsk_[\w-]+")


def without_keys(text: str) -> str:
    """The text without what looks like an API key, which may have been put in a wrong place."""
    return _KEY.sub("...", text)


def shown_path(path: Path) -> str:
    """The path as text: `timeouts.read`, `models[1]`."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")


class Origin(msgspec.Struct, frozen=True):
    """Where a setting comes from.

    Attributes:
        kind: What it is.
        name: The variable, or the file; empty for arguments.
        key: The path in the file, as the file has it; empty for the others.
    """

    kind: Literal["argument", "environment", "file"]
    name: str = ""
    key: str = ""

    def below(self, key: str) -> "Origin":
        """The origin of an entry of this table."""
        if self.kind != "file":
            return self
        return msgspec.structs.replace(self, key=f"{self.key}.{key}".removeprefix("."))

    def blamed(self, path: Path) -> str:
        """How a message about the setting at `path` begins."""
        if self.kind == "file":
            return f"{self.name}: {self.key}"
        shown = shown_path(path)
        return f"{self.name}: {shown}" if self.name else shown

    def __str__(self) -> str:
        if self.kind == "file":
            return f"{self.name}: {self.key}"
        return self.name or self.kind


ARGUMENT: Final = Origin("argument")


def variable_origin(variable: str) -> Origin:
    """The origin of what a variable of the environment states."""
    return Origin("environment", variable)


def file_origin(file: str, section: tuple[str, ...]) -> Origin:
    """The origin of a section of a file."""
    return Origin("file", file, ".".join(section))


class Setting(msgspec.Struct, frozen=True):
    """One value, as its source states it.

    Attributes:
        value: The value; not shown, as it may be a secret.
        origin: Who states it.
    """

    value: Any
    origin: Origin

    def __repr__(self) -> str:
        return f"Setting(origin={self.origin!r})"


class Origins(msgspec.Struct, frozen=True):
    """Who stated the values of a configuration when it was made.

    Attributes:
        entries: For each path the origin as text, and the value. A value that is another one by
            now was replaced since.
    """

    entries: Mapping[Path, tuple[str, Any]] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Origins of {len(self.entries)} settings>"

    def of(self, owner: object, path: Path) -> str | None:
        """Who stated the value at `path` of `owner`; None if nobody that is known did."""
        for length in range(len(path), 0, -1):
            entry = self.entries.get(path[:length])
            if entry is not None:
                origin, value = entry
                now = value_at(owner, path[:length])
                return origin if now is value or now == value else None
        return None


def value_at(owner: Any, path: Path) -> Any:  # noqa: ANN401 (any setting, of any owner)
    """The value that `path` leads to; None where it leads nowhere."""
    for key in path:
        is_table = isinstance(owner, Mapping)
        owner = owner.get(key) if is_table else getattr(owner, str(key), None)
    return owner


def leaves(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Setting]]:
    """Every setting of a tree, with its path."""
    for key, node in tree.items():
        if isinstance(node, Setting):
            yield (*path, key), node
        else:
            yield from leaves(node, (*path, key))


def origins_of(owner: object, tree: Tree) -> Origins:
    """What there is to remember of the tree that `owner` was made of."""
    return Origins(
        {path: (str(setting.origin), value_at(owner, path)) for path, setting in leaves(tree)}
    )


def joined(first: Tree, second: Tree, path: Path = ()) -> Tree:
    """Two parts of one source.

    Raises:
        ConfigurationError: Both state the same setting.
    """
    result = dict(first)
    for key, node in second.items():
        other = result.get(key)
        here = (*path, key)
        if other is None:
            result[key] = node
        elif isinstance(node, dict) and isinstance(other, dict):
            result[key] = joined(other, node, here)
        else:
            origins = [str(_first_origin(each, here)) for each in (other, node)]
            raise ConfigurationError(
                f"{shown_path(here)}: expected it once, got {' and '.join(origins)}"
            )
    return result


def _first_origin(node: Node, path: Path) -> Origin | str:
    """Who states a setting, or the first one of a table."""
    if isinstance(node, Setting):
        return node.origin
    return next((setting.origin for _, setting in leaves(node)), shown_path(path))


def overlaid(low: Tree, high: Tree) -> Tree:
    """Two sources, setting by setting: what `high` states wins."""
    result = dict(low)
    for key, node in high.items():
        other = result.get(key)
        if not isinstance(node, dict) or not isinstance(other, dict):
            result[key] = node
        else:
            result[key] = overlaid(_without(other, node) if key == HEADERS else other, node)
    return result


def _without(low: Tree, high: Tree) -> Tree:
    """The header fields of `low` that `high` does not have in any spelling."""
    taken = {name.lower() for name in high}
    return {name: node for name, node in low.items() if name.lower() not in taken}
