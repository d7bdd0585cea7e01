"""What calls over a real socket tell their observers."""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from observe.recording import Recording
from observe.told_events import Heard
from streaming import DONE, sent, text
from trio_groq import ChatStream, CircuitBreakerPolicy, ClientConfig, GroqClient
from trio_groq._hooks import (
    CallCancelled,
    CallFailed,
    CallFinished,
    CircuitChanged,
    ClientStarted,
    Event,
    FirstToken,
)
from trio_groq.errors import (
    APIConnectionError,
    APITimeoutError,
    CircuitOpenError,
    ConfigurationError,
    InternalServerError,
    InvalidRequestError,
    RateLimitError,
    StreamError,
)
from trio_groq.observe import LoggingObserver
from trio_groq.observe.logging import TRACE
from trio_groq.testing import FakeGroq, Fault, Reply

KEY = "gsk_0123456789abcdefghijklmnopqrstuvWXYZ"
MODEL = "llama-3.1-8b-instant"
ASK: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
SENT = ["ClientStarted", "CallStarted", "AttemptStarted", "ResponseHead"]
SPEECH: dict[str, Any] = {
    "model": "playai-tts",
    "voice": "Fritz-PlayAI",
    "input": "Hello",
    "response_format": "wav",
}


@asynccontextmanager
async def observed(server: FakeGroq, **fields: Any) -> AsyncIterator[tuple[GroqClient, Heard]]:
    """A client, and what it tells. At the end no connection is held, and every call has ended."""
    heard = Heard()
    given = {"api_key": KEY, "base_url": server.url, "observers": (heard,)} | fields
    async with GroqClient(config=ClientConfig(**given)) as client:
        yield client, heard
        assert client.pool.statistics().leased == 0
    names = heard.names()
    ended = sum(names.count(name) for name in ("CallFinished", "CallFailed", "CallCancelled"))
    assert ended == names.count("CallStarted")


def finished(heard: Heard) -> CallFinished:
    event = heard.events[-1]
    assert isinstance(event, CallFinished)
    return event


def failed(heard: Heard) -> CallFailed:
    event = heard.events[-1]
    assert isinstance(event, CallFailed)
    return event


async def test_a_whole_answer(fake_groq: FakeGroq) -> None:
    async with observed(fake_groq) as (client, heard):
        completion = await client.chat.completions.create(**ASK)
    assert heard.names() == [*SENT, "CallFinished"]
    done = finished(heard)
    assert done.usage is not None
    assert completion.usage is not None
    assert completion.meta is not None
    assert done.usage.output_tokens == completion.usage.completion_tokens
    assert (done.response_id, done.response_model) == (completion.id, MODEL)
    assert done.finish_reasons == ("stop",)
    assert done.meta.request_id == completion.meta.request_id
    assert (done.chunks, done.first_token) == (0, None)
    assert done.value == completion
    started = done.call
    assert (started.operation, started.model, started.stream) == ("chat.completions", MODEL, False)
    assert started.server_port == int(fake_groq.url.rpartition(":")[2])
    assert b"Hello" in started.content


@pytest.mark.parametrize("by", ["chunks", "batches", "text", "until_done", "create"])
async def test_a_stream_to_its_end(by: str, fake_groq: FakeGroq) -> None:
    async with observed(fake_groq) as (client, heard):
        if by == "create":
            stream = await client.chat.completions.create(**ASK, stream=True)
        else:
            stream = client.chat.completions.stream(**ASK)
        async with stream:
            match by:
                case "batches":
                    async for _ in stream.batches():
                        pass
                case "text":
                    async for _ in stream.text_deltas():
                        pass
                case "until_done":
                    await stream.until_done()
                case _:
                    async for _ in stream:
                        pass
            done = finished(heard)
    assert heard.names() == [*SENT, "FirstToken", "CallFinished"]
    assert done.complete
    assert done.value == stream.completion
    assert done.usage is not None
    assert done.finish_reasons == ("stop",)
    assert done.chunks > 2
    assert done.first_token is not None
    assert 0 <= done.first_token <= done.seconds
    assert 0 <= done.chunk_seconds <= done.seconds


@pytest.mark.parametrize("number", [1, 500])
async def test_nothing_is_told_for_each_chunk(number: int, fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(*[text("x")] * number, text("", "stop"), DONE))
    async with (
        observed(fake_groq) as (client, heard),
        client.chat.completions.stream(**ASK) as stream,
    ):
        await stream.until_done()
    assert heard.names() == [*SENT, "FirstToken", "CallFinished"]
    assert finished(heard).chunks == number + 1


async def test_without_observers_nothing_is_kept_and_nothing_counted(
    fake_groq: FakeGroq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trio_groq._shared.application_logs", bool)  # the test runner logs
    async with GroqClient(KEY, base_url=fake_groq.url) as client:
        assert client._caller.hooks is None
        async with client.chat.completions.stream(**ASK) as stream:
            response = stream._opened()
            assert response.wants_chunks
            await stream.__anext__()
            assert response.watch is None
            assert not response.wants_chunks
        assert client.latency() == {}


async def test_a_stream_that_its_reader_closes(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="one two three four", tokens_per_second=100))
    async with (
        observed(fake_groq) as (client, heard),
        client.chat.completions.stream(**ASK) as stream,
    ):
        await stream.__anext__()
    assert not finished(heard).complete
    assert heard.names()[-2:] == ["FirstToken", "CallFinished"]


async def test_a_stream_whose_reader_fails(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="one two three four", tokens_per_second=100))
    async with observed(fake_groq) as (client, heard):
        with pytest.raises(ZeroDivisionError):
            async with client.chat.completions.stream(**ASK):
                raise ZeroDivisionError
    assert not finished(heard).complete


async def test_a_stream_that_is_cancelled(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(text("x"), end=b""))
    async with observed(fake_groq) as (client, heard):
        with trio.CancelScope() as scope:
            async with client.chat.completions.stream(**ASK) as stream:
                await stream.__anext__()
                scope.cancel()
                await stream.__anext__()
    assert isinstance(heard.events[-1], CallCancelled)


async def test_a_stream_that_is_cancelled_while_its_reader_works(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(text("x"), end=b""))
    async with observed(fake_groq) as (client, heard):
        with trio.CancelScope() as scope:
            async with client.chat.completions.stream(**ASK) as stream:
                await stream.__anext__()
                scope.cancel()
                await trio.sleep_forever()
    assert isinstance(heard.events[-1], CallCancelled)


async def test_a_stream_that_is_cancelled_before_it_is_entered(fake_groq: FakeGroq) -> None:
    async with observed(fake_groq) as (client, heard):
        with trio.CancelScope() as scope:
            stream = await client.chat.completions.create(**ASK, stream=True)
            scope.cancel()
            async with stream:
                raise AssertionError
    assert isinstance(heard.events[-1], CallCancelled)


async def test_a_stream_that_is_cut_off(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(text("x"), end=b"", close=True))
    async with observed(fake_groq) as (client, heard):
        with pytest.raises(StreamError) as raised:
            async with client.chat.completions.stream(**ASK) as stream:
                await stream.until_done()
    assert failed(heard).error is raised.value
    assert raised.value.partial.choices[0].message.content == "x"
    assert raised.value.request_id == "req_1"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_stream_that_is_dropped(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(text("x"), end=b""))
    async with observed(fake_groq) as (client, heard):
        stream: ChatStream | None = await client.chat.completions.create(**ASK, stream=True)
        del stream
        gc.collect()
        await trio.testing.wait_all_tasks_blocked()
        assert not finished(heard).complete


async def test_a_response_s_stream(fake_groq: FakeGroq) -> None:
    async with (
        observed(fake_groq) as (client, heard),
        client.responses.stream(model="openai/gpt-oss-20b", input="Hello") as stream,
    ):
        whole = await stream.until_done()
    assert heard.names() == [*SENT, "FirstToken", "CallFinished"]
    done = finished(heard)
    assert (done.call.operation, done.complete, done.value) == ("responses", True, whole)
    assert done.usage is not None
    assert done.chunks > 5


async def test_a_response_s_stream_that_is_cancelled(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="one two three", first_token_delay=60))
    async with observed(fake_groq) as (client, heard):
        with trio.CancelScope() as scope:
            async with client.responses.stream(model="openai/gpt-oss-20b", input="x") as stream:
                scope.cancel()
                await stream.until_done()
    assert isinstance(heard.events[-1], CallCancelled)


# -- attempts


async def test_attempts_are_told(
    fake_groq: FakeGroq, autojump_clock: trio.testing.MockClock
) -> None:
    fake_groq.enqueue(Reply.error(500, "failed"))
    async with observed(fake_groq) as (client, heard):
        await client.models.list()
    attempt = ["AttemptStarted", "ResponseHead"]
    retried = ["AttemptFailed", "Waited"]
    expected = ["ClientStarted", "CallStarted", *attempt, *retried, *attempt, "CallFinished"]
    assert heard.names() == expected
    events: list[Any] = heard.events
    assert events[4].wait == events[5].seconds == pytest.approx(events[6].waited)
    assert events[5].reason == "retry"
    assert finished(heard).meta.attempts == 2


async def test_the_last_failure_is_the_call_s(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.error(500, "failed"))
    async with observed(fake_groq) as (client, heard):
        with pytest.raises(InternalServerError) as raised:
            await client.with_options(max_retries=0).models.list()
    assert heard.names() == [*SENT, "AttemptFailed", "CallFailed"]
    assert failed(heard).error is raised.value
    assert failed(heard).attempts == 1
    assert getattr(heard.events[-2], "wait", 0) is None


async def test_a_limit_that_is_reached(
    fake_groq: FakeGroq, autojump_clock: trio.testing.MockClock
) -> None:
    limited = Reply.error(429, "slow down", type="tokens", retry_after=7)
    fake_groq.enqueue(limited)
    async with observed(fake_groq) as (client, heard):
        await client.chat.completions.create(**ASK)
    names = heard.names()
    failed_at = names.index("AttemptFailed")
    assert names[failed_at + 1 : failed_at + 3] == ["RateLimited", "Waited"]
    events: list[Any] = heard.events[failed_at:]
    assert isinstance(events[0].error, RateLimitError)
    assert events[1].until - heard.events[1].at == pytest.approx(7, abs=0.1)  # type: ignore[union-attr]  # the call's start
    assert (events[2].reason, events[2].seconds) == ("gates", pytest.approx(7, abs=0.1))


async def test_a_call_that_is_cancelled_before_its_answer(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="x", first_token_delay=60))
    async with observed(fake_groq) as (client, heard):
        with trio.move_on_after(0.01) as scope:
            await client.chat.completions.create(**ASK)
        assert scope.cancelled_caught
    assert heard.names()[-1] == "CallCancelled"


async def test_a_call_that_is_never_sent(fake_groq: FakeGroq) -> None:
    async with observed(fake_groq) as (client, heard):
        with pytest.raises(InvalidRequestError):
            await client.models.list(extra_headers={"Host": "elsewhere"})
    assert heard.names() == ["ClientStarted", "CallStarted", "AttemptStarted", "CallFailed"]
    assert isinstance(failed(heard).error, InvalidRequestError)


async def test_a_circuit_that_opens_and_closes(
    fake_groq: FakeGroq, autojump_clock: trio.testing.MockClock
) -> None:
    policy = CircuitBreakerPolicy(failure_threshold=1, success_threshold=1)
    fake_groq.enqueue(Reply.error(500, "failed"))
    async with observed(fake_groq, circuit_breaker=policy) as (client, heard):
        with pytest.raises(InternalServerError):
            await client.models.list()
        with pytest.raises(CircuitOpenError):
            await client.models.list()
        assert heard.names()[-2:] == ["CallStarted", "CallFailed"]
        await trio.sleep(31)
        await client.models.list()
    changes = [event for event in heard.events if isinstance(event, CircuitChanged)]
    assert [(event.before, event.after) for event in changes] == [
        ("closed", "open"),
        ("open", "half-open"),
        ("half-open", "closed"),
    ]
    assert {event.origin for event in changes} == {fake_groq.url}
    assert [event.open_for for event in changes] == [30.0, None, None]
    started = heard.events[0]
    assert isinstance(started, ClientStarted)
    assert started.circuit == fake_groq.url


async def test_a_client_without_a_breaker_tells_of_no_circuit(fake_groq: FakeGroq) -> None:
    async with observed(fake_groq, circuit_breaker=None) as (_, heard):
        started = heard.events[0]
    assert isinstance(started, ClientStarted)
    assert started.circuit is None


# -- other responses


async def test_audio_is_over_when_it_was_read(fake_groq: FakeGroq) -> None:
    async with observed(fake_groq) as (client, heard):
        async with await client.audio.speech.create(**SPEECH) as audio:
            assert heard.names() == SENT
            await audio.read()
        assert heard.names() == [*SENT, "CallFinished"]
    assert finished(heard).complete
    assert finished(heard).value is None


async def test_audio_that_is_closed_unread(fake_groq: FakeGroq) -> None:
    async with observed(fake_groq) as (client, heard):
        await (await client.audio.speech.create(**SPEECH)).aclose()
    assert not finished(heard).complete


async def test_audio_that_breaks_off(fake_groq: FakeGroq) -> None:
    whole = Reply(body=b"x" * 4000, content_type="audio/wav")
    fake_groq.enqueue(
        attrs.evolve(whole, fault=Fault.truncate(2000)),
        attrs.evolve(whole, fault=Fault.truncate(2000)),
    )
    async with observed(fake_groq) as (client, heard):
        with pytest.raises(APIConnectionError):
            await (await client.audio.speech.create(**SPEECH)).read()
        assert isinstance(failed(heard).error, APIConnectionError)
        audio = await client.audio.speech.create(**SPEECH)
        with pytest.raises(APIConnectionError):
            async for _ in audio.aiter_bytes():
                pass
        assert isinstance(failed(heard).error, APIConnectionError)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_audio_that_is_dropped(fake_groq: FakeGroq) -> None:
    async with observed(fake_groq) as (client, heard):
        await client.audio.speech.create(**SPEECH)
        gc.collect()
        await trio.testing.wait_all_tasks_blocked()
        assert not finished(heard).complete


async def test_raw_and_streaming_responses(fake_groq: FakeGroq) -> None:
    async with observed(fake_groq) as (client, heard):
        await client.chat.completions.with_raw_response.create(**ASK)
        assert heard.names() == [*SENT, "CallFinished"]
        assert finished(heard).usage is None
        async with client.chat.completions.with_streaming_response.create(**ASK) as response:
            await response.read()
        assert finished(heard).complete
        assert heard.names().count("CallFinished") == 2


# -- observers


class Unlucky:
    def on_event(self, event: Event, /) -> None:
        raise RuntimeError(type(event).__name__)

    def headers_for(self, call: Any, /) -> dict[str, str]:
        raise RuntimeError


async def test_an_observer_that_raises_breaks_nothing(
    fake_groq: FakeGroq, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()
    async with observed(fake_groq, observers=(Unlucky(), heard)) as (client, _):
        await client.chat.completions.create(**ASK)
        async with client.chat.completions.stream(**ASK) as stream:
            assert (await stream.until_done()).choices
    assert heard.names().count("CallFinished") == 2
    assert caplog.text.count("observer Unlucky raised") == 1


async def test_header_fields_of_an_observer_reach_the_server(fake_groq: FakeGroq) -> None:
    recording = Recording(propagate=True)
    async with observed(fake_groq, observers=(recording.observer,)) as (client, _):
        await client.models.list()
    context = recording.span().context
    assert context is not None
    (request,) = fake_groq.requests
    assert (
        f"{context.trace_id:032x}-{context.span_id:016x}"
        in dict(request.headers)[b"traceparent"].decode()
    )


async def test_a_span_covers_a_stream_and_is_current_nowhere(fake_groq: FakeGroq) -> None:
    recording = Recording()
    tracer = recording.tracers.get_tracer("mine")
    async with (
        observed(fake_groq, observers=(recording.observer,)) as (client, _),
        client.chat.completions.stream(**ASK) as stream,
    ):
        await stream.__anext__()
        assert recording.spans() == []
        with tracer.start_as_current_span("mine") as mine:
            assert getattr(mine, "parent", None) is None
        await stream.until_done()
    names = {span.name for span in recording.spans()}
    assert names == {f"chat {MODEL}", "mine"}
    ((_, point),) = recording.points("gen_ai.client.operation.time_per_output_chunk")
    assert point.count == 1


async def test_latency_is_tracked_when_asked_for(fake_groq: FakeGroq) -> None:
    async with observed(fake_groq, observers=(), track_latency=True) as (client, _):
        await client.chat.completions.create(**ASK)
        async with client.with_options(timeout=9).chat.completions.stream(**ASK) as stream:
            await stream.until_done()
        latency = client.latency()[MODEL]
    assert latency.total.count == 2
    assert latency.first_token is not None
    assert latency.first_token.count == 1
    assert latency.tokens_per_second is not None


async def test_a_client_says_how_it_is_set_up(fake_groq: FakeGroq) -> None:
    async with observed(fake_groq) as (_, heard):
        pass
    (started,) = heard.events
    assert isinstance(started, ClientStarted)
    assert started.base_url == fake_groq.url
    assert "retry.max_retries" in started.settings
    assert KEY[4:-4] not in started.settings


def test_observers_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="observers: expected objects with on_event"):
        ClientConfig(observers=(print,))  # type: ignore[arg-type]  # what is refused


async def test_the_log_level_is_obeyed(
    fake_groq: FakeGroq, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = logging.getLogger("trio_groq")
    before = [*logger.handlers], logger.level
    try:
        async with observed(fake_groq, observers=(), log_level="info") as (client, _):
            await client.models.list()
    finally:
        logger.handlers[:], logger.level = before
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "trio_groq.security: client for" in lines[0]
    assert "models: finished in" in lines[1]


async def test_no_observer_is_told_the_key(
    fake_groq: FakeGroq, caplog: pytest.LogCaptureFixture
) -> None:
    recording, heard = Recording(capture_content=True, propagate=True), Heard()
    fake_groq.enqueue(Reply.error(401, f"Invalid API Key {KEY}", code="invalid_api_key"))
    observers = (LoggingObserver(), recording.observer, heard)
    ask = ASK | {"messages": [{"role": "user", "content": f"My key is {KEY}"}]}
    with caplog.at_level(TRACE, "trio_groq"):
        async with observed(fake_groq, observers=observers, default_headers={"x": KEY}) as (
            client,
            _,
        ):
            with pytest.raises(Exception, match="Invalid API Key"):
                await client.chat.completions.create(**ask)
            await client.chat.completions.create(**ask)
    assert "the key was refused with status 401" in caplog.text
    assert "sends" in caplog.text
    told = caplog.text + "".join(str(span.to_json()) for span in recording.spans())
    told += "".join(repr(event) for event in heard.events if not isinstance(event, CallFailed))
    assert KEY[4:-4] not in told.replace(f"Invalid API Key {KEY}", "")


async def test_a_timeout_is_a_failure(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="x y", first_token_delay=60))
    async with observed(fake_groq) as (client, heard):
        with pytest.raises(APITimeoutError):
            async with client.chat.completions.stream(**ASK, timeout=0.05) as stream:
                await stream.until_done()
    assert isinstance(failed(heard).error, APITimeoutError)
    assert not [event for event in heard.events if isinstance(event, FirstToken)]
