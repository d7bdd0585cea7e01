"""The official SDK, under Trio or asyncio; its limits of connections raised for fan-out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import groq
import httpx

from benchmarks.peers import OnToken
from benchmarks.target import Target

__all__ = ["GroqSDK", "connect"]


class GroqSDK:
    """See `Session`."""

    def __init__(self, client: groq.AsyncGroq) -> None:
        self._client = client

    async def stream(self, model: str, on_token: OnToken) -> None:
        """See `Session`."""
        stream = await self._client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Hello"}], stream=True
        )
        async with stream:
            async for chunk in stream:
                on_token(chunk.choices[0].delta.content)

    async def complete(self, prompt: str) -> str | None:
        """See `Session`."""
        completion = await self._client.chat.completions.create(
            model="plain", messages=[{"role": "user", "content": prompt}]
        )
        return completion.choices[0].message.content


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[GroqSDK]:
    """Open the client."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    verify = target.ssl_context if target.tls else False
    http_client = groq.DefaultAsyncHttpxClient(limits=limits, verify=verify)
    async with groq.AsyncGroq(
        api_key="gsk_benchmark", base_url=target.url, max_retries=0, http_client=http_client
    ) as client:
        yield GroqSDK(client)
