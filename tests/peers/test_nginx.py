"""A real nginx as a reverse proxy in front of FakeGroq, set up in a dozen ways."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
import trio
from trio.testing import MockClock

from peers.nginx import NGINX, SERVERS, Nginx, in_front_of
from peers.raw_peer import MESSAGES, Metronome
from trio_groq import (
    APIConnectionError,
    GroqClient,
    InternalServerError,
    RequestTooLargeError,
    RetryPolicy,
    StreamError,
)
from trio_groq.testing import FakeGroq, Fault, RecordedRequest, Reply

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is neither on PATH nor in /usr/sbin")

GOOD = [name for name in SERVERS if name != "no upstream"]
KEPT = [name for name in GOOD if name not in ("closes after 3", "no keep-alive", "closes soon")]


def answer(prompt: str) -> str:
    return f"This is the answer to {prompt}. " * 5


def reply(request: RecordedRequest) -> Reply | None:
    """Every prompt gets its own answer."""
    if "messages" not in request.params:
        return None
    return Reply(content=answer(request.params["messages"][-1]["content"]))


@attrs.frozen
class House:
    """FakeGroq, and nginx before it."""

    server: FakeGroq
    nginx: Nginx

    def client(self, name: str, *, max_retries: int = 0) -> GroqClient:
        """A client of one of nginx's servers."""
        context: ssl.SSLContext | None = None
        if name == "TLS":
            context = ssl.create_default_context()
            self.nginx.authority.configure_trust(context)
        # An event stream is asked for uncompressed; servers that compress one need to be told.
        coding = {"Accept-Encoding": "gzip"} if "gzip" in name else {}
        # Without a wait between attempts the standing clock need not go on.
        policy = RetryPolicy(max_retries=max_retries, initial_delay=0.0)
        return GroqClient(
            "gsk_test",
            base_url=self.nginx.url(name),
            ssl_context=context,
            max_retries=policy,
            default_headers=coding,
        )


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    async with FakeGroq(models=None, default_reply=reply) as server:
        port = urlsplit(server.url).port
        assert port is not None
        async with in_front_of(port, folder) as nginx:
            yield House(server, nginx)


async def ask(client: GroqClient, prompt: str, *, streamed: bool) -> None:
    call: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
    if streamed:
        async with client.chat.completions.stream(**call) as stream:
            completion = await stream.until_done()
    else:
        completion = await client.chat.completions.create(**call)
    assert completion.choices[0].message.content == answer(prompt)
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None


async def test_nginx_does_what_this_file_believes(still_clock: MockClock, tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        seen: dict[str, Any] = {}
        for name in GOOD:
            async with at.client(name) as client:
                completion = await client.chat.completions.create(model="m", messages=MESSAGES)
                assert completion.meta is not None
                seen[name] = completion.meta.headers
                async with client.chat.completions.stream(model="m", messages=MESSAGES) as stream:
                    await stream.until_done()
                headers = stream.response.headers
            assert headers["server"].startswith("nginx")
            assert headers["transfer-encoding"] == "chunked"
            assert headers.get("content-encoding") == ("gzip" if "gzip" in name else None)
            version = "1.0" if name == "HTTP/1.0 upstream" else "1.1"
            assert at.server.requests[-1].http_version == version
        assert seen["gzip"]["content-encoding"] == "gzip"
        assert seen["keep-alive stated"]["keep-alive"] == "timeout=5"
        assert seen["no keep-alive"]["connection"] == "close"
        assert seen["buffered"]["connection"] == "keep-alive"


async def test_streams_and_plain_calls_over_one_connection(
    still_clock: MockClock, tmp_path: Path
) -> None:
    async with house(tmp_path) as at:
        for name in KEPT:
            async with at.client(name) as client:
                for number in range(6):
                    await ask(client, f"{name} {number}", streamed=number % 2 == 0)
                pool = client.pool.statistics()
            assert (pool.opened, pool.reused, pool.idle, pool.closed) == (1, 5, 1, 0), name


@pytest.mark.parametrize("name", GOOD)
async def test_fifty_at_once_each_with_its_own_answer(
    still_clock: MockClock, tmp_path: Path, name: str
) -> None:
    async with house(tmp_path) as at, at.client(name) as client:

        async def three(number: int) -> None:
            for turn in range(3):
                await ask(client, f"{number}-{turn}", streamed=turn != 1)

        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(three, number)
        pool = client.pool.statistics()
        assert (pool.leased, pool.dialling, pool.waiting) == (0, 0, 0)
        assert pool.open == pool.idle == pool.opened - pool.closed
        if name in KEPT:
            assert pool.opened + pool.reused == 150
            assert pool.opened <= 50
            assert pool.closed == 0
        assert at.server.requests_served == 150


async def test_nginx_closes_after_n_requests(still_clock: MockClock, tmp_path: Path) -> None:
    async with house(tmp_path) as at, at.client("closes after 3") as client:
        for number in range(9):
            await ask(client, f"{number}", streamed=number % 2 == 0)
        pool = client.pool.statistics()
        assert (pool.opened, pool.reused, pool.closed, pool.stale) == (3, 6, 3, 0)
        assert at.server.requests_served == 9


async def test_nginx_keeps_no_connection(still_clock: MockClock, tmp_path: Path) -> None:
    async with house(tmp_path) as at, at.client("no keep-alive") as client:
        for number in range(4):
            await ask(client, f"{number}", streamed=number % 2 == 0)
        pool = client.pool.statistics()
        assert (pool.opened, pool.reused, pool.closed, pool.stale) == (4, 0, 4, 0)


async def test_nginx_closes_an_idle_connection(still_clock: MockClock, tmp_path: Path) -> None:
    """After 50 ms of nginx's time; a connection that is younger than the client's tells when."""
    async with house(tmp_path) as at, at.client("closes soon") as client:
        await ask(client, "first", streamed=True)
        async with await trio.open_tcp_stream("127.0.0.1", at.nginx.ports["closes soon"]) as raw:
            await raw.send_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
            while await raw.receive_some():
                pass
        await ask(client, "second", streamed=False)
        pool = client.pool.statistics()
        assert (pool.opened, pool.stale) == (2, 1)
        assert at.server.requests_served == 3


async def test_a_dead_upstream(still_clock: MockClock, tmp_path: Path) -> None:
    async with house(tmp_path) as at, at.client("no upstream", max_retries=2) as client:
        # Two accounts and one circuit: the fifth failure in a row opens it.
        for streamed, attempts in ((False, 3), (True, 2)):
            account = client.with_options(api_key=f"gsk_{streamed}")
            with pytest.raises(InternalServerError) as raised:
                await account.chat.completions.create(model="m", messages=MESSAGES, stream=streamed)
            error = raised.value
            assert (error.status_code, error.attempts) == (502, attempts)
            assert "502 Bad Gateway" in str(error)
            assert len(str(error)) < 300
            assert isinstance(error.body, str)
            assert "<html>" in error.body
            assert error.headers["content-type"] == "text/html"
        pool = client.pool.statistics()
        assert (pool.opened, pool.reused, pool.idle) == (1, 4, 1)
        assert at.server.requests_served == 0


@pytest.mark.parametrize("size", [2_000, 4_000_000], ids=["a little", "by far"])
async def test_a_request_that_is_too_large(
    still_clock: MockClock, tmp_path: Path, size: int
) -> None:
    """nginx refuses it from its head, and may close while the body is still being sent."""
    async with house(tmp_path) as at, at.client("small requests", max_retries=2) as client:
        with pytest.raises(RequestTooLargeError, match="413 Request Entity Too Large") as raised:
            await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "x" * size}]
            )
        assert raised.value.attempts == 1
        await ask(client, "small", streamed=True)
        assert client.pool.statistics().leased == 0
        assert at.server.requests_served == 1


async def test_an_unknown_authority_is_not_trusted(still_clock: MockClock, tmp_path: Path) -> None:
    async with house(tmp_path) as at:
        client = GroqClient(
            "gsk_test",
            base_url=at.nginx.url("TLS"),
            ssl_context=ssl.create_default_context(),
        )
        async with client:
            with pytest.raises(APIConnectionError, match="certificate"):
                await ask(client, "first", streamed=False)
            assert client.pool.statistics().open == 0
        assert at.server.requests_served == 0


@pytest.mark.parametrize("name", ["buffered", "unbuffered", "gzip", "TLS"])
@pytest.mark.parametrize("fault", [Fault.truncate, Fault.reset], ids=["truncate", "reset"])
async def test_an_upstream_that_breaks_off(
    still_clock: MockClock, tmp_path: Path, name: str, fault: Any
) -> None:
    async with house(tmp_path) as at, at.client(name, max_retries=2) as client:
        at.server.enqueue(Reply(content=answer("long"), fault=fault(3000)))
        async with client.chat.completions.stream(model="m", messages=MESSAGES) as stream:
            with pytest.raises(StreamError) as raised:
                await stream.until_done()
        text = raised.value.partial.choices[0].message.content or ""
        assert answer("long").startswith(text)
        assert client.pool.statistics().open == 0
        await ask(client, "whole", streamed=True)
        assert at.server.requests_served == 2


@pytest.mark.parametrize("name", ["buffered", "unbuffered", "gzip, buffered", "TLS"])
async def test_large_answers(still_clock: MockClock, tmp_path: Path, name: str) -> None:
    """Beyond nginx's buffers: what does not fit it writes to a file, and reads it back."""
    text = "".join(f"{number} " for number in range(150_000))
    async with house(tmp_path) as at, at.client(name) as client:
        at.server.enqueue(Reply(content=text), Reply(tokens=[text[:500_000], text[500_000:]]))
        completion = await client.chat.completions.create(model="m", messages=MESSAGES)
        assert completion.choices[0].message.content == text
        async with client.chat.completions.stream(model="m", messages=MESSAGES) as stream:
            completion = await stream.until_done()
        assert completion.choices[0].message.content == text
        pool = client.pool.statistics()
        assert (pool.opened, pool.reused) == (1, 1)


NO_BUFFER = ("X-Accel-Buffering: no",)


@pytest.mark.parametrize(
    "way",
    [
        ("unbuffered", (), False),
        ("unbuffered", (), True),
        ("gzip", (), False),
        ("buffered", NO_BUFFER, False),
        ("gzip, buffered", NO_BUFFER, False),
        ("HTTP/1.0 upstream", NO_BUFFER, False),
        ("TLS", NO_BUFFER, True),
    ],
    ids=lambda way: f"{way[0]}{', the header' if way[1] else ''}{', compressed' if way[2] else ''}",
)
async def test_each_token_arrives_before_the_next_is_sent(
    still_clock: MockClock,
    nursery: trio.Nursery,
    tmp_path: Path,
    way: tuple[str, tuple[str, ...], bool],
) -> None:
    name, fields, compress = way
    server = Metronome(20, compress, fields)
    listeners = await nursery.start(trio.serve_tcp, server.handle, 0)
    async with (
        FakeGroq() as unused,
        in_front_of(listeners[0].socket.getsockname()[1], tmp_path) as nginx,
        House(unused, nginx).client(name) as client,
    ):
        with trio.fail_after(60):
            await server.follow(client)
        assert client.pool.statistics().idle == 1
    nursery.cancel_scope.cancel()
