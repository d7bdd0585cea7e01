"""How tasks wait in line for their turn, and for how long at the most.

There is no task in the background: the first in a line sleeps until the moment that its policy
names, then asks again; all others sleep until they are the first. Nothing is handed to a task that
sleeps, so one that is cancelled takes nothing with it, and only wakes the next.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar, final

import msgspec
import trio

from trio_groq._api.circuit import Circuit, CircuitState, OnOpen
from trio_groq._api.line import Line, Waiter
from trio_groq._http.deadlines import Deadlines
from trio_groq.errors import APITimeoutError, GroqError

__all__ = ["Tally", "Turn", "WaitLimit", "no_turn", "wait_for_circuit", "wait_in_line", "wake"]

T = TypeVar("T")


class Tally(msgspec.Struct):
    """Waits of one kind.

    Attributes:
        count: How many began.
        seconds: How long they took, in all.
        waiting: How many there are now.
        given_up: How many were too long, or would have been.
    """

    count: int = 0
    seconds: float = 0.0
    waiting: int = 0
    given_up: int = 0


@final
class WaitLimit:
    """How long an attempt may wait for its turn, from now on.

    Args:
        deadlines: The call's own limits.
        max_wait: Seconds, infinity for no limit of this kind.

    Attributes:
        own_end: When a limit of ours ends the wait.
    """

    __slots__ = ("_deadline", "_longest", "_name", "_seconds", "own_end")

    def __init__(self, deadlines: Deadlines, max_wait: float) -> None:
        now = trio.current_time()
        theirs = trio.current_effective_deadline()
        ends = {
            "max_wait": now + max_wait,
            "the call's own limits": deadlines.ends_at,
            "the caller's deadline": theirs,
        }
        self._longest = now + max_wait
        # The caller's is obeyed by Trio and stays the caller's; it only tells what is hopeless.
        self._deadline = min(deadlines.ends_at, theirs)
        self.own_end: float = min(self._longest, deadlines.ends_at)
        self._name = min(ends, key=ends.__getitem__)
        self._seconds = ends[self._name] - now

    def allows(self, moment: float) -> bool:
        """Whether a turn at `moment` comes in time: there is nothing left to do at a deadline."""
        return moment <= self._longest and moment < self._deadline

    def error(self, model: str, wait: float, named: float | None = None) -> APITimeoutError:
        """The error for a turn that does not come in time; see `no_turn`."""
        within = f"within {_seconds(self._seconds)} ({self._name})"
        return no_turn(model, within, self._seconds, wait, named)


def no_turn(
    model: str, within: str, limit: float, wait: float, named: float | None = None
) -> APITimeoutError:
    """The error for a call that has no turn in time.

    Args:
        model: What it was for.
        within: What was expected: in which time, and by whose limit.
        limit: The same in seconds.
        wait: Seconds that it would still take at the least; 0 or less if that is not known.
        named: Seconds that are left of the wait that the server named; None if it named none.
    """
    left = wait if named is None else named
    error = APITimeoutError(
        f"rate limit: expected a turn for {model or 'the call'} {within}, got "
        + (f"{_seconds(left)} to go" if left > 0 else "others before it"),
        phase="rate_limit",
        limit=limit,
        retry_after=named,
    )
    if named is None:
        error.add_note("Nothing was sent. Send less at once, or allow a longer wait.")
    else:
        whose = "model's" if model else "service's"
        error.add_note(
            f"Nothing was sent. The server said that the {whose} limit resets in "
            f"{_seconds(named)}: call again then, or allow a longer wait."
        )
    return error


def _seconds(seconds: float) -> str:
    """Three digits, and all that stand before the point."""
    return f"{seconds:.0f} s" if seconds >= 1000 else f"{seconds:.3g} s"  # noqa: PLR2004 (see above)


class Turn(msgspec.Struct, Generic[T], frozen=True):
    """What is waited for in a line. Each function is given the present moment.

    Attributes:
        poll: What was waited for, or a moment to ask again.
        earliest: Before when the turn is certain not to come.
        late: Makes the error for a turn that does not come in time.
    """

    poll: Callable[[float], T | float]
    earliest: Callable[[float], float]
    late: Callable[[float], GroqError]


async def wait_in_line(waiter: Waiter, turn: Turn[T], limit: WaitLimit, tally: Tally) -> T:
    """Wait in a line for a turn, and leave the line in any case.

    A wait that is certain not to end in time is not begun, and not gone on with.

    Args:
        waiter: Who has joined the line.
        turn: What is waited for.
        limit: When to give up.
        tally: Where the wait is counted.
    """
    started = trio.current_time()
    tally.count += 1
    tally.waiting += 1
    try:
        while True:
            now = trio.current_time()
            step = turn.poll(now)
            if not isinstance(step, float):
                return step  # noqa: ASYNC910 (asked only where a request follows)
            if now >= limit.own_end or not limit.allows(max(now, turn.earliest(now))):
                # A caller that has given up is told so, and not of this.
                await trio.lowlevel.checkpoint_if_cancelled()
                tally.given_up += 1
                raise turn.late(now)
            await _sleep(waiter, min(step, limit.own_end))
    finally:
        tally.waiting -= 1
        tally.seconds += trio.current_time() - started
        waiter.line.leave(waiter)
        wake(waiter.line)


async def wait_for_circuit(
    circuit: Circuit,
    origin: object,
    place: int,
    limit: WaitLimit,
    tally: Tally,
    *,
    on_open: OnOpen | None,
) -> None:
    """Wait until a circuit may be asked to admit a call, with no await between.

    Args:
        circuit: Which one.
        origin: What it is for.
        place: The call's number, in order of arrival.
        limit: When to give up.
        tally: Where the wait is counted.
        on_open: What to do if it is open; None for what its policy says.

    Raises:
        CircuitOpenError: It is open, and is not waited for, or for too long.
    """
    now = trio.current_time()
    fails = (on_open or circuit.policy.on_open) == "fail"
    # Who does not wait need not stand behind those who did: a closed circuit lets all of them go.
    is_free = not circuit.line or (fails and circuit.state is CircuitState.CLOSED)
    if circuit.admits_at(now) <= now and is_free:
        return  # noqa: ASYNC910 (asked only where a request follows)
    if fails:
        tally.given_up += 1
        raise circuit.refusal(origin, now)
    waiter = circuit.line.join(place)

    def poll(now: float) -> float | None:
        at = circuit.admits_at(now) if circuit.line.head is waiter else math.inf
        return at if at > now else None

    turn = Turn(poll, lambda _: circuit.retry_at, partial(circuit.refusal, origin))
    await wait_in_line(waiter, turn, limit, tally)


def wake(line: Line | None) -> None:
    """Have the first in a line ask again, if it is asleep."""
    head = None if line is None else line.head
    if head is not None and isinstance(head.task, trio.lowlevel.Task):
        task, head.task = head.task, None
        trio.lowlevel.reschedule(task)


async def _sleep(waiter: Waiter, until: float) -> None:
    """Sleep until a moment, or until woken."""

    def abort(_: object) -> trio.lowlevel.Abort:
        waiter.task = None
        return trio.lowlevel.Abort.SUCCEEDED

    waiter.task = trio.lowlevel.current_task()
    if until == math.inf:
        await trio.lowlevel.wait_task_rescheduled(abort)
    else:
        with trio.CancelScope(deadline=until):
            await trio.lowlevel.wait_task_rescheduled(abort)
