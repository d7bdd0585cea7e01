import gc
import json
from typing import Any

import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from observe.recording import Recording
from observe.told_events import (
    MODEL,
    attempt_failed,
    call,
    cancelled,
    failed,
    finished,
    meta,
    status_error,
)
from trio_groq._hooks import Usage, Waited
from trio_groq.errors import APIConnectionError, InternalServerError, RateLimitError
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.meta import Timings

KEY = "gsk_0123456789abcdefghijklmnopqrstuvWXYZ"
CREATED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "groq",
    "gen_ai.request.model": MODEL,
    "server.address": "api.groq.com",
    "server.port": 443,
    "groq.operation": "chat.completions",
    "groq.model": MODEL,
}
COMPLETION = msgspec.convert(
    {
        "id": "chatcmpl-1",
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant",
                    "content": f"Let me see {KEY}",
                    "reasoning": "hm",
                    "tool_calls": [
                        {
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "weather", "arguments": '{"in":"Rome"}'},
                        }
                    ],
                },
            }
        ],
    },
    ChatCompletion,
)


def content(**fields: Any) -> bytes:
    return msgspec.json.encode({"model": MODEL, "messages": []} | fields)


def test_a_call_is_a_client_span() -> None:
    started = call()
    recording = Recording().tell(started)
    assert recording.spans() == []
    span = recording.tell(
        finished(
            started,
            meta=meta(attempts=3, timings=Timings(first_token=0.25)),
            usage=Usage(
                input_tokens=10,
                output_tokens=20,
                cached_tokens=4,
                reasoning_tokens=5,
                queue_time=0.5,
            ),
            finish_reasons=("stop", "length"),
            response_id="chatcmpl-1",
            response_model="llama-3.1-8b-instant-x",
        )
    ).span()
    assert span.name == f"chat {MODEL}"
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert span.end_time is not None
    assert recording.attributes() == CREATED | {
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "llama-3.1-8b-instant-x",
        "gen_ai.response.finish_reasons": ("stop", "length"),
        "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "groq.tokens": 30,
        "groq.request_id": "req_1",
        "groq.latency_ms": 2000.0,
        "groq.queue_time": 0.5,
        "groq.attempts": 3,
    }


def test_what_is_unknown_is_left_out() -> None:
    recording = Recording()
    started = call()
    recording.tell(started, finished(started, usage=None))
    assert recording.attributes() == CREATED | {
        "groq.request_id": "req_1",
        "groq.latency_ms": 2000.0,
        "groq.attempts": 1,
    }


@pytest.mark.parametrize(
    ("operation", "model", "name"),
    [
        ("responses", "m", "chat m"),
        ("embeddings", "m", "embeddings m"),
        ("audio.transcriptions", "m", "audio.transcriptions m"),
        ("files", "", "files"),
    ],
)
def test_spans_are_named_by_operation_and_model(operation: str, model: str, name: str) -> None:
    started = call(operation=operation, model=model)
    recording = Recording().tell(started, finished(started))
    assert recording.span().name == name
    assert recording.attributes().get("gen_ai.request.model") == (model or None)


ASKED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "numbers": (
        {"temperature": 0.5, "top_p": 1, "frequency_penalty": 0.1, "presence_penalty": -1.0},
        {
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.top_p": 1.0,
            "gen_ai.request.frequency_penalty": 0.1,
            "gen_ai.request.presence_penalty": -1.0,
        },
    ),
    "counts": ({"n": 2, "seed": 7}, {"gen_ai.request.choice.count": 2, "gen_ai.request.seed": 7}),
    "one choice": ({"n": 1}, {}),
    "tokens": ({"max_completion_tokens": 9, "max_tokens": 8}, {"gen_ai.request.max_tokens": 9}),
    "tokens of a response": ({"max_output_tokens": 9}, {"gen_ai.request.max_tokens": 9}),
    "stop": ({"stop": "."}, {"gen_ai.request.stop_sequences": (".",)}),
    "stops": ({"stop": [".", "!"]}, {"gen_ai.request.stop_sequences": (".", "!")}),
    "format": ({"response_format": {"type": "json_schema"}}, {"gen_ai.output.type": "json"}),
    "text": ({"response_format": {"type": "text"}}, {"gen_ai.output.type": "text"}),
    "format of speech": ({"response_format": "wav"}, {}),
    "embeddings": (
        {"encoding_format": "float", "dimensions": 512},
        {
            "gen_ai.request.encoding_formats": ("float",),
            "gen_ai.embeddings.dimension.count": 512,
        },
    ),
    "nulls": ({"temperature": None, "stop": None, "response_format": None}, {}),
    "of another type": ({"temperature": "hot", "seed": 3}, {}),
}


@pytest.mark.parametrize(("sent", "told"), ASKED.values(), ids=ASKED)
def test_a_span_tells_what_was_asked_for(sent: dict[str, Any], told: dict[str, Any]) -> None:
    started = call(content=content(**sent))
    recording = Recording().tell(started, finished(started, usage=None))
    attributes = recording.attributes()
    assert {name: attributes[name] for name in attributes.keys() - CREATED.keys()} == told | {
        "groq.request_id": "req_1",
        "groq.latency_ms": 2000.0,
        "groq.attempts": 1,
    }


def test_a_stream_says_so() -> None:
    started = call(stream=True)
    recording = Recording().tell(started, finished(started))
    assert recording.attributes()["gen_ai.request.stream"] is True


def test_a_failure_is_an_error_without_its_secrets() -> None:
    started = call()
    message = f"no\nsuch {KEY} sk-0123456789 " + "z" * 1000
    error = status_error(InternalServerError, 503, message, code="service_unavailable")
    recording = Recording().tell(started, attempt_failed(error, 0.5, started))
    span = recording.tell(failed(error, started)).span()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is not None
    assert span.status.description.startswith("no\\nsuch gsk_*** sk-[hidden] zzz")
    assert len(span.status.description) == 500
    attributes = recording.attributes()
    assert attributes["error.type"] == "service_unavailable"
    assert attributes["groq.request_id"] == "req_9"
    assert (attributes["groq.attempts"], attributes["groq.latency_ms"]) == (2, 1500.0)
    (event,) = span.events
    assert event.name == "groq.attempt_failed"
    assert dict(event.attributes or {}) == {
        "error.type": "service_unavailable",
        "groq.attempts": 1,
        "groq.wait": 0.5,
    }


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (APIConnectionError("no"), "APIConnectionError"),
        (status_error(RateLimitError, 429), "RateLimitError"),
        (status_error(RateLimitError, 429, code="too many\nof them"), "RateLimitError"),
        (status_error(RateLimitError, 429, code="rate_limit_exceeded"), "rate_limit_exceeded"),
        (KeyError("k"), "KeyError"),
    ],
)
def test_the_type_of_an_error_is_its_code_or_class(error: Exception, kind: str) -> None:
    started = call()
    recording = Recording().tell(started, attempt_failed(error, None, started))
    recording.tell(failed(error, started))
    assert recording.attributes()["error.type"] == kind
    assert "groq.wait" not in dict(recording.span().events[0].attributes or {})


def test_a_cancelled_call_is_no_error() -> None:
    started = call()
    recording = Recording().tell(started, cancelled(started))
    assert recording.span().status.status_code is StatusCode.UNSET
    assert recording.attributes()["error.type"] == "cancelled"


def test_what_says_nothing_here_is_passed_over() -> None:
    started = call()
    recording = Recording().tell(started, Waited(call=started, reason="gates", seconds=1))
    assert recording.spans() == []


def test_a_call_that_is_unknown_or_over_has_no_span() -> None:
    started = call()
    recording = Recording().tell(finished(), failed(KeyError()), cancelled())
    recording.tell(attempt_failed(KeyError(), None))
    assert recording.spans() == []
    recording.tell(started, finished(started), finished(started))
    assert len(recording.spans()) == 1


def test_a_dropped_call_takes_its_span_along() -> None:
    recording = Recording()
    recording.tell(call())
    gc.collect()
    assert len(recording.observer._spans) == 0


def test_what_is_not_sampled_is_not_made() -> None:
    started = call(content=content(temperature=1))
    recording = Recording(sampled=False, capture_content=True).tell(started, finished(started))
    assert recording.spans() == []


# -- its context


def test_the_span_s_parent_is_the_current_one_and_it_never_is() -> None:
    started = call()
    recording = Recording()
    with recording.tracers.get_tracer("mine").start_as_current_span("mine") as mine:
        recording.tell(started)
        assert trace.get_current_span() is mine
    recording.tell(finished(started))
    spans = {span.name: span for span in recording.spans()}
    parent = spans[f"chat {MODEL}"].parent
    assert parent is not None
    assert parent.span_id == mine.get_span_context().span_id


def test_traceparent_is_brought_along_when_asked_for() -> None:
    started = call()
    assert Recording().tell(started).observer.headers_for(started) == {}
    recording = Recording(propagate=True)
    assert recording.observer.headers_for(started) == {}
    headers = recording.tell(started).observer.headers_for(started)
    context = recording.tell(finished(started)).span().context
    assert context is not None
    ids = f"{context.trace_id:032x}-{context.span_id:016x}"
    assert headers == {"traceparent": f"00-{ids}-{context.trace_flags:02x}"}


# -- what was said


def test_content_is_captured_only_when_asked_for() -> None:
    started = call(content=content(messages=[{"role": "user", "content": "Hello"}]))
    recording = Recording().tell(started, finished(started, value=COMPLETION))
    assert not [name for name in recording.attributes() if "messages" in name]
    recording = Recording(capture_content=True)
    attributes = recording.tell(started, finished(started, value=COMPLETION)).attributes()
    assert json.loads(attributes["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Hello"}]}
    ]
    assert json.loads(attributes["gen_ai.output.messages"]) == [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "text", "content": "Let me see gsk_[hidden]"},
                {
                    "type": "tool_call",
                    "id": "call_1",
                    "name": "weather",
                    "arguments": '{"in":"Rome"}',
                },
            ],
            "finish_reason": "tool_calls",
        }
    ]
    assert "gen_ai.system_instructions" not in attributes


def test_instructions_stand_apart() -> None:
    started = call(operation="responses", content=b'{"instructions":"Be brief","input":"Hello"}')
    recording = Recording(capture_content=True).tell(started, finished(started))
    attributes = recording.attributes()
    assert json.loads(attributes["gen_ai.system_instructions"]) == [
        {"type": "text", "content": "Be brief"}
    ]
    assert json.loads(attributes["gen_ai.input.messages"])[0]["role"] == "user"
    assert "gen_ai.output.messages" not in attributes


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"{}"])
def test_what_has_no_conversation_is_left_out(body: bytes) -> None:
    started = call(content=body)
    recording = Recording(capture_content=True).tell(started, finished(started))
    assert "gen_ai.input.messages" not in recording.attributes()
