"""What a docstring says of a function and of its parameters.

Three styles are read, also mixed: Google's (`Args:`), NumPy's (`Parameters`, underlined) and that
of reStructuredText (`:param name:`). The function's description is what stands before the first
section. Reading never fails: a docstring in no style is all description.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

import attrs

__all__ = ["Docstring", "read_docstring"]

_Entries: TypeAlias = Iterator[tuple[str, str]]
"""Names of parameters with what is said about them."""

_PARAMETERS: Final = frozenset(
    {
        "args",
        "arguments",
        "keyword args",
        "keyword arguments",
        "other parameters",
        "parameters",
        "params",
    }
)
_OTHERS: Final = frozenset(
    {
        "attributes",
        "example",
        "examples",
        "methods",
        "note",
        "notes",
        "raises",
        "references",
        "return",
        "returns",
        "see also",
        "todo",
        "warning",
        "warnings",
        "warns",
        "yield",
        "yields",
    }
)

_UNDERLINE: Final = re.compile(r"-{3,}\s*")
_FIELD: Final = re.compile(
    r":(arg|argument|except|exception|key|keyword|kwarg|meta|param|parameter|raise|raises|return"
    r"|returns|rtype|type|yield|yields|ytype)\b([^:]*):\s*(.*)"
)
_PARAMETER_FIELDS: Final = ("arg", "argument", "key", "keyword", "kwarg", "param", "parameter")
_GOOGLE_ENTRY: Final = re.compile(r"\*{0,2}(\w+)(?:\s*\(.*?\))?\s*:(?:\s+(.*))?")
_NUMPY_ENTRY: Final = re.compile(r"([\w*]+(?:\s*,\s*[\w*]+)*)\s*(?::.*)?")


@attrs.frozen
class Docstring:
    """A docstring, taken apart.

    Attributes:
        description: What the function does; empty if nothing is said.
        parameters: What is said of parameters, by name, in one line each.
    """

    description: str
    parameters: dict[str, str]


def read_docstring(text: str) -> Docstring:
    """Take a docstring apart.

    Args:
        text: Without the indentation of the source (see `inspect.cleandoc`).
    """
    lines = text.splitlines()
    starts = [
        index for index in range(len(lines)) if _heading(lines, index) or _is_field(lines[index])
    ]
    end = starts[0] if starts else len(lines)
    found: dict[str, str] = {}
    for start, stop in pairwise([*starts, len(lines)]):
        for name, said in _entries(lines, start, stop):
            if said:
                found.setdefault(name, said)
    return Docstring("\n".join(lines[:end]).strip(), found)


def _heading(lines: Sequence[str], index: int) -> str:
    """Name of the section that begins at a line, empty if none does."""
    line = lines[index].rstrip()
    name = line.removesuffix(":").lower()
    if name not in _PARAMETERS and name not in _OTHERS:
        return ""
    is_underlined = index + 1 < len(lines) and _UNDERLINE.fullmatch(lines[index + 1])
    return name if is_underlined or line.endswith(":") else ""


def _is_field(line: str) -> bool:
    return _FIELD.match(line) is not None


def _entries(lines: Sequence[str], start: int, stop: int) -> _Entries:
    """The parameters in the section from line `start` to before `stop`."""
    field = _FIELD.match(lines[start])
    if field is not None:
        kind, subject, first = field.groups()
        if kind in _PARAMETER_FIELDS and subject.strip():
            # Before the name there may be a type; what is below a blank line is another paragraph.
            body = _until_blank(lines[start + 1 : stop])
            yield subject.split()[-1].lstrip("*"), _one_line([first, *body])
    elif _heading(lines, start) in _PARAMETERS:
        if lines[start].rstrip().endswith(":"):
            yield from _google_entries(_indented(lines[start + 1 : stop]))
        else:
            yield from _numpy_entries(lines[start + 2 : stop])


def _until_blank(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip():
            return
        yield line


def _indented(lines: Sequence[str]) -> list[str]:
    """The lines as far as they belong to the heading above them."""
    body: list[str] = []
    for line in lines:
        if line.strip() and not line[0].isspace():
            break
        body.append(line)
    return textwrap.dedent("\n".join(body)).splitlines()


def _google_entries(lines: Sequence[str]) -> _Entries:
    for first, more in _hanging(lines):
        if match := _GOOGLE_ENTRY.fullmatch(first):
            yield match[1], _one_line([match[2] or "", *more])


def _numpy_entries(lines: Sequence[str]) -> _Entries:
    for first, more in _hanging(lines):
        if match := _NUMPY_ENTRY.fullmatch(first):
            for name in match[1].split(","):
                yield name.strip().lstrip("*"), _one_line(more)


def _hanging(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Lines that are not indented, each with the indented ones below it."""
    first, more = "", list[str]()
    for line in lines:
        if not line.strip() or line[0].isspace():
            more.append(line)
            continue
        if first:
            yield first, more
        first, more = line.rstrip(), []
    if first:
        yield first, more


def _one_line(lines: Sequence[str]) -> str:
    return " ".join(" ".join(lines).split())
