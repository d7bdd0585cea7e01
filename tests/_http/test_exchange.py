"""One request and its response, sans-IO: limits of the head, framing doubts, reuse, secrets."""

import gzip
import traceback
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_pieces import cut, cuts, feed_pieces, one_by_one
from trio_groq._http.exchange import Exchange, ExchangeLimits
from trio_groq._http.messages import Origin, Request
from trio_groq._http.request_encoder import RequestEncoder
from trio_groq.errors import InvalidRequestError, ProtocolError

ORIGIN = Origin("https", "groq.test", 443)
OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"
SECRET = "gsk_0123456789abcdef"


def request(method: bytes = b"GET", headers: Any = (), body: bytes = b"") -> Request:
    return Request(ORIGIN, method, b"/x", tuple(headers), body)


def started(method: bytes = b"GET", **limits: Any) -> Exchange:
    return Exchange(request(method), ExchangeLimits(**limits))


def receive(exchange: Exchange, *pieces: bytes) -> bytes:
    return feed_pieces(exchange.receive, pieces)


def whole(
    method: bytes, data: bytes, *, eof: bool = False, **limits: Any
) -> tuple[Exchange, bytes]:
    exchange = started(method, **limits)
    body = receive(exchange, data)
    if eof:
        exchange.receive_eof()
    return exchange, body


# -- the request


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        (b"GET", b"", None),
        (b"DELETE", b"", None),
        (b"POST", b"", b"0"),
        (b"PUT", b"", b"0"),
        (b"PATCH", b"", b"0"),
        (b"POST", b"{}", b"2"),
        (b"GET", b"{}", b"2"),
    ],
)
def test_the_request_is_written_in_one(method: bytes, body: bytes, length: bytes | None) -> None:
    sent = RequestEncoder().encode(request(method, [(b"X-A", b"1")], body))
    expected = [method + b" /x HTTP/1.1", b"Host: groq.test", b"X-A: 1"]
    if length is not None:
        expected.append(b"Content-Length: " + length)
    head, _, rest = sent.partition(b"\r\n\r\n")
    assert (head.split(b"\r\n"), rest) == (expected, body)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(request(headers=[(b"x", b"a\nb")]), id="value"),
        pytest.param(request(headers=[(b"x y", b"a")]), id="name"),
        pytest.param(Request(ORIGIN, b"GE T", b"/x"), id="method"),
        pytest.param(Request(ORIGIN, b"GET", b"/x y"), id="target"),
        pytest.param(Request(ORIGIN, b"GET", b"/x\r\nEvil: 1"), id="target-crlf"),
        pytest.param(Request(Origin("https", "a\x00b", 443), b"GET", b"/x"), id="host"),
        pytest.param(request(headers=[(b"content-length", b"x")]), id="length"),
        pytest.param(request(headers=[(b"x", b" a")]), id="space"),
    ],
)
def test_a_request_that_would_break_is_refused_and_shows_no_value(wrong: Request) -> None:
    secret = (b"Authorization", b"Bearer " + SECRET.encode())
    asked = Request(wrong.origin, wrong.method, wrong.target, (secret, *wrong.headers))
    with pytest.raises(InvalidRequestError) as caught:
        RequestEncoder().encode(asked)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in f"{caught.value!r}{vars(caught.value)}{caught.value.__context__}"


@given(st.binary(max_size=20), st.binary(max_size=20))
@settings(deadline=None, max_examples=200)
def test_any_field_is_sent_as_one_line_or_refused(name: bytes, value: bytes) -> None:
    secret = (b"Authorization", b"Bearer " + SECRET.encode())
    try:
        sent = RequestEncoder().encode(request(headers=[secret, (name, value)]))
    except InvalidRequestError as error:
        shown = f"{error}{error!r}{vars(error)}{error.__context__}"
        assert SECRET not in shown
        return
    assert sent.count(b"\r\n") == 5
    assert sent.count(b"\n") == 5


def test_heads_are_written_once_and_never_mixed_up() -> None:
    encoder = RequestEncoder(max_heads=3)
    for _ in range(2):
        for name in (b"a", b"b", b"c", b"d", b"e"):
            for body in (b"", b"{}", b"[1]"):
                asked = request(b"POST", [(b"X-Name", name)], body)
                assert encoder.encode(asked) == RequestEncoder().encode(asked)
                assert b"X-Name: " + name + b"\r\n" in encoder.encode(asked)
    assert len(encoder._heads) <= 3


@pytest.mark.parametrize(
    "field",
    [(b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked")],
    ids=["length", "chunked"],
)
def test_a_request_has_one_framing(field: tuple[bytes, bytes]) -> None:
    with pytest.raises(InvalidRequestError):
        RequestEncoder().encode(request(b"POST", [field], b"{}"))


# -- reuse


REUSABLE = [
    pytest.param(b"GET", HELLO, b"hello", id="length"),
    pytest.param(b"GET", OK + b"Content-Length: 0\r\n\r\n", b"", id="length-0"),
    pytest.param(
        b"GET",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"hello",
        id="chunked",
    ),
    pytest.param(b"HEAD", OK + b"Content-Length: 5\r\n\r\n", b"", id="head"),
    pytest.param(b"HEAD", OK + b"Content-Encoding: x\r\n\r\n", b"", id="head-with-a-coding"),
    pytest.param(b"GET", b"HTTP/1.1 204 No Content\r\n\r\n", b"", id="204"),
    pytest.param(b"GET", b"HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n", b"", id="304"),
    pytest.param(b"GET", b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b"", id="no-reason"),
    pytest.param(
        b"GET",
        OK + b"Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
        b"",
        id="keep-alive",
    ),
]
ONCE = [
    pytest.param(
        b"GET",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"hi",
        id="both-framings",
    ),
    pytest.param(b"GET", HELLO + b"H", b"hello", id="a-byte-more"),
    pytest.param(b"GET", HELLO + HELLO, b"hello", id="a-response-more"),
    pytest.param(b"HEAD", HELLO, b"", id="a-body-after-head"),
    pytest.param(b"GET", b"HTTP/1.1 204 X\r\n\r\nx", b"", id="a-body-after-204"),
    pytest.param(
        b"GET", OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nx", b"", id="after-chunks"
    ),
    pytest.param(b"GET", OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n", b"", id="close"),
    pytest.param(
        b"GET",
        OK + b"Connection: x, Close \r\nContent-Length: 0\r\n\r\n",
        b"",
        id="close-in-a-list",
    ),
    pytest.param(b"GET", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", b"", id="http-1.0"),
    pytest.param(
        b"GET",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        b"",
        id="http-1.0-keep-alive",
    ),
    pytest.param(b"CONNECT", OK + b"\r\n", b"", id="tunnel"),
]


@pytest.mark.parametrize(("method", "data", "body"), REUSABLE)
def test_reusable(method: bytes, data: bytes, body: bytes) -> None:
    exchange, got = whole(method, data)
    assert (got, exchange.complete, exchange.reusable) == (body, True, True)
    assert "complete" in repr(exchange)


@pytest.mark.parametrize(("method", "data", "body"), ONCE)
def test_not_reusable(method: bytes, data: bytes, body: bytes) -> None:
    exchange, got = whole(method, data)
    assert (got, exchange.complete, exchange.reusable) == (body, True, False)


@pytest.mark.parametrize(("method", "data", "body"), [*REUSABLE, *ONCE])
@given(points=cuts())
@settings(deadline=None, max_examples=20)
def test_any_cut_gives_the_same(method: bytes, data: bytes, body: bytes, points: list[int]) -> None:
    exchange, got = whole(method, data)
    other = started(method)
    assert receive(other, *cut(data, points)) == got == body
    assert other.reusable is exchange.reusable
    assert other.head == exchange.head


def test_until_close() -> None:
    exchange, got = whole(b"GET", OK + b"\r\nhello")
    assert (got, exchange.complete) == (b"hello", False)
    exchange.receive_eof()
    assert exchange.complete
    assert not exchange.reusable


def test_an_end_after_the_end_is_no_error() -> None:
    exchange, _ = whole(b"GET", HELLO, eof=True)
    assert exchange.complete
    assert not exchange.reusable


def test_a_response_to_a_torn_request_is_the_last() -> None:
    exchange, _ = whole(b"GET", HELLO)
    exchange.close_after()
    assert not exchange.reusable


def test_an_exchange_that_has_not_begun_is_not_reusable() -> None:
    exchange = started()
    assert not exchange.begun
    assert not exchange.reusable
    assert "no response yet, under way" in repr(exchange)
    receive(exchange, b"H")
    assert exchange.begun


# -- heads


@pytest.mark.parametrize("count", [0, 1, 8])
def test_informational_responses_are_passed_over(count: int) -> None:
    data = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * count + HELLO
    exchange, body = whole(b"GET", data)
    assert (body, exchange.informational, exchange.reusable) == (b"hello", [103] * count, True)


@pytest.mark.parametrize("split", [False, True])
def test_nine_of_them_are_too_many(split: bool) -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\n" * 9
    exchange = started()
    with pytest.raises(ProtocolError, match="at most 8 informational"):
        receive(exchange, *(one_by_one(data) if split else [data]))
    assert exchange.failure is not None
    assert not exchange.reusable
    assert "failed" in repr(exchange)


def test_switching_protocols_was_not_asked_for() -> None:
    with pytest.raises(ProtocolError, match=r"^response head: expected HTTP/1.1"):
        whole(b"GET", b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n")


def head_of(size: int) -> bytes:
    start, end = OK + b"Content-Length: 0\r\nX: ", b"\r\n\r\n"
    return start + b"x" * (size - len(start) - len(end)) + end


BROKEN_BODIES = {
    "chunk": b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "gzip": b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nno gzip..",
}


@pytest.mark.parametrize("body", BROKEN_BODIES)
@pytest.mark.parametrize("status", [300, 307, 404, 429, 500])
def test_a_broken_body_does_not_hide_an_error_s_status(status: int, body: str) -> None:
    """Whether it came with the head or behind it."""
    fields, end, rest = BROKEN_BODIES[body].partition(b"\r\n\r\n")
    head = b"HTTP/1.1 %d No\r\n" % status + fields + end
    together, apart = started(), started()
    assert together.receive(head + rest, 0, len(head + rest)) == []
    assert apart.receive(head, 0, len(head)) == []
    with pytest.raises(ProtocolError):
        apart.receive(rest, 0, len(rest))
    for exchange in (together, apart):
        assert exchange.head is not None
        assert exchange.head.status == status
        assert isinstance(exchange.failure, ProtocolError)
        assert not exchange.reusable
        assert not exchange.complete
        assert exchange.received == f"status {status} and {len(rest)} bytes of body"
    assert str(together.failure) == str(apart.failure)


@pytest.mark.parametrize("body", BROKEN_BODIES)
def test_a_broken_body_is_all_that_is_told_of_a_success(body: str) -> None:
    with pytest.raises(ProtocolError):
        whole(b"GET", b"HTTP/1.1 299 OK\r\n" + BROKEN_BODIES[body])


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_what_has_come_does_not_depend_on_the_pieces(data: st.DataObject) -> None:
    exchange, taken = started(), 0
    head = len(HELLO) - 5
    assert exchange.received == "0 bytes"
    for piece in cut(HELLO, data.draw(cuts(len(HELLO)))):
        exchange.receive(piece, 0, len(piece))
        taken += len(piece)
        if taken >= head:
            assert exchange.received == f"status 200 and {taken - head} bytes of body"
        elif taken:
            assert exchange.received == f"head in part: {taken} bytes"


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytes"])
def test_the_limit_of_a_head_is_hard(split: bool) -> None:
    def feed(size: int) -> Exchange:
        exchange = started(max_head_bytes=1000)
        receive(exchange, *(one_by_one(head_of(size)) if split else [head_of(size)]))
        return exchange

    assert feed(1000).complete
    with pytest.raises(ProtocolError, match="response head: expected"):
        feed(1001)


def test_informational_responses_count_for_the_limit() -> None:
    hints = b"HTTP/1.1 103 X\r\nA: " + b"a" * 300 + b"\r\n\r\n"
    with pytest.raises(ProtocolError, match="at most 1000 bytes, got more"):
        whole(b"GET", hints * 3 + HELLO, max_head_bytes=1000)


def test_the_body_does_not_count_for_the_limit() -> None:
    data = OK + b"Content-Length: 5000\r\n\r\n" + b"x" * 5000
    assert whole(b"GET", data, max_head_bytes=100)[1] == b"x" * 5000


def test_an_unfinished_head_cannot_grow() -> None:
    with pytest.raises(ProtocolError, match="response head"):
        whole(b"GET", OK + b"x" * 2000, max_head_bytes=1000)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x16\x03\x01\x02\x00", id="tls"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n\r\n", id="ssh"),
        pytest.param(b"HTTP/2 200\r\n\r\n", id="http-2"),
        pytest.param(b"HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", id="http-1.2"),
        pytest.param(b"HTTP/0.9 200 OK\r\n\r\n", id="http-0.9"),
        pytest.param(OK + b"a b: c\r\n\r\n", id="space-in-a-name"),
        pytest.param(OK + b"x: a\x01b\r\nContent-Length: 0\r\n\r\n", id="control"),
        pytest.param(OK + b"x: a\x00b\r\nContent-Length: 0\r\n\r\n", id="nul"),
        pytest.param(OK + b"x: a\x7fb\r\nContent-Length: 0\r\n\r\n", id="del"),
        pytest.param(OK + b"Content-Length: 5, 6\r\n\r\n", id="two-lengths"),
        pytest.param(OK + b"Content-Length: +5\r\n\r\n", id="signed-length"),
        pytest.param(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n", id="other-transfer-coding"),
        pytest.param(OK + b"Content-Encoding: x\r\nContent-Length: 1\r\n\r\n", id="other-coding"),
    ],
)
def test_wrong_heads(data: bytes) -> None:
    exchange = started()
    with pytest.raises(ProtocolError):
        receive(exchange, data)
    assert not exchange.reusable
    assert exchange.failure is not None


def test_obs_text_in_a_value_is_kept() -> None:
    exchange, _ = whole(b"GET", OK + b"X: \xe9\tx\r\nContent-Length: 0\r\n\r\n")
    assert exchange.head is not None
    assert exchange.head.headers["x"] == "é\tx"


@pytest.mark.parametrize(
    ("data", "got"),
    [
        (b"", "after 0 bytes"),
        (b"HTTP/1.1 2", "after 10 bytes"),
        (OK + b"Content-Length: 5\r\n\r\nhel", "after 3"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "end"),
    ],
)
def test_ends_that_come_too_early(data: bytes, got: str) -> None:
    exchange = started()
    receive(exchange, *one_by_one(data))
    with pytest.raises(ProtocolError, match=got):
        exchange.receive_eof()
    assert not exchange.complete
    assert not exchange.reusable


# -- what came before a violation


def test_what_came_before_a_violation_is_handed_up_first() -> None:
    exchange = started()
    data = OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"
    assert receive(exchange, data) == b"hello"
    assert isinstance(exchange.failure, ProtocolError)
    assert not exchange.reusable


CODED = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"


def test_a_coded_body_is_decoded() -> None:
    packed = gzip.compress(b"hello")
    exchange, body = whole(b"GET", CODED % len(packed) + packed)
    assert (body, exchange.reusable) == (b"hello", True)


def test_a_coded_body_that_is_cut_gives_what_it_had_and_fails() -> None:
    packed = gzip.compress(b"hello" * 100, mtime=0)[:-4]
    exchange, body = whole(b"GET", CODED % len(packed) + packed)
    assert body == b"hello" * 100
    assert exchange.failure is not None
    assert not exchange.reusable


def test_a_coded_body_until_close_that_is_cut_fails() -> None:
    packed = gzip.compress(b"hello", mtime=0)[:-4]
    exchange = started()
    receive(exchange, OK + b"Content-Encoding: gzip\r\n\r\n" + packed)
    with pytest.raises(ProtocolError, match="rest of the compressed stream"):
        exchange.receive_eof()


def test_a_body_that_is_not_coded_as_stated_fails() -> None:
    exchange = started()
    with pytest.raises(ProtocolError, match="valid compressed stream"):
        receive(exchange, CODED % 5 + b"hello")
    assert not exchange.reusable


def test_a_bomb_is_stopped() -> None:
    packed = gzip.compress(bytes(2_000_000))
    exchange = started(max_decoded_bytes=100_000)
    with pytest.raises(ProtocolError, match="at most 100000 bytes"):
        receive(exchange, CODED % len(packed) + packed)
    assert not exchange.reusable


def test_names_of_fields_are_shared_unless_they_are_long() -> None:
    """Thousands of open streams hold the same names."""

    def names(of_field: bytes) -> list[bytes]:
        exchange = Exchange(Request(Origin("http", "a.test", 80), b"GET", b"/"))
        data = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%b: 1\r\n\r\n" % of_field
        exchange.receive(data, 0, len(data))
        assert exchange.head is not None
        return [name for name, _ in exchange.head.headers.raw]

    for field, shared in (b"X-Request-Id", True), (b"X" * 64, True), (b"X" * 65, False):
        first, second = names(field), names(field)
        assert first == second == [b"content-length", field.lower()]
        assert (first[1] is second[1]) == shared
