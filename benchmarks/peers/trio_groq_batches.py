"""trio-groq, the chunks of each receive at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.peers import OnToken
from benchmarks.peers.trio_groq_client import open_client
from benchmarks.target import Target
from trio_groq import GroqClient

__all__ = ["TrioGroqBatches", "connect"]


class TrioGroqBatches:
    """See `Session`; streams only."""

    def __init__(self, client: GroqClient) -> None:
        self._client = client

    async def stream(self, model: str, on_token: OnToken) -> None:
        """See `Session`."""
        messages: list[Any] = [{"role": "user", "content": "Hello"}]
        completions = self._client.chat.completions
        async with completions.stream(model=model, messages=messages) as stream:
            async for batch in stream.batches():
                for chunk in batch:
                    on_token(chunk.choices[0].delta.content)

    async def complete(self, prompt: str) -> str | None:
        """Not a question here."""
        raise NotImplementedError(prompt)


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[TrioGroqBatches]:
    """Open the client."""
    async with open_client(target) as client:
        yield TrioGroqBatches(client)
