"""One logical call: its deadline, its attempts, and the lease of a connection.

Everything that a call may wait for is bounded: each attempt by its phases, all of them by the
total, and so are the waits between them (`_attempts`).
"""

import enum
import inspect
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypedDict, TypeVar, cast, final

import msgspec
import trio

from trio_groq._api.auth import ApiKey, Secret, checked_secret
from trio_groq._api.model_knowledge import ModelKnowledge
from trio_groq._api.redaction import Redactor
from trio_groq._api.redirects import follow, is_redirect
from trio_groq._api.requests import Call, HeaderOptions, QueryOptions, RequestBuilder
from trio_groq._api.responses import (
    error_from_response,
    error_from_unexpected_body,
    is_event_stream,
)
from trio_groq._api.retry import RetryOption, RetryPolicy, as_retry_policy
from trio_groq._attempts import Attempts, Patience
from trio_groq._http.deadlines import Deadlines, TimeoutOption, Timeouts, as_timeouts
from trio_groq._http.pool import ConnectionPool
from trio_groq._open_response import OpenResponse
from trio_groq._readers import Reader
from trio_groq.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    InvalidRequestError,
)
from trio_groq.sse.limits import DEFAULT_MAX_EVENT_BYTES

if TYPE_CHECKING:
    from trio_groq._hooks import CallWatch, Hooks

__all__ = ["NOT_GIVEN", "Caller", "NotGiven", "RequestOptions"]

T = TypeVar("T")

MAX_ERROR_BYTES: Final = 64 * 1024
"""So much of an error's body is read. The largest recorded is 2 KB; the rest of a longer one would
not make its message better."""
_ERROR_STATUS: Final = 300


class NotGiven(enum.Enum):
    """The type of `NOT_GIVEN`: an option that was left out, which None is not."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN: Final = NotGiven.NOT_GIVEN


class RequestOptions(TypedDict, total=False):
    """What every call takes beside its parameters.

    Attributes:
        extra_headers: Header fields for this request; None takes a default one away.
        extra_query: Query parameters for this request; None takes a default one away.
        extra_body: Fields added to the body, sent as they are.
        timeout: Seconds for the whole call, or limits by phase.
        max_retries: How often it is repeated at the most, or a policy.
    """

    extra_headers: HeaderOptions | None
    extra_query: QueryOptions | None
    extra_body: Mapping[str, object] | None
    timeout: TimeoutOption | NotGiven
    max_retries: RetryOption | NotGiven


class Mode(enum.Enum):
    """What calls return."""

    PARSED = "the value"
    RAW = "the response, read"
    STREAMING = "the response, open"


def _no_key(deadlines: Deadlines) -> APITimeoutError:
    """The error for a function that did not give the key in time: the service is not to blame."""
    limit = deadlines.ends_at - deadlines.started
    return APITimeoutError(
        f"key timeout: expected the function for the key to be done within {limit:g} s (the "
        "call's limit), got 0 bytes: nothing was sent",
        phase="key",
        limit=limit,
    )


@final
class Caller(msgspec.Struct, kw_only=True, frozen=True):
    """Makes calls: where, as whom, and how patiently.

    Attributes:
        pool: The connections.
        builder: Makes the requests: where to, and what all of them have.
        api_key: Whose key is sent.
        timeouts: Limits of a call that brings none.
        retry: Policy of a call that brings none.
        patience: What its calls share in deciding on attempts.
        mode: What calls return.
        strict: What the API does not promise in a response is an error, and so is a conversation
            that does not hold together.
        max_event_bytes: Longest event of a stream, in bytes.
        hooks: The observers; None where there are none.
        knowledge: What is known of the models.
    """

    pool: ConnectionPool
    builder: RequestBuilder
    api_key: ApiKey
    timeouts: Timeouts = msgspec.field(default_factory=Timeouts)
    retry: RetryPolicy = msgspec.field(default_factory=RetryPolicy)
    patience: Patience = msgspec.field(default_factory=lambda: Patience(random=random.random))
    mode: Mode = Mode.PARSED
    strict: bool = False
    max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES
    hooks: "Hooks | None" = None
    knowledge: ModelKnowledge = msgspec.field(default_factory=ModelKnowledge)

    def __repr__(self) -> str:
        return f"<Caller of {self.builder.base}, {self.mode.name}>"

    def raw(self) -> "Caller":
        """The same, whose calls return an `APIResponse` whose body has been read."""
        return msgspec.structs.replace(self, mode=Mode.RAW)

    def streaming(self) -> "Caller":
        """The same, whose calls return an `APIResponse` whose body has not been read."""
        return msgspec.structs.replace(self, mode=Mode.STREAMING)

    async def perform(
        self,
        call: Call,
        reader: Reader[T],
        *,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
    ) -> T:
        """Make a call and return what the reader makes of its response.

        Args:
            call: What is asked.
            reader: How the response is read.
            timeout: This call's limits instead of the caller's.
            max_retries: This call's policy instead of the caller's.

        Returns:
            The value; in the raw and the streaming mode an `APIResponse` that can make it, which
            the wrappers of the resources declare.

        Raises:
            APIError: See the error tree; `attempts` tells how often it was tried.
            InvalidRequestError: A header or query option is not valid.
        """
        if self.strict and reader.strict is not None:
            reader = reader.strict
        make = None if self.mode is Mode.PARSED else _undecoded(reader)
        if reader.decode is None or self.mode is Mode.STREAMING:
            response = await self.open(
                call, events=reader.events, timeout=timeout, max_retries=max_retries
            )
            if make is not None:
                return make(None, response)
            assert reader.open is not None  # noqa: S101 (a reader has one of the two)
            return await reader.open(response)
        return await self._fetch(call, reader, make or reader.decode, timeout, max_retries)

    async def _fetch(
        self,
        call: Call,
        reader: Reader[T],
        decode: Callable[[bytes, OpenResponse], T],
        timeout: TimeoutOption | NotGiven,
        max_retries: RetryOption | NotGiven,
    ) -> T:
        async def attempt(
            deadlines: Deadlines, watch: "CallWatch | None", call: Call, retries: int
        ) -> tuple[T, OpenResponse]:
            response = await self._send(deadlines, watch, call, retries)
            try:
                body = await response.read(reader.limit)
            finally:
                response.finish()
            return decode(body, response), response

        value, response = await self._persist(call, attempt, timeout, max_retries)
        reader.finish(value, response)
        if response.watch is not None and not response.watch.only_failures:
            response.watch.finished(value, response.shown_meta())
        return value

    async def open(
        self,
        call: Call,
        *,
        events: bool,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
    ) -> OpenResponse:
        """Make a call; return its response once the head is here.

        Args:
            call: What is asked.
            events: The response must be an event stream, and the limit on the first token applies.
            timeout: See `perform`.
            max_retries: See `perform`.

        Raises:
            APIError: See the error tree; also for a successful response that should have been an
                event stream, and is none.
            InvalidRequestError: A header or query option is not valid.
        """

        async def attempt(
            deadlines: Deadlines, watch: "CallWatch | None", call: Call, retries: int
        ) -> tuple[None, OpenResponse]:
            response = await self._send(deadlines, watch, call, retries)
            if events and not is_event_stream(response.head.headers):
                try:
                    body = await response.read(MAX_ERROR_BYTES, cut=True)
                finally:
                    response.finish()
                head = response.head
                raise error_from_unexpected_body(
                    head.status,
                    head.headers,
                    body,
                    request=response.request,
                    redactor=response.redactor(),
                )
            response.awaits_token = events
            return None, response

        _, response = await self._persist(call, attempt, timeout, max_retries, events=events)
        return response

    async def _persist(
        self,
        call: Call,
        attempt: Callable[
            [Deadlines, "CallWatch | None", Call, int], Awaitable[tuple[T, OpenResponse]]
        ],
        timeout: TimeoutOption | NotGiven,
        max_retries: RetryOption | NotGiven,
        *,
        events: bool = False,
    ) -> tuple[T, OpenResponse]:
        """Attempt a call until it succeeds, or its policy or a deadline says stop."""
        self.pool.check_run()
        limits, policy = self.timeouts, self.retry
        if not isinstance(timeout, NotGiven):
            limits = as_timeouts(timeout, limits)
        if not isinstance(max_retries, NotGiven):
            policy = as_retry_policy(max_retries, policy)
        deadlines = Deadlines(limits, trio.current_time())
        if events:
            deadlines.expect_first_token()
        origin, info = self.builder.base.origin, self.builder.describe(call)
        if self.hooks is None:
            attempts = Attempts(self.patience, policy, deadlines, origin, info)
            return await attempts.run(call, partial(attempt, deadlines, None))
        watch, call = self.hooks.start(call, origin)
        with watch:
            attempts = Attempts(self.patience, policy, deadlines, origin, info, watch=watch)
            value, response = await attempts.run(call, partial(attempt, deadlines, watch))
        response.watch = watch
        return value, response

    async def _send(
        self, deadlines: Deadlines, watch: "CallWatch | None", call: Call, retries: int
    ) -> OpenResponse:
        """One attempt, up to the response's head; an error status is raised as its error."""
        key = self.api_key
        if not isinstance(key, Secret):
            key = await self._key(deadlines)
        try:
            request = self.builder.build(call, key, retries)
        except InvalidRequestError as exc:
            Redactor.of_keys(key).hide(exc)
            raise
        info = self.builder.describe(call)
        followed = 0
        while True:
            try:
                connection, head = await self.pool.send(request, deadlines)
            except (APIError, InvalidRequestError) as exc:
                Redactor(request.headers, request.target).hide(exc)
                raise
            response = OpenResponse(self.pool, connection, head, info, deadlines, sent=request)
            if watch is not None and not watch.only_failures:
                watch.head_came(head.status, response.shown_headers())
            if head.status < _ERROR_STATUS:
                return response
            try:
                body = await response.read(MAX_ERROR_BYTES, cut=True)
            except APIConnectionError:
                # The status alone says more than a body that broke off.
                body = b""
            finally:
                response.finish()
            if not is_redirect(head):
                raise error_from_response(
                    head.status,
                    head.headers,
                    body,
                    request=info,
                    now=time.time(),
                    knowledge=self.knowledge,
                    redactor=response.redactor(),
                )
            request = follow(request, head, followed)
            followed += 1

    async def _key(self, deadlines: Deadlines) -> Secret:
        key: Any = self.api_key
        if callable(key):
            key = key()
            if inspect.isawaitable(key):
                with trio.CancelScope(deadline=deadlines.ends_at) as scope:
                    key = await key
                if scope.cancelled_caught:
                    raise _no_key(deadlines)
        return checked_secret(key)  # noqa: ASYNC910 (asked only where a request follows)


def _undecoded(reader: Reader[T]) -> Callable[[bytes | None, OpenResponse], T]:
    """What makes an `APIResponse` in the place of the value, loaded before anything is sent."""
    from trio_groq._api_response import APIResponse  # noqa: PLC0415 (few responses are raw)

    return lambda body, response: cast("T", APIResponse(response, reader, body))
