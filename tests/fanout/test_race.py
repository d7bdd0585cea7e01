"""`race`: all at once, the first to succeed. `fallback`: one model after the other."""

from typing import Any

import pytest
import trio

from cancellation import assert_whole
from fanning import Meter, ask, by_model, client_for, keyed, texts
from trio_groq import CircuitBreakerPolicy, ClientConfig, GroqClient
from trio_groq.errors import (
    AuthenticationError,
    CircuitOpenError,
    GroqError,
    InternalServerError,
    InvalidRequestError,
    ModelNotFoundError,
    RateLimitError,
)
from trio_groq.fanout.race import fallback, race
from trio_groq.testing import FakeGroq, Reply

A, B, C = "llama-3.1-8b-instant", "llama-3.3-70b-versatile", "openai/gpt-oss-20b"


async def test_the_first_success_cancels_the_others(autojump_clock: Any) -> None:
    meter = Meter()
    attempt = race(meter.calls(3, 1, 2))
    assert await attempt == 1
    assert trio.current_time() == 1
    assert (attempt.winner, attempt.started) == (1, 3)
    assert sorted(meter.cancelled) == [0, 2]


async def test_failures_are_no_success(autojump_clock: Any) -> None:
    meter = Meter()
    refused = RateLimitError("no", status_code=429)
    attempt = race([meter.call(0, 1, refused), meter.call(1, 2, KeyError("k")), meter.call(2, 3)])
    assert await attempt == 2
    assert list(attempt.errors) == [0, 1]


@pytest.mark.parametrize("on_error", ["raise", "group"])
async def test_where_all_fail(autojump_clock: Any, on_error: Any) -> None:
    meter = Meter()
    slow, fast = GroqError("slow"), GroqError("fast")
    attempt = race([meter.call(0, 2, slow), meter.call(1, 1, fast)], on_error=on_error)
    with pytest.raises(GroqError if on_error == "raise" else ExceptionGroup) as caught:
        await attempt
    if isinstance(caught.value, ExceptionGroup):
        assert caught.value.exceptions == (fast, slow)
    else:
        assert caught.value is slow
    assert attempt.winner is None


async def test_over_models_the_fastest_stream_is_kept(autojump_clock: Any) -> None:
    replies = {
        A: Reply(tokens=["a"], first_token_delay=3),
        B: Reply(tokens=["b", "!"], first_token_delay=1, token_interval=1),
        C: Reply.error(500, "no"),
    }
    async with FakeGroq(default_reply=by_model(replies)) as server, client_for(server) as client:

        def asking(model: str) -> Any:
            return lambda: client.chat.completions.stream(model=model, **params())

        async with race([asking(model) for model in (A, B, C)]) as stream:
            assert client.pool.statistics().leased == 1
            assert texts(await stream.until_done()) == "b!"
        assert assert_whole(client).leased == 0


@pytest.mark.parametrize(
    ("calls", "path"), [([], "calls"), ([3], "calls[0]")], ids=["none", "no function"]
)
async def test_calls_are_checked(calls: Any, path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        race(calls)
    assert caught.value.path == path


# -- fallback


def params() -> dict[str, Any]:
    asked: dict[str, Any] = {**ask("x")}
    del asked["model"]
    return asked


def falling(client: GroqClient, *models: str, **options: Any) -> Any:
    return fallback(client._caller, models, params(), **options)


BUSY = {"message": "busy", "type": "server_error", "status_code": 503}
REFUSED = Reply.error(429, "no")
REPLIES = {A: REFUSED, B: Reply.error(503, "busy"), C: Reply(tokens=["c", "!"])}


@pytest.mark.parametrize("stream", [False, True])
async def test_the_next_model_is_asked(autojump_clock: Any, stream: bool) -> None:
    async with FakeGroq(default_reply=by_model(REPLIES)) as server, client_for(server) as client:
        attempt = falling(client, A, B, C, stream=stream)
        assert attempt.model is None
        async with attempt as value:
            assert texts(await value.until_done() if stream else value) == "c!"
        assert [attempt.model, attempt.winner, attempt.started] == [C, 2, 3]
        assert [type(error) for error in attempt.errors.values()] == [
            RateLimitError,
            InternalServerError,
        ]
        assert [request.params["model"] for request in server.requests] == [A, B, C]
        assert_whole(client)


async def test_no_model_is_asked_needlessly(autojump_clock: Any) -> None:
    async with FakeGroq() as server, client_for(server) as client:
        assert texts(await falling(client, C, A)) == "You said: x"
        assert server.requests_served == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_a_model_that_is_refused_is_not_waited_for(autojump_clock: Any, stream: bool) -> None:
    replies = {A: Reply.error(429, "no", retry_after=30), B: Reply(content="b")}
    async with FakeGroq(default_reply=by_model(replies)) as server:
        config = ClientConfig(api_key="gsk_test", base_url=server.url)
        async with GroqClient(config=config) as client:
            started = trio.current_time()
            for _ in range(2):
                async with falling(client, A, B, stream=stream) as value:
                    assert texts(await value.until_done() if stream else value) == "b"
            assert trio.current_time() == started
            # A was asked once: the second time its gate was closed.
            assert [request.params["model"] for request in server.requests] == [A, B, B]
            assert_whole(client)


async def test_a_service_that_is_down_is_called_so(autojump_clock: Any) -> None:
    policy = CircuitBreakerPolicy(failure_threshold=2, on_open="wait")
    async with FakeGroq(default_reply=by_model(REPLIES)) as server:
        config = ClientConfig(api_key="gsk_test", base_url=server.url, circuit_breaker=policy)
        async with GroqClient(config=config, max_retries=0) as client:
            for _ in range(2):
                with pytest.raises(InternalServerError):
                    await falling(client, B)
            started = trio.current_time()
            attempt = falling(client, B, C)
            assert texts(await attempt) == "c!"
    error = attempt.errors[0]
    assert isinstance(error, CircuitOpenError)
    assert error.retry_at == started + 30.0
    assert [request.params["model"] for request in server.requests] == [B, B, C]


async def test_the_last_model_is_asked_with_patience(autojump_clock: Any) -> None:
    async with FakeGroq(default_reply=Reply(content="b")) as server:
        server.enqueue(Reply.error(503, "busy"), Reply.error(503, "busy"))
        config = ClientConfig(api_key="gsk_test", base_url=server.url)
        async with GroqClient(config=config) as client:
            assert texts(await falling(client, A, B)) == "b"
    assert [request.params["model"] for request in server.requests] == [A, B, B]


async def test_other_errors_are_raised_at_once(autojump_clock: Any) -> None:
    replies = {A: Reply.error(401, "key"), B: Reply(content="b")}
    async with FakeGroq(default_reply=by_model(replies)) as server, client_for(server) as client:
        with pytest.raises(AuthenticationError):
            await falling(client, A, B)
        assert server.requests_served == 1
        assert texts(await falling(client, A, B, on=AuthenticationError)) == "b"


async def test_a_model_that_is_gone(fake_groq: FakeGroq) -> None:
    async with client_for(fake_groq) as client:
        attempt = falling(client, "gone", A)
        assert texts(await attempt) == "You said: x"
        assert isinstance(attempt.errors[0], ModelNotFoundError)


@pytest.mark.parametrize("on_error", ["raise", "group"])
async def test_where_no_model_answers(autojump_clock: Any, on_error: Any) -> None:
    async with FakeGroq(default_reply=by_model(REPLIES)) as server, client_for(server) as client:
        attempt = falling(client, A, B, on_error=on_error)
        with pytest.raises((InternalServerError, ExceptionGroup)) as caught:
            await attempt
    if on_error == "group":
        assert isinstance(caught.value, ExceptionGroup)
        assert list(caught.value.exceptions) == list(attempt.errors.values())
    else:
        first, last = attempt.errors.values()
        assert caught.value is last
        assert caught.value.__notes__ == [f"attempt 0 failed before: RateLimitError: {first}"]


async def test_a_stream_falls_back_before_its_first_token_only(autojump_clock: Any) -> None:
    replies = {
        A: Reply(tokens=["a"], error_event=BUSY, error_after=0),
        B: Reply(tokens=["b", "c"], error_event=BUSY, error_after=1),
        C: Reply(tokens=["c"]),
    }
    async with FakeGroq(default_reply=by_model(replies)) as server, client_for(server) as client:
        attempt = falling(client, A, B, C, stream=True)
        async with attempt as stream:
            with pytest.raises(InternalServerError) as caught:
                await stream.until_done()
        assert attempt.model == B
        assert texts(caught.value.partial) == "b"
        assert_whole(client)


@pytest.mark.parametrize(
    ("models", "given", "path"),
    [
        ([], {}, "models"),
        ([3], {}, "models"),
        ([A], {"model": A}, "model"),
        ([A], {"stream": True}, "stream"),
        ([A], 3, "params"),
    ],
)
async def test_arguments_are_checked(models: Any, given: Any, path: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        fallback(keyed()._caller, models, given)
    assert caught.value.path == path


async def test_one_model_is_a_list_of_one(fake_groq: FakeGroq) -> None:
    async with client_for(fake_groq) as client:
        attempt = fallback(client._caller, A, params())
        assert texts(await attempt) == "You said: x"
        assert attempt.model == A
