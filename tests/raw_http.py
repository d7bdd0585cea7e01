"""An HTTP/1.1 client of few words for tests: bytes out, bytes in, h11 to read a response.

It shares no code with the client under test.
"""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import attrs
import h11
import trio
from trio.testing import wait_all_tasks_blocked

from trio_groq.testing import FakeGroq

__all__ = [
    "RawClient",
    "RawResponse",
    "chat_request",
    "connect",
    "http_request",
    "sse_data",
    "until",
]

CHAT = "/openai/v1/chat/completions"
PROMPT = {"model": "llama-3.1-8b-instant", "messages": [{"role": "user", "content": "Hello"}]}


def http_request(
    method: str,
    target: str,
    *,
    body: bytes = b"",
    headers: Iterable[tuple[str, str]] = (),
    key: str | None = "gsk_test",
    version: str = "1.1",
) -> bytes:
    """A whole request; without a body no length is stated."""
    fields = [("host", "groq.test")]
    if key is not None:
        fields.append(("authorization", f"Bearer {key}"))
    if body:
        fields.append(("content-length", str(len(body))))
    lines = [f"{method} {target} HTTP/{version}"]
    lines += [f"{name}: {value}" for name, value in [*fields, *headers]]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def until(holds: Callable[[], bool]) -> None:
    """Let the other tasks run until something holds; it is an error if it never does."""
    with trio.fail_after(10):
        await trio.lowlevel.checkpoint()
        while not holds():
            await wait_all_tasks_blocked()


def chat_request(params: Mapping[str, Any] | None = None, **rest: Any) -> bytes:
    """A chat completion that the API accepts, with these parameters changed."""
    body = json.dumps({**PROMPT, **(params or {})}).encode()
    return http_request("POST", CHAT, body=body, **rest)


def sse_data(body: bytes) -> list[Any]:
    """The data of each event of a stream: decoded JSON, or the text `[DONE]`."""
    blocks = body.decode().split("\n\n")
    assert blocks.pop() == ""
    texts = [block.partition("data: ")[2] for block in blocks]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


@attrs.frozen
class RawResponse:
    """One response, whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body decoded."""
        return json.loads(self.body)


@attrs.define
class RawClient:
    """One connection."""

    stream: trio.SocketStream | trio.SSLStream[trio.SocketStream]

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        await self.stream.send_all(data)

    async def receive(self) -> bytes:
        """What one receive gives; empty at the end."""
        return bytes(await self.stream.receive_some(1 << 20))

    async def read_to_end(self) -> tuple[bytes, bool]:
        """All bytes until the connection ends, and whether it was reset."""
        received = bytearray()
        try:
            while data := await self.receive():
                received += data
        except trio.BrokenResourceError:
            return bytes(received), True
        return bytes(received), False

    async def read_response(self, method: str = "POST") -> RawResponse:
        """One response as h11 understands it; an informational one before it is dropped."""
        http = h11.Connection(h11.CLIENT)
        http.send(h11.Request(method=method, target="/", headers=[("host", "groq.test")]))
        http.send(h11.EndOfMessage())
        body = bytearray()
        head: h11.Response | None = None
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await self.receive())
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
        assert head is not None
        assert http.trailing_data[0] == b""
        headers = {name.decode(): value.decode() for name, value in head.headers}
        return RawResponse(head.status_code, headers, bytes(body))

    async def ask(self, request: bytes) -> RawResponse:
        """Send a request and read its response."""
        await self.send(request)
        return await self.read_response(request.split(b" ", 1)[0].decode())


@asynccontextmanager
async def connect(server: FakeGroq) -> AsyncIterator[RawClient]:
    """A connection to the server; over TLS the handshake comes with the first byte."""
    url = urlsplit(server.url)
    assert url.hostname is not None
    assert url.port is not None
    async with await trio.open_tcp_stream(url.hostname, url.port) as plain:
        client = RawClient(plain)
        if url.scheme == "https":
            client = RawClient(
                trio.SSLStream(
                    plain,
                    server.ssl_context(),
                    server_hostname=url.hostname,
                    https_compatible=True,
                )
            )
        yield client
