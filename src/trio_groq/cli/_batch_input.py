"""The input of a batch is checked line by line before anything is sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from trio_groq._api.batch_lines import BatchLineReader
from trio_groq.cli._output import Failure, UsageFailure
from trio_groq.errors import InvalidRequestError
from trio_groq.types.batches import BatchRequestLine

__all__ = ["check"]

_READ_BYTES: Final = 1024 * 1024
_MAX_SHOWN: Final = 10
"""Wrong lines that are shown: enough to see what is wrong."""


def _faults(file: BinaryIO, counts: list[int]) -> Iterator[InvalidRequestError]:
    """What is wrong with each line that is; the lines that are not are counted."""
    reader = BatchLineReader(BatchRequestLine)
    while True:
        piece = file.read(_READ_BYTES)
        if piece:
            reader.feed(piece)
        else:
            reader.close()
        while True:
            try:
                if reader.next_line() is None:
                    break
                counts[0] += 1
            except InvalidRequestError as error:
                yield error
        if not piece:
            return


def check(path: Path) -> int:
    """Check the input of a batch line by line.

    Args:
        path: JSON Lines.

    Returns:
        How many requests it has.

    Raises:
        UsageFailure: A line is not valid, or there is none; the first ones are in the notes.
        Failure: The file cannot be read.
    """
    counts = [0]
    shown: list[str] = []
    wrong = 0
    try:
        with path.open("rb") as file:
            for fault in _faults(file, counts):
                wrong += 1
                if wrong <= _MAX_SHOWN:
                    shown.append(str(fault))
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failure(f"{path}: expected a file that can be read, got {reason}") from error
    if wrong:
        more = [f"and {wrong - len(shown)} more"] if wrong > len(shown) else []
        raise UsageFailure(
            f"{path}: expected valid requests, got {wrong} lines that are none", [*shown, *more]
        )
    if not counts[0]:
        raise UsageFailure(f"{path}: expected at least one request, got none")
    return counts[0]
