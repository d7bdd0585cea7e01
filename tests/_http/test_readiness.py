"""Waiting through the shared poller, and through Trio alone: the same promises for both."""

import contextlib
import math
import os
import select
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_groq._http import readiness
from trio_groq._http.readiness import (
    STALE_FLOOR,
    EpollPoller,
    Hub,
    KqueuePoller,
    PolledWatch,
    ReadinessOption,
    watch,
)
from trio_groq.errors import APIConnectionError, ConfigurationError

OPTIONS: list[ReadinessOption] = ["trio"]
if hasattr(select, "epoll"):
    OPTIONS.append("epoll")
if hasattr(select, "kqueue"):
    OPTIONS.append("kqueue")

needs_epoll = pytest.mark.skipif(not hasattr(select, "epoll"), reason="epoll is Linux's own")


def open_descriptors() -> set[str]:
    """Numbers, not paths: a listing must not be changed by making it."""
    return set(os.listdir("/dev/fd"))  # noqa: PTH208 (names are wanted)


class Pair:
    """Two connected sockets, one of them watched."""

    def __init__(self, option: ReadinessOption = "auto") -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.theirs.setblocking(False)
        self.watch = watch(self.ours, option)
        self.received = b""

    def attempt(self) -> bool:
        """Receive once; enough at a full stop."""
        try:
            self.received += self.ours.recv(100)
        except BlockingIOError:
            return False
        return self.received.endswith(b".")

    async def until(self, deadline: float = math.inf) -> bytes:
        await self.watch.until(self.attempt, math.inf, deadline)
        received, self.received = self.received, b""
        return received

    def close(self) -> None:
        self.watch.close()
        if self.ours.fileno() >= 0:
            trio.lowlevel.notify_closing(self.ours)
        self.ours.close()
        self.theirs.close()


@pytest.fixture(params=OPTIONS)
def option(request: pytest.FixtureRequest) -> ReadinessOption:
    value: ReadinessOption = request.param
    return value


async def test_returns_when_it_is_enough(option: ReadinessOption) -> None:
    pair = Pair(option)
    pair.theirs.send(b"Hello.")
    assert await pair.until() == b"Hello."
    pair.close()


async def test_sleeps_through_what_is_not_enough(
    option: ReadinessOption, nursery: trio.Nursery
) -> None:
    pair = Pair(option)
    answers: list[bytes] = []

    async def wait() -> None:
        answers.append(await pair.until())

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    for piece in (b"Hel", b"lo"):
        pair.theirs.send(piece)
        await wait_all_tasks_blocked(0.01)
        assert not answers
    pair.theirs.send(b".")
    await wait_all_tasks_blocked(0.01)
    assert answers == [b"Hello."]
    pair.close()


async def test_deadline_passes_at_its_moment(
    option: ReadinessOption, autojump_clock: MockClock
) -> None:
    pair = Pair(option)
    with pytest.raises(trio.TooSlowError):
        await pair.until(trio.current_time() + 7.5)
    assert trio.current_time() == 7.5
    pair.theirs.send(b"Late.")
    assert await pair.until(trio.current_time() + 1) == b"Late."
    pair.close()


async def test_deadline_moves_with_each_wait(
    option: ReadinessOption, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    pair = Pair(option)

    async def speak() -> None:
        for _ in range(3):
            await trio.sleep(4)
            pair.theirs.send(b"Tick.")

    nursery.start_soon(speak)
    for _ in range(3):
        assert await pair.until(trio.current_time() + 5) == b"Tick."
    with pytest.raises(trio.TooSlowError):
        await pair.until(trio.current_time() + 5)
    assert trio.current_time() == 12 + 5
    pair.close()


async def test_gap_begins_anew_with_each_piece(
    option: ReadinessOption, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    pair = Pair(option)

    async def drip() -> None:
        for _ in range(5):
            await trio.sleep(3)
            pair.theirs.send(b"x")

    nursery.start_soon(drip)
    with pytest.raises(trio.TooSlowError):
        await pair.watch.until(pair.attempt, 4, math.inf)
    assert trio.current_time() == 5 * 3 + 4
    nursery.start_soon(drip)
    with pytest.raises(trio.TooSlowError):
        await pair.watch.until(pair.attempt, 4, 19 + 10)
    assert trio.current_time() == 29
    pair.close()


async def test_earlier_deadline_after_a_later_one(
    option: ReadinessOption, autojump_clock: MockClock
) -> None:
    pair = Pair(option)
    pair.theirs.send(b"Now.")
    assert await pair.until(100) == b"Now."
    with pytest.raises(trio.TooSlowError):
        await pair.until(3)
    assert trio.current_time() == 3
    with pytest.raises(trio.TooSlowError):
        await pair.until(100)
    assert trio.current_time() == 100
    pair.close()


async def test_many_deadlines_pass_in_their_order(
    option: ReadinessOption, autojump_clock: MockClock
) -> None:
    passed: list[tuple[float, int]] = []
    pairs = [Pair(option) for _ in range(20)]

    async def wait(number: int) -> None:
        with pytest.raises(trio.TooSlowError):
            await pairs[number].until(20 - number)
        passed.append((trio.current_time(), number))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(wait, number)
    assert passed == [(20 - number, number) for number in reversed(range(20))]
    for pair in pairs:
        pair.close()


async def test_deadline_in_the_past_ends_the_wait(option: ReadinessOption) -> None:
    pair = Pair(option)
    with pytest.raises(trio.TooSlowError):
        await pair.until(trio.current_time() - 1)
    pair.close()


async def test_cancelled_wait_takes_nothing(option: ReadinessOption) -> None:
    pair = Pair(option)
    with trio.CancelScope() as scope:
        scope.cancel()
        pair.theirs.send(b"Kept.")
        await pair.until()
    assert scope.cancelled_caught
    assert pair.received == b""
    assert await pair.until() == b"Kept."
    pair.close()


async def test_closing_wakes_whoever_waits(option: ReadinessOption, nursery: trio.Nursery) -> None:
    pair = Pair(option)

    async def wait() -> None:
        with pytest.raises(APIConnectionError):
            await pair.until()

    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    pair.close()


async def test_two_tasks_cannot_wait(option: ReadinessOption, nursery: trio.Nursery) -> None:
    pair = Pair(option)
    nursery.start_soon(pair.until)
    await wait_all_tasks_blocked()
    with pytest.raises(trio.BusyResourceError):
        await pair.until()
    pair.theirs.send(b"One.")
    await wait_all_tasks_blocked(0.01)
    pair.close()


async def test_error_of_an_attempt_is_the_waiters(option: ReadinessOption) -> None:
    broken, whole = Pair(option), Pair(option)

    def attempt() -> bool:
        raise ZeroDivisionError

    broken.theirs.send(b"x")
    with pytest.raises(ZeroDivisionError):
        await broken.watch.until(attempt, math.inf, math.inf)
    whole.theirs.send(b"Others live on.")
    assert await whole.until() == b"Others live on."
    broken.close()
    whole.close()


async def test_descriptor_can_be_reused_after_closing(option: ReadinessOption) -> None:
    first = Pair(option)
    first.theirs.send(b"First.")
    assert await first.until() == b"First."
    number = first.ours.fileno()
    first.close()
    second = Pair(option)
    assert second.ours.fileno() == number, "expected the lowest free descriptor"
    first.watch.close()  # late and again: it must not touch the second
    second.theirs.send(b"Second.")
    assert await second.until() == b"Second."
    second.close()


def test_runs_follow_one_another(option: ReadinessOption) -> None:
    """Also one that ends while a socket is still watched, and nothing is left open by it."""

    async def run(close: bool) -> None:
        pair = Pair(option)
        pair.theirs.send(b"Run.")
        assert await pair.until() == b"Run."
        if close:
            pair.close()
        else:
            left.append(pair)

    left: list[Pair] = []
    before = open_descriptors()
    for close in (True, False, True):
        trio.run(run, close)
    for pair in left:
        pair.watch.close()
        pair.ours.close()
        pair.theirs.close()
    assert open_descriptors() == before


async def test_last_watch_takes_the_poller_with_it(option: ReadinessOption) -> None:
    before = open_descriptors()
    for _ in range(3):
        pair = Pair(option)
        pair.theirs.send(b"Here.")
        assert await pair.until() == b"Here."
        pair.close()
        assert open_descriptors() == before
    unused = Pair(option)
    unused.close()
    await wait_all_tasks_blocked()
    assert open_descriptors() == before


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
def counted() -> tuple[Callable[[socket.socket], PolledWatch], list[CountingPoller]]:
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
        assert len(watched.hub._entries) <= STALE_FLOOR + 4
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
