"""Who hears what calls tell."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from trio_groq._hooks.events import CallStarted, Event

__all__ = ["Observer", "Propagator", "application_logs"]


class Observer(Protocol):
    """What is told of calls."""

    def on_event(self, event: "Event", /) -> None:
        """Something happened. Called in the task of the call: quick, and without waiting."""


@runtime_checkable
class Propagator(Protocol):
    """What has calls bring header fields with them, such as `traceparent`."""

    def headers_for(self, call: "CallStarted", /) -> Mapping[str, str]:
        """Header fields for a call that begins; those of the caller win over them."""


def application_logs() -> bool:
    """Whether the application has set up a logging of its own that wants records of this package.

    It has where errors under `trio_groq` would reach a handler. `logging` is not loaded to find
    out: who has set it up has loaded it.
    """
    logging = sys.modules.get("logging")
    if logging is None:
        return False
    logger = logging.getLogger("trio_groq")
    return bool(logger.hasHandlers() and logger.isEnabledFor(logging.ERROR))
