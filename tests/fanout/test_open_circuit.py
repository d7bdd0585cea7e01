"""What many calls at once do when the service is held to be down; times are virtual."""

from functools import partial
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from fanning import MODEL, ask, texts
from trio_groq import CircuitBreakerPolicy, ClientConfig, GroqClient, RetryBudgetPolicy, RetryPolicy
from trio_groq.errors import CircuitOpenError, InternalServerError, InvalidRequestError
from trio_groq.testing import FakeGroq, RecordedRequest, Reply
from trio_groq.testing.content import echo

REQUESTS = 200
OPEN_FOR = CircuitBreakerPolicy().open_for


@attrs.define
class Outage:
    """A server that is down from one moment to another, and answers in 0.2 s before and after."""

    begin: float
    end: float
    seen: int = 0
    back_at: float | None = None

    def answer(self, request: RecordedRequest) -> Reply:
        self.seen += 1
        now = trio.current_time()
        if self.begin <= now < self.end:
            return Reply.error(503, "down")
        if now >= self.end and self.back_at is None:
            self.back_at = now
        return attrs.evolve(echo(request.params), head_delay=0.2)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("max_in_flight", [5, 20])
async def test_map_waits_an_outage_out(
    autojump_clock: MockClock, max_in_flight: int, *, stream: bool
) -> None:
    begin = trio.current_time() + 1.0
    outage = Outage(begin, begin + 10.0)
    asked = [ask(str(number)) for number in range(REQUESTS)]
    answered = []
    options: Any = {"max_in_flight": max_in_flight, "stream": stream}
    async with (
        FakeGroq(default_reply=outage.answer) as server,
        GroqClient("gsk_test", base_url=server.url) as client,
        client.map(asked, **options) as outcomes,
    ):
        async for outcome in outcomes:
            value: Any = outcome.unwrap()
            if stream:
                async with value:
                    value = await value.until_done()
            answered.append(texts(value))
    assert sorted(answered) == sorted(f"You said: {number}" for number in range(REQUESTS))
    assert outage.seen <= 1.2 * REQUESTS
    assert outage.back_at is not None
    assert outage.back_at <= begin + OPEN_FOR + 1.0


def opening(server: FakeGroq, **fields: Any) -> GroqClient:
    """A client whose circuit opens at the first failure, and closes at the first success."""
    breaker = CircuitBreakerPolicy(failure_threshold=1, success_threshold=1)
    config = ClientConfig(
        api_key="gsk_test",
        base_url=server.url,
        circuit_breaker=breaker,
        retry=RetryPolicy(max_retries=0),
    )
    return GroqClient(config=attrs.evolve(config, **fields))


async def opened(client: GroqClient, server: FakeGroq) -> float:
    """Open the circuit, and say when."""
    server.enqueue(Reply.error(503, "down"))
    with pytest.raises(InternalServerError):
        await client.chat.completions.create(**ask("x"))
    return trio.current_time()


async def test_functions_among_the_requests_wait_as_well(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    async with opening(fake_groq) as client:
        since = await opened(client, fake_groq)
        calls = [partial(client.chat.completions.create, **ask("a"))]
        async with client.map(calls, max_in_flight=2) as outcomes:
            assert [texts(outcome.unwrap()) async for outcome in outcomes] == ["You said: a"]
        assert trio.current_time() == since + OPEN_FOR


@pytest.mark.parametrize("on_open", ["wait", "fail"])
async def test_a_retry_that_waits_for_the_circuit_takes_nothing_from_the_budget(
    fake_groq: FakeGroq, autojump_clock: MockClock, on_open: Any
) -> None:
    spent = RetryBudgetPolicy(ratio=0.0, min_per_second=0.0)
    once = RetryPolicy(max_retries=1)
    async with opening(fake_groq, retry=once, retry_budget=spent) as client:
        fake_groq.enqueue(Reply.error(503, "down"))
        since = trio.current_time()
        async with client.map([ask("a")], max_in_flight=1, on_open=on_open) as outcomes:
            (outcome,) = [each async for each in outcomes]
        if on_open == "wait":
            assert texts(outcome.unwrap()) == "You said: a"
            assert trio.current_time() == since + OPEN_FOR
        else:
            assert isinstance(outcome.error, InternalServerError)
            assert trio.current_time() == since


async def test_map_fails_at_once_if_it_is_to(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    waiting = CircuitBreakerPolicy(failure_threshold=1, on_open="wait")
    async with opening(fake_groq, circuit_breaker=waiting) as client:
        since = await opened(client, fake_groq)
        async with client.map([ask("a")] * 3, max_in_flight=2, on_open="fail") as outcomes:
            errors = [outcome.error async for outcome in outcomes]
        assert [type(error) for error in errors] == [CircuitOpenError] * 3
        assert trio.current_time() == since
    assert len(fake_groq.requests) == 1


async def test_a_call_s_own_limits_bound_the_wait(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    async with opening(fake_groq) as client:
        since = await opened(client, fake_groq)
        requests = [{**ask("a"), "timeout": OPEN_FOR / 2}, {**ask("b"), "timeout": OPEN_FOR * 2}]
        async with client.map(requests, max_in_flight=2, order="input") as outcomes:
            first, second = [outcome async for outcome in outcomes]
        assert isinstance(first.error, CircuitOpenError)
        assert second.ok
        assert trio.current_time() == since + OPEN_FOR


async def test_the_wait_ends_with_the_map(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    async with opening(fake_groq) as client:
        since = await opened(client, fake_groq)
        async with client.map([ask("a")], max_in_flight=1):
            await wait_all_tasks_blocked()
            assert client.gate_statistics().waiting == 1
        assert client.gate_statistics().waiting == 0
        with pytest.raises(
            CircuitOpenError
        ):  # what is called outside of it waits no more than ever
            await client.chat.completions.create(**ask("b"))
        assert trio.current_time() == since


async def test_whoever_does_not_wait_passes_a_circuit_that_has_closed(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    """Those who waited go one after the other; that they are not all gone yet fails nobody."""
    async with opening(fake_groq) as client:
        await opened(client, fake_groq)
        failed = 0

        async def insist() -> None:
            nonlocal failed
            await trio.sleep(OPEN_FOR)
            while client.gate_statistics().waiting:
                is_closed = "closed" in client.gate_statistics().circuits.values()
                try:
                    await client.chat.completions.create(**ask("b"))
                except CircuitOpenError:
                    failed += is_closed
                    await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(insist)
            async with client.map([ask("a")] * 50, max_in_flight=50) as outcomes:
                assert all([outcome.ok async for outcome in outcomes])
        assert failed == 0


@pytest.mark.parametrize("on_open", ["wait", "fail"])
async def test_merge(fake_groq: FakeGroq, autojump_clock: MockClock, on_open: Any) -> None:
    async with opening(fake_groq) as client:
        since = await opened(client, fake_groq)
        streams = [client.chat.completions.stream(**ask(prompt)) for prompt in "ab"]
        items = []
        async with client.merge(*streams, on_open=on_open) as merged:
            items = [item async for item in merged]
        failures = [item for _, item in items if isinstance(item, Exception)]
        if on_open == "fail":
            assert [type(error) for error in failures] == [CircuitOpenError] * 2
            assert trio.current_time() == since
        else:
            assert not failures
            assert [texts(stream.completion) for stream in streams] == [
                "You said: a",
                "You said: b",
            ]
            assert trio.current_time() == since + OPEN_FOR


async def test_merge_waits_by_default(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    async with opening(fake_groq) as client:
        await opened(client, fake_groq)
        async with client.merge(client.chat.completions.stream(**ask("a"))) as merged:
            assert not any([isinstance(item, Exception) async for _, item in merged])


@pytest.mark.parametrize("method", ["map", "merge"])
def test_what_is_no_choice(method: str) -> None:
    client = GroqClient("gsk_test", base_url="http://127.0.0.1:1")
    make: Any = partial(client.map, [], max_in_flight=1) if method == "map" else client.merge
    with pytest.raises(InvalidRequestError, match="on_open: expected one of 'fail', 'wait'"):
        make(on_open="never")


@pytest.mark.parametrize("on_open", ["wait", "fail"])
@pytest.mark.parametrize("method", ["race", "hedge"])
async def test_race_and_hedge_do_as_the_client_says(
    fake_groq: FakeGroq, autojump_clock: MockClock, method: str, on_open: Any
) -> None:
    policy = CircuitBreakerPolicy(failure_threshold=1, success_threshold=1, on_open=on_open)
    async with opening(fake_groq, circuit_breaker=policy) as client:
        since = await opened(client, fake_groq)
        make = partial(client.chat.completions.create, **ask("a"))
        attempts = client.race([make]) if method == "race" else client.hedge(make, after=60.0)
        if on_open == "wait":
            assert texts(await attempts) == "You said: a"
            assert trio.current_time() == since + OPEN_FOR
        else:
            with pytest.raises(CircuitOpenError):
                await attempts
            assert trio.current_time() == since


@pytest.mark.parametrize("on_open", ["wait", "fail"])
async def test_fallback_asks_the_next_model_at_once_and_the_last_as_any_call(
    fake_groq: FakeGroq, autojump_clock: MockClock, on_open: Any
) -> None:
    policy = CircuitBreakerPolicy(failure_threshold=1, success_threshold=1, on_open=on_open)
    async with opening(fake_groq, circuit_breaker=policy) as client:
        since = await opened(client, fake_groq)
        question = {"messages": ask("a")["messages"], "stop": "\n"}
        attempt = client.fallback([MODEL, "llama-3.3-70b-versatile"], question)
        if on_open == "wait":
            assert texts(await attempt) == "You said: a"
            assert attempt.winner == 1
            assert trio.current_time() == since + OPEN_FOR
        else:
            with pytest.raises(CircuitOpenError):
                await attempt
            assert trio.current_time() == since
        assert isinstance(attempt.errors[0], CircuitOpenError)


async def test_what_a_function_leaves_running_is_under_no_rule(
    fake_groq: FakeGroq, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    """`map` waits for an open circuit; a task that has outlived it does as its client says."""
    ended = trio.Event()
    failures: list[CircuitOpenError] = []

    async def background(client: GroqClient) -> None:
        await ended.wait()
        try:
            await client.chat.completions.create(**ask("later"))
        except CircuitOpenError as error:
            failures.append(error)

    async def asked(client: GroqClient) -> str:
        nursery.start_soon(background, client)
        return "done"

    breaker = CircuitBreakerPolicy(failure_threshold=1)
    config = ClientConfig(
        api_key="gsk_test",
        base_url=fake_groq.url,
        circuit_breaker=breaker,
        retry=RetryPolicy(max_retries=0),
    )
    async with GroqClient(config=config) as client:
        async with client.map([partial(asked, client)], max_in_flight=1) as outcomes:
            assert [outcome.unwrap() async for outcome in outcomes] == ["done"]
        fake_groq.enqueue(Reply.error(503, "down"))
        with pytest.raises(InternalServerError):
            await client.chat.completions.create(**ask("now"))
        ended.set()
        await wait_all_tasks_blocked()
        assert len(failures) == 1
