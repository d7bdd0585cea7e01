"""Who called: the line outside this package that a warning or a message blames."""

import sys
import warnings
from types import FrameType
from typing import Final

__all__ = ["caller_line", "warn"]

_OURS: Final = f"{__package__}."


def _outside() -> tuple[FrameType, int]:
    """The nearest frame outside this package, and how many are between it and our caller."""
    frame = sys._getframe(2)  # noqa: SLF001 (documented; inspect.stack reads source files)
    depth = 1
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(_OURS):
        frame = frame.f_back
        depth += 1
    return frame, depth


def caller_line() -> str:
    """File and line of the nearest frame outside this package."""
    frame, _ = _outside()
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the nearest line outside this package, however deep within it we are."""
    _, depth = _outside()
    warnings.warn(message, category, stacklevel=depth + 1)
