"""httpx with httpx-sse, chunks decoded by msgspec."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from httpx_sse import aconnect_sse

from benchmarks.peers import OnToken, request_body
from benchmarks.peers.shapes import decode_chunk, decode_completion
from benchmarks.target import Target

__all__ = ["HttpxSSE", "connect"]


class HttpxSSE:
    """See `Session`."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = url

    async def stream(self, model: str, on_token: OnToken) -> None:
        """See `Session`."""
        body = request_body(model, stream=True)
        async with aconnect_sse(self._client, "POST", self._url, json=body) as source:
            source.response.raise_for_status()
            async for event in source.aiter_sse():
                if event.data != "[DONE]":  # read on: only a body read to its end is reused
                    on_token(decode_chunk(event.data).choices[0].delta.content)

    async def complete(self, prompt: str) -> str | None:
        """See `Session`."""
        response = await self._client.post(
            self._url, json=request_body("plain", prompt, stream=False)
        )
        return decode_completion(response.raise_for_status().content).choices[0].message.content


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[HttpxSSE]:
    """Open the client."""
    async with httpx.AsyncClient(
        headers={"Authorization": "Bearer gsk_benchmark"},
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        timeout=60,
        verify=target.ssl_context if target.tls else False,
    ) as client:
        yield HttpxSSE(client, target.chat_url)
