"""trio-groq, one chunk at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.peers import OnToken
from benchmarks.target import Target
from trio_groq import GroqClient, PoolLimits

__all__ = ["TrioGroq", "connect", "open_client"]


class TrioGroq:
    """See `Session`."""

    def __init__(self, client: GroqClient) -> None:
        self._client = client

    async def stream(self, model: str, on_token: OnToken) -> None:
        """See `Session`."""
        messages: list[Any] = [{"role": "user", "content": "Hello"}]
        completions = self._client.chat.completions
        async with completions.stream(model=model, messages=messages) as stream:
            async for chunk in stream:
                on_token(chunk.choices[0].delta.content)

    async def complete(self, prompt: str) -> str | None:
        """See `Session`."""
        completion = await self._client.chat.completions.create(
            model="plain", messages=[{"role": "user", "content": prompt}]
        )
        return completion.choices[0].message.content


def open_client(target: Target) -> GroqClient:
    """A client set up for fan-out: room for thousands of connections."""
    return GroqClient(
        api_key="gsk_benchmark",
        base_url=target.url,
        ssl_context=target.ssl_context if target.tls else None,
        limits=PoolLimits(max_connections=10_000, max_idle=10_000),
        max_retries=0,
    )


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[TrioGroq]:
    """Open the client."""
    async with open_client(target) as client:
        yield TrioGroq(client)
