"""How a client is set up: frozen records, composed of limits declared beside what obeys them."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, SupportsIndex, TypeAlias

import attrs

from trio_groq._api.auth import ApiKey, Secret, checked_secret
from trio_groq._api.circuit import CircuitBreakerPolicy
from trio_groq._api.rate_limit_policy import RateLimitPolicy
from trio_groq._api.redaction import hiding, is_secret
from trio_groq._api.requests import HeaderOptions, QueryOptions, encode_headers, join_query
from trio_groq._api.retry import RetryPolicy
from trio_groq._api.retry_budget import RetryBudgetPolicy
from trio_groq._api.urls import DEFAULT_BASE_URL, BaseURL, parse_base_url
from trio_groq._config.environment import KEY_VARIABLE, environment_tree
from trio_groq._config.settings import (
    ARGUMENT,
    HEADERS,
    Node,
    Origins,
    Setting,
    Tree,
    origins_of,
    overlaid,
    without_keys,
)
from trio_groq._hooks.observer import Observer
from trio_groq._http.deadlines import Timeouts
from trio_groq._http.dial import SSLContext
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.pool_state import PoolLimits
from trio_groq._http.proxies import Proxy, ProxyOption, ProxySettings, as_proxy, proxy_variable
from trio_groq._http.readiness import ReadinessOption
from trio_groq._validators import count, instance, one_of, shown
from trio_groq.errors import ConfigurationError, InvalidRequestError
from trio_groq.sse.limits import DEFAULT_MAX_EVENT_BYTES

__all__ = [
    "CircuitBreakerPolicy",
    "ClientConfig",
    "ExchangeLimits",
    "LogLevel",
    "PoolLimits",
    "RateLimitPolicy",
    "RetryBudgetPolicy",
    "RetryPolicy",
    "Secret",
    "Timeouts",
]

_NEVER_PICKLED: Final = "ClientConfig with {}: expected never to be pickled, got a pickle's request"

LogLevel: TypeAlias = Literal[
    "off", "critical", "error", "warning", "warn", "info", "debug", "trace"
]
"""How much is logged; each level has those before it in it. `warn` is `warning`."""


def _checked_key(key: ApiKey | None) -> ApiKey | None:
    """A key given as text is checked at once; a callable's answer when it is asked."""
    return key if key is None or callable(key) else checked_secret(key)


def _shown_key(key: ApiKey | None) -> str:
    """What a `repr` shows: of a function only that it is one, as it may be bound to a key."""
    return f"<{type(key).__name__}>" if callable(key) else repr(key)


def _checked_proxy(option: ProxyOption) -> Proxy | Literal["none"] | None:
    """The proxy; `none` for none, whatever the environment says, and None for what that says."""
    return "none" if option == "none" else as_proxy(option)


def _copied(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Later changes of the caller's mapping are none of ours; what is no mapping is told later."""
    return dict(options) if isinstance(options, Mapping) else options


def _as_tuple(value: Iterable[Observer]) -> tuple[Observer, ...]:
    return tuple(value)  # not `tuple` itself: attrs asks for its signature, which takes a while


def _as_names(value: Any) -> Any:  # noqa: ANN401 (what is no list of names is told later)
    return tuple(value) if isinstance(value, list) else value


def _check_names(_owner: object, field: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(each, str) and each for each in value):
        raise ConfigurationError(f"{field.name}: expected a list of names, got {shown(value)}")


def _check_observer(_owner: object, _field: "attrs.Attribute[Any]", value: object) -> None:
    if not callable(getattr(value, "on_event", None)):
        raise ConfigurationError(
            f"observers: expected objects with on_event, got {type(value).__name__}"
        )


def _check(name: str, check: Callable[[Any], object], options: object) -> None:
    if not isinstance(options, Mapping):
        raise ConfigurationError(f"{name}: expected a mapping, got {type(options).__name__}")
    wrong = ""
    try:
        check(options)
    except InvalidRequestError as exc:
        wrong = str(exc)
    if wrong:
        raise ConfigurationError(f"{name}: {wrong}")


@attrs.frozen(kw_only=True)
class ClientConfig:
    """Everything that a client can be told.

    Attributes:
        api_key: The key, or a function (sync or async) that is asked for it before each attempt.
        base_url: `https`, with or without `/openai/v1` at its end; `http` for loopback hosts.
        allow_plaintext: Allow `http` for every host: the key then crosses the network readably.
        timeouts: Time limits of a call.
        retry: When and how often a failed call is repeated.
        retry_budget: Bounds the retries of all calls together; None for no such bound.
        circuit_breaker: When calls to a service that is down fail, or wait, without being sent;
            None for never.
        rate_limit: How to keep within the limits of the account before the server refuses; None
            to learn them from its refusals.
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
        proxy: URL of the proxy for all connections: `http`, `https`, or (with the extra `socks`)
            `socks5` or `socks5h`; None for what the environment says, `none` for no proxy.
        trust_env: Whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` count, where
            there is no `proxy`. They are read once, when the client is made.
        readiness: How to wait for bytes: `auto` for the best there is, `epoll` or `kqueue` for one
            poller for all connections, `trio` for Trio's own way.
        observers: What is told of every call; see `trio_groq.observe`.
        models: The models that are meant to be used, by name: a call of another is made, with a
            `ModelWarning` for the first; empty for any.
        track_latency: Whether times are kept for each model.
        latency_samples: Calls of a model whose times are kept, 1 or more.
        log_level: How much is logged to standard error; None to leave it to the application: what
            its own `logging` enables under `trio_groq` when the client is made, comes.

    Raises:
        ConfigurationError: A value is not valid. No message shows a key or a header's value.
    """

    api_key: ApiKey | None = attrs.field(default=None, converter=_checked_key, repr=_shown_key)
    base_url: str = DEFAULT_BASE_URL
    allow_plaintext: bool = attrs.field(default=False, validator=instance(bool))
    timeouts: Timeouts = attrs.field(factory=Timeouts, validator=instance(Timeouts))
    retry: RetryPolicy = attrs.field(factory=RetryPolicy, validator=instance(RetryPolicy))
    retry_budget: RetryBudgetPolicy | None = attrs.field(
        factory=RetryBudgetPolicy, validator=instance(RetryBudgetPolicy, optional=True)
    )
    circuit_breaker: CircuitBreakerPolicy | None = attrs.field(
        factory=CircuitBreakerPolicy, validator=instance(CircuitBreakerPolicy, optional=True)
    )
    rate_limit: RateLimitPolicy | None = attrs.field(
        default=None, validator=instance(RateLimitPolicy, optional=True)
    )
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
    proxy: ProxyOption = attrs.field(default=None, converter=_checked_proxy)
    trust_env: bool = attrs.field(default=True, validator=instance(bool))
    readiness: ReadinessOption = attrs.field(default="auto", validator=one_of(ReadinessOption))
    observers: tuple[Observer, ...] = attrs.field(
        default=(), converter=_as_tuple, validator=attrs.validators.deep_iterable(_check_observer)
    )
    models: tuple[str, ...] = attrs.field(default=(), converter=_as_names, validator=_check_names)
    track_latency: bool = attrs.field(default=False, validator=instance(bool))
    latency_samples: int = attrs.field(default=100, validator=count(1))
    log_level: LogLevel | None = attrs.field(
        default=None, validator=attrs.validators.optional(one_of(LogLevel))
    )
    _origins: Origins = attrs.field(factory=Origins, alias="_origins", eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        with hiding(self.api_key):
            self.parsed_base_url()
            _check("default_headers", encode_headers, self.default_headers)
            _check("default_query", join_query, self.default_query)

    def __copy__(self) -> "ClientConfig":
        return attrs.evolve(self)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        """Refuse to be pickled with a secret in it: a pickle is plain text."""
        if self.api_key is not None:
            raise TypeError(_NEVER_PICKLED.format("api_key"))
        for options in (self.default_headers, self.default_query):
            name = next(filter(is_secret, options), None)
            if name is not None:
                raise TypeError(_NEVER_PICKLED.format(name))
        return super().__reduce_ex__(protocol)

    def parsed_base_url(self) -> BaseURL:
        """`base_url`, taken apart."""
        return parse_base_url(self.base_url, allow_plaintext=self.allow_plaintext)

    def proxies(self, environ: Mapping[str, str] = os.environ) -> ProxySettings:
        """Which proxy leads where, by `proxy`, or by the environment if that is trusted.

        Raises:
            ConfigurationError: A variable that counts is no URL of a proxy; names the variable.
        """
        if self.proxy == "none" or (self.proxy is None and not self.trust_env):
            return ProxySettings.all_through(None)
        if self.proxy is not None:
            return ProxySettings.all_through(as_proxy(self.proxy))
        scheme = self.parsed_base_url().origin.scheme
        return ProxySettings.from_env(environ, schemes=(scheme,))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **fields: Any) -> "ClientConfig":  # noqa: ANN401 (the fields have types of their own)
        """The configuration that the environment states, defaults for the rest.

        Args:
            environ: `GROQ_API_KEY`; `GROQ_BASE_URL`, or else `GROQ_HOST`; `GROQ_LOG`, a log level;
                `GROQ_CUSTOM_HEADERS`, lines of `Name: value`. Empty means not set.
            fields: Fields that are known already; what the environment says of them is not
                looked at. `default_headers` are added to those of the environment, and win.

        Raises:
            ConfigurationError: A value is not valid, and the message names the variable; or there
                is no such field.
        """
        if unknown := fields.keys() - _field_names():
            from trio_groq._config.faults import unknown_key  # noqa: PLC0415 (slow to import)

            name = min(unknown)
            raise ConfigurationError(f"{name}: {unknown_key(name, sorted(_field_names()))}")
        with hiding(fields.get("api_key"), environ.get(KEY_VARIABLE)):
            found = environment_tree(environ, fields)
            tree = overlaid(found, {name: _given(name, value) for name, value in fields.items()})
            config = cls._of_tree(tree, found)
        return attrs.evolve(config, _origins=origins_of(config, tree))

    @classmethod
    def _of_tree(cls, tree: Tree, found: Tree) -> "ClientConfig":
        """The configuration of a tree; what is wrong in `found` is blamed on its origin."""
        try:
            return cls(**{name: _plain(node) for name, node in tree.items()})
        except ConfigurationError as exc:
            setting = found.get(str(exc).partition(":")[0])
            if not isinstance(setting, Setting):
                raise
            wrong = f"{setting.origin}: {exc}"
        raise ConfigurationError(without_keys(wrong))

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        environ: Mapping[str, str] = os.environ,
        **arguments: Any,  # noqa: ANN401 (the fields have types of their own)
    ) -> "ClientConfig":
        """The configuration that a file states, below the environment and arguments.

        For each setting, by itself, an argument wins over the environment, that over the file, and
        that over the default. The settings are at the file's top, or in a section `trio_groq`,
        `tool.trio_groq` or `llm.providers.groq`. `${NAME}` in a value is the variable's value, and
        `${NAME:-text}` has a default. The file is read before this returns: not for tasks that
        others wait for.

        Args:
            path: A file in TOML, JSON or YAML (with PyYAML), told by its suffix; 1 MiB at most.
            environ: As for `from_env`, and what `${NAME}` refers to.
            arguments: Fields, whole or as mappings of what is to be set in them; also `timeout`,
                `max_retries` and `rate_limit_rpm`, as a file may have them.

        Raises:
            ConfigurationError: The file cannot be read, a variable that it names is not set, a key
                is unknown, or a value not valid. One line for each fault, with its origin and path;
                no secret is shown.
        """
        from trio_groq._config.loading import load  # noqa: PLC0415 (slow to import, and few need it)

        with hiding(arguments.get("api_key"), environ.get(KEY_VARIABLE)):
            config, origins = load(cls, path, environ, arguments)
        return attrs.evolve(config, _origins=origins)

    def describe(self, environ: Mapping[str, str] = os.environ) -> str:
        """The effective settings as a table of text, to be printed: name, value, origin.

        The origin is `argument` (also what was replaced later), a variable of the environment, the
        file with the key in it, or `default`. Keys show their last characters at the most, header
        fields and query parameters their names, and what is set in code its type. `proxy` is the
        one that leads to `base_url`, without its user and password.

        Args:
            environ: Where the proxy comes from, unless it is given.
        """
        from trio_groq._config.description import described  # noqa: PLC0415 (few need it)

        return described(self, self._origins, self._proxy_in_effect(environ))

    def _proxy_in_effect(self, environ: Mapping[str, str]) -> tuple[str, str] | None:
        """The environment's proxy to the API, and the variable that names it; None for none."""
        origin = self.parsed_base_url().origin
        variable = proxy_variable(environ, origin.scheme)
        if self.proxy is not None or not self.trust_env or variable is None:
            return None
        try:
            proxy = self.proxies(environ).proxy_for(origin)
        except ConfigurationError:
            return "no URL of a proxy", variable
        return ("none for this host", variable) if proxy is None else (str(proxy), variable)

    def required_key(self) -> ApiKey:
        """The key.

        Raises:
            ConfigurationError: There is none; the message says where to set one.
        """
        if self.api_key is None:
            raise ConfigurationError(
                f"api_key: expected a key, got none; set {KEY_VARIABLE} or pass api_key="
            )
        return self.api_key


def _field_names() -> set[str]:
    return {field.name for field in attrs.fields(ClientConfig) if field.name != "_origins"}


def _given(name: str, value: Any) -> Node:  # noqa: ANN401 (any field)
    """An argument as a node of a tree: header fields are joined one by one, the rest is whole."""
    if name == HEADERS and isinstance(value, Mapping):
        return {key: Setting(item, ARGUMENT) for key, item in value.items()}
    return Setting(value, ARGUMENT)


def _plain(node: Node) -> Any:  # noqa: ANN401 (any field)
    if isinstance(node, Setting):
        return node.value
    return {name: _plain(each) for name, each in node.items()}
