"""`--set body.temperature=0`: what every request of a run is told, whatever its line says."""

from collections.abc import Mapping
from typing import Any, final

import attrs
import msgspec

from trio_groq._api.error_bodies import decode_any
from trio_groq.cli._output import UsageFailure
from trio_groq.errors import InvalidRequestError

__all__ = ["Override", "parse_override"]


@final
@attrs.frozen
class Override:
    """One parameter.

    Attributes:
        path: Where it is in the body, name by name; one or more.
        value: Any JSON value.
    """

    path: tuple[str, ...]
    value: Any

    def applied(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body with it; the one that was given stays as it is.

        Raises:
            InvalidRequestError: The path leads through what is no object.
        """
        return _replaced(body, self.path, self.value, "body")


def _replaced(
    fields: Mapping[str, Any], path: tuple[str, ...], value: object, where: str
) -> dict[str, Any]:
    name, *rest = path
    if rest:
        inner = fields.get(name)
        if inner is None:
            inner = {}
        elif not isinstance(inner, Mapping):
            raise InvalidRequestError(
                f"{where}.{name}: expected an object to set {rest[0]!r} in, got "
                f"{type(inner).__name__}",
                path=f"{where}.{name}",
                value=inner,
            )
        value = _replaced(inner, tuple(rest), value, f"{where}.{name}")
    return {**fields, name: value}


def parse_override(text: str) -> Override:
    """Read `body.NAME[.NAME...]=JSON`.

    Raises:
        UsageFailure: It is no such thing.
    """
    path, found, written = text.partition("=")
    root, *names = path.split(".")
    if not found or root != "body" or not names or not all(names):
        raise UsageFailure(f"--set: expected body.NAME=JSON, got {text!r}")
    value = decode_any(written.encode("utf-8", "replace"))
    if value is msgspec.UNSET:
        raise UsageFailure(
            f"--set {path}: expected JSON, got {written!r}",
            [f"text is JSON in double quotes: --set '{path}=\"...\"'"],
        )
    return Override(tuple(names), value)
