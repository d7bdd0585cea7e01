"""Parameters -> a request's head and body."""

import traceback
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trio_groq
from trio_groq._api.auth import Secret
from trio_groq._api.requests import (
    EVENT_STREAM,
    JSON,
    MAX_SHARED,
    Call,
    RequestBuilder,
    encode_headers,
)
from trio_groq._api.urls import parse_base_url
from trio_groq._http.content_coding import accepted_codings
from trio_groq._http.messages import Request
from trio_groq.errors import GroqError, InvalidRequestError

KEY = "gsk_0123456789abcdefWXYZ"


BASE = parse_base_url("https://groq.test")


def build(
    call: Call | None = None,
    *,
    default_headers: Any = None,
    default_query: Any = None,
) -> Request:
    call = call or Call(method="GET", path="/openai/v1/models")
    return RequestBuilder(BASE, default_headers or {}, default_query or {}).build(call, Secret(KEY))


def fields(request: Request) -> dict[bytes, bytes]:
    assert len({name.lower() for name, _ in request.headers}) == len(request.headers)
    return {name.lower(): value for name, value in request.headers}


def test_a_plain_request() -> None:
    request = build()
    assert (request.method, request.target, request.body) == (b"GET", b"/openai/v1/models", b"")
    assert str(request.origin) == "https://groq.test"
    assert fields(request) == {
        b"user-agent": f"trio-groq/{trio_groq.__version__}".encode(),
        b"accept": b"application/json",
        b"accept-encoding": accepted_codings().encode(),
        b"x-stainless-retry-count": b"0",
        b"authorization": f"Bearer {KEY}".encode(),
    }


def test_a_stream_is_asked_for_uncompressed() -> None:
    call = Call(method="POST", path="/x", body=b"{}", content_type=JSON, accept=EVENT_STREAM)
    sent = fields(build(call))
    assert sent[b"accept"] == b"text/event-stream"
    assert sent[b"accept-encoding"] == b"identity"
    assert sent[b"content-type"] == b"application/json"


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        pytest.param([{"A": "1"}, {"a": "2"}], {b"a": b"2"}, id="later-wins-in-any-case"),
        pytest.param([{"A": "1", "B": "2"}, {"a": None}], {b"B": b"2"}, id="none-removes"),
        pytest.param([{"A": None}, {"a": "1"}], {b"a": b"1"}, id="and-can-be-set-again"),
        pytest.param([{"a": None}], {}, id="nothing-to-remove"),
        pytest.param([{"a": " \tx y\t "}], {b"a": b"x y"}, id="outer-space-goes"),
        pytest.param([{"a": "é"}], {b"a": b"\xe9"}, id="latin-1"),
        pytest.param([{"a": ""}], {b"a": b""}, id="empty"),
        pytest.param([{"a": "x\ty"}], {b"a": b"x\ty"}, id="tab-within"),
    ],
)
def test_layers_of_headers(layers: list[Any], expected: dict[bytes, bytes]) -> None:
    assert dict(encode_headers(*layers)) == expected


def test_defaults_and_extras_override_ours() -> None:
    call = Call(method="GET", path="/x", headers={"AUTHORIZATION": "Bearer other", "X-B": "2"})
    sent = fields(build(call, default_headers={"user-agent": None, "x-b": "1", "x-a": "1"}))
    assert sent[b"authorization"] == b"Bearer other"
    assert sent[b"x-a"] == b"1"
    assert sent[b"x-b"] == b"2"
    assert b"user-agent" not in sent


@pytest.mark.parametrize(
    ("default", "extra"),
    [
        ({}, {"Authorization": None}),
        ({"authorization": None}, {}),
        ({"Authorization": "x"}, {"AUTHORIZATION": None}),
    ],
)
def test_a_none_takes_the_key_away_for_that_request_alone(default: Any, extra: Any) -> None:
    builder = RequestBuilder(BASE, default, {})
    call = Call(method="GET", path="/x", headers=extra)
    for _ in range(2):
        request = builder.build(call, Secret(KEY))
        assert b"authorization" not in fields(request)
        assert KEY.encode() not in repr(request.headers).encode()
    if not default:
        plain = builder.build(Call(method="GET", path="/x"), Secret(KEY))
        assert fields(plain)[b"authorization"] == f"Bearer {KEY}".encode()


WRONG_HEADERS = [
    pytest.param({"x": "a\nb"}, id="lf"),
    pytest.param({"x": "a\r\nEvil: 1"}, id="crlf"),
    pytest.param({"x": "a\x00"}, id="nul"),
    pytest.param({"x": "a\x7f"}, id="del"),
    pytest.param({"x": "\x0b"}, id="vt"),
    pytest.param({"x": "☃"}, id="not-latin-1"),
    pytest.param({"": "a"}, id="no-name"),
    pytest.param({"a b": "a"}, id="space-in-name"),
    pytest.param({"a:": "a"}, id="colon-in-name"),
    pytest.param({"a\n": "a"}, id="lf-in-name"),
    pytest.param({"é": "a"}, id="latin-name"),
    pytest.param({"☃": "a"}, id="snowman"),
    pytest.param({"x": 5}, id="number"),
    pytest.param({"x": b"a"}, id="bytes"),
    pytest.param({b"x": "a"}, id="bytes-name"),
    pytest.param({"Authorization": f"Bearer {KEY}\n"}, id="authorization-lf"),
    pytest.param({"Authorization": f"Bearer {KEY}☃"}, id="authorization-snowman"),
    pytest.param({"Authorization": f"Bearer {KEY}".encode()}, id="authorization-bytes"),
    pytest.param({"Host": "evil"}, id="host"),
    pytest.param({"content-length": "0"}, id="content-length"),
    pytest.param({"Transfer-Encoding": "chunked"}, id="transfer-encoding"),
    pytest.param({"CONNECTION": "close"}, id="connection"),
    pytest.param({"expect": "100-continue"}, id="expect"),
    pytest.param({"upgrade": "h2c"}, id="upgrade"),
    pytest.param({"te": "trailers"}, id="te"),
]


def everything(error: BaseException) -> str:
    """All that an error tells to whoever prints, logs or inspects it and what led to it."""
    told = "".join(traceback.format_exception(error))
    seen: BaseException | None = error
    while seen is not None:
        told += f"{seen!s}{seen!r}{seen.args}{vars(seen)}{getattr(seen, '__notes__', '')}"
        seen = seen.__cause__ or seen.__context__
    return told


def frames(error: BaseException) -> str:
    """The locals of the package's own frames, as some trackers record them."""
    summary = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in summary.stack if "trio_groq" in frame.filename]
    return repr([frame.locals for frame in ours if "/tests/" not in frame.filename])


@pytest.mark.parametrize("headers", WRONG_HEADERS)
@pytest.mark.parametrize("where", ["default_headers", "extra"])
def test_wrong_headers_are_refused_and_the_key_is_not_shown(headers: Any, where: str) -> None:
    call = Call(method="GET", path="/x", headers=headers if where == "extra" else {})
    defaults = headers if where == "default_headers" else {}
    with pytest.raises(InvalidRequestError, match=r"^header ") as caught:
        build(call, default_headers=defaults)
    assert KEY not in everything(caught.value)


@pytest.mark.parametrize("headers", [{"x": "a\nb"}, {"x": 5}, {"host": "a"}, {"☃": "a"}])
def test_locals_of_our_frames_do_not_show_the_key(headers: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        build(Call(method="GET", path="/x", headers=headers))
    assert KEY not in frames(caught.value)


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=12) | st.none(), max_size=4))
@settings(deadline=None, max_examples=200)
def test_any_header_is_sent_whole_or_refused(headers: dict[str, str | None]) -> None:
    try:
        sent = build(Call(method="GET", path="/x", headers=headers)).headers
    except GroqError as error:
        assert KEY not in everything(error)  # noqa: PT017 (either outcome is right)
        return
    for name, value in sent:
        assert not {*b"\r\n\x00"} & {*name, *value}


# -- what calls share


def test_calls_that_share_a_head_do_not_share_what_differs() -> None:
    builder = RequestBuilder(BASE, {"x-a": "1"}, {"q": 1})

    def sent(key: str = KEY, **fields: Any) -> tuple[Request, dict[bytes, bytes]]:
        call = Call(**{"method": "POST", "path": "/x", "content_type": JSON, **fields})
        request = builder.build(call, Secret(key))
        again = builder.build(call, Secret(key))
        assert request == again
        return request, fields_of(request)

    def fields_of(request: Request) -> dict[bytes, bytes]:
        return {name.lower(): value for name, value in request.headers}

    plain, _ = sent(body=b"1")
    assert (plain.target, plain.body) == (b"/x?q=1", b"1")
    assert sent(body=b"2")[0].body == b"2"
    assert sent(body=b"2")[0].headers is plain.headers
    assert sent(key="gsk_other")[1][b"authorization"] == b"Bearer gsk_other"
    assert sent(path="/y")[0].target == b"/y?q=1"
    assert sent(method="PUT")[0].method == b"PUT"
    assert sent(accept=EVENT_STREAM)[1][b"accept"] == b"text/event-stream"
    assert b"content-type" not in sent(content_type=None)[1]
    assert sent(headers={"x-a": "2"})[1][b"x-a"] == b"2"
    assert sent(query={"q": 2})[0].target == b"/x?q=2"
    assert sent()[1] == fields_of(plain)


def test_what_is_shared_is_bounded() -> None:
    builder = RequestBuilder(BASE, {}, {})
    for number in range(3 * MAX_SHARED):
        key = Secret(f"gsk_{number}")
        request = builder.build(Call(method="GET", path="/x"), key)
        assert (b"Authorization", f"Bearer gsk_{number}".encode()) in request.headers
        assert len(builder._shared) <= MAX_SHARED


# -- query


def test_query_parameters() -> None:
    call = Call(method="GET", path="/x", query={"a": 1, "b": True, "c": "x y", "d": None, "e": 0.5})
    request = build(call, default_query={"z": False, "d": "default", "c": "other"})
    assert request.target == b"/x?z=false&c=x%20y&a=1&b=true&e=0.5"


def test_removing_all_leaves_no_question_mark() -> None:
    request = build(Call(method="GET", path="/x", query={"a": None}), default_query={"a": 1})
    assert request.target == b"/x"


@pytest.mark.parametrize("value", [[1], {"a": 1}, b"a", object(), ()])
def test_wrong_query_parameters(value: object) -> None:
    call = Call(method="GET", path="/x", query={"a": value})
    with pytest.raises(InvalidRequestError, match=r"^query a: expected text, a number") as caught:
        build(call)
    assert (caught.value.path, caught.value.value) == ("a", value)


def test_a_call_shows_neither_headers_nor_body() -> None:
    call = Call(method="GET", path="/x", body=b"secret", headers={"a": KEY}, query={"b": KEY})
    assert repr(call).startswith("Call(method='GET', path='/x', body=<6 bytes>")
    assert KEY not in repr(call)
    assert KEY not in repr(build(call, default_query={"q": "1"})).replace(f"b={KEY}", "")
