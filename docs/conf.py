"""How Sphinx builds these pages. Nothing is fetched from the network."""

import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version as distribution_version
from inspect import isroutine
from types import UnionType
from typing import TYPE_CHECKING, Final, cast

from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

if TYPE_CHECKING:
    from pathlib import Path

    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

project = "trio-groq"
author = "The trio-groq authors"
copyright = author
version = release = distribution_version("trio-groq")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib_trio"]
exclude_patterns = ["_build"]
# Docstrings mark code with single backticks.
default_role = "code"
highlight_language = "python"
html_theme = "furo"
html_title = f"trio-groq {release}"

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
# Attributes are described in the class's own text; as fields they are not listed twice.
napoleon_use_ivar = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Raises while iterating", "params_style")]

FACADES: Final = (
    "trio_groq",
    "trio_groq.catalog",
    "trio_groq.config",
    "trio_groq.errors",
    "trio_groq.fanout",
    "trio_groq.observe",
    "trio_groq.sse",
    "trio_groq.testing",
    "trio_groq.types",
)
"""The public modules. Every name that they export must have its place in the reference."""
REPEATED: Final = {
    "trio_groq": "trio_groq.errors",
    "trio_groq.config": "trio_groq",
    "trio_groq.fanout": "trio_groq",
}
"""Modules that export names of another one, where these are described."""
COLON: Final = "\ue000"
"""Stands for a colon while napoleon reads."""


def choose_members(app: "Sphinx", *member: object) -> bool | None:
    """Leave out what another section describes.

    Args:
        app: The build.
        member: Kind of the parent, name, value, whether autodoc would skip it, options.

    Returns:
        True to leave the member out, None to let autodoc decide.
    """
    kind, name, *_ = member
    elsewhere = REPEATED.get(app.env.current_document.autodoc_module)
    is_repeated = elsewhere is not None and name in import_module(elsewhere).__all__
    return True if kind == "module" and is_repeated else None


def before_napoleon(app: "Sphinx", *described: object) -> None:  # noqa: ARG001 (Sphinx's signature)
    """Say what napoleon would take for something else in a way that it understands.

    Args:
        app: The build.
        described: Kind, full name, value, options, lines to be changed.
    """
    kind, lines = described[0], cast("list[str]", described[-1])
    # There may be no comma in a section's title.
    lines[:] = [line.replace("Raises, while", "Raises while") for line in lines]
    # What stands before a colon would be a type.
    if lines and kind in {"attribute", "data", "property"}:
        lines[0] = lines[0].replace(":", COLON)


def after_napoleon(app: "Sphinx", *described: object) -> None:  # noqa: ARG001 (Sphinx's signature)
    """Put the colons back. The arguments are those of `before_napoleon`."""
    lines = cast("list[str]", described[-1])
    lines[:] = [line.replace(COLON, ":") for line in lines]


def home_docs(name: str, value: object) -> Sequence[str]:
    """The text below an assignment, in the module that it stands in.

    Args:
        name: What is assigned to.
        value: What is assigned.

    Returns:
        Its lines; none if there is no such text.
    """
    for module in tuple(sys.modules.values()):
        if module.__name__.startswith("trio_groq") and vars(module).get(name) is value:
            docs = attribute_docs(module.__name__)
            if ("", name) in docs:
                return docs["", name]
    return ()


def attribute_docs(module: str) -> dict[tuple[str, str], list[str]]:
    """The texts below assignments in a module, by class (or nothing) and name; Sphinx's own."""
    analyzer = ModuleAnalyzer.for_module(module)
    analyzer.analyze()
    return analyzer.attr_docs


def borrow_docs(module: str) -> None:
    """Let autodoc find the texts of a facade's data.

    A facade imports constants and names of types. The text below their assignment is not in it,
    and they have no docstring of their own.
    """
    docs = attribute_docs(module)
    facade = import_module(module)
    for name in facade.__all__:
        value = getattr(facade, name)
        if isinstance(value, type) or isroutine(value):
            continue
        if found := home_docs(name, value):
            docs["", name] = [*found]
        elif isinstance(value, UnionType):
            docs["", name] = ["Any of these types."]


def load_lazy_names(module: str) -> None:
    """Put what a module loads on first use where autodoc looks: into its namespace."""
    facade = import_module(module)
    for name in facade.__all__:
        setattr(facade, name, getattr(facade, name))


def check_reference(app: "Sphinx", env: "BuildEnvironment") -> None:  # noqa: ARG001 (as above)
    """Warn of every public name that has no place in the reference."""
    described = {name for name, *_ in env.get_domain("py").get_objects()}
    for facade in FACADES:
        places = {facade, REPEATED.get(facade, facade)}
        for name in import_module(facade).__all__:
            if not any(f"{place}.{name}" in described for place in places):
                logging.getLogger(__name__).warning(
                    "%s.%s: expected a description in the API reference, got none", facade, name
                )


def as_rst(app: "Sphinx", *included: object) -> None:  # noqa: ARG001 (as above)
    """Turn what the changelog has of Markdown into what Sphinx reads: headings and links.

    Args:
        app: The build.
        included: Path of the file below the sources, document that it goes into, text in a list.
    """
    path, content = cast("Path", included[0]), cast("list[str]", included[-1])
    if path.suffix == ".md":
        text = re.sub(r"\[([^]]+)\]\(([^)]+)\)", r"`\1 <\2>`__", content[0])
        for mark, line in (("##", "-"), ("###", "~")):
            text = re.sub(rf"(?m)^{mark} (.+)$", lambda found: underlined(found[1], line), text)  # noqa: B023 (called at once)
        content[0] = text


def underlined(title: str, line: str) -> str:
    """A heading."""
    return f"{title}\n{line * len(title)}"


def setup(app: "Sphinx") -> None:
    """Load what is to be described, and connect the handlers; Sphinx calls this."""
    for facade in FACADES:
        load_lazy_names(facade)
    for facade in FACADES:
        borrow_docs(facade)
    app.connect("autodoc-skip-member", choose_members)
    app.connect("autodoc-process-docstring", before_napoleon, priority=100)
    app.connect("autodoc-process-docstring", after_napoleon, priority=900)
    app.connect("include-read", as_rst)
    app.connect("env-check-consistency", check_reference)
