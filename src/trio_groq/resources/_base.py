"""What all resources share: how a method's arguments become a call, and its raw forms."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, ParamSpec, TypeAlias, TypeVar, cast
from urllib.parse import quote

from trio_groq._api.parameters import encode_json
from trio_groq._api.requests import JSON, Call, HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._call import NOT_GIVEN, Caller, NotGiven, RequestOptions
from trio_groq._http.bodies import Body
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._readers import Reader
from trio_groq.errors import InvalidRequestError

if TYPE_CHECKING:
    from trio_groq._api_response import APIResponse, ResponseManager

__all__ = [
    "Resource",
    "Streaming",
    "as_raw",
    "as_streaming",
    "collect",
    "make_call",
    "segment",
    "with_stream",
]

P = ParamSpec("P")
T = TypeVar("T")

_OPTIONS: Final = RequestOptions.__optional_keys__


def collect(
    extra_headers: HeaderOptions | None,
    extra_query: QueryOptions | None,
    extra_body: Mapping[str, object] | None,
    timeout: TimeoutOption | NotGiven,
    max_retries: RetryOption | NotGiven,
) -> RequestOptions:
    """The options of a method that names each of them."""
    return RequestOptions(
        extra_headers=extra_headers,
        extra_query=extra_query,
        extra_body=extra_body,
        timeout=timeout,
        max_retries=max_retries,
    )


def segment(name: str, value: str, *, slashes: bool = False) -> str:
    """An id as a segment of a path, percent-encoded.

    Args:
        name: The parameter, for the message.
        value: The id.
        slashes: Whether slashes belong to it, as in names of models.

    Raises:
        InvalidRequestError: It is no text, empty, or would lead to another path.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequestError(
            f"{name}: expected a non-empty string, got {value!r}", path=name, value=value
        )
    parts = value.split("/") if slashes else [value]
    if any(part in {"", ".", ".."} for part in parts):
        raise InvalidRequestError(
            f"{name}: expected an id, got a path: {value!r}", path=name, value=value
        )
    return quote(value, safe="/" if slashes else "", errors="replace")


Streaming: TypeAlias = bool | NotGiven | None
"""Whether an event stream is asked for, as a caller gives it."""


def with_stream(params: Mapping[str, object], stream: Streaming) -> Mapping[str, object]:
    """The parameters with `stream`, if that was given.

    Raises:
        InvalidRequestError: It is neither a boolean nor None.
    """
    if isinstance(stream, NotGiven):
        return params
    if not isinstance(stream, bool | None):
        got = type(stream).__name__
        raise InvalidRequestError(f"stream: expected a boolean, got {got}", path="stream")
    return {**params, "stream": stream}


def make_call(
    method: str,
    path: str,
    options: RequestOptions,
    *,
    params: Mapping[str, object] | None = None,
    query: Mapping[str, object] | None = None,
    content: Body | None = None,
    content_type: str | None = None,
    accept: str = JSON,
    model: str = "",
) -> Call:
    """A call to the API.

    Args:
        method: Upper case.
        path: Absolute path.
        options: The caller's; the fields of `extra_body` are added to `params`.
        params: Sent as JSON; None for no such body.
        query: Query parameters; those that are None are left out.
        content: A body that is no JSON.
        content_type: Its media type.
        accept: The media type wanted back.
        model: Whose rate limits it falls under, where that is not in `params`.

    Raises:
        InvalidRequestError: A parameter cannot be JSON.
        TypeError: There is no such option.
    """
    if not options.keys() <= _OPTIONS:
        name = next(iter(options.keys() - _OPTIONS))
        raise TypeError(f"unexpected argument: {name}")
    body: bytes | Body = b""
    extra_body = options.get("extra_body")
    if content is not None:
        body = content
    elif params is not None or extra_body:
        body = encode_json({**(params or {}), **extra_body} if extra_body else params)
        content_type = JSON
    if params is None:
        params = {}
    given = options.get("extra_query") or {}
    if query:
        own = {name: value for name, value in query.items() if value is not None}
        given = {**own, **given}
    return Call(
        method=method,
        path=path,
        body=body,
        content_type=content_type,
        accept=accept,
        headers=options.get("extra_headers") or {},
        model=model or _text(params.get("model")),
        max_tokens=_most_tokens(params),
        query=given,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _most_tokens(params: Mapping[str, object]) -> int | None:
    """What the parameters allow for the answer."""
    for name in ("max_completion_tokens", "max_output_tokens", "max_tokens"):
        value = params.get(name)
        if isinstance(value, int):
            return value
    return None


class Resource:
    """Base of the resources: methods that make calls through one `Caller`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def _perform(
        self,
        method: str,
        path: str,
        reader: Reader[T],
        options: RequestOptions,
        *,
        params: Mapping[str, object] | None = None,
        query: Mapping[str, object] | None = None,
        content: Body | None = None,
        content_type: str | None = None,
        accept: str = JSON,
        model: str = "",
    ) -> T:
        """Make a call (see `make_call`) and read its response."""
        call = make_call(
            method,
            path,
            options,
            params=params,
            query=query,
            content=content,
            content_type=content_type,
            accept=accept,
            model=model,
        )
        return await self._caller.perform(
            call,
            reader,
            timeout=options.get("timeout", NOT_GIVEN),
            max_retries=options.get("max_retries", NOT_GIVEN),
        )


def as_raw(method: Callable[P, Awaitable[T]]) -> "Callable[P, Awaitable[APIResponse[T]]]":
    """State what a method of a resource over `Caller.raw()` returns."""
    return cast("Callable[P, Awaitable[APIResponse[T]]]", method)


def as_streaming(method: Callable[P, Awaitable[T]]) -> "Callable[P, ResponseManager[T]]":
    """Make a method of a resource over `Caller.streaming()` one to use with `async with`."""

    def manage(*args: P.args, **kwargs: P.kwargs) -> "ResponseManager[T]":
        from trio_groq._api_response import ResponseManager  # noqa: PLC0415 (few responses are raw)

        return ResponseManager(partial(as_raw(method), *args, **kwargs))

    return manage
