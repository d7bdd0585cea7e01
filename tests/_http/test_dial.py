"""An origin -> a transport: DNS, addresses, and what a failure leaves."""

import socket
from typing import Any

import pytest
import trio
import trustme
from trio.testing import MockClock

from _http.tls_servers import client_context, open_descriptors
from trio_groq import GroqClient
from trio_groq._http.dial import Dialer
from trio_groq._http.messages import Origin
from trio_groq._http.transport import Transport
from trio_groq.errors import APIConnectionError, APITimeoutError, ConfigurationError
from trio_groq.testing import FakeGroq


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


class NeverConnects(trio.abc.SocketFactory):
    """Makes sockets that connect for ever, or fail; it is one itself."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure

    def socket(self, *_: object, **__: object) -> Any:
        return self

    async def connect(self, _address: object) -> None:
        if self.failure is not None:
            raise self.failure
        await trio.sleep_forever()

    def setsockopt(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


async def test_cancelled_while_connecting_it_is_cancelled(autojump_clock: MockClock) -> None:
    trio.socket.set_custom_hostname_resolver(Resolver("127.0.0.1", "127.0.0.2"))
    trio.socket.set_custom_socket_factory(NeverConnects())
    raised: list[type[BaseException]] = []
    with trio.move_on_after(1.0) as scope:
        try:
            await Dialer().dial(Origin("http", "a.test", 80))
        except BaseException as error:
            raised.append(type(error))
            raise
    assert scope.cancelled_caught
    assert raised == [trio.Cancelled]  # and no group of them


async def test_what_is_no_cancellation_stays_what_it_is(autojump_clock: MockClock) -> None:
    trio.socket.set_custom_hostname_resolver(Resolver("127.0.0.1"))
    trio.socket.set_custom_socket_factory(NeverConnects(RuntimeError("a bug")))
    with pytest.raises(ExceptionGroup) as caught:
        await Dialer().dial(Origin("http", "a.test", 80))
    assert [str(error) for error in caught.value.exceptions] == ["a bug"]


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
