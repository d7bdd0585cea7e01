"""A Groq whose next connections go wrong as a test says, and a client that is to survive that.

What every fault must leave behind is checked in one place, `World.fails`: nothing but a `GroqError`
came out, nothing of the pool is taken, no descriptor is open that was not open before.
"""

import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias
from unittest import mock

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from cancellation import assert_whole, descriptors
from fault_calls import ANSWERS, WIRE, Call, uploaded
from trio_groq import ClientConfig, GroqClient, RetryPolicy
from trio_groq.errors import APIError, GroqError
from trio_groq.testing import FakeGroq, Fault, Reply
from trio_groq.testing.certificates import Certificates

__all__ = [
    "Front",
    "Script",
    "Stream",
    "World",
    "calm_clock",
    "fronting",
    "new_world",
    "request_of",
    "secured",
    "stay",
]

Stream: TypeAlias = trio.SocketStream | trio.SSLStream[trio.SocketStream]
Script: TypeAlias = Callable[[Stream], Awaitable[None]]

_LENGTH: Final = b"content-length:"
HANG: Final = 86_400.0
"""Seconds, virtual: no test comes that far unless a call hangs."""


def calm_clock() -> MockClock:
    """A clock that goes on once nothing has happened for a moment.

    Bytes between two sockets are no task of Trio's: they get the time to arrive.
    """
    return MockClock(autojump_threshold=0.004)


# -- what a script does


async def request_of(stream: Stream, *, head_only: bool = False) -> bytes:
    """The next request, as far as asked for; empty where the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.receive_some(65_536)
        if not more:
            return b""
        data += more
    fields, _, body = data.partition(b"\r\n\r\n")
    stated = [line[15:] for line in fields.lower().split(b"\r\n") if line[:15] == _LENGTH]
    while stated and not head_only and len(body) < int(stated[0]):
        more = await stream.receive_some(65_536)
        if not more:
            return b""
        body += more
    return fields


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

    sound: Callable[[trio.SocketStream], Awaitable[None]]
    port: int = 0
    bad: deque[Script] = attrs.field(factory=deque)
    accepted: int = 0
    open: int = 0

    async def handle(self, stream: trio.SocketStream) -> None:
        """Treat one connection."""
        self.accepted += 1
        self.open += 1
        serve = self.bad.popleft() if self.bad else self.sound
        try:
            async with stream:
                await serve(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client has gone, as it should in many of these
        finally:
            self.open -= 1


@asynccontextmanager
async def fronting(
    sound: Callable[[trio.SocketStream], Awaitable[None]],
) -> AsyncIterator[Front]:
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
        self.next_raw(*scripts)

    def next_raw(self, *scripts: Script) -> None:
        """The same, below TLS."""
        self.fake.close_connections()  # so that there is a next one
        self.front.bad.extend(scripts)

    async def settle(self) -> None:
        """Let the server see what the client has closed."""
        for turn in range(40):
            if self.front.open == self.client.pool.statistics().idle:
                return
            if turn < 20:
                await wait_all_tasks_blocked(0.001)
            else:  # the server may be asleep
                await trio.sleep(60)
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
        """Nothing is taken, and no descriptor is open but those before and of what is kept."""
        await self.settle()
        kept = assert_whole(self.client).idle
        assert len(descriptors() - before) <= 2 * kept, "both sides are of this process"


async def keep_a_file(fake: FakeGroq) -> None:
    """Upload what `downloaded` asks for."""
    context = fake.ssl_context() if fake.url.startswith("https") else None
    async with GroqClient("gsk_test", base_url=fake.url, ssl_context=context) as client:
        await uploaded(client)


async def without_a_thread(function: Callable[..., Any], *args: Any, **_: Any) -> Any:
    """What `trio.to_thread.run_sync` does, here: a virtual clock does not wait for threads."""
    await trio.lowlevel.checkpoint()
    return function(*args)


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
    with mock.patch.object(trio.to_thread, "run_sync", without_a_thread):
        async with fake, fronting(fake._handle) as front:
            await keep_a_file(fake)
            if tls:
                options.setdefault("ssl_context", fake.ssl_context())
            config = ClientConfig(
                api_key="gsk_test",
                base_url=url.format(scheme="https" if tls else "http", port=front.port),
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
