"""An origin -> a transport: DNS, happy eyeballs, TLS. The only file that names ssl.

TLS runs on a non-blocking `ssl.SSLSocket`, not on `trio.SSLStream`: without the memory BIO a
record costs about half.
"""

import functools
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias, final

import trio

from trio_groq._http.messages import Origin
from trio_groq._http.readiness import ReadinessOption
from trio_groq._http.transport import Transport
from trio_groq.errors import APIConnectionError, ConfigurationError

__all__ = ["Dialer", "SSLContext", "default_ssl_context"]

SSLContext: TypeAlias = ssl.SSLContext
"""What a caller may bring, under a name that the layers above can use."""

ALPN: Final = "http/1.1"
"""RFC 7301, 6: the one protocol that this engine speaks."""


def _certifi_file() -> str | None:
    """The CA file of certifi, where it happens to be installed."""
    try:
        import certifi  # noqa: PLC0415 (needed only where the system has no certificates)
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


def _connect_error(origin: Origin, doing: str, exc: OSError) -> APIConnectionError:
    causes = exc.__cause__.exceptions if isinstance(exc.__cause__, ExceptionGroup) else (exc,)
    reasons = {getattr(cause, "strerror", None) or str(cause) for cause in causes}
    error = APIConnectionError(f"{doing} {origin}: {'; '.join(sorted(reasons))}")
    if isinstance(exc, socket.gaierror):
        error.add_note("The host name could not be resolved: check base_url and the network.")
    return error


async def _connect(origin: Origin) -> socket.socket:
    """A connected TCP socket: RFC 8305 over all addresses of the host, TCP_NODELAY set."""
    try:
        stream = await trio.open_tcp_stream(origin.host, origin.port)
    except OSError as exc:
        raise _connect_error(origin, "connecting to", exc) from exc
    except UnicodeError as exc:  # the resolver's own refusal of a name
        raise APIConnectionError(f"connecting to {origin}: the host name is not valid") from exc
    wrapped = stream.socket
    sock = socket.socket(wrapped.family, wrapped.type, wrapped.proto, fileno=wrapped.detach())
    sock.settimeout(0.0)
    return sock


async def _handshake(sock: ssl.SSLSocket) -> None:
    while True:  # noqa: ASYNC913 (each turn waits for the socket)
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            await trio.lowlevel.wait_readable(sock)
        except ssl.SSLWantWriteError:
            await trio.lowlevel.wait_writable(sock)
        else:
            return  # noqa: ASYNC910 (each turn waits for the socket)


@final
class _Records:
    """Receives from a TLS socket: all records that are there, up to the buffer's size.

    OpenSSL gives one record a call, and a token is a record. Those that it has taken in already
    are invisible to the kernel's readiness, so none may be left behind; and an end or an error
    that is found behind data is held back until the data has been given out.
    """

    __slots__ = ("_held", "_sock")

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._held: int | OSError | None = None

    def pending(self) -> bool:
        """Whether something is held back."""
        return self._held is not None

    def receive(self, buffer: memoryview) -> int:
        """As `socket.recv_into`."""
        held, self._held = self._held, None
        if isinstance(held, OSError):
            raise held
        received = self._sock.recv_into(buffer) if held is None else held
        if received == 0:
            return 0
        try:
            while received < len(buffer):
                more = self._sock.recv_into(buffer[received:])
                if more == 0:
                    self._held = 0
                    break
                received += more
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass  # that was all
        except OSError as exc:
            self._held = exc
        return received


def _tls_error(origin: Origin, exc: OSError) -> APIConnectionError:
    if isinstance(exc, ssl.SSLCertVerificationError):
        error = APIConnectionError(f"TLS with {origin}: {exc.verify_message}")
        error.is_retryable = False
        error.add_note(
            "The server's certificate is not trusted. A proxy that inspects TLS needs its own "
            "authority: set SSL_CERT_FILE, or pass ssl_context."
        )
        return error
    return _connect_error(origin, "TLS with", exc)


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
        ssl_context: Used as it is, never changed; None for `default_ssl_context()`, which is
            built when the first `https` connection needs it.
        readiness: How to wait for bytes.
    """

    def __init__(
        self, ssl_context: ssl.SSLContext | None = None, *, readiness: ReadinessOption = "auto"
    ) -> None:
        self._ssl_context = ssl_context
        self._readiness = readiness

    async def dial(self, origin: Origin) -> Transport:
        """Connect to `origin`, TLS handshake included.

        Raises:
            APIConnectionError: The host could not be resolved or reached, or TLS failed.
            ConfigurationError: There are no certificate authorities to check the server with.

        Cancelled, no socket stays open.
        """
        if origin.scheme != "https":
            sock = await _connect(origin)
            return _made(sock, lambda: Transport(sock, readiness=self._readiness))
        context = self._ssl_context or default_ssl_context()
        return await self._secure(await _connect(origin), context, origin)

    async def _secure(
        self, sock: socket.socket, context: ssl.SSLContext, origin: Origin
    ) -> Transport:
        owned: socket.socket = sock
        try:
            tls = context.wrap_socket(
                sock,
                server_hostname=origin.host,
                do_handshake_on_connect=False,
                # A connection that ends without close_notify may have been cut (RFC 8446, 6.1):
                # a body that lasts until the end must not pass for whole.
                suppress_ragged_eofs=False,
            )
            owned = tls
            await _handshake(tls)
            protocol = tls.selected_alpn_protocol()
            if protocol not in (None, ALPN):
                raise APIConnectionError(f"ALPN with {origin}: expected {ALPN}, got {protocol}")
        except OSError as exc:
            owned.close()
            raise _tls_error(origin, exc) from exc
        except BaseException:
            owned.close()
            raise
        records = _Records(tls)
        return _made(
            tls,
            lambda: Transport(
                tls,
                want_read=(ssl.SSLWantReadError,),
                want_write=(ssl.SSLWantWriteError,),
                receive=records.receive,
                pending=records.pending,
                readiness=self._readiness,
            ),
        )
