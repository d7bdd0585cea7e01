"""The openai SDK over aiohttp, the faster of its transports; limits raised for fan-out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import openai

from benchmarks.peers import OnToken
from benchmarks.target import Target

__all__ = ["OpenAI", "connect"]


class OpenAI:
    """See `Session`."""

    def __init__(self, client: openai.AsyncOpenAI) -> None:
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
async def connect(target: Target) -> AsyncIterator[OpenAI]:
    """Open the client."""
    limits = httpx2.Limits(max_connections=10_000, max_keepalive_connections=10_000)
    verify = target.ssl_context if target.tls else False
    http_client = openai.DefaultAioHttpClient(limits=limits, verify=verify)
    async with openai.AsyncOpenAI(
        api_key="sk-benchmark", base_url=target.api_url, max_retries=0, http_client=http_client
    ) as client:
        yield OpenAI(client)
