"""A FakeGroq for tests whose subject runs Trio itself: in a thread of its own."""

import queue
import threading
from collections.abc import Iterator

import pytest
import trio

from trio_groq.testing import FakeGroq


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GROQ_API_KEY", "GROQ_BASE_URL", "GROQ_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def groq(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGroq]:
    """A server in the background, and the environment that leads to it."""
    started: queue.Queue[tuple[FakeGroq, trio.lowlevel.TrioToken, trio.CancelScope]]
    started = queue.Queue()

    async def serve() -> None:
        async with FakeGroq() as server:
            with trio.CancelScope() as scope:
                started.put((server, trio.lowlevel.current_trio_token(), scope))
                await trio.sleep_forever()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    server, token, scope = started.get(timeout=60)
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    monkeypatch.setenv("GROQ_BASE_URL", server.url)
    yield server
    token.run_sync_soon(scope.cancel)
    thread.join(60)
