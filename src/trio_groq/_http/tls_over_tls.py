"""TLS within TLS: what an `https` proxy carries for an `https` origin.

OpenSSL reads and writes one socket, so the inner TLS works on memory, and this moves its bytes
through the outer one. The two are handed in: only `dial` names ssl.

To the transport it looks as a non-blocking `ssl.SSLSocket` does, in what it returns and in what it
raises. So a send that could not finish has taken nothing, and wants the same bytes again.
"""

import contextlib
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar, final

__all__ = ["Engine", "Memory", "TLSOverTLS"]

T = TypeVar("T")

RECORD_BYTES: Final = 16_384
"""Content of a TLS record at the most (RFC 8446, 5.1): so much is encrypted at a time."""


class Engine(Protocol):
    """The inner TLS: an `ssl.SSLObject`."""

    @property
    def context(self) -> Any:  # noqa: ANN401 (only the file that names ssl knows it)
        """What it was made with."""

    @property
    def session(self) -> Any:  # noqa: ANN401 (as above)
        """The session, None before there is one."""

    @property
    def session_reused(self) -> Any:  # noqa: ANN401 (as above)
        """Whether it was taken up again."""

    def do_handshake(self) -> None:
        """Go on with the handshake."""

    def selected_alpn_protocol(self) -> str | None:
        """What both sides speak."""

    def read(self, size: int, buffer: Any, /) -> Any:  # noqa: ANN401 (an SSLObject's own types)
        """Decrypt into a buffer."""

    def write(self, data: Any, /) -> int:  # noqa: ANN401 (an SSLObject's own types)
        """Encrypt."""

    def pending(self) -> int:
        """Bytes that are decrypted and not read."""


class Memory(Protocol):
    """What the inner TLS reads from or writes to: an `ssl.MemoryBIO`."""

    @property
    def pending(self) -> int:
        """Bytes in it."""

    def read(self, size: int = ..., /) -> bytes:
        """Take bytes out."""

    def write(self, data: Any, /) -> int:  # noqa: ANN401 (a MemoryBIO's own types)
        """Put bytes in."""

    def write_eof(self) -> None:
        """No more will come."""


@final
class TLSOverTLS:
    """See the top of this file.

    Args:
        outer: The connection to the proxy, a non-blocking `ssl.SSLSocket`; owned from here on.
        engine: The inner TLS.
        incoming: What it reads.
        outgoing: What it writes.
        want_read: What both raise when they need to receive first.
        want_write: What the outer one raises when it cannot send now.
    """

    __slots__ = (
        "_buffer",
        "_encrypted",
        "_engine",
        "_held",
        "_incoming",
        "_not_yet",
        "_outer",
        "_outgoing",
        "_want_read",
    )

    def __init__(
        self,
        outer: socket.socket,
        engine: Engine,
        incoming: Memory,
        outgoing: Memory,
        *,
        want_read: type[OSError],
        want_write: type[OSError],
    ) -> None:
        self._outer = outer
        self._engine = engine
        self._incoming = incoming
        self._outgoing = outgoing
        self._want_read = want_read
        self._not_yet = (want_read, want_write)
        self._buffer = bytearray(RECORD_BYTES)
        self._encrypted = memoryview(b"")
        self._held = 0

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._outer.fileno()

    def close(self) -> None:
        """Close the socket. Idempotent."""
        self._outer.close()

    @property
    def context(self) -> Any:  # noqa: ANN401 (see `Engine`)
        """What the inner TLS was made with."""
        return self._engine.context

    @property
    def session(self) -> Any:  # noqa: ANN401 (see `Engine`)
        """The inner session."""
        return self._engine.session

    @property
    def session_reused(self) -> bool:
        """Whether the inner session was taken up again."""
        return bool(self._engine.session_reused)

    def selected_alpn_protocol(self) -> str | None:
        """What was agreed on with the origin."""
        return self._engine.selected_alpn_protocol()

    def pending(self) -> int:
        """Bytes that can be received without the socket being readable, 0 for none.

        The outer ones and those in between are encrypted, so there may be fewer in truth.
        """
        outer: int = self._outer.pending()  # type: ignore[attr-defined]  # an SSLSocket's own
        return self._engine.pending() + self._incoming.pending + outer

    def do_handshake(self) -> None:
        """As `ssl.SSLSocket.do_handshake`."""
        self._work(self._engine.do_handshake, self._flush)
        self._flush()  # the last flight is ours

    def recv_into(self, buffer: memoryview) -> int:
        """As `ssl.SSLSocket.recv_into`."""
        received: int = self._work(
            lambda: self._engine.read(len(buffer), buffer), self._flush_if_possible
        )
        return received

    def recv(self, size: int) -> bytes:
        """As `ssl.SSLSocket.recv`."""
        buffer = bytearray(size)
        return bytes(buffer[: self.recv_into(memoryview(buffer))])

    def send(self, data: bytes | memoryview) -> int:
        """As `ssl.SSLSocket.send`; at most a record at a time."""
        if not self._held:
            record = memoryview(data)[:RECORD_BYTES]
            self._held = self._work(lambda: self._engine.write(record), self._flush)
        self._flush()
        sent, self._held = self._held, 0
        return sent

    def _work(self, step: Callable[[], T], flush: Callable[[], None]) -> T:
        """Do a step of the inner TLS, and all that it needs of the outer one before."""
        while True:
            try:
                return step()
            except self._want_read:
                flush()
                self._fill()

    def _fill(self) -> None:
        received = self._outer.recv_into(self._buffer)
        if received:
            self._incoming.write(memoryview(self._buffer)[:received])
        else:
            self._incoming.write_eof()  # the inner TLS knows whether it may end here

    def _flush(self) -> None:
        while True:
            if not self._encrypted:
                self._encrypted = memoryview(self._outgoing.read())
            if not self._encrypted:
                return
            self._encrypted = self._encrypted[self._outer.send(self._encrypted) :]

    def _flush_if_possible(self) -> None:
        """Send what a receive gives occasion to (an answer to a key update), or leave it for later.

        What has come must not wait until the peer takes that.
        """
        with contextlib.suppress(*self._not_yet):
            self._flush()
