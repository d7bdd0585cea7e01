"""Which proxy for which origin: URLs, the environment, and what is reached without one."""

import pickle
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_groq._http.messages import Origin
from trio_groq._http.proxies import (
    Credentials,
    Proxy,
    ProxySettings,
    as_proxy,
)
from trio_groq._http.proxy_exemptions import parse_no_proxy
from trio_groq.errors import ConfigurationError

GROQ = Origin("https", "api.groq.com", 443)

URLS = {
    "http://proxy.test": Proxy("http", "proxy.test", 80),
    "http://proxy.test:3128/": Proxy("http", "proxy.test", 3128),
    "HTTPS://Proxy.Test": Proxy("https", "proxy.test", 443),
    "proxy.test:3128": Proxy("http", "proxy.test", 3128),
    "proxy.test": Proxy("http", "proxy.test", 80),
    " socks5://127.0.0.1 ": Proxy("socks5", "127.0.0.1", 1080),
    "socks5h://[::1]:9050": Proxy("socks5h", "::1", 9050),
    "http://[0:0::1]": Proxy("http", "::1", 80),
    "http://bücher.test": Proxy("http", "xn--bcher-kva.test", 80),
    "http://u:p@proxy.test": Proxy("http", "proxy.test", 80, Credentials(b"u", b"p")),
    "u:p@proxy.test:1": Proxy("http", "proxy.test", 1, Credentials(b"u", b"p")),
    "http://u@proxy.test": Proxy("http", "proxy.test", 80, Credentials(b"u", b"")),
    "http://:p@proxy.test": Proxy("http", "proxy.test", 80, Credentials(b"", b"p")),
    "http://@proxy.test": Proxy("http", "proxy.test", 80),
    "http://a%40b:%3A%2F%C3%A9@p.test": Proxy(
        "http", "p.test", 80, Credentials(b"a@b", b":/\xc3\xa9")
    ),
}


@pytest.mark.parametrize("url", URLS)
def test_urls(url: str) -> None:
    assert as_proxy(url) == URLS[url]


def test_what_is_no_url_stays_as_it_is() -> None:
    proxy = Proxy("http", "proxy.test", 80)
    assert as_proxy(proxy) is proxy
    assert as_proxy(None) is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "expected scheme://"),
        ("http://", "expected scheme://"),
        ("ftp://proxy.test", "expected http, https, socks5 or socks5h, got scheme 'ftp'"),
        ("socks4://proxy.test", "got scheme 'socks4'"),
        ("socks://proxy.test", "got scheme 'socks'"),
        ("http://proxy.test/path", "expected scheme://"),
        ("http://proxy.test?query", "expected scheme://"),
        ("http://proxy.test#part", "expected scheme://"),
        ("http://proxy.test:0", "expected scheme://"),
        ("http://proxy.test:65536", "expected scheme://"),
        ("http://proxy.test:http", "expected scheme://"),
        ("http://[::1", "expected scheme://"),
        ("http://[proxy.test]", "expected scheme://"),
        ("http://-proxy.test", "expected scheme://"),
        ("http://" + "a." * 127 + "test", "expected scheme://"),
        ("http://" + "a" * 64, "expected scheme://"),
        ("http://pro xy.test", "spaces or control characters"),
        ("http://pro\nxy.test", "spaces or control characters"),
        ("http://u%0a:p@proxy.test", "control characters in user and password"),
        ("http://u:p%00@proxy.test", "control characters in user and password"),
        ("http://a%3ab:p@proxy.test", "no colon in the user"),
        ("socks5://:p@proxy.test", "a user, and at most 255 bytes"),
        ("socks5://u:" + "p" * 256 + "@proxy.test", "a user, and at most 255 bytes"),
        ("socks5://" + "u" * 256 + "@proxy.test", "a user, and at most 255 bytes"),
        (7, "expected a URL, got int"),
    ],
)
def test_what_is_no_proxy(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^proxy: ") as caught:
        as_proxy(url)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@[::1",
        "http://user:hunter2@proxy.test:x",
        "http://user:hunter2@proxy.test/x",
        "http://user:/hunter2@proxy.test",
        "http://user:#hunter2@proxy.test",
        "http://user: hunter2@proxy.test",
        "ftp://user:hunter2@proxy.test",
        "http://user%3a:hunter2@proxy.test",
        "http://user%0a:hunter2@proxy.test",
    ],
)
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        as_proxy(url)
    told = "".join(traceback.format_exception(caught.value))
    lines = [line for line in told.splitlines() if "Error" in line]
    assert lines
    assert "hunter2" not in "".join(lines)
    assert "hunter2" not in repr(caught.value.__context__)


def test_a_proxy_shows_no_credentials() -> None:
    proxy = as_proxy("https://user:hunter2@proxy.test")
    assert proxy is not None
    assert proxy.credentials is not None
    settings = ProxySettings.all_through(proxy)
    shown = [f"{thing!r}{thing!s}" for thing in (proxy, proxy.credentials, settings)]
    assert "hunter2" not in "".join(shown)
    assert "hunter2" not in repr(msgspec.structs.asdict(settings))
    assert str(proxy) == "https://proxy.test:443"
    assert repr(proxy) == "<Proxy https://proxy.test:443>"
    assert proxy != "https://proxy.test:443"
    assert len({proxy, as_proxy("https://user:hunter2@PROXY.test")}) == 1
    assert str(as_proxy("http://[::1]:1")) == "http://[::1]:1"
    for secret in (proxy, proxy.credentials):
        with pytest.raises(TypeError, match="never to be pickled"):
            pickle.dumps(secret)


def test_credentials() -> None:
    mine = Credentials(b"Aladdin", b"open sesame")
    assert mine.basic() == b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="  # the RFC's own example
    assert mine.reveal() == (b"Aladdin", b"open sesame")
    assert mine == Credentials(b"Aladdin", b"open sesame")
    assert mine != Credentials(b"Aladdin", b"")
    assert mine != "Aladdin"
    assert len({mine, Credentials(b"Aladdin", b"open sesame")}) == 1


# -- the environment


P1, P2, P3 = (Proxy("http", f"p{number}.test", 80) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("environ", "https", "http"),
    [
        ({}, None, None),
        ({"https_proxy": "p1.test"}, P1, None),
        ({"HTTPS_PROXY": "p1.test"}, P1, None),
        ({"https_proxy": "p1.test", "HTTPS_PROXY": "p2.test"}, P1, None),
        ({"https_proxy": "", "HTTPS_PROXY": "p2.test"}, P2, None),
        ({"https_proxy": " ", "HTTPS_PROXY": ""}, None, None),
        ({"http_proxy": "p1.test"}, None, P1),
        ({"HTTP_PROXY": "p1.test"}, None, P1),
        ({"HTTP_PROXY": "p1.test", "REQUEST_METHOD": "GET"}, None, None),
        ({"HTTP_PROXY": "p1.test", "ALL_PROXY": "p2.test", "REQUEST_METHOD": "GET"}, P2, P2),
        ({"http_proxy": "p1.test", "REQUEST_METHOD": "GET"}, None, P1),
        ({"HTTPS_PROXY": "p1.test", "REQUEST_METHOD": "GET"}, P1, None),
        ({"all_proxy": "p1.test"}, P1, P1),
        ({"ALL_PROXY": "p1.test"}, P1, P1),
        ({"ALL_PROXY": "p1.test", "HTTPS_PROXY": "p2.test", "http_proxy": "p3.test"}, P2, P3),
    ],
)
def test_the_environment(environ: dict[str, str], https: Proxy | None, http: Proxy | None) -> None:
    settings = ProxySettings.from_env(environ, schemes=("https", "http"))
    assert (settings.https, settings.http) == (https, http)


def test_what_no_origin_needs_is_not_looked_at() -> None:
    environ = {"HTTPS_PROXY": "p1.test", "ALL_PROXY": "socks://nonsense"}
    assert ProxySettings.from_env(environ, schemes=["https"]).https == P1
    with pytest.raises(ConfigurationError, match=r"^ALL_PROXY: expected http"):
        ProxySettings.from_env(environ, schemes=["https", "http"])


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_is_never_reached_through_the_environment_s_proxy(host: str) -> None:
    origin = Origin("http", host, 8000)
    found = ProxySettings.from_env({"ALL_PROXY": "p1.test"}, schemes=["http"])
    assert found.proxy_for(origin) is None
    assert ProxySettings.all_through(P1).proxy_for(origin) == P1


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_no_proxy_from_the_environment(name: str) -> None:
    environ = {"ALL_PROXY": "p1.test", name: "other.test, groq.com"}
    found = ProxySettings.from_env(environ, schemes=["https"])
    assert found.proxy_for(GROQ) is None
    assert found.proxy_for(Origin("https", "groq.test", 443)) == P1


def test_lower_case_no_proxy_goes_first() -> None:
    environ = {"ALL_PROXY": "p1.test", "no_proxy": "other.test", "NO_PROXY": "*"}
    assert ProxySettings.from_env(environ, schemes=["https"]).proxy_for(GROQ) == P1


def test_socks_is_told() -> None:
    assert ProxySettings.all_through(as_proxy("socks5://a.test")).use_socks
    assert not ProxySettings.all_through(P1).use_socks
    assert not ProxySettings().use_socks


# -- exemptions


@pytest.mark.parametrize(
    ("listed", "host", "port", "exempt"),
    [
        ("*", "api.groq.com", 443, True),
        ("*", "10.0.0.1", 443, True),
        ("*:8080", "api.groq.com", 443, False),
        ("", "api.groq.com", 443, False),
        (" , ,", "api.groq.com", 443, False),
        ("groq.com", "groq.com", 443, True),
        ("groq.com", "api.groq.com", 443, True),
        ("groq.com", "API.GROQ.COM.", 443, True),
        ("GROQ.com.", "api.groq.com", 443, True),
        (".groq.com", "groq.com", 443, True),
        ("*.groq.com", "api.groq.com", 443, True),
        ("groq.com", "mygroq.com", 443, False),
        ("groq.com", "groq.com.test", 443, False),
        ("api.groq.com", "groq.com", 443, False),
        ("groq.com:443", "api.groq.com", 443, True),
        ("groq.com:8443", "api.groq.com", 443, False),
        ("groq.com:", "api.groq.com", 443, False),
        ("groq.com:x", "api.groq.com", 443, False),
        ("groq.com:99999", "api.groq.com", 443, False),
        ("groq.com:\u0664\u0664\u0663", "api.groq.com", 443, False),
        ("10.0.0.1", "10.0.0.1", 443, True),
        ("10.0.0.1", "10.0.0.2", 443, False),
        ("10.0.0.1:443", "10.0.0.1", 443, True),
        ("10.0.0.1:80", "10.0.0.1", 443, False),
        ("0.1", "10.0.0.1", 443, False),
        ("10.0.0.0/8", "10.9.9.9", 443, True),
        ("10.0.0.7/8", "10.9.9.9", 443, True),
        ("10.0.0.0/8", "11.0.0.1", 443, False),
        ("10.0.0.0/8:443", "10.0.0.1", 443, True),
        ("10.0.0.0/8:80", "10.0.0.1", 443, False),
        ("10.0.0.0/99", "10.0.0.1", 443, False),
        ("10.0.0.0/8", "::ffff:10.0.0.1", 443, True),
        ("::ffff:10.0.0.1", "10.0.0.1", 443, True),
        ("::ffff:10.0.0.1", "::ffff:a00:1", 443, True),
        ("::ffff:10.0.0.1", "10.0.0.2", 443, False),
        ("::ffff:10.0.0.0/104", "10.9.9.9", 443, True),
        ("[::ffff:10.0.0.1]:443", "10.0.0.1", 443, True),
        ("::/0", "10.0.0.1", 443, False),
        ("10.0.0.0/8", "name.test", 443, False),
        ("fd00::/8", "fd12::1", 443, True),
        ("fd00::/8", "fe80::1", 443, False),
        ("::1", "::1", 443, True),
        ("[::1]", "::1", 443, True),
        ("[::1]:443", "::1", 443, True),
        ("[::1]:80", "::1", 443, False),
        ("[::1]x", "::1", 443, False),
        ("[fd00::/8]:443", "fd12::1", 443, True),
        ("[nonsense]:443", "::1", 443, False),
        ("other.test,  groq.com ,x", "api.groq.com", 443, True),
    ],
)
def test_exemptions(listed: str, host: str, port: int, exempt: bool) -> None:
    settings = ProxySettings(https=P1, exemptions=parse_no_proxy(listed))
    expected = None if exempt else P1
    assert settings.proxy_for(Origin("https", host, port)) == expected


@given(st.text(max_size=60))
def test_any_no_proxy_can_be_read(text: str) -> None:
    settings = ProxySettings(https=P1, exemptions=parse_no_proxy(text))
    assert settings.proxy_for(GROQ) in {P1, None}


@given(st.text(max_size=40))
def test_any_url_is_a_proxy_or_a_configuration_error(text: str) -> None:
    try:
        proxy = as_proxy(text)
    except ConfigurationError:
        return
    assert proxy is not None
    assert 1 <= proxy.port <= 65_535
    assert proxy.host.isascii()
