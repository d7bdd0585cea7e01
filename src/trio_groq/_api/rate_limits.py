"""What response headers and error messages say about limits and waits, as records.

Groq states its limits in `x-ratelimit-*` headers: requests a day and tokens a minute, with the
time to the reset as Go prints a duration (`2m59.56s`). Other limits (tokens a day, requests a
minute, seconds of audio) are in no header; the message of a 429 is the only place that tells
how long to wait for them.

Whatever cannot be read is left out, never guessed and never an error: a bad hint must not break
a good response.

Source: https://console.groq.com/docs/rate-limits
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, final

import msgspec

from trio_groq.errors import RateLimitError, RateLimits, RateLimitWindow

__all__ = [
    "RateLimitBook",
    "SeenRateLimits",
    "parse_duration",
    "parse_rate_limits",
    "retry_after",
    "wait_after",
]

MAX_MODELS: Final = 128
"""Models remembered; the API has some twenty. The one unheard of for longest is forgotten first."""
UNNAMED_WAIT: Final = 1.0
"""Seconds to wait after a 429 that names no moment, at first."""

_NANOSECONDS = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ns": 1,
}
_NANOSECONDS_PER_SECOND = 1_000_000_000

# The longest that Go prints has 24 characters. Python's int() is quadratic in the digits.
MAX_DURATION_CHARS = 64
# Go counts nanoseconds in 64 bits with sign, some 292 years; more is no duration.
_MAX_NANOSECONDS = 2**63 - 1

# `ms` stands before `m`, which is its prefix; [0-9], since \d takes the digits of every script.
_PART = r"([0-9]+)(?:\.([0-9]+))?(h|ms|m|s|us|µs|μs|ns)"
_PARTS = re.compile(_PART)
_DURATION = re.compile(f"(?:{_PART})+")

# 18 digits fit into 64 bits; no limit comes near.
_COUNT = re.compile(r"[0-9]{1,18}")
_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")

_TRY_AGAIN_IN = re.compile(r"try again in ([0-9][0-9a-zµμ.]{0,63})")

# The longest form of an HTTP-date has 33 characters (RFC 9110, 5.6.7).
MAX_DATE_CHARS = 64


def parse_duration(text: str) -> float | None:
    """Read a duration as Go prints it, such as `1h39m21.6s`, `329.999999ms` or `0s`.

    The sum is taken in whole nanoseconds, and so the result is the float nearest to what is
    written. Digits below a nanosecond are dropped.

    Args:
        text: Digits with at most one dot, and a unit out of h, m, s, ms, us, ns; once or more
            often, without spaces or sign.

    Returns:
        Seconds, 0 or more; None if this is no such duration.

    Source: https://pkg.go.dev/time#ParseDuration
    """
    if len(text) > MAX_DURATION_CHARS or not _DURATION.fullmatch(text):
        return None
    total = 0
    for whole, fraction, unit in _PARTS.findall(text):
        scale = _NANOSECONDS[unit]
        total += int(whole) * scale + int(fraction or "0") * scale // 10 ** len(fraction)
    return total / _NANOSECONDS_PER_SECOND if total <= _MAX_NANOSECONDS else None


def parse_rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """Read the `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` headers.

    Args:
        headers: Header fields; names are looked up in lower case.

    Returns:
        The two limits, None in each field that is missing or unreadable; None when all are.
    """
    limits = RateLimits(requests=_window(headers, "requests"), tokens=_window(headers, "tokens"))
    return None if limits == RateLimits() else limits


def _window(headers: Mapping[str, str], unit: str) -> RateLimitWindow:
    return RateLimitWindow(
        limit=_count(headers.get(f"x-ratelimit-limit-{unit}", "")),
        remaining=_count(headers.get(f"x-ratelimit-remaining-{unit}", "")),
        reset_after=parse_duration(headers.get(f"x-ratelimit-reset-{unit}", "")),
    )


def _count(text: str) -> int | None:
    return int(text) if _COUNT.fullmatch(text) else None


def wait_after(error: RateLimitError, unnamed: float = UNNAMED_WAIT) -> float:
    """How long a 429 asks to wait.

    Args:
        error: The 429.
        unnamed: Seconds to wait where it names none (or none at all, 0), 0 or more.

    Returns:
        The seconds that it names; else those to the reset of the limit that has nothing left (the
        longest, if both have not); else `unnamed`.
    """
    if error.retry_after:
        return error.retry_after
    limits = error.rate_limits or RateLimits()
    windows = (limits.requests, limits.tokens)
    resets = [window.reset_after for window in windows if window.remaining == 0]
    return max((reset for reset in resets if reset), default=unnamed)


def retry_after(headers: Mapping[str, str], body_message: str | None, now: float) -> float | None:
    """Find how long the server asks to wait: the first of these that can be read and is not 0.

    `retry-after-ms` (milliseconds); `retry-after` (seconds, an HTTP-date or a duration); the
    words "try again in 6.78s" of the error's message. A moment in the past counts as unreadable,
    and 0 as said only if no other says more: it is what a fraction was rounded down to.

    Args:
        headers: Header fields; names are looked up in lower case.
        body_message: The message of the error in the body, if there is one.
        now: Seconds since the Unix epoch, to which a date is relative where the response has no
            `date` of its own: the server knows best what its clock said, and ours may be wrong.

    Returns:
        Seconds, 0 or more and finite; None if the server does not say.

    Source: RFC 9110, 6.6.1 and 10.2.3; `retry-after-ms` and the message are Groq's own.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds:
        return milliseconds / 1000
    seconds = _header_wait(headers.get("retry-after", ""), headers.get("date", ""), now)
    if seconds:
        return seconds
    wait = _message_wait(body_message or "")
    return 0.0 if wait is None and (milliseconds, seconds) != (None, None) else wait


def _header_wait(text: str, date: str, now: float) -> float | None:
    seconds = _number(text)
    if seconds is None:
        seconds = parse_duration(text)
    if seconds is not None:
        return seconds
    moment = _moment(text)
    if moment is None:
        return None
    said_at = _moment(date)
    wait = moment - (now if said_at is None else said_at)
    return wait if wait >= 0 else None


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _moment(text: str) -> float | None:
    """An HTTP-date in seconds since the Unix epoch."""
    # Each form of a date has a time of day with colons: nothing is imported for other rubbish.
    if ":" not in text or len(text) > MAX_DATE_CHARS:
        return None
    try:
        import datetime as dt  # noqa: PLC0415 (slow to import, and dates are rare)
        import email.utils  # noqa: PLC0415 (the same)
    except (ImportError, OSError):  # no file can be opened: the wait is one that is not named
        return None

    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    if moment.tzinfo is None:  # the form of C's asctime names no zone, and means UTC
        moment = moment.replace(tzinfo=dt.UTC)
    return moment.timestamp()


def _message_wait(message: str) -> float | None:
    found = _TRY_AGAIN_IN.search(message)
    # The full stop that ends the sentence is no part of the duration.
    return parse_duration(found[1].rstrip(".")) if found else None


class SeenRateLimits(msgspec.Struct, kw_only=True, frozen=True):
    """The limits of one model as a response last stated them.

    Attributes:
        requests: Requests a day.
        tokens: Tokens a minute.
        age: Seconds since that response; its `reset_after` counts from then. Not a number if there
            was no clock to ask.
    """

    requests: RateLimitWindow
    tokens: RateLimitWindow
    age: float


@final
class RateLimitBook:
    """The last limits that were seen, by model. `now` is a clock in seconds that never goes back.

    They are parsed when somebody asks: most responses' are seen by nobody.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[Mapping[str, str], float]] = OrderedDict()

    def note(self, model: str, headers: Mapping[str, str], now: float) -> None:
        """A response for the model has come; one that states no limits is passed over."""
        if (
            "x-ratelimit-limit-requests" not in headers
            and "x-ratelimit-limit-tokens" not in headers
        ):
            return
        self._seen[model] = headers, now
        self._seen.move_to_end(model)
        if len(self._seen) > MAX_MODELS:
            self._seen.popitem(last=False)

    def get(self, model: str, now: float) -> SeenRateLimits | None:
        """What was seen last of the model; None if nothing (readable) was."""
        seen = self._seen.get(model)
        limits = None if seen is None else parse_rate_limits(seen[0])
        if seen is None or limits is None:
            return None
        return SeenRateLimits(requests=limits.requests, tokens=limits.tokens, age=now - seen[1])

    def models(self) -> tuple[str, ...]:
        """The models of which something was seen, the last one last."""
        return tuple(self._seen)
