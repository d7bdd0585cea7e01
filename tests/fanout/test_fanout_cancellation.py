"""Cancelled at any checkpoint, fan-out leaves a whole pool, and no error.

As in `test_cancellation`: each case is made again and again, and cancelled at its first checkpoint,
its second, and so on, until it ends before it is cancelled.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import pytest
import trio

from cancellation import Moment, Outcome, assert_whole, cancel_at, descriptors
from fanning import ask, by_prompt, client_for, mapped, texts
from trio_groq import GroqClient
from trio_groq.fanout import HedgeBudget, Merge
from trio_groq.fanout.hedge import hedge
from trio_groq.fanout.race import fallback, race
from trio_groq.testing import FakeGroq, Reply

MOST_CHECKPOINTS: Final = 600
QUICK = Reply(tokens=["q", "!"], events_per_write=1, usage_in="none")
LATE = Reply(tokens=["late"], first_token_delay=5.0)
SERVED = by_prompt({"quick": QUICK, "late": LATE, "broken": Reply.error(500, "no")})


def streaming(client: GroqClient, prompt: str) -> Any:
    return client.chat.completions.stream(**ask(prompt))


async def plain_map(client: GroqClient) -> str:
    requests = [ask("quick"), ask("broken"), ask("quick")]
    async with mapped(client, requests, order="input") as outcomes:
        return "".join([texts(each.value) async for each in outcomes if each.ok])


async def stream_map(client: GroqClient) -> str:
    got = ""
    async with mapped(client, [ask("quick")] * 3, stream=True) as outcomes:
        async for outcome in outcomes:
            async with outcome.unwrap() as stream:
                got += texts(await stream.until_done())
    return got


async def early_map(client: GroqClient) -> str:
    requests = [ask("quick"), ask("late"), ask("late")]
    async with mapped(client, requests, max_in_flight=3, stream=True) as outcomes:
        async for outcome in outcomes:
            return str((await anext(outcome.unwrap())).object)
    return ""


async def merged(client: GroqClient) -> str:
    opened = await client.chat.completions.create(stream=True, **ask("quick"))
    got = 0
    async with Merge[Any]((opened, streaming(client, "quick"))) as chunks:
        async for _ in chunks:
            got += 1
    return str(got)


async def hedged(client: GroqClient) -> str:
    prompts = iter(["late", "quick"])
    make = lambda: streaming(client, next(prompts))  # noqa: E731 (it is an argument)
    async with hedge(client._caller, make, after=0.0, budget=HedgeBudget(1)) as stream:
        return texts(await stream.until_done())


async def raced(client: GroqClient) -> str:
    calls = [partial(streaming, client, prompt) for prompt in ("late", "quick", "broken")]
    async with race(calls) as stream:
        return texts(await stream.until_done())


async def fallen_back(client: GroqClient) -> str:
    params: dict[str, Any] = {"messages": ask("quick")["messages"]}
    models = ["gone", "llama-3.1-8b-instant"]
    async with fallback(client._caller, models, params, stream=True) as stream:
        return texts(await stream.until_done())


CASES: Final[dict[Callable[[GroqClient], Awaitable[str]], int]] = {
    plain_map: 4,
    stream_map: 6,
    early_map: 3,
    merged: 5,
    hedged: 3,
    raced: 3,
    fallen_back: 4,
}
"""Each with how often it must have been cancelled, before it ended by itself."""


@pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.name)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
async def test_at_every_checkpoint(
    autojump_clock: Any, case: Callable[[GroqClient], Awaitable[str]], moment: Moment
) -> None:
    cancelled = 0
    before = descriptors()
    for number in range(MOST_CHECKPOINTS):
        outcomes: list[Outcome] = []
        async with FakeGroq(default_reply=SERVED) as server, client_for(server) as client:

            async def run(client: GroqClient = client, number: int = number) -> None:
                outcomes.append(await cancel_at(partial(case, client), moment, number))  # noqa: B023 (run at once)

            with trio.fail_after(60):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(run)
            assert_whole(client)
        (outcome,) = outcomes
        assert outcome.cancelled == (outcome.answer is None)
        cancelled += outcome.cancelled
        if not outcome.reached:
            break
    else:
        raise AssertionError(f"expected fewer than {MOST_CHECKPOINTS} checkpoints")
    assert descriptors() == before
    assert cancelled >= (1 if moment is Moment.PASSING else CASES[case])
