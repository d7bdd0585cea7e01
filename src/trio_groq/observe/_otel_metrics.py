"""The metrics of calls: those of OpenTelemetry's conventions, and this package's own."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias, final

from trio_groq._api.rate_limits import parse_rate_limits
from trio_groq._hooks import (
    CallFinished,
    CallStarted,
    CircuitChanged,
    ClientStarted,
    ResponseHead,
)
from trio_groq.observe import _otel_names as names

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation

__all__ = ["Attributes", "Metrics", "call_attributes"]

Attributes: TypeAlias = dict[str, str | int]


def call_attributes(call: CallStarted) -> Attributes:
    """What every span and metric of a call has."""
    attributes: Attributes = {
        names.OPERATION_NAME: names.OPERATIONS.get(call.operation, call.operation),
        names.PROVIDER_NAME: names.GROQ,
        names.SERVER_ADDRESS: call.server_address,
        names.SERVER_PORT: call.server_port,
    }
    if call.model:
        attributes[names.REQUEST_MODEL] = call.model
    return attributes


@final
class Metrics:
    """The instruments, and what is recorded with them: all at the end of a call.

    Args:
        meter: Makes the instruments.
        clock: Seconds, for what changes without a call; asked in the exporter's thread, too.
    """

    def __init__(self, meter: "Meter", clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # By origin: the state, and when one that is open will be half-open. As many as a program
        # has addresses of the API.
        self._circuits: dict[str, tuple[str, float]] = {}

        def seconds(name: str, description: str) -> "Histogram":
            return meter.create_histogram(
                name,
                unit=names.SECONDS,
                description=description,
                explicit_bucket_boundaries_advisory=names.SECONDS_BUCKETS,
            )

        self._duration = seconds(names.DURATION, "Duration of a call to a model.")
        self._first_chunk = seconds(
            names.TIME_TO_FIRST_CHUNK, "Time from sending a request to a stream's first chunk."
        )
        self._per_chunk = seconds(
            names.TIME_PER_OUTPUT_CHUNK,
            "Mean time between the chunks of a stream, one value for each stream.",
        )
        self._usage = meter.create_histogram(
            names.TOKEN_USAGE,
            unit=names.TOKENS,
            description="Tokens of a call.",
            explicit_bucket_boundaries_advisory=names.TOKEN_BUCKETS,
        )
        self._requests = meter.create_counter(names.GROQ_REQUESTS, description="Calls.")
        self._groq_duration = seconds(names.GROQ_DURATION, "Duration of a call, of any kind.")
        self._tokens = meter.create_counter(
            names.GROQ_TOKEN_COUNT, unit=names.TOKENS, description="Tokens read and written."
        )
        self._remaining = meter.create_gauge(
            names.GROQ_REMAINING, description="What is left of a rate limit, as last stated."
        )
        meter.create_observable_gauge(
            names.GROQ_CIRCUIT,
            callbacks=[self._circuit_states],
            description="State of a circuit: 0 closed, 1 half-open, 2 open.",
        )

    def ended(self, call: CallStarted, seconds: float, status: str, error_type: str = "") -> None:
        """A call ended.

        Args:
            call: Which.
            seconds: How long it took.
            status: `ok`, `closed` (a stream, before its end), `error` or `cancelled`.
            error_type: What kept it from ending well.
        """
        own: Attributes = {"model": call.model, "operation": call.operation, "status": status}
        if error_type:
            own[names.ERROR_TYPE] = error_type
        self._requests.add(1, own)
        self._groq_duration.record(seconds, own)
        if call.model and status in {"error", "cancelled"}:
            attributes = call_attributes(call) | {names.ERROR_TYPE: error_type}
            self._duration.record(seconds, attributes)

    def finished(self, event: CallFinished) -> None:
        """A call ended well."""
        call, usage = event.call, event.usage
        self.ended(call, event.seconds, "ok" if event.complete else "closed")
        if not call.model:
            return
        attributes = call_attributes(call)
        if event.response_model:
            attributes[names.RESPONSE_MODEL] = event.response_model
        self._duration.record(event.seconds, attributes)
        first_token = event.meta.timings.first_token
        if first_token is not None:
            self._first_chunk.record(first_token, attributes)
        if event.chunks > 1:
            self._per_chunk.record(event.chunk_seconds / (event.chunks - 1), attributes)
        if usage is not None:
            tokens = {names.INPUT: usage.input_tokens, names.OUTPUT: usage.output_tokens}
            self._count(call, tokens, attributes)

    def _count(self, call: CallStarted, tokens: Mapping[str, int], attributes: Attributes) -> None:
        for kind, number in tokens.items():
            if number or kind == names.INPUT:  # what embeds writes nothing
                self._usage.record(number, attributes | {names.TOKEN_TYPE: kind})
                self._tokens.add(number, {"model": call.model, "type": kind})

    def head_came(self, event: ResponseHead) -> None:
        """A response tells what is left of the limits."""
        limits = parse_rate_limits(event.headers)
        if limits is None:
            return
        for kind, window in (("requests", limits.requests), ("tokens", limits.tokens)):
            if window.remaining is not None:
                self._remaining.set(window.remaining, {"model": event.call.model, "limit": kind})

    def client_started(self, event: ClientStarted) -> None:
        """A client was made: its circuit is closed, unless another one's is known to be open."""
        if event.circuit is not None:
            self._circuits.setdefault(event.circuit, ("closed", math.inf))

    def circuit_changed(self, event: CircuitChanged) -> None:
        """A circuit went from one state to another."""
        open_for = math.inf if event.open_for is None else event.open_for
        self._circuits[event.origin] = event.after, self._clock() + open_for

    def _circuit_states(self, _options: "CallbackOptions") -> "Iterator[Observation]":
        from opentelemetry.metrics import Observation  # noqa: PLC0415 (an extra)

        now = self._clock()
        # Of a copy: the exporter has a thread of its own.
        for origin, (state, ends_at) in tuple(self._circuits.items()):
            shown = "half-open" if now >= ends_at else state
            yield Observation(names.CIRCUIT_STATES[shown], {"origin": origin})
