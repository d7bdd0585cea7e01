import logging
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from observe.told_events import Heard, meta, status_error
from trio_groq._api.requests import EVENT_STREAM, JSON, Call
from trio_groq._cancellation import is_cancellation
from trio_groq._hooks import (
    CallCancelled,
    CallFailed,
    CallFinished,
    CallStarted,
    CallWatch,
    CircuitChanged,
    Event,
    Hooks,
    RateLimited,
    operation_of,
)
from trio_groq._http.messages import Origin
from trio_groq.errors import APIConnectionError, RateLimitError
from trio_groq.types.responses import ResponseObject

ORIGIN = Origin("https", "api.groq.com", 443)
ASK = Call(
    method="POST",
    path="/openai/v1/chat/completions",
    body=b'{"model":"m"}',
    content_type=JSON,
    accept=EVENT_STREAM,
    model="m",
)
LOST = APIConnectionError("connection: expected it to last, got its end")


class Broken:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def on_event(self, event: Event, /) -> None:
        raise self.error


class Propagating(Heard):
    headers: dict[str, Any]

    def headers_for(self, call: CallStarted, /) -> dict[str, Any]:
        return self.headers | {"x-call": str(call.number)}


def watched(call: Call = ASK) -> tuple[CallWatch, Heard]:
    heard = Heard()
    watch, same = Hooks((heard,)).start(call, ORIGIN)
    assert same is call
    return watch, heard


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/openai/v1/chat/completions", "chat.completions"),
        ("/openai/v1/models", "models"),
        ("/openai/v1/models/openai/gpt-oss-20b", "models"),
        ("/openai/v1/batches/batch_1/cancel", "batches"),
        ("/openai/v1/audio/speech", "audio.speech"),
        ("/openai/v1/modelsandmore", "other"),
        ("/openai/v1/chat", "other"),
        ("/elsewhere/secret-of-mine", "other"),
    ],
)
def test_operations_are_few(path: str, operation: str) -> None:
    assert operation_of(path) == operation


async def test_a_call_begins(autojump_clock: trio.testing.MockClock) -> None:
    await trio.sleep(3)
    first, heard = watched()
    second, _ = watched()
    started = first.call
    assert heard.events == [started]
    assert second.call.number == started.number + 1
    assert (started.operation, started.model, started.stream) == ("chat.completions", "m", True)
    assert (started.server_address, started.server_port) == ("api.groq.com", 443)
    assert started.at == trio.current_time()
    assert started.content == b'{"model":"m"}'
    assert "model" not in repr(started).replace("model='m'", "")


async def test_only_json_is_content() -> None:
    form = Call(method="POST", path="/openai/v1/files", body=b"--", content_type="multipart/form")
    watch, _ = watched(form)
    assert watch.call.content == b""
    assert not watch.call.stream


async def test_attempts(autojump_clock: trio.testing.MockClock) -> None:
    watch, heard = watched()
    await trio.sleep(1)
    watch.waited("gates", 1.0)
    watch.attempt_started()
    watch.head_came(503, {"x-request-id": "req_1"})
    watch.attempt_failed(LOST, 2.0)
    await trio.sleep(2)
    watch.attempt_started()
    names = ["CallStarted", "Waited", "AttemptStarted", "ResponseHead", "AttemptFailed"]
    assert heard.names() == [*names, "AttemptStarted"]
    _, waited, first, head, lost, second = heard.events
    assert (getattr(waited, "reason", None), getattr(waited, "seconds", None)) == ("gates", 1.0)
    assert (getattr(first, "number", 0), getattr(first, "waited", 0)) == (1, 1.0)
    assert (getattr(head, "status", 0), getattr(head, "request_id", "")) == (503, "req_1")
    assert (getattr(lost, "number", 0), getattr(lost, "wait", 0)) == (1, 2.0)
    assert (getattr(second, "number", 0), getattr(second, "waited", 0)) == (2, 2.0)


@pytest.mark.parametrize(("named", "wait"), [(7.5, 7.5), (None, 1.0)])
async def test_a_reached_limit_has_a_record_of_its_own(
    named: float | None, wait: float, autojump_clock: trio.testing.MockClock
) -> None:
    watch, heard = watched()
    await trio.sleep(5)
    watch.attempt_started()
    error = status_error(RateLimitError, 429, type="tokens", retry_after=named)
    watch.attempt_failed(error, None)
    limited = heard.events[-1]
    assert isinstance(limited, RateLimited)
    assert limited.until == pytest.approx(trio.current_time() + wait)
    assert (limited.model, limited.limit) == ("m", "tokens")


async def test_a_stream_tells_its_first_token_and_counts_its_chunks(
    autojump_clock: trio.testing.MockClock,
) -> None:
    watch, heard = watched()
    watch.attempt_started()
    await trio.sleep(0.5)
    watch.first_token_came()
    for _ in range(4):
        watch.chunks_came(3)
        await trio.sleep(0.25)
    assert heard.names() == ["CallStarted", "AttemptStarted", "FirstToken"]
    watch.finished(None, meta(), complete=False)
    done = heard.events[-1]
    assert isinstance(done, CallFinished)
    assert (done.chunks, done.chunk_seconds, done.first_token) == (12, 0.75, 0.5)
    assert (done.seconds, done.complete) == (1.5, False)


async def test_what_a_completion_says_of_itself() -> None:
    watch, heard = watched()
    usage = {"prompt_tokens": 7, "completion_tokens": 8, "queue_time": 0.25}
    details = SimpleNamespace(cached_tokens=3), SimpleNamespace(reasoning_tokens=5)
    value = SimpleNamespace(
        id="chatcmpl-1",
        model="m-2",
        choices=[SimpleNamespace(finish_reason="stop"), SimpleNamespace(finish_reason=None)],
        usage=SimpleNamespace(
            **usage, prompt_tokens_details=details[0], completion_tokens_details=details[1]
        ),
    )
    watch.finished(value, meta())
    done = heard.events[-1]
    assert isinstance(done, CallFinished)
    assert (done.response_id, done.response_model) == ("chatcmpl-1", "m-2")
    assert done.finish_reasons == ("stop",)
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.output_tokens) == (7, 8)
    assert (done.usage.cached_tokens, done.usage.reasoning_tokens) == (3, 5)
    assert done.usage.queue_time == 0.25
    assert done.value is value


async def test_a_response_names_its_tokens_otherwise() -> None:
    watch, heard = watched()
    usage = SimpleNamespace(
        input_tokens=1,
        output_tokens=2,
        input_tokens_details=SimpleNamespace(cached_tokens=0),
        output_tokens_details=SimpleNamespace(reasoning_tokens=1),
    )
    watch.finished(SimpleNamespace(usage=usage), meta())
    done = heard.events[-1]
    assert isinstance(done, CallFinished)
    assert done.usage is not None
    assert (done.usage.input_tokens, done.usage.output_tokens) == (1, 2)
    assert (done.usage.cached_tokens, done.usage.reasoning_tokens) == (0, 1)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {"usage": 3},
        ResponseObject(),
        SimpleNamespace(usage=3, choices=4, id=5, model=[]),
        SimpleNamespace(usage=SimpleNamespace(prompt_tokens="many", queue_time="long")),
    ],
    ids=repr,
)
async def test_a_value_of_another_kind_breaks_nothing(value: object) -> None:
    watch, heard = watched()
    watch.finished(value, meta())
    done = heard.events[-1]
    assert isinstance(done, CallFinished)
    assert done.usage is None
    assert done.finish_reasons == ()
    assert done.response_id is None


async def test_the_end_is_told_once() -> None:
    watch, heard = watched()
    assert not watch.is_over
    watch.failed(LOST)
    assert watch.is_over
    watch.failed(LOST)
    watch.finished(None, meta())
    watch.ended(meta(), complete=True)
    assert heard.names() == ["CallStarted", "CallFailed"]


@pytest.mark.parametrize("complete", [True, False])
async def test_a_body_tells_of_its_end_but_not_a_stream_s(complete: bool) -> None:
    watch, heard = watched()
    watch.is_stream = True
    watch.ended(meta(), complete=complete)
    assert heard.names() == ["CallStarted"]
    watch.is_stream = False
    watch.ended(meta(), complete=complete)
    done = heard.events[-1]
    assert isinstance(done, CallFinished)
    assert (done.complete, done.value) == (complete, None)


async def test_what_leaves_the_block_ends_the_call() -> None:
    watch, heard = watched()
    watch.attempt_started()
    with pytest.raises(APIConnectionError), watch:
        raise LOST
    failed = heard.events[-1]
    assert isinstance(failed, CallFailed)
    assert (failed.error, failed.attempts) == (LOST, 1)
    watch, heard = watched()
    with watch:
        pass
    assert heard.names() == ["CallStarted"]


@pytest.mark.parametrize("in_group", [False, True])
async def test_a_cancelled_call(in_group: bool, autojump_clock: trio.testing.MockClock) -> None:
    watch, heard = watched()
    with trio.move_on_after(2), watch:
        if in_group:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
        await trio.sleep_forever()
    cancelled = heard.events[-1]
    assert isinstance(cancelled, CallCancelled)
    assert (cancelled.seconds, cancelled.attempts) == (2, 0)


def test_a_group_with_an_error_in_it_is_no_cancellation() -> None:
    assert not is_cancellation(BaseExceptionGroup("both", [LOST, KeyboardInterrupt()]))
    assert not is_cancellation(LOST)


def test_an_observer_that_raises_is_logged_once_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard = Heard()
    hooks = Hooks((Broken(ValueError("no")), heard, Broken(KeyError("k"))))
    with caplog.at_level(logging.DEBUG, "trio_groq"):
        for _ in range(3):
            hooks.circuit_changed(ORIGIN, "closed", "open", 30.0)
    assert len(heard.events) == 3
    assert hooks.failures == {"Broken": 6}
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("trio_groq", "ERROR")
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


def test_what_is_no_error_of_an_observer_is_not_held_back() -> None:
    with pytest.raises(KeyboardInterrupt):
        Hooks((Broken(KeyboardInterrupt()),)).circuit_changed(ORIGIN, "closed", "open", 30.0)


def test_a_circuit_is_named_by_its_origin() -> None:
    heard = Heard()
    Hooks([heard]).circuit_changed(ORIGIN, "closed", "open", 30.0)
    (event,) = heard.events
    assert isinstance(event, CircuitChanged)
    assert (event.origin, event.before, event.after) == ("https://api.groq.com", "closed", "open")


async def test_observers_add_header_fields_and_the_caller_s_win() -> None:
    propagating = Propagating()
    propagating.headers = {"Traceparent": "00-1", "x-own": "observer's"}
    call = Call(method="GET", path="/openai/v1/models", headers={"X-Own": "mine", "x-not": None})
    watch, sent = Hooks((Heard(), propagating)).start(call, ORIGIN)
    number = str(watch.call.number)
    expected = {"Traceparent": "00-1", "x-call": number, "X-Own": "mine", "x-not": None}
    assert sent.headers == expected
    assert call.headers == {"X-Own": "mine", "x-not": None}


@pytest.mark.parametrize("wrong", [{"Host": "elsewhere"}, {"x": "a\r\nb"}, {"x": 3}])
async def test_wrong_header_fields_of_an_observer_are_left_out(
    wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    propagating = Propagating()
    propagating.headers = wrong
    hooks = Hooks((propagating,))
    _, sent = hooks.start(ASK, ORIGIN)
    assert sent is ASK
    assert hooks.failures == {"Propagating": 1}
    assert "Propagating raised" in caplog.text
