"""One transport and one exchange at a time, over a real socket."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_groq._http.connection import Connection, ReceiveBuffer
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.exchange import Exchange
from trio_groq._http.messages import Origin, Request, Span
from trio_groq._http.request_encoder import RequestEncoder
from trio_groq._http.transport import Transport
from trio_groq.errors import APIConnectionError, APITimeoutError, ProtocolError

ORIGIN = Origin("http", "groq.test", 80)
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Peer:
    """The other end, and our connection to it."""

    def __init__(self, sock: socket.socket, connection: Connection) -> None:
        self.sock = sock
        self.connection = connection
        self.deadlines = Deadlines(Timeouts(read=5.0, write=3.0), trio.current_time())

    async def send(self, body: bytes = b"") -> Exchange:
        request = Request(ORIGIN, b"POST", b"/", (), body)
        exchange = Exchange(request)
        data = RequestEncoder().encode(request)
        await self.connection.send(exchange, data, self.deadlines)
        return exchange

    async def read(self) -> bytes:
        body = bytearray()

        def consume(spans: list[Span]) -> bool:
            for data, start, end in spans:
                body.extend(memoryview(data)[start:end])
            return False

        await self.connection.receive(self.deadlines, consume)
        return bytes(body)


@contextmanager
def connected() -> Iterator[Peer]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with theirs:
        connection = Connection(Transport(ours), ORIGIN, ReceiveBuffer(4096), 7)
        try:
            yield Peer(theirs, connection)
        finally:
            connection.close()


async def test_exchange_after_exchange() -> None:
    with connected() as peer:
        connection = peer.connection
        assert connection.reusable
        assert not connection.complete
        assert repr(connection) == "<Connection 7 to http://groq.test, 0 exchanges, idle>"
        for number in (1, 2):
            peer.sock.send(HELLO)
            exchange = await peer.send()
            assert exchange.head is not None
            assert exchange.head.status == 200
            assert not connection.complete  # its bytes are here, but nobody has taken them
            assert await peer.read() == b"hello"
            assert connection.complete
            assert connection.reusable
            assert connection.exchanges == number
            assert await peer.read() == b""
        assert connection.is_quiet()
        assert b"POST / HTTP/1.1\r\n" in peer.sock.recv(4096)


async def test_a_body_larger_than_the_buffer() -> None:
    with connected() as peer:
        peer.sock.send(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000)
        await peer.send()
        assert "under way" in repr(peer.connection)
        assert await peer.read() == b"x" * 20_000
        assert peer.connection.reusable


async def test_what_came_before_a_violation_comes_first() -> None:
    wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"
    got: list[bytes] = []

    def consume(spans: list[Span]) -> bool:
        got.extend(bytes(memoryview(data)[start:end]) for data, start, end in spans)
        return True

    for head_first in (True, False):
        with connected() as peer:
            cut = wire.index(b"5\r\n") if head_first else len(wire)
            peer.sock.send(wire[:cut])
            await peer.send()
            peer.sock.send(wire[cut:])
            await peer.connection.receive(peer.deadlines, consume)
            for _ in range(2):
                with pytest.raises(ProtocolError, match="chunk size"):
                    await peer.connection.receive(peer.deadlines, consume)
            assert not peer.connection.reusable
    assert got == [b"hello", b"hello"]


@pytest.mark.parametrize("end", [b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
async def test_an_end_instead_of_a_head(end: bytes) -> None:
    with connected() as peer:
        peer.sock.send(end)
        peer.sock.shutdown(socket.SHUT_WR)
        with pytest.raises(ProtocolError, match="expected a whole response head"):
            await peer.send()


async def test_an_end_within_a_body() -> None:
    with connected() as peer:
        peer.sock.send(HELLO[:-2])
        peer.sock.shutdown(socket.SHUT_WR)
        await peer.send()
        with pytest.raises(ProtocolError, match="got the end of the connection after 3"):
            await peer.read()
        assert not peer.connection.reusable


async def test_an_answer_to_a_torn_request_is_heard() -> None:
    with connected() as peer:
        peer.sock.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        peer.sock.shutdown(socket.SHUT_RD)
        exchange = await peer.send(b"x" * (1 << 20))
        assert exchange.head is not None
        assert exchange.head.status == 413
        assert await peer.read() == b"no"
        assert peer.connection.complete
        assert not peer.connection.reusable


async def test_a_torn_request_without_an_answer_is_the_broken_send() -> None:
    with connected() as peer:
        peer.sock.close()
        with pytest.raises(APIConnectionError, match="sending failed"):
            await peer.send()


@pytest.mark.parametrize("status", [200, 503])
async def test_a_body_that_breaks_in_the_packet_of_its_head(status: int) -> None:
    wire = b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" % status
    with connected() as peer:
        peer.sock.send(wire)
        if status == 200:
            with pytest.raises(ProtocolError, match="chunk size"):
                await peer.send()
            return
        exchange = await peer.send()
        assert exchange.head is not None
        assert exchange.head.status == status
        assert not peer.connection.complete
        for _ in range(2):
            with pytest.raises(ProtocolError, match="chunk size"):
                await peer.read()
        assert not peer.connection.reusable


@pytest.mark.parametrize("first_byte", [None, 5.0])
@pytest.mark.parametrize("theirs", [3.0, 7.0], ids=["theirs was first", "ours was first"])
async def test_whose_deadline_it_was_that_passed_before_the_first_wait(
    mock_clock: MockClock, theirs: float, first_byte: float | None
) -> None:
    limits = Timeouts(total=5.0, first_byte=first_byte)
    with connected() as peer:
        peer.deadlines = Deadlines(limits, trio.current_time())
        with trio.move_on_after(theirs) as scope:
            mock_clock.jump(6.0)  # work that let nobody else run
            with pytest.raises((APITimeoutError, trio.Cancelled)) as caught:
                await peer.send()
            assert isinstance(caught.value, APITimeoutError) is (theirs > 5.0)
            await trio.lowlevel.checkpoint()
        assert scope.cancelled_caught is (theirs < 5.0)


async def test_limits_are_exact(autojump_clock: MockClock) -> None:
    with connected() as peer:
        with pytest.raises(APITimeoutError) as caught:
            await peer.send()
        assert (caught.value.phase, trio.current_time()) == ("read", 5.0)
    with connected() as peer:
        with pytest.raises(APITimeoutError) as caught:
            await peer.send(b"x" * (1 << 24))
        assert (caught.value.phase, trio.current_time()) == ("write", 8.0)


async def test_a_head_in_pieces_is_measured_by_its_gaps(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    with connected() as peer:

        async def drip() -> None:
            for start in range(0, len(HELLO), 10):
                await trio.sleep(4.0)
                peer.sock.send(HELLO[start : start + 10])

        nursery.start_soon(drip)
        await peer.send()
        assert await peer.read() == b"hello"
        assert trio.current_time() == 20.0


async def test_closing(nursery: trio.Nursery) -> None:
    with connected() as peer:

        async def call() -> None:
            with pytest.raises(APIConnectionError, match="closed by this client"):
                await peer.send()

        nursery.start_soon(call)
        await wait_all_tasks_blocked()
        peer.connection.close()
        peer.connection.close()
        assert not peer.connection.reusable
        assert "closed" in repr(peer.connection)


async def test_an_idle_connection_that_was_spoken_to_is_not_quiet() -> None:
    with connected() as peer:
        assert peer.connection.is_quiet()
        peer.sock.send(b"x")
        assert not peer.connection.is_quiet()
