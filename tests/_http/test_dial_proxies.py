"""Through proxies, over real sockets: to which hop what is said, and what a failure leaves."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
import trustme
from trio.testing import MockClock

from _http.proxy_servers import ProxyServer, http_proxy, socks_proxy
from _http.tls_servers import client_context, server_context, stay, tls_server
from cancellation import Moment, cancel_at, descriptors
from trio_groq._http.connection import Connection, ReceiveBuffer
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.dial import Dialer
from trio_groq._http.exchange import Exchange, ExchangeLimits
from trio_groq._http.messages import Origin, Request, Span
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.pool_state import PoolLimits
from trio_groq._http.proxies import ProxySettings, as_proxy
from trio_groq._http.request_encoder import RequestEncoder
from trio_groq._http.tls_over_tls import TLSOverTLS
from trio_groq.errors import APIConnectionError, APITimeoutError, ConfigurationError
from trio_groq.testing import FakeGroq

USER = "us%40er:p%3Ass"
KEY = (b"Authorization", b"Bearer gsk_test")

KINDS = ["http", "https", "socks5h"]
each_kind = pytest.mark.parametrize("kind", KINDS)
each_scheme = pytest.mark.parametrize("tls", [False, True], ids=["to http", "to https"])


@asynccontextmanager
async def proxy_of(
    kind: str, authority: trustme.CA, *, user: str | None = None, **options: Any
) -> AsyncIterator[ProxyServer]:
    if kind == "socks5h":
        pytest.importorskip("socksio")
        async with socks_proxy(user=user, **options) as server:
            yield server
        return
    context = server_context(authority) if kind == "https" else None
    async with http_proxy(context=context, user=user, **options) as server:
        yield server


def dialer_through(url: str, *contexts: ssl.SSLContext) -> Dialer:
    (context,) = contexts or (None,)
    return Dialer(context, proxies=ProxySettings.all_through(as_proxy(url)))


def trusting(*pems: bytes) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=b"\n".join(pems).decode())


def origin_of(server: FakeGroq, host: str = "localhost") -> Origin:
    scheme = server.url.partition(":")[0]
    return Origin(scheme, host, int(server.url.rpartition(":")[2]))


async def fetch(dialer: Dialer, origin: Origin, times: int = 1) -> bytes:
    """Dial, and ask for the models; the last answer's body."""
    transport = await dialer.dial(origin)
    connection = Connection(transport, origin, ReceiveBuffer(), 1)
    body = bytearray()

    def consume(spans: list[Span]) -> bool:
        for data, start, end in spans:
            body.extend(memoryview(data)[start:end])
        return False

    try:
        for _ in range(times):
            body.clear()
            deadlines = Deadlines(Timeouts(read=5.0), trio.current_time())
            request = Request(origin, b"GET", b"/openai/v1/models?a=b", (KEY,))
            data = RequestEncoder(forwards=dialer.forwards).encode(request)
            head = await connection.send(Exchange(request), data, deadlines)
            await connection.receive(deadlines, consume)
            assert head.status == 200
        return bytes(body)
    finally:
        connection.close()


# -- every kind of proxy, to both kinds of origin


@each_kind
@each_scheme
@pytest.mark.parametrize("user", [None, USER], ids=["nobody", "user"])
async def test_a_request_goes_through(
    kind: str, tls: bool, user: str | None, authority: trustme.CA
) -> None:
    wanted = None if user is None else "us@er:p:ss"
    async with FakeGroq(tls=tls) as server, proxy_of(kind, authority, user=wanted) as proxy:
        pems = [authority.cert_pem.bytes()]
        if tls:
            pems.append(server.ca_pem)
        dialer = dialer_through(proxy.url(user or ""), trusting(*pems))
        assert b'"llama-3.1-8b-instant"' in await fetch(dialer, origin_of(server), times=3)
        assert proxy.accepted == 1
        assert server.connections_opened == 1
        for request in server.requests:
            names = [name for name, _ in request.headers]
            assert b"proxy-authorization" not in names
            assert request.header("authorization") == "Bearer gsk_test"
            assert request.path == "/openai/v1/models"
        told = b"".join(proxy.heads)
        forwarded = kind != "socks5h" and not tls
        assert (b"gsk_test" in told) is forwarded  # in a tunnel the key is none of its business
        assert (b"GET http://localhost:" in told) is forwarded
        assert len(proxy.heads) == (3 if forwarded else 1)


@each_kind
async def test_the_proxy_resolves_the_name(kind: str, authority: trustme.CA) -> None:
    async with (
        tls_server(server_context(authority, "nowhere.invalid"), stay) as origin,
        proxy_of(kind, authority) as proxy,
    ):
        dialer = dialer_through(proxy.url(), client_context(authority))
        transport = await dialer.dial(Origin("https", "nowhere.invalid", origin.port))
        transport.close()
        assert b"nowhere.invalid" in proxy.heads[0]


@each_kind
async def test_answers_in_single_bytes(kind: str, authority: trustme.CA) -> None:
    async with (
        tls_server(server_context(authority), stay) as origin,
        proxy_of(kind, authority, user="a:b", piece=1) as proxy,
    ):
        dialer = dialer_through(proxy.url("a:b"), client_context(authority))
        (await dialer.dial(origin)).close()


async def test_what_is_exempt_is_dialled_directly(authority: trustme.CA) -> None:
    async with (
        tls_server(server_context(authority), stay) as origin,
        http_proxy() as proxy,
    ):
        environ = {"HTTPS_PROXY": proxy.url()}
        settings = ProxySettings.from_env(environ, schemes=["https"])
        dialer = Dialer(client_context(authority), proxies=settings)
        (await dialer.dial(origin)).close()
        assert proxy.accepted == 0
        assert dialer.forwards(origin) is None


def test_what_is_forwarded() -> None:
    plain, secure = Origin("http", "a.test", 80), Origin("https", "a.test", 443)
    for scheme in ("http", "https"):
        proxy = as_proxy(f"{scheme}://proxy.test")
        dialer = Dialer(proxies=ProxySettings.all_through(proxy))
        assert dialer.forwards(plain) is proxy
        assert dialer.forwards(secure) is None
        refusal = dialer.refusal(plain, 407)
        assert refusal is not None
        assert "407 Proxy Authentication Required" in str(refusal)
        assert dialer.refusal(plain, 403) is None
        assert dialer.refusal(secure, 407) is None
    assert Dialer().forwards(plain) is None
    assert Dialer().refusal(plain, 407) is None


def test_socks_forwards_nothing() -> None:
    pytest.importorskip("socksio")
    dialer = dialer_through("socks5://proxy.test")
    assert dialer.forwards(Origin("http", "a.test", 80)) is None


def test_socks_without_its_package_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "socksio.socks5", None)
    with pytest.raises(ConfigurationError, match=r"trio-groq\[socks\]"):
        dialer_through("socks5://proxy.test")


# -- refusals and failures


@pytest.mark.parametrize("user", ["", "user:wrong-hunter2"], ids=["no user", "wrong user"])
@each_kind
async def test_a_proxy_that_wants_another_user(kind: str, user: str, authority: trustme.CA) -> None:
    async with proxy_of(kind, authority, user="a:b") as proxy:
        dialer = dialer_through(proxy.url(user), client_context(authority))
        with pytest.raises(APIConnectionError) as caught:
            await dialer.dial(Origin("https", "api.groq.com", 443))
    error = caught.value
    who = f"{proxy.scheme}://localhost:{proxy.port}"
    assert str(error).startswith(f"proxy {who}: expected a way to https://api.groq.com, got ")
    assert not error.is_retryable
    assert "hunter2" not in f"{error!r}{error.__notes__}{error.__cause__!r}{error.__context__!r}"


@pytest.mark.parametrize("status", [403, 502])
@pytest.mark.parametrize("kind", ["http", "https"])
async def test_a_refusal_is_told(kind: str, status: int, authority: trustme.CA) -> None:
    answer = b"HTTP/1.1 %d Nope\r\nContent-Length: 4\r\n\r\nnope" % status
    async with proxy_of(kind, authority, answer=answer) as proxy:
        before = descriptors()
        dialer = dialer_through(proxy.url(), client_context(authority))
        with pytest.raises(APIConnectionError, match=f"got {status} ") as caught:
            await dialer.dial(Origin("https", "api.groq.com", 443))
        assert caught.value.is_retryable is (status == 502)
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert descriptors() == before


async def test_a_socks_refusal_is_told(authority: trustme.CA) -> None:
    async with proxy_of("socks5h", authority, reply=5) as proxy:
        with pytest.raises(APIConnectionError, match="the connection was refused"):
            await dialer_through(proxy.url()).dial(Origin("http", "a.test", 80))


@each_kind
@pytest.mark.parametrize("read", [1, 65_536], ids=["reset", "end"])
async def test_a_proxy_that_hangs_up(kind: str, read: int, authority: trustme.CA) -> None:
    context = server_context(authority)
    async with trio.open_nursery() as nursery:

        async def handle(plain: trio.SocketStream) -> None:
            stream: Any = plain
            if kind == "https":
                stream = trio.SSLStream(plain, context, server_side=True)
            async with stream:
                await stream.receive_some(read)
                await trio.testing.wait_all_tasks_blocked(0.01)

        if kind == "socks5h":
            pytest.importorskip("socksio")
        listeners = await nursery.start(trio.serve_tcp, handle, 0)
        port = listeners[0].socket.getsockname()[1]
        dialer = dialer_through(f"{kind}://localhost:{port}", client_context(authority))
        with pytest.raises(APIConnectionError, match="proxy ") as caught:
            await dialer.dial(Origin("https", "api.groq.com", 443))
        assert caught.value.is_retryable
        nursery.cancel_scope.cancel()


async def test_a_proxy_that_is_not_there() -> None:
    with pytest.raises(APIConnectionError) as caught:
        await dialer_through("http://u:hunter2@localhost:9").dial(Origin("http", "a.test", 80))
    assert str(caught.value).startswith("connecting to proxy http://localhost:9: ")
    assert "hunter2" not in repr(caught.value)


async def test_a_proxy_with_the_wrong_certificate(authority: trustme.CA) -> None:
    async with http_proxy(context=server_context(authority, "other.test")) as proxy:
        dialer = dialer_through(proxy.url(), client_context(authority))
        with pytest.raises(APIConnectionError, match=r"^TLS with https://localhost") as caught:
            await dialer.dial(Origin("https", "api.groq.com", 443))
    assert not caught.value.is_retryable


@each_kind
async def test_an_origin_with_the_wrong_certificate(kind: str, authority: trustme.CA) -> None:
    async with (
        tls_server(server_context(authority, "other.test"), stay) as origin,
        proxy_of(kind, authority) as proxy,
    ):
        before = descriptors()
        dialer = dialer_through(proxy.url(), client_context(authority))
        with pytest.raises(APIConnectionError, match=rf"^TLS with {origin}: Hostname") as caught:
            await dialer.dial(origin)
        assert not caught.value.is_retryable
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert descriptors() == before


@each_kind
async def test_an_origin_that_ends_within_the_handshake(kind: str, authority: trustme.CA) -> None:
    async def hang_up(stream: trio.SocketStream) -> None:
        await stream.receive_some(1)
        await stream.aclose()

    async with trio.open_nursery() as nursery, proxy_of(kind, authority) as proxy:
        listeners = await nursery.start(trio.serve_tcp, hang_up, 0)
        origin = Origin("https", "localhost", listeners[0].socket.getsockname()[1])
        dialer = dialer_through(proxy.url(), client_context(authority))
        with trio.fail_after(10), pytest.raises(APIConnectionError, match=r"^TLS with ") as caught:
            await dialer.dial(origin)
        assert caught.value.is_retryable
        nursery.cancel_scope.cancel()


@each_kind
async def test_a_silent_proxy_is_within_the_limit_on_connecting(
    kind: str, authority: trustme.CA, autojump_clock: MockClock
) -> None:
    if kind == "socks5h":
        pytest.importorskip("socksio")
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        before = descriptors()
        port = listener.socket.getsockname()[1]
        dialer = dialer_through(f"{kind}://127.0.0.1:{port}", client_context(authority))
        pool = ConnectionPool(dialer, PoolLimits(), ExchangeLimits())
        deadlines = Deadlines(Timeouts(connect=7.0), trio.current_time())
        request = Request(Origin("https", "api.groq.com", 443), b"GET", b"/")
        with pytest.raises(APITimeoutError) as caught:
            await pool.send(request, deadlines)
        assert (caught.value.phase, trio.current_time()) == ("connect", 7.0)
        assert pool.statistics().open == 0
        pool.close()
        assert descriptors() == before


# -- TLS within TLS


async def test_tls_within_tls_carries_much_in_both_directions(authority: trustme.CA) -> None:
    size = 3_000_000
    got: list[int] = []

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        received = 0
        while received < size:
            received += len(await stream.receive_some(65_536))
        got.append(received)
        await stream.send_all(bytes(size))
        await stay(stream)

    async with (
        tls_server(server_context(authority), serve) as origin,
        http_proxy(context=server_context(authority)) as proxy,
    ):
        transport = await dialer_through(proxy.url(), client_context(authority)).dial(origin)
        assert isinstance(transport._sock, TLSOverTLS)
        back = 0

        def take(received: int) -> bool:
            nonlocal back
            back += received
            return back == size or received == 0

        with trio.fail_after(30):
            data = memoryview(bytes(size))
            sent = transport.send_now(bytes(data))
            await transport.send_all(data[sent:])
            buffer = memoryview(bytearray(65_536))
            await transport.receive(buffer, take, gap=5.0, end=float("inf"))
        assert (got, back) == ([size], size)
        assert transport.is_quiet()
        transport.close()
        transport.close()


async def test_tls_within_tls_that_is_cut_is_told(authority: trustme.CA) -> None:
    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        await stream.send_all(b"some")
        await stream.transport_stream.aclose()

    async with (
        tls_server(server_context(authority), serve) as origin,
        http_proxy(context=server_context(authority)) as proxy,
    ):
        transport = await dialer_through(proxy.url(), client_context(authority)).dial(origin)
        got: list[int] = []

        def take(received: int) -> bool:
            got.append(received)
            return False

        with trio.fail_after(10), pytest.raises(APIConnectionError):
            await transport.receive(memoryview(bytearray(99)), take, gap=5.0, end=float("inf"))
        assert got == [4]
        transport.close()


# -- cancelled, at every await in turn


async def sweep(call: Callable[[], Awaitable[str]], moment: Moment) -> int:
    """Cancel `call` at its first checkpoint, its second, ... until it ends before that."""
    for number in range(200):
        await trio.testing.wait_all_tasks_blocked(0.001)
        before = descriptors()
        outcome = await cancel_at(call, moment, number)
        await trio.testing.wait_all_tasks_blocked(0.001)
        assert descriptors() == before
        if not outcome.reached:
            assert outcome.answer == "dialled"
            return number
    raise AssertionError("the call never ends")


@each_kind
@pytest.mark.parametrize("moment", [Moment.AFTER, Moment.BEFORE])
async def test_cancelled_anywhere_it_leaves_no_socket(
    kind: str, moment: Moment, authority: trustme.CA
) -> None:
    async with (
        tls_server(server_context(authority), stay) as origin,
        proxy_of(kind, authority, user="a:b") as proxy,
    ):
        dialer = dialer_through(proxy.url("a:b"), client_context(authority))

        async def dial() -> str:
            (await dialer.dial(origin)).close()
            return "dialled"

        # The resolver, the connection, its TLS, its answers, and the origin's TLS.
        assert await sweep(partial(dial), moment) >= 5
