"""The circuits of a client: found by origin, bounded, and told of."""

import trio
import trio.testing

from trio_groq._api.circuit import CircuitBreakerPolicy
from trio_groq._circuits import MAX_ORIGINS, Circuits
from trio_groq._http.messages import Origin

HERE = Origin("https", "api.groq.com", 443)
POLICY = CircuitBreakerPolicy(failure_threshold=1, open_for=10, success_threshold=1)


def end(circuits: Circuits, now: float, *, failed: bool | None, origin: Origin = HERE) -> None:
    permit = circuits.admit(circuits.of(origin), origin, now)
    assert permit is not None
    circuits.settle(origin, permit, now, failed=failed)


async def test_each_change_is_told_once(mock_clock: trio.testing.MockClock) -> None:
    told: list[tuple[str, str, str]] = []

    def tell(origin: Origin, before: str, after: str, open_for: float) -> None:
        assert open_for == 10.0
        told.append((str(origin), before, after))

    circuits = Circuits(POLICY, tell)
    end(circuits, 0.0, failed=False)
    end(circuits, 0.0, failed=True)
    mock_clock.jump(10.0)
    assert circuits.states() == {"https://api.groq.com": "half-open"}
    assert len(told) == 1  # to be asked changes nothing
    end(circuits, 10.0, failed=None)
    end(circuits, 10.0, failed=False)
    assert told == [
        ("https://api.groq.com", "closed", "open"),
        ("https://api.groq.com", "open", "half-open"),
        ("https://api.groq.com", "half-open", "closed"),
    ]


async def test_the_end_of_a_probe_wakes_who_waits_first(
    autojump_clock: trio.testing.MockClock,
) -> None:
    circuits = Circuits(POLICY)
    end(circuits, 0.0, failed=True)
    circuit = circuits.of(HERE)
    probe = circuits.admit(circuit, HERE, 10.0)
    assert probe is not None
    waiter = circuit.line.join(1)

    async def wait() -> None:
        waiter.task = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.SUCCEEDED)
        waiter.line.leave(waiter)

    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            circuits.settle(HERE, probe, 11.0, failed=False)
    assert waiter.task is None


def test_outside_of_a_run_the_last_call_is_told_of() -> None:
    circuits = Circuits(POLICY)
    end(circuits, -1e9, failed=True)
    assert circuits.states() == {"https://api.groq.com": "open"}


def test_they_are_bounded_and_the_open_ones_stay() -> None:
    circuits = Circuits(POLICY)
    end(circuits, 0.0, failed=True)
    for number in range(3 * MAX_ORIGINS):
        end(circuits, 0.0, failed=False, origin=Origin("https", f"{number}.test", 443))
    states = circuits.states()
    assert len(states) <= MAX_ORIGINS + 1
    assert states["https://api.groq.com"] == "open"
