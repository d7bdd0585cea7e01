"""Bytes to server-sent events: the WHATWG algorithm, sans-IO.

For harnesses with a transport of their own: `SSEParser` takes bytes as they come and returns the
events that they complete. It knows nothing of HTTP, of JSON or of trio.
"""

from trio_groq.sse.event import ServerSentEvent
from trio_groq.sse.parser import DEFAULT_MAX_EVENT_BYTES, SSEParser

__all__ = ["DEFAULT_MAX_EVENT_BYTES", "SSEParser", "ServerSentEvent"]
