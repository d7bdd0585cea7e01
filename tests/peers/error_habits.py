"""Habits of servers and proxies that refuse or fail."""

import gzip
import json

import attrs

from peers.raw_peer import Answer, head
from trio_groq import errors

__all__ = ["ERRORS", "ErrorHabit"]


@attrs.frozen
class ErrorHabit:
    """An answer that is an error.

    Attributes:
        status: Status and reason.
        body: The body.
        kind: The class that it must raise.
        said: What the message must have.
        code: `error.code`.
        content_type: The body's.
        fields: More fields of the head.
        retry_after: `error.retry_after`.
        reused: Whether the next request goes over the same connection.
    """

    status: str
    body: bytes
    kind: type[errors.APIError]
    said: str
    code: str | None = None
    content_type: str | None = "application/json"
    fields: tuple[str, ...] = ()
    retry_after: float | None = None
    reused: bool = True

    def answer(self) -> Answer:
        """The response."""
        first = head(
            *self.fields,
            f"Content-Length: {len(self.body)}",
            status=self.status,
            content_type=self.content_type,
        )
        return Answer([first, self.body] if self.body else [first])


def api_error(**fields: object) -> bytes:
    return json.dumps({"error": {"message": "no luck", **fields}}).encode()


PAGE = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n"
    b"</html>\r\n" + b"<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n" * 600
)

ERRORS: dict[str, ErrorHabit] = {
    "code is text": ErrorHabit(
        "400 Bad Request", api_error(code="bad"), errors.BadRequestError, "no luck", "bad"
    ),
    "code is a number": ErrorHabit(
        "400 Bad Request", api_error(code=400), errors.BadRequestError, "no luck", "400"
    ),
    "code is null": ErrorHabit(
        "404 Not Found", api_error(code=None), errors.NotFoundError, "no luck"
    ),
    "no reason phrase": ErrorHabit("422 ", api_error(), errors.UnprocessableEntityError, "no luck"),
    "error is text": ErrorHabit(
        "401 Unauthorized", b'{"error": "no luck"}', errors.AuthenticationError, "no luck"
    ),
    "message without error": ErrorHabit(
        "403 Forbidden", b'{"message": "no luck"}', errors.PermissionDeniedError, "no luck"
    ),
    "retry-after in seconds": ErrorHabit(
        "429 Too Many Requests",
        api_error(type="tokens", code="rate_limit_exceeded"),
        errors.RateLimitError,
        "no luck",
        "rate_limit_exceeded",
        fields=("Retry-After: 7",),
        retry_after=7.0,
    ),
    "retry-after is a date that has passed": ErrorHabit(
        "503 Service Unavailable",
        api_error(),
        errors.InternalServerError,
        "no luck",
        fields=("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT",),
    ),
    "a page": ErrorHabit(
        "502 Bad Gateway", PAGE, errors.InternalServerError, "502 Bad Gateway", None, "text/html"
    ),
    "a page that goes on and on": ErrorHabit(
        "502 Bad Gateway",
        PAGE * 20,
        errors.InternalServerError,
        "502 Bad Gateway",
        content_type="text/html",
        reused=False,
    ),
    "a compressed page": ErrorHabit(
        "504 Gateway Time-out",
        gzip.compress(PAGE),
        errors.InternalServerError,
        "502 Bad Gateway",
        content_type="text/html; charset=utf-8",
        fields=("Content-Encoding: gzip",),
    ),
    "plain text": ErrorHabit(
        "500 Oops", b"stack\ntrace", errors.InternalServerError, "stack trace", None, "text/plain"
    ),
    "nothing": ErrorHabit("529 ", b"", errors.OverloadedError, "no reason given", None, None),
    "a page with status 200": ErrorHabit(
        "200 OK", PAGE, errors.APIResponseValidationError, "502 Bad Gateway", None, "text/html"
    ),
    "a redirect": ErrorHabit(
        "302 Found", b"", errors.APIStatusError, "302", fields=("Location: https://elsewhere/",)
    ),
}
