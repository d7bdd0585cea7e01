"""Durations, `x-ratelimit-*` and the wait that a server asks for."""

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared_data import DATA, needs_shared_data
from trio_groq._api.rate_limits import (
    MAX_MODELS,
    RateLimitBook,
    SeenRateLimits,
    parse_duration,
    parse_rate_limits,
    retry_after,
    wait_after,
)
from trio_groq._http.messages import Headers
from trio_groq.errors import RateLimitError, RateLimits, RateLimitWindow

HOUR, MINUTE, SECOND = 3600 * 10**9, 60 * 10**9, 10**9
NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the moment of RFC 9110's examples


def shared_json(name: str) -> Any:
    path = DATA / "groq" / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def go_format(nanoseconds: int) -> str:
    """Print a duration as Go's `Duration.String` does."""

    def decimal(value: int, digits: int) -> str:
        whole, rest = divmod(value, 10**digits)
        return f"{whole}.{rest:0{digits}}".rstrip("0").rstrip(".") if digits else str(whole)

    if nanoseconds == 0:
        return "0s"
    for unit, digits in (("ns", 0), ("µs", 3), ("ms", 6)):
        if nanoseconds < 10 ** (digits + 3):
            return decimal(nanoseconds, digits) + unit
    hours, rest = divmod(nanoseconds, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    text = decimal(rest, 9) + "s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0),
        ("6s", 6.0),
        ("7.66s", 7.66),
        ("2m59.56s", 179.56),
        ("12m57.599999999s", 777.599999999),
        ("1h39m21.6s", 5961.6),
        ("24h0m0s", 86400.0),
        ("1.5h", 5400.0),
        ("250ms", 0.25),
        ("329.999999ms", 0.329999999),
        ("100us", 1e-4),
        ("100\N{MICRO SIGN}s", 1e-4),
        ("100\N{GREEK SMALL LETTER MU}s", 1e-4),
        ("1ns", 1e-9),
        ("1.9ns", 1e-9),
        ("1s1h", 3601.0),
        ("9223372036854775807ns", (2**63 - 1) / 1e9),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "5",
        "0",
        "-5s",
        "+5s",
        "1h-",
        "1x",
        "soon",
        "REDACTED",
        "1.2.3s",
        ".5s",
        "1.s",
        "1e3s",
        "1 m",
        " 1s",
        "1s ",
        "1s\n",
        "1_0s",
        "infs",
        "nan",
        "\N{ARABIC-INDIC DIGIT ONE}s",
        "\N{SUPERSCRIPT TWO}s",
        "1S",
        "9223372036854775808ns",
        "9" * 20 + "h",
        "0" * 64 + "s",
        "9" * 100_000,
    ],
)
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@given(st.integers(0, 2**63 - 1) | st.integers(0, 10 * HOUR))
@settings(deadline=None, max_examples=300)
def test_parsing_inverts_go_formatting(nanoseconds: int) -> None:
    assert parse_duration(go_format(nanoseconds)) == nanoseconds / 10**9


@given(st.text(max_size=80) | st.text("0123456789.hmsuµn", max_size=80))
@settings(deadline=None, max_examples=300)
def test_any_text_gives_seconds_or_nothing(text: str) -> None:
    seconds = parse_duration(text)
    assert seconds is None or (0 <= seconds < math.inf)


@needs_shared_data
def test_recorded_durations() -> None:
    cases = shared_json("durations.json")
    assert len(cases) > 400
    assert sum(case["seconds"] is None for case in cases) == 11
    wrong = [c for c in cases if parse_duration(c["value"]) != c["seconds"]]
    assert wrong == []


RATE_LIMITS = {
    "x-ratelimit-limit-requests": "14400",
    "x-ratelimit-remaining-requests": "14370",
    "x-ratelimit-reset-requests": "2m59.56s",
    "x-ratelimit-limit-tokens": "18000",
    "x-ratelimit-remaining-tokens": "0",
    "x-ratelimit-reset-tokens": "7.66s",
}


def test_all_rate_limit_headers() -> None:
    assert parse_rate_limits(RATE_LIMITS) == RateLimits(
        requests=RateLimitWindow(limit=14400, remaining=14370, reset_after=179.56),
        tokens=RateLimitWindow(limit=18000, remaining=0, reset_after=7.66),
    )


def test_names_are_found_in_any_case() -> None:
    raw = [(name.encode(), value.encode()) for name, value in RATE_LIMITS.items()]
    assert parse_rate_limits(Headers(raw)) == parse_rate_limits(RATE_LIMITS)


def test_a_field_that_is_missing_or_unreadable_is_none() -> None:
    headers = {
        "x-ratelimit-limit-requests": "REDACTED",
        "x-ratelimit-remaining-tokens": "12",
        "x-ratelimit-reset-tokens": "soon",
    }
    assert parse_rate_limits(headers) == RateLimits(tokens=RateLimitWindow(remaining=12))


@pytest.mark.parametrize(
    "value",
    [
        "REDACTED",
        "",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "1_000",
        "1000, 1000",
        "9" * 19,
        "9" * 100_000,
        "\N{ARABIC-INDIC DIGIT ONE}",
        "inf",
    ],
)
def test_unreadable_counts(value: str) -> None:
    assert parse_rate_limits(dict.fromkeys(RATE_LIMITS, value)) is None


def test_no_rate_limit_headers() -> None:
    assert parse_rate_limits({"content-type": "application/json"}) is None


@needs_shared_data
def test_recorded_header_values() -> None:
    values: dict[str, dict[str, int]] = shared_json("header_values.json")
    names = [name for name in values if name.startswith("x-ratelimit-")]
    assert set(names) == set(RATE_LIMITS)
    for name in names:
        for value in values[name]:
            limits = parse_rate_limits({name: value})
            assert (limits is None) == (value == "REDACTED"), (name, value)
    for value in values["retry-after"]:
        assert retry_after({"retry-after": value}, None, NOW) == int(value)


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({}, None, None),
        ({}, "", None),
        ({"retry-after": "7"}, None, 7.0),
        ({"retry-after": "0"}, None, 0.0),
        ({"retry-after": "0.25"}, None, 0.25),
        ({"retry-after": "1m26.4s"}, None, 86.4),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT"}, None, 10.0),
        ({"retry-after": "Sunday, 06-Nov-94 08:49:47 GMT"}, None, 10.0),
        ({"retry-after": "Sun Nov  6 08:49:47 1994"}, None, 10.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 -0000"}, None, 10.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, None, 0.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:36 GMT"}, None, None),
        ({"retry-after": "Sun, 99 Foo 1994 08:49:36 GMT"}, None, None),
        ({"retry-after": "Sun, 06 Nov 1994 99:99:99 GMT"}, None, None),
        ({"retry-after": "::" * 50}, None, None),
        ({"retry-after-ms": "1500", "retry-after": "7"}, "try again in 3s", 1.5),
        ({"retry-after-ms": "12.5"}, None, 0.0125),
        ({"retry-after-ms": "0", "retry-after": "4"}, None, 4.0),
        ({"retry-after-ms": "0", "retry-after": "0"}, "try again in 3s", 3.0),
        ({"retry-after": "0"}, "try again in 250ms", 0.25),
        ({"retry-after-ms": "0"}, None, 0.0),
        ({"retry-after-ms": "0", "retry-after": "soon"}, "try again", 0.0),
        ({"retry-after-ms": "0.0"}, "try again in 0s", 0.0),
        ({"retry-after-ms": "soon", "retry-after": "7"}, None, 7.0),
        ({"retry-after": "7"}, "Please try again in 6.78s.", 7.0),
        ({"retry-after": "-1"}, "Please try again in 6.78s. Need more?", 6.78),
        ({"retry-after": "nan"}, None, None),
        ({"retry-after": "inf"}, None, None),
        ({"retry-after": "1e3"}, None, None),
        ({"retry-after": "5, 5"}, None, None),
        ({"retry-after": "9" * 400}, None, None),
        ({}, "Limit 100, Used 97. Please try again in 1h53m56.832s. Visit x", 6836.832),
        ({}, "Please try again in 329.999999ms", 0.329999999),
        ({}, "Please try again in 5 minutes", None),
        ({}, "Please try again in a while", None),
        ({}, "please reduce your message size and try again.", None),
    ],
)
def test_retry_after(headers: dict[str, str], message: str | None, seconds: float | None) -> None:
    assert retry_after(headers, message, NOW) == seconds


@given(value=st.text(max_size=80), message=st.text(max_size=80), now=st.floats(0, 4e9))
@settings(deadline=None, max_examples=200)
def test_retry_after_of_anything_is_a_wait_or_nothing(value: str, message: str, now: float) -> None:
    headers = {"retry-after": value, "retry-after-ms": value[::-1]}
    wait = retry_after(headers, f"try again in {message}", now)
    assert wait is None or (0 <= wait < math.inf)


@pytest.mark.parametrize("now", [0.0, NOW, 1e12], ids=["long ago", "now", "far ahead"])
@pytest.mark.parametrize(
    ("said_at", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:27 GMT", 10.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Sun, 06 Nov 1994 08:49:38 GMT", None),
    ],
    ids=["before", "the same", "after"],
)
def test_a_date_is_relative_to_that_of_its_response(
    said_at: str, seconds: float | None, now: float
) -> None:
    """Our own clock may be wrong."""
    headers = {"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT", "date": said_at}
    assert retry_after(headers, None, now) == seconds


@pytest.mark.parametrize("said_at", ["", "yesterday", "Sun, 99 Nov 1994 08:49:37 GMT", ":" * 200])
def test_without_a_date_that_can_be_read_our_clock_counts(said_at: str) -> None:
    headers = {"retry-after": "Thu, 01 Jan 1970 00:00:09 GMT", "date": said_at}
    assert retry_after(headers, None, 2.0) == 7.0


@given(
    day=st.integers(-1, 40),
    year=st.integers(-5, 99999),
    hour=st.integers(-1, 30),
    zone=st.sampled_from(["GMT", "UTC", "-0000", "+9999", "-9999", "+99999999", ""]),
)
@settings(deadline=None, max_examples=300)
def test_any_date_is_a_wait_or_nothing(day: int, year: int, hour: int, zone: str) -> None:
    date = f"Sun, {day:02} Nov {year} {hour:02}:00:00 {zone}"
    wait = retry_after({"retry-after": date}, None, NOW)
    assert wait is None or (0 <= wait < math.inf)


def test_dates_are_imported_only_when_one_comes() -> None:
    script = (
        "import sys, trio_groq._api.rate_limits as r;"
        "r.retry_after({'retry-after': '7'}, None, 0.0);"
        "assert 'email.utils' not in sys.modules;"
        "assert r.retry_after({'retry-after': 'Thu, 01 Jan 1970 00:00:09 GMT'}, None, 0.0) == 9;"
        "assert 'email.utils' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603 (our own script)


@needs_shared_data
def test_what_is_no_duration_states_no_reset() -> None:
    rejected = [case["value"] for case in shared_json("durations.json") if case["seconds"] is None]
    assert len(rejected) == 11
    for value in rejected:
        headers = RATE_LIMITS | {"x-ratelimit-reset-tokens": value, "retry-after": value}
        limits = parse_rate_limits(headers)
        assert limits is not None
        assert limits.tokens == RateLimitWindow(limit=18000, remaining=0)
        # A number is no duration, and yet a wait: `retry-after` has seconds.
        assert retry_after(headers, None, NOW) == (5.0 if value == "5" else None)


def limited(retry_after: float | None, rate_limits: RateLimits | None) -> RateLimitError:
    return RateLimitError("429", status_code=429, retry_after=retry_after, rate_limits=rate_limits)


EMPTY_TOKENS = RateLimitWindow(limit=6000, remaining=0, reset_after=7.5)
EMPTY_REQUESTS = RateLimitWindow(limit=30, remaining=0, reset_after=120.0)
SOME_TOKENS = RateLimitWindow(limit=6000, remaining=1, reset_after=59.9)


@pytest.mark.parametrize(
    ("named", "limits", "wait"),
    [
        (3.0, RateLimits(tokens=EMPTY_TOKENS), 3.0),
        (0.0, None, 1.0),
        (0.0, RateLimits(tokens=EMPTY_TOKENS), 7.5),
        (None, RateLimits(tokens=EMPTY_TOKENS), 7.5),
        (None, RateLimits(tokens=RateLimitWindow(remaining=0, reset_after=0.0)), 1.0),
        (None, RateLimits(tokens=SOME_TOKENS, requests=EMPTY_REQUESTS), 120.0),
        (None, RateLimits(tokens=EMPTY_TOKENS, requests=EMPTY_REQUESTS), 120.0),
        (None, RateLimits(tokens=SOME_TOKENS), 1.0),
        (None, RateLimits(tokens=RateLimitWindow(remaining=0)), 1.0),
        (None, None, 1.0),
    ],
)
def test_how_long_a_429_asks_to_wait(
    named: float | None, limits: RateLimits | None, wait: float
) -> None:
    assert wait_after(limited(named, limits)) == wait
    assert wait_after(limited(named, limits), 0.375) == (0.375 if wait == 1.0 else wait)


def test_a_book_tells_what_was_seen_last_and_how_long_ago() -> None:
    book = RateLimitBook()
    assert book.get("m", 5.0) is None
    book.note("m", RATE_LIMITS | {"x-ratelimit-remaining-tokens": "17000"}, 5.0)
    book.note("m", RATE_LIMITS, 10.0)
    book.note("n", Headers([(b"x-ratelimit-limit-tokens", b"6000")]), 11.0)
    book.note("m", {"content-type": "application/json"}, 12.0)  # says nothing, takes nothing
    assert book.get("m", 12.5) == SeenRateLimits(
        requests=RateLimitWindow(limit=14400, remaining=14370, reset_after=179.56),
        tokens=RateLimitWindow(limit=18000, remaining=0, reset_after=7.66),
        age=2.5,
    )
    assert book.get("n", 11.0) == SeenRateLimits(
        requests=RateLimitWindow(), tokens=RateLimitWindow(limit=6000), age=0.0
    )
    assert book.models() == ("m", "n")


def test_a_book_passes_over_what_cannot_be_read() -> None:
    book = RateLimitBook()
    book.note("m", {"x-ratelimit-limit-tokens": "REDACTED"}, 0.0)
    assert book.get("m", 0.0) is None


def test_a_book_is_bounded_and_forgets_the_oldest() -> None:
    book = RateLimitBook()
    book.note("first", RATE_LIMITS, 0.0)
    book.note("second", RATE_LIMITS, 0.0)
    book.note("first", RATE_LIMITS, 1.0)
    for number in range(MAX_MODELS - 1):
        book.note(str(number), RATE_LIMITS, 2.0)
    assert len(book.models()) == MAX_MODELS
    assert book.get("second", 3.0) is None
    assert book.get("first", 3.0) is not None
