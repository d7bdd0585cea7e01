"""Redirects: where they may lead, and what becomes of the request."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_groq._api.redirects import MAX_REDIRECTS, follow, is_redirect
from trio_groq._http.bodies import Body, OpenBody, Progress
from trio_groq._http.messages import Headers, Origin, Request, ResponseHead
from trio_groq.errors import APIStatusError

ORIGIN = Origin("https", "api.groq.com", 443)
KEY = (b"Authorization", b"Bearer gsk_test")
TARGET = b"/openai/v1/models?a=b"


class Uploaded:
    """A body that is read while it is sent."""

    length = 3
    progress: Progress | None = None

    def __init__(self, *, replayable: bool) -> None:
        self.replayable = replayable

    def open(self) -> OpenBody:
        raise AssertionError("nothing is read to follow a redirect")


def request(method: bytes = b"GET", body: bytes | Body = b"", origin: Origin = ORIGIN) -> Request:
    return Request(origin, method, TARGET, (KEY,), body)


def head(location: str | None, status: int = 307) -> ResponseHead:
    fields = [(b"x-request-id", b"req_1")]
    if location is not None:
        fields.append((b"location", location.encode("latin-1")))
    return ResponseHead(status, Headers(fields))


@pytest.mark.parametrize("status", range(200, 600))
def test_which_responses_are_redirects(status: int) -> None:
    assert is_redirect(head("/x", status)) is (status in {301, 302, 303, 307, 308})
    assert not is_redirect(head(None, status))


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/new", b"/new"),
        ("/new?c=d", b"/new?c=d"),
        ("https://api.groq.com/new", b"/new"),
        ("HTTPS://API.GROQ.COM:443/new", b"/new"),
        ("//api.groq.com/new", b"/new"),
        ("https://api.groq.com", b"/"),
        ("https://api.groq.com?c=d", b"/?c=d"),
        ("files", b"/openai/v1/files"),
        ("../v2/models", b"/openai/v2/models"),
        ("?c=d", b"/openai/v1/models?c=d"),
        ("/new#part", b"/new"),
        (" /new ", b"/new"),
        ("/a%20b", b"/a%20b"),
        ("/a b", b"/a%20b"),
        ("/caf\xc3\xa9", b"/caf%C3%A9"),
        ('/<">', b"/%3C%22%3E"),
        ("", TARGET),
    ],
)
def test_within_the_origin(location: str, target: bytes) -> None:
    asked = request()
    followed = follow(asked, head(location), 0)
    assert followed.target == target
    assert (followed.origin, followed.method, followed.headers) == (ORIGIN, b"GET", (KEY,))


@pytest.mark.parametrize(
    ("location", "got"),
    [
        ("http://api.groq.com/new", "http://api.groq.com"),
        ("https://api.groq.com:8443/new", "https://api.groq.com:8443"),
        ("https://groq.com/new", "https://groq.com"),
        ("https://api.groq.com.evil.test/", "https://api.groq.com.evil.test"),
        ("//evil.test/new", "https://evil.test"),
        ("///evil.test/new", None),
        ("http://169.254.169.254/latest/meta-data/", "http://169.254.169.254"),
        ("http://[fe80::1]/", "http://[fe80::1]"),
        ("http://localhost/", "http://localhost"),
        ("https://api.groq.com@evil.test/", "a URL"),
        ("https://user:pass@api.groq.com/", "a URL"),
        ("https://api.groq.com\\@evil.test/", "a URL"),
        ("\\\\evil.test/new", "a URL"),
        ("file:///etc/passwd", "a URL"),
        ("javascript:alert(1)", "a URL"),
        ("https://[::1/", "a URL"),
        ("https://api.groq.com:x/", "a URL"),
        ("/" + "a" * 9000, "a URL"),
    ],
)
def test_beyond_it(location: str, got: str | None) -> None:
    if got is None:  # an empty authority: the path is the origin's own
        assert follow(request(), head(location), 0).origin == ORIGIN
        return
    with pytest.raises(APIStatusError) as caught:
        follow(request(), head(location), 0)
    error = caught.value
    assert (error.status_code, error.request_id, error.is_retryable) == (307, "req_1", False)
    expected = "a URL in Location, got " if got == "a URL" else f"a place at {ORIGIN}, got {got}"
    assert f"307 redirect: expected {expected}" in str(error)
    assert len(str(error)) < 400
    assert "gsk_test" not in f"{error!r}{error.__notes__}"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://user:hunter2@api.groq.com/new", "'https://api.groq.com/new'"),
        ("foo://x/new?key=hunter2#hunter2", "'foo://x/new'"),
        ("foo:user:hunter2@x/new", "'foo:x/new'"),
        ("javascript:alert(1)", "'javascript:alert(1)'"),
        ("https://[::1/hunter2", "something that is no URL"),
        ("https://gw-0123456789.test:x/gw-0123456789", "'https://***.test:x/***'"),
        ("/" + "a" * 9000, f"'/{'a' * 199}'..."),
    ],
)
def test_what_is_shown_of_a_place(location: str, shown: str) -> None:
    asked = msgspec.structs.replace(
        request(), headers=((b"Authorization", b"Bearer gw-0123456789"),)
    )
    came = ResponseHead(
        307, Headers([(b"location", location.encode()), (b"x-request-id", b"gw-0123456789")])
    )
    with pytest.raises(APIStatusError) as caught:
        follow(asked, came, 0)
    error = caught.value
    assert error.message == f"307 redirect: expected a URL in Location, got {shown}"
    assert error.request_id == "***"
    assert "gw-0123456789" not in error.headers["location"]
    assert came.headers["location"] == location


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_post_does_not_become_a_get(status: int) -> None:
    assert follow(request(), head("/new", status), 0).method == b"GET"
    assert follow(request(b"HEAD"), head("/new", status), 0).method == b"HEAD"
    for method in (b"POST", b"DELETE"):
        with pytest.raises(APIStatusError) as caught:
            follow(request(method, b"{}"), head("/new", status), 0)
        assert str(caught.value).startswith(
            f"{status} redirect: expected 307 or 308 for a {method.decode()}, got {status}"
        )
        [note] = caught.value.__notes__
        assert "would make the request a GET" in note
        assert " only" not in note


@pytest.mark.parametrize("status", [307, 308])
def test_a_body_is_sent_again(status: int) -> None:
    followed = follow(request(b"POST", b"{}"), head("/new", status), 0)
    assert (followed.method, followed.target, followed.body) == (b"POST", b"/new", b"{}")
    fresh: Body = Uploaded(replayable=True)
    assert follow(request(b"POST", fresh), head("/new", status), 0).body is fresh
    with pytest.raises(APIStatusError, match="whose body can be sent once more") as caught:
        follow(request(b"POST", Uploaded(replayable=False)), head("/new", status), 0)
    assert "can be sent again" in caught.value.__notes__[0]


def test_not_for_ever() -> None:
    asked = request()
    for followed in range(MAX_REDIRECTS):
        asked = follow(asked, head(f"/{followed}"), followed)
    assert asked.target == b"/4"
    with pytest.raises(APIStatusError, match="expected at most 5 redirects, got one more"):
        follow(asked, head("/5"), MAX_REDIRECTS)


def test_an_origin_with_a_port_and_an_ipv6_address() -> None:
    origin = Origin("http", "::1", 8000)
    asked = request(origin=origin)
    assert follow(asked, head("http://[::1]:8000/new"), 0).target == b"/new"
    with pytest.raises(APIStatusError, match="expected a place at"):
        follow(asked, head("http://[::1]/new"), 0)


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
def test_any_location_stays_or_is_refused(location: str) -> None:
    try:
        followed = follow(request(), head(location), 0)
    except APIStatusError:
        return
    assert followed.origin == ORIGIN
    assert followed.target.startswith(b"/")
    assert all(0x21 <= byte <= 0x7E for byte in followed.target)
