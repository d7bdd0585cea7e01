"""Waiting through the shared poller, and through Trio alone: the same promises for both."""

import math
import os

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from _http.readiness_pairs import OPTIONS, Pair
from trio_groq._http.readiness import ReadinessOption
from trio_groq.errors import APIConnectionError


def open_descriptors() -> set[str]:
    """Numbers, not paths: a listing must not be changed by making it."""
    return set(os.listdir("/dev/fd"))  # noqa: PTH208 (names are wanted)


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


async def test_a_socket_that_is_always_readable_outlives_no_deadline(
    option: ReadinessOption, mock_clock: MockClock
) -> None:
    pair = Pair(option)
    pair.theirs.send(b"x")
    attempts = 0

    def leave_it() -> bool:
        nonlocal attempts
        attempts += 1
        mock_clock.jump(1.0)
        return False

    with pytest.raises(trio.TooSlowError):
        await pair.watch.until(leave_it, math.inf, trio.current_time() + 5.0)
    # Of many sockets that share a poller, those of one round are looked at before the clock is.
    assert attempts == 5 or option in ("epoll", "kqueue")
    assert attempts < 10
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
