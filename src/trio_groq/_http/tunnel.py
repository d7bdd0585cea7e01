"""A tunnel through an HTTP proxy, sans-IO: CONNECT over h11 (RFC 9110, 9.3.6)."""

import http
from typing import Final, final

import h11

from trio_groq._http.heads import rule_broken
from trio_groq._http.messages import Origin
from trio_groq._http.negotiation import refused
from trio_groq._http.proxies import Proxy
from trio_groq.errors import APIConnectionError, ProtocolError

__all__ = ["Tunnel", "proxy_fields", "refused_by_status"]

MAX_HEAD_BYTES: Final = 16_384
"""Of a proxy's whole answer. Proxies answer CONNECT in a few hundred bytes; a refusal that comes
with cookies has a few thousand, and its page is not read."""
MAX_INFORMATIONAL: Final = 8
"""1xx responses before the final one, as for an origin."""

_AUTHENTICATION_REQUIRED: Final = 407
_SERVER_ERROR: Final = 500
_MAY_PASS: Final = (408, 429)


def proxy_fields(proxy: Proxy) -> tuple[tuple[bytes, bytes], ...]:
    """The header fields that are for the proxy alone."""
    if proxy.credentials is None:
        return ()
    return ((b"Proxy-Authorization", proxy.credentials.basic()),)


def refused_by_status(proxy: Proxy, origin: Origin, status: int) -> APIConnectionError:
    """The error for a proxy that answers a request with a status of its own.

    Only the standard's phrase is shown: a proxy's own text may repeat what it was sent.
    """
    try:
        said = f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        said = str(status)
    return refused(
        proxy,
        origin,
        said,
        retryable=status >= _SERVER_ERROR or status in _MAY_PASS,
        credentials=status == _AUTHENTICATION_REQUIRED,
    )


def _authority(origin: Origin) -> str:
    """Host and port, the port in any case (RFC 9112, 3.2.3)."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return f"{host}:{origin.port}"


@final
class Tunnel:
    """Asks an HTTP proxy for a tunnel; see `Negotiation`.

    Args:
        proxy: Who is asked.
        origin: Where the tunnel is to lead.
    """

    def __init__(self, proxy: Proxy, origin: Origin) -> None:
        self.done: bool = False
        self._proxy = proxy
        self._origin = origin
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        self._received = 0
        self._informational = 0

    def opening(self) -> bytes:
        """See `Negotiation`."""
        authority = _authority(self._origin).encode("ascii")
        head = self._h11.send(
            h11.Request(
                method=b"CONNECT",
                target=authority,
                headers=[(b"Host", authority), *proxy_fields(self._proxy)],
            )
        )
        # A CONNECT has no content; without its end h11 does not see that the protocol changes.
        return (head or b"") + (self._h11.send(h11.EndOfMessage()) or b"")

    def receive(self, data: bytes) -> bytes:
        """See `Negotiation`."""
        self._received += len(data)
        if self._received > MAX_HEAD_BYTES:
            raise self._broken(f"an answer of at most {MAX_HEAD_BYTES} bytes", "more")
        event = self._next_event(data)
        if isinstance(event, str):
            raise self._broken("HTTP/1.1", event)
        if isinstance(event, h11.Response):
            self._conclude(event.status_code)
        return b""

    def _next_event(self, data: bytes) -> object:
        """The next event but informational ones; a text says what is wrong instead.

        The error is raised elsewhere: h11's, which may quote what the proxy was sent, is no context
        of it there.
        """
        try:
            self._h11.receive_data(data)
            event = self._h11.next_event()
            while isinstance(event, h11.InformationalResponse):
                self._informational += 1
                if self._informational > MAX_INFORMATIONAL:
                    raise self._broken(
                        f"at most {MAX_INFORMATIONAL} informational responses", "more"
                    )
                event = self._h11.next_event()
        except h11.RemoteProtocolError as exc:
            return rule_broken(exc)
        return event

    def _conclude(self, status: int) -> None:
        if status // 100 != 2:  # noqa: PLR2004 (2xx)
            raise refused_by_status(self._proxy, self._origin, status)
        rest, _ = self._h11.trailing_data
        if rest:  # who opens the tunnel speaks first in it
            raise self._broken("nothing after its answer", f"{len(rest)} bytes")
        self.done = True

    def _broken(self, expected: str, got: str) -> ProtocolError:
        return ProtocolError(f"proxy {self._proxy}: expected {expected}, got {got}")
