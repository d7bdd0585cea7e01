"""What `trio-groq doctor` tries on the network: names, connections, TLS. Each step by itself.

The client would tell a failure, too; one at a time they tell where on the way it is.
"""

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import attrs
import trio

from trio_groq._http.dial import Dialer, SSLContext, default_ssl_context, tls_error
from trio_groq._http.messages import Origin
from trio_groq._http.proxies import ProxySettings
from trio_groq._http.tcp import connect
from trio_groq.cli._diagnosis import Finding, judge_certificate
from trio_groq.errors import APIConnectionError

__all__ = ["Place", "look_up", "reach", "reach_through_proxy", "shake_hands"]

_MAX_SHOWN: Final = 4
"""Addresses in one line."""

_NO_NAME: Final = (
    "Check the spelling in the URL, the network, and the resolver (/etc/resolv.conf, VPN)."
)
_NO_WAY: Final = (
    "A firewall may be in between, or nothing listens there. If a proxy is needed, set HTTPS_PROXY."
)
_NO_PROXY: Final = (
    "Check the proxy's URL in HTTPS_PROXY or ALL_PROXY, and whether the proxy runs. If the API is "
    "reached without one, unset the variable or add the API's host to NO_PROXY."
)
_NOT_THROUGH: Final = (
    "The proxy answers, but does not lead to the API: ask whoever runs it whether it may. If the "
    "API is reached without one, add its host to NO_PROXY."
)
_NO_TLS: Final = "Check the port, and whether a firewall or a proxy on the way takes part in it."


@attrs.frozen
class Place:
    """What is connected to: the API's host, or a proxy.

    Attributes:
        host: Name or address.
        port: Port.
        title: What it is in findings; empty for the API's own host.
    """

    host: str
    port: int
    title: str = ""

    def name(self, step: str) -> str:
        """A step's name in findings."""
        return f"{step} ({self.title})" if self.title else step


async def _within(
    name: str,
    limit: float,
    advice: str,
    probe: Callable[[], Awaitable[Finding]],
    *,
    is_final: bool = False,
) -> Finding:
    """What a step finds; a failure of the network, and an end of its time, are findings.

    Args:
        name: The step.
        limit: Seconds.
        advice: What to do if it fails.
        probe: The step itself.
        is_final: The advice says more than an error's own notes can, which go before it else.
    """
    with trio.move_on_after(limit):
        await trio.lowlevel.checkpoint()
        try:
            return await probe()
        except APIConnectionError as error:
            told = " ".join(getattr(error, "__notes__", ()))
            return Finding(name, "failed", str(error), advice if is_final else told or advice)
    return Finding(name, "failed", f"no answer within {limit:g} s", advice)


async def look_up(place: Place, limit: float) -> Finding:
    """Resolve the host's name.

    Args:
        place: Where.
        limit: Seconds.
    """
    name, started = place.name("DNS"), trio.current_time()

    async def probe() -> Finding:
        try:
            rows = await trio.socket.getaddrinfo(
                place.host, place.port, type=trio.socket.SOCK_STREAM
            )
        except OSError as exc:
            raise APIConnectionError(f"{place.host}: {exc.strerror}") from exc
        except UnicodeError as exc:  # the resolver's own refusal of a name
            raise APIConnectionError(f"{place.host}: the name is not valid") from exc
        addresses = list(dict.fromkeys(str(row[4][0]) for row in rows))
        more = f" and {len(addresses) - _MAX_SHOWN} more" if len(addresses) > _MAX_SHOWN else ""
        shown = f"{place.host}: {', '.join(addresses[:_MAX_SHOWN])}{more}"
        return Finding(name, "ok", f"{shown}, {_since(started)}")

    return await _within(name, limit, _NO_NAME, probe)


async def reach(place: Place, limit: float) -> Finding:
    """Open a TCP connection, and close it."""
    name, started = place.name("TCP"), trio.current_time()

    async def probe() -> Finding:
        with await connect(place.host, place.port, f"{place.host}:{place.port}") as sock:
            peer = sock.getpeername()[0]
        return Finding(name, "ok", f"{peer}, port {place.port}, {_since(started)}")

    advice = _NO_PROXY if place.title else _NO_WAY
    return await _within(name, limit, advice, probe, is_final=True)


async def shake_hands(
    place: Place, limit: float, now: float, context: SSLContext | None = None
) -> Finding:
    """Begin TLS, and look at the certificate.

    Args:
        place: Where.
        limit: Seconds.
        now: Seconds since the epoch.
        context: Whom to trust; None for the default.

    Raises:
        ConfigurationError: No certificate authorities are to be found.
    """
    name, started = place.name("TLS"), trio.current_time()
    trusted = context or default_ssl_context()

    async def probe() -> Finding:
        with await connect(place.host, place.port, f"{place.host}:{place.port}") as sock:
            work = partial(_handshake, trusted, sock, place.host, limit)
            # Left behind when it is given up: the socket's own time limit ends it.
            how, not_after = await trio.to_thread.run_sync(work, abandon_on_cancel=True)
        found = judge_certificate(f"{how}, {_since(started)}", not_after, now)
        return attrs.evolve(found, name=name)

    return await _within(name, limit, _NO_TLS, probe)


async def reach_through_proxy(
    origin: Origin, proxies: ProxySettings, limit: float, context: SSLContext | None = None
) -> Finding:
    """Connect to the API's host through its proxy, TLS included, as the client does.

    Raises:
        ConfigurationError: No certificate authorities are to be found, or SOCKS is not supported.
    """
    name, started = "through proxy", trio.current_time()
    dialer = Dialer(context, proxies=proxies)

    async def probe() -> Finding:
        transport = await dialer.dial(origin)
        transport.close()
        return Finding(name, "ok", f"{origin}, {_since(started)}")

    return await _within(name, limit, _NOT_THROUGH, probe)


def _handshake(
    context: SSLContext, sock: socket.socket, host: str, limit: float
) -> tuple[str, str]:
    """Version and cipher, and the end of the certificate."""
    sock.settimeout(limit)
    try:
        with context.wrap_socket(sock, server_hostname=host) as tls:
            certificate: dict[str, Any] = tls.getpeercert() or {}
            cipher = tls.cipher()
            how = f"{tls.version()}, {cipher[0] if cipher else 'no cipher'}"
            return how, str(certificate.get("notAfter", ""))
    except OSError as exc:
        raise tls_error(host, exc) from exc


def _since(started: float) -> str:
    return f"{(trio.current_time() - started) * 1000:.0f} ms"
