"""The lines of a batch as the server reads and writes them."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import attrs
import msgspec

from trio_groq.testing.files import identity

__all__ = ["ENDPOINTS", "MAX_LINES", "AnswerLine", "Line", "LineFault", "read_lines", "result_line"]

AnswerLine: TypeAlias = Callable[[str, str, Mapping[str, Any]], tuple[int, object]]
"""Takes method, URL and body of a request; gives status and decoded body of the response."""

ENDPOINTS: Final = ("/v1/chat/completions", "/v1/audio/transcriptions", "/v1/audio/translations")
"""Where the requests of a batch may go."""
MAX_LINES: Final = 50_000
"""The API's limit for the requests of one batch."""


@attrs.frozen
class LineFault:
    """Why a line is no request.

    Attributes:
        code: For programs.
        message: For people.
        param: The field at fault, None for the line as a whole.
    """

    code: str
    message: str
    param: str | None = None


@attrs.frozen
class Line:
    """One line of the input.

    Attributes:
        number: From 1.
        custom_id: The caller's name for it; empty if it has none.
        method: Such as `POST`.
        url: Where it goes.
        body: The parameters.
        fault: Why it is no request; None for one that is.
    """

    number: int
    custom_id: str = ""
    method: str = ""
    url: str = ""
    body: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    fault: LineFault | None = None


def _faults(fields: Mapping[str, Any], seen: Mapping[str, int]) -> Iterator[LineFault]:
    """What is wrong with a line's fields; only the first counts."""
    custom_id = fields.get("custom_id")
    if not isinstance(custom_id, str) or not custom_id:
        yield LineFault("missing_custom_id", "custom_id must be a non-empty string", "custom_id")
    elif custom_id in seen:
        message = f"custom_id '{custom_id}' is already used in line {seen[custom_id]}"
        yield LineFault("duplicate_custom_id", message, "custom_id")
    if fields.get("method") != "POST":
        message = f"Invalid value: '{fields.get('method')}'. Supported values are: 'POST'"
        yield LineFault("invalid_method", message, "method")
    if fields.get("url") not in ENDPOINTS:
        listed = ", ".join(map(repr, ENDPOINTS))
        message = f"Invalid value: '{fields.get('url')}'. Supported values are: {listed}"
        yield LineFault("invalid_url", message, "url")
    if not isinstance(fields.get("body"), dict):
        yield LineFault("invalid_body", "body must be an object", "body")


def _line(number: int, data: bytes, seen: dict[str, int]) -> Line:
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        fault = LineFault("invalid_json_line", "This line is not parseable as a JSON object")
        return Line(number, fault=fault)
    name = fields.get("custom_id")
    custom_id = name if isinstance(name, str) else ""
    for fault in _faults(fields, seen):
        return Line(number, custom_id, fault=fault)
    seen[custom_id] = number
    return Line(number, custom_id, fields["method"], fields["url"], fields["body"])


def read_lines(data: bytes) -> list[Line]:
    """The lines of an input file, at most one more than `MAX_LINES`; empty ones are left out."""
    lines: list[Line] = []
    seen: dict[str, int] = {}
    for number, text in enumerate(data.split(b"\n"), 1):
        if text.strip() and len(lines) <= MAX_LINES:
            lines.append(_line(number, text, seen))
    return lines


def result_line(
    line: Line, serial: int, answer: tuple[int, object] | None, fault: LineFault | None = None
) -> bytes:
    """One line of an output or error file.

    Args:
        line: The request.
        serial: Its number on this server, from 1.
        answer: Status and decoded body of the response; None for none.
        fault: Why there is none.
    """
    response = None
    if answer is not None:
        status, body = answer
        response = {"status_code": status, "request_id": identity("req", serial), "body": body}
    error = None if fault is None else {"code": fault.code, "message": fault.message}
    result = {
        "id": identity("batch_req", serial),
        "custom_id": line.custom_id,
        "response": response,
        "error": error,
    }
    return msgspec.json.encode(result) + b"\n"
