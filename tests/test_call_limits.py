"""One logical call: limits by phase and in total.

Times are virtual and exact: the server shares the run's clock, and sends nothing while it stalls.
"""

from typing import Any

import attrs
import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from calling import ASK, FAILED, MODELS, NO_RETRY, OK, NoAnswer, calling, fetch, takes, times
from trio_groq._http.deadlines import Timeouts
from trio_groq._http.pool_state import PoolLimits
from trio_groq.errors import APITimeoutError, ConfigurationError, PoolTimeoutError
from trio_groq.testing import FakeGroq, Fault

# -- over all attempts


async def test_the_total_is_over_all_attempts(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, attrs.evolve(OK, fault=Fault.stall(5)))
    with (
        calling(fake_groq.url, timeouts=Timeouts(total=2.0)) as caller,
        takes(2.0),
        pytest.raises(APITimeoutError) as caught,
    ):
        await fetch(caller, MODELS)
    assert (caught.value.phase, caught.value.limit, caught.value.attempts) == ("total", 2.0, 2)
    assert times(fake_groq) == [0, 0.5]


async def test_the_first_token_is_counted_from_the_call_s_beginning(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, attrs.evolve(OK, fault=Fault.stall(5)))
    with (
        calling(fake_groq.url, timeouts=Timeouts(first_token=3.0)) as caller,
        takes(3.0),
        pytest.raises(APITimeoutError) as caught,
    ):
        await caller.open(ASK, events=True)
    assert (caught.value.phase, caught.value.limit) == ("first_token", 3.0)


# -- limits by phase


async def test_read_is_tried_again_and_names_its_limit(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(*[attrs.evolve(OK, fault=Fault.stall(0))] * 3)
    with (
        calling(fake_groq.url, timeouts=Timeouts(read=7.0)) as caller,
        takes(7 * 3 + 1.5),
        pytest.raises(APITimeoutError, match="next bytes of the response within 7 s") as got,
    ):
        await fetch(caller, MODELS)
    assert (got.value.phase, got.value.limit, got.value.attempts) == ("read", 7.0, 3)
    assert fake_groq.connections_opened == 3


async def test_read_is_the_gap_and_not_the_sum(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    drip = Fault.slow_drip(5.0, size=50)
    fake_groq.enqueue(attrs.evolve(OK, fault=drip))
    with calling(fake_groq.url, timeouts=Timeouts(read=6.0), retry=NO_RETRY) as caller:
        started = trio.current_time()
        await fetch(caller, MODELS)
        assert trio.current_time() - started > 20


async def test_pool_is_exact_and_not_tried_again(
    fake_groq: FakeGroq, nursery: Any, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    limits = PoolLimits(max_connections=1)
    timeouts = Timeouts(pool=2.5)
    with calling(fake_groq.url, limits=limits, timeouts=timeouts) as caller:
        holding = trio.CancelScope()

        async def hold() -> None:
            with holding:
                await fetch(caller, MODELS)

        nursery.start_soon(hold)
        await wait_all_tasks_blocked()
        with takes(2.5), pytest.raises(PoolTimeoutError) as caught:
            await fetch(caller, MODELS)
        assert (caught.value.phase, caught.value.limit) == ("pool", 2.5)
        assert caught.value.attempts == 1
        assert caller.pool.statistics().waiting == 0
        holding.cancel()
        await wait_all_tasks_blocked()


async def test_a_total_that_passes_in_the_pool_is_the_total(
    fake_groq: FakeGroq, nursery: Any, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    with calling(fake_groq.url, limits=PoolLimits(max_connections=1)) as caller:
        holding = trio.CancelScope()

        async def hold() -> None:
            with holding:
                await fetch(caller, MODELS)

        nursery.start_soon(hold)
        await wait_all_tasks_blocked()
        with takes(1.5), pytest.raises(APITimeoutError) as caught:
            await fetch(caller, MODELS, timeout=1.5)
        assert type(caught.value) is APITimeoutError
        assert caught.value.phase == "total"
        holding.cancel()
        await wait_all_tasks_blocked()


async def test_connect_is_exact(autojump_clock: MockClock) -> None:
    trio.socket.set_custom_hostname_resolver(NoAnswer())
    timeouts = Timeouts(connect=3.0)
    with (
        calling("http://localhost:9", timeouts=timeouts, retry=NO_RETRY) as caller,
        takes(3.0),
        pytest.raises(APITimeoutError) as caught,
    ):
        await fetch(caller, MODELS)
    assert (caught.value.phase, caught.value.limit) == ("connect", 3.0)


async def test_write_is_exact(autojump_clock: MockClock) -> None:
    # A listener that never accepts: the kernel takes what its buffers hold, and no more.
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        call = msgspec.structs.replace(ASK, body=b"x" * (16 << 20))
        with (
            calling(url, timeouts=Timeouts(write=4.0), retry=NO_RETRY) as caller,
            takes(4.0),
            pytest.raises(APITimeoutError) as caught,
        ):
            await fetch(caller, call)
    assert (caught.value.phase, caught.value.limit) == ("write", 4.0)


@pytest.mark.parametrize("deadline", [3.0, 7.0], ids=["earlier", "the-same"])
async def test_the_caller_s_deadline_stays_a_cancellation(
    fake_groq: FakeGroq, deadline: float, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    with calling(fake_groq.url, timeouts=Timeouts(read=7.0, total=8.0)) as caller:
        with takes(deadline), trio.move_on_after(deadline) as scope:
            await fetch(caller, MODELS)
        assert scope.cancelled_caught


async def test_our_limit_never_looks_like_the_caller_s(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    with calling(fake_groq.url, timeouts=Timeouts(read=7.0), retry=NO_RETRY) as caller:
        with trio.move_on_after(7.5) as scope, pytest.raises(APITimeoutError):
            await fetch(caller, MODELS)
        assert not scope.cancel_called


async def test_a_timeout_of_one_call_is_that_call_s(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(*[attrs.evolve(OK, fault=Fault.stall(0))] * 2)
    with calling(fake_groq.url, timeouts=Timeouts(read=7.0), retry=NO_RETRY) as caller:
        with takes(2.0), pytest.raises(APITimeoutError):
            await fetch(caller, MODELS, timeout=2.0)
        with takes(1.0), pytest.raises(APITimeoutError):
            await fetch(caller, MODELS, timeout=Timeouts(read=1.0))


async def test_a_wrong_option_of_a_call_is_a_configuration_error(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    with calling(fake_groq.url) as caller:
        with pytest.raises(ConfigurationError, match="timeout: expected a number > 0"):
            await fetch(caller, MODELS, timeout=-1)
        with pytest.raises(ConfigurationError, match="max_retries: expected an integer >= 0"):
            await fetch(caller, MODELS, max_retries=-1)
    assert fake_groq.connections_opened == 0
