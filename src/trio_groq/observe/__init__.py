"""Observers of calls: logging, OpenTelemetry, latency; and what an observer of your own needs.

::

    tracker = LatencyTracker()
    config = ClientConfig.from_env(observers=(LoggingObserver(), tracker))
    async with GroqClient(config=config) as client:
        ...
    print(tracker.report())

An observer is any object with `on_event`; see `Observer`. `OpenTelemetryObserver` needs the extra
`otel`.
"""

from typing import TYPE_CHECKING

from trio_groq._facades import load, names_of

if TYPE_CHECKING:
    from trio_groq._hooks import (
        AttemptFailed,
        AttemptStarted,
        CallCancelled,
        CallFailed,
        CallFinished,
        CallStarted,
        CircuitChanged,
        ClientStarted,
        Event,
        FirstToken,
        Observer,
        Propagator,
        RateLimited,
        ResponseHead,
        Usage,
        Waited,
    )
    from trio_groq.observe.latency import Latency, LatencyTracker, ModelLatency
    from trio_groq.observe.logging import TRACE, LoggingObserver, set_up_logging
    from trio_groq.observe.otel import OpenTelemetryObserver
    from trio_groq.observe.redaction import RedactingFilter, redact

__all__ = [
    "TRACE",
    "AttemptFailed",
    "AttemptStarted",
    "CallCancelled",
    "CallFailed",
    "CallFinished",
    "CallStarted",
    "CircuitChanged",
    "ClientStarted",
    "Event",
    "FirstToken",
    "Latency",
    "LatencyTracker",
    "LoggingObserver",
    "ModelLatency",
    "Observer",
    "OpenTelemetryObserver",
    "Propagator",
    "RateLimited",
    "RedactingFilter",
    "ResponseHead",
    "Usage",
    "Waited",
    "redact",
    "set_up_logging",
]

_HOMES = {
    "TRACE": "observe.logging",
    "Latency": "observe.latency",
    "LatencyTracker": "observe.latency",
    "LoggingObserver": "observe.logging",
    "ModelLatency": "observe.latency",
    "OpenTelemetryObserver": "observe.otel",
    "RedactingFilter": "observe.redaction",
    "redact": "observe.redaction",
    "set_up_logging": "observe.logging",
}
"""Where each name is that is no event: only what is used is loaded."""


def __getattr__(name: str) -> object:
    return load(__name__, __all__, name, f"trio_groq.{_HOMES.get(name, '_hooks')}")


def __dir__() -> list[str]:
    return names_of(__name__, __all__)
