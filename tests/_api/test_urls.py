"""Base URLs: accepted, refused, and joined with a path."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq._api.urls import DEFAULT_BASE_URL, BaseURL, parse_base_url
from trio_groq._http.messages import Origin
from trio_groq.errors import ConfigurationError, InvalidRequestError

MODELS = "/openai/v1/models"


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        (DEFAULT_BASE_URL, "https://api.groq.com", MODELS),
        ("https://api.groq.com/", "https://api.groq.com", MODELS),
        ("https://api.groq.com/openai/v1", "https://api.groq.com", MODELS),
        ("https://api.groq.com/openai/v1/", "https://api.groq.com", MODELS),
        ("https://api.groq.com//", "https://api.groq.com", MODELS),
        ("  https://api.groq.com\n", "https://api.groq.com", MODELS),
        ("HTTPS://API.Groq.COM", "https://api.groq.com", MODELS),
        ("https://api.groq.com:443", "https://api.groq.com", MODELS),
        ("https://api.groq.com:", "https://api.groq.com", MODELS),
        ("https://api.groq.com:8443", "https://api.groq.com:8443", MODELS),
        ("https://proxy.test/groq", "https://proxy.test", f"/groq{MODELS}"),
        ("https://proxy.test/groq/openai/v1/", "https://proxy.test", f"/groq{MODELS}"),
        ("https://proxy.test/a%20b", "https://proxy.test", f"/a%20b{MODELS}"),
        ("https://[2001:DB8::1]", "https://[2001:db8::1]", MODELS),
        ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443", f"/x{MODELS}"),
        ("https://bücher.example", "https://xn--bcher-kva.example", MODELS),
        ("http://localhost", "http://localhost", MODELS),
        ("http://localhost:80", "http://localhost", MODELS),
        ("http://localhost:443", "http://localhost:443", MODELS),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", MODELS),
        ("http://127.1.2.3", "http://127.1.2.3", MODELS),
        ("http://[::1]:8000", "http://[::1]:8000", MODELS),
    ],
)
def test_accepted(url: str, origin: str, target: str) -> None:
    base = parse_base_url(url)
    assert str(base.origin) == origin
    assert base.target(MODELS, {}) == target.encode()
    assert str(base) == origin + target.removesuffix(MODELS)
    assert parse_base_url(str(base)) == base


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("", "expected https://host", id="empty"),
        pytest.param("api.groq.com", "expected https://host", id="no-scheme"),
        pytest.param("//api.groq.com", "expected https://host", id="relative"),
        pytest.param("ftp://api.groq.com", "expected https://host", id="ftp"),
        pytest.param("file:///etc/passwd", "expected https://host", id="file"),
        pytest.param("wss://api.groq.com", "expected https://host", id="wss"),
        pytest.param("https://", "expected https://host", id="no-host"),
        pytest.param("https://:443", "expected https://host", id="port-only"),
        pytest.param("https:/api.groq.com", "expected https://host", id="one-slash"),
        pytest.param("https://host:port", "no URL", id="port-name"),
        pytest.param("https://host:99999", "no URL", id="port-large"),
        pytest.param("https://host:-1", "no URL", id="port-negative"),
        pytest.param("https://host:0", "port from 1 to 65535", id="port-0"),
        pytest.param("https://[::1", "no URL", id="bracket"),
        pytest.param("https://host?x=1", "no query", id="query"),
        pytest.param("https://host#x", "no fragment", id="fragment"),
        pytest.param("https://user@host", "no user and password", id="user"),
        pytest.param("https://user:hunter2@host", "no user and password", id="password"),
        pytest.param("https://:hunter2@host", "no user and password", id="password-only"),
        pytest.param("https://@host", "no user and password", id="empty-user"),
        pytest.param("https://host/ä", "visible ASCII", id="path-not-ascii"),
        pytest.param("https://host/a b", "visible ASCII", id="path-space"),
        pytest.param("http://api.groq.com", "expected https", id="plain"),
        pytest.param("http://localhost.evil.com", "expected https", id="plain-prefix"),
        pytest.param("http://127.0.0.1.evil.com", "expected https", id="plain-address-prefix"),
        pytest.param("http://128.0.0.1", "expected https", id="plain-address"),
        pytest.param("http://127.evil.0.1", "expected https", id="plain-not-an-address"),
        pytest.param("http://evillocalhost", "expected https", id="plain-suffix"),
        pytest.param("http://[::2]", "expected https", id="plain-ipv6"),
        pytest.param("http://0.0.0.0", "expected https", id="plain-any"),
    ],
)
def test_refused(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^base_url: .*{reason}") as caught:
        parse_base_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("a" * 64 + ".com", id="label-too-long"),
        pytest.param("a..b", id="empty-label"),
        pytest.param(".example.com", id="leading-dot"),
        pytest.param("exa mple.com", id="space"),
        pytest.param("a\x00b", id="nul"),
        pytest.param("a\nb.com", id="line-end-within"),
        pytest.param("a\tb.com", id="tab-within"),
        pytest.param("host\\evil", id="backslash"),
        pytest.param("a%2fb", id="percent"),
        pytest.param("ex<am>ple.com", id="angle"),
        pytest.param("[::1]x", id="after-the-bracket"),
        pytest.param("[zz]", id="no-address"),
    ],
)
def test_a_host_that_is_none_is_refused_before_any_io(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^base_url: expected"):
        parse_base_url(f"https://{host}")


def test_plaintext_can_be_allowed() -> None:
    base = parse_base_url("http://groq.internal", allow_plaintext=True)
    assert base.origin == Origin("http", "groq.internal", 80)
    with pytest.raises(ConfigurationError):
        parse_base_url("ftp://groq.internal", allow_plaintext=True)


@given(st.text(max_size=40))
@settings(deadline=None, max_examples=300)
def test_whatever_comes_is_taken_or_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"http://{text}/x"):
        try:
            base = parse_base_url(url)
        except ConfigurationError:
            continue
        base.origin.authority.encode("ascii")
        base.target("/x", {})


# -- targets

BASE = BaseURL(Origin("https", "api.groq.com", 443))


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/openai/v1/models/a/b", {}, b"/openai/v1/models/a/b"),
        ("/openai/v1/models/a b", {}, b"/openai/v1/models/a%20b"),
        ("/openai/v1/models/ä", {}, b"/openai/v1/models/%C3%A4"),
        ("/x/a%2Fb", {}, b"/x/a%2Fb"),
        ("/x\r\nHost: evil", {}, b"/x%0D%0AHost:%20evil"),
        ("/x", {"a": "1", "b": "x y&z"}, b"/x?a=1&b=x%20y%26z"),
        ("/x", {"ä": "\r\n"}, b"/x?%C3%A4=%0D%0A"),
    ],
)
def test_targets(path: str, query: dict[str, str], target: bytes) -> None:
    assert BASE.target(path, query) == target


@pytest.mark.parametrize("path", ["", "models", "/x?y=1", "/x#y", "https://evil.com/"])
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(InvalidRequestError, match=r"^path: expected an absolute path") as caught:
        BASE.target(path, {})
    assert (caught.value.path, caught.value.value) == ("path", path)


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"^path: expected"):
        BASE.target("/models/\ud800", {})
    with pytest.raises(InvalidRequestError):
        BASE.target("/models", {"a": "\ud800"})


@given(st.text(st.characters(exclude_categories=["Cs"])))
@settings(deadline=None, max_examples=200)
def test_a_target_is_always_visible_ascii(path: str) -> None:
    try:
        target = BASE.target(f"/{path}", {path: path})
    except InvalidRequestError:
        assert "?" in path or "#" in path
        return
    assert all(0x21 <= byte <= 0x7E for byte in target)
