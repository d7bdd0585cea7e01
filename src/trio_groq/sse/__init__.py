"""Bytes to server-sent events: the WHATWG algorithm, sans-IO.

For harnesses with a transport of their own: `SSEParser` takes bytes as they come and returns the
events that they complete. It knows nothing of HTTP, of JSON or of trio.
"""

from typing import TYPE_CHECKING

from trio_groq._facades import load, names_of

if TYPE_CHECKING:
    from trio_groq.sse.event import ServerSentEvent
    from trio_groq.sse.limits import DEFAULT_MAX_EVENT_BYTES
    from trio_groq.sse.parser import SSEParser

__all__ = ["DEFAULT_MAX_EVENT_BYTES", "SSEParser", "ServerSentEvent"]

# A client knows the limit from its import on, and parses nothing before its first stream.
_HOMES = {
    "DEFAULT_MAX_EVENT_BYTES": "limits",
    "SSEParser": "parser",
    "ServerSentEvent": "event",
}


def __getattr__(name: str) -> object:
    return load(__name__, __all__, name, f"{__name__}.{_HOMES.get(name)}")


def __dir__() -> list[str]:
    return names_of(__name__, __all__)
