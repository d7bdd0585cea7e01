"""The methods of a client for fan-out, as they are called; their types are checked as well."""

import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, assert_type

import pytest
import trio

import trio_groq.fanout
from fanning import MODEL, ask, client_for, texts
from trio_groq import ChatStream, GroqClient
from trio_groq._response_stream import ResponseStream
from trio_groq.fanout import Adaptive, Attempts, ChatRequest, HedgeBudget, Map
from trio_groq.fanout._methods import FanOut
from trio_groq.testing import FakeGroq, Reply
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chunks import ChatCompletionChunk


class Fan(FanOut):
    """The methods without the rest of a client."""

    def __init__(self, client: GroqClient) -> None:
        self._caller = client._caller


@pytest.fixture
async def client(fake_groq: FakeGroq) -> AsyncIterator[GroqClient]:
    async with client_for(fake_groq) as opened:
        yield opened


async def test_map_of_parameters(client: GroqClient) -> None:
    messages = ask("one")["messages"]
    requests: list[ChatRequest] = [
        {"model": MODEL, "messages": messages, "stop": "\n", "timeout": 9.0},
        {"model": MODEL, "messages": ask("two")["messages"], "stop": "\n"},
    ]
    mapped = Fan(client).map(requests, max_in_flight=2, order="input")
    assert_type(mapped, Map[ChatRequest, ChatCompletion])
    async with mapped as outcomes:
        got = [texts(outcome.unwrap()) async for outcome in outcomes]
    assert got == ["You said: one", "You said: two"]


async def test_map_of_plain_dicts_as_streams(client: GroqClient) -> None:
    requests: list[dict[str, object]] = [{**ask("one")}]
    mapped = Fan(client).map(requests, max_in_flight=Adaptive(maximum=3), stream=True)
    assert_type(mapped, Map[dict[str, object], ChatStream])
    async with mapped as outcomes, (await anext(outcomes)).unwrap() as stream:
        assert texts(await stream.until_done()) == "You said: one"


async def test_map_of_functions(client: GroqClient) -> None:
    async def count() -> int:
        return len((await client.models.list()).data)

    mapped = Fan(client).map([count, count], max_in_flight="adaptive", on_error="raise")
    async with mapped as outcomes:
        counts = [outcome.unwrap() async for outcome in outcomes]
    assert_type(counts, list[int])
    assert counts[0] == counts[1] > 1


async def test_merge(client: GroqClient) -> None:
    streams = [client.chat.completions.stream(**ask(prompt)) for prompt in ("one", "two")]
    async with Fan(client).merge(*streams) as merged:
        async for pair in merged:
            assert_type(pair, tuple[int, ChatCompletionChunk | Exception])
    assert [texts(stream.completion) for stream in streams] == ["You said: one", "You said: two"]
    async with Fan(client).merge(client.chat.completions.stream(**ask("x")), on_error="raise") as m:
        assert_type(await anext(m), tuple[int, ChatCompletionChunk])


async def test_hedge(client: GroqClient) -> None:
    budget = HedgeBudget(0.5)
    fan = Fan(client)
    attempt = fan.hedge(partial(client.chat.completions.stream, **ask("x")), after=9, budget=budget)
    async with attempt as stream:
        assert texts(await stream.until_done()) == "You said: x"
    assert budget.calls == 1

    def respond() -> ResponseStream:
        return client.responses.stream(model="openai/gpt-oss-20b", input="x")

    async def create() -> ChatCompletion:
        return await client.chat.completions.create(**ask("x"))

    assert_type(fan.hedge(respond, after=lambda: None), Attempts[ResponseStream])
    whole = fan.hedge(create, after=9, attempts=3)
    assert_type(whole, Attempts[ChatCompletion])
    assert texts(await whole) == "You said: x"


async def test_race(client: GroqClient) -> None:
    async def create(prompt: str) -> ChatCompletion:
        return await client.chat.completions.create(**ask(prompt))

    attempt = Fan(client).race([partial(create, "one")])
    assert_type(attempt, Attempts[ChatCompletion])
    assert texts(await attempt) == "You said: one"


async def test_fallback(client: GroqClient, fake_groq: FakeGroq) -> None:
    messages = ask("one")["messages"]
    fan = Fan(client)
    plain = fan.fallback(["gone", MODEL], {"messages": messages, "stop": "\n"})
    assert_type(plain, Attempts[ChatCompletion])
    assert texts(await plain) == "You said: one"
    fake_groq.enqueue(Reply.error(400, "no"))
    streamed = fan.fallback(
        [MODEL, MODEL],
        {"messages": messages, "stop": "\n"},
        on=trio_groq.errors.BadRequestError,
        stream=True,
    )
    assert_type(streamed, Attempts[ChatStream])
    async with streamed as stream:
        assert texts(await stream.until_done()) == "You said: one"
    assert (plain.model, streamed.winner) == (MODEL, 1)


def test_the_facade_has_what_it_names() -> None:
    facade: Any = trio_groq.fanout
    assert all(getattr(facade, name) is not None for name in facade.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Mapp'"):
        facade.Mapp  # noqa: B018 (the access is the point)


def test_the_methods_alone_load_nothing() -> None:
    script = (
        "import sys, trio_groq.fanout._methods\n"
        "print(sorted(name for name in sys.modules if name.startswith('trio_groq.fanout')))"
    )
    command = (sys.executable, "-c", script)
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 (our own script)
    assert done.stdout.strip() == "['trio_groq.fanout', 'trio_groq.fanout._methods']"


async def test_a_deadline_of_the_callers_ends_it(client: GroqClient) -> None:
    with trio.move_on_after(0) as scope:
        async with Fan(client).map([ask("x")], max_in_flight=1):
            raise AssertionError
    assert scope.cancelled_caught
