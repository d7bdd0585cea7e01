"""Where, and with which key."""

import pytest

from trio_groq.cli._output import UsageFailure
from trio_groq.cli._settings import settings


def test_the_environment_and_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    monkeypatch.setenv("GROQ_BASE_URL", "https://a.example")
    assert settings(None).base_url == "https://a.example"
    assert settings("https://b.example").base_url == "https://b.example"
    assert settings(None).api_key is not None


@pytest.mark.parametrize(
    ("key", "base_url", "message"),
    [
        (None, None, "^no API key: set GROQ_API_KEY "),
        ("a\nb", None, "^GROQ_API_KEY: expected"),
        ("gsk_test", "ftp://x", "^base_url: expected"),
    ],
    ids=["no key", "a key that is none", "a base URL that is none"],
)
def test_what_cannot_work(
    monkeypatch: pytest.MonkeyPatch, key: str | None, base_url: str | None, message: str
) -> None:
    if key is not None:
        monkeypatch.setenv("GROQ_API_KEY", key)
    with pytest.raises(UsageFailure, match=message):
        settings(base_url)
