"""What a run costs: prices in a file, and a bound that nothing is started beyond."""

import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, final

import attrs

from trio_groq.cli._output import Failure, UsageFailure
from trio_groq.cli._run_requests import Tokens

__all__ = ["CostBudget", "Prices", "read_prices"]

MAX_FILE_BYTES: Final = 1024 * 1024
"""Prices of a few thousand models fit; the API has some twenty."""
_MILLION: Final = 1_000_000
_ROUNDING: Final = 1e-9
"""Part of a sum of fractions that may be wrong."""


@attrs.frozen
class Price:
    """Of one model, for a million tokens, in any currency.

    Attributes:
        input: Of what is asked, 0 or more.
        output: Of what is answered, 0 or more.
    """

    input: float
    output: float


@final
@attrs.frozen
class Prices:
    """Prices by model."""

    _by_model: Mapping[str, Price]

    def __contains__(self, model: str) -> bool:
        return model in self._by_model

    def cost(self, model: str, tokens: Tokens) -> float:
        """What tokens of a model cost; 0 for a model that has no price."""
        price = self._by_model.get(model)
        if price is None:
            return 0.0
        return (tokens.prompt * price.input + tokens.completion * price.output) / _MILLION


def _price(path: Path, model: str, fields: object) -> Price:
    if isinstance(fields, Mapping) and fields.keys() <= {"input", "output"}:
        numbers = [fields.get("input", 0), fields.get("output", 0)]
        if fields and all(map(_is_price, numbers)):
            return Price(*map(float, numbers))
    raise UsageFailure(
        f"{path}: {model}: expected input and output, each a number from 0 for a million tokens, "
        f"got {fields!r}"
    )


def _is_price(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value >= 0 and math.isfinite(value)


def read_prices(path: Path) -> Prices:
    """Read a file of prices: for each model a table with `input` and `output`.

    Args:
        path: JSON if its suffix is `.json`, else TOML; 1 MiB at most.

    Raises:
        UsageFailure: It is not such a file.
        Failure: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"{path}: expected a file that can be read, got {reason}") from error
    if len(data) > MAX_FILE_BYTES:
        raise UsageFailure(f"{path}: expected at most {MAX_FILE_BYTES} bytes, got more")
    try:
        text = data.decode()
        tables: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageFailure(f"{path}: expected prices, got {error}") from error
    if not isinstance(tables, dict):
        raise UsageFailure(f"{path}: expected a table for each model, got other JSON")
    return Prices({model: _price(path, model, fields) for model, fields in tables.items()})


@final
class CostBudget:
    """What may still be spent.

    A request takes what it may cost at the most before it starts, and gives back what it did not.

    Args:
        limit: Of all that is spent, 0 or more.
        spent: Before this run.

    Attributes:
        spent: By now.
    """

    def __init__(self, limit: float, spent: float = 0.0) -> None:
        self._limit = limit * (1 + _ROUNDING)
        self._taken = 0.0
        self.spent = spent

    def try_take(self, estimate: float) -> bool:
        """Take what a request may cost, if there is so much."""
        if self.spent + self._taken + estimate > self._limit:
            return False
        self._taken += estimate
        return True

    def settle(self, estimate: float, cost: float) -> None:
        """It took so much, and cost so much."""
        self._taken = max(self._taken - estimate, 0.0)
        self.spent += cost
