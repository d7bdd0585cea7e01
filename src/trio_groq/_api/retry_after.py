"""How long a response asks to wait, by its headers or its words.

Whatever cannot be read is left out, never guessed and never an error.
"""

import re
from collections.abc import Mapping

from trio_groq._api.rate_limits import parse_duration

__all__ = ["retry_after"]

# 18 digits fit into 64 bits; no wait comes near.
_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")
_TRY_AGAIN_IN = re.compile(r"try again in ([0-9][0-9a-zµμ.]{0,63})")

# The longest form of an HTTP-date has 33 characters (RFC 9110, 5.6.7).
MAX_DATE_CHARS = 64


def retry_after(headers: Mapping[str, str], body_message: str | None, now: float) -> float | None:
    """Find how long the server asks to wait: the first of these that can be read.

    `retry-after-ms` (milliseconds); `retry-after` (seconds, an HTTP-date or a duration); the
    words "try again in 6.78s" of the error's message. A moment in the past counts as unreadable.

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
    if milliseconds is not None:
        return milliseconds / 1000
    seconds = _header_wait(headers.get("retry-after", ""), headers.get("date", ""), now)
    return seconds if seconds is not None else _message_wait(body_message or "")


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
    import datetime as dt  # noqa: PLC0415 (slow to import, and dates are rare)
    import email.utils  # noqa: PLC0415 (the same)

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
