"""Who hears what calls tell."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from trio_groq._hooks.events import CallStarted, Event

__all__ = ["Observer", "Propagator"]


class Observer(Protocol):
    """What is told of calls."""

    def on_event(self, event: "Event", /) -> None:
        """Something happened. Called in the task of the call: quick, and without waiting."""


@runtime_checkable
class Propagator(Protocol):
    """What has calls bring header fields with them, such as `traceparent`."""

    def headers_for(self, call: "CallStarted", /) -> Mapping[str, str]:
        """Header fields for a call that begins; those of the caller win over them."""
