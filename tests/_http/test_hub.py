"""The hub: when sockets wait alone, when together, and how one way follows the other."""

import math
import os
import select
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from _http.readiness_pairs import Pair
from trio_groq._http import hub as hub_module
from trio_groq._http.hub import Hub, HubWatch
from trio_groq._http.pollers import EpollPoller

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="epoll is Linux's own")

MANY = 24


class Crowd:
    """Sockets of one hub, each with a task that reads from it again and again."""

    def __init__(self, hub: Hub, pairs: Sequence[Pair]) -> None:
        self.hub = hub
        self.pairs = pairs
        self.taken = 0

    async def read(self, pair: Pair) -> None:
        while True:
            assert await pair.until() == b"Token."
            self.taken += 1

    async def send(self, at_a_time: int, times: int) -> None:
        """Send to the next sockets at once, and wait until all of them have read it."""
        for _ in range(times):
            before = self.taken
            for pair in self.pairs[:at_a_time]:
                pair.theirs.send(b"Token.")
            while self.taken < before + at_a_time:
                await trio.lowlevel.checkpoint()


class Pollers:
    """Makes pollers; counts them, or fails."""

    def __init__(self) -> None:
        self.made: list[EpollPoller] = []
        self.fails = False

    def __call__(self) -> EpollPoller:
        if self.fails:
            raise OSError(24, os.strerror(24))
        self.made.append(EpollPoller())
        return self.made[-1]


@pytest.fixture
def pollers() -> Pollers:
    return Pollers()


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count often, so that little traffic is enough."""
    monkeypatch.setattr(hub_module, "PROBE_EVERY", 5)
    monkeypatch.setattr(hub_module, "LOOK_WEIGHT", 1 / 8)


@asynccontextmanager
async def crowd(pollers: Pollers, readers: int = MANY) -> AsyncIterator[Crowd]:
    hub = Hub(pollers, adaptive=True)
    hub.probe_at = 5
    pairs = [Pair("trio") for _ in range(readers)]
    for pair in pairs:
        pair.watch = hub.watch(pair.ours.fileno())
    it = Crowd(hub, pairs)
    async with trio.open_nursery() as nursery:
        for pair in pairs:
            nursery.start_soon(it.read, pair)
        await wait_all_tasks_blocked()
        yield it
        nursery.cancel_scope.cancel()
    for pair in pairs:
        pair.close()


def armed(it: Crowd) -> int:
    watches = [pair.watch for pair in it.pairs]
    return sum(isinstance(each, HubWatch) and each.armed for each in watches)


async def test_tokens_that_come_singly_need_no_poller(pollers: Pollers) -> None:
    async with crowd(pollers) as it:
        await it.send(1, 200)
        assert not it.hub.together
        assert not pollers.made


async def test_tokens_that_come_at_once_share_a_poller(pollers: Pollers) -> None:
    async with crowd(pollers) as it:
        await it.send(MANY, 60)
        assert it.hub.together
        assert len(pollers.made) == 1
        await it.send(MANY, 3)
        assert armed(it) == MANY
        taken = it.taken
        await it.send(MANY, 20)
        assert it.taken == taken + 20 * MANY


async def test_they_part_again(pollers: Pollers) -> None:
    async with crowd(pollers) as it:
        await it.send(MANY, 60)
        assert it.hub.together
        await it.send(1, 60)
        assert not it.hub.together
        await it.send(MANY, 2)  # those who still waited together go on alone
        assert armed(it) == 0
        await it.send(MANY, 60)
        assert it.hub.together
        assert len(pollers.made) == 1, "expected the same poller as before"


async def test_without_a_descriptor_for_the_poller_they_wait_alone(pollers: Pollers) -> None:
    pollers.fails = True
    async with crowd(pollers) as it:
        await it.send(MANY, 60)
        assert not it.hub.together
        pollers.fails = False
        await it.send(MANY, 60)
        assert it.hub.together


async def test_the_last_watch_takes_everything_with_it(pollers: Pollers) -> None:
    before = set(os.listdir("/dev/fd"))  # noqa: PTH208 (names are wanted)
    async with crowd(pollers) as it:
        await it.send(MANY, 60)
        assert it.hub.together
    assert set(os.listdir("/dev/fd")) == before  # noqa: PTH208 (see above)
    assert not it.hub.together
    again = Pair("trio")
    again.watch = it.hub.watch(again.ours.fileno())
    again.theirs.send(b"Again.")
    assert await again.until() == b"Again."
    again.close()


async def test_limits_and_closing_hold_for_those_who_began_before_the_change(
    pollers: Pollers, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    async with crowd(pollers) as it:
        ends: dict[str, float] = {}

        async def wait(name: str, watched: HubWatch, end: float) -> None:
            try:
                await watched.until(lambda: False, math.inf, end)
            except Exception as exc:  # noqa: BLE001 (its kind is what is looked at)
                ends[f"{name}: {type(exc).__name__}"] = trio.current_time()

        silent = [socket.socketpair() for _ in range(4)]
        watches = [it.hub.watch(ours.fileno()) for ours, _ in silent]
        nursery.start_soon(wait, "alone", watches[0], 7.0)
        nursery.start_soon(wait, "alone, closed", watches[1], 90.0)
        await wait_all_tasks_blocked()
        await it.send(MANY, 60)
        assert it.hub.together
        nursery.start_soon(wait, "together", watches[2], 8.0)
        nursery.start_soon(wait, "together, closed", watches[3], 90.0)
        await wait_all_tasks_blocked()
        await it.send(1, 60)
        assert not it.hub.together
        await trio.sleep_until(9)
        watches[1].close()
        watches[3].close()
        await wait_all_tasks_blocked()
        assert ends == {
            "alone: TooSlowError": 7,
            "together: TooSlowError": 8,
            "alone, closed: APIConnectionError": 9,
            "together, closed: APIConnectionError": 9,
        }
        for watched in watches:
            watched.close()
        for pair in silent:
            for sock in pair:
                sock.close()


@pytest.mark.parametrize("turn", range(6))
async def test_bytes_that_come_at_the_limit_are_in_time(
    turn: int, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """They are readable in the round in which the limit passes; which is seen first is chance."""
    pair = Pair("auto")

    async def speak() -> None:
        await trio.sleep_until(5)
        pair.theirs.send(b"Now.")

    nursery.start_soon(speak)
    try:
        assert await pair.until(5) == b"Now."
    except trio.TooSlowError:
        assert await pair.until() == b"Now."  # nothing is lost
    assert trio.current_time() == 5
    with pytest.raises(trio.TooSlowError):
        await pair.until(6)
    assert trio.current_time() == 6
    pair.close()


def attempts(watched: HubWatch) -> Callable[[], bool]:
    return watched.attempt


async def test_who_waited_is_not_held(pollers: Pollers) -> None:
    """An attempt leads to the stream and all that it has; a watch lives as long as a connection."""
    hub = Hub(pollers)
    pair = Pair("trio")
    watched = pair.watch = hub.watch(pair.ours.fileno())
    unused = attempts(watched)
    pair.theirs.send(b"Token.")
    assert await pair.until() == b"Token."
    assert attempts(watched) is unused
    pair.close()


def test_a_run_that_ends_closes_the_poller(pollers: Pollers) -> None:
    left: list[Pair] = []

    async def run() -> None:
        async with crowd(pollers) as it:
            await it.send(MANY, 60)
            late = Pair("trio")
            late.watch = it.hub.watch(late.ours.fileno())
            left.append(late)
        assert pollers.made[0].poll() == []  # it is open: there is still a socket to watch

    trio.run(run)
    with pytest.raises(ValueError, match="closed"):
        pollers.made[0].poll()
    left[0].close_sockets()
