"""What one client knows of models, and which note that gives for one that is not there."""

import re
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trio_groq.catalog import Catalog
    from trio_groq.types.models import Model

__all__ = ["ModelKnowledge", "note_on_missing_model"]

# How the API names it: The model `x` does not exist, ... has been decommissioned.
_NAMED: Final = re.compile(r"model `([^`\s]{1,200})`")

DEPRECATIONS: Final = "https://console.groq.com/docs/deprecations"


@final
class ModelKnowledge:
    """The catalog of one client, and of its views: replaced as a whole when the API lists models.

    Args:
        catalog: What is known; None for what this package knows.
    """

    __slots__ = ("_catalog",)

    def __init__(self, catalog: "Catalog | None" = None) -> None:
        self._catalog = catalog

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
    known = catalog.get(name)
    if known is not None and known.retirement is not None:
        day = known.retirement.day
        gone = "" if day is None else f" for {day.isoformat()}"
        instead = _names(catalog.replacements(name))
        return (
            f"Groq announced the end of {name}{gone}"
            f"{instead and f', and recommends {instead}'}: {DEPRECATIONS}"
        )
    near = _names(catalog.near(name))
    return f"Names like it: {near}." if near else None


def _names(names: tuple[str, ...]) -> str:
    return " or ".join(names)
