"""What options are made of, beyond what click has."""

import math
from typing import Any, final

import click

__all__ = ["FiniteRange"]


@final
class FiniteRange(click.FloatRange):
    """A range of numbers that one can wait for: click lets `nan` and `inf` into any range."""

    def convert(
        self,
        value: Any,  # noqa: ANN401 (click's signature)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """The number, or a usage error."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"expected a finite number, got {value}", param, ctx)
        return number
