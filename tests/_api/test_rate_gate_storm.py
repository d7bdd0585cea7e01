"""A thousand calls at once against a server that grants fifty a second, on virtual time.

Beside the server and the way to it nothing is simulated: the gate under test decides who goes.
"""

import heapq
import math
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, final

import pytest

from limited_servers import FixedWindow, RateLimiter, TokenBucket, ceiled
from trio_groq._api.line import Line, Waiter
from trio_groq._api.rate_gate import RateGate, RatePermit

M = "llama-3.1-8b-instant"
CALLS = 1000
PER_SECOND = 50


@final
class Storm:
    """Calls, the way to a server and back, and a queue of events in the order of their moments.

    Attributes:
        seen: Numbers of the calls, in the order in which the server saw them.
        granted: Numbers and moments of those that it granted.
        refusals: How often each call was refused.
        ended: When the last answer came.
        waits: How long each call was held back, in all.
    """

    def __init__(
        self,
        server: RateLimiter,
        *,
        calls: int = CALLS,
        cold_start: int | None = 32,
        latency: tuple[float, float] = (0.02, 0.2),
        answer: float = 0.0,
        seed: int = 0,
        arrivals: Sequence[float] = (),
    ) -> None:
        self.gate = RateGate(cold_start=cold_start)
        self.server = server
        self.latency = latency
        self.answer = answer
        self.chance = random.Random(seed)  # noqa: S311 (no secret)
        self.now = 0.0
        self.seen: list[int] = []
        self.granted: list[tuple[int, float]] = []
        self.refusals = [0] * calls
        self.ended = 0.0
        self.waits = [0.0] * calls
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._alarms: dict[Waiter, float] = {}
        for place in range(calls):
            if arrivals:
                self._at(arrivals[place], partial(self._enter, place))
            else:
                self._enter(place)
        while self._events:
            self.now, _, event = heapq.heappop(self._events)
            event()
            assert self.now < 3600, "somebody waits for ever"

    def _at(self, moment: float, event: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (moment, self._count, event))

    def _enter(self, place: int) -> None:
        permit = self.gate.try_enter(M, self.now)
        if permit is None:
            self.waits[place] -= self.now
            self._ask(self.gate.join(M, place))
        else:
            self._send(place, permit)

    def _wake(self, line: Line | None) -> None:
        head = None if line is None else line.head
        if head is not None:
            self._ask(head)

    def _ask(self, waiter: Waiter) -> None:
        step = self.gate.poll(M, waiter, self.now)
        if isinstance(step, RatePermit):
            self.waits[waiter.place] += self.now
            self._send(waiter.place, step)
            line = waiter.line
            self._at(self.now, lambda: self._wake(line))
        elif step < math.inf and self._alarms.get(waiter) != step:
            self._alarms[waiter] = step
            self._at(step, lambda: self._ring(waiter))

    def _ring(self, waiter: Waiter) -> None:
        if waiter.line.head is waiter:
            self._ask(waiter)

    def _send(self, place: int, permit: RatePermit) -> None:
        way = self.chance.uniform(*self.latency) / 2
        self._at(self.now + way, lambda: self._arrive(place, permit, way))

    def _arrive(self, place: int, permit: RatePermit, way: float) -> None:
        self.seen.append(place)
        wait = self.server.ask(self.now)
        if wait is None:
            self.granted.append((place, self.now))
            self._at(self.now + way + self.answer, lambda: self._wake(permit.granted(self.now)))
            self.ended = max(self.ended, self.now + way + self.answer)
        else:
            named = wait
            self._at(self.now + way, lambda: self._refuse(place, permit, named))

    def _refuse(self, place: int, permit: RatePermit, wait: float) -> None:
        self.refusals[place] += 1
        assert permit.refused(self.now, wait)
        self._enter(place)


SERVERS: dict[str, tuple[Callable[[], RateLimiter], dict[str, Any]]] = {
    "window": (FixedWindow, {}),
    "window, whole seconds": (lambda: FixedWindow(named=ceiled), {}),
    "window that has begun": (lambda: FixedWindow(phase=0.3), {}),
    "window that has begun, whole seconds": (lambda: FixedWindow(phase=0.3, named=ceiled), {}),
    "bucket": (TokenBucket, {}),
    "bucket, whole seconds": (lambda: TokenBucket(named=ceiled), {}),
    "small bucket": (lambda: TokenBucket(capacity=10), {}),
    "even latency, window": (FixedWindow, {"latency": (0.1, 0.1)}),
    "even latency, bucket": (TokenBucket, {"latency": (0.1, 0.1)}),
    "no latency to speak of": (lambda: FixedWindow(named=ceiled), {"latency": (0.001, 0.004)}),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", SERVERS)
def test_all_are_granted_in_order_and_few_are_refused(case: str, seed: int) -> None:
    make_server, options = SERVERS[case]
    storm = Storm(make_server(), seed=seed, **options)
    assert sorted(place for place, _ in storm.granted) == list(range(CALLS))
    assert len(storm.seen) <= 1.1 * CALLS
    # In order of arrival, but for those that were on their way when the gate closed.
    assert max(abs(rank - place) for rank, (place, _) in enumerate(storm.granted)) <= PER_SECOND
    # Nobody starves: the usual policy allows two retries.
    assert max(storm.refusals) <= 2
    # Nor is the limit left unused: at least two thirds of it are taken.
    assert storm.ended <= 1.5 * CALLS / PER_SECOND


@pytest.mark.parametrize("make_server", [FixedWindow, TokenBucket])
def test_slow_answers_are_no_reason_to_refuse_more(make_server: Callable[[], RateLimiter]) -> None:
    storm = Storm(make_server(), answer=5.0)
    assert len(storm.granted) == CALLS
    assert len(storm.seen) <= 1.1 * CALLS
    assert storm.ended <= 60


@pytest.mark.parametrize("make_server", [FixedWindow, TokenBucket])
def test_without_a_cold_start_each_is_refused_once_or_twice(
    make_server: Callable[[], RateLimiter],
) -> None:
    storm = Storm(make_server(), cold_start=None)
    assert len(storm.granted) == CALLS
    assert len(storm.seen) <= 2 * CALLS
    assert max(storm.refusals) <= 2


def test_a_limit_by_the_minute_is_learned_as_well() -> None:
    storm = Storm(TokenBucket(per_second=0.5, capacity=30, named=ceiled), calls=200)
    assert len(storm.granted) == 200
    assert len(storm.seen) <= 200 + 60  # most of them of the burst at the beginning
    assert storm.ended <= 1.1 * (200 - 30) / 0.5


def test_a_limit_that_becomes_lower_is_learned_anew() -> None:
    bucket = TokenBucket(named=ceiled)

    class Lowered:
        """Fifty a second for ten seconds, then ten."""

        def ask(self, now: float) -> float | None:
            if now >= 10 and bucket.per_second == PER_SECOND:
                bucket.per_second = bucket.capacity = 10.0
            return bucket.ask(now)

    storm = Storm(Lowered())
    assert len(storm.granted) == CALLS
    assert len(storm.seen) <= 1.2 * CALLS
    assert storm.ended <= 10 + 1.5 * 50


# -- clients that do not push


class Unlimited:
    """Grants all but some, which something else than this client's calls was in the way of."""

    def __init__(self, **refused: float) -> None:
        self.refused = {int(name.removeprefix("call_")): wait for name, wait in refused.items()}
        self.asked = 0

    def ask(self, now: float) -> float | None:
        self.asked += 1
        return self.refused.get(self.asked)


def traffic(server: RateLimiter, arrivals: Sequence[float]) -> Storm:
    storm = Storm(
        server, calls=len(arrivals), arrivals=arrivals, cold_start=None, latency=(0.1, 0.1)
    )
    # In order, but for one that was on its way when the one before it was refused.
    assert all(abs(rank - place) <= 1 for rank, (place, _) in enumerate(storm.granted))
    assert len(storm.granted) == len(arrivals)
    return storm


def test_one_refusal_of_a_client_that_had_hardly_begun_is_soon_forgotten() -> None:
    storm = traffic(Unlimited(call_2=30.0), [0.0, 1.0] + [1.5] * 10)
    moments = [moment for _, moment in storm.granted]
    # 31.1 is the moment that the server named; after it one, two, four, and the rest.
    expected = [0.05, *[31.15], *[31.25] * 2, *[31.35] * 4, *[31.45] * 4]
    assert moments == pytest.approx(expected)


@pytest.mark.parametrize("every", [1.0, 5.0])
def test_one_refusal_holds_steady_calls_back_until_the_moment_alone(every: float) -> None:
    storm = traffic(Unlimited(call_4=15.0), [every * number for number in range(40)])
    opened = 3 * every + 15.1
    for place, waited in enumerate(storm.waits):
        # Those that had to wait go within the slow start's few round trips.
        waits = place >= 3 and every * place < opened
        longest = max(0.0, opened - every * place) + 0.5 if waits else 0.0
        assert 0 <= waited <= longest


def test_many_calls_in_a_steady_stream_are_not_held_to_much_less_than_they_were() -> None:
    storm = traffic(Unlimited(call_60=30.0), [number / 5 for number in range(1000)])
    assert max(storm.waits) < 32.0
    assert storm.ended < 200.1  # nothing is left of it at the end


def test_a_refusal_after_each_reopening_does_not_make_a_client_slow_for_good() -> None:
    class Shut:
        """Says ten seconds, ten times."""

        def ask(self, now: float) -> float | None:
            return 10.0 if 100 <= now < 200 else None

    storm = traffic(Shut(), [5.0 * number for number in range(100)])
    assert len(storm.seen) == 100 + 10
    assert max(storm.waits[:19] + storm.waits[45:]) < 0.5


def test_two_refusals_in_a_row_slow_a_client_down_for_a_minute() -> None:
    storm = traffic(Unlimited(call_4=15.0, call_6=15.0), [5.0 * number for number in range(40)])
    assert max(storm.waits) < 31.0
    assert max(storm.waits[25:]) == 0.0
