"""`--template`: a text with `{column}` in it, which each row of a CSV file fills."""

from collections.abc import Iterable, Mapping
from string import Formatter
from typing import final

from trio_groq.cli._output import UsageFailure

__all__ = ["Template"]


@final
class Template:
    """A text with places to fill: `{column}`; `{{` and `}}` stand for braces.

    A place is a column's name and nothing else: no attribute, index or format of it is looked at,
    so that neither a template nor a row reaches into the program.

    Args:
        text: The template.

    Raises:
        UsageFailure: It is no such text.
    """

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        self._parts: list[tuple[str, str | None]] = []
        try:
            for literal, name, form, conversion in Formatter().parse(text):
                if name == "" or form or conversion:
                    raise ValueError("a place that is more or less than a column's name")
                self._parts.append((literal, name))
        except ValueError as error:
            raise UsageFailure(
                f"--template: expected text with {{column}} in it, got {error}",
                ["a brace that stands for itself is written twice"],
            ) from error

    def missing(self, columns: Iterable[str]) -> list[str]:
        """The names in it that are none of these columns."""
        known = set(columns)
        return [name for _, name in self._parts if name is not None and name not in known]

    def fill(self, row: Mapping[str, str]) -> str:
        """The text for a row that has every column of it."""
        return "".join(
            literal + ("" if name is None else row[name]) for literal, name in self._parts
        )
