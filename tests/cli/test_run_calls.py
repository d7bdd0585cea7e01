"""Requests of a run against FakeGroq: what is sent, what comes of it, and what is waited for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import msgspec
import pytest
import trio
from trio.testing import MockClock

from calling import times
from cli.run_files import MODEL, request
from trio_groq.cli._run_calls import LONGEST_WAIT, Asker, for_a_run
from trio_groq.cli._run_requests import Shape, Tokens
from trio_groq.cli._run_results import Outcome
from trio_groq.client import GroqClient
from trio_groq.config import CircuitBreakerPolicy, ClientConfig, PoolLimits, RateLimitPolicy
from trio_groq.errors import AuthenticationError
from trio_groq.testing import FakeGroq, Fault, Reply

PLAIN = request()
STREAMED = attrs.evolve(PLAIN, streamed=True)


@asynccontextmanager
async def asking(
    server: FakeGroq, *, retries: int = 2, tokens_per_minute: int | None = None, **fields: Any
) -> AsyncIterator[Asker]:
    config = for_a_run(
        ClientConfig(api_key="gsk_test", base_url=server.url, **fields),
        max_in_flight=10,
        retries=retries,
        tokens_per_minute=tokens_per_minute,
    )
    async with GroqClient(config=config) as client:
        yield Asker(client._caller, config.retry, lambda: 0.0)


def body_of(outcome: Outcome) -> Any:
    return msgspec.json.decode(outcome.body)


def text_of(outcome: Outcome) -> str:
    return str(body_of(outcome)["choices"][0]["message"]["content"])


def test_a_run_waits_where_others_give_up() -> None:
    known = ClientConfig(
        api_key="gsk_test",
        circuit_breaker=CircuitBreakerPolicy(open_for=5),
        rate_limit=RateLimitPolicy(requests_per_minute=9, tokens_per_minute=7),
        limits=PoolLimits(max_connections=50, max_idle=5, max_waiters=0),
    )
    config = for_a_run(known, max_in_flight=20, retries=4, tokens_per_minute=None)
    assert config.retry.max_retries == 4
    assert config.retry.max_retry_after == LONGEST_WAIT
    assert config.retry_budget is None
    assert config.circuit_breaker == CircuitBreakerPolicy(open_for=5, on_open="wait")
    assert config.rate_limit == RateLimitPolicy(
        requests_per_minute=9, tokens_per_minute=7, max_wait=None
    )
    assert config.limits == PoolLimits(max_connections=50, max_idle=20)
    bare = attrs.evolve(known, circuit_breaker=None, rate_limit=None)
    config = for_a_run(bare, max_in_flight=2000, retries=0, tokens_per_minute=8)
    assert config.rate_limit == RateLimitPolicy(tokens_per_minute=8, max_wait=None)
    assert config.circuit_breaker == CircuitBreakerPolicy(on_open="wait")
    assert config.limits.max_connections == 2000


async def test_an_answer() -> None:
    async with FakeGroq() as server, asking(server) as asker:
        server.enqueue(Reply(content="Hi"))
        outcome = await asker.ask(PLAIN)
        assert (outcome.status, outcome.attempts, text_of(outcome)) == (200, 1, "Hi")
        assert outcome.request_id is not None
        usage = body_of(outcome)["usage"]
        assert outcome.tokens == Tokens(usage["prompt_tokens"], usage["completion_tokens"])
        assert server.requests[0].params == PLAIN.body


async def test_a_stream_is_put_together() -> None:
    async with FakeGroq() as server, asking(server) as asker:
        server.enqueue(Reply(content="Hi there, you"), Reply(content="Hi there, you"))
        streamed, plain = await asker.ask(STREAMED), await asker.ask(PLAIN)
        assert server.requests[0].params == {**PLAIN.body, "stream": True}
        assert text_of(streamed) == text_of(plain) == "Hi there, you"
        assert streamed.tokens == plain.tokens
        assert body_of(streamed)["object"] == "chat.completion"
        assert (streamed.status, streamed.attempts) == (200, 1)
        assert streamed.request_id is not None


async def test_any_endpoint() -> None:
    fields = {"custom_id": "e", "method": "POST", "url": "/v1/embeddings"}
    body = {"model": "nomic-embed-text-v1_5", "input": ["one", "two"]}
    asked = Shape().request(1, {**fields, "body": body})
    async with FakeGroq() as server, asking(server) as asker:
        outcome = await asker.ask(asked)
        assert server.requests[0].path == "/openai/v1/embeddings"
    assert len(body_of(outcome)["data"]) == 2
    assert outcome.tokens is not None
    assert outcome.tokens.completion == 0


async def test_a_body_of_several_lines_becomes_one() -> None:
    data = b'{\r\n "usage": {"prompt_tokens": 1,\n "completion_tokens": 2},\n "x": 1.50}\n'
    async with FakeGroq() as server, asking(server) as asker:
        server.enqueue(attrs.evolve(Reply.json({}), body=data))
        outcome = await asker.ask(PLAIN)
    assert outcome.body == b'{"usage":{"prompt_tokens":1,"completion_tokens":2},"x":1.50}'
    assert outcome.tokens == Tokens(1, 2)


@pytest.mark.parametrize("asked", [PLAIN, STREAMED], ids=["plain", "streamed"])
async def test_failures_are_outcomes(asked: Any, autojump_clock: MockClock) -> None:
    async with FakeGroq() as server, asking(server, retries=1) as asker:
        server.enqueue(Reply.error(400, "no", code="bad"))
        refused = await asker.ask(asked)
        assert (refused.status, refused.kind, refused.attempts) == (400, "400", 1)
        assert body_of(refused)["error"]["message"] == "no"
        server.enqueue(*[Reply.error(503, "later")] * 2)
        failed = await asker.ask(asked)
        assert (failed.status, failed.attempts) == (503, 2)
        server.enqueue(*[Reply(content="x", fault=Fault.truncate(10))] * 2)
        gone = await asker.ask(asked)
        assert (gone.status, gone.attempts, gone.body) == (None, 2, b"")
        assert gone.error is not None
        assert gone.error[0] == gone.kind


async def test_an_answer_that_is_no_json() -> None:
    async with FakeGroq() as server, asking(server) as asker:
        server.enqueue(attrs.evolve(Reply.json({}), body=b"{"))
        outcome = await asker.ask(PLAIN)
    assert (outcome.status, outcome.kind) == (None, "APIResponseValidationError")


async def test_a_wrong_key_is_wrong_for_all() -> None:
    async with FakeGroq(api_keys={"gsk_other"}) as server, asking(server) as asker:
        with pytest.raises(AuthenticationError):
            await asker.ask(PLAIN)


async def test_a_stream_that_broke_off_is_asked_for_again(autojump_clock: MockClock) -> None:
    broken = Reply(content="Hi there", fault=Fault.truncate(900))
    async with FakeGroq() as server, asking(server, retries=2) as asker:
        server.enqueue(broken, broken, Reply(content="Hi there"))
        outcome = await asker.ask(STREAMED)
        assert (text_of(outcome), outcome.attempts) == ("Hi there", 3)
        assert times(server) == pytest.approx([0, 0.5, 1.5])
        server.enqueue(broken, broken, broken)
        failed = await asker.ask(STREAMED)
        assert (failed.status, failed.kind, failed.attempts) == (None, "StreamError", 3)
        assert server.replies_left == 0


async def test_one_refusal_holds_all_back(autojump_clock: MockClock) -> None:
    async with FakeGroq() as server, asking(server) as asker:
        server.enqueue(Reply.error(429, "slow down", retry_after=7))
        outcomes = []

        async def ask() -> None:
            outcomes.append(await asker.ask(PLAIN))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.sleep(1)
            for _ in range(5):
                nursery.start_soon(ask)
        assert [outcome.status for outcome in outcomes] == [200] * 6
        first, *rest = times(server)
        assert first == 0
        assert min(rest) == pytest.approx(7)
        assert len(rest) == 6


async def test_a_wait_of_hours_is_waited_for(autojump_clock: MockClock) -> None:
    async with FakeGroq() as server, asking(server) as asker:
        server.enqueue(Reply.error(429, "enough for today", retry_after=7200))
        assert (await asker.ask(PLAIN)).status == 200
        assert times(server) == pytest.approx([0, 7200])


async def test_an_outage_is_waited_for(autojump_clock: MockClock) -> None:
    async with FakeGroq() as server, asking(server, retries=9) as asker:
        server.enqueue(*[Reply.error(503, "down")] * 6)
        outcome = await asker.ask(PLAIN)
        assert (outcome.status, outcome.attempts) == (200, 7)
        assert times(server)[-1] > 30


async def test_a_budget_of_tokens_is_kept(autojump_clock: MockClock) -> None:
    asked = request(max_completion_tokens=100)
    usage = {"prompt_tokens": 500, "completion_tokens": 100, "total_tokens": 600}
    async with FakeGroq() as server, asking(server, tokens_per_minute=6000) as asker:
        server.enqueue(*[Reply(content="x", usage=usage) for _ in range(60)])
        outcomes = []

        async def work() -> None:
            for _ in range(15):
                outcomes.append(await asker.ask(asked))  # noqa: PERF401 (what each gives counts)

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(work)
        assert [outcome.status for outcome in outcomes] == [200] * 60
        # 36,000 tokens: one bucket at once, and five minutes for the rest.
        assert times(server)[-1] == pytest.approx(300, rel=0.1)
        for start in (0, 60, 120, 180):
            spent = 600 * sum(start <= at < start + 60 for at in times(server))
            assert spent <= 2 * 6000
    assert MODEL in str(asked.body)
