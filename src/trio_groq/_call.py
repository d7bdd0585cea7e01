"""One logical call: its deadline, its attempts, and the lease of a connection.

Everything that a call may wait for is bounded here: each attempt by its phases, all of them by
the total, and a wait between two of them only begins if it ends before the caller's own deadline.
"""

import enum
import inspect
import math
import random
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, TypeVar, final

import attrs
import trio

from trio_groq._api.auth import ApiKey, Secret, checked_secret
from trio_groq._api.rate_limits import parse_rate_limits
from trio_groq._api.requests import Call, RequestBuilder
from trio_groq._api.responses import (
    JSONDecoder,
    decode_json,
    error_from_response,
    error_from_unexpected_body,
    is_event_stream,
)
from trio_groq._api.retry import RetryOption, RetryPolicy, as_retry_policy, decide
from trio_groq._http.connection import Connection, Consume
from trio_groq._http.deadlines import Deadlines, TimeoutOption, Timeouts, as_timeouts
from trio_groq._http.messages import ResponseHead, Span
from trio_groq._http.pool import ConnectionPool
from trio_groq.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    RequestInfo,
)
from trio_groq.types.meta import ResponseMeta, Timings

__all__ = ["NOT_GIVEN", "Caller", "NotGiven", "OpenResponse"]

T = TypeVar("T")

MAX_BODY_BYTES: Final = 64 * 1024 * 1024
"""A whole response in memory. The largest honest one is a batch of embeddings: 2,048 of 1,024
numbers each are some 25 MB."""
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


@final
class OpenResponse:
    """A response whose head is here and whose body is not yet read.

    It holds a leased connection and gives it back exactly once: at `finish`, which keeps the
    connection if the body was read to its end, and closes it otherwise.

    Attributes:
        head: Status and header fields.
        request: Method and URL.
        deadlines: The call's limits.
        attempts: How many times the call was sent.
        first_token_at: When the first token came, on Trio's clock; None before that.
    """

    __slots__ = (
        "_connect",
        "_connection",
        "_ended_at",
        "_first_byte_at",
        "_pool",
        "_queue",
        "_sent_at",
        "attempts",
        "deadlines",
        "first_token_at",
        "head",
        "request",
    )

    def __init__(
        self,
        pool: ConnectionPool,
        connection: Connection,
        head: ResponseHead,
        request: RequestInfo,
        deadlines: Deadlines,
    ) -> None:
        now = trio.current_time()
        self._pool = pool
        self._connection: Connection | None = connection
        self._queue = connection.waited
        self._connect = connection.connected_in
        self._sent_at = connection.sent_at
        self._first_byte_at = now
        self._ended_at: float | None = None
        self.first_token_at: float | None = None
        self.head: ResponseHead = head
        self.request: RequestInfo = request
        self.deadlines: Deadlines = deadlines
        self.attempts: int = 1

    @property
    def request_id(self) -> str | None:
        """The server's name for the call."""
        return self.head.headers.get("x-request-id")

    @property
    def open(self) -> bool:
        """Whether the connection is still held."""
        return self._connection is not None

    @property
    def complete(self) -> bool:
        """Whether the whole body has been read."""
        return self._connection is None or self._connection.complete

    def receive(self, consume: Consume) -> Awaitable[None]:
        """Receive more of the body, until `consume` says that it is enough, or to its end.

        Raises:
            trio.TooSlowError: A limit passed: `too_slow` says which.
            APIConnectionError: The connection broke.
        """
        assert self._connection is not None  # noqa: S101 (callers check `open`)
        return self._connection.receive(self.deadlines, consume)

    def too_slow(self) -> APITimeoutError:
        """The error for a `trio.TooSlowError` that `receive` has just raised."""
        return self.deadlines.error("read", trio.current_time())

    def first_token_came(self) -> None:
        """The stream's first chunk is here: note when, and lift the limit on its coming."""
        self.first_token_at = trio.current_time()
        self.deadlines.first_token_came()

    async def read(self, limit: int, *, cut: bool = False) -> bytes:
        """The whole body.

        Args:
            limit: Bytes at the most.
            cut: Return the first `limit` bytes of a longer body instead of raising.

        Raises:
            APIConnectionError: The connection broke, or a limit passed.
            APIError: The body is longer than `limit`.
        """
        body = bytearray()

        def consume(spans: list[Span]) -> bool:
            for data, start, end in spans:
                body.extend(memoryview(data)[start:end])
            return len(body) > limit

        try:
            await self._receive_all(consume)
            if len(body) > limit and not cut:
                raise APIError(f"response body: expected at most {limit} bytes, got more")
        except APIError as exc:
            exc.request_id = self.request_id
            raise
        return bytes(body[:limit])

    async def _receive_all(self, consume: Consume) -> None:
        try:
            await self.receive(consume)
        except trio.TooSlowError:
            raise self.too_slow() from None

    def finish(self) -> None:
        """Give the connection back. Idempotent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._ended_at = trio.current_time()
            self._pool.release(connection)

    def abandon(self) -> None:
        """Close the connection, wherever the response was; its place is given back by `finish`."""
        if self._connection is not None:
            self._connection.close()

    def meta(self) -> Callable[[], ResponseMeta]:
        """How the response came, as far as it has come: a function that makes the record.

        It holds plain values only, so that what it is attached to can be copied and pickled.
        """
        ended = self._ended_at if self._ended_at is not None else trio.current_time()
        first_token = self.first_token_at
        return partial(
            _make_meta,
            self.head,
            self.attempts,
            (
                self._queue,
                self._connect,
                self._first_byte_at - self._sent_at,
                None if first_token is None else first_token - self._sent_at,
                ended - self.deadlines.started,
            ),
        )


def _make_meta(
    head: ResponseHead, attempts: int, timings: tuple[float | None, ...]
) -> ResponseMeta:
    return ResponseMeta(
        request_id=head.headers.get("x-request-id"),
        status=head.status,
        headers=head.headers,
        rate_limits=parse_rate_limits(head.headers),
        attempts=attempts,
        timings=Timings(*timings),
    )


@final
@attrs.frozen(kw_only=True)
class Caller:
    """Makes calls: where, as whom, and how patiently.

    Attributes:
        pool: The connections.
        builder: Makes the requests: where to, and what all of them have.
        api_key: Whose key is sent.
        timeouts: Limits of a call that brings none.
        retry: Policy of a call that brings none.
        random: Chance, 0 <= u < 1, for the jitter.
    """

    pool: ConnectionPool
    builder: RequestBuilder
    api_key: ApiKey = attrs.field(repr=False)
    timeouts: Timeouts = attrs.field(factory=Timeouts)
    retry: RetryPolicy = attrs.field(factory=RetryPolicy)
    random: Callable[[], float] = random.random

    async def fetch(
        self,
        call: Call,
        decoder: JSONDecoder[T],
        *,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
    ) -> tuple[T, Callable[[], ResponseMeta]]:
        """Make a call and read its whole response.

        Args:
            call: What is asked.
            decoder: Makes the value from the body.
            timeout: This call's limits instead of the caller's.
            max_retries: This call's policy instead of the caller's.

        Returns:
            The value, and what makes the record of how it came.

        Raises:
            APIError: See the error tree; `attempts` tells how often it was tried.
            InvalidRequestError: A header or query option is not valid.
        """

        async def attempt(deadlines: Deadlines) -> tuple[T, OpenResponse]:
            response = await self._send(call, deadlines)
            try:
                body = await response.read(MAX_BODY_BYTES)
            finally:
                response.finish()
            head = response.head
            value = decode_json(
                body, decoder, status=head.status, headers=head.headers, request=response.request
            )
            return value, response

        value, response = await self._persist(call, attempt, timeout, max_retries)
        return value, response.meta()

    async def open_stream(
        self,
        call: Call,
        *,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
    ) -> OpenResponse:
        """Make a call whose response is an event stream; return once its head is here.

        Raises:
            APIError: See the error tree; also for a successful response that is no event stream.
            InvalidRequestError: A header or query option is not valid.
        """

        async def attempt(deadlines: Deadlines) -> tuple[None, OpenResponse]:
            deadlines.expect_first_token()
            response = await self._send(call, deadlines)
            if not is_event_stream(response.head.headers):
                try:
                    body = await response.read(MAX_ERROR_BYTES, cut=True)
                finally:
                    response.finish()
                head = response.head
                raise error_from_unexpected_body(
                    head.status, head.headers, body, request=response.request
                )
            return None, response

        _, response = await self._persist(call, attempt, timeout, max_retries)
        return response

    async def _persist(
        self,
        call: Call,
        attempt: Callable[[Deadlines], Awaitable[tuple[T, OpenResponse]]],
        timeout: TimeoutOption | NotGiven,
        max_retries: RetryOption | NotGiven,
    ) -> tuple[T, OpenResponse]:
        """Attempt a call until it succeeds, or its policy or a deadline says stop."""
        limits, policy = self.timeouts, self.retry
        if not isinstance(timeout, NotGiven):
            limits = as_timeouts(timeout, limits)
        if not isinstance(max_retries, NotGiven):
            policy = as_retry_policy(max_retries, policy)
        deadlines = Deadlines(limits, trio.current_time())
        attempts = 0
        while True:
            attempts += 1
            try:
                value, response = await attempt(deadlines)
            except APIError as error:
                # A caller that has given up meanwhile is told so, and not of this.
                await trio.lowlevel.checkpoint_if_cancelled()
                error.attempts = attempts
                if error.request is None:
                    error.request = self._describe(call)
                wait = decide(
                    policy,
                    attempt=attempts,
                    error=error,
                    headers=error.headers if isinstance(error, APIStatusError) else None,
                    remaining=self._remaining(deadlines),
                    u=self.random(),
                )
                if wait is None:
                    raise
            else:
                response.attempts = attempts
                return value, response
            await trio.sleep(wait)

    async def _send(self, call: Call, deadlines: Deadlines) -> OpenResponse:
        """One attempt, up to the response's head; an error status is raised as its error."""
        request = self.builder.build(call, await self._key(deadlines))
        info = self._describe(call)
        connection, head = await self.pool.send(request, deadlines)
        response = OpenResponse(self.pool, connection, head, info, deadlines)
        if head.status < _ERROR_STATUS:
            return response
        try:
            body = await response.read(MAX_ERROR_BYTES, cut=True)
        except APIConnectionError:
            # The status alone says more than a body that broke off.
            body = b""
        finally:
            response.finish()
        raise error_from_response(head.status, head.headers, body, request=info, now=time.time())

    async def _key(self, deadlines: Deadlines) -> Secret:
        key: Any = self.api_key
        if isinstance(key, Secret):
            return key  # noqa: ASYNC910 (asked only where a request follows)
        if callable(key):
            key = key()
            if inspect.isawaitable(key):
                key = await deadlines.within("total", lambda: key)
        return checked_secret(key)  # noqa: ASYNC910 (asked only where a request follows)

    def _describe(self, call: Call) -> RequestInfo:
        return RequestInfo(call.method, f"{self.builder.base}{call.path}")

    @staticmethod
    def _remaining(deadlines: Deadlines) -> float:
        end = min(deadlines.ends_at, trio.current_effective_deadline())
        return math.inf if end == math.inf else end - trio.current_time()
