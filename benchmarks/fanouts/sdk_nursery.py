"""The official SDK under a Trio nursery: a task per completion, held back by a limiter."""

from typing import IO, Any

import groq
import httpx
import trio

from benchmarks.fanouts import Job, requests
from benchmarks.target import Target

__all__ = ["fan_out"]


async def fan_out(target: Target, job: Job) -> None:
    """See `FanOut`."""
    # The SDK's own limits would leave 100 idle connections of 200, and dial the others anew.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    limiter = trio.CapacityLimiter(job.at_once)
    with job.results.open("w", encoding="utf-8") as results:
        async with (
            groq.AsyncGroq(
                api_key="gsk_benchmark",
                base_url=target.url,
                max_retries=0,
                http_client=groq.DefaultAsyncHttpxClient(limits=limits, verify=False),
            ) as client,
            trio.open_nursery() as nursery,
        ):
            for number, request in enumerate(requests(job.count)):
                nursery.start_soon(_answer, client, limiter, results, number, request)


async def _answer(
    client: groq.AsyncGroq,
    limiter: trio.CapacityLimiter,
    results: IO[str],
    number: int,
    request: dict[str, Any],
) -> None:
    async with limiter:
        completion = await client.chat.completions.create(**request)
    results.write(f"[{number}, {completion.model_dump_json()}]\n")
