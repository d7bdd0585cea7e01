"""The pool over socket pairs: a dial that fails gives its place to the next."""

import errno

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from _http.pool_world import Script, close_it, in_line, new_world, serve_once, serve_once_then
from trio_groq._http.deadlines import Timeouts
from trio_groq.errors import APIConnectionError, APITimeoutError


async def test_a_failed_dial_gives_its_place_to_the_next() -> None:
    async with new_world(1) as world, trio.open_nursery() as nursery:
        world.dialer.failures.append(APIConnectionError("refused"))
        world.dialer.gate = trio.Event()

        async def fail() -> None:
            with pytest.raises(APIConnectionError, match=r"^refused$"):
                await world.call()

        nursery.start_soon(fail)
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 1, 0, 0)
        ended = await in_line(world, nursery, b"/1", b"/2")
        world.dialer.gate.set()
        await wait_all_tasks_blocked()
        assert ended == [b"/1", b"/2"]
        assert world.counts() == (0, 0, 1, 0)
        assert world.dialer.dials == 2


async def test_a_cancelled_dial_gives_its_place_to_the_next() -> None:
    async with new_world(1) as world, trio.open_nursery() as nursery:
        world.dialer.gate = trio.Event()
        scope = trio.CancelScope()

        async def be_cancelled() -> None:
            with scope:
                await world.call()

        nursery.start_soon(be_cancelled)
        await wait_all_tasks_blocked()
        ended = await in_line(world, nursery, b"/1")
        scope.cancel()
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 1, 0, 0), "the next is dialling"
        world.dialer.gate.set()
        await wait_all_tasks_blocked()
        assert ended == [b"/1"]


@pytest.mark.parametrize(
    "first", [serve_once, serve_once_then(close_it)], ids=["found stale", "sent again"]
)
@pytest.mark.parametrize("end", ["refused", "cancelled"])
async def test_a_failed_replacement_gives_its_place_to_the_next(end: str, first: Script) -> None:
    async with new_world(1) as world, trio.open_nursery() as nursery:
        world.dialer.scripts.append(first)
        await world.call()
        await wait_all_tasks_blocked()
        world.dialer.gate = trio.Event()
        world.dialer.failures.append(APIConnectionError("refused"))
        scope = trio.CancelScope()

        async def fail() -> None:
            with scope, pytest.raises(APIConnectionError, match=r"^refused$"):
                await world.call()

        nursery.start_soon(fail)
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 1, 0, 0)
        ended = await in_line(world, nursery, b"/1", b"/2")
        if end == "cancelled":
            scope.cancel()
            await wait_all_tasks_blocked()
            assert world.counts() == (0, 1, 0, 1), "the next is dialling"
        world.dialer.gate.set()
        await wait_all_tasks_blocked()
        assert scope.cancelled_caught == (end == "cancelled")
        assert ended == [b"/1", b"/2"]
        assert world.counts() == (0, 0, 1, 0)
        assert world.dialer.dials == 3
        now = world.pool.statistics()
        assert (now.opened, now.closed, now.stale) == (2, 1, 1)


async def test_a_dial_that_takes_too_long_gives_its_place_back(autojump_clock: MockClock) -> None:
    async with new_world(1) as world:
        world.dialer.delay = 10.0
        with pytest.raises(APITimeoutError) as caught:
            await world.call(timeouts=Timeouts(connect=2.0))
        assert (caught.value.phase, trio.current_time()) == ("connect", 2.0)
        assert world.counts() == (0, 0, 0, 0)
        world.dialer.delay = 0.0
        assert await world.call(b"/next") == b"/next"


async def test_a_foreign_exception_in_a_dial_gives_the_place_back() -> None:
    async with new_world(1) as world:
        world.dialer.failures.append(OSError(errno.EMFILE, "too many"))
        with pytest.raises(OSError, match="too many"):
            await world.call()
        assert world.counts() == (0, 0, 0, 0)
        assert await world.call(b"/next") == b"/next"
