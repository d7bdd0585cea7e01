"""`map` that finds out by itself how many calls to have in flight."""

from collections.abc import Callable
from typing import Any

import trio

from fanning import ask, client_for, keyed, mapped
from trio_groq.errors import RateLimitError
from trio_groq.fanout import Adaptive
from trio_groq.testing import FakeGroq, Reply


class Server:
    """Bears so many calls at a time; each takes a second, and refuses beyond."""

    def __init__(self, bears: int) -> None:
        self.bears = bears
        self.running = 0
        self.seen: list[int] = []

    async def call(self) -> None:
        self.running += 1
        self.seen.append(self.running)
        try:
            if self.running > self.bears:
                raise RateLimitError("too many", status_code=429)
            await trio.sleep(1)
        finally:
            self.running -= 1


async def drive(
    calls: int, call: Callable[[], Any], limit: Any, after: Callable[[int], None]
) -> None:
    async with mapped(keyed(), [call] * calls, max_in_flight=limit) as outcomes:
        async for _ in outcomes:
            after(outcomes.max_in_flight)


async def test_it_grows_to_what_is_borne_and_comes_back(autojump_clock: Any) -> None:
    server, limits = Server(20), list[int]()
    await drive(2000, server.call, Adaptive(start=2), limits.append)
    assert limits[:6] == [3, 3, 4, 4, 4, 5]
    assert max(server.seen) == max(limits) == 21
    settled = limits[1000:]
    assert min(settled) >= 10
    refused = sum(running > 20 for running in server.seen)
    assert 0 < refused < 2000 * 0.05


async def test_where_latency_rises_it_does_not_grow_on(autojump_clock: Any) -> None:
    running = 0
    limits: list[int] = []

    async def call() -> None:
        nonlocal running
        running += 1
        # Four at a time are served; the others wait.
        await trio.sleep(max(running / 4, 1))
        running -= 1

    await drive(3000, call, Adaptive(start=1, tolerance=1.5), limits.append)
    assert 4 <= limits[-1] <= 9


async def test_it_stays_within_its_bounds(autojump_clock: Any) -> None:
    limits: list[int] = []
    await drive(300, Server(1000).call, Adaptive(minimum=2, maximum=5), limits.append)
    assert (limits[0], limits[-1], max(limits)) == (5, 5, 5)
    limits.clear()
    await drive(300, Server(0).call, Adaptive(minimum=2, maximum=5), limits.append)
    assert limits[-1] == 2


async def test_by_name_it_has_its_defaults(autojump_clock: Any) -> None:
    limits: list[int] = []
    await drive(200, Server(1000).call, "adaptive", limits.append)
    assert limits[0] == 9
    assert limits[-1] > 15


async def test_what_had_to_be_repeated_was_refused(autojump_clock: Any) -> None:
    async with FakeGroq() as server, client_for(server, max_retries=2) as client:
        server.enqueue(Reply.error(429, "slow down", retry_after=1))
        limit = Adaptive(start=4)
        async with mapped(client, [ask("x")] * 3, max_in_flight=limit) as outcomes:
            assert [outcome.ok async for outcome in outcomes] == [True] * 3
            assert outcomes.max_in_flight == 2


async def test_what_is_wrong_with_a_request_says_nothing_of_the_load() -> None:
    wrong: list[Any] = [{**ask("x"), "temperature": 9}] * 9
    async with mapped(keyed(), wrong, max_in_flight=Adaptive(start=4)) as outcomes:
        assert [outcome.ok async for outcome in outcomes] == [False] * 9
        assert outcomes.max_in_flight == 4
