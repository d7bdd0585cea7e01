"""`GroqClient`: the connections, the settings, and the resources over them."""

import math
import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, final, overload

import attrs
import trio

from trio_groq._api.auth import ApiKey
from trio_groq._api.rate_limits import SeenRateLimits
from trio_groq._api.redaction import hiding
from trio_groq._api.requests import HeaderOptions, QueryOptions, RequestBuilder
from trio_groq._api.retry import RetryOption, as_retry_policy
from trio_groq._call import NOT_GIVEN, Caller, NotGiven
from trio_groq._config.environment import KEY_VARIABLE
from trio_groq._gates import GateStatistics
from trio_groq._http.deadlines import Deadlines, TimeoutOption, as_timeouts
from trio_groq._http.dial import SSLContext
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.proxies import ProxyOption
from trio_groq._shared import Shared, new_shared
from trio_groq.config import ClientConfig, PoolLimits
from trio_groq.fanout._methods import FanOut
from trio_groq.resources._namespace import Resources

if TYPE_CHECKING:
    from trio_groq.observe.latency import ModelLatency

__all__ = ["GroqClient"]

T = TypeVar("T")


@final
class GroqClient(Resources, FanOut):
    """A client for the Groq API.

    Use it as `async with GroqClient() as client:`, or close it with `aclose()`. It needs no
    nursery, runs no task of its own, and belongs to the Trio run that it is first used in. Any
    number of tasks may share it.

    Args:
        api_key: The key, or a function (sync or async) that is asked for it before each attempt.
            By default `GROQ_API_KEY`.
        base_url: Where the API is, with or without `/openai/v1`. By default `GROQ_BASE_URL`, else
            `GROQ_HOST`, else Groq.
        allow_plaintext: Allow `http` for hosts that are not loopback.
        timeout: Seconds for a whole call, or `Timeouts` by phase.
        max_retries: How often a failed call is repeated at the most, or a `RetryPolicy`.
        limits: How many connections, and for how long.
        default_headers: Header fields of every request.
        default_query: Query parameters of every request.
        ssl_context: Used for `https` as it is, and never changed.
        proxy: URL of the proxy for all connections, or `none`; by default as the environment says.
        trust_env: Whether the environment's proxies count.
        strict_validation: Whether a response that is not what the API promises, and a conversation
            that does not hold together, are errors.
        config: All of these and more in one record; the other arguments replace its fields. With
            it, the environment is not looked at but for proxies (`trust_env`).

    Raises:
        ConfigurationError: A value is not valid, or there is no key. Raised before any I/O.
    """

    def __init__(
        self,
        api_key: ApiKey | None = None,
        *,
        base_url: str | None = None,
        allow_plaintext: bool | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        limits: PoolLimits | None = None,
        default_headers: HeaderOptions | None = None,
        default_query: QueryOptions | None = None,
        ssl_context: SSLContext | None = None,
        proxy: ProxyOption = None,
        trust_env: bool | None = None,
        strict_validation: bool | None = None,
        config: ClientConfig | None = None,
    ) -> None:
        given: dict[str, Any] = {
            "api_key": api_key,
            "base_url": base_url,
            "allow_plaintext": allow_plaintext,
            "limits": limits,
            "default_headers": default_headers,
            "default_query": default_query,
            "ssl_context": ssl_context,
            "proxy": proxy,
            "trust_env": trust_env,
            "strict_validation": strict_validation,
        }
        given = {name: value for name, value in given.items() if value is not None}
        known = None if config is None else config.api_key
        with hiding(api_key, known, os.environ.get(KEY_VARIABLE)):
            if config is None:
                config = ClientConfig.from_env(**given)
            else:
                config = attrs.evolve(config, **given)
            config = _with_patience(config, timeout, max_retries)
        self._owns_pool = True
        self._set_up(config, new_shared(config))

    def _set_up(self, config: ClientConfig, shared: Shared) -> None:
        api_key = config.required_key()
        self._config = config
        self._shared = shared
        self._caller = Caller(
            pool=shared.pool,
            builder=RequestBuilder(
                config.parsed_base_url(), config.default_headers, config.default_query
            ),
            api_key=api_key,
            timeouts=config.timeouts,
            retry=config.retry,
            patience=shared.patience,
            strict=config.strict_validation,
            max_event_bytes=config.max_event_bytes,
            hooks=shared.hooks,
            knowledge=shared.knowledge,
        )

    @property
    def config(self) -> ClientConfig:
        """The settings, all of them."""
        return self._config

    def latency(self) -> "Mapping[str, ModelLatency]":
        """How long the last calls took, by model; empty unless `track_latency` is set."""
        tracker = self._shared.latency
        return {} if tracker is None else tracker.report()

    @property
    def pool(self) -> ConnectionPool:
        """The connections; `pool.statistics()` tells how they are used."""
        return self._shared.pool

    def with_options(
        self,
        *,
        api_key: ApiKey | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
        default_headers: HeaderOptions | None = None,
        default_query: QueryOptions | None = None,
    ) -> "GroqClient":
        """The same client with other options, over the same connections.

        Args:
            api_key: Another key. Its rate limits are its own; views with the same key share them.
            timeout: Other limits.
            max_retries: Another policy.
            default_headers: Header fields added to those of this client.
            default_query: Query parameters added to those of this client.

        Returns:
            A view: closing it does nothing, and once this client is closed, so is it.

        Raises:
            ConfigurationError: A value is not valid.
        """
        with hiding(self._config.api_key, api_key):
            config = attrs.evolve(
                self._config,
                api_key=self._config.api_key if api_key is None else api_key,
                default_headers={**self._config.default_headers, **(default_headers or {})},
                default_query={**self._config.default_query, **(default_query or {})},
            )
            config = _with_patience(config, timeout, max_retries)
        view = object.__new__(GroqClient)
        view._owns_pool = False
        shared = self._shared
        view._set_up(config, shared if api_key is None else shared.for_key(config.required_key()))
        return view

    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[T],
        json: object = ...,
        content: bytes | None = ...,
        extra_headers: HeaderOptions | None = ...,
        extra_query: QueryOptions | None = ...,
        extra_body: Mapping[str, object] | None = ...,
        timeout: TimeoutOption | NotGiven = ...,
        max_retries: RetryOption | NotGiven = ...,
    ) -> T: ...
    @overload
    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = ...,
        content: bytes | None = ...,
        extra_headers: HeaderOptions | None = ...,
        extra_query: QueryOptions | None = ...,
        extra_body: Mapping[str, object] | None = ...,
        timeout: TimeoutOption | NotGiven = ...,
        max_retries: RetryOption | NotGiven = ...,
    ) -> object: ...
    async def request(
        self,
        method: str,
        path: str,
        *,
        cast_to: type[T] | type[object] = object,
        json: object = NOT_GIVEN,
        content: bytes | None = None,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
    ) -> object:
        """Call what the resources do not cover (yet), with everything that they have.

        Args:
            method: HTTP method.
            path: Path of the API: `/openai/v1/models`, or, without a slash at its front, what
                follows `/openai/v1/`: `models`.
            cast_to: What the response is decoded into: a msgspec Struct, dataclass, TypedDict or
                built-in type; `bytes` for the body as it came; by default plain JSON values.
            json: The body, encoded as JSON.
            content: The body as it is; set its type with `extra_headers={"Content-Type": ...}`.
            extra_headers: Header fields for this request.
            extra_query: Query parameters for this request.
            extra_body: Fields added to `json`, which must be a mapping then.
            timeout: Seconds for the whole call, or limits by phase.
            max_retries: How often it is repeated at the most, or a policy.

        Returns:
            The decoded body.

        Raises:
            InvalidRequestError: An argument is not valid; nothing was sent.
            APIError: The call failed: see the error tree.
        """
        # Loaded when first asked for, as the resources are: it brings all that checks parameters.
        from trio_groq._generic_call import generic_call, generic_reader  # noqa: PLC0415 (see above)

        call = generic_call(
            method,
            path,
            json=json,
            content=content,
            headers=extra_headers,
            query=extra_query,
            body=extra_body,
        )
        return await self._caller.perform(
            call, generic_reader(cast_to), timeout=timeout, max_retries=max_retries
        )

    def rate_limits(self, model: str | None = None) -> SeenRateLimits | None:
        """What the server's last response said of the limits.

        Args:
            model: The model whose limits they are; None for the one that was called last.

        Returns:
            Limits, what remains, when they reset, and how old that is, which outside of a Trio run
            is not a number; None before the first response that says anything.
        """
        book = self._shared.patience.gates.book
        if model is None:
            model = next(reversed(book.models()), "")
        is_run = trio.lowlevel.in_trio_run()
        return book.get(model, trio.current_time() if is_run else math.nan)

    def gate_statistics(self) -> GateStatistics:
        """What calls waited for before they were sent: rate limits, budgets, open circuits."""
        return self._shared.patience.gates.statistics()

    def is_available(self) -> bool:
        """Whether a call may be sent now: the client is open, and so is no circuit.

        A circuit whose time is over is no longer open: the next call tries the service.
        """
        circuits = self.gate_statistics().circuits
        return not self.pool.closed and "open" not in circuits.values()

    async def warm_up(self, count: int) -> None:
        """Open connections before they are needed: DNS, TCP, proxy and TLS done.

        Args:
            count: How many are to be open and unused, those that are already included; at most
                `max_idle` and `max_connections` of the limits.

        Raises:
            InvalidRequestError: So many would not be kept.
            APIConnectionError: Connecting failed.
        """
        self.pool.check_run()
        deadlines = Deadlines(self._config.timeouts, trio.current_time())
        await self.pool.warm_up(self._config.parsed_base_url().origin, count, deadlines)

    async def aclose(self) -> None:
        """Close every connection; calls under way end with an `APIConnectionError`. Idempotent.

        A call that sleeps before a retry, or waits for a rate limit or a circuit, ends with that
        error only when this wait is over. Cancel calls to end them at once.
        """
        if self._owns_pool:
            self._shared.pool.close()
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def __aenter__(self) -> "GroqClient":
        await trio.lowlevel.checkpoint()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<GroqClient {self._config.base_url}, {self._shared.pool!r}>"


def _with_patience(
    config: ClientConfig, timeout: TimeoutOption | NotGiven, max_retries: RetryOption | NotGiven
) -> ClientConfig:
    if not isinstance(timeout, NotGiven):
        config = attrs.evolve(config, timeouts=as_timeouts(timeout, config.timeouts))
    if not isinstance(max_retries, NotGiven):
        config = attrs.evolve(config, retry=as_retry_policy(max_retries, config.retry))
    return config
