"""CONNECT, sans-IO: what is asked, and what any answer, in any pieces, comes to."""

import pickle
from base64 import b64encode

import pytest

from trio_groq._http.messages import Origin
from trio_groq._http.proxies import Proxy, as_proxy
from trio_groq._http.tunnel import (
    MAX_HEAD_BYTES,
    MAX_INFORMATIONAL,
    Tunnel,
    proxy_fields,
    refused_by_status,
)
from trio_groq.errors import APIConnectionError, ProtocolError

ORIGIN = Origin("https", "api.groq.com", 443)
PLAIN = Proxy("http", "proxy.test", 3128)


def proxy(url: str) -> Proxy:
    found = as_proxy(url)
    assert found is not None
    return found


def opened(by: Proxy = PLAIN, origin: Origin = ORIGIN) -> Tunnel:
    tunnel = Tunnel(by, origin)
    tunnel.opening()
    return tunnel


def test_what_is_asked() -> None:
    assert Tunnel(PLAIN, ORIGIN).opening() == (
        b"CONNECT api.groq.com:443 HTTP/1.1\r\nHost: api.groq.com:443\r\n\r\n"
    )


def test_an_ipv6_address_is_in_brackets() -> None:
    asked = Tunnel(PLAIN, Origin("http", "::1", 80)).opening()
    assert asked.startswith(b"CONNECT [::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n")


def test_credentials_are_sent() -> None:
    asked = Tunnel(proxy("http://Aladdin:open%20sesame@proxy.test"), ORIGIN).opening()
    assert b"\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n" in asked
    assert proxy_fields(PLAIN) == ()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 Connection established\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nProxy-Agent: x\r\n\r\n",
        b"HTTP/1.1 299 \r\nContent-Length: 5\r\n\r\n",  # RFC 9110, 9.3.6: to be ignored
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_it_opens(answer: bytes) -> None:
    whole = opened()
    assert whole.receive(answer) == b""
    assert whole.done
    pieces = opened()
    for index in range(len(answer)):
        assert not pieces.done
        assert pieces.receive(answer[index : index + 1]) == b""
    assert pieces.done


@pytest.mark.parametrize(
    ("status", "said", "retryable"),
    [
        (407, "407 Proxy Authentication Required", False),
        (403, "403 Forbidden", False),
        (404, "404 Not Found", False),
        (302, "302 Found", False),
        (429, "429 Too Many Requests", True),
        (500, "500 Internal Server Error", True),
        (502, "502 Bad Gateway", True),
        (504, "504 Gateway Timeout", True),
        (599, "599", True),
        (499, "499", False),
    ],
)
def test_refusals(status: int, said: str, retryable: bool) -> None:
    by = proxy("http://user:hunter2@proxy.test:3128")
    head = b"HTTP/1.1 %d hunter2\r\nContent-Length: 9999\r\nX: hunter2\r\n\r\n<html>" % status
    with pytest.raises(APIConnectionError) as caught:
        opened(by).receive(head)
    error = caught.value
    assert str(error) == (
        f"proxy http://proxy.test:3128: expected a way to https://api.groq.com, got {said}"
    )
    assert error.is_retryable is retryable
    assert "hunter2" not in f"{error!r}{getattr(error, '__notes__', '')}"


def test_407_has_a_note() -> None:
    without = refused_by_status(PLAIN, ORIGIN, 407)
    assert "put them into its URL" in without.__notes__[0]
    having = refused_by_status(proxy("http://u:p@proxy.test"), ORIGIN, 407)
    assert having.__notes__[0].startswith("Check the user and the password")
    assert not hasattr(refused_by_status(PLAIN, ORIGIN, 403), "__notes__")


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x05\xff",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 200\r\nno field\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
    ],
)
def test_what_is_no_http(answer: bytes) -> None:
    with pytest.raises(ProtocolError, match=r"^proxy http://proxy\.test:3128: expected HTTP/1\.1"):
        opened().receive(answer + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (b"HTTP/1.1 400\r\nProxy-Authorization Basic %b\r\n\r\n", "illegal header line"),
        (b"HTTP/1.1 4x0 Basic %b\r\n\r\n", "illegal status line"),
        (b"HTTP/1.1 200\r\nTransfer-Encoding: %b\r\n\r\n", "Only Transfer-Encoding: chunked is"),
    ],
)
def test_credentials_that_are_sent_back_are_not_shown(answer: bytes, rule: str) -> None:
    sent = b64encode(b"user:hunter2")
    by = proxy("http://user:hunter2@proxy.test:3128")
    with pytest.raises(ProtocolError, match=rf"expected HTTP/1\.1, got {rule}") as caught:
        opened(by).receive(answer % sent)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert sent.decode() not in f"{error!r}{pickle.dumps(error)!r}"


def test_nothing_may_follow_the_answer() -> None:
    with pytest.raises(ProtocolError, match="expected nothing after its answer, got 3 bytes"):
        opened().receive(b"HTTP/1.1 200 OK\r\n\r\nabc")


def test_the_answer_is_bounded() -> None:
    tunnel = opened()
    tunnel.receive(b"HTTP/1.1 200 OK\r\n")
    field = b"a: " + b"b" * 995 + b"\r\n"
    for _ in range(MAX_HEAD_BYTES // len(field)):
        tunnel.receive(field)
    with pytest.raises(ProtocolError, match="answer of at most 16384 bytes"):
        tunnel.receive(field)
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    opened().receive(early * MAX_INFORMATIONAL)
    with pytest.raises(ProtocolError, match="at most 8 informational responses"):
        opened().receive(early * (MAX_INFORMATIONAL + 1))
