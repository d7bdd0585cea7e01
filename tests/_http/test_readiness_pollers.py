"""What a poller is asked, and what is left of it."""

import contextlib
import math
import select
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from _http.readiness_pairs import Pair
from trio_groq._http import readiness
from trio_groq._http.hub import Hub, HubWatch
from trio_groq._http.limits import STALE_FLOOR
from trio_groq._http.pollers import EpollPoller, KqueuePoller
from trio_groq._http.readiness import watch
from trio_groq.errors import APIConnectionError, ConfigurationError

needs_epoll = pytest.mark.skipif(not hasattr(select, "epoll"), reason="epoll is Linux's own")


def test_unavailable_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        monkeypatch.setattr(readiness, "select", SimpleNamespace(epoll=None))
        sock = socket.socket()
        with sock, pytest.raises(ConfigurationError, match="auto, epoll, trio, got 'kqueue'"):
            watch(sock, "kqueue")

    trio.run(run)


def test_without_any_poller_trio_itself_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "select", SimpleNamespace())
    with socket.socket() as sock:
        assert isinstance(watch(sock), readiness.TrioWatch)


class CountingPoller:
    """An epoll that counts what is asked of it."""

    def __init__(self) -> None:
        self.inner = EpollPoller()
        self.fileno = self.inner.fileno
        self.poll = self.inner.poll
        self.close = self.inner.close
        self.armed = 0
        self.disarmed = 0

    def arm(self, fd: int) -> None:
        self.armed += 1
        self.inner.arm(fd)

    def disarm(self, fd: int) -> None:
        self.disarmed += 1
        self.inner.disarm(fd)


@pytest.fixture
def counted() -> tuple[Callable[[socket.socket], HubWatch], list[CountingPoller]]:
    made: list[CountingPoller] = []

    def make() -> CountingPoller:
        made.append(CountingPoller())
        return made[-1]

    hub = Hub(make)
    return lambda sock: hub.watch(sock.fileno()), made


@needs_epoll
async def test_reader_that_keeps_up_costs_no_system_call(counted: Any) -> None:
    watch_it, made = counted
    pair = Pair("trio")
    pair.watch = watch_it(pair.ours)
    for _ in range(50):
        pair.theirs.send(b"Token.")
        assert await pair.until() == b"Token."
    assert (made[0].armed, made[0].disarmed) == (1, 0)
    pair.close()


@needs_epoll
async def test_slow_reader_is_taken_out_and_put_back(counted: Any) -> None:
    watch_it, made = counted
    pair = Pair("trio")
    pair.watch = watch_it(pair.ours)
    pair.theirs.send(b"One.")
    assert await pair.until() == b"One."
    # Nobody waits, and the server goes on until the kernel's buffers are full.
    sent = 0
    try:
        while True:
            sent += pair.theirs.send(b"x" * 4096)
            await wait_all_tasks_blocked(0.001)
    except BlockingIOError:
        pass
    assert sent > 4096
    assert (made[0].armed, made[0].disarmed) == (1, 1)
    assert pair.received == b""

    def take_all() -> bool:
        while not pair.attempt() and len(pair.received) < sent:
            pass
        return True

    await pair.watch.until(take_all, math.inf, math.inf)
    assert len(pair.received) == sent
    assert made[0].armed == 2
    pair.close()


@needs_epoll
async def test_overtaken_entries_are_swept_out(counted: Any, autojump_clock: MockClock) -> None:
    watch_it, _ = counted
    pair = Pair("trio")
    watched = pair.watch = watch_it(pair.ours)
    for number in range(10 * STALE_FLOOR):
        pair.theirs.send(b"Again.")
        await pair.until(1_000_000 - number)  # each earlier than the one before
        assert len(watched.hub._limits) <= STALE_FLOOR + 4
    pair.close()


@needs_epoll
async def test_attempt_may_close_another_socket(counted: Any, nursery: trio.Nursery) -> None:
    watch_it, _ = counted
    pairs = [Pair("trio") for _ in range(2)]
    closed = 0

    def close_both() -> bool:
        nonlocal closed
        closed += 1
        for pair in pairs:
            pair.watch.close()
        return True

    async def wait(pair: Pair) -> None:
        with contextlib.suppress(APIConnectionError):
            await pair.watch.until(close_both, math.inf, math.inf)

    for pair in pairs:
        pair.watch = watch_it(pair.ours)
        nursery.start_soon(wait, pair)
    await wait_all_tasks_blocked()
    for pair in pairs:
        pair.theirs.send(b"x")
    await wait_all_tasks_blocked(0.01)
    assert closed == 1
    for pair in pairs:
        pair.close()


class FakeKqueue:
    """As much of `select.kqueue` as is used; a set of descriptors stands for the kernel."""

    def __init__(self) -> None:
        self.added: set[int] = set()
        self.readable: list[int] = []

    def control(self, changes: list[Any], limit: int, timeout: float | None = None) -> list[Any]:
        for change in changes:
            if change.flags == "add":
                self.added.add(change.ident)
            else:
                self.added.remove(change.ident)
        return [SimpleNamespace(ident=fd) for fd in self.readable if fd in self.added][:limit]

    def fileno(self) -> int:
        return 99

    def close(self) -> None:
        self.added.clear()


def test_kqueue_poller() -> None:
    module = SimpleNamespace(
        kqueue=FakeKqueue,
        kevent=lambda fd, filter_, flags: SimpleNamespace(ident=fd, filter=filter_, flags=flags),
        KQ_FILTER_READ="read",
        KQ_EV_ADD="add",
        KQ_EV_DELETE="delete",
    )
    poller = KqueuePoller(module)
    assert poller.fileno() == 99
    poller.arm(5)
    poller.arm(6)
    poller._kqueue.readable = [6, 5]
    assert poller.poll() == [6, 5]
    poller.disarm(6)
    assert poller.poll() == [5]
    poller.close()
    assert not poller._kqueue.added
