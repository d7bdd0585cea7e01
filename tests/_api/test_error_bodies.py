"""Reading errors of any shape, their class, and text to quote."""

import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq import errors
from trio_groq._api.error_bodies import (
    MAX_EXCERPT_CHARS,
    MAX_TEXT_CHARS,
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

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "x_groq", "message", "code", "type", "status_code", "id"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        ({"error": {"message": "m", "code": "c", "type": "t", "param": "p"}},
         Fault("m", "c", "t", "p", is_from_api=True)),
        ({"error": {"message": "m", "failed_generation": ""}},
         Fault("m", failed_generation="", is_from_api=True)),
        ({"error": {"code": 503}}, Fault(code="503", status=503, is_from_api=True)),
        ({"error": {"code": 7, "status_code": 400}},
         Fault(code="7", status=400, is_from_api=True)),
        ({"error": {"message": ["m"], "code": {}, "type": 1.5, "param": ["p"],
                    "failed_generation": {}, "status_code": "400"}}, Fault(is_from_api=True)),
        ({"error": {"param": 3, "code": True, "status_code": True}},
         Fault(param="3", is_from_api=True)),
        ({"error": {"code": 10**400, "status_code": 600}}, Fault(is_from_api=True)),
        ({"error": "m"}, Fault("m", is_from_api=True)),
        ({"error": "m", "code": 401}, Fault("m", "401", status=401, is_from_api=True)),
        ({"x_groq": {"id": "req_1", "error": "m"}}, Fault("m", is_from_api=True)),
        ({"x_groq": {"error": {"message": "m"}}}, Fault("m", is_from_api=True)),
        ({"x_groq": {"id": "req_1", "error": None}}, Fault()),
        ({"x_groq": "odd"}, Fault()),
        ({"message": "m", "code": "c"}, Fault("m", "c")),
        ({"error": None, "message": "m"}, Fault("m")),
        ({"error": ["m"], "message": "n"}, Fault("n")),
        ({"error": {}}, Fault()),
        ({}, Fault()),
        ("m", Fault("m")),
        (["m"], Fault()),
        (None, Fault()),
        (5, Fault()),
        (msgspec.UNSET, Fault()),
    ],
)  # fmt: skip
def test_shapes_of_errors(payload: object, fault: Fault) -> None:
    assert read_fault(payload) == fault


@given(JSON_VALUES)
@settings(deadline=None, max_examples=200)
def test_any_json_can_be_read(payload: object) -> None:
    fault = read_fault(payload)
    assert all(isinstance(word, str | None) for word in (fault.code, fault.type, fault.param))
    assert issubclass(kind_of(status_in_stream(fault), fault)[0], errors.APIStatusError)
    assert isinstance(request_id_in(payload), str | None)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, errors.APIStatusError),
        (0, errors.APIStatusError),
        (-1, errors.APIStatusError),
        (302, errors.APIStatusError),
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.APIStatusError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (408, errors.APIStatusError),
        (409, errors.ConflictError),
        (413, errors.RequestTooLargeError),
        (415, errors.APIStatusError),
        (422, errors.UnprocessableEntityError),
        (424, errors.FailedDependencyError),
        (429, errors.RateLimitError),
        (498, errors.CapacityExceededError),
        (499, errors.APIStatusError),
        (500, errors.InternalServerError),
        (501, errors.InternalServerError),
        (502, errors.InternalServerError),
        (503, errors.InternalServerError),
        (504, errors.InternalServerError),
        (529, errors.OverloadedError),
        (599, errors.InternalServerError),
    ],
)
def test_the_status_decides_the_class(status: int, kind: type[errors.APIStatusError]) -> None:
    found, reason = kind_of(status, Fault())
    assert found is kind
    assert reason


CONTEXT = "Please reduce the length of the messages or completion."


@pytest.mark.parametrize(
    ("status", "fault", "kind"),
    [
        (400, Fault(code="context_length_exceeded"), errors.ContextLengthExceededError),
        (400, Fault(message=CONTEXT), errors.ContextLengthExceededError),
        (400, Fault(message=f"You said: {CONTEXT}"), errors.BadRequestError),
        (413, Fault(message=CONTEXT), errors.RequestTooLargeError),
        (400, Fault(code="content_filter"), errors.ContentFilterError),
        (400, Fault(type="content_filter"), errors.ContentFilterError),
        (400, Fault(code="tool_use_failed"), errors.ToolUseFailedError),
        (400, Fault(code="tool_use_failed", type="content_filter"), errors.ToolUseFailedError),
        (422, Fault(code="tool_use_failed"), errors.UnprocessableEntityError),
        (400, Fault(code="json_validate_failed"), errors.BadRequestError),
        (400, Fault(code="model_decommissioned"), errors.BadRequestError),
        (400, Fault(code="model_not_found"), errors.BadRequestError),
        (404, Fault(code="model_not_found"), errors.ModelNotFoundError),
        (404, Fault(code="unknown_url"), errors.NotFoundError),
        (413, Fault(code="rate_limit_exceeded"), errors.RequestTooLargeError),
        (503, Fault(code="rate_limit_exceeded"), errors.InternalServerError),
    ],
)
def test_the_code_narrows_the_class_down(
    status: int, fault: Fault, kind: type[errors.APIStatusError]
) -> None:
    assert kind_of(status, fault)[0] is kind


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(status=422, code="rate_limit_exceeded"), 422),
        (Fault(code="rate_limit_exceeded", type="invalid_request_error"), 429),
        (Fault(code="invalid_api_key"), 401),
        (Fault(code="model_not_found"), 404),
        (Fault(code="model_decommissioned"), 400),
        (Fault(code="insufficient_quota"), 429),
        (Fault(type="server_error"), 500),
        (Fault(code="service_unavailable"), 503),
        (Fault(code="capacity_exceeded"), 498),
        (Fault(code="tool_use_failed"), 400),
        (Fault(code="new_code", type="invalid_request_error"), 400),
        (Fault(message=CONTEXT), 400),
        (Fault(type="internal_server_error"), 500),
        (Fault(message="over capacity"), 500),
        (Fault(), 500),
    ],
)
def test_the_status_of_an_error_within_a_stream(fault: Fault, status: int) -> None:
    assert status_in_stream(fault) == status


CODES: dict[str, tuple[int, type[errors.APIStatusError]]] = {
    "invalid_api_key": (401, errors.AuthenticationError),
    "insufficient_quota": (429, errors.RateLimitError),
    "invalid_request_error": (400, errors.BadRequestError),
    "model_not_found": (404, errors.ModelNotFoundError),
    "context_length_exceeded": (400, errors.ContextLengthExceededError),
    "content_filter": (400, errors.ContentFilterError),
    "json_validate_failed": (400, errors.BadRequestError),
    "tool_use_failed": (400, errors.ToolUseFailedError),
    "server_error": (500, errors.InternalServerError),
    "service_unavailable": (503, errors.InternalServerError),
}


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_its_class_in_a_response_and_in_a_stream(code: str) -> None:
    status, kind = CODES[code]
    for fault in (Fault(code=code), Fault(type=code)):
        assert status_in_stream(fault) == status
        assert kind_of(status, fault)[0] is kind


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'"\xff"', b"<html>", b"NaN", b"1e999", b"[" * 100_000, b"{} {}"],
)
def test_what_is_no_json(body: bytes) -> None:
    assert decode_any(body) is msgspec.UNSET
    assert decode_any(memoryview(body)) is msgspec.UNSET


def test_null_is_json() -> None:
    assert decode_any(b"null") is None


def test_the_request_id_in_a_body() -> None:
    assert request_id_in({"x_groq": {"id": "req_1"}}) == "req_1"
    assert request_id_in({"x_groq": {"id": "r\n" * 500}}) == ("r " * 500)[:197] + "..."
    odd: list[object] = [{"id": 5}, {"id": ""}, {}, [], None]
    for x_groq in odd:
        assert request_id_in({"x_groq": x_groq}) is None
    assert request_id_in([]) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        (" a\r\n\tb\x0b c ", "a b c"),
        ("a\x00b\x1b[31m\u202ec\x7f", "a\ufffdb\ufffd[31m\ufffdc\ufffd"),
        ("\N{SNOWMAN} \N{LATIN SMALL LETTER E WITH ACUTE}",) * 2,
        ("Bad key gsk_abcDEF123, sir", "Bad key gsk_***, sir"),
        ("Bad key gsk_abc-DEF_123.", "Bad key gsk_***."),
        ("12345678901", "1234567..."),
        ("1234567890", "1234567890"),
    ],
)
def test_lines_to_quote(text: str, line: str) -> None:
    assert one_line(text, 10 if text.startswith("1") else 200) == line


@given(st.binary(max_size=300), st.integers(1, 100))
@settings(deadline=None, max_examples=200)
def test_an_excerpt_is_one_bounded_printable_line(body: bytes, repeat: int) -> None:
    line = excerpt(memoryview(body * repeat))
    assert len(line) <= MAX_EXCERPT_CHARS
    assert line.isprintable()


def test_an_excerpt_of_a_page_is_its_title() -> None:
    page = b"<!--[if lt IE 7]>" + b"<!-- -->" * 50 + b"<TITLE lang=en>\n 502:  Bad gateway </TITLE>"
    assert excerpt(page) == "502: Bad gateway"
    assert excerpt(b"<h1>Bad gateway</h1>") == "<h1>Bad gateway</h1>"


def test_text_is_bounded_and_its_last_character_is_whole() -> None:
    snowmen = "\N{SNOWMAN}" * (2 * MAX_TEXT_CHARS)
    assert text_of(snowmen.encode()) == snowmen[:MAX_TEXT_CHARS]
    assert text_of(b"a\xffb") == "a\ufffdb"


def test_a_code_that_str_would_refuse_to_write_is_left_out() -> None:
    digits = sys.get_int_max_str_digits()
    payload = decode_any(b'{"error": {"code": %s}}' % (b"9" * (digits or 4300)))
    assert read_fault(payload).code is None
