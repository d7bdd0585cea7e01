"""The questions, one script each, in the order of the report."""

from importlib import import_module
from typing import Final

from benchmarks.records import Question

__all__ = ["NAMES", "load"]

NAMES: Final = (
    "full_speed",
    "open_streams",
    "pool",
    "imports",
    "paced",
    "plain",
    "fan_out",
    "parser",
    "first_token",
    "truth",
    "encoding",
    "cancelling",
    "fanout_memory",
    "upload_memory",
    "run_memory",
)


def load(name: str) -> Question:
    """Import a question."""
    question: Question = import_module(f"{__name__}.{name}").QUESTION
    return question
