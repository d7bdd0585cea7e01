"""Streamed replies, byte by byte, and a reader of what comes of them."""

from typing import Any

import msgspec

from trio_groq import ChatStream, GroqClient
from trio_groq.errors import APIError, GroqError
from trio_groq.testing import FakeGroq, Reply

ASK: dict[str, Any] = {
    "model": "llama-3.1-8b-instant",
    "messages": [{"role": "user", "content": "Hello"}],
}
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nx-request-id: req_1\r\n"
)
DONE = b"data: [DONE]\n\n"
END = b"0\r\n\r\n"


def text(content: str, finish: str | None = None, index: int = 0) -> bytes:
    """The event of a chunk."""
    choice = {"index": index, "delta": {"content": content}, "finish_reason": finish}
    return event({"id": "c1", "choices": [choice]})


def event(data: object, name: str = "") -> bytes:
    named = f"event: {name}\n".encode() if name else b""
    return named + b"data: " + msgspec.json.encode(data) + b"\n\n"


def chunked(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def sent(*pieces: bytes, end: bytes = END, close: bool = False) -> Reply:
    """A streamed response whose pieces come in one write, a chunk each."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    return Reply.raw(head + chunked(*pieces) + end, close=close)


def client_of(server: FakeGroq, **options: Any) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url, **options)


async def read(stream: ChatStream) -> tuple[str, GroqError | None]:
    """All text that is handed out, and the error that ends it."""
    got = ""
    try:
        async with stream:
            async for chunk in stream:
                got += "".join(choice.delta.content or "" for choice in chunk.choices)
    except GroqError as error:
        return got, error
    return got, None


async def read_reply(server: FakeGroq, reply: Reply, **options: Any) -> tuple[str, Any]:
    server.enqueue(reply)
    async with client_of(server, **options) as client:
        result = await read(client.chat.completions.stream(**ASK))
        assert client.pool.statistics().leased == 0
    return result


def partial_text(error: Any) -> str:
    assert isinstance(error, APIError)
    choices = error.partial.choices
    return (choices[0].message.content or "") if choices else ""
