"""Request heads for a proxy that forwards: absolute form, and its credentials."""

import pytest

from trio_groq._http.messages import Origin, Request
from trio_groq._http.proxies import Proxy, as_proxy
from trio_groq._http.request_encoder import RequestEncoder
from trio_groq.errors import InvalidRequestError

HERE = Origin("http", "here.test", 80)
THERE = Origin("http", "::1", 8000)


def forwards(origin: Origin) -> Proxy | None:
    return as_proxy("http://u:p@proxy.test") if origin == THERE else None


def test_origin_form_where_nothing_forwards() -> None:
    request = Request(HERE, b"GET", b"/a?b=c")
    expected = b"GET /a?b=c HTTP/1.1\r\nHost: here.test\r\n\r\n"
    assert RequestEncoder().encode(request) == expected
    assert RequestEncoder(forwards=forwards).encode(request) == expected


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_absolute_form_where_a_proxy_does(body: bytes) -> None:
    encoder = RequestEncoder(forwards=forwards)
    request = Request(THERE, b"POST", b"/a?b=c", ((b"A", b"b"),), body)
    for _ in range(2):  # written, and remembered
        assert encoder.encode(request) == (
            b"POST http://[::1]:8000/a?b=c HTTP/1.1\r\nHost: [::1]:8000\r\nA: b\r\n"
            b"Proxy-Authorization: Basic dTpw\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )


@pytest.mark.parametrize("origin", [HERE, THERE])
def test_nobody_else_sets_the_proxy_s_field(origin: Origin) -> None:
    request = Request(origin, b"GET", b"/", ((b"proxy-Authorization", b"Basic hunter2"),))
    with pytest.raises(InvalidRequestError) as caught:
        RequestEncoder(forwards=forwards).encode(request)
    assert "hunter2" not in str(caught.value)
