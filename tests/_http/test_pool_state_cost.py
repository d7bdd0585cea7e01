"""What a step of `pool_state` costs: counted, not timed."""

import gc
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, TypeVar

import pytest

from _http.pool_states import HERE, THERE, State, idle, lease, new_state, wait
from trio_groq._http.messages import Origin
from trio_groq._http.pool_state import Dial, Waiter

T = TypeVar("T")


def cost(step: Callable[[], T]) -> tuple[int, int, T]:
    """Bytecodes that a step runs, and functions (of C, too) that it calls.

    The collector waits meanwhile: whoever is in `gc.callbacks` would be counted with the step.
    """
    opcodes = calls = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal opcodes
        frame.f_trace_opcodes = True
        opcodes += event == "opcode"
        return trace

    def profile(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracer, profiler, collects = sys.gettrace(), sys.getprofile(), gc.isenabled()
    gc.disable()
    sys.setprofile(profile)
    sys.settrace(trace)
    try:
        result = step()
    finally:
        sys.settrace(tracer)
        sys.setprofile(profiler)
        if collects:
            gc.enable()
    return opcodes, calls, result


def busy_state(size: int) -> State:
    """`size` idle connections to each of two origins, a place more, and nobody waiting."""
    state = new_state(2 * size + 1, max_idle=2 * size)
    idle(state, *range(size))
    idle(state, *range(size, 2 * size), origin=THERE)
    return state


def queued_state(size: int) -> tuple[State, list[Waiter[int]]]:
    """`size` leased connections, and as many waiting."""
    state = new_state(size)
    lease(state, *range(size))
    return state, [wait(state) for _ in range(size)]


def costs_of_use(size: int) -> list[tuple[int, int]]:
    state = busy_state(size)
    steps: list[Callable[[], object]] = [
        lambda: state.acquire(HERE, 1.0),
        lambda: state.release(size - 1, HERE, 1.0),
        lambda: state.acquire(Origin("https", "third.test", 443), 1.0),
        state.dialled,
        lambda: state.release(-1, Origin("https", "third.test", 443), 1.0),  # one too many idle
        lambda: state.acquire(HERE, 1.0),
        state.replace,
        state.dialled,
        state.discard,
        lambda: state.acquire(Origin("https", "fourth.test", 443), 1.0),
        lambda: state.acquire(Origin("https", "fourth.test", 443), 1.0),
        lambda: state.acquire(Origin("https", "fourth.test", 443), 1.0),  # evicts
        state.abandon,
        state.statistics,
    ]
    return [cost(step)[:2] for step in steps]


def costs_of_waiting(size: int) -> list[tuple[int, int]]:
    state, waiters = queued_state(size)
    steps: list[Callable[[], object]] = [
        lambda: state.acquire(HERE, 1.0),
        lambda: state.forget(waiters[size // 2]),
        lambda: state.forget(waiters[size - 1]),
        lambda: state.release(0, HERE, 1.0),
        state.replace,
        lambda: state.release(1, THERE, 1.0),
        state.abandon,
        state.discard,
        state.statistics,
    ]
    return [cost(step)[:2] for step in steps]


@pytest.mark.parametrize("costs", [costs_of_use, costs_of_waiting])
def test_a_step_costs_the_same_whatever_the_size(
    costs: Callable[[int], list[tuple[int, int]]],
) -> None:
    """A loop over what there is would show in the count of bytecodes.

    What C does inside one call would not; the tables are OrderedDicts for it: a plain dict that is
    emptied from the front walks over its holes.
    """
    costs(10)  # CPython 3.12 traces opcodes only from the second step of a process on
    small = costs(10)
    assert all(opcodes > 5 for opcodes, _ in small), "something was counted"
    assert costs(10_000) == small


def test_the_count_would_show_a_loop() -> None:
    def walk(numbers: range) -> None:
        for _ in numbers:
            pass

    few, many = cost(partial(walk, range(10)))[0], cost(partial(walk, range(100)))[0]
    assert many > few + 90


def test_expiry_pays_for_each_connection_once() -> None:
    state = new_state(1000, max_idle=1000, idle_expiry=10.0)
    idle(state, *range(500))
    assert state.acquire(HERE, 10.0) == Dial(tuple(range(500)))
    small = new_state(1000, max_idle=1000, idle_expiry=10.0)
    idle(small, 0)
    assert small.acquire(HERE, 10.0) == Dial((0,))
    assert (
        cost(lambda: state.acquire(HERE, 10.0))[:2] == cost(lambda: small.acquire(HERE, 10.0))[:2]
    )
