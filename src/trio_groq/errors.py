"""The exception tree, and the small frozen records that errors carry.

Lowest layer of the package: everything may import it. Who is at
fault decides the class: the caller before anything is sent (`ConfigurationError`,
`InvalidRequestError`), the network (`APIConnectionError` and below), the server
(`APIStatusError` and below), or what the server sent (`APIResponseValidationError`,
`StreamError`). Cancellation by the caller is `trio.Cancelled` and is never any of these.

No error holds a request's headers, and what looks like a key is hidden in every message: it may
have been given in a wrong place, or be repeated by the server.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from trio_groq._error_records import AttemptRecord, RateLimits, RateLimitWindow, RequestInfo
from trio_groq._secrets import hidden_in, mask, picklable

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AttemptRecord",
    "AuthenticationError",
    "BadRequestError",
    "CapacityExceededError",
    "CircuitOpenError",
    "ConfigurationError",
    "ConflictError",
    "ContentFilterError",
    "ContextLengthExceededError",
    "ConversationWarning",
    "CutOffError",
    "FailedDependencyError",
    "GroqError",
    "InternalServerError",
    "InvalidRequestError",
    "MaxStepsError",
    "ModelNotFoundError",
    "ModelWarning",
    "NotFoundError",
    "OverloadedError",
    "PermissionDeniedError",
    "PoolTimeoutError",
    "ProtocolError",
    "RateLimitError",
    "RateLimitWindow",
    "RateLimits",
    "RefusalError",
    "RequestInfo",
    "RequestTooLargeError",
    "StreamError",
    "ToolUseFailedError",
    "UnprocessableEntityError",
]

Phase = Literal[
    "key",
    "rate_limit",
    "pool",
    "connect",
    "tls",
    "write",
    "first_byte",
    "read",
    "first_token",
    "total",
]
"""What was being waited for when a time limit of ours ended the wait; `key` is the function that is
asked for the API key, which has no limit of its own but that of the whole call."""


_E = TypeVar("_E", bound="GroqError")


def _restore(cls: type[_E], args: tuple[object, ...], state: dict[str, Any]) -> _E:
    """Rebuild a pickled error without calling its constructor, whose keywords pickle forgets."""
    error = cls.__new__(cls)
    error.args = args
    error.__dict__.update(state)
    return error


class GroqError(Exception):
    """Base of every error that this package raises on purpose.

    Attributes:
        is_retryable: Whether the same call, made again later, may succeed.
    """

    is_retryable: bool = False

    def __init__(self, *args: object) -> None:
        super().__init__(*[mask(each) if isinstance(each, str) else each for each in args])

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by state: the constructors take keywords, which the default forgets."""
        return _restore, (type(self), self.args, self.__dict__)


class ConfigurationError(GroqError):
    """The client was set up wrongly. Raised before any I/O."""


class InvalidRequestError(GroqError):
    """A parameter is wrong. Raised before anything is sent.

    Attributes:
        path: The parameter, `messages[0].role` style; empty when no single one is at fault.
        value: What was given, what looks like a key hidden in it; after a pickle its `repr`, where
            it cannot be pickled itself.
    """

    def __init__(self, message: str, *, path: str = "", value: object = None) -> None:
        super().__init__(message)
        self.path: str = mask(path)
        self.value: object = hidden_in(value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle whatever the value is: a function, an open file."""
        state = {name: picklable(value) for name, value in self.__dict__.items()}
        return _restore, (type(self), self.args, state)


class ConversationWarning(UserWarning):
    """The messages of a request do not hold together.

    A tool call has no answer, or an answer no call. For a client with `strict_validation=True`
    this is an `InvalidRequestError`.
    """


class ModelWarning(UserWarning):
    """A request asks for what its model, by all that is known of it, cannot do; or it is retired.

    For a client with `strict_validation=True` this is an `InvalidRequestError`. A model that is not
    among the `models` of the configuration is never more than a warning.
    """


class CircuitOpenError(GroqError):
    """The service is held to be down; the call was not made.

    Attributes:
        retry_at: Moment on Trio's clock, in seconds, from which a call is let through again. While
            others try the service, and nobody knows what comes of it, a second from the refusal.
    """

    is_retryable = True

    def __init__(self, message: str, *, retry_at: float) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class MaxStepsError(GroqError):
    """The model still called tools in the last step that it was allowed.

    Attributes:
        max_steps: The limit, in answers of the model.
        run: What was done, a `ToolRun`: every tool that was called is answered, so that its
            `messages` can be sent again to go on.
    """

    def __init__(self, message: str, *, max_steps: int, run: Any) -> None:  # noqa: ANN401 (its type lies in a higher layer)
        super().__init__(message)
        self.max_steps = max_steps
        self.run = run


class APIError(GroqError):
    """Something went wrong after the call had begun.

    Attributes:
        message: What happened, for people.
        request: Method and URL, once they are known.
        request_id: The server's name for this call (`x-request-id`), once it is known.
        body: The response's body as far as it was understood: decoded JSON, else text, else None.
        partial: What had been received of the result: for a stream the completion accumulated so
            far, else None.
        attempts: How many times the call was sent before this error was raised; 0 if never.
        history: Each of these attempts, in order.
    """

    def __init__(
        self,
        message: str,
        *,
        request: RequestInfo | None = None,
        request_id: str | None = None,
        body: object = None,
        partial: Any = None,  # noqa: ANN401 (any result type of a stream)
    ) -> None:
        super().__init__(message)
        self.message: str = self.args[0]
        self.request = request
        self.request_id = request_id
        self.body = body
        self.partial = partial
        self.attempts = 0
        self.history: tuple[AttemptRecord, ...] = ()

    def __str__(self) -> str:
        return f"{self.message} (request id {self.request_id})" if self.request_id else self.message


class APIConnectionError(APIError):
    """No usable response came: connecting, sending or receiving failed."""

    is_retryable = True


class APITimeoutError(APIConnectionError):
    """A time limit of ours (see `Timeouts`) ended the call.

    Attributes:
        phase: What was being waited for.
        limit: The limit that ended it, in seconds.
        retry_after: For the phase `rate_limit`, seconds that are left of the wait that the server
            named when it refused another call; None if it named none, or something else holds.
    """

    def __init__(
        self,
        message: str,
        *,
        phase: Phase,
        limit: float,
        request: RequestInfo | None = None,
        partial: Any = None,  # noqa: ANN401 (any result type of a stream)
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, request=request, partial=partial)
        self.phase = phase
        self.limit = limit
        self.retry_after = retry_after


class PoolTimeoutError(APITimeoutError):
    """No connection became free in time, or too many calls were waiting for one already."""

    is_retryable = False


class ProtocolError(APIConnectionError):
    """The peer broke HTTP/1.1, or a limit that we put on what it may send."""


class APIResponseValidationError(APIError):
    """The response is not what the API promises: wrong type, not JSON, or too strict a check."""


class CutOffError(APIError):
    """The answer ended before it was whole, so that it cannot be decoded; `partial` has it all.

    Attributes:
        text: The answer as far as it was written; None if it had not begun.
        finish_reason: Why it ended: `length`, `content_filter`.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str | None = None,
        finish_reason: str,
        request: RequestInfo | None = None,
        request_id: str | None = None,
        body: object = None,
        partial: Any = None,  # noqa: ANN401 (a completion)
    ) -> None:
        super().__init__(
            message, request=request, request_id=request_id, body=body, partial=partial
        )
        self.text = text
        self.finish_reason = finish_reason

    @property
    def completion(self) -> Any:  # noqa: ANN401 (its type lies in a higher layer)
        """The completion that the answer belongs to."""
        return self.partial


class RefusalError(APIError):
    """The model refuses to answer in the form that was asked for; `partial` has the completion.

    Attributes:
        text: What it says instead.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str,
        request: RequestInfo | None = None,
        request_id: str | None = None,
        body: object = None,
        partial: Any = None,  # noqa: ANN401 (a completion)
    ) -> None:
        super().__init__(
            message, request=request, request_id=request_id, body=body, partial=partial
        )
        self.text = text

    @property
    def completion(self) -> Any:  # noqa: ANN401 (its type lies in a higher layer)
        """The completion that the answer belongs to."""
        return self.partial


class StreamError(APIError):
    """An event stream ended or broke before it was complete; `partial` holds what had come."""

    is_retryable = True


class APIStatusError(APIError):
    """The server answered with an error.

    Attributes:
        status_code: HTTP status; for an error inside a stream, the one that the event names.
        code: `error.code`, for programs, such as `rate_limit_exceeded`; always text.
        type: `error.type`, such as `invalid_request_error`.
        param: `error.param`, the parameter at fault.
        retry_after: Seconds that the server asks to wait, None if it does not.
        rate_limits: The response's `x-ratelimit-*` headers, None if there were none.
        failed_generation: `error.failed_generation`: what the model had written when the API
            refused it.
        headers: The response's header fields, names in lower case, the request's secrets hidden in
            them; empty for an error inside a stream.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 (the API's name)
        param: str | None = None,
        request: RequestInfo | None = None,
        request_id: str | None = None,
        body: object = None,
        partial: Any = None,  # noqa: ANN401 (any result type of a stream)
        retry_after: float | None = None,
        rate_limits: RateLimits | None = None,
        failed_generation: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            message, request=request, request_id=request_id, body=body, partial=partial
        )
        self.status_code = status_code
        self.code = code
        self.type = type
        self.param = param
        self.retry_after = retry_after
        self.rate_limits = rate_limits
        self.failed_generation = failed_generation
        self.headers: Mapping[str, str] = headers if headers is not None else {}


class BadRequestError(APIStatusError):
    """400: the server rejects the request."""


class ContextLengthExceededError(BadRequestError):
    """400: prompt and completion do not fit into the model's context window."""


class ContentFilterError(BadRequestError):
    """400: the content was filtered."""


class ToolUseFailedError(BadRequestError):
    """400: the model's tool call was not valid; `failed_generation` holds it."""


class AuthenticationError(APIStatusError):
    """401: the key is missing or wrong."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this."""


class NotFoundError(APIStatusError):
    """404: no such thing."""


class ModelNotFoundError(NotFoundError):
    """404: the model does not exist, or the key has no access to it."""


class ConflictError(APIStatusError):
    """409: the request conflicts with another."""

    is_retryable = True


class RequestTooLargeError(APIStatusError):
    """413: the request is too large; it never fits, however often it is sent."""


class UnprocessableEntityError(APIStatusError):
    """422: well-formed, but it makes no sense to the server."""


class FailedDependencyError(APIStatusError):
    """424: something that the request relies on failed, such as a remote MCP server."""


class RateLimitError(APIStatusError):
    """429: a rate limit was reached.

    Attributes:
        limit: Which kind: `requests` or `tokens` (or what else the API names); None if unsaid.
    """

    is_retryable = True

    @property
    def limit(self) -> str | None:
        """The API states the kind of limit as the error's type."""
        return self.type


class CapacityExceededError(APIStatusError):
    """498: flex tier capacity exceeded; try again later or in another tier."""

    is_retryable = True


class InternalServerError(APIStatusError):
    """500 and above: the server failed."""

    is_retryable = True


class OverloadedError(InternalServerError):
    """529: the server is overloaded."""
