"""The kinds of call that every fault is tried on, and the responses to them, byte by byte."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import pytest

from peers.raw_peer import DONE, chunk, completion, delta, head
from trio_groq import GroqClient
from trio_groq.testing.files import identity

__all__ = [
    "ANSWERS",
    "CALLS",
    "LINES",
    "SOUND",
    "WIRE",
    "Call",
    "downloaded",
    "each_call",
    "each_large",
    "each_scheme",
    "large_prompt",
    "large_upload",
    "places",
    "plain",
    "spoken",
    "streamed",
    "uploaded",
]

Call: TypeAlias = Callable[[GroqClient], Awaitable[object]]

LINES: Final = b'{"custom_id":"a"}\n'
FILE_ID: Final = identity("file", 1)
ASK: Final[dict[str, Any]] = {
    "model": "llama-3.1-8b-instant",
    "messages": [{"role": "user", "content": "Hello"}],
    "stop": "\n",  # the echo ends with the prompt
}
SPEECH: Final[dict[str, Any]] = {
    "model": "canopylabs/orpheus-v1-english",
    "voice": "autumn",
    "input": "Hello",
    "response_format": "wav",
}


async def plain(client: GroqClient) -> object:
    completion = await client.chat.completions.create(**ASK)
    return completion.choices[0].message.content


async def streamed(client: GroqClient) -> object:
    async with client.chat.completions.stream(**ASK) as stream:
        return "".join([text async for text in stream.text_deltas()])


async def downloaded(client: GroqClient) -> object:
    async with await client.files.content(FILE_ID) as response:
        return await response.read()


async def spoken(client: GroqClient) -> object:
    async with await client.audio.speech.create(**SPEECH) as response:
        sound = b"".join([piece async for piece in response.aiter_bytes()])
    # RIFF: how many bytes follow is said in front of them.
    return sound[:4], len(sound) - 8 == int.from_bytes(sound[4:8], "little")


async def uploaded(client: GroqClient) -> object:
    file = await client.files.create(file=("in.jsonl", LINES), purpose="batch")
    return file.bytes


LARGE: Final = b"x" * 12_000_000
"""More than the sockets of both sides hold."""


async def large_upload(client: GroqClient) -> object:
    return await client.files.create(file=("in.jsonl", LARGE), purpose="batch")


async def large_prompt(client: GroqClient) -> object:
    messages: Any = [{"role": "user", "content": LARGE.decode()}]
    return await client.chat.completions.create(model="m", messages=messages)


ANSWERS: Final[dict[Call, object]] = {
    plain: "You said: Hello",
    streamed: "You said: Hello",
    downloaded: LINES,
    spoken: (b"RIFF", True),
    uploaded: len(LINES),
}
"""What each call returns where nothing goes wrong."""

CALLS: Final = tuple(ANSWERS)

SOUND: Final = b"RIFF" + (2000).to_bytes(4, "little") + bytes(range(250)) * 8
FILE: Final = {"id": "file_1", "object": "file", "bytes": len(LINES), "created_at": 7}


def with_length(body: bytes, content_type: str = "application/json") -> bytes:
    """A response whose length is stated."""
    return head(f"Content-Length: {len(body)}", content_type=content_type) + body


def in_chunks(*pieces: bytes, content_type: str = "text/event-stream") -> bytes:
    """A response in chunks, with the one that ends it."""
    first = head("Transfer-Encoding: chunked", content_type=content_type)
    return first + b"".join(chunk(piece) for piece in (*pieces, b""))


EVENTS: Final = [*map(delta, ("You", " said", ": Hello")), delta(finish="stop"), DONE]
WIRE: Final[dict[Call, bytes]] = {
    plain: with_length(completion("You said: Hello")),
    streamed: in_chunks(*EVENTS),
    downloaded: with_length(LINES, "application/octet-stream"),
    spoken: in_chunks(SOUND[:500], SOUND[500:900], SOUND[900:], content_type="audio/wav"),
    uploaded: with_length(
        json.dumps({**FILE, "filename": "in.jsonl", "purpose": "batch"}).encode()
    ),
}
"""The same as responses, byte by byte."""

each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
each_large = pytest.mark.parametrize("call", [large_upload, large_prompt])
each_scheme = pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])


def places(call: Call) -> list[int]:
    """In a response: before it, in its head, behind that, and in its body."""
    behind_head = WIRE[call].index(b"\r\n\r\n") + 4
    return [0, 30, behind_head, behind_head + 10]
