"""A script as a user would write it: it calls a model, and serves its metrics to Prometheus.

It says where they are, and ends with its standard input.
"""

import contextlib
import sys
from typing import Any

import attrs
import trio
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, start_http_server

from trio_groq import (
    CircuitBreakerPolicy,
    ClientConfig,
    GroqClient,
    InternalServerError,
    NotFoundError,
    RateLimits,
    RateLimitWindow,
)
from trio_groq.observe import OpenTelemetryObserver
from trio_groq.testing import FakeGroq, Reply

MODEL = "openai/gpt-oss-20b"


async def use(config: ClientConfig) -> None:
    """A whole answer, a stream, and a failure."""
    async with GroqClient(config=config) as client:
        chat = client.chat.completions
        await chat.create(model=MODEL, messages=[{"role": "user", "content": "Hello"}])
        messages: Any = [{"role": "user", "content": "Count"}]
        async with chat.stream(model=MODEL, messages=messages) as stream:
            await stream.until_done()
        with contextlib.suppress(NotFoundError):
            await client.models.retrieve("none-such")


async def meet_limits(config: ClientConfig) -> None:
    """A server that states its limits, and then is down."""
    async with FakeGroq() as server:
        left = RateLimits(
            requests=RateLimitWindow(limit=100, remaining=99, reset_after=1.0),
            tokens=RateLimitWindow(limit=6000, remaining=5900, reset_after=1.0),
        )
        server.enqueue(Reply(content="x", rate_limits=left), Reply.error(500, "failed"))
        breaker = CircuitBreakerPolicy(failure_threshold=1)
        config = attrs.evolve(config, base_url=server.url, circuit_breaker=breaker)
        async with GroqClient(config=config, max_retries=0) as client:
            ask: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
            await client.chat.completions.create(**ask)
            with contextlib.suppress(InternalServerError):
                await client.chat.completions.create(**ask)


async def main() -> None:
    registry = CollectorRegistry()
    provider = MeterProvider(metric_readers=[PrometheusMetricReader(registry=registry)])
    server, thread = start_http_server(0, "127.0.0.1", registry)
    config = ClientConfig.from_env(observers=(OpenTelemetryObserver(meter_provider=provider),))
    await use(config)
    await meet_limits(config)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}/metrics\n")
    sys.stdout.flush()
    await trio.to_thread.run_sync(sys.stdin.read)
    server.shutdown()
    server.server_close()
    thread.join()
    provider.shutdown()


if __name__ == "__main__":
    trio.run(main)
