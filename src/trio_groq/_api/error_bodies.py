"""What a body says of an error, which class of error that is, and text to quote from it.

Servers and proxies say what went wrong as `{"error": {...}}`, `{"error": "text"}`,
`{"message": "text"}`, an HTML page, half a JSON document, or nothing. Reading never fails: a field
that is missing or of another type is None.

Source: https://console.groq.com/docs/errors
"""

import re
from typing import TypeAlias

import msgspec

from trio_groq._secrets import mask
from trio_groq.errors import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    CapacityExceededError,
    ConflictError,
    ContentFilterError,
    ContextLengthExceededError,
    FailedDependencyError,
    InternalServerError,
    ModelNotFoundError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    RateLimitError,
    RequestTooLargeError,
    ToolUseFailedError,
    UnprocessableEntityError,
)

__all__ = [
    "Body",
    "Fault",
    "decode_any",
    "excerpt",
    "kind_of",
    "one_line",
    "read_fault",
    "request_id_in",
    "status_in_stream",
    "text_of",
]

Body: TypeAlias = bytes | bytearray | memoryview

# Enough to see what kind of page a proxy sent, and little enough for one line of a log.
MAX_EXCERPT_CHARS = 200
# The API's own messages: the longest recorded ones have some 400 characters.
MAX_MESSAGE_CHARS = 2000
# Kept as `body` of an error when the body is not JSON.
MAX_TEXT_CHARS = 4096
# Of this much of a body the text is made: a character has up to 4 bytes.
MAX_TEXT_BYTES = 4 * MAX_TEXT_CHARS

_FIRST_ERROR_STATUS, _LAST_ERROR_STATUS = 400, 599
# Beyond it an integer is no code of anything, and str() may refuse to write it.
_MAX_CODE_BITS = 63

_ANY_JSON = msgspec.json.Decoder()
_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{1,500})", re.IGNORECASE)

_KINDS: dict[int, tuple[type[APIStatusError], str]] = {
    400: (BadRequestError, "bad request"),
    401: (AuthenticationError, "unauthorized"),
    403: (PermissionDeniedError, "permission denied"),
    404: (NotFoundError, "not found"),
    408: (APIStatusError, "request timeout"),
    409: (ConflictError, "conflict"),
    413: (RequestTooLargeError, "content too large"),
    422: (UnprocessableEntityError, "unprocessable content"),
    424: (FailedDependencyError, "failed dependency"),
    429: (RateLimitError, "too many requests"),
    498: (CapacityExceededError, "capacity exceeded"),
    500: (InternalServerError, "internal server error"),
    502: (InternalServerError, "bad gateway"),
    503: (InternalServerError, "service unavailable"),
    504: (InternalServerError, "gateway timeout"),
    529: (OverloadedError, "overloaded"),
}
# The rest: the first row whose lower bound the status reaches.
_OTHER_KINDS: tuple[tuple[int, type[APIStatusError], str], ...] = (
    (500, InternalServerError, "server error"),
    (400, APIStatusError, "client error"),
    (300, APIStatusError, "redirect"),
)
_UNKNOWN_KIND = (APIStatusError, "unexpected status")

# Looked up by code and by type: some servers put the word into the other field.
_NARROWER: dict[tuple[int, str | None], type[APIStatusError]] = {
    (400, "context_length_exceeded"): ContextLengthExceededError,
    (400, "content_filter"): ContentFilterError,
    (400, "tool_use_failed"): ToolUseFailedError,
    (404, "model_not_found"): ModelNotFoundError,
}
# Groq sends no code with this one.
_CONTEXT_LENGTH_MESSAGE = "Please reduce the length of the messages or completion"

# For errors within a stream that name no status.
_STATUS_OF_WORD: dict[str | None, int] = {
    "invalid_api_key": 401,
    "model_not_found": 404,
    "model_decommissioned": 400,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "capacity_exceeded": 498,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "tool_use_failed": 400,
    "json_validate_failed": 400,
    "invalid_request_error": 400,
    "server_error": 500,
    "service_unavailable": 503,
}
_STATUS_OF_NO_WORD = 500


class Fault(msgspec.Struct, frozen=True):
    """What a body tells of an error.

    Attributes:
        message: For people; empty if there is none.
        code: `error.code`, a number as text.
        type: `error.type`.
        param: `error.param`.
        failed_generation: `error.failed_generation`; the empty text is one, too.
        status: The HTTP status that it names, 400 to 599.
        is_from_api: Whether it has the API's form: an `error`.
    """

    message: str = ""
    code: str | None = None
    type: str | None = None
    param: str | None = None
    failed_generation: str | None = None
    status: int | None = None
    is_from_api: bool = False


def decode_any(body: Body) -> object:
    """Decode the JSON in `body`; `msgspec.UNSET` if it is none (None is JSON's null)."""
    try:
        return _ANY_JSON.decode(body)
    # Besides its own errors the decoder raises UnicodeDecodeError, which is a ValueError.
    except (ValueError, RecursionError):
        return msgspec.UNSET


def read_fault(payload: object) -> Fault:
    """Read decoded JSON as an error.

    Args:
        payload: An object with `error` (an object or a text) or `x_groq.error`, an object with
            the error's fields, or a text; of anything else nothing is read.
    """
    if isinstance(payload, str):
        return Fault(message=payload)
    if not isinstance(payload, dict):
        return Fault()
    error = payload.get("error") or _field(payload.get("x_groq"), "error")
    fields = error if isinstance(error, dict) else payload
    code = fields.get("code")
    return Fault(
        message=_string(error) or _string(fields.get("message")) or "",
        code=_word(code),
        type=_word(fields.get("type")),
        param=_word(fields.get("param")),
        failed_generation=_string(fields.get("failed_generation")),
        status=_error_status(fields.get("status_code")) or _error_status(code),
        is_from_api=isinstance(error, dict | str) and bool(error),
    )


def kind_of(status: int, fault: Fault) -> tuple[type[APIStatusError], str]:
    """Choose the class of error and the words for its status.

    The status decides; code, type or a known message narrow it down. So a 413 with the code
    `rate_limit_exceeded` is a request that is too large, and no rate limit.

    Args:
        status: HTTP status, any integer.
        fault: What the body says.
    """
    kind, reason = _kind_of_status(status)
    if kind is BadRequestError and fault.message.startswith(_CONTEXT_LENGTH_MESSAGE):
        return ContextLengthExceededError, reason
    kind = _NARROWER.get((status, fault.type), kind)
    return _NARROWER.get((status, fault.code), kind), reason


def _kind_of_status(status: int) -> tuple[type[APIStatusError], str]:
    if status in _KINDS:
        return _KINDS[status]
    rows = ((kind, reason) for low, kind, reason in _OTHER_KINDS if status >= low)
    return next(rows, _UNKNOWN_KIND)


def status_in_stream(fault: Fault) -> int:
    """Find the status of an error that came after status 200.

    Args:
        fault: What the event says.

    Returns:
        The status that it names, else the one that goes with its code or type, else 500.
    """
    if fault.status is not None:
        return fault.status
    if fault.message.startswith(_CONTEXT_LENGTH_MESSAGE):
        return 400
    by_type = _STATUS_OF_WORD.get(fault.type, _STATUS_OF_NO_WORD)
    return _STATUS_OF_WORD.get(fault.code, by_type)


def request_id_in(payload: object) -> str | None:
    """Find the server's name for the call in decoded JSON (`x_groq.id`)."""
    request_id = _string(_field(_field(payload, "x_groq"), "id"))
    return one_line(request_id, MAX_EXCERPT_CHARS) if request_id else None


def text_of(body: Body) -> str:
    """The beginning of `body` as text, at most `MAX_TEXT_CHARS`; invalid UTF-8 is replaced."""
    start = bytes(body[:MAX_TEXT_BYTES])
    return start.decode("utf-8", "replace")[:MAX_TEXT_CHARS]


def excerpt(body: Body) -> str:
    """The title of a page, else how the text begins, on one line; empty if there is no text."""
    text = text_of(body)
    title = _TITLE.search(text)
    return one_line(title[1] if title else text)


def one_line(text: str, limit: int = MAX_EXCERPT_CHARS) -> str:
    """Make `text` fit to be quoted: one line without control characters and what looks like a key.

    Args:
        text: Any text.
        limit: Most characters of the result, 3 or more; what is cut off leaves "...".
    """
    line = " ".join(mask(text).split())
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line[: limit + 1])
    return line if len(line) <= limit else f"{line[: limit - 3]}..."


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _word(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value.bit_length() <= _MAX_CODE_BITS else None
    return _string(value)


def _error_status(value: object) -> int | None:
    if isinstance(value, int) and _FIRST_ERROR_STATUS <= value <= _LAST_ERROR_STATUS:
        return value
    return None
