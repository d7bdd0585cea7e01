"""From status, headers and body to a value or a typed error."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq import errors
from trio_groq._api.responses import (
    decode_json,
    error_from_event,
    error_from_response,
    error_from_unexpected_body,
    is_event_stream,
)
from trio_groq._http.messages import Headers
from trio_groq.errors import RateLimits, RateLimitWindow, RequestInfo

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT
REQUEST = RequestInfo(method="POST", url="https://api.groq.com/openai/v1/chat/completions")
JSON_TYPE = {"content-type": "application/json"}
HTML_TYPE = {"content-type": "text/html; charset=UTF-8"}
PAGE = b"<!DOCTYPE html>\n<html><head><title>502: Bad gateway</title></head><body>...</body></html>"


def api_error(status: int, headers: dict[str, str] | None = None, **error: Any) -> Any:
    body = json.dumps({"error": error}).encode()
    return error_from_response(status, headers or JSON_TYPE, body, request=REQUEST, now=NOW)


def notes_of(error: BaseException) -> str:
    return " ".join(getattr(error, "__notes__", []))


# Error responses


def test_everything_that_a_response_tells_is_kept() -> None:
    headers = Headers(
        [
            (b"x-request-id", b"req_1"),
            (b"retry-after", b"3"),
            (b"x-ratelimit-remaining-tokens", b"0"),
        ]
    )
    fields = {
        "message": "Rate limit reached. Please try again in 2.87s.",
        "type": "tokens",
        "code": "rate_limit_exceeded",
        "param": "messages",
        "failed_generation": "half a",
    }
    body = json.dumps({"error": fields}).encode()
    error = error_from_response(429, headers, body, request=REQUEST, now=NOW)
    assert type(error) is errors.RateLimitError
    assert error.message == (
        "429 too many requests: Rate limit reached. Please try again in 2.87s."
    )
    assert str(error) == f"{error.message} (request id req_1)"
    assert error.status_code == 429
    assert (error.type, error.code, error.param) == ("tokens", "rate_limit_exceeded", "messages")
    assert error.limit == "tokens"
    assert error.failed_generation == "half a"
    assert error.request is REQUEST
    assert error.request_id == "req_1"
    assert error.body == {"error": fields}
    assert error.retry_after == 3.0
    assert error.rate_limits == RateLimits(tokens=RateLimitWindow(remaining=0))
    assert error.headers is headers
    assert error.partial is None


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, b'{"error": {"message": "no\\nmodel"}}', "400 bad request: no model"),
        (400, b'{"error": "no model"}', "400 bad request: no model"),
        (400, b'{"message": "no model"}', "400 bad request: no model"),
        (400, b'"no model"', "400 bad request: no model"),
        (400, b'{"error": {"code": "odd"}}', "400 bad request: odd"),
        (400, b'{"error": {"type": "odd"}}', "400 bad request: odd"),
        (422, b'{"detail": [1]}', '422 unprocessable content: {"detail": [1]}'),
        (400, b'{"error": {"mess', '400 bad request: {"error": {"mess'),
        (502, PAGE, "502 bad gateway: 502: Bad gateway"),
        (503, b"", "503 service unavailable: no reason given"),
        (503, b" \r\n", "503 service unavailable: no reason given"),
        (500, b"\xff\x00\xfe", "500 internal server error: \ufffd\ufffd\ufffd"),
        (507, b"full", "507 server error: full"),
        (418, b"tea", "418 client error: tea"),
        (304, b"", "304 redirect: no reason given"),
        (204, b"", "204 unexpected status: no reason given"),
        (500, b"x" * 9000, "500 internal server error: " + "x" * 197 + "..."),
        (500, b'"' + b"x" * 9000 + b'"', "500 internal server error: " + "x" * 1997 + "..."),
    ],
)
def test_messages_are_one_bounded_line(status: int, body: bytes, message: str) -> None:
    error = error_from_response(status, {}, body, now=NOW)
    assert error.message == str(error) == message


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b'{"error": 1}', {"error": 1}),
        (b"null", None),
        (b"", None),
        (b"oops \xff", "oops \ufffd"),
        (b"x" * 5000, "x" * 4096),
    ],
)
def test_the_body_is_kept_as_far_as_it_was_understood(body: bytes, kept: object) -> None:
    assert error_from_response(500, {}, body, now=NOW).body == kept


def test_a_code_that_is_a_number_is_text() -> None:
    assert api_error(400, code=42).code == "42"


# What servers answer to plain text at a port for TLS.
NGINX = b"<html><center>The plain HTTP request was sent to HTTPS port</center></html>"
GO = b"Client sent an HTTP request to an HTTPS server.\n"
APACHE = b"<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.</p>"


def test_the_request_id_comes_from_the_header_or_the_body() -> None:
    body = b'{"error": {}, "x_groq": {"id": "req_body"}}'
    assert error_from_response(500, {}, body, now=NOW).request_id == "req_body"
    headers = {"x-request-id": "req_head"}
    assert error_from_response(500, headers, body, now=NOW).request_id == "req_head"
    assert error_from_response(500, {}, b"", now=NOW).request_id is None


def test_retry_after_takes_a_date_relative_to_now() -> None:
    headers = {"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT"}
    assert api_error(503, headers).retry_after == 10.0


def test_a_request_timeout_may_be_retried() -> None:
    assert api_error(408).is_retryable
    assert not api_error(405).is_retryable


def test_a_key_that_the_server_repeats_is_not_shown() -> None:
    error = api_error(401, message="Invalid API Key: gsk_0123456789abcdef")
    assert "0123" not in str(error)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (api_error(401, message="Invalid API Key"), "GROQ_API_KEY"),
        (api_error(404, code="model_not_found"), "model's name"),
        (api_error(404, code="unknown_url"), "base_url"),
        (error_from_response(404, HTML_TYPE, b"<h1>nginx</h1>", now=NOW), "web page"),
        (error_from_response(404, {}, b"404 page not found", now=NOW), "base_url"),
        (error_from_response(403, {}, PAGE, now=NOW), "firewall"),
        (error_from_response(401, HTML_TYPE, PAGE, now=NOW), "web page"),
        (api_error(400, code="context_length_exceeded"), "Shorten the messages"),
        (api_error(413, code="rate_limit_exceeded"), "Waiting does not help"),
        (error_from_response(301, {}, b"", now=NOW), "followed within one origin only"),
        (error_from_response(400, HTML_TYPE, NGINX, now=NOW), "begin base_url with https"),
        (error_from_response(400, {}, memoryview(GO), now=NOW), "begin base_url with https"),
        (error_from_response(400, HTML_TYPE, APACHE, now=NOW), "begin base_url with https"),
        (api_error(429, code="insufficient_quota"), "no quota left"),
        (api_error(429, type="insufficient_quota", code=None), "no quota left"),
        (api_error(400, code="content_filter"), "Change the messages"),
        (api_error(400, code="json_validate_failed"), "failed_generation"),
        (api_error(400, code="tool_use_failed"), "failed_generation"),
        (api_error(400, code="model_decommissioned"), "choose another"),
    ],
)
def test_notes_say_what_to_do(error: errors.APIStatusError, words: str) -> None:
    assert words in notes_of(error)
    assert len(error.__notes__) == 1


def test_no_wait_ends_a_lack_of_quota() -> None:
    assert not api_error(429, code="insufficient_quota").is_retryable
    assert not api_error(429, type="insufficient_quota").is_retryable
    assert api_error(429, code="rate_limit_exceeded").is_retryable


@pytest.mark.parametrize(
    "error",
    [
        api_error(400, message="no"),
        api_error(400, message="An HTTP request was sent to HTTPS port"),
        api_error(404, message="No such file", code="not_found"),
        api_error(429, message="slow down"),
        api_error(503, message="busy"),
    ],
)
def test_no_note_where_there_is_nothing_to_say(error: errors.APIStatusError) -> None:
    assert notes_of(error) == ""


@given(
    status=st.integers(-1, 1000),
    body=st.binary(max_size=200) | st.text(max_size=50).map(str.encode),
    wrapped=st.booleans(),
    headers=st.dictionaries(
        st.sampled_from(
            ["content-type", "retry-after", "x-request-id", "x-ratelimit-limit-tokens"]
        ),
        st.text(max_size=40),
    ),
)
@settings(deadline=None, max_examples=300)
def test_any_response_gives_a_status_error(
    status: int, body: bytes, wrapped: bool, headers: dict[str, str]
) -> None:
    body = b'{"error": ' + body + b"}" if wrapped else body
    error = error_from_response(status, headers, body, now=NOW)
    assert isinstance(error, errors.APIStatusError)
    assert error.status_code == status
    assert len(error.message) < 300
    assert isinstance(error_from_event(body), errors.APIStatusError)
    assert isinstance(error_from_unexpected_body(200, headers, body), errors.APIError)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error":' * 100_000, b'{"a":1e999}'])
def test_hostile_json_is_an_error_like_any_other(body: bytes) -> None:
    assert type(error_from_response(400, JSON_TYPE, body, now=NOW)) is errors.BadRequestError
    assert type(error_from_event(body)) is errors.InternalServerError


# Errors within a stream

TOOL_ERROR = {
    "message": "Failed to call a function.",
    "type": "invalid_request_error",
    "code": "tool_use_failed",
    "failed_generation": "",
    "status_code": 400,
}


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, json.loads])
def test_an_error_event(wrap: Any) -> None:
    data = json.dumps({"error": TOOL_ERROR}).encode()
    error = error_from_event(wrap(data), request=REQUEST, request_id="req_1", partial=["Hel"])
    assert type(error) is errors.ToolUseFailedError
    assert error.message == "400 bad request (after status 200): Failed to call a function."
    assert error.status_code == 400
    assert error.failed_generation == ""
    assert (error.request, error.request_id, error.partial) == (REQUEST, "req_1", ["Hel"])
    assert error.body == {"error": TOOL_ERROR}


@pytest.mark.parametrize(
    ("payload", "kind", "status"),
    [
        (TOOL_ERROR, errors.ToolUseFailedError, 400),
        ({"error": {"status_code": 503}}, errors.InternalServerError, 503),
        ({"error": {"status_code": 529}}, errors.OverloadedError, 529),
        ({"error": {"status_code": 498}}, errors.CapacityExceededError, 498),
        ({"error": {"status_code": 200}}, errors.InternalServerError, 500),
        ({"error": {"code": 502, "message": "bad upstream"}}, errors.InternalServerError, 502),
        ({"error": {"code": "rate_limit_exceeded"}}, errors.RateLimitError, 429),
        ({"error": {"type": "invalid_request_error"}}, errors.BadRequestError, 400),
        ({"error": "over capacity"}, errors.InternalServerError, 500),
        ({"x_groq": {"error": "over capacity"}}, errors.InternalServerError, 500),
        ("over capacity", errors.InternalServerError, 500),
        (b"over capacity", errors.InternalServerError, 500),
        (b"", errors.InternalServerError, 500),
        (None, errors.InternalServerError, 500),
    ],
)
def test_the_event_names_its_status_or_tells_it(
    payload: object, kind: type[errors.APIStatusError], status: int
) -> None:
    error = error_from_event(payload)
    assert type(error) is kind
    assert error.status_code == status
    assert f"{status} " in error.message


def test_what_an_event_says_is_quoted_whatever_its_shape() -> None:
    assert error_from_event(b"over  capacity").message.endswith("(after status 200): over capacity")
    assert error_from_event(b"over capacity").body == "over capacity"
    assert error_from_event(b"").body is None
    assert error_from_event(None).message.endswith("(after status 200): no reason given")


def test_an_event_brings_its_own_request_id_and_wait() -> None:
    chunk = {"x_groq": {"id": "req_2", "error": "Busy. Please try again in 1.5s."}}
    error = error_from_event(chunk)
    assert error.request_id == "req_2"
    assert error.retry_after == 1.5
    assert error_from_event(chunk, request_id="req_1").request_id == "req_1"


def test_an_event_has_notes_as_a_response_has() -> None:
    assert "model's name" in notes_of(error_from_event({"error": {"code": "model_not_found"}}))


# Successful responses


class Usage(msgspec.Struct):
    total_tokens: int


class Answer(msgspec.Struct):
    id: str
    usage: Usage | None = None


DECODER = msgspec.json.Decoder(Answer)


def decoding_error(body: bytes, headers: dict[str, str] = JSON_TYPE) -> Any:
    with pytest.raises(errors.APIResponseValidationError) as caught:
        decode_json(body, DECODER, status=200, headers=headers, request=REQUEST)
    return caught.value


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_a_body_is_decoded(wrap: Any) -> None:
    body = wrap(b'{"id": "x", "new": 1, "usage": {"total_tokens": 3}}')
    answer = decode_json(body, DECODER, status=200, headers=JSON_TYPE)
    assert answer == Answer("x", Usage(3))


PROBLEM_TYPE = {"content-type": "application/problem+json; charset=utf-8"}


@pytest.mark.parametrize(
    ("body", "headers", "what"),
    [
        (
            b'{"id": "x", "usage": {"total_tokens": ""}}',
            JSON_TYPE,
            (
                "expected `int`, got `str` - at `$.usage.total_tokens`, "
                'in {"id": "x", "usage": {"total_tokens": ""}}'
            ),
        ),
        (b"{}", JSON_TYPE, "object missing required field `id`, in {}"),
        (b"[" * 5000, JSON_TYPE, f"expected `object`, got `array`, in {'[' * 197}..."),
        (b"{", JSON_TYPE, "expected JSON, got malformed JSON (Input data was truncated): {"),
        (b"{", PROBLEM_TYPE, "expected JSON, got malformed JSON (Input data was truncated): {"),
        (b"{", {}, "expected JSON, got malformed JSON (Input data was truncated): {"),
        (b"", JSON_TYPE, "expected JSON, got an empty body"),
        (PAGE, HTML_TYPE, "expected JSON, got text/html: 502: Bad gateway"),
        (b"hi", {"content-type": "Text/Plain;x=y"}, "expected JSON, got text/plain: hi"),
    ],
)
def test_what_was_expected_and_what_came(body: bytes, headers: dict[str, str], what: str) -> None:
    error = decoding_error(body, headers)
    assert error.message == f"200 response: {what}"
    assert error.request is REQUEST
    assert isinstance(error.__cause__, ValueError)


def test_a_body_that_is_nested_too_deeply() -> None:
    decoder = msgspec.json.Decoder()
    with pytest.raises(errors.APIResponseValidationError, match="got malformed JSON") as caught:
        decode_json(b"[" * 100_000, decoder, status=200, headers={})
    assert isinstance(caught.value.__cause__, RecursionError)


def test_a_body_that_cannot_be_decoded_is_kept_with_the_request_id() -> None:
    error = decoding_error(b'{"id": 1, "x_groq": {"id": "req_body"}}')
    assert error.body == {"id": 1, "x_groq": {"id": "req_body"}}
    assert error.request_id == "req_body"
    assert notes_of(error) == ""
    error = decoding_error(b'{"id": 1}', {"x-request-id": "req_head"})
    assert str(error).endswith("(request id req_head)")


def test_a_page_in_place_of_json_has_a_note() -> None:
    error = decoding_error(PAGE, HTML_TYPE)
    assert "base_url" in notes_of(error)
    assert error.body == PAGE.decode()
    assert "web page" in notes_of(error)
    assert "proxy" in notes_of(decoding_error(b"oops", {}))


@given(st.binary(max_size=100), st.sampled_from([{}, JSON_TYPE, HTML_TYPE]))
@settings(deadline=None, max_examples=300)
def test_any_body_is_decoded_or_a_validation_error(body: bytes, headers: dict[str, str]) -> None:
    decoder = msgspec.json.Decoder(dict[str, int])
    for wrapped in (body, b'{"a":' + body + b"}", b'{"' + body + b'":1}'):
        try:
            value: object = decode_json(memoryview(wrapped), decoder, status=200, headers=headers)
        except errors.APIResponseValidationError as error:
            value = error
        assert isinstance(value, dict) or len(str(value)) < 600


# Streams that are none


@pytest.mark.parametrize(
    ("content_type", "is_stream"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream; charset=UTF-8", True),
        ("text/event-stream ;charset=utf-8", True),
        ("text/event-stream, text/event-stream", True),
        ("", True),
        (None, True),
        ("application/json", False),
        ("text/html; x=text/event-stream", False),
        ("text/event-stream2", False),
    ],
)
def test_what_is_an_event_stream(content_type: str | None, is_stream: bool) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    assert is_event_stream(headers) == is_stream


def test_json_in_place_of_a_stream_may_be_the_apis_error() -> None:
    headers = JSON_TYPE | {"x-request-id": "req_1"}
    body = json.dumps({"error": TOOL_ERROR}).encode()
    error = error_from_unexpected_body(200, headers, body, request=REQUEST)
    assert type(error) is errors.ToolUseFailedError
    assert (error.request, error.request_id) == (REQUEST, "req_1")


@pytest.mark.parametrize(
    ("headers", "body", "got"),
    [
        (JSON_TYPE, b'{"id": "x"}', 'application/json: {"id": "x"}'),
        (HTML_TYPE, PAGE, "text/html: 502: Bad gateway"),
        (HTML_TYPE, b"", "text/html: empty body"),
        ({"content-type": "a" * 300}, b"x", "a" * 197 + "...: x"),
    ],
)
def test_anything_else_in_place_of_a_stream(headers: dict[str, str], body: bytes, got: str) -> None:
    error = error_from_unexpected_body(200, headers, body, request=REQUEST)
    assert type(error) is errors.APIResponseValidationError
    assert error.message == f"200 response: expected text/event-stream, got {got}"
    assert error.request is REQUEST
