"""The defaults of a run of tools: apart from the rest, which loads when tools are first run."""

from typing import Final, Literal, TypeAlias

__all__ = ["MAX_PARALLEL", "MAX_STEPS", "OnToolError"]

OnToolError: TypeAlias = Literal["return", "raise"]
"""Whether the model is told of an error, or the caller."""

MAX_STEPS: Final = 10
"""A model that has not answered after so many rounds mostly goes in circles."""
MAX_PARALLEL: Final = 8
"""More than what models ask for at once, few enough for most services behind a tool."""
