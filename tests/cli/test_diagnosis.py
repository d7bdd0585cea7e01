"""What the doctor makes of what it sees."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from trio_groq._api.auth import Secret
from trio_groq._http.messages import Headers, Origin
from trio_groq._http.proxies import ProxySettings
from trio_groq.cli._diagnosis import (
    Finding,
    certificate_end,
    judge_certificate,
    judge_clock,
    judge_failure,
    judge_key,
    judge_limits,
    judge_proxy,
    judge_settings,
    judge_url,
)
from trio_groq.errors import (
    APIConnectionError,
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
KEY = Secret("gsk_0123456789abcdefghijklmnopqrstuvWXYZ")
GROQ = Origin("https", "api.groq.com", 443)


@pytest.mark.parametrize(
    ("key", "status", "words"),
    [
        (None, "failed", "none is set"),
        (KEY, "ok", "...WXYZ, from GROQ_API_KEY"),
        (Secret("sk-proj-0123456789abcdef"), "warning", "does not begin with gsk_"),
        (lambda: "gsk_x", "ok", "a function"),
    ],
)
def test_the_key(key: object, status: str, words: str) -> None:
    found = judge_key(key)
    assert found.status == status
    assert words in found.detail
    assert (found.advice == "") == (status == "ok")
    assert "0123" not in repr(found)


def test_the_url() -> None:
    assert judge_url(GROQ, "https://api.groq.com").detail == "https://api.groq.com"
    other = judge_url(Origin("https", "gateway.test", 443), "https://gateway.test")
    assert other.detail.startswith("https://gateway.test, not Groq's own")


def test_no_proxy() -> None:
    settings = ProxySettings.from_env({}, schemes=("https",))
    assert judge_proxy({}, settings, GROQ) == (Finding("proxy", "ok", "none"), None)


def test_a_proxy_that_is_used() -> None:
    environ = {"HTTPS_PROXY": "http://user:secret@proxy.test:3128", "no_proxy": "other.test"}
    settings = ProxySettings.from_env(environ, schemes=("https",))
    finding, proxy = judge_proxy(environ, settings, GROQ)
    assert finding.detail == "http://proxy.test:3128, from HTTPS_PROXY, no_proxy"
    assert proxy is not None
    assert proxy.host == "proxy.test"


def test_a_proxy_that_is_not_used() -> None:
    environ = {"HTTPS_PROXY": "http://proxy.test", "NO_PROXY": "groq.com"}
    settings = ProxySettings.from_env(environ, schemes=("https",))
    finding, proxy = judge_proxy(environ, settings, GROQ)
    assert (finding.detail, proxy) == ("none for this host, by HTTPS_PROXY, NO_PROXY", None)


def test_the_end_of_a_certificate() -> None:
    assert certificate_end("Jan  1 00:00:00 3000 GMT") == datetime(3000, 1, 1, tzinfo=UTC)
    end = datetime(2027, 12, 31, 23, 59, 58, tzinfo=UTC)
    assert certificate_end("Dec 31 23:59:58 2027 GMT") == end


@pytest.mark.parametrize("text", ["", "soon", "Anf 1 00:00:00 2027 GMT", "Jan 1 now 2027 GMT"])
def test_an_end_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="certificate: expected its end as a date, got "):
        certificate_end(text)
    found = judge_certificate("TLSv1.3", text, NOW)
    assert (found.status, found.detail) == ("ok", "TLSv1.3, the certificate's end is not known")


def test_how_long_a_certificate_lasts() -> None:
    late = judge_certificate("TLSv1.3", "Jan 21 12:00:00 2027 GMT", NOW)
    assert (late.status, late.advice) == ("ok", "")
    assert late.detail == "TLSv1.3, certificate until 2027-01-21 (61 days)"
    soon = judge_certificate("TLSv1.3", "Dec  5 11:59:59 2026 GMT", NOW)
    assert (soon.status, soon.detail[-9:]) == ("warning", "(13 days)")
    assert judge_certificate("", "Dec  5 12:00:00 2026 GMT", NOW).status == "ok"


@pytest.mark.parametrize(
    ("ahead", "status", "detail"),
    [
        (0.0, "ok", "as the server's"),
        (4.9, "ok", "as the server's"),
        (-5.0, "warning", "5 s behind the server"),
        (299.0, "warning", "299 s ahead of the server"),
        (300.0, "failed", "300 s ahead of the server"),
        (-86_400.0, "failed", "86400 s behind the server"),
    ],
)
def test_the_clock(ahead: float, status: str, detail: str) -> None:
    date = format_datetime(datetime.fromtimestamp(NOW, UTC), usegmt=True)
    found = judge_clock(date, NOW + ahead)
    assert (found.status, found.detail) == (status, detail)
    assert (found.advice == "") == (status == "ok")


@pytest.mark.parametrize("date", [None, "", "today", "Mon, 99 Foo 2026 12:00:00 GMT"])
def test_no_date(date: str | None) -> None:
    assert judge_clock(date, NOW).status == "skipped"


def limits(**fields: str) -> Headers:
    return Headers(
        (f"x-ratelimit-{name.replace('_', '-')}".encode(), value.encode())
        for name, value in fields.items()
    )


def test_the_limits() -> None:
    plenty = judge_limits(
        limits(
            limit_requests="1000", remaining_requests="999", limit_tokens="6000",
            remaining_tokens="600",
        )
    )  # fmt: skip
    assert (plenty.status, plenty.advice) == ("ok", "")
    assert plenty.detail == "999 of 1000 requests a day; 600 of 6000 tokens a minute"
    few = judge_limits(limits(limit_tokens="6000", remaining_tokens="599"))
    assert (few.status, few.detail) == ("warning", "599 of 6000 tokens a minute")
    assert "settings/limits" in few.advice
    unknown = judge_limits(limits(limit_requests="1000"))
    assert (unknown.status, unknown.detail) == ("ok", "? of 1000 requests a day")
    half = judge_limits(limits(remaining_requests="5"))
    assert (half.status, half.detail) == ("ok", "stated without a limit")
    assert judge_limits({}).status == "skipped"
    assert judge_limits({}).advice == ""
    assert "--deep" in judge_limits({}, deep=False).advice


def test_a_setting_that_brings_its_own_advice_or_needs_none() -> None:
    error = ConfigurationError("TLS: expected certificate authorities")
    assert judge_settings(error).advice == ""
    error.add_note("Do this.")
    assert judge_settings(error).advice == "Do this."


def test_a_failure_has_the_errors_notes_as_its_advice() -> None:
    error = APIConnectionError("connecting to api.groq.com: refused")
    error.add_note("Do this.")
    error.add_note("Or that.")
    assert judge_failure("API", error) == Finding(
        "API", "failed", "connecting to api.groq.com: refused", "Do this. Or that."
    )
    for kind in (AuthenticationError, PermissionDeniedError):
        refused = kind("no", status_code=401)
        assert judge_failure("API", refused) == Finding("key accepted", "failed", "no")
