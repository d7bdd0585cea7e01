"""OpenTelemetry: a span and metrics for each call, by the conventions for generative AI.

Needs the extra `otel`. All names are in `_otel_names`. A span is started and ended by hand and
never made the current one: a stream hands control to its reader between any two chunks, and what
the reader does then is no part of the call.
"""

import re
from collections.abc import Mapping
from functools import singledispatchmethod
from typing import Any, Final, final
from weakref import WeakKeyDictionary

import msgspec

from trio_groq._hooks import (
    AttemptFailed,
    CallCancelled,
    CallFailed,
    CallFinished,
    CallStarted,
    CircuitChanged,
    ClientStarted,
    Event,
    ResponseHead,
)
from trio_groq._version import __version__
from trio_groq.errors import APIError, APIStatusError
from trio_groq.observe import _otel_names as names
from trio_groq.observe._otel_content import input_messages, output_messages, system_instructions
from trio_groq.observe._otel_metrics import Metrics, call_attributes
from trio_groq.observe.redaction import one_line, redact

try:
    from opentelemetry import propagate, trace
    from opentelemetry.metrics import MeterProvider, get_meter_provider
    from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider
except ImportError as _missing:
    raise ImportError(
        "trio_groq.observe.otel: expected opentelemetry-api, got none; "
        "install it with trio-groq[otel]"
    ) from _missing

__all__ = ["OpenTelemetryObserver"]

_SCOPE: Final = "trio_groq"
_CODE: Final = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_MAX_TEXT: Final = 500
"""Longest description of an error, in characters."""


class _Format(msgspec.Struct):
    type: str | None = None


class _Sent(msgspec.Struct):
    """What a span tells of a request; all else of it is skipped unread."""

    n: int | None = None
    seed: int | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: str | list[str] | None = None
    encoding_format: str | None = None
    dimensions: int | None = None
    response_format: str | _Format | None = None


_SENT: Final = msgspec.json.Decoder(_Sent)
_CONTENT: Final = msgspec.json.Decoder(dict[str, Any])


@final
class OpenTelemetryObserver:
    """An observer that makes a client span, and records metrics, for each call.

    In one thing it leaves the conventions: `gen_ai.client.operation.time_per_output_chunk` has one
    value a stream, the mean, where they want one a chunk. Nothing is told for each chunk, so that
    observing costs a token nothing.

    Args:
        tracer_provider: Makes the spans; None for the global one.
        meter_provider: Makes the metrics; None for the global one.
        capture_content: Whether spans hold what was said: prompts and answers, shortened, and
            without what looks like a secret. They may hold anything that people write.
        propagate: Whether requests bring the span's context with them (`traceparent`), by the
            global propagator. The API makes nothing of it; a gateway of yours may.
    """

    __slots__ = ("__weakref__", "_capture_content", "_metrics", "_propagate", "_spans", "_tracer")

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        capture_content: bool = False,
        propagate: bool = False,
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, __version__, tracer_provider)
        meters = get_meter_provider() if meter_provider is None else meter_provider
        self._metrics = Metrics(meters.get_meter(_SCOPE, __version__))
        self._capture_content = capture_content
        self._propagate = propagate
        # By the record of the start, which lives as long as the call: a call that somebody drops
        # takes its span along.
        self._spans: WeakKeyDictionary[CallStarted, Span] = WeakKeyDictionary()

    @singledispatchmethod
    def on_event(self, event: Event, /) -> None:
        """Record what a call tells. An event of a kind that says nothing here is passed over."""

    def headers_for(self, call: CallStarted, /) -> Mapping[str, str]:
        """The context of the call's span, if it is to be brought along."""
        carrier: dict[str, str] = {}
        span = self._spans.get(call)
        if self._propagate and span is not None:
            propagate.inject(carrier, trace.set_span_in_context(span))
        return carrier

    @on_event.register
    def _started(self, event: CallStarted) -> None:
        attributes = call_attributes(event)
        span = self._tracer.start_span(
            f"{attributes[names.OPERATION_NAME]} {event.model}".rstrip(),
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )
        self._spans[event] = span
        if not span.is_recording():
            return
        span.set_attributes({names.GROQ_OPERATION: event.operation, names.GROQ_MODEL: event.model})
        if event.stream:
            span.set_attribute(names.REQUEST_STREAM, True)  # noqa: FBT003 (the API's own form)
        if event.content:
            span.set_attributes(_request_attributes(event.content))
            if self._capture_content:
                self._capture_request(span, event.content)

    @on_event.register
    def _head_came(self, event: ResponseHead) -> None:
        self._metrics.head_came(event)

    @on_event.register
    def _client_started(self, event: ClientStarted) -> None:
        self._metrics.client_started(event)

    @on_event.register
    def _circuit_changed(self, event: CircuitChanged) -> None:
        self._metrics.circuit_changed(event)

    @on_event.register
    def _attempt_failed(self, event: AttemptFailed) -> None:
        span = self._spans.get(event.call)
        if span is not None:
            attributes: dict[str, str | int | float] = {
                names.ERROR_TYPE: _error_type(event.error),
                names.GROQ_ATTEMPTS: event.number,
            }
            if event.wait is not None:
                attributes[names.GROQ_WAIT] = event.wait
            span.add_event(names.GROQ_ATTEMPT_FAILED, attributes)

    @on_event.register
    def _finished(self, event: CallFinished) -> None:
        self._metrics.finished(event)
        span = self._spans.pop(event.call, None)
        if span is None:
            return
        if span.is_recording():
            span.set_attributes(_response_attributes(event))
            if self._capture_content and (messages := output_messages(event.value)) is not None:
                span.set_attribute(names.OUTPUT_MESSAGES, messages)
        span.end()

    @on_event.register
    def _failed(self, event: CallFailed) -> None:
        error = event.error
        kind = _error_type(error)
        self._metrics.ended(event.call, event.seconds, "error", kind)
        span = self._spans.pop(event.call, None)
        if span is None:
            return
        span.set_attributes(
            _end_attributes(event.seconds, event.attempts) | {names.ERROR_TYPE: kind}
        )
        if isinstance(error, APIError) and error.request_id:
            span.set_attribute(names.GROQ_REQUEST_ID, error.request_id)
        span.set_status(Status(StatusCode.ERROR, redact(one_line(str(error)))[:_MAX_TEXT]))
        span.end()

    @on_event.register
    def _cancelled(self, event: CallCancelled) -> None:
        self._metrics.ended(event.call, event.seconds, "cancelled", names.CANCELLED)
        span = self._spans.pop(event.call, None)
        if span is not None:
            # No error: its caller wanted it no more. The status stays as it is.
            attributes = _end_attributes(event.seconds, event.attempts)
            span.set_attributes(attributes | {names.ERROR_TYPE: names.CANCELLED})
            span.end()

    def _capture_request(self, span: Span, content: bytes) -> None:
        try:
            request = _CONTENT.decode(content)
        except msgspec.DecodeError:  # no object: nothing that has a form here
            return
        for name, text in (
            (names.INPUT_MESSAGES, input_messages(request)),
            (names.SYSTEM_INSTRUCTIONS, system_instructions(request)),
        ):
            if text is not None:
                span.set_attribute(name, text)


def _end_attributes(seconds: float, attempts: int) -> dict[str, Any]:
    return {names.GROQ_LATENCY_MS: seconds * 1000, names.GROQ_ATTEMPTS: attempts}


def _request_attributes(content: bytes) -> dict[str, Any]:
    """What a request asks for; nothing where its fields are of other types than the API's."""
    try:
        sent = _SENT.decode(content)
    except msgspec.DecodeError:
        return {}
    stop = [sent.stop] if isinstance(sent.stop, str) else sent.stop
    most = sent.max_completion_tokens or sent.max_tokens or sent.max_output_tokens
    wanted = sent.response_format
    kind = wanted.type or "" if isinstance(wanted, _Format) else ""
    return _told(
        {
            names.REQUEST_CHOICE_COUNT: None if sent.n == 1 else sent.n,
            names.REQUEST_SEED: sent.seed,
            names.REQUEST_MAX_TOKENS: most,
            names.REQUEST_TEMPERATURE: sent.temperature,
            names.REQUEST_TOP_P: sent.top_p,
            names.REQUEST_FREQUENCY_PENALTY: sent.frequency_penalty,
            names.REQUEST_PRESENCE_PENALTY: sent.presence_penalty,
            names.REQUEST_STOP_SEQUENCES: stop,
            names.REQUEST_ENCODING_FORMATS: sent.encoding_format and [sent.encoding_format],
            names.EMBEDDINGS_DIMENSIONS: sent.dimensions,
            names.OUTPUT_TYPE: kind.partition("_")[0] or None,
        }
    )


def _response_attributes(event: CallFinished) -> dict[str, Any]:
    usage, meta = event.usage, event.meta
    attributes = _end_attributes(event.seconds, meta.attempts) | {
        names.RESPONSE_ID: event.response_id,
        names.RESPONSE_MODEL: event.response_model,
        names.RESPONSE_FINISH_REASONS: event.finish_reasons or None,
        names.RESPONSE_TIME_TO_FIRST_CHUNK: meta.timings.first_token,
        names.GROQ_REQUEST_ID: meta.request_id,
    }
    if usage is not None:
        attributes |= {
            names.USAGE_INPUT_TOKENS: usage.input_tokens,
            names.USAGE_OUTPUT_TOKENS: usage.output_tokens,
            names.USAGE_CACHED_TOKENS: usage.cached_tokens,
            names.USAGE_REASONING_TOKENS: usage.reasoning_tokens,
            names.GROQ_TOKENS: usage.input_tokens + usage.output_tokens,
            names.GROQ_QUEUE_TIME: usage.queue_time,
        }
    return _told(attributes)


def _told(attributes: dict[str, Any]) -> dict[str, Any]:
    """Those that are known."""
    return {name: value for name, value in attributes.items() if value is not None}


def _error_type(error: BaseException) -> str:
    """The API's code of an error, else the name of its class: both are few."""
    code = error.code if isinstance(error, APIStatusError) else None
    return code if code and _CODE.fullmatch(code) else type(error).__name__
