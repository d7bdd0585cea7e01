"""A file, the environment and arguments become one configuration."""

import os
from collections.abc import Mapping
from typing import Any, TypeVar

from trio_groq._config.environment import environment_tree
from trio_groq._config.files import read_section
from trio_groq._config.hints import allowed_keys
from trio_groq._config.interpolation import expanded_tree
from trio_groq._config.settings import ARGUMENT, Origins, origins_of, overlaid
from trio_groq._config.sources import planted
from trio_groq._config.structure import structured

__all__ = ["load"]

T = TypeVar("T")


def load(
    cls: type[T],
    path: str | os.PathLike[str],
    environ: Mapping[str, str],
    arguments: Mapping[str, Any],
) -> tuple[T, Origins]:
    """Read a file and join it with what stands above it.

    Args:
        cls: The attrs class of the configuration.
        path: The file.
        environ: Variables; they win over the file.
        arguments: Fields by name; they win over both.

    Returns:
        The configuration, and who stated what.

    Raises:
        ConfigurationError: The file cannot be read, or something in any of the three is wrong.
    """
    table, origin = read_section(path, allowed_keys(cls, is_top=True))
    given = planted(cls, arguments, ARGUMENT)
    tree = overlaid(planted(cls, table, origin), environment_tree(environ, given))
    # Variables that the file names are asked for last: what is overruled need not be set.
    tree = expanded_tree(overlaid(tree, given), environ)
    made = structured(cls, tree)
    return made, origins_of(made, tree)
