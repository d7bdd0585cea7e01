"""What calls tell observers: the records, who hears them, and how they are told.

A call tells `CallStarted` first and one of `CallFinished`, `CallFailed` and `CallCancelled` last;
between them, in order, what became of its attempts. Nothing is told for each chunk of a stream:
its first one is told, and how many they were at its end. Where nobody observes, no record is made:
a client without observers has no `Hooks`, and a call of it no `CallWatch`.

Observers are told at once, in the task of the call, and so they must not block. One that raises
breaks nothing: its first exception is logged, all of them are counted.

The records load when somebody observes: a client without observers needs none of them.
"""

from typing import TYPE_CHECKING

from trio_groq._facades import load, names_of

if TYPE_CHECKING:
    from trio_groq._hooks.events import (
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
        RateLimited,
        ResponseHead,
        Usage,
        Waited,
        WaitReason,
    )
    from trio_groq._hooks.observer import (
        Observer,
        Propagator,
    )
    from trio_groq._hooks.watch import (
        CallWatch,
        Hooks,
        operation_of,
    )

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "CallCancelled",
    "CallFailed",
    "CallFinished",
    "CallStarted",
    "CallWatch",
    "CircuitChanged",
    "ClientStarted",
    "Event",
    "FirstToken",
    "Hooks",
    "Observer",
    "Propagator",
    "RateLimited",
    "ResponseHead",
    "Usage",
    "WaitReason",
    "Waited",
    "operation_of",
]

_HOMES = {
    "CallWatch": "watch",
    "Hooks": "watch",
    "Observer": "observer",
    "Propagator": "observer",
    "operation_of": "watch",
}
"""Where the names are that are no records."""


def __getattr__(name: str) -> object:
    return load(__name__, __all__, name, f"{__name__}.{_HOMES.get(name, 'events')}")


def __dir__() -> list[str]:
    return names_of(__name__, __all__)
