"""trio-groq: `client.map`."""

import msgspec

from benchmarks.fanouts import Job, requests
from benchmarks.peers.trio_groq_client import open_client
from benchmarks.target import Target

__all__ = ["fan_out"]


async def fan_out(target: Target, job: Job) -> None:
    """See `FanOut`."""
    encode = msgspec.json.Encoder().encode
    with job.results.open("wb") as results:
        async with (
            open_client(target) as client,
            client.map(requests(job.count), max_in_flight=job.at_once) as outcomes,
        ):
            async for outcome in outcomes:
                assert outcome.ok, outcome.error
                results.write(encode((outcome.index, outcome.value)) + b"\n")
