"""What a client shares with its views, and how it is made of a configuration."""

import random
from collections import OrderedDict
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Final, TypeAlias, final

import msgspec

from trio_groq._api.auth import ApiKey, Secret
from trio_groq._api.model_knowledge import ModelKnowledge
from trio_groq._api.retry_budget import RetryBudget
from trio_groq._attempts import Patience
from trio_groq._gates import Gates
from trio_groq._hooks.observer import application_logs
from trio_groq._http.dial import Dialer
from trio_groq._http.pool import ConnectionPool
from trio_groq.config import ClientConfig

if TYPE_CHECKING:
    from trio_groq._hooks import Hooks
    from trio_groq.observe.latency import LatencyTracker

__all__ = ["Shared", "new_shared"]

MAX_KEYS: Final = 1024
"""Keys whose limits are remembered, a few kilobytes each: a service has one for each tenant, and
makes a view of the client for each call of one."""


_Own: TypeAlias = tuple[Patience, ModelKnowledge]


@final
class _Keys:
    """What is a key's own, by key: of the `MAX_KEYS` that were used last.

    Nothing here leads back to the client: one that is dropped is gone at once.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[ApiKey, _Own] = OrderedDict()

    def get(self, key: ApiKey) -> _Own | None:
        """What views with this key share; None if it is new, or was forgotten."""
        own = self._known.get(key) if _is_comparable(key) else None
        if own is not None:
            self._known.move_to_end(key)
        return own

    def add(self, key: ApiKey, own: _Own) -> None:
        """Know a key from now on."""
        if _is_comparable(key):
            self._known[key] = own
            if len(self._known) > MAX_KEYS:
                self._known.popitem(last=False)


def _is_comparable(key: ApiKey) -> bool:
    """What is neither text nor a plain function may be equal to who knows what."""
    return isinstance(key, Secret | FunctionType | MethodType)


class Shared(msgspec.Struct, kw_only=True, frozen=True):
    """What a client shares with its views.

    Attributes:
        pool: The connections.
        patience: What all calls share in deciding on attempts.
        hooks: The observers; None where there are none.
        latency: The times of calls; None where they are not kept.
        knowledge: What is known of the models.
        keys: Patience and knowledge of each key.
    """

    pool: ConnectionPool
    patience: Patience
    hooks: "Hooks | None"
    latency: "LatencyTracker | None"
    knowledge: ModelKnowledge = msgspec.field(default_factory=ModelKnowledge)
    keys: _Keys = msgspec.field(default_factory=_Keys)

    def for_key(self, key: ApiKey) -> "Shared":
        """What views with this key share.

        Another key is, for all we know, another account, with limits and models of its own; the
        service and the way to it are the same, up or down.
        """
        own = self.keys.get(key)
        if own is None:
            gates = self.patience.gates.for_another_key()
            patience = msgspec.structs.replace(self.patience, gates=gates)
            own = patience, ModelKnowledge(meant=self.knowledge.meant)
            self.keys.add(key, own)
        return msgspec.structs.replace(self, patience=own[0], knowledge=own[1])


def _new_hooks(config: ClientConfig) -> "tuple[LatencyTracker | None, Hooks | None]":
    is_left = config.log_level is None and application_logs()
    if not (config.observers or config.track_latency or config.log_level or is_left):
        return None, None  # nothing of it need be loaded
    from trio_groq._hooks import ClientStarted, Hooks  # noqa: PLC0415 (see above)
    from trio_groq.observe.latency import LatencyTracker  # noqa: PLC0415 (see above)
    from trio_groq.observe.logging import (  # noqa: PLC0415 (see above)
        LoggingObserver,
        logs_only_failures,
        set_up_logging,
    )

    latency = LatencyTracker(config.latency_samples) if config.track_latency else None
    observers = [*config.observers, *([] if latency is None else [latency])]
    if any(isinstance(each, LoggingObserver) for each in observers):
        is_left = False  # it writes these lines
    if is_left or (config.log_level is not None and set_up_logging(config.log_level)):
        observers.append(LoggingObserver())
    if not observers:
        return None, None
    if is_left and len(observers) == 1:
        hooks = Hooks(observers, only_failures=logs_only_failures)
        if logs_only_failures():
            return latency, hooks  # nobody reads the settings
    else:
        hooks = Hooks(observers)
    rows = config.describe().splitlines()[1:]
    settings = "; ".join(" ".join(row.split()) for row in rows)
    has_circuit = config.circuit_breaker is not None
    circuit = str(config.parsed_base_url().origin) if has_circuit else None
    hooks.tell(ClientStarted(base_url=config.base_url, settings=settings, circuit=circuit))
    return latency, hooks


def new_shared(config: ClientConfig) -> Shared:
    """What a client of this configuration begins with; nothing is connected yet."""
    latency, hooks = _new_hooks(config)
    shared = Shared(
        pool=_new_pool(config),
        patience=_new_patience(config, hooks),
        hooks=hooks,
        latency=latency,
        knowledge=ModelKnowledge(meant=config.models),
    )
    if config.api_key is not None:
        shared.keys.add(config.api_key, (shared.patience, shared.knowledge))
    return shared


def _new_pool(config: ClientConfig) -> ConnectionPool:
    dialer = Dialer(config.ssl_context, readiness=config.readiness, proxies=config.proxies())
    return ConnectionPool(dialer, config.limits, config.exchange_limits)


def _new_patience(config: ClientConfig, hooks: "Hooks | None") -> Patience:
    budget = config.retry_budget
    return Patience(
        gates=Gates(
            config.circuit_breaker,
            config.rate_limit,
            max_wait=config.retry.max_retry_after,
            on_circuit=None if hooks is None else hooks.circuit_changed,
            timeouts=config.timeouts,
        ),
        budget=None if budget is None else RetryBudget(budget),
        random=random.random,
    )
