"""OpenTelemetry's SDK in memory: what an observer recorded, as plain values."""

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from trio_groq._hooks import Event
from trio_groq.observe.otel import OpenTelemetryObserver

__all__ = ["Recording"]


class Recording:
    """An observer over an SDK of its own."""

    def __init__(self, *, sampled: bool = True, **options: Any) -> None:
        self._exporter = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self.tracers = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF)
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.observer = OpenTelemetryObserver(
            tracer_provider=self.tracers,
            meter_provider=MeterProvider(metric_readers=[self._reader]),
            **options,
        )

    def tell(self, *events: Event) -> "Recording":
        for event in events:
            self.observer.on_event(event)
        return self

    def spans(self) -> list[ReadableSpan]:
        return [*self._exporter.get_finished_spans()]

    def span(self) -> ReadableSpan:
        (span,) = self.spans()
        return span

    def attributes(self) -> dict[str, Any]:
        return dict(self.span().attributes or {})

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Attributes and value of each series: a number, or a histogram's data point."""
        data = self._reader.get_metrics_data()
        found: list[tuple[dict[str, Any], Any]] = []
        for resource in [] if data is None else data.resource_metrics:
            for scope in resource.scope_metrics:
                assert scope.scope.name == "trio_groq"
                for metric in scope.metrics:
                    if metric.name == name:
                        found += [
                            (dict(point.attributes or {}), getattr(point, "value", point))
                            for point in metric.data.data_points
                        ]
        return found

    def units(self) -> dict[str, str | None]:
        data = self._reader.get_metrics_data()
        assert data is not None
        metrics = data.resource_metrics[0].scope_metrics[0].metrics
        return {metric.name: metric.unit for metric in metrics}
