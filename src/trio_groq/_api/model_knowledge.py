"""What one client knows of models, and which note that gives for one that is not there."""

import re
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_groq.catalog import Catalog
    from trio_groq.types.models import Model

__all__ = ["ModelKnowledge", "not_meant", "note_on_missing_model", "retirement_of"]

# How the API names it: The model `x` does not exist, ... has been decommissioned.
_NAMED: Final = re.compile(r"model `([^`\s]{1,200})`")

MAX_TOLD: Final = 1_000
"""Things that are said once for each client. What comes after so many of them is not said."""
MAX_NAME: Final = 200
"""Characters of a name that others are compared with."""
DEPRECATIONS: Final = "https://console.groq.com/docs/deprecations"


@final
class ModelKnowledge:
    """The catalog of one client, and of its views: replaced as a whole when the API lists models.

    Args:
        catalog: What is known; None for what this package knows.
        meant: The models that are meant to be used; empty for any.

    Attributes:
        meant: The same.
    """

    __slots__ = ("_catalog", "_told", "meant")

    def __init__(self, catalog: "Catalog | None" = None, meant: tuple[str, ...] = ()) -> None:
        self._catalog = catalog
        self._told: set[tuple[str, str]] = set()
        self.meant: Final = meant

    @property
    def catalog(self) -> "Catalog":
        """What is known now."""
        if self._catalog is None:
            from trio_groq.catalog import Catalog  # noqa: PLC0415 (an import need not pay for it)

            self._catalog = Catalog()
        return self._catalog

    def learn(self, models: "Iterable[Model]") -> None:
        """Take over a list of the API."""
        self._catalog = self.catalog.refreshed(models)

    def is_news(self, what: str, model: str) -> bool:
        """Whether this was not said of the model before: what holds for every call is said once."""
        if (what, model) in self._told or len(self._told) >= MAX_TOLD:
            return False
        self._told.add((what, model))
        return True


def not_meant(name: str, meant: tuple[str, ...]) -> str:
    """That a model is not among those that are meant to be used."""
    from difflib import get_close_matches  # noqa: PLC0415 (needed only for what went wrong)

    near = get_close_matches(name[:MAX_NAME], meant, 1)
    hint = f" (did you mean {near[0]}?)" if near else ""
    return f"model: expected one of models, {', '.join(meant)}; got {name!r}{hint}"


def retirement_of(name: str, catalog: "Catalog") -> str | None:
    """That a model is gone or will be, and what is recommended instead; None if that is unknown."""
    known = catalog.get(name)
    if known is None or known.retirement is None:
        return None
    day = known.retirement.day
    gone = "" if day is None else f" for {day.isoformat()}"
    instead = _names(catalog.replacements(name))
    return (
        f"Groq announced the end of {name}{gone}"
        f"{instead and f', and recommends {instead}'}: {DEPRECATIONS}"
    )


def note_on_missing_model(message: str, knowledge: ModelKnowledge | None) -> str | None:
    """What to do about a model that the API does not have, or no longer.

    Args:
        message: The API's, which names it.
        knowledge: The client's; None for what this package knows.

    Returns:
        That it is gone and what is recommended instead, or which names are like it; None if the
        message names no model, or nothing is known.
    """
    named = _NAMED.search(message)
    if named is None:
        return None
    name = named[1]
    catalog = (knowledge or ModelKnowledge()).catalog
    retirement = retirement_of(name, catalog)
    if retirement is not None:
        return retirement
    near = _names(catalog.near(name))
    return f"Names like it: {near}." if near else None


def _names(names: tuple[str, ...]) -> str:
    return " or ".join(names)
