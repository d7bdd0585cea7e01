"""TCP connections: names to addresses, addresses in parallel, and the socket's options."""

import socket
from typing import Final

import trio

from trio_groq._cancellation import raise_plainly
from trio_groq.errors import APIConnectionError

__all__ = ["connect", "connection_failed"]

KEEP_ALIVE_IDLE: Final = 30
"""Seconds of silence before the first probe. A model may think for minutes before the first token,
and address translators and balancers on the way forget a silent connection after 60 s and up."""
KEEP_ALIVE_INTERVAL: Final = 10
"""Seconds between two probes."""
KEEP_ALIVE_PROBES: Final = 6
"""Probes without an answer: a peer that has vanished is known after 90 s."""

_OPTIONS: Final = (
    ("TCP_KEEPIDLE", KEEP_ALIVE_IDLE),
    ("TCP_KEEPALIVE", KEEP_ALIVE_IDLE),  # what macOS calls the same
    ("TCP_KEEPINTVL", KEEP_ALIVE_INTERVAL),
    ("TCP_KEEPCNT", KEEP_ALIVE_PROBES),
)


def connection_failed(doing: str, exc: OSError) -> APIConnectionError:
    """The error for a connection that could not be made, with every reason named once.

    Args:
        doing: What was done, and to whom.
        exc: What the system said; one for several addresses has their errors as its cause.
    """
    causes = exc.__cause__.exceptions if isinstance(exc.__cause__, ExceptionGroup) else (exc,)
    is_refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes)
    reasons = {getattr(cause, "strerror", None) or str(cause) for cause in causes}
    error = APIConnectionError(f"{doing}: {'; '.join(sorted(reasons))}")
    if isinstance(exc, socket.gaierror):
        error.add_note(
            "The host name could not be resolved: check base_url, any proxy's URL, and the network."
        )
    elif is_refused:
        error.add_note(
            "Nothing listens at that port: check base_url, any proxy's URL, and whether what is "
            "asked there is running."
        )
    return error


def _keep_alive(sock: socket.socket) -> None:
    """Have the system look now and then whether the peer of a silent connection is still there."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _OPTIONS:
        option = getattr(socket, name, None)
        if option is not None:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


async def connect(host: str, port: int, peer: str) -> socket.socket:
    """A connected, non-blocking TCP socket: RFC 8305 over all addresses of the host.

    `TCP_NODELAY` is set, and keep-alive as far as the system knows it.

    Args:
        host: Name or address.
        port: 1 to 65535.
        peer: What it is called in errors.

    Raises:
        APIConnectionError: The host could not be resolved or reached.

    Cancelled, no socket stays open.
    """
    try:
        stream = await trio.open_tcp_stream(host, port)
    except BaseExceptionGroup as group:  # addresses are tried in a nursery
        await raise_plainly(group)
        raise
    except OSError as exc:
        raise connection_failed(f"connecting to {peer}", exc) from exc
    except UnicodeError as exc:  # the resolver's own refusal of a name
        raise APIConnectionError(f"connecting to {peer}: the host name is not valid") from exc
    wrapped = stream.socket
    sock = socket.socket(wrapped.family, wrapped.type, wrapped.proto, fileno=wrapped.detach())
    try:
        sock.settimeout(0.0)
        _keep_alive(sock)
    except OSError as exc:  # some systems refuse options of a connection that is gone already
        sock.close()
        raise connection_failed(f"connecting to {peer}", exc) from exc
    return sock
