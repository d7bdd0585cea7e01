"""An origin -> a transport: TCP, proxies, TLS. The only file that names ssl.

TLS runs on a non-blocking `ssl.SSLSocket`, not on `trio.SSLStream`: without the memory BIO a
record costs about half. Only within the TLS of an `https` proxy there is no way around it.
"""

# ruff: noqa: PLC0415 (what talks with proxies loads with the first: most programs have none)

import functools
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeGuard, TypeVar, cast, final

import trio

from trio_groq._http.deadlines import Dialling
from trio_groq._http.messages import Origin
from trio_groq._http.proxies import Proxy, ProxySettings
from trio_groq._http.readiness import ReadinessOption
from trio_groq._http.tcp import connect, connection_failed
from trio_groq._http.tls_records import TLSRecords, kernel_look
from trio_groq._http.tls_sessions import TLSSessions
from trio_groq._http.transport import Transport
from trio_groq.errors import APIConnectionError, ConfigurationError

if TYPE_CHECKING:
    from trio_groq._http.negotiation import Negotiation
    from trio_groq._http.tls_over_tls import TLSOverTLS

__all__ = ["Dialer", "SSLContext", "default_ssl_context", "tls_error"]

SSLContext: TypeAlias = ssl.SSLContext
"""What a caller may bring, under a name that the layers above can use."""

ALPN: Final = "http/1.1"
"""RFC 7301, 6: the one protocol that this engine speaks."""

_OTHER_NAME: Final = (62, 64)
"""OpenSSL's codes for a certificate of another name, and of another address."""
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST")
"""OpenSSL's words for an answer in plain text."""
_NOTE_TRUST: Final = (
    "The server's certificate is not trusted. A proxy that inspects TLS needs its own "
    "authority: set SSL_CERT_FILE, or pass ssl_context. A system without authorities needs its "
    "ca-certificates; check the clock, too."
)
_NOTE_NAME: Final = (
    "The server's certificate is another host's: check the host in base_url or in the proxy's URL, "
    "and where the network leads that name to."
)
_NOTE_NO_TLS: Final = (
    "What answers there speaks no TLS: check the port, and whether it is http that is meant, in "
    "base_url or in the proxy's URL."
)

NEGOTIATION_BYTES: Final = 4096
"""One receive of a proxy's answer; a few hundred bytes is what they have."""

T = TypeVar("T")
_Secured: TypeAlias = "ssl.SSLSocket | TLSOverTLS"
_Hop: TypeAlias = "socket.socket | TLSOverTLS"
"""What leads to the next hop, or to the origin."""
_Wait: TypeAlias = Callable[["_Hop"], Awaitable[None]]

_NO_PROXIES: Final = ProxySettings()
_PROXY_AUTHENTICATION: Final = 407


def _certifi_file() -> str | None:
    """The CA file of certifi, where it happens to be installed."""
    try:
        import certifi
    except ImportError:
        return None
    return str(certifi.where())


def _system_has_authorities(context: ssl.SSLContext) -> bool:
    """Whether any certificate authority is configured; a folder of them is read on demand."""
    if context.cert_store_stats()["x509_ca"]:
        return True
    folder = ssl.get_default_verify_paths().capath
    if folder is None:
        return False
    with os.scandir(folder) as entries:
        return any(entries)


def _named_authorities(cert_file: str | None, cert_dir: str | None) -> ssl.SSLContext:
    """Trust what the environment names, and nothing else. OpenSSL alone would ignore mistakes."""
    folders = cert_dir.split(os.pathsep) if cert_dir else []
    for name, paths in (("SSL_CERT_FILE", [cert_file]), ("SSL_CERT_DIR", folders)):
        for path in paths:
            if path and not Path(path).exists():
                raise ConfigurationError(f"{name}: expected a path that exists, got {path!r}")
    try:
        return ssl.create_default_context(cafile=cert_file, capath=cert_dir)
    except OSError as exc:
        raise ConfigurationError(
            f"SSL_CERT_FILE: expected a PEM file of certificates, got {cert_file!r} ({exc})"
        ) from exc


@functools.lru_cache(maxsize=4)
def _trusting(cert_file: str | None, cert_dir: str | None) -> ssl.SSLContext:
    """The default context for one setting of the environment, built once: it costs milliseconds."""
    if cert_file or cert_dir:
        context = _named_authorities(cert_file, cert_dir)
    else:
        context = ssl.create_default_context()
        if not _system_has_authorities(context):
            bundle = _certifi_file()
            if bundle is None:
                raise ConfigurationError(
                    "TLS: expected certificate authorities on this system, got none; install the "
                    "system's ca-certificates or the package certifi, or set SSL_CERT_FILE"
                )
            context.load_verify_locations(bundle)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([ALPN])
    return context


def default_ssl_context() -> ssl.SSLContext:
    """The context used when the caller brings none: system authorities, TLS 1.2 or later.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` replace the system's authorities (OpenSSL's own rule).
    Certificates and host names are checked. Shared by all clients: do not change it.

    Raises:
        ConfigurationError: No certificate authority can be found, or a named file is missing.
    """
    return _trusting(
        os.environ.get("SSL_CERT_FILE") or None, os.environ.get("SSL_CERT_DIR") or None
    )


async def _when_ready(hop: _Hop, attempt: Callable[[], T], until_possible: _Wait) -> T:
    """Try until it is possible: TLS tells what to wait for, of a plain socket we know it."""
    while True:  # noqa: ASYNC913 (each turn waits for the socket)
        try:
            return attempt()  # noqa: ASYNC910 (each turn waits for the socket)
        except ssl.SSLWantReadError:
            await trio.lowlevel.wait_readable(hop)
        except ssl.SSLWantWriteError:
            await trio.lowlevel.wait_writable(hop)
        except BlockingIOError:
            await until_possible(hop)


async def _negotiate(
    hop: _Hop, negotiation: "Negotiation", proxy: Proxy, dialling: Dialling
) -> None:
    """Talk with a proxy until it leads to the origin."""
    dialling.asks(proxy)
    data = negotiation.opening()
    try:
        while True:  # noqa: ASYNC913 (a proxy answers after a round trip)
            while data:  # noqa: ASYNC913 (it waits only if it must)
                send = functools.partial(hop.send, data)
                data = data[await _when_ready(hop, send, trio.lowlevel.wait_writable) :]
            if negotiation.done:
                return  # noqa: ASYNC910 (see above)
            receive = functools.partial(hop.recv, NEGOTIATION_BYTES)
            received = await _when_ready(hop, receive, trio.lowlevel.wait_readable)
            if not received:
                raise APIConnectionError(
                    f"proxy {proxy}: expected an answer, got the end of the connection"
                )
            dialling.answered(len(received))
            data = negotiation.receive(received)
    except OSError as exc:
        raise connection_failed(f"asking proxy {proxy}", exc) from exc


def _negotiation(proxy: Proxy, origin: Origin) -> "Negotiation":
    if proxy.is_socks:
        from trio_groq._http.socks import Socks5

        return Socks5(proxy, origin)
    from trio_groq._http.tunnel import Tunnel

    return Tunnel(proxy, origin)


def _over(
    outer: ssl.SSLSocket, context: ssl.SSLContext, host: str, session: ssl.SSLSession | None
) -> "TLSOverTLS":
    from trio_groq._http.tls_over_tls import TLSOverTLS

    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    engine = context.wrap_bio(incoming, outgoing, server_hostname=host, session=session)
    return TLSOverTLS(
        outer,
        engine,
        incoming,
        outgoing,
        want_read=ssl.SSLWantReadError,
        want_write=ssl.SSLWantWriteError,
    )


def _is_secured(hop: _Hop) -> TypeGuard[_Secured]:
    """Whether there is TLS on a connection."""
    return isinstance(hop, ssl.SSLSocket) or not isinstance(hop, socket.socket)


def tls_error(peer: object, exc: OSError) -> APIConnectionError:
    """The error for a handshake that failed, with what to do about it where that is clear."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        error = APIConnectionError(f"TLS with {peer}: {exc.verify_message}")
        error.is_retryable = False
        error.add_note(_NOTE_NAME if exc.verify_code in _OTHER_NAME else _NOTE_TRUST)
        return error
    error = connection_failed(f"TLS with {peer}", exc)
    if getattr(exc, "reason", None) in _NO_TLS:
        error.add_note(_NOTE_NO_TLS)
    return error


def _made(sock: socket.socket, make: Callable[[], Transport]) -> Transport:
    """Make the transport that is to own `sock`; without one, the socket is closed."""
    try:
        return make()
    except OSError as exc:  # no descriptor is left for a poller
        sock.close()
        raise APIConnectionError(f"watching a new connection: {exc.strerror}") from exc
    except BaseException:
        sock.close()
        raise


@final
class Dialer:
    """Opens transports.

    Args:
        ssl_context: Used as it is, never changed, for origins and for `https` proxies; None for
            `default_ssl_context()`, which is built when the first TLS connection needs it.
        readiness: How to wait for bytes.
        proxies: Which proxy for which origin.

    Raises:
        ConfigurationError: There is a SOCKS proxy, and `socksio` is not installed.
    """

    def __init__(
        self,
        ssl_context: ssl.SSLContext | None = None,
        *,
        readiness: ReadinessOption = "auto",
        proxies: ProxySettings = _NO_PROXIES,
    ) -> None:
        if proxies.use_socks:
            from trio_groq._http.socks import require_socksio

            require_socksio()
        self._ssl_context = ssl_context
        self._readiness = readiness
        self._proxies = proxies
        self._sessions = TLSSessions()

    async def dial(self, origin: Origin, dialling: Dialling | None = None) -> Transport:
        """Connect to `origin`, through its proxy if it has one, TLS handshake included.

        Args:
            origin: Where to.
            dialling: Is told how far it is, and has the limit on a TLS handshake; None for none.

        Raises:
            APIConnectionError: The host or the proxy could not be resolved or reached, TLS
                failed or took too long, or the proxy refused.
            ConfigurationError: There are no certificate authorities to check the server with.

        Cancelled, no socket stays open.
        """
        dialling = dialling or Dialling()
        proxy = self._proxies.proxy_for(origin)
        context = self._context() if origin.scheme == "https" else None
        if proxy is None:
            dialling.connects(origin)
            hop: _Hop = await connect(origin.host, origin.port, str(origin))
        else:
            hop = await self._through(proxy, origin, dialling)
        if context is None:
            return self._transport(hop, proxy or origin)
        tls = await self._secure(hop, context, origin.host, origin, dialling)
        return self._transport(tls, origin)

    def forwards(self, origin: Origin) -> Proxy | None:
        """The proxy that is to be sent an origin's requests, their target in absolute form.

        None where requests reach the origin itself: without a proxy, and through a tunnel.
        """
        proxy = None if origin.scheme == "https" else self._proxies.proxy_for(origin)
        return None if proxy is None or proxy.is_socks else proxy

    def refusal(self, origin: Origin, status: int) -> APIConnectionError | None:
        """The error for a response in which a proxy speaks for itself, None for any other.

        407 is the one status that no origin has (RFC 9110, 15.5.8).
        """
        proxy = self.forwards(origin) if status == _PROXY_AUTHENTICATION else None
        if proxy is None:
            return None
        from trio_groq._http.tunnel import refused_by_status

        return refused_by_status(proxy, origin, status)

    def _context(self) -> ssl.SSLContext:
        return self._ssl_context or default_ssl_context()

    async def _through(self, proxy: Proxy, origin: Origin, dialling: Dialling) -> _Hop:
        """A connection to a proxy, and through it if it is not to forward requests."""
        context = self._context() if proxy.scheme == "https" else None
        dialling.connects(f"proxy {proxy}")
        hop: _Hop = await connect(proxy.host, proxy.port, f"proxy {proxy}")
        if context is not None:
            hop = await self._secure(hop, context, proxy.host, proxy, dialling)
        if self.forwards(origin) is not None:
            return hop
        try:
            await _negotiate(hop, _negotiation(proxy, origin), proxy, dialling)
            if _is_secured(hop):
                self._keep_session(hop, proxy)  # its answer has come, and a ticket before that
        except BaseException:
            hop.close()
            raise
        return hop

    async def _secure(
        self,
        hop: _Hop,
        context: ssl.SSLContext,
        host: str,
        peer: Origin | Proxy,
        dialling: Dialling,
    ) -> _Secured:
        """Put TLS upon a connection; without it, the connection is closed."""
        owned = hop
        session = self._sessions.get((context, peer))
        try:
            if isinstance(hop, ssl.SSLSocket):
                tls: _Secured = _over(hop, context, host, session)
            else:
                tls = context.wrap_socket(
                    cast("socket.socket", hop),  # there are two TLS at the most
                    server_hostname=host,
                    do_handshake_on_connect=False,
                    # A connection that ends without close_notify may have been cut (RFC 8446,
                    # 6.1): a body that lasts until the end must not pass for whole.
                    suppress_ragged_eofs=False,
                    session=session,
                )
            owned = tls
            await dialling.secures(
                peer,
                tls.do_handshake,
                lambda step: _when_ready(tls, step, trio.lowlevel.wait_readable),
            )
            protocol = tls.selected_alpn_protocol()
            if protocol not in (None, ALPN):
                raise APIConnectionError(f"ALPN with {peer}: expected {ALPN}, got {protocol}")
        except OSError as exc:
            owned.close()
            self._sessions.forget((context, peer))
            raise tls_error(peer, exc) from exc
        except BaseException:
            owned.close()
            raise
        return tls

    def _keep_session(self, tls: _Secured, peer: Origin | Proxy) -> None:
        session = tls.session
        if session is not None and (session.has_ticket or session.id):
            self._sessions.keep((tls.context, peer), session)

    def _transport(self, hop: _Hop, peer: Origin | Proxy) -> Transport:
        sock = cast("socket.socket", hop)  # the other kind has all of it that a transport uses
        if not _is_secured(hop):
            return _made(sock, lambda: Transport(sock, readiness=self._readiness))
        # Within the TLS of a proxy, what has come is not in the kernel: it has to be tried.
        is_outermost = isinstance(hop, ssl.SSLSocket)
        records = TLSRecords(
            hop,
            (ssl.SSLWantReadError, ssl.SSLWantWriteError),
            kernel_look(hop.fileno()) if is_outermost else lambda: True,
            functools.partial(self._keep_session, hop, peer),
        )
        return _made(
            sock,
            lambda: Transport(
                sock,
                want_read=(ssl.SSLWantReadError,),
                want_write=(ssl.SSLWantWriteError,),
                receive=records.receive,
                pending=records.pending,
                readiness=self._readiness,
            ),
        )
