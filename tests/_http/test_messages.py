"""The engine's records: headers, origins, requests."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq._http.messages import Headers, Origin, Request, check_field, has_control
from trio_groq.errors import InvalidRequestError

RAW = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=\xe9")]


def test_headers_are_a_mapping_without_case() -> None:
    headers = Headers(RAW)
    assert headers["Content-Type"] == "text/plain"
    assert headers["SET-COOKIE"] == "a=1, b=é"
    assert headers.get("set-cookie") == "a=1, b=é"
    assert headers.get("absent") is None
    assert headers.get("absent", 5) == 5
    assert "Set-Cookie" in headers
    assert object() not in headers
    assert list(headers) == ["content-type", "set-cookie"]
    assert len(headers) == 2
    with pytest.raises(KeyError):
        headers["absent"]


def test_repeated_headers_can_be_told_apart() -> None:
    assert Headers(RAW).get_all("Set-Cookie") == ["a=1", "b=é"]
    assert Headers(RAW).get_all("absent") == []


def test_headers_are_values_and_show_names_only() -> None:
    assert Headers(RAW) == Headers(iter(RAW))
    assert hash(Headers(RAW)) == hash(Headers(RAW))
    assert Headers(RAW) != Headers()
    assert Headers(RAW) != {"content-type": "text/plain"}
    assert repr(Headers(RAW)) == "<Headers content-type, set-cookie>"


@pytest.mark.parametrize(
    ("origin", "text", "authority"),
    [
        (Origin("https", "a.test", 443), "https://a.test", "a.test"),
        (Origin("https", "a.test", 80), "https://a.test:80", "a.test:80"),
        (Origin("http", "a.test", 80), "http://a.test", "a.test"),
        (Origin("http", "a.test", 443), "http://a.test:443", "a.test:443"),
        (Origin("http", "::1", 80), "http://[::1]", "[::1]"),
        (Origin("https", "::1", 8443), "https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_origins(origin: Origin, text: str, authority: str) -> None:
    assert str(origin) == text
    assert origin.authority == authority


def test_a_request_shows_no_header_and_no_body() -> None:
    secret = ((b"authorization", b"Bearer gsk_1"),)
    request = Request(Origin("https", "a.test", 443), b"POST", b"/x", secret, b"hidden")
    assert "gsk" not in repr(request)
    assert "hidden" not in repr(request)
    assert "<6 bytes>" in repr(request)


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\n", b"\xe9", b"a\x00", b"(a)"])
def test_names_that_are_no_tokens(name: bytes) -> None:
    with pytest.raises(InvalidRequestError, match=r"^header name: expected a token"):
        check_field(name, b"value")


@given(st.binary(max_size=12))
@settings(deadline=None, max_examples=300)
def test_control_characters_are_found_and_tab_is_none(value: bytes) -> None:
    wrong = any((byte < 0x20 and byte != 0x09) or byte == 0x7F for byte in value)
    assert bool(has_control(value)) is wrong
    if not wrong:
        check_field(b"x-name", value)
        return
    with pytest.raises(InvalidRequestError, match=r"^header x-name: expected no control") as caught:
        check_field(b"x-name", value)
    assert caught.value.path == "x-name"
    assert caught.value.value is None
