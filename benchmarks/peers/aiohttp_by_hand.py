"""aiohttp and msgspec, put together by hand as an expert would for this one purpose."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec

from benchmarks.peers import OnToken, request_body
from benchmarks.peers.shapes import decode_chunk, decode_completion
from benchmarks.target import Target

__all__ = ["Aiohttp", "connect"]

_JSON = {"Content-Type": "application/json"}


class Aiohttp:
    """See `Session`."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def stream(self, model: str, on_token: OnToken) -> None:
        """See `Session`."""
        body = msgspec.json.encode(request_body(model, stream=True))
        async with self._session.post(self._url, data=body, headers=_JSON) as response:
            response.raise_for_status()
            rest = b""
            async for data in response.content.iter_any():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    if event == b"data: [DONE]":
                        break
                    on_token(decode_chunk(event[6:]).choices[0].delta.content)

    async def complete(self, prompt: str) -> str | None:
        """See `Session`."""
        body = msgspec.json.encode(request_body("plain", prompt, stream=False))
        async with self._session.post(self._url, data=body, headers=_JSON) as response:
            response.raise_for_status()
            return decode_completion(await response.read()).choices[0].message.content


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Aiohttp]:
    """Open the client."""
    connector = aiohttp.TCPConnector(limit=0, ssl=target.ssl_context if target.tls else False)
    async with aiohttp.ClientSession(
        connector=connector,
        headers={"Authorization": "Bearer gsk_benchmark"},
        timeout=aiohttp.ClientTimeout(total=None, sock_read=60),
    ) as session:
        yield Aiohttp(session, target.chat_url)
