"""The small frozen records that errors carry."""

import msgspec

__all__ = ["AttemptRecord", "RateLimitWindow", "RateLimits", "RequestInfo"]


class RequestInfo(msgspec.Struct, frozen=True):
    """What an error tells of the request that it belongs to. Never its headers.

    Attributes:
        method: HTTP method, upper case.
        url: Absolute URL without query, user or password.
    """

    method: str
    url: str


class RateLimitWindow(msgspec.Struct, frozen=True):
    """One limit as the server last stated it; a field it did not state is None.

    Attributes:
        limit: Units granted in one window.
        remaining: Units left in this window.
        reset_after: Seconds from the response until the window is full again.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_after: float | None = None


class RateLimits(msgspec.Struct, frozen=True):
    """The two limits of the `x-ratelimit-*` headers.

    Attributes:
        requests: Requests a day.
        tokens: Tokens a minute.
    """

    requests: RateLimitWindow = RateLimitWindow()
    tokens: RateLimitWindow = RateLimitWindow()


class AttemptRecord(msgspec.Struct, kw_only=True, frozen=True):
    """One attempt of a call that failed.

    Attributes:
        number: Which, from 1.
        started: Seconds from the call's begin.
        duration: Seconds until it failed.
        error: What it failed with: kind and message.
        status: HTTP status of its response, None without one.
        request_id: The server's name for it, None if unknown.
        wait: Seconds that the retry policy had the next one wait; None if there was to be none.
    """

    number: int
    started: float
    duration: float
    error: str
    status: int | None = None
    request_id: str | None = None
    wait: float | None = None
