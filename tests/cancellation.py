"""Cancel a call at one of its checkpoints, and look for what it left behind.

A call runs in a task of its own. Its checkpoints are counted in three ways, which together reach
every one of them: `AFTER` each step, when the task (or a child of it) has just blocked; `BEFORE`
each step, when what it waited for has already been granted; and at each `checkpoint_if_cancelled`,
which makes no step of its own.
"""

import enum
import os
import stat
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, final
from unittest import mock

import attrs
import trio

from trio_groq import GroqClient
from trio_groq._http.pool_state import PoolStatistics

__all__ = ["Moment", "Outcome", "assert_whole", "cancel_at", "descriptors"]

_DESCRIPTORS: Final = Path("/proc/self/fd")


class Moment(enum.Enum):
    """What is counted."""

    AFTER = "after a step"
    BEFORE = "before a step"
    PASSING = "at checkpoint_if_cancelled"


@attrs.frozen
class Outcome:
    """How a call ended.

    Attributes:
        reached: Whether it came as far as the checkpoint where it was to be cancelled.
        cancelled: Whether the cancellation ended it; one after its last checkpoint does not.
        answer: What it returned, None if it was cancelled.
    """

    reached: bool
    cancelled: bool
    answer: str | None


def _belongs_to(task: trio.lowlevel.Task, ancestor: trio.lowlevel.Task) -> bool:
    """Whether `task` is `ancestor` or runs in a nursery of it: connecting races in children."""
    current: trio.lowlevel.Task | None = task
    while current is not None:
        if current is ancestor:
            return True
        nursery = current.parent_nursery
        current = None if nursery is None else nursery.parent_task
    return False


@final
class _Canceller(trio.abc.Instrument):
    """Cancels `scope` at checkpoint number `number` (from 1) of `task`; at 0 before it begins."""

    def __init__(
        self, task: trio.lowlevel.Task, scope: trio.CancelScope, moment: Moment, number: int
    ) -> None:
        self._task = task
        self._scope = scope
        self._moment = moment
        self._left = number
        self.fired = number == 0
        if self.fired:
            scope.cancel()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._count(task, Moment.BEFORE)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self._count(task, Moment.AFTER)

    def passing(self) -> None:
        """The running task is at a `checkpoint_if_cancelled`."""
        self._count(trio.lowlevel.current_task(), Moment.PASSING)

    def _count(self, task: trio.lowlevel.Task, moment: Moment) -> None:
        if moment is self._moment and not self.fired and _belongs_to(task, self._task):
            self._left -= 1
            if self._left == 0:
                self.fired = True
                self._scope.cancel()


@contextmanager
def _counting(canceller: _Canceller) -> Iterator[None]:
    original = trio.lowlevel.checkpoint_if_cancelled

    async def checkpoint_if_cancelled() -> None:
        canceller.passing()
        await original()

    trio.lowlevel.add_instrument(canceller)
    try:
        with mock.patch.object(trio.lowlevel, "checkpoint_if_cancelled", checkpoint_if_cancelled):
            yield
    finally:
        trio.lowlevel.remove_instrument(canceller)


async def cancel_at(call: Callable[[], Awaitable[str]], moment: Moment, number: int) -> Outcome:
    """Run `call` in the present task and cancel it at a checkpoint.

    Whatever the call raises comes out as it is: of a cancellation, nothing does.

    Args:
        call: What to run. Its task must hold no nursery but those that the call opens.
        moment: Which checkpoints are counted.
        number: Which of them, from 1; 0 to cancel the call before it begins.
    """
    answer: str | None = None
    with trio.CancelScope() as scope:
        canceller = _Canceller(trio.lowlevel.current_task(), scope, moment, number)
        with _counting(canceller):
            answer = await call()
    return Outcome(canceller.fired, scope.cancelled_caught, answer)


def descriptors() -> frozenset[tuple[str, int]]:
    """The open descriptors, each with the inode behind it; empty where they cannot be listed."""
    if not _DESCRIPTORS.is_dir():
        return frozenset()
    found: set[tuple[str, int]] = set()
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208 (iterdir holds a descriptor meanwhile)
        try:
            status = os.fstat(int(name))
        except OSError:  # the listing's own
            continue
        if not stat.S_ISREG(status.st_mode):  # a lazy import or a coverage file is no leak of ours
            found.add((name, status.st_ino))
    return frozenset(found)


def assert_whole(client: GroqClient) -> PoolStatistics:
    """Nobody uses the client: then nothing is taken, and what is open is idle."""
    now = client.pool.statistics()
    assert (now.leased, now.dialling, now.waiting) == (0, 0, 0), now
    assert now.open == now.idle, now
    assert now.opened - now.closed == now.idle, now
    connections = client.pool._connections
    assert len(connections) == now.idle, (connections, now)
    return now
