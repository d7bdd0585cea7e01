"""What `trio-groq doctor` makes of what it sees: findings, each with what to do. No I/O."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal, TypeAlias

import attrs

from trio_groq._api.auth import Secret
from trio_groq._api.rate_limits import parse_rate_limits
from trio_groq._http.messages import Origin
from trio_groq._http.proxies import Proxy, ProxySettings
from trio_groq.errors import AuthenticationError, GroqError, PermissionDeniedError, RateLimitWindow

__all__ = [
    "Finding",
    "Status",
    "certificate_end",
    "judge_certificate",
    "judge_clock",
    "judge_failure",
    "judge_key",
    "judge_limits",
    "judge_proxy",
    "judge_settings",
    "judge_url",
]

Status: TypeAlias = Literal["ok", "warning", "failed", "skipped"]

KEY_PREFIX: Final = "gsk_"
"""What Groq's keys begin with."""
CERTIFICATE_DAYS: Final = 14
"""A certificate that ends sooner is worth a warning: they are renewed a month ahead."""
SKEW_WARNING: Final = 5.0
SKEW_FAILURE: Final = 300.0
"""Seconds that the clock may be off: dates of waits are wrong by as much, and beyond minutes
certificates and signed URLs stop being valid."""
LOW_LIMIT: Final = 0.1
"""Part of a rate limit below which what is left is little."""
_DAY: Final = 86_400
_GROQ: Final = "api.groq.com"
_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"

_END: Final = re.compile(r"([A-Z][a-z]{2}) +(\d+) (\d+):(\d+):(\d+) (\d{4}) GMT").fullmatch

_PROXY_VARIABLES: Final = ("https_proxy", "http_proxy", "all_proxy", "no_proxy")


@attrs.frozen
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What.
        status: How it is.
        detail: What was seen, one line.
        advice: What to do about it; empty for nothing.
    """

    name: str
    status: Status
    detail: str
    advice: str = ""


def judge_key(key: object) -> Finding:
    """Whether there is a key, and whether it looks like one. Whether it is taken is seen later."""
    if key is None:
        return Finding(
            "key",
            "failed",
            "none is set",
            "Make one at https://console.groq.com/keys and set GROQ_API_KEY.",
        )
    if not isinstance(key, Secret):
        return Finding("key", "ok", "a function is asked for it")
    if not key.reveal().startswith(KEY_PREFIX):
        return Finding(
            "key",
            "warning",
            f"{key}, from GROQ_API_KEY, does not begin with {KEY_PREFIX}",
            "Check that it is Groq's key and not another service's.",
        )
    return Finding("key", "ok", f"{key}, from GROQ_API_KEY")


def judge_url(origin: Origin, base_url: str) -> Finding:
    """Where the API is."""
    if origin.host == _GROQ:
        return Finding("base URL", "ok", base_url)
    return Finding(
        "base URL", "ok", f"{base_url}, not Groq's own: from GROQ_BASE_URL, GROQ_HOST or --base-url"
    )


def judge_proxy(
    environ: Mapping[str, str], settings: ProxySettings, origin: Origin
) -> tuple[Finding, Proxy | None]:
    """Which proxy the environment names, and whether it is for the API. Shows no password."""
    named = [
        name
        for variable in _PROXY_VARIABLES
        for name in (variable, variable.upper())
        if environ.get(name, "").strip()
    ]
    proxy = settings.proxy_for(origin)
    if proxy is not None:
        return Finding("proxy", "ok", f"{proxy}, from {', '.join(named)}"), proxy
    if named:
        return Finding("proxy", "ok", f"none for this host, by {', '.join(named)}"), None
    return Finding("proxy", "ok", "none"), None


def certificate_end(text: str) -> datetime:
    """The end of a certificate, such as `Jun  1 12:00:00 2027 GMT`.

    Raises:
        ValueError: It is no such date.
    """
    # Not by strptime: the month's name is English in every locale.
    found = _END(text)
    month, rest = divmod(_MONTHS.find(found[1]) if found else -1, len("Jan"))
    if found is None or rest:
        raise ValueError(f"certificate: expected its end as a date, got {text!r}")
    day, hours, minutes, seconds, year = map(int, found.groups()[1:])
    return datetime(year, month + 1, day, hours, minutes, seconds, tzinfo=UTC)


def judge_certificate(how: str, not_after: str, now: float) -> Finding:
    """How long the server's certificate lasts.

    Args:
        how: Version and cipher, for the detail.
        not_after: Its end, as OpenSSL writes it.
        now: Seconds since the epoch.
    """
    try:
        end = certificate_end(not_after)
    except ValueError:
        return Finding("TLS", "ok", f"{how}, the certificate's end is not known")
    days = int((end.timestamp() - now) // _DAY)
    detail = f"{how}, certificate until {end.date().isoformat()} ({days} days)"
    if days < CERTIFICATE_DAYS:
        return Finding("TLS", "warning", detail, "Whoever runs the server should renew it soon.")
    return Finding("TLS", "ok", detail)


def judge_clock(date: str | None, now: float) -> Finding:
    """Whether this machine's clock and the server's agree.

    Args:
        date: The response's `Date`.
        now: Seconds since the epoch when it came; the way it took is within the second that
            such dates are rounded to.
    """
    try:
        theirs = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Finding("clock", "skipped", "the server sent no date")
    skew = now - theirs
    detail = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the server"
    if abs(skew) < SKEW_WARNING:
        return Finding("clock", "ok", "as the server's")
    status: Status = "warning" if abs(skew) < SKEW_FAILURE else "failed"
    advice = "Set the clock, and have it kept right (NTP): certificates and waits depend on it."
    return Finding("clock", status, detail, advice)


def judge_limits(headers: Mapping[str, str], *, deep: bool = True) -> Finding:
    """What is left of the rate limits that a response states.

    Args:
        headers: The response's.
        deep: Whether a model was asked: what is asked of none seldom states limits.
    """
    limits = parse_rate_limits(headers)
    if limits is None:
        advice = "" if deep else "Use --deep: a model's response states them."
        return Finding("rate limits", "skipped", "no response stated any", advice)
    windows = {"requests a day": limits.requests, "tokens a minute": limits.tokens}
    shown = [f"{_left(window)} {what}" for what, window in windows.items() if window.limit]
    is_low = any(_is_low(window) for window in windows.values())
    if is_low:
        advice = "Slow down, or have the limits raised: https://console.groq.com/settings/limits"
        return Finding("rate limits", "warning", "; ".join(shown), advice)
    return Finding("rate limits", "ok", "; ".join(shown) or "stated without a limit")


def _left(window: RateLimitWindow) -> str:
    left = "?" if window.remaining is None else str(window.remaining)
    return f"{left} of {window.limit}"


def _is_low(window: RateLimitWindow) -> bool:
    if window.limit is None or window.remaining is None:
        return False
    return window.remaining < window.limit * LOW_LIMIT


def judge_settings(error: GroqError) -> Finding:
    """A setting that is not valid. The message begins with the variable or the field."""
    found = judge_failure("settings", error)
    name = str(error).partition(":")[0]
    if found.advice:
        return found
    if name.lower() in _PROXY_VARIABLES:
        advice = f"Correct {name}, such as http://proxy.example:3128, or unset it."
    elif name in {"GROQ_BASE_URL", "GROQ_HOST"}:
        advice = f"Correct {name}, such as https://api.groq.com, or unset it for Groq's own."
    elif name == "base_url":
        advice = "Correct --base-url, such as https://api.groq.com."
    elif name.isupper() and "_" in name:
        advice = f"Correct {name}, or unset it."
    else:
        return found
    return attrs.evolve(found, advice=advice)


def judge_failure(name: str, error: GroqError) -> Finding:
    """A call or a setting that failed; what to do is in the error's notes."""
    notes: Sequence[str] = getattr(error, "__notes__", ())
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        name = "key accepted"
    return Finding(name, "failed", str(error), " ".join(notes))
