"""The queue of moments: what comes up, when, and what is left of those that were overtaken."""

import math

from trio_groq._http.limits import STALE_FACTOR, STALE_FLOOR, LimitQueue


class Waiter:
    def __init__(self) -> None:
        self.deadline = math.inf
        self.entry_at = math.inf
        self.closed = False
        self.waits = True
        self.expired = 0

    def expire(self) -> None:
        self.expired += 1
        self.waits = False


def wait_until(queue: LimitQueue, waiter: Waiter, when: float) -> bool:
    """Begin to wait, as a watch does; whether it is the first."""
    waiter.waits = True
    waiter.deadline = when
    return when < waiter.entry_at and queue.add(waiter, when, 1)


def test_the_first_is_told() -> None:
    queue = LimitQueue()
    assert queue.next_at == math.inf
    assert wait_until(queue, Waiter(), 5)
    assert not wait_until(queue, Waiter(), 6)
    assert wait_until(queue, Waiter(), 4)
    assert queue.next_at == 4


def test_a_later_limit_costs_no_entry_and_is_kept() -> None:
    queue, waiter = LimitQueue(), Waiter()
    for when in range(5, 50):
        wait_until(queue, waiter, when)
    assert len(queue) == 1
    queue.expire(5)
    assert waiter.expired == 0
    assert queue.next_at == 49
    queue.expire(48.9)
    assert waiter.expired == 0
    queue.expire(49)
    assert waiter.expired == 1
    assert len(queue) == 0


def test_one_that_does_not_wait_or_is_closed_is_let_be() -> None:
    queue = LimitQueue()
    idle, closed = Waiter(), Waiter()
    for waiter in (idle, closed):
        wait_until(queue, waiter, 5)
    idle.waits = False
    closed.closed = True
    queue.expire(9)
    assert idle.expired == closed.expired == 0
    assert idle.entry_at == math.inf
    wait_until(queue, idle, 12)
    queue.expire(12)
    assert idle.expired == 1


def test_overtaken_entries_are_swept_out_and_lose_nobody() -> None:
    queue = LimitQueue()
    steady, hasty = Waiter(), Waiter()
    wait_until(queue, steady, 5000)
    for when in range(4000, 1000, -1):
        wait_until(queue, hasty, when)
        assert len(queue) <= STALE_FACTOR + STALE_FLOOR + 1
    queue.expire(1001)
    assert (steady.expired, hasty.expired) == (0, 1)
    queue.expire(5000)
    assert (steady.expired, hasty.expired) == (1, 1)


def test_an_end_that_closes_others_is_safe() -> None:
    queue = LimitQueue()
    waiters = [Waiter() for _ in range(3)]

    class Closer(Waiter):
        def expire(self) -> None:
            super().expire()
            for waiter in waiters:
                waiter.closed = True

    wait_until(queue, Closer(), 1)
    for waiter in waiters:
        wait_until(queue, waiter, 2)
    queue.expire(3)
    assert not any(waiter.expired for waiter in waiters)


def test_clear() -> None:
    queue = LimitQueue()
    wait_until(queue, Waiter(), 5)
    queue.clear()
    assert (len(queue), queue.next_at) == (0, math.inf)
