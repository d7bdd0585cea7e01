"""What a stream's beginning says of the service, and what its errors say of its attempts."""

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from streaming import ASK, DONE, HEAD, client_of, event, read, sent, text
from trio_groq import CircuitBreakerPolicy, ClientConfig, GroqClient, RetryPolicy, Timeouts
from trio_groq.errors import APIError, APIStatusError, CircuitOpenError, RateLimitError
from trio_groq.testing import FakeGroq, Fault, Reply

ROLE = event({"choices": [{"index": 0, "delta": {"role": "assistant"}}]})
DOWN = event({"error": {"message": "down", "status_code": 503}})
GOOD = sent(text("a", "stop"), DONE)


def state(client: GroqClient) -> str:
    (only,) = client.gate_statistics().circuits.values()
    return only


async def attempt(client: GroqClient, **options: Any) -> BaseException | None:
    return (await read(client.chat.completions.stream(**ASK, **options)))[1]


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(sent(DOWN), id="an-error"),
        pytest.param(sent(ROLE, DOWN), id="an-error-behind-the-role"),
        pytest.param(sent(close=True), id="nothing"),
        pytest.param(Reply(content="a", fault=Fault.reset(300)), id="a-reset"),
        pytest.param(Reply(content="a", first_token_delay=3.0), id="silence"),
    ],
)
async def test_a_stream_that_fails_before_its_first_token_is_a_failure(
    reply: Reply, autojump_clock: MockClock
) -> None:
    limits = Timeouts(first_token=1.0)
    async with (
        FakeGroq(default_reply=reply) as server,
        client_of(server, timeout=limits, max_retries=0) as client,
    ):
        for number in range(5):
            assert state(client) == "closed" if number else True
            assert isinstance(await attempt(client), APIError)
        assert state(client) == "open"
        assert isinstance(await attempt(client), CircuitOpenError)
        assert len(server.requests) == 5


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(sent(text("a"), DOWN), id="after-the-first-token"),
        pytest.param(sent(event({"error": {"message": "no", "status_code": 400}})), id="no-fault"),
        pytest.param(sent(DONE), id="an-end"),
        pytest.param(sent(b"data: no JSON\n\n"), id="no-chunk"),
    ],
)
async def test_what_is_no_failure_of_the_service(fake_groq: FakeGroq, reply: Reply) -> None:
    async with client_of(fake_groq) as client:
        for _ in range(8):
            fake_groq.enqueue(reply)
            await attempt(client)
        assert state(client) == "closed"


async def test_a_failure_later_on_leaves_the_proof_standing(fake_groq: FakeGroq) -> None:
    """Four failures, a stream that begins well, four more: never five in a row."""
    async with client_of(fake_groq) as client:
        for reply in [*[sent(DOWN)] * 4, sent(text("a"), DOWN), *[sent(DOWN)] * 4]:
            fake_groq.enqueue(reply)
            await attempt(client)
        assert state(client) == "closed"


async def test_a_caller_s_short_limit_on_the_first_token_says_nothing(
    autojump_clock: MockClock,
) -> None:
    slow = Reply(content="a", first_token_delay=3.0)
    async with FakeGroq(default_reply=slow) as server, client_of(server, max_retries=0) as client:
        for _ in range(8):
            assert isinstance(await attempt(client, timeout=Timeouts(first_token=0.5)), APIError)
        assert state(client) == "closed"


def one_probe(server: FakeGroq) -> ClientConfig:
    breaker = CircuitBreakerPolicy(failure_threshold=1, success_threshold=1)
    return ClientConfig(
        api_key="gsk_test",
        base_url=server.url,
        circuit_breaker=breaker,
        retry=RetryPolicy(max_retries=0),
    )


async def half_open(client: GroqClient, server: FakeGroq) -> None:
    server.enqueue(sent(DOWN))
    await attempt(client)
    assert state(client) == "open"
    await trio.sleep(30)


async def test_a_probe_proves_something_with_its_first_token(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    async with GroqClient(config=one_probe(fake_groq)) as client:
        await half_open(client, fake_groq)
        fake_groq.enqueue(Reply(content="a b", first_token_delay=2.0, token_interval=1.0))
        async with client.chat.completions.stream(**ASK) as stream:
            assert state(client) == "half-open"
            assert isinstance(await attempt(client), CircuitOpenError)
            while not client.is_available() or state(client) != "closed":
                await anext(stream)
            assert stream.response.timings.first_token == 2.0
            assert state(client) == "closed"


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_probe_that_is_given_up_before_its_first_token(
    fake_groq: FakeGroq, autojump_clock: MockClock, *, is_cancelled: bool
) -> None:
    """Closed by its reader, it began well; cancelled, it proves nothing, and another is let in."""
    async with GroqClient(config=one_probe(fake_groq)) as client:
        await half_open(client, fake_groq)
        fake_groq.enqueue(Reply(content="a b", first_token_delay=2.0))
        with trio.move_on_after(1.0):
            async with client.chat.completions.stream(**ASK) as stream:
                if is_cancelled:
                    await stream.until_done()
        assert state(client) == ("half-open" if is_cancelled else "closed")
        fake_groq.enqueue(GOOD)
        assert await attempt(client) is None
        assert state(client) == "closed"


@pytest.mark.parametrize("way", ["read", "iter_bytes"])
async def test_a_raw_stream_is_on_trial_as_well(
    fake_groq: FakeGroq, autojump_clock: MockClock, way: str
) -> None:
    async with GroqClient(config=one_probe(fake_groq)) as client:
        completions = client.chat.completions.with_streaming_response

        async def ask(reply: Reply) -> None:
            fake_groq.enqueue(reply)
            async with completions.create(stream=True, **ASK) as response:
                if way == "read":
                    await response.read()
                else:
                    async for _ in response.iter_bytes():
                        pass

        cut = Reply.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", close=True)
        with pytest.raises(APIError) as caught:
            await ask(cut)
        assert caught.value.attempts == len(caught.value.history) == 1
        assert state(client) == "open"
        await trio.sleep(30)
        await ask(GOOD)
        assert state(client) == "closed"


async def test_a_refusal_in_the_first_event_holds_the_model_s_calls_back(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    refusal = {"message": "Please try again in 7s.", "code": "rate_limit_exceeded"}
    fake_groq.enqueue(sent(event({"error": refusal})), GOOD)
    async with client_of(fake_groq) as client:
        started = trio.current_time()
        error = await attempt(client)
        assert isinstance(error, RateLimitError)
        assert trio.current_time() == started
        assert await attempt(client) is None
        assert trio.current_time() == started + 7.0
        assert state(client) == "closed"
        assert client.gate_statistics().rate_limit_waits == 1


# -- attempts and history


async def test_an_error_while_reading_tells_all_attempts(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(503, "later"), sent(text("a"), DOWN))
    async with client_of(fake_groq, max_retries=RetryPolicy(jitter=0)) as client:
        stream = client.chat.completions.stream(**ASK)
        await stream.open()
        await trio.sleep(0.25)
        error = (await read(stream))[1]
    assert isinstance(error, APIStatusError)
    assert error.attempts == 2
    first, last = error.history
    assert (first.number, first.status, first.wait) == (1, 503, 0.5)
    assert (last.number, last.status, last.wait) == (2, 503, None)
    assert (last.started, last.duration) == (0.5, 0.25)
    assert last.error.startswith("InternalServerError: ")
    assert last.request_id == "req_1"


async def test_an_error_that_is_raised_again_is_counted_once(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(text("a")))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        await anext(stream)
        for _ in range(2):
            with pytest.raises(APIError) as caught:
                await anext(stream)
            assert caught.value.attempts == len(caught.value.history) == 1


async def test_an_error_of_a_file_tells_its_attempts(
    fake_groq: FakeGroq, tmp_path: Path, autojump_clock: MockClock
) -> None:
    cut = b"HTTP/1.1 200 OK\r\nContent-Type: audio/wav\r\nContent-Length: 9\r\n\r\nabc"
    for way in ("read", "write_to_file"):
        fake_groq.enqueue(Reply.error(503, "later"), Reply.raw(cut, close=True))
        async with client_of(fake_groq) as client:
            speech = await client.audio.speech.create(
                model="playai-tts", input="Hello", voice="Fritz-PlayAI", response_format="wav"
            )
            arguments = [] if way == "read" else [tmp_path / "speech.wav"]
            with pytest.raises(APIError) as caught:
                await getattr(speech, way)(*arguments)
            assert caught.value.attempts == len(caught.value.history) == 2
            assert caught.value.request is not None
