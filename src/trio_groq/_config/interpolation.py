"""`${NAME}` and `${NAME:-text}` in the values of a file."""

import re
from collections.abc import Mapping
from typing import Any, Final, Self

import msgspec

from trio_groq._config.settings import Path, Setting, Tree
from trio_groq.errors import ConfigurationError

__all__ = ["Expanded", "expanded_tree"]

# `$${` is how a file writes `${`. What begins like a reference and is none must not pass for text.
_REFERENCE: Final = re.compile(r"\$\$\{|\$\{(?:(?P<name>[A-Za-z_]\w*)(?::-(?P<text>[^}]*))?\})?")


class Expanded(str):
    """Text with values of variables in it, which may be secret, and are no numbers yet.

    Attributes:
        template: The text as the file has it: what a message may show.
    """

    __slots__ = ("template",)

    template: str

    def __new__(cls, text: str, template: str) -> Self:
        made = super().__new__(cls, text)
        made.template = template
        return made


def expanded_tree(tree: Tree, environ: Mapping[str, str]) -> Tree:
    """The tree with the variables' values in the place of their names; in files' settings only.

    Raises:
        ConfigurationError: Variables that are not set, or references that are none: all of them.
    """
    faults: list[str] = []
    result = _expanded_table(tree, environ, (), faults)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return result


def _expanded_table(tree: Tree, environ: Mapping[str, str], path: Path, faults: list[str]) -> Tree:
    result: Tree = {}
    for key, node in tree.items():
        here = (*path, key)
        if not isinstance(node, Setting):
            result[key] = _expanded_table(node, environ, here, faults)
        elif node.origin.kind == "file":
            found: list[str] = []
            result[key] = msgspec.structs.replace(node, value=_expanded(node.value, environ, found))
            faults += [f"{node.origin.blamed(here)}: {fault}" for fault in found]
        else:
            result[key] = node
    return result


def _expanded(value: Any, environ: Mapping[str, str], faults: list[str]) -> Any:  # noqa: ANN401 (what files hold)
    if isinstance(value, str):
        return _expanded_text(value, environ, faults)
    if isinstance(value, list):  # lists in lists are no setting's value
        return [
            _expanded_text(item, environ, faults) if isinstance(item, str) else item
            for item in value
        ]
    return value


def _expanded_text(text: str, environ: Mapping[str, str], faults: list[str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name = match["name"]
        if name is None:
            faults.append("expected ${NAME} or ${NAME:-text}, got `${` without that; $${ is ${")
            return ""
        value = environ.get(name) or match["text"]
        if value is None:
            faults.append(f"expected the variable {name} to be set, got none")
        return value or ""

    result = _REFERENCE.sub(replaced, text)
    return text if result == text else Expanded(result, text)
