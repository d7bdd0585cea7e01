"""The engine on the virtual clock: its pace, its bounds, and its two ways to stop."""

from collections.abc import Callable, Iterator

import attrs
import pytest
import trio
from trio.testing import MockClock

from cli.run_files import answer, failure, request
from trio_groq.cli._run_engine import Bounds, Engine
from trio_groq.cli._run_prices import CostBudget
from trio_groq.cli._run_requests import RunRequest
from trio_groq.cli._run_results import Outcome
from trio_groq.cli._run_tally import Tally


@attrs.define
class World:
    """Requests, and answers that take a second each.

    Attributes:
        count: Requests that there are.
        seconds: What an answer takes.
        outcome: What becomes of a request.
        cost: Of an answer.
        pulled: Requests that were pulled so far.
        started: When each was started.
        recorded: Whose outcome was kept.
        held: Most requests that were pulled and had no outcome.
    """

    count: int
    seconds: Callable[[int], float] = lambda _number: 1.0
    outcome: Callable[[int], Outcome] = lambda _number: answer()
    cost: float = 0.0
    pulled: int = 0
    started: list[float] = attrs.field(factory=list)
    recorded: list[int] = attrs.field(factory=list)
    held: int = 0
    tally: Tally = attrs.field(factory=lambda: Tally(0, trio.current_time()))

    def requests(self) -> Iterator[RunRequest]:
        for number in range(self.count):
            self.pulled += 1
            self.held = max(self.held, self.pulled - len(self.recorded))
            yield request(str(number))

    async def ask(self, asked: RunRequest) -> Outcome:
        self.started.append(trio.current_time())
        await trio.sleep(self.seconds(int(asked.custom_id)))
        return self.outcome(int(asked.custom_id))

    def record(self, asked: RunRequest, outcome: Outcome) -> float:
        self.recorded.append(int(asked.custom_id))
        self.tally.add(outcome, self.cost, trio.current_time())
        return self.cost

    def engine(
        self, budget: CostBudget | None = None, estimate: float = 0.0, **bounds: object
    ) -> Engine:
        bounds.setdefault("max_in_flight", 10)
        return Engine(
            self.ask,
            self.record,
            Bounds(**bounds),  # type: ignore[arg-type]  # as the tests name them
            self.tally,
            budget=budget,
            cost=lambda _request: estimate,
        )


async def test_so_many_at_once_and_no_more_held(autojump_clock: MockClock) -> None:
    world = World(1000, seconds=lambda number: 1 + number % 7)
    await world.engine(max_in_flight=10).run(world.requests())
    assert sorted(world.recorded) == list(range(1000))
    assert world.held <= 10
    # A place is never free while there is a request: 10 work for all of the 3,997 seconds.
    assert trio.current_time() - world.started[0] <= 3997 / 10 + 7
    assert world.tally.in_flight == 0


async def test_without_requests_there_is_nothing_to_do(autojump_clock: MockClock) -> None:
    world = World(0)
    engine = world.engine()
    await engine.run(world.requests())
    assert (engine.reason, world.recorded) == (None, [])


async def test_others_have_a_turn_where_nothing_is_to_be_asked(autojump_clock: MockClock) -> None:
    world = World(1, seconds=lambda _number: 0.0)
    turns = 0

    def requests() -> Iterator[RunRequest | None]:
        for _ in range(5):
            yield None
            assert turns
        yield from world.requests()

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        await world.engine().run(requests())
        nursery.cancel_scope.cancel()
    assert turns >= 5
    assert world.recorded == [0]


# --- pace -----------------------------------------------------------------------------------------


async def test_starts_keep_their_distance_however_long_answers_take(
    autojump_clock: MockClock,
) -> None:
    world = World(20, seconds=lambda number: 0.01 if number % 2 else 5.0)
    started = trio.current_time()
    await world.engine(max_in_flight=100, rate=4.0).run(world.requests())
    assert [at - started for at in world.started] == pytest.approx([n / 4 for n in range(20)])


async def test_what_was_missed_is_not_made_up_for(autojump_clock: MockClock) -> None:
    world = World(6, seconds=lambda number: 3.0 if number < 2 else 0.1)
    started = trio.current_time()
    await world.engine(max_in_flight=2, rate=1.0).run(world.requests())
    # Two take all the room for a while; then one a second again, and no burst.
    assert [at - started for at in world.started] == pytest.approx([0, 1, 3, 4, 5, 6])


# --- ways to stop ---------------------------------------------------------------------------------


async def test_drained_it_waits_for_what_is_in_flight(autojump_clock: MockClock) -> None:
    world = World(100, seconds=lambda _number: 10.0)
    engine = world.engine(max_in_flight=5, rate=1.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run, world.requests())
        await trio.sleep(2.5)
        engine.stop("interrupted")
        engine.stop("deadline")
    assert engine.reason == "interrupted"
    assert sorted(world.recorded) == [0, 1, 2]
    assert trio.current_time() == pytest.approx(world.started[0] + 12)


async def test_cancelled_it_waits_for_nothing(autojump_clock: MockClock) -> None:
    world = World(100, seconds=lambda number: 1.0 + 9 * (number > 2))
    engine = world.engine(max_in_flight=5)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run, world.requests())
        await trio.sleep(2.5)
        engine.stop("interrupted")
        engine.cancel("interrupted")
    assert sorted(world.recorded) == [0, 1, 2]
    assert trio.current_time() == pytest.approx(world.started[0] + 2.5)
    assert world.tally.in_flight == 0


async def test_stopped_before_it_began_it_asks_nothing(autojump_clock: MockClock) -> None:
    world = World(5)
    engine = world.engine()
    engine.stop("interrupted")
    await engine.run(world.requests())
    assert world.started == []


async def test_its_caller_may_cancel_it(autojump_clock: MockClock) -> None:
    world = World(5)
    with trio.move_on_after(0.5) as scope:
        await world.engine().run(world.requests())
    assert scope.cancelled_caught
    assert (len(world.started), world.recorded) == (5, [])


@pytest.mark.parametrize("most", [1, 3])
async def test_so_many_errors_and_no_more_starts(most: int, autojump_clock: MockClock) -> None:
    world = World(100, outcome=lambda number: failure() if number % 2 else answer())
    engine = world.engine(max_in_flight=1, max_errors=most)
    await engine.run(world.requests())
    assert engine.reason == "max-errors"
    assert sorted(world.recorded) == list(range(2 * most))


async def test_a_deadline_cancels(autojump_clock: MockClock) -> None:
    world = World(100, seconds=lambda _number: 2.0)
    engine = world.engine(max_in_flight=3, deadline=5.0)
    await engine.run(world.requests())
    assert engine.reason == "deadline"
    assert sorted(world.recorded) == list(range(6))
    assert trio.current_time() == pytest.approx(world.started[0] + 5)


async def test_calls_do_not_see_the_deadline(autojump_clock: MockClock) -> None:
    world = World(1)
    seen = []

    async def ask(_request: RunRequest) -> Outcome:
        seen.append(trio.current_effective_deadline())
        return answer()

    engine = Engine(ask, world.record, Bounds(max_in_flight=1, deadline=5.0), world.tally)
    await engine.run(world.requests())
    assert seen == [float("inf")]


# --- budgets --------------------------------------------------------------------------------------


async def test_what_may_cost_too_much_waits_for_what_is_in_flight_to_cost_less(
    autojump_clock: MockClock,
) -> None:
    world = World(10, cost=0.1)
    budget = CostBudget(1.2)
    engine = world.engine(budget, estimate=0.5)
    await engine.run(world.requests())
    # Two estimates fit at once at first; nothing is started that might go beyond the limit.
    assert engine.reason == "max-cost"
    assert sorted(world.recorded) == list(range(8))
    assert budget.spent == pytest.approx(0.8)


async def test_a_budget_for_all(autojump_clock: MockClock) -> None:
    world = World(10, cost=0.1)
    engine = world.engine(CostBudget(1.5), estimate=0.5)
    await engine.run(world.requests())
    assert (engine.reason, len(world.recorded)) == (None, 10)


async def test_a_budget_for_nothing(autojump_clock: MockClock) -> None:
    world = World(10)
    engine = world.engine(CostBudget(0.4), estimate=0.5)
    await engine.run(world.requests())
    assert (engine.reason, world.started) == ("max-cost", [])


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["ask", "record", "requests"])
async def test_an_error_ends_all(where: str, autojump_clock: MockClock) -> None:
    world = World(5, seconds=lambda number: 1.0 if number == 2 else 100.0)
    error = OSError(where)

    async def ask(asked: RunRequest) -> Outcome:
        outcome = await world.ask(asked)
        if where == "ask":
            raise error
        return outcome

    def record(asked: RunRequest, outcome: Outcome) -> float:
        if where == "record":
            raise error
        return world.record(asked, outcome)

    def requests() -> Iterator[RunRequest]:
        yield from world.requests()
        if where == "requests":
            raise error

    engine = Engine(ask, record, Bounds(max_in_flight=10), world.tally)
    with pytest.RaisesGroup(OSError, flatten_subgroups=True):
        await engine.run(requests())
    assert world.recorded == []
    assert trio.current_time() - world.started[0] <= 1 if world.started else True
