"""From status, headers and body to a decoded value or the error that they describe.

What a body says is read in `error_bodies`. The message of an error is one bounded line,
`<status> <reason>: <what was said>`; what to do about it, where that is clear, is a note.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeVar

import msgspec

from trio_groq._api.error_bodies import (
    MAX_MESSAGE_CHARS,
    MAX_TEXT_BYTES,
    Body,
    Fault,
    decode_any,
    excerpt,
    kind_of,
    one_line,
    read_fault,
    request_id_in,
    status_in_stream,
    text_of,
)
from trio_groq._api.model_knowledge import ModelKnowledge, note_on_missing_model
from trio_groq._api.rate_limits import parse_rate_limits, retry_after
from trio_groq._api.redaction import Redactor
from trio_groq.errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    AuthenticationError,
    ContextLengthExceededError,
    ModelNotFoundError,
    NotFoundError,
    RequestInfo,
    RequestTooLargeError,
)

__all__ = [
    "JSONDecoder",
    "decode_json",
    "error_from_event",
    "error_from_response",
    "error_from_unexpected_body",
    "is_event_stream",
]

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class JSONDecoder(Protocol[_T_co]):
    """What makes a value of one JSON document; a `msgspec.json.Decoder` is one."""

    def decode(self, data: Body, /) -> _T_co:
        """Decode, or raise `ValueError`."""


_NO_SECRETS: Final = Redactor()
_REQUEST_TIMEOUT = 408

_NOTES: dict[type[APIStatusError], str] = {
    AuthenticationError: "Set GROQ_API_KEY or pass api_key=, and check that the key is complete "
    "and not revoked: https://console.groq.com/keys",
    ModelNotFoundError: "Check the spelling of the model's name, and that this key may use it: "
    "GET models lists those that it may.",
    ContextLengthExceededError: "Shorten the messages, lower max_completion_tokens, or choose a "
    "model with a larger context window.",
    RequestTooLargeError: "Waiting does not help: shorten or split the request, or have the "
    "limit raised.",
}
# These say more than the class does. The words may stand in `code` or in `type`.
_NOTES_OF_WORDS: dict[str | None, str] = {
    "insufficient_quota": "Waiting does not help: the account has no quota left. See its plan: "
    "https://console.groq.com/settings/billing",
    "content_filter": "Change the messages: sent again as they are, they are filtered again.",
    "json_validate_failed": "What the model wrote is in failed_generation. Ask again, allow more "
    "max_completion_tokens, or describe the form in the messages, too.",
    "tool_use_failed": "What the model wrote is in failed_generation. Ask again, with a lower "
    "temperature or a better description of the tools.",
    "model_decommissioned": "The model is gone: choose another. GET models lists those that there "
    "are.",
}
MAX_LOOKED_AT = 4096
"""Bytes of a body in which a server is looked for that wanted TLS; such pages are short."""
_MISSING_MODEL = frozenset({"model_not_found", "model_decommissioned"})
# It comes with status 429, but no wait ends it.
_NO_QUOTA = "insufficient_quota"
_NOTE_PAGE = (
    "This is a web page and no answer of the API: check base_url, and any proxy or firewall "
    "on the way."
)
_NOTE_PATH = "The API knows no such URL: check base_url and the path."
_NOTE_REDIRECT = "Redirects are followed within one origin only: set base_url to where the API is."
_NOTE_HTTPS = "The server speaks TLS at this port: begin base_url with https://."
# What nginx, Go and Apache answer, in their words.
_WANTS_HTTPS = re.compile(rb"(?i)http request.{0,20}to (an )?https|speaking plain http").search
_BAD_REQUEST = 400
_NOTE_NOT_JSON = "Check base_url, and any proxy on the way."


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    body: Body,
    *,
    request: RequestInfo | None = None,
    now: float,
    knowledge: ModelKnowledge | None = None,
    redactor: Redactor = _NO_SECRETS,
) -> APIStatusError:
    """Make the error that a response with an error status describes. Never raises.

    Args:
        status: HTTP status, any but a success.
        headers: Header fields; names are looked up in lower case.
        body: The content, decompressed; anything at all.
        request: What was asked.
        now: Seconds since the Unix epoch, for a `retry-after` that is a date.
        knowledge: The client's, for names like that of a model which is not there.
        redactor: Hides what the request was sent with: the server may repeat it.

    Returns:
        An instance of the class for the status and code, with a note on what to do about it.
    """
    headers = redactor.headers(headers)
    payload = redactor.value(decode_any(body))
    fault = read_fault(payload)
    # What is told in full is not quoted.
    quoted = b"" if fault.message.strip() else redactor.start(body, MAX_TEXT_BYTES)
    kind, reason = kind_of(status, fault)
    error = kind(
        f"{status} {reason}: {_said(fault, quoted)}",
        status_code=status,
        code=fault.code,
        type=fault.type,
        param=fault.param,
        request=request,
        request_id=headers.get("x-request-id") or request_id_in(payload),
        body=_kept(payload, quoted),
        retry_after=retry_after(headers, fault.message, now),
        headers=headers,
        rate_limits=parse_rate_limits(headers),
        failed_generation=fault.failed_generation,
    )
    is_foreign = status == _BAD_REQUEST and not fault.is_from_api
    if is_foreign and _WANTS_HTTPS(body, 0, MAX_LOOKED_AT):
        error.add_note(_NOTE_HTTPS)
        return error
    if status == _REQUEST_TIMEOUT:  # the one status without a class of its own that may pass
        error.is_retryable = True
    _advise(error, fault, knowledge, is_page=_is_page(headers, body))
    return error


def error_from_event(
    payload: object,
    *,
    request: RequestInfo | None = None,
    request_id: str | None = None,
    partial: object = None,
    redactor: Redactor = _NO_SECRETS,
) -> APIStatusError:
    """Make the error that an event within a stream describes. Never raises.

    The response had status 200; the error has the status that the event names (`status_code`, or
    a `code` that is one), else the one that belongs to its code or type, else 500.

    Args:
        payload: The event's data (bytes, which are decoded) or what was decoded from it: an
            object with `error` or `x_groq.error`, the error object itself, or its text.
        request: What was asked.
        request_id: The server's name for the call; None takes `x_groq.id`.
        partial: What had been received of the result.
        redactor: See `error_from_response`.

    Returns:
        An instance of the class for the status and code, with a note on what to do about it.
    """
    raw: Body = b""
    if isinstance(payload, bytes | bytearray | memoryview):
        raw = redactor.start(payload, MAX_TEXT_BYTES)
        payload = decode_any(payload)
    payload = redactor.value(payload)
    fault = read_fault(payload)
    status = status_in_stream(fault)
    kind, reason = kind_of(status, fault)
    error = kind(
        f"{status} {reason} (after status 200): {_said(fault, raw)}",
        status_code=status,
        code=fault.code,
        type=fault.type,
        param=fault.param,
        request=request,
        request_id=request_id or request_id_in(payload),
        body=_kept(payload, raw),
        partial=partial,
        retry_after=retry_after({}, fault.message, 0.0),
        failed_generation=fault.failed_generation,
    )
    _advise(error, fault, None, is_page=False)
    return error


def decode_json(
    body: Body,
    decoder: JSONDecoder[_T],
    *,
    status: int,
    headers: Mapping[str, str],
    request: RequestInfo | None = None,
    redactor: Callable[[], Redactor] = Redactor,
) -> _T:
    """Decode the body of a successful response.

    Args:
        body: The content, decompressed.
        decoder: Made once for the type that is wanted.
        status: HTTP status, for the message.
        headers: Header fields; names are looked up in lower case.
        request: What was asked.
        redactor: Makes what hides the request's secrets; asked only when there is an error.

    Returns:
        What the decoder makes of it.

    Raises:
        APIResponseValidationError: The body is not JSON, or not of the decoder's type. The
            message has what was expected and what came, with the path in the document.
    """
    try:
        return decoder.decode(body)
    except (ValueError, RecursionError) as cause:
        hider = redactor()
        hider.hide(cause)  # it may quote the body, or have all of it
        error = _not_as_promised(status, headers, body, cause, request=request, redactor=hider)
        raise error from cause


def is_event_stream(headers: Mapping[str, str]) -> bool:
    """Tell whether a response can be read as server-sent events.

    A response without `content-type` is taken for what was asked for: if it is something else,
    its stream ends before it is complete, which is an error of its own.

    Args:
        headers: Header fields; names are looked up in lower case.

    Source: WHATWG HTML, 9.2.2 (`text/event-stream`, in any case, with any parameters).
    """
    return _media_type(headers) in {"", "text/event-stream"}


def error_from_unexpected_body(
    status: int,
    headers: Mapping[str, str],
    body: Body,
    *,
    request: RequestInfo | None = None,
    redactor: Redactor = _NO_SECRETS,
) -> APIError:
    """Make the error for a successful response that should have been an event stream.

    Args:
        status: HTTP status.
        headers: Header fields, for which `is_event_stream` is false.
        body: The content, or as much of it as was read.
        request: What was asked.
        redactor: See `error_from_response`.

    Returns:
        The API's error if the body is one, else an `APIResponseValidationError`.
    """
    if read_fault(decode_any(body)).is_from_api:
        request_id = redactor.headers(headers).get("x-request-id")
        return error_from_event(body, request=request, request_id=request_id, redactor=redactor)
    return _not_as_promised(status, headers, body, None, request=request, redactor=redactor)


def _said(fault: Fault, raw: Body) -> str:
    message = one_line(fault.message, MAX_MESSAGE_CHARS)
    word = one_line(fault.code or fault.type or "")
    return message or word or excerpt(raw) or "no reason given"


def _kept(payload: object, raw: Body) -> object:
    """What an error keeps as its `body`."""
    return (text_of(raw) or None) if payload is msgspec.UNSET else payload


def _advise(
    error: APIStatusError, fault: Fault, knowledge: ModelKnowledge | None, *, is_page: bool
) -> None:
    """State what to do about it, where that is clear."""
    words = {fault.code, fault.type}
    if _NO_QUOTA in words:
        error.is_retryable = False
    note = _NOTES_OF_WORDS.get(fault.code, _NOTES_OF_WORDS.get(fault.type))
    note = note or _NOTES.get(type(error))
    if is_page:
        error.add_note(_NOTE_PAGE)
    elif note is not None:
        error.add_note(note)
        if words & _MISSING_MODEL:
            _advise_on_model(error, fault.message, knowledge)
    elif type(error) is NotFoundError and (not fault.is_from_api or fault.code == "unknown_url"):
        error.add_note(_NOTE_PATH)
    elif 300 <= error.status_code < 400:  # noqa: PLR2004 (HTTP's 3xx)
        error.add_note(_NOTE_REDIRECT)


def _advise_on_model(error: APIStatusError, message: str, knowledge: ModelKnowledge | None) -> None:
    try:
        missing = note_on_missing_model(message, knowledge)
    except (ImportError, OSError) as exc:  # what it needs is loaded now, and no file can be opened
        missing = f"No advice on models could be loaded: {exc}."
    if missing:
        error.add_note(missing)


def _mismatch(headers: Mapping[str, str], body: Body, cause: Exception | None) -> str:
    """What was expected and what came.

    Args:
        headers: Header fields.
        body: The content, or how it begins.
        cause: What the decoder raised; None where an event stream was expected.
    """
    if cause is None:
        got = f"{one_line(_media_type(headers))}: {excerpt(body) or 'empty body'}"
        return f"expected text/event-stream, got {got}"
    if isinstance(cause, msgspec.ValidationError):
        reason = str(cause)
        return f"{reason[:1].lower()}{reason[1:]}, in {excerpt(body)}"
    if not len(body):
        return "expected JSON, got an empty body"
    media_type = one_line(_media_type(headers))
    is_malformed = not media_type or "json" in media_type
    got = f"malformed JSON ({cause})" if is_malformed else media_type
    return f"expected JSON, got {got}: {excerpt(body)}"


def _not_as_promised(
    status: int,
    headers: Mapping[str, str],
    body: Body,
    cause: Exception | None,
    *,
    request: RequestInfo | None,
    redactor: Redactor,
) -> APIResponseValidationError:
    """The error for the body of a successful response; see `_mismatch`."""
    headers = redactor.headers(headers)
    payload = redactor.value(decode_any(body))
    body = redactor.start(body, MAX_TEXT_BYTES)
    error = APIResponseValidationError(
        f"{status} response: {_mismatch(headers, body, cause)}",
        request=request,
        request_id=headers.get("x-request-id") or request_id_in(payload),
        body=_kept(payload, body),
    )
    if payload is msgspec.UNSET:
        error.add_note(_NOTE_PAGE if _is_page(headers, body) else _NOTE_NOT_JSON)
    return error


def _media_type(headers: Mapping[str, str]) -> str:
    """`content-type` in lower case without parameters; of a repeated field the first."""
    return headers.get("content-type", "").partition(",")[0].partition(";")[0].strip().lower()


def _is_page(headers: Mapping[str, str], body: Body) -> bool:
    return "html" in _media_type(headers) or bytes(body[:64]).lstrip().startswith(b"<")
