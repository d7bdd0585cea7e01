"""Requests out of bytes, in any pieces, within limits."""

import pytest

from raw_http import PROMPT, chat_request, http_request
from trio_groq.testing.reading import Refused, RequestReader
from trio_groq.testing.records import RecordedRequest

LIMIT = 1000


def read(data: bytes, size: int | None = None) -> list[RecordedRequest]:
    """All requests in the data, fed in pieces of `size`."""
    reader = RequestReader(7, LIMIT)
    size = size or len(data)
    found = []
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
        while (request := reader.poll(4.5)) is not None:
            found.append(request)
    return found


@pytest.mark.parametrize("size", [None, 1, 7])
def test_requests_one_after_the_other(size: int | None) -> None:
    data = chat_request() + http_request("GET", "/a?b=c&d", version="1.1")
    first, second = read(data, size)
    assert (first.method, first.path, first.query) == ("POST", "/openai/v1/chat/completions", "")
    assert first.json == PROMPT
    assert first.params == PROMPT
    assert first.header("authorization") == "Bearer gsk_test"
    assert (first.connection, first.received_at) == (7, 4.5)
    assert (second.path, second.query, second.json) == ("/a", "b=c&d", None)
    assert second.http_version == "1.1"


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("http://127.0.0.1:80/openai/v1/models?a=http://b/c", "/openai/v1/models", "a=http://b/c"),
        ("HTTPS://groq.test/x", "/x", ""),
        ("http://groq.test", "/", ""),
        ("http://groq.test?a=b", "/", "a=b"),
        ("/a/http://b/c", "/a/http://b/c", ""),
        ("*", "*", ""),
    ],
)
def test_a_target_may_be_in_absolute_form(target: str, path: str, query: str) -> None:
    (request,) = read(http_request("GET", target))
    assert (request.path, request.query) == (path, query)


def test_a_chunked_body_is_put_together() -> None:
    data = http_request("POST", "/a", headers=[("transfer-encoding", "chunked")])
    (request,) = read(data + b"2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n")
    assert (request.body, request.json) == (b"[1]", [1])


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"nonsense", b"[" * 900])
def test_a_body_that_is_no_json_is_kept_as_bytes(body: bytes) -> None:
    (request,) = read(http_request("POST", "/a", body=body))
    assert (request.body, request.json) == (body, None)


def test_a_client_that_waits_is_told_to_go_on_once() -> None:
    data = http_request("POST", "/a", body=b"{}", headers=[("expect", "100-continue")])
    reader = RequestReader(1, LIMIT)
    assert reader.interim() == b""
    reader.feed(data[:-2])
    assert reader.poll(0.0) is None
    assert reader.interim().startswith(b"HTTP/1.1 100 ")
    assert reader.interim() == b""
    reader.feed(b"{}")
    request = reader.poll(0.0)
    assert request is not None
    assert request.body == b"{}"


def test_the_largest_body_passes() -> None:
    (request,) = read(http_request("POST", "/a", body=b"x" * LIMIT))
    assert len(request.body) == LIMIT


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (http_request("POST", "/a", headers=[("content-length", "1001")]), 413),
        (
            http_request("POST", "/a", headers=[("transfer-encoding", "chunked")])
            + b"3e9\r\n%b\r\n" % (b"x" * 1001),
            413,
        ),
        (b"nonsense\r\n\r\n", 400),
        (http_request("GET", "/a", headers=[("x", "y" * 100_000)])[:-4], 431),
    ],
)
def test_what_cannot_be_read_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        read(data)
    assert refused.value.reply.status == status
