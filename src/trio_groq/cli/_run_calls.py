"""How a request of a run is asked: any endpoint that takes JSON, plain or as an event stream.

The client's own machinery does the work: retries with their waits, and one gate for each model,
which holds all of its calls back when one was refused, for as long as the server says.
"""

from collections.abc import Callable
from typing import Any, Final, final

import attrs
import msgspec
import trio

from trio_groq._api.circuit import CircuitBreakerPolicy
from trio_groq._api.rate_limit_policy import RateLimitPolicy
from trio_groq._api.requests import EVENT_STREAM, Call
from trio_groq._api.responses import decode_json
from trio_groq._api.retry import RetryPolicy
from trio_groq._call import Caller, RequestOptions
from trio_groq._open_response import OpenResponse
from trio_groq._readers import Reader
from trio_groq._stream import ChatStream
from trio_groq.cli._run_requests import RunRequest, Tokens
from trio_groq.cli._run_results import Outcome, outcome_of, tokens_in
from trio_groq.config import ClientConfig
from trio_groq.errors import APIError, AuthenticationError, GroqError
from trio_groq.resources._base import make_call
from trio_groq.resources._chat_calls import chunk_decoder

__all__ = ["Asker", "for_a_run"]

LONGEST_WAIT: Final = 86_400.0
"""Seconds: the longest window of a limit is a day, and a run may wait for it. `--deadline` bounds
that."""

_ANY: Final = msgspec.json.Decoder()


def for_a_run(
    config: ClientConfig, *, max_in_flight: int, retries: int, tokens_per_minute: int | None
) -> ClientConfig:
    """The settings of a client that works a file off: it waits where others would give up.

    Args:
        config: The environment's settings.
        max_in_flight: As many connections as that.
        retries: Of one request, at the most. The budget that bounds the retries of all does not
            apply: so many requests at once bound them, too.
        tokens_per_minute: A limit of the account; None for what the responses say.
    """
    limits = config.limits
    known = config.rate_limit or RateLimitPolicy()
    circuit = config.circuit_breaker or CircuitBreakerPolicy()
    return attrs.evolve(
        config,
        retry=attrs.evolve(config.retry, max_retries=retries, max_retry_after=LONGEST_WAIT),
        retry_budget=None,
        circuit_breaker=attrs.evolve(circuit, on_open="wait"),
        rate_limit=attrs.evolve(
            known,
            tokens_per_minute=tokens_per_minute or known.tokens_per_minute,
            max_wait=None,
        ),
        limits=attrs.evolve(
            limits,
            max_connections=max(limits.max_connections, max_in_flight),
            max_idle=max(limits.max_idle, max_in_flight),
            max_waiters=None,
        ),
    )


@attrs.frozen
class _Usage:
    total_tokens: int


@attrs.frozen
class _Answer:
    """A body that has been read.

    Attributes:
        body: As it came.
        response: Where it came from.
        tokens: As it says; None if it does not.
    """

    body: bytes
    response: OpenResponse
    tokens: Tokens | None

    @property
    def usage(self) -> _Usage | None:
        """Where the client's gates look for what a call cost."""
        return None if self.tokens is None else _Usage(self.tokens.total)


def _read(body: bytes, response: OpenResponse) -> _Answer:
    head = response.head
    decode_json(
        body, _ANY, status=head.status, headers=head.headers, request=response.request
    )  # a line of the output is JSON, or it is none
    return _Answer(body, response, tokens_in(body)[1])


_READER: Final = Reader(decode=_read)


@final
class Asker:
    """Asks requests, and tells what became of them.

    Args:
        caller: Makes the calls.
        retry: How often, and with what waits, a stream that broke off is asked for again. (All
            other retries are the caller's own.)
        random: Chance, 0 <= u < 1, for the jitter.
    """

    def __init__(self, caller: Caller, retry: RetryPolicy, random: Callable[[], float]) -> None:
        self._caller = caller
        self._retry = retry
        self._random = random

    async def ask(self, request: RunRequest) -> Outcome:
        """Ask.

        Raises:
            AuthenticationError: The key is wrong: so it is for all others.
        """
        try:
            return await (self._stream(request) if request.streamed else self._plain(request))
        except AuthenticationError:
            raise
        except GroqError as error:
            return outcome_of(error)  # noqa: ASYNC910 (a call that failed was one)

    async def _plain(self, request: RunRequest) -> Outcome:
        call = make_call("POST", request.path, RequestOptions(), params=request.body)
        answer = await self._caller.perform(call, _READER)
        return _outcome(answer.body, answer.response, answer.tokens)

    async def _stream(self, request: RunRequest) -> Outcome:
        params: dict[str, Any] = {**request.body, "stream": True}
        options = RequestOptions()
        call = make_call("POST", request.path, options, params=params, accept=EVENT_STREAM)
        policy, failures = self._retry, 0
        while True:
            try:
                return await self._stream_once(call, failures)
            except APIError as error:
                # Nothing of a stream was handed out: unlike the client, a run can ask again.
                failures += 1
                is_broken = error.partial is not None and error.is_retryable
                if not is_broken or failures > policy.max_retries:
                    error.attempts = max(error.attempts, 1) + failures - 1
                    raise
            delay = policy.initial_delay * policy.multiplier ** (failures - 1)
            await trio.sleep(min(delay, policy.max_delay) * (1 - policy.jitter * self._random()))

    async def _stream_once(self, call: Call, failures: int) -> Outcome:
        caller = self._caller
        opened: list[OpenResponse] = []

        async def open_response() -> OpenResponse:
            opened.append(await caller.open(call, events=True))
            return opened[0]

        decoder = chunk_decoder(strict=caller.strict)
        size = caller.max_event_bytes
        async with ChatStream(open_response, decoder, max_event_bytes=size) as stream:
            completion = await stream.until_done()
        body = msgspec.json.encode(completion)
        outcome = _outcome(body, opened[0], tokens_in(body)[1])
        return attrs.evolve(outcome, attempts=outcome.attempts + failures)


def _outcome(body: bytes, response: OpenResponse, tokens: Tokens | None) -> Outcome:
    if b"\n" in body or b"\r" in body:
        # Between tokens alone, as strings have none; numbers keep their digits.
        body = msgspec.json.format(body, indent=-1)
    return Outcome(
        status=response.head.status,
        request_id=response.request_id,
        body=body,
        tokens=tokens,
        attempts=response.attempts,
    )
