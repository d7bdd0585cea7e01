"""How a client is set up: frozen records, composed of limits declared beside what obeys them."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from trio_groq._api.auth import ApiKey, Secret, checked_secret
from trio_groq._api.requests import HeaderOptions, QueryOptions, encode_headers, join_query
from trio_groq._api.retry import RetryPolicy
from trio_groq._api.urls import DEFAULT_BASE_URL, BaseURL, parse_base_url
from trio_groq._http.deadlines import Timeouts
from trio_groq._http.dial import SSLContext
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.pool_state import PoolLimits
from trio_groq._http.readiness import ReadinessOption
from trio_groq._validators import count, instance, one_of
from trio_groq.errors import ConfigurationError, InvalidRequestError
from trio_groq.sse import DEFAULT_MAX_EVENT_BYTES

__all__ = [
    "ClientConfig",
    "ExchangeLimits",
    "PoolLimits",
    "RetryPolicy",
    "Secret",
    "Timeouts",
]

_KEY_VARIABLE: Final = "GROQ_API_KEY"
_URL_VARIABLES: Final = ("GROQ_BASE_URL", "GROQ_HOST")


def _checked_key(key: ApiKey | None) -> ApiKey | None:
    """A key given as text is checked at once; a callable's answer when it is asked."""
    return key if key is None or callable(key) else checked_secret(key)


def _copied(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Later changes of the caller's mapping are none of ours; what is no mapping is told later."""
    return dict(options) if isinstance(options, Mapping) else options


def _check(name: str, check: Callable[[Any], object], options: object) -> None:
    if not isinstance(options, Mapping):
        raise ConfigurationError(f"{name}: expected a mapping, got {type(options).__name__}")
    try:
        check(options)
    except InvalidRequestError as exc:
        raise ConfigurationError(f"{name}: {exc}") from None


@attrs.frozen(kw_only=True)
class ClientConfig:
    """Everything that a client can be told.

    Attributes:
        api_key: The key, or a function (sync or async) that is asked for it before each attempt.
        base_url: `https`, with or without `/openai/v1` at its end; `http` for loopback hosts.
        allow_plaintext: Allow `http` for every host: the key then crosses the network readably.
        timeouts: Time limits of a call.
        retry: When and how often a failed call is repeated.
        limits: How many connections, and for how long.
        exchange_limits: What one response may make the client hold.
        max_event_bytes: Longest event of a stream, in bytes; 1 or more.
        strict_validation: Whether it is an error when a response has what the API does not promise,
            such as null for a number, or a conversation does not hold together. By default the
            one is forgiven and the other a `ConversationWarning`.
        default_headers: Header fields of every request; None takes one of ours away.
        default_query: Query parameters of every request.
        ssl_context: Used for `https` as it is, and never changed; None for one that trusts the
            system's authorities and speaks TLS 1.2 or later.
        readiness: How to wait for bytes: `auto` for the best there is, `epoll` or `kqueue` for one
            poller for all connections, `trio` for Trio's own way.

    Raises:
        ConfigurationError: A value is not valid. No message shows a key or a header's value.
    """

    api_key: ApiKey | None = attrs.field(default=None, converter=_checked_key)
    base_url: str = DEFAULT_BASE_URL
    allow_plaintext: bool = attrs.field(default=False, validator=instance(bool))
    timeouts: Timeouts = attrs.field(factory=Timeouts, validator=instance(Timeouts))
    retry: RetryPolicy = attrs.field(factory=RetryPolicy, validator=instance(RetryPolicy))
    limits: PoolLimits = attrs.field(factory=PoolLimits, validator=instance(PoolLimits))
    exchange_limits: ExchangeLimits = attrs.field(
        factory=ExchangeLimits, validator=instance(ExchangeLimits)
    )
    max_event_bytes: int = attrs.field(default=DEFAULT_MAX_EVENT_BYTES, validator=count(1))
    strict_validation: bool = attrs.field(default=False, validator=instance(bool))
    default_headers: HeaderOptions = attrs.field(factory=dict, converter=_copied, repr=False)
    default_query: QueryOptions = attrs.field(factory=dict, converter=_copied, repr=False)
    ssl_context: SSLContext | None = attrs.field(
        default=None, validator=instance(SSLContext, optional=True), repr=False
    )

    readiness: ReadinessOption = attrs.field(default="auto", validator=one_of(ReadinessOption))

    def __attrs_post_init__(self) -> None:
        self.parsed_base_url()
        _check("default_headers", encode_headers, self.default_headers)
        _check("default_query", join_query, self.default_query)

    def parsed_base_url(self) -> BaseURL:
        """`base_url`, taken apart."""
        return parse_base_url(self.base_url, allow_plaintext=self.allow_plaintext)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **fields: Any) -> "ClientConfig":  # noqa: ANN401 (the fields have types of their own)
        """The configuration that the environment states, defaults for the rest.

        Args:
            environ: `GROQ_API_KEY`; `GROQ_BASE_URL`, or else `GROQ_HOST`. Empty means not set.
            fields: Fields that are known already; what the environment says of them is not
                looked at.

        Raises:
            ConfigurationError: A value is not valid; the message names the variable.
        """
        if "api_key" not in fields and (key := environ.get(_KEY_VARIABLE)):
            fields["api_key"] = checked_secret(key, source=_KEY_VARIABLE)
        if "base_url" not in fields:
            for variable in _URL_VARIABLES:
                if url := environ.get(variable):
                    try:
                        return cls(base_url=url, **fields)
                    except ConfigurationError as exc:
                        if str(exc).startswith("base_url"):
                            raise ConfigurationError(f"{variable}: {exc}") from None
                        raise
        return cls(**fields)

    def required_key(self) -> ApiKey:
        """The key.

        Raises:
            ConfigurationError: There is none; the message says where to set one.
        """
        if self.api_key is None:
            raise ConfigurationError(
                f"api_key: expected a key, got none; set {_KEY_VARIABLE} or pass api_key="
            )
        return self.api_key
