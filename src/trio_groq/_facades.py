"""Packages whose modules load at the first use of one of their names (PEP 562).

A program pays for what it uses: a client needs no parser before its first stream, and pytest, which
imports the scripted server's package for its plugin, no server.
"""

import sys
from collections.abc import Container, Iterable
from importlib import import_module

__all__ = ["load", "names_of"]


def load(package: str, names: Container[str], name: str, home: str) -> object:
    """Load what `package.name` stands for; the next look finds it there.

    Args:
        package: Whose `__getattr__` asks.
        names: All names that it has.
        name: What is asked for.
        home: The module that has it; anything, if there is no such name.

    Raises:
        AttributeError: There is no such name.
    """
    if name not in names:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    setattr(sys.modules[package], name, value)
    return value


def names_of(package: str, names: Iterable[str]) -> list[str]:
    """What `dir` tells: what is loaded, and what can be."""
    return sorted({*vars(sys.modules[package]), *names})
