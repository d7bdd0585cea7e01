"""A scripted Groq on a loopback socket, for tests.

::

    async with FakeGroq() as server:
        server.enqueue(Reply(content="Hello", fault=Fault.truncate(300)))
        client = GroqClient(api_key="gsk_test", base_url=server.url)

The pytest plugin gives the fixture `fake_groq` to tests that run under pytest-trio.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trio_groq.testing.faults import Fault
    from trio_groq.testing.records import RecordedRequest
    from trio_groq.testing.replies import Reply, ToolCall
    from trio_groq.testing.routes import DEFAULT_MODELS
    from trio_groq.testing.server import FakeGroq

__all__ = ["DEFAULT_MODELS", "FakeGroq", "Fault", "RecordedRequest", "Reply", "ToolCall"]

# pytest imports this package in every run, for its plugin: the rest is loaded on first use.
_HOMES = {
    "DEFAULT_MODELS": "routes",
    "FakeGroq": "server",
    "Fault": "faults",
    "RecordedRequest": "records",
    "Reply": "replies",
    "ToolCall": "replies",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
