"""TLS sessions are taken up again, for the peer that they are from and for no other."""

import ssl

import pytest
import trio
import trustme

from _http.proxy_servers import http_proxy
from _http.tls_servers import client_context, server_context, tls_server
from trio_groq._http import tls_sessions
from trio_groq._http.dial import Dialer
from trio_groq._http.messages import Origin
from trio_groq._http.proxies import ProxySettings, as_proxy
from trio_groq._http.tls_sessions import TLSSessions
from trio_groq._http.transport import Transport
from trio_groq.errors import APIConnectionError


async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
    """Say something to each who says something."""
    while await stream.receive_some(99):
        await stream.send_all(b"hello")


async def exchange(transport: Transport) -> None:
    """What a session's tickets come with."""
    transport.send_now(b"hello")
    with trio.fail_after(10):
        buffer = memoryview(bytearray(99))
        await transport.receive(buffer, lambda _: True, gap=5.0, end=float("inf"))


def reused(transport: Transport) -> bool:
    sock = transport._sock
    assert not isinstance(sock, trio.socket.SocketType)
    return bool(getattr(sock, "session_reused"))  # noqa: B009 (of two types, that mypy does not see)


def version_context(authority: trustme.CA, version: ssl.TLSVersion) -> ssl.SSLContext:
    context = client_context(authority)
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_the_second_connection_resumes(
    authority: trustme.CA, version: ssl.TLSVersion
) -> None:
    async with tls_server(server_context(authority), serve) as origin:
        dialer = Dialer(version_context(authority, version))
        first = await dialer.dial(origin)
        assert not reused(first)
        await exchange(first)
        first.close()
        for _ in range(3):  # again and again, at the same time too
            second, third = await dialer.dial(origin), await dialer.dial(origin)
            assert reused(second)
            assert reused(third)
            await exchange(second)
            await exchange(third)
            second.close()
            third.close()


async def test_a_connection_that_never_heard_a_ticket_leaves_none(authority: trustme.CA) -> None:
    async with tls_server(server_context(authority), serve) as origin:
        dialer = Dialer(version_context(authority, ssl.TLSVersion.TLSv1_3))
        (await dialer.dial(origin)).close()
        assert len(dialer._sessions) == 0
        second = await dialer.dial(origin)
        assert not reused(second)
        second.close()


async def test_a_server_without_tickets_leaves_none(authority: trustme.CA) -> None:
    context = server_context(authority)
    context.num_tickets = 0
    async with tls_server(context, serve) as origin:
        dialer = Dialer(version_context(authority, ssl.TLSVersion.TLSv1_3))
        for _ in range(2):
            transport = await dialer.dial(origin)
            assert not reused(transport)
            await exchange(transport)
            transport.close()
        assert len(dialer._sessions) == 0


async def test_another_host_is_checked_anew(authority: trustme.CA) -> None:
    """One server, one certificate, and a name that it is not for."""
    async with tls_server(server_context(authority), serve) as origin:
        dialer = Dialer(client_context(authority))
        first = await dialer.dial(origin)
        await exchange(first)
        first.close()
        with pytest.raises(APIConnectionError, match="TLS with"):
            await dialer.dial(Origin("https", "127.0.0.1", origin.port))


async def test_another_context_is_another_trust(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = [client_context(authority), client_context(authority), client_context(trustme.CA())]
    monkeypatch.setattr("trio_groq._http.dial.default_ssl_context", lambda: contexts[0])
    async with tls_server(server_context(authority), serve) as origin:
        dialer = Dialer()
        first = await dialer.dial(origin)
        await exchange(first)
        first.close()
        del contexts[0]
        second = await dialer.dial(origin)
        assert not reused(second)
        second.close()
        del contexts[0]
        with pytest.raises(APIConnectionError, match="TLS with"):
            await dialer.dial(origin)


async def test_a_session_that_the_server_has_forgotten_costs_nothing(authority: trustme.CA) -> None:
    context = server_context(authority)
    async with tls_server(context, serve) as origin:
        dialer = Dialer(client_context(authority))
        first = await dialer.dial(origin)
        await exchange(first)
        first.close()
    other = server_context(authority)
    async with tls_server(other, serve) as elsewhere:  # with other keys for its tickets
        key = (dialer._ssl_context, origin)
        dialer._sessions.keep((dialer._ssl_context, elsewhere), dialer._sessions.get(key))
        second = await dialer.dial(elsewhere)
        assert not reused(second)
        await exchange(second)
        second.close()


async def test_both_tls_of_a_proxy_and_its_origin_resume(authority: trustme.CA) -> None:
    async with (
        tls_server(server_context(authority), serve) as origin,
        http_proxy(context=server_context(authority)) as proxy,
    ):
        settings = ProxySettings.all_through(as_proxy(proxy.url()))
        dialer = Dialer(client_context(authority), proxies=settings)
        for expected in (False, True):
            transport = await dialer.dial(origin)
            assert reused(transport) is expected
            outer = getattr(transport._sock, "_outer")  # noqa: B009 (as above)
            assert outer.session_reused is expected
            await exchange(transport)
            transport.close()
        assert len(dialer._sessions) == 2


def test_sessions_are_bounded() -> None:
    sessions = TLSSessions()
    for number in range(50):
        sessions.keep(number, f"session {number}")
        sessions.get(0)
    assert len(sessions) == tls_sessions.MAX_SESSIONS
    assert sessions.get(0) == "session 0"  # in use all the time
    assert sessions.get(49) == "session 49"
    assert sessions.get(30) is None
    sessions.keep(49, None)
    assert sessions.get(49) == "session 49"
    sessions.forget(49)
    sessions.forget(49)
    assert sessions.get(49) is None
