"""A Groq whose next connections go wrong as a test says, and a client that is to survive that.

What every fault must leave behind is checked in one place, `World.fails`: nothing but a `GroqError`
came out, nothing of the pool is taken, no descriptor is open that was not open before.
"""

import json
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from cancellation import assert_whole, descriptors
from peers.raw_peer import DONE, chunk, completion, delta, head
from trio_groq import ClientConfig, GroqClient, RetryPolicy
from trio_groq.errors import APIError, GroqError
from trio_groq.testing import FakeGroq, Fault, Reply
from trio_groq.testing.certificates import Certificates
from trio_groq.testing.files import identity

__all__ = [
    "ANSWERS",
    "ASK",
    "CALLS",
    "LINES",
    "WIRE",
    "Call",
    "Front",
    "Script",
    "World",
    "calm_clock",
    "downloaded",
    "each_call",
    "each_scheme",
    "fronting",
    "new_world",
    "plain",
    "request_of",
    "secured",
    "spoken",
    "stay",
    "streamed",
    "uploaded",
]

Call: TypeAlias = Callable[[GroqClient], Awaitable[object]]
Stream: TypeAlias = trio.SocketStream | trio.SSLStream[trio.SocketStream]
Script: TypeAlias = Callable[[Stream], Awaitable[None]]

LINES: Final = b'{"custom_id":"a"}\n'
FILE_ID: Final = identity("file", 1)
HANG: Final = 86_400.0
"""Seconds, virtual: no test comes that far unless a call hangs."""
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

# -- kinds of call


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
each_scheme = pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])


def calm_clock() -> MockClock:
    """A clock that goes on once nothing has happened for a moment.

    Bytes between two sockets are no task of Trio's: they get the time to arrive.
    """
    return MockClock(autojump_threshold=0.01)


# -- what a script does


async def request_of(stream: Stream, *, head_only: bool = False) -> bytes:
    """The next request, as far as asked for; empty where the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.receive_some(65_536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    if not head_only:
        size = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == _LENGTH), 0
        )
        while len(body) < size:
            body += await stream.receive_some(65_536)
    return head


_LENGTH: Final = b"content-length:"


async def stay(stream: Stream) -> None:
    """Say nothing, until the client has gone."""
    while await stream.receive_some(65_536):
        pass


def secured(context: ssl.SSLContext, script: Script) -> Script:
    """The same, over TLS, its handshake done."""

    async def run(stream: Stream) -> None:
        assert isinstance(stream, trio.SocketStream)
        tls = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        await tls.do_handshake()
        await script(tls)

    return run


@attrs.define
class Front:
    """A listener whose next connections are treated badly.

    Attributes:
        sound: What serves the others.
        port: Where it is.
        bad: What becomes of the next connections, in order.
        accepted: Connections so far.
        open: Connections now.
    """

    sound: Script
    port: int = 0
    bad: deque[Script] = attrs.field(factory=deque)
    accepted: int = 0
    open: int = 0

    async def handle(self, stream: trio.SocketStream) -> None:
        """Treat one connection."""
        self.accepted += 1
        self.open += 1
        script = self.bad.popleft() if self.bad else self.sound
        try:
            async with stream:
                await script(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client has gone, as it should in many of these
        finally:
            self.open -= 1


@asynccontextmanager
async def fronting(sound: Script) -> AsyncIterator[Front]:
    """A front on a loopback socket."""
    front = Front(sound)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        front.port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, front.handle, listeners)
        yield front
        nursery.cancel_scope.cancel()


@attrs.define
class World:
    """A server, what stands in front of it, and a client.

    Attributes:
        fake: What serves the connections that no script takes.
        front: What the client connects to.
        client: The client.
    """

    fake: FakeGroq
    front: Front
    client: GroqClient

    def reply(self, call: Call, fault: Fault | None) -> None:
        """Answer the next call of this kind as it should be, but for a fault."""
        self.fake.enqueue(Reply.raw(WIRE[call], fault=fault))

    @property
    def certificates(self) -> Certificates:
        """The server's own."""
        assert self.fake._certificates is not None
        return self.fake._certificates

    def next(self, *scripts: Script) -> None:
        """Treat the next connections like this; over TLS where the server speaks it."""
        if self.fake._certificates is not None:
            context = self.certificates.server_context
            scripts = tuple(secured(context, script) for script in scripts)
        self.front.bad.extend(scripts)

    def next_raw(self, *scripts: Script) -> None:
        """The same, below TLS."""
        self.front.bad.extend(scripts)

    async def settle(self) -> None:
        """Let the server see what the client has closed."""
        for turn in range(100):
            if self.front.open == self.client.pool.statistics().idle:
                return
            if turn < 50:
                await wait_all_tasks_blocked(0.001)
            else:  # the server may be asleep
                await trio.sleep(1)
        raise AssertionError((self.front, self.client))

    async def works(self, call: Call) -> None:
        """The call gets its answer, and leaves a connection to the next one."""
        with trio.fail_after(HANG):
            answer = await call(self.client)
        assert answer == ANSWERS[call]
        assert assert_whole(self.client).idle >= 1

    async def fails(
        self,
        call: Call,
        kind: type[GroqError] | tuple[type[GroqError], ...] = APIError,
        *,
        match: str | None = None,
        after: float | None = None,
    ) -> Any:
        """The call fails with nothing but an error of ours, and leaves nothing behind.

        Args:
            call: What fails.
            kind: Which error.
            match: What it says; None for anything.
            after: How long it takes, in virtual seconds; None for any time.
        """
        before, began = descriptors(), trio.current_time()
        with pytest.raises(kind, match=match) as caught, trio.fail_after(HANG):
            await call(self.client)
        if after is not None:
            assert trio.current_time() - began == pytest.approx(after, abs=1e-6)
        await self.check(before)
        assert len(str(caught.value)) < 1000
        assert "gsk_" not in f"{caught.value!r}"
        return caught.value

    async def gives_up(self, call: Call, seconds: float) -> None:
        """The caller's own limit ends the call: as a cancellation, and leaves nothing behind."""
        before, began = descriptors(), trio.current_time()
        with trio.move_on_after(seconds) as scope:
            await call(self.client)
        assert scope.cancelled_caught
        assert trio.current_time() - began == pytest.approx(seconds, abs=1e-6)
        await self.check(before)

    async def check(self, before: frozenset[tuple[str, int]]) -> None:
        """Nothing is taken, and no descriptor is open that was not open before."""
        await self.settle()
        assert_whole(self.client)
        assert descriptors() - before == set()


async def keep_a_file(fake: FakeGroq) -> None:
    """Upload what `downloaded` asks for."""
    context = fake.ssl_context() if fake.url.startswith("https") else None
    async with GroqClient("gsk_test", base_url=fake.url, ssl_context=context) as client:
        await uploaded(client)


@asynccontextmanager
async def new_world(
    *,
    tls: bool = False,
    url: str = "{scheme}://127.0.0.1:{port}",
    max_body_bytes: int = 64 * 1024 * 1024,
    retries: int = 0,
    **options: Any,
) -> AsyncIterator[World]:
    """A server and a client of it; no descriptor outlives them.

    Args:
        tls: Whether they speak TLS.
        url: The client's base URL.
        max_body_bytes: Largest body that the server takes.
        retries: How often the client repeats a call.
        options: Of its configuration.
    """
    before = descriptors()
    fake = FakeGroq(tls=tls, max_body_bytes=max_body_bytes)
    async with fake, fronting(fake._handle) as front:
        await keep_a_file(fake)
        if tls:
            options.setdefault("ssl_context", fake.ssl_context())
        base_url = url.format(scheme="https" if tls else "http", port=front.port)
        config = ClientConfig(
            api_key="gsk_test",
            base_url=base_url,
            allow_plaintext=True,
            trust_env=False,
            circuit_breaker=None,  # failure after failure is what is looked at here
            retry=RetryPolicy(max_retries=retries, jitter=0.0),
            **options,
        )
        async with GroqClient(config=config) as client:
            yield World(fake, front, client)
        assert client.pool.statistics().open == 0
    assert descriptors() - before == set()
