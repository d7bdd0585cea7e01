"""The input of a run, read lazily: JSON Lines or CSV become requests, one after the other.

Whatever the size of the file, one piece of it and one line are held. A line that is not valid
comes out as its error, so that the lines after it are checked as well.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, final

import attrs
import msgspec

from trio_groq._api.batch_lines import MAX_LINE_BYTES
from trio_groq._api.error_bodies import decode_any, excerpt
from trio_groq.cli._output import Failure
from trio_groq.cli._run_lines import lines_of
from trio_groq.cli._run_requests import RunRequest, Shape
from trio_groq.cli._run_template import Template
from trio_groq.errors import InvalidRequestError

__all__ = ["Input", "read_csv", "read_jsonl"]

_READ_BYTES: Final = 256 * 1024
"""A piece of the file: read in less time than it takes to ask a thread for it."""
_CUSTOM_ID: Final = "custom_id"

Read = Iterator[RunRequest | InvalidRequestError]


def _in_line(number: int, error: InvalidRequestError) -> InvalidRequestError:
    return InvalidRequestError(f"line {number}: {error}", path=error.path, value=error.value)


def _shaped(shape: Shape, number: int, fields: dict[str, Any]) -> RunRequest | InvalidRequestError:
    try:
        return shape.request(number, fields)
    except InvalidRequestError as error:
        return _in_line(number, error)


def read_jsonl(pieces: Iterable[bytes], shape: Shape) -> Read:
    """Read JSON Lines: objects of the batch format, and objects with a `prompt`.

    Args:
        pieces: The file, in pieces of any size.
        shape: What all requests have in common.

    Yields:
        A request, or what is wrong with its line. Blank lines are passed over.

    Raises:
        InvalidRequestError: A line is too long.
    """
    for number, data in lines_of(pieces, MAX_LINE_BYTES):
        if not data.strip():
            continue
        fields = decode_any(data)
        if isinstance(fields, dict):
            yield _shaped(shape, number, fields)
        else:
            kind = "what is no JSON" if fields is msgspec.UNSET else "other JSON"
            message = f"expected a JSON object, got {kind}: {excerpt(data)}"
            yield _in_line(number, InvalidRequestError(message))


def read_csv(pieces: Iterable[bytes], shape: Shape, template: Template) -> Read:
    """Read CSV as RFC 4180 has it; the first row names the columns.

    Args:
        pieces: The file, in pieces of any size; UTF-8.
        shape: What all requests have in common.
        template: What makes the prompt of a row. A column `custom_id` names it.

    Yields:
        A request, or what is wrong with its row.

    Raises:
        InvalidRequestError: This is no CSV, a column is missing, or a field too long (131,072
            characters: the bound of the standard library).
    """
    rows = _rows(lines_of(pieces, MAX_LINE_BYTES))
    number, columns = next(rows, (0, []))
    if not columns:
        return
    if len(set(columns)) < len(columns) or "" in columns:
        raise InvalidRequestError(
            f"line {number}: expected columns with names of their own, got {columns!r}"
        )
    if missing := template.missing(columns):
        raise InvalidRequestError(
            f"--template: expected names of columns ({', '.join(columns)}), got {missing[0]!r}"
        )
    for number, row in rows:
        if len(row) != len(columns):
            yield InvalidRequestError(
                f"line {number}: expected {len(columns)} fields, got {len(row)}"
            )
            continue
        named = dict(zip(columns, row, strict=True))
        fields = {"prompt": template.fill(named)}
        if _CUSTOM_ID in named:
            fields[_CUSTOM_ID] = named[_CUSTOM_ID]
        yield _shaped(shape, number, fields)


def _rows(lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with the number of the line in which each begins."""
    reader = csv.reader((_text(number, data) for number, data in lines), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidRequestError(f"line {number}: expected CSV, got other: {error}") from error
        if row:
            yield number, row


def _text(number: int, data: bytes) -> str:
    try:
        return f"{data.decode()}\n"
    except UnicodeDecodeError as error:
        raise InvalidRequestError(f"line {number}: expected UTF-8, got {error.reason}") from error


@final
@attrs.frozen(kw_only=True)
class Input:
    """A file of requests, which can be read more than once.

    Attributes:
        path: Where it is.
        shape: What all requests have in common.
        template: For CSV; None for JSON Lines.
    """

    path: Path
    shape: Shape
    template: Template | None = None

    def read(self) -> Read:
        """Read it from its beginning, lazily.

        Yields:
            A request, or what is wrong with its line.

        Raises:
            InvalidRequestError: There is no way to go on.
            Failure: The file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                pieces = _pieces(file)
                if self.template is None:
                    yield from read_jsonl(pieces, self.shape)
                else:
                    yield from read_csv(pieces, self.shape, self.template)
        except OSError as error:
            reason = error.strerror or str(error)
            raise Failure(f"{self.path}: expected a file that can be read, got {reason}") from error


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_READ_BYTES):
        yield piece
