"""Records of TLS: all that are there are taken, and none is asked for that is not there."""

import functools
import math
import socket
import ssl
import sys
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trustme
from trio.testing import wait_all_tasks_blocked

from _http.tls_servers import client_context, server_context, tls_server
from trio_groq._http.dial import Dialer
from trio_groq._http.tls_records import TLSRecords, kernel_look


class NotYetError(OSError):
    """What the socket here raises for want of a whole record."""


class Scripted:
    """Gives what it is told to, record by record.

    Attributes:
        records: Bytes of a record, 0 for the end, or what is raised. Once all have been given, it
            has nothing yet.
        failed: Receives that found nothing.
    """

    def __init__(self, *records: bytes | int | OSError) -> None:
        self.records = list(records)
        self.rest = b""
        self.failed = 0

    def recv_into(self, buffer: memoryview) -> int:
        if not self.rest:
            record = self.records.pop(0) if self.records else NotYetError()
            if isinstance(record, OSError):
                self.failed += isinstance(record, NotYetError)
                raise record
            if isinstance(record, int):
                return record
            self.rest = record
        size = min(len(self.rest), len(buffer))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size

    def pending(self) -> int:
        return len(self.rest)

    def look(self) -> bool:
        return bool(self.records)


def nothing() -> None:
    """Keep no session."""


def receive(records: TLSRecords, size: int = 100) -> bytes:
    buffer = bytearray(size)
    return bytes(buffer[: records.receive(memoryview(buffer))])


def records_of(sock: Scripted, look: Callable[[], bool] | None = None) -> TLSRecords:
    return TLSRecords(sock, (NotYetError,), look or sock.look, nothing)


def test_one_record_costs_one_receive() -> None:
    sock = Scripted(b"token")
    records = records_of(sock)
    assert receive(records) == b"token"
    assert not records.pending()
    assert sock.failed == 0


@pytest.mark.parametrize("knows", [True, False])
def test_all_that_are_there_are_taken(knows: bool) -> None:
    sock = Scripted(b"one ", b"two ", b"three")
    records = records_of(sock, None if knows else lambda: True)
    assert receive(records) == b"one two three"
    assert not records.pending()
    assert sock.failed == (0 if knows else 1)


def test_a_record_of_which_a_part_is_there_is_left_for_later() -> None:
    sock = Scripted(b"one", NotYetError())
    records = records_of(sock)
    assert receive(records) == b"one"
    assert not records.pending()
    assert sock.failed == 1


def test_nothing_is_nothing_yet() -> None:
    with pytest.raises(NotYetError):
        receive(records_of(Scripted()))


def test_what_does_not_fit_is_pending() -> None:
    records = records_of(Scripted(b"0123", b"4567"))
    assert receive(records, 6) == b"012345"
    assert records.pending()
    assert receive(records, 6) == b"67"
    assert not records.pending()


def test_a_record_that_just_fits_leaves_nothing() -> None:
    records = records_of(Scripted(b"0123", b"45"))
    assert receive(records, 6) == b"012345"
    assert not records.pending()


def test_an_end_behind_data_comes_after_it() -> None:
    records = records_of(Scripted(b"last", 0))
    assert receive(records) == b"last"
    assert records.pending()
    assert receive(records) == b""


def test_an_error_behind_data_comes_after_it() -> None:
    records = records_of(Scripted(b"last", ConnectionResetError("gone")))
    assert receive(records) == b"last"
    assert records.pending()
    with pytest.raises(ConnectionResetError, match="gone"):
        receive(records)
    assert not records.pending()


def test_the_session_is_kept_once_and_not_before_data() -> None:
    kept: list[bool] = []
    sock = Scripted(NotYetError(), b"a", b"b")
    records = TLSRecords(sock, (NotYetError,), lambda: False, lambda: kept.append(True))
    with pytest.raises(NotYetError):
        receive(records)
    assert not kept
    assert receive(records) == b"a"
    assert receive(records) == b"b"
    assert kept == [True]


@pytest.mark.skipif(sys.platform == "win32", reason="the kernel cannot be asked there")
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_the_kernel_tells_what_has_come(family: int) -> None:
    ours, theirs = pair(family)
    with ours, theirs:
        look = kernel_look(ours.fileno())
        assert not look()
        theirs.send(b"x" * 70_000)
        assert look()
        while look():
            ours.recv(1_000)
        assert not look()
        theirs.close()
        assert not look(), "an end is no byte"
        assert ours.recv(1) == b""


def pair(family: int) -> tuple[socket.socket, socket.socket]:
    if family != socket.AF_INET:
        return socket.socketpair(family)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        return ours, listener.accept()[0]


def test_where_it_cannot_be_asked_there_may_always_be_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert kernel_look(-1)()


# -- over real TLS


@pytest.mark.skipif(sys.platform == "win32", reason="the kernel cannot be asked there")
async def test_paced_records_are_received_without_a_failure(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the second token on: with the first one may come what TLS has to say for itself."""
    failed = 0
    recv_into = ssl.SSLSocket.recv_into

    def counting(self: ssl.SSLSocket, *args: Any) -> int:
        nonlocal failed
        try:
            return recv_into(self, *args)
        except ssl.SSLWantReadError:
            failed += 1
            raise

    async def serve(stream: trio.SSLStream[trio.SocketStream]) -> None:
        for _ in range(10):
            await stream.send_all(b"token")
            await stream.receive_some(1)

    monkeypatch.setattr(ssl.SSLSocket, "recv_into", counting)
    buffer = memoryview(bytearray(100))
    async with tls_server(server_context(authority), serve) as origin:
        transport = await Dialer(ssl_context=client_context(authority)).dial(origin)
        for number in range(10):
            taken: list[int] = []
            take = functools.partial(_note, taken)
            await transport.receive(buffer, take, gap=math.inf, end=math.inf)
            assert taken == [5]
            if number == 0:
                failed = 0
            transport.send_now(b"x")
        assert failed == 0
        await wait_all_tasks_blocked()
        transport.close()


def _note(taken: list[int], received: int) -> bool:
    taken.append(received)
    return True
