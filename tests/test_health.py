"""`health_check`: what it finds is a result, whatever it is."""

import pytest
import trio
from trio.testing import MockClock

from trio_groq import GroqClient
from trio_groq._health import Health, health_check
from trio_groq.errors import APITimeoutError, AuthenticationError, GroqError, RateLimitError
from trio_groq.testing import DEFAULT_MODELS, FakeGroq, Fault, Reply


def client_of(server: FakeGroq) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url)


async def check(server: FakeGroq, **options: bool | str | float) -> Health:
    async with client_of(server) as client:
        return await health_check(client, **options)  # type: ignore[arg-type]  # by name


async def test_all_is_well(fake_groq: FakeGroq) -> None:
    found = await check(fake_groq)
    assert (found.status, found.ok, found.error, found.model) == ("ok", True, None, None)
    assert found.message == f"{len(DEFAULT_MODELS)} models listed"
    assert [request.path for request in fake_groq.requests] == ["/openai/v1/models"]


async def test_deep_has_a_small_model_answer(fake_groq: FakeGroq) -> None:
    found = await check(fake_groq, deep=True)
    assert (found.status, found.message) == ("ok", "openai/gpt-oss-20b answered")
    assert (found.deep, found.model) == (True, "openai/gpt-oss-20b")
    assert fake_groq.requests[1].params["max_completion_tokens"] == 1


async def test_deep_with_a_model_of_ones_own(fake_groq: FakeGroq) -> None:
    found = await check(fake_groq, deep=True, model="qwen/qwen3-32b")
    assert (found.ok, found.model) == (True, "qwen/qwen3-32b")


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        (["whisper-large-v3", "my/own"], "my/own"),
        (["whisper-large-v3", "qwen/qwen3-32b"], "qwen/qwen3-32b"),
    ],
)
async def test_deep_asks_a_model_that_the_account_has(listed: list[str], chosen: str) -> None:
    async with FakeGroq(models=listed) as server:
        assert (await check(server, deep=True)).model == chosen


async def test_deep_without_a_model_to_ask() -> None:
    async with FakeGroq(models=["whisper-large-v3"]) as server:
        found = await check(server, deep=True)
    assert (found.status, found.model) == ("failed", None)
    assert found.message == "models: expected one that answers conversations, got 1 others"


async def test_a_model_that_is_not_active_is_not_asked(fake_groq: FakeGroq) -> None:
    models = [{"id": "openai/gpt-oss-20b", "active": False}, {"id": "llama-3.1-8b-instant"}]
    fake_groq.enqueue(Reply.json({"object": "list", "data": models}))
    assert (await check(fake_groq, deep=True)).model == "llama-3.1-8b-instant"


async def test_a_failure_is_a_result_and_nothing_is_repeated(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.error(503, "down"))
    found = await check(fake_groq)
    assert (found.status, found.ok) == ("failed", False)
    assert found.message.startswith("503 service unavailable: down")
    assert len(fake_groq.requests) == 1


async def test_a_wrong_key() -> None:
    async with FakeGroq(api_keys={"gsk_other"}) as server:
        found = await check(server)
    assert isinstance(found.error, AuthenticationError)
    assert found.error.__notes__
    assert "gsk_test" not in repr(found) + found.message


@pytest.mark.parametrize("status", [429, 498])
async def test_a_limit_is_no_failure(fake_groq: FakeGroq, status: int) -> None:
    fake_groq.enqueue(Reply.json({"object": "list", "data": []}), Reply.error(status, "wait"))
    async with client_of(fake_groq) as client:
        found = await health_check(client, deep=True, model="llama-3.1-8b-instant")
    assert (found.status, found.ok) == ("limited", False)
    assert status != 429 or isinstance(found.error, RateLimitError)


async def test_a_server_that_is_not_there() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    async with GroqClient("gsk_test", base_url=f"http://127.0.0.1:{port}") as client:
        found = await health_check(client)
    assert found.status == "failed"
    assert "connecting to" in found.message


async def test_it_takes_no_longer_than_it_may(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.json({}, fault=Fault.stall(30)))
    found = await check(fake_groq, timeout=3.0)
    assert isinstance(found.error, APITimeoutError)
    assert (found.status, found.latency) == ("failed", 3.0)


async def test_both_calls_share_the_time(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    slow = Reply.json({"object": "list", "data": [{"id": "openai/gpt-oss-20b"}]})
    fake_groq.enqueue(slow, Reply(content="Hi", first_token_delay=60.0))
    found = await check(fake_groq, deep=True, timeout=3.0)
    assert isinstance(found.error, APITimeoutError)
    assert found.latency == pytest.approx(3.0)


async def test_a_closed_client_is_a_result(fake_groq: FakeGroq) -> None:
    client = client_of(fake_groq)
    await client.aclose()
    found = await health_check(client)
    assert found.status == "failed"
    assert isinstance(found.error, GroqError)


async def test_a_cancellation_is_the_callers(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.json({}, fault=Fault.stall(30)))
    found: list[Health] = []
    with trio.move_on_after(1) as scope:
        found.append(await check(fake_groq))
    assert scope.cancelled_caught
    assert found == []


async def test_a_limit_that_was_met_before_is_no_failure(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    models = Reply.json({"object": "list", "data": []})
    fake_groq.enqueue(models, Reply.error(429, "wait", retry_after=3600), models)
    async with client_of(fake_groq) as client:
        first, found = [
            await health_check(client, deep=True, model="llama-3.1-8b-instant") for _ in range(2)
        ]
    assert (first.status, found.status) == ("limited", "limited")
    assert isinstance(found.error, APITimeoutError)
    assert found.error.retry_after == 3600.0
    assert found.message.endswith("got 3600 s to go")
