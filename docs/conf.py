"""How Sphinx builds these pages. Nothing is fetched from the network."""

from importlib import import_module
from importlib.metadata import version as distribution_version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

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


def skip_errors_in_the_facade(app: "Sphinx", *member: object) -> bool | None:
    """Leave the errors to their own section: the package exports them a second time.

    Args:
        app: The build.
        member: Kind of the parent, name, value, whether autodoc would skip it, options.

    Returns:
        True to leave the member out, None to let autodoc decide.
    """
    _, _, value, *_ = member
    in_facade = app.env.current_document.autodoc_module == "trio_groq"
    from_errors = getattr(value, "__module__", None) == "trio_groq.errors"
    return True if in_facade and from_errors else None


def load_lazy_names(module: str) -> None:
    """Put what a module loads on first use where autodoc looks: into its namespace."""
    facade = import_module(module)
    for name in facade.__all__:
        setattr(facade, name, getattr(facade, name))


def setup(app: "Sphinx") -> None:
    """Connect the handler; Sphinx calls this."""
    load_lazy_names("trio_groq.testing")
    app.connect("autodoc-skip-member", skip_errors_in_the_facade)
