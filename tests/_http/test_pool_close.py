"""The pool over socket pairs: whatever a call is doing, it gets the close."""

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from _http.pool_world import (
    HERE,
    Peer,
    Script,
    World,
    answer,
    be_silent,
    close_it,
    is_closed,
    new_world,
    read_body,
    serve_once,
    serve_once_then,
)
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.messages import Request
from trio_groq._http.readiness import ReadinessOption
from trio_groq.errors import APIConnectionError, APITimeoutError


async def test_a_call_after_the_close_fails() -> None:
    async with new_world() as world:
        await world.call()
        world.pool.close()
        assert world.counts() == (0, 0, 0, 0)
        with is_closed() as caught:
            await world.call()
        assert not caught.value.is_retryable
        world.pool.close()
        assert world.dialer.dials == 1


async def test_the_close_sends_every_waiter_away(autojump_clock: MockClock) -> None:
    async with new_world(1) as world:
        held = await world.lease()
        failed: list[str] = []

        async def wait() -> None:
            try:
                await world.call()
            except APIConnectionError as error:
                failed.append(str(error))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            nursery.start_soon(wait)
            await wait_all_tasks_blocked()
            assert world.counts() == (1, 0, 0, 2)
            world.pool.close()
        assert failed == ["client: expected it to be open, got a call after its close"] * 2
        assert trio.current_time() == 0.0
        world.pool.release(held)
        assert world.counts() == (0, 0, 0, 0)


async def test_one_that_was_just_handed_a_connection_gets_the_close() -> None:
    async with new_world(1) as world, trio.open_nursery() as nursery:
        held = await world.lease()

        async def wait() -> None:
            with is_closed():
                await world.call()

        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        await read_body(held)
        world.pool.release(held)
        world.pool.close()
        assert world.counts() == (1, 0, 0, 0)
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 0, 0, 0)


@pytest.mark.parametrize("kept", [True, False], ids=["connection", "place"])
async def test_one_that_was_just_granted_its_turn_dials_no_more(
    kept: bool, autojump_clock: MockClock
) -> None:
    async def serve(peer: Peer) -> None:
        await peer.send(answer(await peer.request(), close=not kept))
        await trio.sleep_forever()

    async with new_world(1) as world, trio.open_nursery() as nursery:
        world.dialer.scripts.append(serve)
        held = await world.lease()

        async def wait() -> None:
            with is_closed():
                await world.call()

        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        await read_body(held)
        world.pool.release(held)
        world.pool.close()
        await wait_all_tasks_blocked()
        assert world.dialer.dials == 1
        assert world.counts() == (0, 0, 0, 0)


async def dialling(world: World, nursery: trio.Nursery) -> list[APIConnectionError]:
    """Start a call that is dialling now, and does so until `world.dialer.gate` is set."""
    world.dialer.gate = trio.Event()
    failed: list[APIConnectionError] = []

    async def dial() -> None:
        with is_closed() as caught:
            await world.call()
        failed.append(caught.value)

    nursery.start_soon(dial)
    await wait_all_tasks_blocked()
    assert world.counts()[:2] == (0, 1)
    return failed


@pytest.mark.parametrize(
    "before",
    [None, serve_once, serve_once_then(close_it)],
    ids=["first", "in place of a stale one", "to send again"],
)
async def test_one_that_is_dialling_gets_the_close(
    before: Script | None, autojump_clock: MockClock
) -> None:
    """It is not kept waiting for a connection that nobody wants any more."""
    async with new_world() as world, trio.open_nursery() as nursery:
        if before is not None:
            world.dialer.scripts.append(before)
            await world.call()
            await wait_all_tasks_blocked()
        dials = world.dialer.dials
        failed = await dialling(world, nursery)
        world.pool.close()
        await wait_all_tasks_blocked()
        assert [error.is_retryable for error in failed] == [False]
        assert world.counts() == (0, 0, 0, 0)
        assert world.dialer.dials == dials + 1
        assert trio.current_time() == 0.0


async def test_one_that_has_just_dialled_gets_the_close() -> None:
    """The connection was made in the same moment: it is closed, and the place given back."""
    async with new_world() as world, trio.open_nursery() as nursery:
        failed = await dialling(world, nursery)
        world.dialer.gate.set()
        world.pool.close()
        await wait_all_tasks_blocked()
        assert [error.is_retryable for error in failed] == [False]
        assert world.counts() == (0, 0, 0, 0)
        assert len(world.dialer.peers) == 1
        assert world.pool.statistics().closed == 1


async def test_those_behind_one_that_is_dialling_get_the_close_too() -> None:
    async with new_world(1) as world, trio.open_nursery() as nursery:
        failed = await dialling(world, nursery)

        async def wait() -> None:
            with is_closed():
                await world.call()

        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 1, 0, 1)
        world.pool.close()
        await wait_all_tasks_blocked()
        assert len(failed) == 1
        assert world.counts() == (0, 0, 0, 0)
        assert world.dialer.dials == 1, "its place went to nobody"


async def test_the_close_is_not_the_caller_s_cancellation() -> None:
    """Both at once: the caller's own scope wins, and sees no error."""
    async with new_world() as world, trio.open_nursery() as nursery:
        world.dialer.gate = trio.Event()
        scope = trio.CancelScope()

        async def dial() -> None:
            with scope:
                await world.call()

        nursery.start_soon(dial)
        await wait_all_tasks_blocked()
        world.pool.close()
        scope.cancel()
        await wait_all_tasks_blocked()
        assert scope.cancelled_caught
        assert world.counts() == (0, 0, 0, 0)


async def half_an_answer(peer: Peer) -> None:
    await peer.request()
    await peer.send(answer(b"whole")[:-2])
    await trio.sleep_forever()


async def test_one_that_is_reading_gets_the_close() -> None:
    async with new_world() as world, trio.open_nursery() as nursery:
        world.dialer.scripts.append(half_an_answer)
        held = await world.lease()

        async def read() -> None:
            with pytest.raises(APIConnectionError, match="got closed by this client"):
                await world.read(held)

        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        world.pool.close()
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 0, 0, 0)


@pytest.mark.parametrize("readiness", ["auto", "trio"])
async def test_one_that_reads_on_after_the_close_gets_it_too(readiness: ReadinessOption) -> None:
    """It was busy elsewhere at the time: the socket is closed before it waits for it."""
    async with new_world() as world:
        world.dialer.readiness = readiness
        world.dialer.scripts.append(half_an_answer)
        held = await world.lease()
        assert await read_body(held, enough=3) == b"who"
        world.pool.close()
        with pytest.raises(APIConnectionError):
            await world.read(held)
        assert world.counts() == (0, 0, 0, 0)


@pytest.mark.parametrize("readiness", ["auto", "trio"])
@pytest.mark.parametrize("reused", [False, True])
async def test_one_that_is_sending_gets_the_close(reused: bool, readiness: ReadinessOption) -> None:
    async with new_world() as world, trio.open_nursery() as nursery:
        world.dialer.readiness = readiness
        world.dialer.scripts.append(serve_once_then(be_silent) if reused else be_silent)
        if reused:
            await world.call()

        async def send() -> None:
            body = bytes(8_000_000)
            deadlines = Deadlines(Timeouts(), trio.current_time())
            with pytest.raises(APIConnectionError) as caught:
                await world.pool.send(Request(HERE, b"POST", b"/", body=body), deadlines)
            assert not caught.value.is_retryable

        nursery.start_soon(send)
        await wait_all_tasks_blocked()
        assert world.counts() == (1, 0, 0, 0)
        world.pool.close()
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 0, 0, 0)
        assert world.dialer.dials == 1, "a connection of our own closing is not replaced"


@pytest.mark.parametrize("readiness", ["auto", "trio"])
@pytest.mark.parametrize("whole", [False, True], ids=["connection", "pool"])
async def test_what_this_client_closes_is_not_sent_again(
    whole: bool, readiness: ReadinessOption
) -> None:
    """A reused connection, and not a byte of a response: but it did not break by itself."""
    async with new_world() as world, trio.open_nursery() as nursery:
        world.dialer.readiness = readiness
        world.dialer.scripts.append(serve_once_then(be_silent))
        await world.call()

        async def call() -> None:
            with pytest.raises(APIConnectionError, match="got closed by this client") as caught:
                await world.call()
            assert not caught.value.is_retryable

        nursery.start_soon(call)
        await wait_all_tasks_blocked()
        (connection,) = world.pool._connections
        (world.pool if whole else connection).close()
        await wait_all_tasks_blocked()
        assert world.counts() == (0, 0, 0, 0)
        assert world.dialer.dials == 1
        assert world.pool.statistics().stale == 0


@pytest.mark.parametrize("turn", range(12))
async def test_limits_hold_on_a_connection_made_as_the_last_one_closed(
    turn: int, autojump_clock: MockClock
) -> None:
    """Which tasks of the readiness seam run first is chance, so this is tried several times."""
    async with new_world() as world:
        world.dialer.decoy = True
        world.dialer.scripts.append(serve_once_then(be_silent))
        await world.call()
        with pytest.raises(APITimeoutError):
            await world.call(timeouts=Timeouts(read=1.0))
        assert trio.current_time() == 1.0
