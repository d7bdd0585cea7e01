"""Every recorded error gives the class and the fields that its body states."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared_data import DATA, json_lines, needs_shared_data
from trio_groq import errors
from trio_groq._api.rate_limits import parse_duration
from trio_groq._api.responses import error_from_event, error_from_response
from trio_groq._http.messages import Headers

NOW = 784_111_777.0  # no recorded wait is a date


def recorded_errors() -> list[Any]:
    paths = sorted((DATA / "groq" / "errors").glob("*.json"))
    rows = [(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    issues = json_lines("groq/errors_from_issues.jsonl")
    for number, row in enumerate(issues):
        content_type = [["content-type", row["content_type"]]]
        headers = content_type + [list(item) for item in row["headers"].items()]
        rows.append((f"issue {number}", row | {"headers": headers, "body_raw": None}))
    return [pytest.param(row, id=name) for name, row in rows if row["status"] >= 400]


def raw_body(row: dict[str, Any]) -> bytes:
    body = row["body_raw"] if row["body"] is None else row["body"]
    return (body if isinstance(body, str) else json.dumps(body)).encode()


EXPECTED: dict[int, type[errors.APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    413: errors.RequestTooLargeError,
    429: errors.RateLimitError,
    498: errors.CapacityExceededError,
    502: errors.InternalServerError,
    503: errors.InternalServerError,
}
EXPECTED_BY_CODE: dict[str, type[errors.APIStatusError]] = {
    "tool_use_failed": errors.ToolUseFailedError,
    "model_not_found": errors.ModelNotFoundError,
}


@needs_shared_data
def test_recorded_errors_are_there() -> None:
    assert len(recorded_errors()) >= 60


# What to do about it, by code, or by class where there is none.
ADVICE: dict[str, str] = {
    "invalid_api_key": "GROQ_API_KEY",
    "model_not_found": "the model's name",
    "model_decommissioned": "Groq announced the end of",
    "json_validate_failed": "failed_generation",
    "tool_use_failed": "failed_generation",
    "ContextLengthExceededError": "Shorten the messages",
    "RequestTooLargeError": "Waiting does not help",
}


@needs_shared_data
@pytest.mark.parametrize("row", recorded_errors())
def test_notes_on_recorded_responses(row: dict[str, Any]) -> None:
    headers = Headers((n.encode(), v.encode()) for n, v in row["headers"])
    error = error_from_response(row["status"], headers, raw_body(row), now=NOW)
    notes = " ".join(getattr(error, "__notes__", ()))
    is_page = raw_body(row).lstrip().startswith(b"<")
    code = "rate_limit_exceeded" if error.code is None else error.code
    expected = ADVICE.get(code, ADVICE.get(type(error).__name__, ""))
    assert ("web page" if is_page else expected) in notes
    if type(error) in {errors.RateLimitError, errors.InternalServerError} and not is_page:
        assert notes == ""


@needs_shared_data
def test_a_recorded_typing_error_is_told_from_a_model_that_is_gone() -> None:
    said = {}
    for param in recorded_errors():
        (row,) = param.values
        headers = Headers((n.encode(), v.encode()) for n, v in row["headers"])
        error = error_from_response(row["status"], headers, raw_body(row), now=NOW)
        said[error.message] = " ".join(getattr(error, "__notes__", ()))
    (gone,) = (notes for message, notes in said.items() if "`qwen-qwq-32b`" in message)
    assert "recommends openai/gpt-oss-120b" in gone
    (unlike,) = (notes for message, notes in said.items() if "`non-existent`" in message)
    assert "Names like it" not in unlike


@needs_shared_data
@pytest.mark.parametrize("row", recorded_errors())
def test_errors_from_recorded_responses(row: dict[str, Any]) -> None:
    status, headers = row["status"], Headers((n.encode(), v.encode()) for n, v in row["headers"])
    error = error_from_response(status, headers, raw_body(row), now=NOW)
    stated: dict[str, Any] = row["body"]["error"] if isinstance(row["body"], dict) else {}
    message = stated.get("message", "")
    kind = EXPECTED_BY_CODE.get(stated.get("code", ""), EXPECTED[status])
    if message == "Please reduce the length of the messages or completion.":
        kind = errors.ContextLengthExceededError
    assert type(error) is kind
    for name in ("code", "type", "param", "failed_generation"):
        assert getattr(error, name) == stated.get(name)
    assert message in error.message
    assert error.request_id == headers.get("x-request-id")
    assert (error.rate_limits is None) == ("x-ratelimit-limit-tokens" not in headers)
    assert error.body == (row["body"] or None)
    wait = headers.get("retry-after")
    if wait is None and "try again in " in message:
        duration = message.partition("try again in ")[2].split()[0].rstrip(".")
        assert error.retry_after == parse_duration(duration)
        assert error.retry_after is not None
    else:
        assert error.retry_after == (None if wait is None else int(wait))


def recorded_error_events() -> list[tuple[Path, bytes]]:
    found = []
    for path in sorted((DATA / "groq" / "sse").glob("*.sse")):
        _, is_there, rest = path.read_bytes().partition(b"event: error\ndata: ")
        if is_there:
            found.append((path, rest.partition(b"\n")[0]))
    return found


@needs_shared_data
def test_errors_from_recorded_events() -> None:
    events = recorded_error_events()
    assert len(events) >= 7
    for path, data in events:
        error = error_from_event(memoryview(data))
        stated = json.loads(data)["error"]
        assert type(error) is errors.ToolUseFailedError, path.name
        assert error.status_code == stated["status_code"]
        assert error.failed_generation == stated["failed_generation"]
        assert stated["message"] in error.message
