from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from observe.recording import Recording
from observe.told_events import MODEL, call, cancelled, failed, finished, status_error
from trio_groq._hooks import CircuitChanged, ClientStarted, ResponseHead, Usage
from trio_groq.errors import InternalServerError
from trio_groq.observe._otel_metrics import Metrics

SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "groq",
    "gen_ai.request.model": MODEL,
    "server.address": "api.groq.com",
    "server.port": 443,
}
OWN = {"model": MODEL, "operation": "chat.completions"}
STREAM = finished(
    call(stream=True),
    seconds=3.0,
    first_token=0.5,
    chunks=11,
    chunk_seconds=2.0,
    response_model="m-2",
)
ERROR = status_error(InternalServerError, 503, code="service_unavailable")


def sums(points: list[tuple[dict[str, Any], Any]]) -> list[tuple[dict[str, Any], float, int]]:
    return [(attributes, point.sum, point.count) for attributes, point in points]


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("gen_ai.client.operation.duration", SECONDS),
        ("gen_ai.client.operation.time_to_first_chunk", SECONDS),
        ("gen_ai.client.operation.time_per_output_chunk", SECONDS),
        ("gen_ai.client.token.usage", TOKENS),
        ("groq.request.duration", SECONDS),
    ],
)
def test_buckets_are_the_conventions(name: str, bounds: tuple[float, ...]) -> None:
    points = Recording().tell(STREAM).points(name)
    assert points
    for _, point in points:
        assert point.explicit_bounds == pytest.approx(bounds)


def test_units_are_the_conventions() -> None:
    head = ResponseHead(call=call(), status=200, headers={"x-ratelimit-remaining-tokens": "5"})
    changed = CircuitChanged(origin="https://a", before="closed", after="open")
    assert Recording().tell(STREAM, head, changed).units() == {
        "gen_ai.client.operation.duration": "s",
        "gen_ai.client.operation.time_to_first_chunk": "s",
        "gen_ai.client.operation.time_per_output_chunk": "s",
        "gen_ai.client.token.usage": "{token}",
        "groq.requests": "",
        "groq.request.duration": "s",
        "groq.tokens": "{token}",
        "groq.rate_limit.remaining": "",
        "groq.circuit_breaker.state": "",
    }


def test_a_stream_is_measured() -> None:
    recording = Recording().tell(STREAM)
    attributes = CALL | {"gen_ai.response.model": "m-2"}
    name = "gen_ai.client.operation"
    assert sums(recording.points(f"{name}.duration")) == [(attributes, 3.0, 1)]
    assert sums(recording.points(f"{name}.time_to_first_chunk")) == [(attributes, 0.5, 1)]
    assert sums(recording.points(f"{name}.time_per_output_chunk")) == [(attributes, 0.2, 1)]
    kind = "gen_ai.token.type"
    assert sums(recording.points("gen_ai.client.token.usage")) == [
        (attributes | {kind: "input"}, 10, 1),
        (attributes | {kind: "output"}, 20, 1),
    ]
    assert recording.points("groq.requests") == [(OWN | {"status": "ok"}, 1)]
    assert sums(recording.points("groq.request.duration")) == [(OWN | {"status": "ok"}, 3.0, 1)]
    assert recording.points("groq.tokens") == [
        ({"model": MODEL, "type": "input"}, 10),
        ({"model": MODEL, "type": "output"}, 20),
    ]


def test_a_whole_answer_has_no_chunks() -> None:
    recording = Recording().tell(finished())
    assert recording.points("gen_ai.client.operation.time_to_first_chunk") == []
    assert recording.points("gen_ai.client.operation.time_per_output_chunk") == []


def test_one_chunk_has_no_time_between() -> None:
    recording = Recording().tell(finished(first_token=0.5, chunks=1))
    assert recording.points("gen_ai.client.operation.time_per_output_chunk") == []
    assert len(recording.points("gen_ai.client.operation.time_to_first_chunk")) == 1


def test_embeddings_write_nothing() -> None:
    usage = Usage(input_tokens=0, output_tokens=0)
    recording = Recording().tell(finished(call(operation="embeddings"), usage=usage))
    ((attributes, _),) = recording.points("gen_ai.client.token.usage")
    assert attributes["gen_ai.token.type"] == "input"
    assert attributes["gen_ai.operation.name"] == "embeddings"


def test_usage_that_is_unknown_is_not_counted() -> None:
    recording = Recording().tell(finished(usage=None))
    assert recording.points("gen_ai.client.token.usage") == []
    assert recording.points("groq.tokens") == []


def test_what_asks_no_model_is_counted_among_ours_alone() -> None:
    recording = Recording()
    started = call(operation="files", model="")
    recording.tell(finished(started, complete=False), failed(ERROR, started), cancelled(started))
    assert recording.points("gen_ai.client.operation.duration") == []
    own = {"model": "", "operation": "files"}
    assert [attributes for attributes, _ in recording.points("groq.requests")] == [
        own | {"status": "closed"},
        own | {"status": "error", "error.type": "service_unavailable"},
        own | {"status": "cancelled", "error.type": "cancelled"},
    ]


def test_failures_and_cancellations_say_what_they_are() -> None:
    recording = Recording().tell(failed(ERROR), failed(ERROR), cancelled())
    assert sums(recording.points("gen_ai.client.operation.duration")) == [
        (CALL | {"error.type": "service_unavailable"}, 3.0, 2),
        (CALL | {"error.type": "cancelled"}, 0.5, 1),
    ]
    assert [value for _, value in recording.points("groq.requests")] == [2, 1]


def test_what_is_left_of_limits() -> None:
    recording = Recording()
    for left in ("99", "98"):
        headers = {
            "x-ratelimit-remaining-requests": left,
            "x-ratelimit-limit-tokens": "6000",
        }
        recording.tell(ResponseHead(call=call(), status=200, headers=headers))
    recording.tell(ResponseHead(call=call(), status=200, headers={}))
    assert recording.points("groq.rate_limit.remaining") == [
        ({"model": MODEL, "limit": "requests"}, 98)
    ]


@pytest.mark.parametrize(("after", "value"), [("closed", 0), ("half-open", 1), ("open", 2)])
def test_the_state_of_a_circuit_is_a_number(after: str, value: int) -> None:
    changed = CircuitChanged(origin="https://a", before="x", after=after)
    points = Recording().tell(changed).points("groq.circuit_breaker.state")
    assert points == [({"origin": "https://a"}, value)]


def state(reader: InMemoryMetricReader) -> list[tuple[dict[str, Any], Any]]:
    data: Any = reader.get_metrics_data()
    return [
        (dict(point.attributes), point.value)
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        for point in metric.data.data_points
    ]


def test_a_circuit_is_closed_from_the_clients_start_on() -> None:
    name = "groq.circuit_breaker.state"
    started = ClientStarted(base_url="https://a/v1", settings="", circuit="https://a")
    opened = CircuitChanged(origin="https://a", before="closed", after="open", open_for=30.0)
    recording = Recording().tell(ClientStarted(base_url="https://b", settings=""))
    assert recording.points(name) == []
    assert recording.tell(started).points(name) == [({"origin": "https://a"}, 0)]
    # Another client for the same service does not make it well again.
    assert recording.tell(opened, started).points(name) == [({"origin": "https://a"}, 2)]


def test_an_open_circuit_is_half_open_when_its_time_is_over() -> None:
    now = 100.0
    reader = InMemoryMetricReader()
    meters = MeterProvider(metric_readers=[reader])
    metrics = Metrics(meters.get_meter("test"), lambda: now)
    metrics.circuit_changed(
        CircuitChanged(origin="https://a", before="closed", after="open", open_for=30.0)
    )
    now = 129.9
    assert state(reader) == [({"origin": "https://a"}, 2)]
    now = 130.0
    assert state(reader) == [({"origin": "https://a"}, 1)]
    metrics.circuit_changed(CircuitChanged(origin="https://a", before="half-open", after="closed"))
    now = 1000.0
    assert state(reader) == [({"origin": "https://a"}, 0)]
    meters.shutdown()
