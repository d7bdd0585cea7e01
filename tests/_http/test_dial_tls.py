"""An origin -> a transport: what TLS offers, what it leaves alone, and how its bytes come."""

import math
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from _http.tls_servers import client_context, server_context, stay, tls_server
from trio_groq import GroqClient
from trio_groq._http.connection import Connection, ReceiveBuffer
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.dial import Dialer
from trio_groq._http.exchange import Exchange
from trio_groq._http.messages import Origin, Request, Span
from trio_groq._http.request_encoder import RequestEncoder
from trio_groq.errors import APIConnectionError, APITimeoutError
from trio_groq.testing import FakeGroq, Fault, Reply

# -- TLS: what it offers, and what it leaves alone


async def test_http_1_1_is_offered(authority: trustme.CA, trusted: Path) -> None:
    offered: list[str | None] = []

    async def note(stream: trio.SSLStream[trio.SocketStream]) -> None:
        offered.append(stream.selected_alpn_protocol())
        await stay(stream)

    context = server_context(authority)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with tls_server(context, note) as origin:
        (await Dialer().dial(origin)).close()
        await trio.testing.wait_all_tasks_blocked(0.01)
    assert offered == ["http/1.1"]


async def test_another_protocol_is_refused(authority: trustme.CA) -> None:
    server, ours = server_context(authority), client_context(authority)
    for context in (server, ours):
        context.set_alpn_protocols(["h2"])
    async with tls_server(server, stay) as origin:
        with pytest.raises(APIConnectionError, match=r"ALPN with .*expected http/1.1, got h2"):
            await Dialer(ours).dial(origin)


async def test_the_caller_s_context_stays_as_it_is(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = client_context(authority)

    def state() -> tuple[object, ...]:
        return (
            context.options,
            context.verify_flags,
            context.verify_mode,
            context.check_hostname,
            context.minimum_version,
            context.maximum_version,
            context.cert_store_stats(),
            [cipher["name"] for cipher in context.get_ciphers()],
        )

    def forbidden(self: object, *args: object) -> None:
        raise AssertionError("the context was changed")

    before = state()
    serving = server_context(authority)
    for name in ("set_alpn_protocols", "set_ciphers", "load_verify_locations"):
        monkeypatch.setattr(ssl.SSLContext, name, forbidden)
    async with tls_server(serving, stay) as origin:
        (await Dialer(context).dial(origin)).close()
    assert state() == before


# -- TLS: bytes


async def test_a_warm_connection_survives_session_tickets() -> None:
    async with FakeGroq(tls=True) as server:
        options: Any = {"ssl_context": server.ssl_context()}
        async with GroqClient("gsk_test", base_url=server.url, **options) as client:
            for _ in range(4):
                await client.request("GET", "models")
            statistics = client.pool.statistics()
    assert (statistics.opened, statistics.reused, statistics.stale) == (1, 3, 0)


async def test_a_body_until_close_that_is_cut_is_no_body() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    async with FakeGroq(tls=True) as server:
        options: Any = {"ssl_context": server.ssl_context(), "max_retries": 0}
        async with GroqClient("gsk_test", base_url=server.url, **options) as client:
            whole = Reply.raw(head + b"all of it", close=True)
            torn = Reply.raw(head + b"all of it", fault=Fault.truncate(len(head) + 9))
            server.enqueue(whole, torn)
            assert await client.request("GET", "x", cast_to=bytes) == b"all of it"
            with pytest.raises(APIConnectionError):
                await client.request("GET", "x", cast_to=bytes)


async def fetch(origin: Origin, context: ssl.SSLContext, *, read: float) -> bytes:
    """Ask, and read the body; an error if `read` seconds pass without a byte."""
    transport = await Dialer(context).dial(origin)
    connection = Connection(transport, origin, ReceiveBuffer(), 1)
    try:
        deadlines = Deadlines(Timeouts(read=read), trio.current_time())
        request = Request(origin, b"GET", b"/")
        await connection.send(Exchange(request), RequestEncoder().encode(request), deadlines)
        body = bytearray()

        def consume(spans: list[Span]) -> bool:
            for data, start, end in spans:
                body.extend(memoryview(data)[start:end])
            return False

        await connection.receive(deadlines, consume)
        return bytes(body)
    finally:
        connection.close()


async def test_many_records_in_one_receive_are_all_taken(authority: trustme.CA) -> None:
    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        await stream.receive_some(65536)
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n")
        for _ in range(3000):
            await stream.send_all(b"x" * 100)
        await stay(stream)

    async with tls_server(server_context(authority), serve) as origin:
        assert len(await fetch(origin, client_context(authority), read=5.0)) == 300_000


class ByHand:
    """The server's side of TLS with its bytes in our hands."""

    def __init__(self, context: ssl.SSLContext, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    async def step(self, function: Callable[[], Any]) -> Any:
        while True:
            try:
                result = function()
            except ssl.SSLWantReadError:
                await self.flush()
                self.incoming.write(await self.stream.receive_some(65536))
            else:
                await self.flush()
                return result

    async def flush(self, more: bytes = b"") -> None:
        if data := self.outgoing.read() + more:
            await self.stream.send_all(data)


@pytest.mark.parametrize("end", ["close_notify", "garbage"])
async def test_an_end_that_comes_with_the_last_record_is_seen_at_once(
    authority: trustme.CA, end: str
) -> None:
    """The kernel has nothing left to tell: what TLS knows must not wait for it."""
    context = server_context(authority)

    async def handle(stream: trio.SocketStream) -> None:
        server = ByHand(context, stream)
        await server.step(server.tls.do_handshake)
        await server.step(lambda: server.tls.read(65536))
        server.tls.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await server.flush()
        await trio.testing.wait_all_tasks_blocked(0.01)
        server.tls.write(b"body")
        if end == "close_notify":
            with pytest.raises(ssl.SSLWantReadError):
                server.tls.unwrap()
            await server.flush()
        else:
            await server.flush(b"\x17\x03\x03\x00\x20" + bytes(32))
        await stream.receive_some(1)  # stays open until the client closes
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, handle, 0)
        origin = Origin("https", "localhost", listeners[0].socket.getsockname()[1])
        with trio.fail_after(5):
            if end == "close_notify":
                assert await fetch(origin, client_context(authority), read=2.0) == b"body"
            else:
                with pytest.raises(APIConnectionError) as caught:
                    await fetch(origin, client_context(authority), read=2.0)
                assert not isinstance(caught.value, APITimeoutError)
        nursery.cancel_scope.cancel()


async def test_infinity_is_no_limit(fake_groq: FakeGroq) -> None:
    transport = await Dialer().dial(Origin("http", "127.0.0.1", int(fake_groq.url[17:])))
    transport.send_now(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    got: list[int] = []
    buffer = memoryview(bytearray(9))

    def take(received: int) -> bool:
        got.append(received)
        return True

    await transport.receive(buffer, take, gap=math.inf, end=math.inf)
    assert got == [9]
    transport.close()


# -- what to do about a handshake that fails


async def notes_of(context: ssl.SSLContext, origin: Origin) -> str:
    with pytest.raises(APIConnectionError) as caught:
        await Dialer(context).dial(origin)
    return " ".join(caught.value.__notes__)


async def test_a_certificate_of_another_host_is_no_matter_of_trust(
    authority: trustme.CA,
) -> None:
    async with tls_server(server_context(authority), stay) as origin:
        elsewhere = Origin("https", "127.0.0.2", origin.port)
        said = await notes_of(client_context(authority), elsewhere)
        assert "is another host's: check the host in base_url" in said
        assert "inspects" not in said
        assert "A proxy that inspects TLS" in await notes_of(ssl.create_default_context(), origin)


async def test_a_server_that_speaks_no_tls(fake_groq: FakeGroq) -> None:
    port = int(fake_groq.url.rpartition(":")[2])
    said = await notes_of(ssl.create_default_context(), Origin("https", "127.0.0.1", port))
    assert "speaks no TLS: check the port, and whether it is http" in said


async def test_a_port_where_nobody_listens() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    said = await notes_of(ssl.create_default_context(), Origin("http", "127.0.0.1", port))
    assert said.startswith("Nothing listens at that port: check base_url")
