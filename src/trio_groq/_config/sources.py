"""Plain tables become trees of settings: other names and short forms find their place.

Only what the types know is descended into, so that what a file nests without end stays a leaf.
"""

from collections.abc import Mapping
from typing import Any

from trio_groq._config.hints import (
    ALIASES,
    NONE,
    SHORT_FORMS,
    Hint,
    fields_of,
    is_optional,
    item_hint,
    record_of,
)
from trio_groq._config.settings import Node, Origin, Setting, Tree, joined

__all__ = ["planted"]


def planted(cls: type, given: Mapping[Any, object], origin: Origin) -> Tree:
    """The settings of one source.

    Args:
        cls: The attrs class that they are for.
        given: Fields by name, or by another name of theirs; a table, or a record that is made
            already, for a field that is a record. Unknown keys stay, for the check to tell.
        origin: The source.

    Raises:
        ConfigurationError: A setting is given twice, under two names.
    """
    tree: Tree = {}
    for key, value in given.items():
        name = str(key)
        path = ALIASES.get(name, (name,))
        if path[0] not in fields_of(cls):
            path = (name,)
        tree = joined(tree, _branch(cls, path, value, origin.below(name)))
    return tree


def _branch(cls: type, path: tuple[str, ...], value: object, origin: Origin) -> Tree:
    name, *rest = path
    hint = _hint(cls, name)
    inner = record_of(hint)
    if rest and inner is not None:
        return {name: _branch(inner, tuple(rest), value, origin)}
    return {name: _node(hint, value, origin)}


def _hint(cls: type, name: str) -> Hint | None:
    """The type of a field; None, which nothing is made of, if there is no such field."""
    field = fields_of(cls).get(name)
    return None if field is None else field.type


def _node(hint: Hint | None, value: Any, origin: Origin) -> Node:  # noqa: ANN401 (what sources hold)
    record = record_of(hint)
    if record is not None:
        if isinstance(value, Mapping):
            return {
                str(key): _node(_hint(record, str(key)), item, origin.below(str(key)))
                for key, item in value.items()
            }
        if isinstance(value, bool) and is_optional(hint):
            return {} if value else Setting(None, origin)
        short = SHORT_FORMS.get(record)
        if short is not None and _is_single(value, hint):
            return {short: Setting(value, origin)}
    if isinstance(value, Mapping) and item_hint(hint) is not None:
        return {str(key): Setting(item, origin.below(str(key))) for key, item in value.items()}
    return Setting(value, origin)


def _is_single(value: object, hint: Hint) -> bool:
    """Whether a value stands for the one field of a record that has a short form."""
    if value is None or value == NONE:
        return not is_optional(hint)
    return isinstance(value, int | float | str) and not isinstance(value, bool)
