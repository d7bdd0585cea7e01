"""TLS within TLS by hand: every step may have to wait, in either direction, and nothing is lost.

The outer connection is a script of what it takes and gives; the inner TLS is real.
"""

import contextlib
import ssl
from typing import Any

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from _http.tls_servers import client_context, server_context
from trio_groq._http.tls_over_tls import RECORD_BYTES, TLSOverTLS


class Outer:
    """As a non-blocking `ssl.SSLSocket`, whose peer is an inner TLS server.

    Attributes:
        takes: Bytes that it takes now, before it wants to wait.
        incoming: What has come for the inner TLS.
        ended: Whether the peer has closed.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.server_in, self.server_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = context.wrap_bio(self.server_in, self.server_out, server_side=True)
        self.takes = 1 << 30
        self.gives = 1 << 30
        self.incoming = bytearray()
        self.ended = False
        self.closed = 0
        self.retried: bytes | None = None

    def send(self, data: memoryview) -> int:
        # OpenSSL wants a write that could not be done again as it was.
        assert self.retried in {None, bytes(data)}
        if not self.takes:
            self.retried = bytes(data)
            raise ssl.SSLWantWriteError
        self.retried = None
        size = min(len(data), self.takes)
        self.takes -= size
        self.server_in.write(data[:size])
        return size

    def recv_into(self, buffer: bytearray) -> int:
        self.incoming += self.server_out.read()
        if not self.incoming and self.ended:
            return 0
        size = min(len(buffer), len(self.incoming), self.gives)
        if not size:
            raise ssl.SSLWantReadError
        buffer[:size] = self.incoming[:size]
        del self.incoming[:size]
        return size

    def pending(self) -> int:
        return len(self.incoming)

    def fileno(self) -> int:
        return 99

    def close(self) -> None:
        self.closed += 1

    def serve(self) -> None:
        """The server's side of the handshake, as far as it goes."""
        with contextlib.suppress(ssl.SSLWantReadError):
            self.server.do_handshake()


@pytest.fixture(scope="module")
def contexts(authority: trustme.CA) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return client_context(authority), server_context(authority)


def layered(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> tuple[TLSOverTLS, Outer]:
    outer = Outer(contexts[1])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    engine = contexts[0].wrap_bio(incoming, outgoing, server_hostname="localhost")
    stand_in: Any = outer
    inner = TLSOverTLS(
        stand_in,
        engine,
        incoming,
        outgoing,
        want_read=ssl.SSLWantReadError,
        want_write=ssl.SSLWantWriteError,
    )
    return inner, outer


def shake(inner: TLSOverTLS, outer: Outer, taken: int) -> int:
    """The whole handshake, the outer connection taking `taken` bytes at a time; how many waits."""
    for waits in range(10_000):
        outer.takes = taken
        try:
            inner.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            outer.serve()
        else:
            outer.takes = 1 << 30
            outer.serve()
            return waits
    raise AssertionError("no end")


@pytest.mark.parametrize("taken", [1, 100, 1 << 30])
def test_a_handshake_in_any_pieces(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], taken: int
) -> None:
    inner, outer = layered(contexts)
    outer.gives = taken
    assert shake(inner, outer, taken) >= 1
    assert outer.server.version() in {"TLSv1.2", "TLSv1.3"}
    assert inner.context is contexts[0]
    assert inner.selected_alpn_protocol() is None
    assert inner.fileno() == 99
    assert not inner.session_reused


@given(
    size=st.integers(1, 50_000),
    taken=st.lists(st.integers(0, 20_000), max_size=30),
)
@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_sent_arrives_once(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext], size: int, taken: list[int]
) -> None:
    inner, outer = layered(contexts)
    shake(inner, outer, 1 << 30)
    data = bytes(number % 251 for number in range(size))
    rest = memoryview(data)
    allowed = iter(taken)
    got = bytearray()
    while rest:
        outer.takes = next(allowed, 1 << 30)
        try:
            sent = inner.send(rest)
        except ssl.SSLWantWriteError:
            sent = 0
        assert 0 <= sent <= RECORD_BYTES
        rest = rest[sent:]
        try:
            while True:
                got += outer.server.read(1 << 16)
        except ssl.SSLWantReadError:
            pass  # that was all for now
        assert len(got) >= size - len(rest)  # what was called sent has left
    assert bytes(got) == data


def test_what_has_come_does_not_wait_for_what_cannot_go(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    inner, outer = layered(contexts)
    shake(inner, outer, 1 << 30)
    outer.takes = 10
    with pytest.raises(ssl.SSLWantWriteError):
        inner.send(b"x" * 1000)  # half of it is on its way
    outer.server.write(b"hello")
    assert inner.recv(99) == b"hello"
    with pytest.raises(ssl.SSLWantReadError):
        inner.recv(99)
    outer.takes = 1 << 30
    assert inner.send(b"x" * 1000) == 1000
    assert outer.server.read(4096) == b"x" * 1000


def test_pending_counts_every_place(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    inner, outer = layered(contexts)
    shake(inner, outer, 1 << 30)
    with pytest.raises(ssl.SSLWantReadError):
        inner.recv(1)
    assert inner.pending() == 0
    outer.server.write(b"abc")
    outer.server.write(b"def")
    assert inner.recv(1) == b"a"
    assert inner.pending() > 2  # two decrypted, and a record that is not
    assert inner.recv(2) == b"bc"
    assert inner.pending() > 0
    assert inner.recv(9) == b"def"
    assert inner.pending() == 0
    outer.incoming += b"xyz"
    assert inner.pending() == 3


def test_an_end_that_was_announced_and_one_that_was_not(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    inner, outer = layered(contexts)
    shake(inner, outer, 1 << 30)
    with pytest.raises(ssl.SSLWantReadError):
        outer.server.unwrap()
    assert inner.recv(9) == b""
    inner, outer = layered(contexts)
    shake(inner, outer, 1 << 30)
    outer.ended = True
    with pytest.raises(ssl.SSLEOFError):
        inner.recv(9)
    inner.close()
    assert outer.closed == 1
