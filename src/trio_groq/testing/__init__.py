"""A scripted Groq on a loopback socket, for tests.

::

    async with FakeGroq() as server:
        server.enqueue(Reply(content="Hello", fault=Fault.truncate(300)))
        client = GroqClient(api_key="gsk_test", base_url=server.url)

The pytest plugin gives the fixture `fake_groq` to tests that run under pytest-trio.
"""

from typing import TYPE_CHECKING

from trio_groq._facades import load, names_of

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
    return load(__name__, __all__, name, f"{__name__}.{_HOMES.get(name)}")


def __dir__() -> list[str]:
    return names_of(__name__, __all__)
