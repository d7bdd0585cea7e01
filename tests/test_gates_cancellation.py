"""A call that is cancelled at any checkpoint on its way in leaves nothing behind."""

from collections.abc import Callable

import pytest
import trio
import trio.testing

from cancellation import Moment, cancel_at
from test_gates import HERE, M, at_once, broken, closed_for, deadlines
from trio_groq._api.rate_limit_policy import RateLimitPolicy
from trio_groq._gates import Gates


def spent() -> Gates:
    gates = Gates(rate_limit=RateLimitPolicy(tokens_per_minute=600, cold_start=None))
    at_once(gates, 590).succeeded({})
    return gates


KINDS: dict[str, Callable[[], Gates]] = {
    "rate gate": lambda: closed_for(2.0),
    "circuit": lambda: broken(on_open="wait", success_threshold=1),
    "throttle": spent,
}


@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize("kind", KINDS)
async def test_cancelled_at_every_checkpoint(
    kind: str, moment: Moment, autojump_clock: trio.testing.MockClock
) -> None:
    number, reached = 0, True
    while reached:
        gates = KINDS[kind]()
        started = trio.current_time()
        waited: list[float] = []
        entered = False

        async def others(
            task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
            gates: Gates = gates,
            waited: list[float] = waited,
            started: float = started,
        ) -> None:
            """Two calls behind the one that is cancelled."""

            async def call(place: int) -> None:
                (await gates.enter(HERE, M, 1, place, deadlines())).succeeded({})
                waited.append(round(trio.current_time() - started, 6))

            async with trio.open_nursery() as nursery:
                for place in (101, 102):
                    nursery.start_soon(call, place)
                task_status.started()

        async def call(gates: Gates = gates) -> str:
            nonlocal entered
            permit = await gates.enter(HERE, M, 1, 100, deadlines())
            entered = True
            permit.cancelled()
            return "entered"

        async with trio.open_nursery() as nursery:
            await nursery.start(others)
            async with trio.open_nursery() as inner:
                outcome = None

                async def cancelled_call() -> None:
                    nonlocal outcome
                    outcome = await cancel_at(call, moment, number)  # noqa: B023 (awaited here)

                inner.start_soon(cancelled_call)
        assert outcome is not None
        reached = outcome.reached
        # Whoever stood behind it had the turn in time, and nothing is taken or waited for.
        first = {"rate gate": 2.0, "circuit": 10.0, "throttle": 49.2}[kind]
        assert len(waited) == 2
        assert waited[0] == pytest.approx(first, abs=0.11), (number, moment)
        now = gates.statistics()
        assert now.waiting == 0
        assert now.circuits in ({}, {str(HERE): "closed"})
        assert gates._rate._models[M].in_flight == 0
        if gates._throttle is not None:
            assert gates._throttle._budgets[M].is_idle
        assert gates.try_enter(HERE, "another", 1, 1) is not None
        number += 1
    assert number > 1 or moment is Moment.PASSING
