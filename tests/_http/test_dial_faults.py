"""What the network does wrong while a connection is made: a clear error within the limits."""

import errno
import resource
import select
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import trio
import trustme
from trio.testing import MockClock

from _http.test_dial import Resolver
from _http.tls_servers import client_context, server_context, stay, tls_server
from cancellation import descriptors
from trio_groq._http import tcp
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.dial import Dialer, _when_ready
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.messages import Origin, Request
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.pool_state import PoolLimits
from trio_groq.errors import APIConnectionError, APITimeoutError, ConfigurationError

# -- the socket's options


async def test_a_silent_connection_is_probed() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        sock = await tcp.connect("127.0.0.1", listener.socket.getsockname()[1], "x")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        idle = getattr(socket, "TCP_KEEPIDLE", None) or getattr(socket, "TCP_KEEPALIVE", None)
        for option, value in (
            (idle, tcp.KEEP_ALIVE_IDLE),
            (getattr(socket, "TCP_KEEPINTVL", None), tcp.KEEP_ALIVE_INTERVAL),
            (getattr(socket, "TCP_KEEPCNT", None), tcp.KEEP_ALIVE_PROBES),
        ):
            if option is not None:
                assert sock.getsockopt(socket.IPPROTO_TCP, option) == value
        sock.close()


async def test_options_that_the_system_does_not_know_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp, "_OPTIONS", (("TCP_NO_SUCH_OPTION", 1),))
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        (await tcp.connect("127.0.0.1", listener.socket.getsockname()[1], "x")).close()


async def test_options_that_are_refused_leave_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_sock: socket.socket) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(tcp, "_keep_alive", refuse)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        before = descriptors()
        with pytest.raises(APIConnectionError, match="connecting to x: Invalid argument"):
            await tcp.connect("127.0.0.1", listener.socket.getsockname()[1], "x")
        assert descriptors() == before


# -- DNS


@pytest.mark.parametrize(
    "code", [socket.EAI_NONAME, socket.EAI_AGAIN, socket.EAI_FAIL], ids=["none", "again", "fail"]
)
async def test_dns_that_fails(code: int) -> None:
    trio.socket.set_custom_hostname_resolver(Resolver(failure=socket.gaierror(code, "no luck")))
    before = descriptors()
    with pytest.raises(
        APIConnectionError, match=r"connecting to https://a\.test: no luck"
    ) as caught:
        await Dialer().dial(Origin("https", "a.test", 443))
    assert caught.value.is_retryable
    assert descriptors() == before


class SilentResolver(trio.abc.HostnameResolver):
    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:
        await trio.sleep_forever()

    async def getnameinfo(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError


async def ask(dialer: Dialer, origin: Origin, *, connect: float = 5.0) -> None:
    pool = ConnectionPool(dialer, PoolLimits(), ExchangeLimits())
    try:
        deadlines = Deadlines(Timeouts(connect=connect), trio.current_time())
        connection, _ = await pool.send(Request(origin, b"GET", b"/"), deadlines)
        pool.release(connection)
    finally:
        assert pool.statistics().leased == 0
        assert pool.statistics().dialling == 0
        pool.close()


async def test_dns_that_is_silent(autojump_clock: MockClock) -> None:
    trio.socket.set_custom_hostname_resolver(SilentResolver())
    with pytest.raises(APITimeoutError) as caught:
        await ask(Dialer(), Origin("https", "a.test", 443))
    assert (caught.value.phase, trio.current_time()) == ("connect", 5.0)


# -- black holes


class Hole(trio.socket.SocketType):
    """A socket of the one family that there surely is; where `hole`, it never connects."""

    def __init__(self, made: trio.socket.SocketType, *, hole: bool) -> None:
        self.made = made
        self.hole = hole

    async def connect(self, address: Any) -> None:
        if self.hole:
            await trio.sleep_forever()
        await self.made.connect(address)

    def setsockopt(self, *args: Any) -> None:
        if not self.hole:  # the options are another family's
            self.made.setsockopt(*args)

    def close(self) -> None:
        self.made.close()

    def detach(self) -> int:
        return self.made.detach()

    def getpeername(self) -> Any:
        return self.made.getpeername()

    @property
    def type(self) -> Any:
        return self.made.type

    @property
    def family(self) -> Any:
        return self.made.family

    @property
    def proto(self) -> int:
        return self.made.proto


class BlackHoles(trio.abc.SocketFactory):
    """Sockets of these families never connect."""

    def __init__(self, *families: int) -> None:
        self.families = families
        self.made: list[int] = []

    def socket(self, family: Any = -1, type: Any = -1, proto: int = -1) -> Any:  # noqa: A002 (its name)
        self.made.append(family)
        made = trio.socket.from_stdlib_socket(socket.socket(socket.AF_INET, type, proto))
        return Hole(made, hole=family in self.families)


async def test_a_black_holed_ipv6_costs_a_quarter_of_a_second(autojump_clock: MockClock) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        trio.socket.set_custom_hostname_resolver(Resolver("fd00::1", "fd00::2", "127.0.0.1"))
        factory = BlackHoles(socket.AF_INET6)
        trio.socket.set_custom_socket_factory(factory)
        before = descriptors()
        origin = Origin("http", "a.test", listener.socket.getsockname()[1])
        transport = await Dialer().dial(origin)
        assert trio.current_time() == 0.25  # the other family is the second to be tried
        assert factory.made == [socket.AF_INET6, socket.AF_INET]
        assert len(descriptors() - before) >= 1
        transport.close()
        await trio.testing.wait_all_tasks_blocked()
        assert descriptors() == before


async def test_black_holes_only_end_with_the_limit_on_connecting(
    autojump_clock: MockClock,
) -> None:
    trio.socket.set_custom_hostname_resolver(Resolver("fd00::1", "10.255.255.1"))
    trio.socket.set_custom_socket_factory(BlackHoles(socket.AF_INET6, socket.AF_INET))
    before = descriptors()
    with pytest.raises(APITimeoutError) as caught:
        await ask(Dialer(), Origin("https", "a.test", 443), connect=3.0)
    assert (caught.value.phase, trio.current_time()) == ("connect", 3.0)
    assert descriptors() == before


# -- descriptors


@contextmanager
def no_more_descriptors() -> Iterator[None]:
    """Whoever wants another one gets EMFILE."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as probe:
        lowest = probe.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_descriptor_left_for_a_socket(scheme: str, authority: trustme.CA) -> None:
    async with tls_server(server_context(authority), stay) as origin:
        dialer = Dialer(client_context(authority))
        before = descriptors()
        with no_more_descriptors(), pytest.raises(APIConnectionError) as caught:
            await dialer.dial(Origin(scheme, "127.0.0.1", origin.port))
        assert "Too many open files" in str(caught.value)
        assert caught.value.is_retryable
        assert descriptors() == before
        (await dialer.dial(origin)).close()  # the next call works


async def test_no_descriptor_left_for_a_poller(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("trio_groq._http.dial.Transport", refuse)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        before = descriptors()
        with pytest.raises(APIConnectionError, match="watching a new connection: Too many"):
            await Dialer().dial(Origin("http", "127.0.0.1", listener.socket.getsockname()[1]))
        assert descriptors() == before


async def test_no_such_way_to_wait_leaves_no_socket() -> None:
    absent = "epoll" if hasattr(select, "kqueue") else "kqueue"
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        origin = Origin("http", "127.0.0.1", listener.socket.getsockname()[1])
        before = descriptors()
        option: Any = absent
        dialer = Dialer(readiness=option)
        with pytest.raises(ConfigurationError, match=r"^readiness: "):
            await dialer.dial(origin)
        assert descriptors() == before


# -- TLS that does not come to its end


RECORDS = {
    "part of a record's head": b"\x16\x03",
    "part of a record": b"\x16\x03\x03\x00\x7a" + bytes(30),
}


async def answer_hello(listener: trio.SocketListener, part: bytes, *, end: bool) -> None:
    stream = await listener.accept()
    async with stream:
        await stream.receive_some(4096)
        await stream.send_all(part)
        if not end:
            await trio.sleep_forever()


@pytest.mark.parametrize("part", RECORDS.values(), ids=RECORDS)
async def test_a_handshake_that_stalls_within_a_record(
    part: bytes, authority: trustme.CA, autojump_clock: MockClock
) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, trio.open_nursery() as nursery:
        before = descriptors()

        async def serve() -> None:
            await answer_hello(listener, part, end=False)

        nursery.start_soon(serve)
        origin = Origin("https", "127.0.0.1", listener.socket.getsockname()[1])
        autojump_clock.autojump_threshold = 0.05  # what is sent over loopback is there by then
        with pytest.raises(APITimeoutError) as caught:
            await ask(Dialer(client_context(authority)), origin)
        assert (caught.value.phase, trio.current_time()) == ("connect", 5.0)
        nursery.cancel_scope.cancel()
    assert descriptors() <= before


@pytest.mark.parametrize("part", [b"", *RECORDS.values()], ids=["nothing", *RECORDS])
async def test_a_handshake_that_ends_within_a_record(part: bytes, authority: trustme.CA) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener, trio.open_nursery() as nursery:
        before = descriptors()

        async def serve() -> None:
            await answer_hello(listener, part, end=True)

        nursery.start_soon(serve)
        origin = Origin("https", "127.0.0.1", listener.socket.getsockname()[1])
        with trio.fail_after(10), pytest.raises(APIConnectionError, match=r"^TLS with ") as caught:
            await Dialer(client_context(authority)).dial(origin)
        assert caught.value.is_retryable
    assert descriptors() <= before


# -- TLS records and a full buffer


async def test_what_a_full_buffer_leaves_behind_in_tls_is_not_waited_for(
    authority: trustme.CA,
) -> None:
    """The end of a record that has been decrypted is nothing that the kernel could tell of."""
    sent = trio.Event()

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        await stream.send_all(bytes(10_000))
        sent.set()
        await stay(stream)

    async with tls_server(server_context(authority), serve) as origin:
        transport = await Dialer(client_context(authority)).dial(origin)
        await sent.wait()
        got: list[int] = []

        def take(received: int) -> bool:
            got.append(received)
            return sum(got) == 10_000

        with trio.fail_after(5):
            buffer = memoryview(bytearray(9_999))
            await transport.receive(buffer, take, gap=2.0, end=float("inf"))
        assert got == [9_999, 1]
        transport.close()


@pytest.mark.parametrize("refusal", [ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError])
async def test_what_is_not_possible_yet_is_tried_again(refusal: type[OSError]) -> None:
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.send(b"x")
        attempts = 0

        def attempt() -> str:
            nonlocal attempts
            attempts += 1
            if attempts < 3:
                raise refusal
            return "done"

        with trio.fail_after(5):
            assert await _when_ready(near, attempt, trio.lowlevel.wait_readable) == "done"
        assert attempts == 3


def test_ssl_errors_are_os_errors() -> None:
    """What `dial` relies on when it translates them."""
    assert issubclass(ssl.SSLError, OSError)
