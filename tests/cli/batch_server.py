"""A server of files and batches, in a thread: for tests whose subject runs Trio itself."""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
import pytest
import trio

from batch_api import PREFIX, BatchAPI
from trio_groq.testing import FakeGroq

PATIENCE = 60
"""Seconds after which a hang is a failure; nothing waits for this long."""


@attrs.frozen
class Served:
    """The server and what it keeps."""

    server: FakeGroq
    api: BatchAPI


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Serve; the environment leads there. A batch is over at the first look."""
    started: queue.Queue[tuple[FakeGroq, trio.lowlevel.TrioToken, trio.CancelScope]]
    started = queue.Queue()
    api = BatchAPI(duration=0, page_size=2)

    async def serve() -> None:
        async with FakeGroq(default_reply=api.reply) as server:
            with trio.CancelScope() as scope:
                started.put((server, trio.lowlevel.current_trio_token(), scope))
                await trio.sleep_forever()

    thread = threading.Thread(target=trio.run, args=(serve,))
    thread.start()
    server, token, scope = started.get(timeout=PATIENCE)
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    monkeypatch.setenv("GROQ_BASE_URL", f"{server.url}{PREFIX}")
    try:
        yield Served(server, api)
    finally:
        token.run_sync_soon(scope.cancel)
        thread.join(PATIENCE)
