"""How a response came: what every returned object can tell besides its content."""

from collections.abc import Mapping

import msgspec

from trio_groq.errors import AttemptRecord, RateLimits

__all__ = ["ResponseMeta", "Timings"]


class Timings(msgspec.Struct, frozen=True):
    """Where the time of one call went, in seconds; None for what did not happen.

    Attributes:
        queue: Waiting for a connection to become free.
        connect: DNS, TCP and TLS of a new connection; None when one was reused.
        first_byte: From the start of sending until the first byte of the response.
        first_token: From the start of sending until the first chunk with text; streams only.
        total: The whole call, all its attempts and the waits between them.
    """

    queue: float | None = None
    connect: float | None = None
    first_byte: float | None = None
    first_token: float | None = None
    total: float | None = None


class ResponseMeta(msgspec.Struct, frozen=True):
    """How a response came.

    Attributes:
        request_id: The server's name for the call (`x-request-id`), for its support.
        status: HTTP status.
        headers: Response headers; names are case-insensitive.
        rate_limits: What the `x-ratelimit-*` headers say, None if there were none.
        attempts: How many times the call was sent, at least 1.
        history: The attempts before this one, which failed.
        timings: Where the time went.
    """

    request_id: str | None
    status: int
    headers: Mapping[str, str]
    rate_limits: RateLimits | None = None
    attempts: int = 1
    timings: Timings = Timings()
    history: tuple[AttemptRecord, ...] = ()

    def __repr__(self) -> str:
        names = (name for name in self.__struct_fields__ if name != "headers")
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"ResponseMeta({shown})"
