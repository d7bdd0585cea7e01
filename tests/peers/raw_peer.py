"""A server that sends what it is told, packet by packet, and the pieces to tell it with."""

import json
import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio
from trio.testing import wait_all_tasks_blocked

from trio_groq import GroqClient
from trio_groq.types import ChatCompletionUserMessageParam

__all__ = [
    "DONE",
    "MESSAGES",
    "Answer",
    "Metronome",
    "Peer",
    "chunk",
    "completion",
    "delta",
    "event",
    "head",
    "serving",
]

MESSAGES: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hello"}]
DONE = b"data: [DONE]\n\n"
BASE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "m"}


def event(**fields: Any) -> bytes:
    """One chunk of a completion as an event."""
    return b"data: " + json.dumps({**BASE, **fields}, separators=(",", ":")).encode() + b"\n\n"


def delta(text: str | None = None, *, finish: str | None = None, **rest: Any) -> bytes:
    """A chunk that adds some text, or ends the answer."""
    added = rest if text is None else {"content": text, **rest}
    return event(choices=[{"index": 0, "delta": added, "finish_reason": finish}])


def completion(text: str = "follow-up", **fields: Any) -> bytes:
    """A whole completion."""
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    plain = {**BASE, "object": "chat.completion", "choices": choices, **fields}
    return json.dumps(plain).encode()


def chunk(data: bytes) -> bytes:
    """A chunk of the chunked coding; without data the one that ends it."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def head(
    *fields: str, status: str = "200 OK", content_type: str | None = "text/event-stream"
) -> bytes:
    """A response head with these fields."""
    stated = [] if content_type is None else [f"Content-Type: {content_type}"]
    return "\r\n".join([f"HTTP/1.1 {status}", *stated, *fields, "", ""]).encode("latin-1")


@attrs.frozen
class Answer:
    """One response: its packets, each read before the next is sent, and whether the server closes.

    Attributes:
        packets: Bytes of each.
        close: Close the connection after the last one.
    """

    packets: Sequence[bytes] = attrs.field(repr=False)
    close: bool = False


@attrs.define
class Peer:
    """The server's script and books.

    Attributes:
        url: Where it is.
        answers: What it sends to the next requests, in order.
        served: For each request the number of its connection, from 1.
        requests: The requests' heads.
    """

    url: str
    answers: list[Answer] = attrs.field(factory=list)
    served: list[int] = attrs.field(factory=list)
    requests: list[bytes] = attrs.field(factory=list)
    connections: int = 0

    def then(self, *answers: Answer) -> None:
        """Answer the next requests with these."""
        self.answers += answers

    async def handle(self, stream: trio.SocketStream) -> None:
        """Serve one connection."""
        self.connections += 1
        number = self.connections
        async with stream:
            while (request := await read_request(stream)) is not None:
                self.served.append(number)
                self.requests.append(request)
                answer = self.answers.pop(0)
                try:
                    await send_one_by_one(stream, answer.packets)
                except trio.BrokenResourceError:
                    return  # the client had enough
                if answer.close:
                    return


async def send_one_by_one(stream: trio.SocketStream, packets: Iterable[bytes]) -> None:
    for packet in packets:
        await stream.send_all(packet)
        await wait_all_tasks_blocked()


async def read_request(stream: trio.SocketStream) -> bytes | None:
    """The head of the next request, once its body has come too; None at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = await stream.receive_some(65536)
        except trio.BrokenResourceError:
            return None
        if not more:
            return None
        data += more
    request, _, body = data.partition(b"\r\n\r\n")
    for line in request.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.partition(b":")[2]):
                body += await stream.receive_some(65536)
    return request


@asynccontextmanager
async def serving() -> AsyncIterator[Peer]:
    """A peer on a loopback socket."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    peer = Peer(f"http://127.0.0.1:{port}")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, peer.handle, listeners)
        yield peer
        nursery.cancel_scope.cancel()


@attrs.define
class Metronome:
    """A server that sends a token only when the one before has been read: nobody may buffer.

    Attributes:
        tokens: How many it sends.
        compress: Whether it compresses, and flushes after each event.
        fields: More fields of the response's head.
        read: For each token the event that the client sets.
    """

    tokens: int
    compress: bool = False
    fields: Sequence[str] = ()
    read: list[trio.Event] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.read = [trio.Event() for _ in range(self.tokens)]

    async def handle(self, stream: trio.SocketStream) -> None:
        """Serve one connection, and one request."""
        machine = zlib.compressobj(6, wbits=31) if self.compress else None

        def encoded(data: bytes, *, last: bool = False) -> bytes:
            if machine is None:
                return chunk(data)
            mode = zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH
            return chunk(machine.compress(data) + machine.flush(mode))

        async with stream:
            await read_request(stream)
            coding = ("Content-Encoding: gzip",) if self.compress else ()
            await stream.send_all(head("Transfer-Encoding: chunked", *coding, *self.fields))
            for number, read in enumerate(self.read):
                await stream.send_all(encoded(delta(f"{number} ")))
                await read.wait()
            await stream.send_all(encoded(delta(finish="stop") + DONE, last=True) + chunk(b""))
            assert await stream.receive_some() == b""

    async def follow(self, client: GroqClient) -> None:
        """Read the stream, each token before the next is sent."""
        async with client.chat.completions.stream(model="m", messages=MESSAGES) as stream:
            texts = stream.text_deltas()
            for number, read in enumerate(self.read):
                assert await anext(texts) == f"{number} "
                read.set()
            assert [text async for text in texts] == []
