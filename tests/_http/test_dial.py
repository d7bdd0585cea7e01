"""An origin -> a transport: DNS, addresses, TLS, and whom it trusts."""

import math
import os
import socket
import ssl
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from trio.testing import MockClock

from trio_groq import GroqClient
from trio_groq._http import dial
from trio_groq._http.connection import Connection, ReceiveBuffer
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.dial import Dialer, default_ssl_context
from trio_groq._http.exchange import Exchange, RequestEncoder
from trio_groq._http.messages import Origin, Request, Span
from trio_groq._http.transport import Transport
from trio_groq.errors import APIConnectionError, APITimeoutError, ConfigurationError
from trio_groq.testing import FakeGroq, Fault, Reply

Serve = Callable[[trio.SSLStream[trio.SocketStream]], Any]


def open_descriptors() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208 (a count is wanted)


def origin_of(server: FakeGroq) -> Origin:
    return Origin("https", "localhost", int(server.url.rpartition(":")[2]))


class Resolver(trio.abc.HostnameResolver):
    """Answers with these addresses, or as it was told to fail."""

    def __init__(self, *addresses: str, failure: Exception | None = None) -> None:
        self.addresses = addresses
        self.failure = failure

    async def getaddrinfo(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        await trio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in self.addresses
        ]

    async def getnameinfo(self, *args: object, **kwargs: object) -> Any:
        raise NotImplementedError


@asynccontextmanager
async def tls_server(context: ssl.SSLContext, serve: Serve) -> AsyncIterator[Origin]:
    """A server that hands each connection, its handshake done, to `serve`."""

    async def handle(plain: trio.SocketStream) -> None:
        stream = trio.SSLStream(plain, context, server_side=True, https_compatible=True)
        async with plain:
            try:
                await stream.do_handshake()
                await serve(stream)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the client has refused us, as it should in many of these

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, handle, 0)
        yield Origin("https", "localhost", listeners[0].socket.getsockname()[1])
        nursery.cancel_scope.cancel()


async def stay(stream: trio.SSLStream[trio.SocketStream]) -> None:
    await stream.receive_some(1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(*(names or ("localhost",))).configure_cert(context)
    return context


def client_context(authority: trustme.CA) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.cert_pem.bytes().decode())


# -- TCP


async def test_a_plain_transport(fake_groq: FakeGroq) -> None:
    transport = await Dialer().dial(Origin("http", "127.0.0.1", int(fake_groq.url[17:])))
    assert isinstance(transport, Transport)
    assert transport._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert transport._sock.getblocking() is False
    transport.close()


async def test_a_name_that_does_not_exist() -> None:
    failure = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    trio.socket.set_custom_hostname_resolver(Resolver(failure=failure))
    with pytest.raises(APIConnectionError) as caught:
        await Dialer().dial(Origin("https", "nope.invalid", 443))
    assert str(caught.value) == "connecting to https://nope.invalid: Name or service not known"
    assert "could not be resolved" in caught.value.__notes__[0]
    assert caught.value.__cause__ is failure


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..b", "a\x00b"])
async def test_a_name_that_is_none(host: str) -> None:
    with pytest.raises((APIConnectionError, ConfigurationError)):
        await Dialer().dial(Origin("http", host, 80))


async def test_a_refused_connection() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        origin = Origin("http", "127.0.0.1", unused.getsockname()[1])
        before = open_descriptors()
        with pytest.raises(APIConnectionError, match="Connection refused") as caught:
            await Dialer().dial(origin)
        assert str(caught.value).startswith(f"connecting to {origin}: ")
        assert open_descriptors() == before


async def test_the_next_address_is_tried(fake_groq: FakeGroq) -> None:
    trio.socket.set_custom_hostname_resolver(Resolver("::1", "127.0.0.1"))
    transport = await Dialer().dial(Origin("http", "localhost", int(fake_groq.url[17:])))
    assert transport._sock.getpeername()[0] == "127.0.0.1"
    transport.close()


async def test_every_reason_is_told_once() -> None:
    trio.socket.set_custom_hostname_resolver(Resolver("127.0.0.1", "127.0.0.2"))
    with socket.socket() as unused:
        unused.bind(("0.0.0.0", 0))  # noqa: S104 (it does not listen)
        with pytest.raises(APIConnectionError) as caught:
            await Dialer().dial(Origin("http", "a.test", unused.getsockname()[1]))
    assert "Connection refused" in str(caught.value)


async def test_a_cancelled_handshake_leaves_no_socket(authority: trustme.CA) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        origin = Origin("https", "127.0.0.1", listener.socket.getsockname()[1])
        before = open_descriptors()
        with trio.move_on_after(0.01) as scope:
            await Dialer(client_context(authority)).dial(origin)
        assert scope.cancelled_caught
        assert open_descriptors() == before


async def test_a_handshake_is_within_the_limit_on_connecting(
    authority: trustme.CA, autojump_clock: MockClock
) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        url = f"https://127.0.0.1:{listener.socket.getsockname()[1]}"
        options: Any = {"ssl_context": client_context(authority), "max_retries": 0}
        async with GroqClient("gsk_test", base_url=url, **options) as client:
            with pytest.raises(APITimeoutError) as caught:
                await client.request("GET", "models")
    assert (caught.value.phase, trio.current_time()) == ("connect", 5.0)


# -- TLS: whom it trusts


async def test_a_wrong_host_is_refused(authority: trustme.CA) -> None:
    async with tls_server(server_context(authority, "other.test"), stay) as origin:
        with pytest.raises(APIConnectionError, match=r"TLS with .*Hostname mismatch") as caught:
            await Dialer(client_context(authority)).dial(origin)
    assert not caught.value.is_retryable
    assert "SSL_CERT_FILE" in caught.value.__notes__[0]


async def test_a_wrong_authority_is_refused(authority: trustme.CA) -> None:
    async with tls_server(server_context(trustme.CA()), stay) as origin:
        with pytest.raises(APIConnectionError, match=r"TLS with .*certificate") as caught:
            await Dialer(client_context(authority)).dial(origin)
    assert not caught.value.is_retryable
    assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


async def test_a_refusal_leaks_no_descriptor(authority: trustme.CA) -> None:
    async with tls_server(server_context(trustme.CA()), stay) as origin:
        dialer = Dialer(client_context(authority))
        counts = []
        for _ in range(3):
            with pytest.raises(APIConnectionError):
                await dialer.dial(origin)
            await trio.testing.wait_all_tasks_blocked(0.01)
            counts.append(open_descriptors())
    assert len(set(counts)) == 1


async def test_a_plain_server_is_no_tls_server(fake_groq: FakeGroq, authority: trustme.CA) -> None:
    origin = Origin("https", "127.0.0.1", int(fake_groq.url[17:]))
    with trio.fail_after(10), pytest.raises(APIConnectionError, match=r"^TLS with https://127"):
        await Dialer(client_context(authority)).dial(origin)


async def test_a_server_that_closes_during_the_handshake(authority: trustme.CA) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery, listener:

        async def close_at_once() -> None:
            await (await listener.accept()).aclose()

        nursery.start_soon(close_at_once)
        origin = Origin("https", "127.0.0.1", listener.socket.getsockname()[1])
        with pytest.raises(APIConnectionError) as caught:
            await Dialer(client_context(authority)).dial(origin)
    assert caught.value.is_retryable


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`SSL_CERT_FILE` names our authority."""
    path = tmp_path / "authority.pem"
    path.write_bytes(authority.cert_pem.bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    return path


def old_context(context: ssl.SSLContext) -> ssl.SSLContext:
    """The context, down to TLS 1.1 alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


async def test_tls_1_1_is_refused(authority: trustme.CA, trusted: Path) -> None:
    async with tls_server(old_context(server_context(authority)), stay) as origin:
        try:
            (await Dialer(old_context(client_context(authority))).dial(origin)).close()
        except APIConnectionError as error:
            pytest.skip(f"this OpenSSL has no TLS 1.1 to offer: {error}")
        with pytest.raises(APIConnectionError, match=r"^TLS with"):
            await Dialer().dial(origin)


async def test_ssl_cert_file_is_honoured(authority: trustme.CA, trusted: Path) -> None:
    context = default_ssl_context()
    assert context is default_ssl_context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    async with tls_server(server_context(authority), stay) as origin:
        (await Dialer().dial(origin)).close()


async def test_without_it_our_authority_is_a_stranger(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    async with tls_server(server_context(authority), stay) as origin:
        with pytest.raises((APIConnectionError, ConfigurationError)):
            await Dialer().dial(origin)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_missing_file_is_told(name: str, trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/no/such/path")
    with pytest.raises(ConfigurationError, match=f"^{name}: expected a path that exists"):
        default_ssl_context()


@pytest.mark.parametrize("content", [b"", b"no certificate\n"], ids=["empty", "text"])
def test_a_file_without_certificates_is_told(trusted: Path, content: bytes) -> None:
    # OpenSSL itself passes over it in silence, and trusts whom it trusts without it.
    trusted.write_bytes(content)
    dial._trusting.cache_clear()
    with pytest.raises(ConfigurationError, match=r"^SSL_CERT_FILE: expected"):
        default_ssl_context()


def test_a_system_without_authorities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: Path
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(ssl, "create_default_context", lambda: bare)
    monkeypatch.setattr(dial, "_system_has_authorities", lambda context: False)
    monkeypatch.setattr(dial, "_certifi_file", lambda: None)
    dial._trusting.cache_clear()
    with pytest.raises(ConfigurationError, match="expected certificate authorities"):
        default_ssl_context()
    monkeypatch.setattr(dial, "_certifi_file", lambda: str(trusted))
    assert default_ssl_context().cert_store_stats()["x509_ca"] == 1
    dial._trusting.cache_clear()


def test_certifi_is_used_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = dial._certifi_file()
    assert found is None or Path(found).is_file()
    monkeypatch.setitem(sys.modules, "certifi", None)
    assert dial._certifi_file() is None


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
