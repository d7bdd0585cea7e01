"""Bytes over one socket: readiness policy, sending, quietness, closing."""

import math
import select
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_groq._http.transport import EAGER_BYTES, Transport
from trio_groq.errors import APIConnectionError

Readiness = Literal["auto", "trio", "epoll"]
WAYS = ["auto", "trio", *(["epoll"] if hasattr(select, "epoll") else [])]


class Pair:
    """A transport and the peer's end."""

    def __init__(self, readiness: Readiness) -> None:
        ours, self.peer = socket.socketpair()
        ours.setblocking(False)
        self.peer.setblocking(False)
        self.attempts = 0
        self.sock = ours

        def receive(buffer: memoryview) -> int:
            self.attempts += 1
            return ours.recv_into(buffer)

        self.transport = Transport(ours, receive=receive, readiness=readiness)
        self.buffer = bytearray(65536)

    async def receive(
        self, *, enough: int = 1, gap: float = math.inf, end: float = math.inf
    ) -> bytes:
        got = bytearray()

        def take(received: int) -> bool:
            got.extend(self.buffer[:received])
            return received == 0 or len(got) >= enough

        await self.transport.receive(memoryview(self.buffer), take, gap=gap, end=end)
        return bytes(got)


@pytest.fixture(params=WAYS)
def readiness(request: pytest.FixtureRequest) -> Readiness:
    value: Readiness = request.param
    return value


@pytest.fixture
def pair_of() -> Iterator[Callable[[Readiness], Pair]]:
    pairs: list[Pair] = []

    def make(readiness: Readiness) -> Pair:
        pairs.append(Pair(readiness))
        return pairs[-1]

    yield make
    for pair in pairs:
        pair.sock.close()
        pair.peer.close()


MakePair = Callable[[Readiness], Pair]


async def test_bytes_come_and_the_end_is_zero(pair_of: MakePair, readiness: Readiness) -> None:
    pair = pair_of(readiness)
    pair.peer.send(b"hello")
    assert await pair.receive() == b"hello"
    pair.peer.close()
    assert await pair.receive() == b""
    pair.transport.close()


async def test_it_goes_on_until_it_is_enough(
    pair_of: MakePair, readiness: Readiness, nursery: trio.Nursery
) -> None:
    pair = pair_of(readiness)
    got: list[bytes] = []

    async def read() -> None:
        got.append(await pair.receive(enough=3))

    nursery.start_soon(read)
    for byte in (b"a", b"b"):
        await wait_all_tasks_blocked()
        pair.peer.send(byte)
    await wait_all_tasks_blocked()
    assert got == []
    pair.peer.send(b"c")
    await wait_all_tasks_blocked()
    assert got == [b"abc"]
    pair.transport.close()


async def test_a_paced_peer_costs_one_attempt_a_piece(
    pair_of: MakePair, readiness: Readiness, nursery: trio.Nursery
) -> None:
    pair = pair_of(readiness)
    pair.transport.send_now(b"request")
    for _ in range(5):
        before = pair.attempts
        nursery.start_soon(pair.receive)
        await wait_all_tasks_blocked()
        assert pair.attempts == before  # nothing has come: nothing was tried
        pair.peer.send(b"token")
        await wait_all_tasks_blocked()
        assert pair.attempts == before + 1
    pair.transport.close()


async def test_after_much_it_is_tried_at_once(
    pair_of: MakePair, readiness: Readiness, nursery: trio.Nursery
) -> None:
    pair = pair_of(readiness)
    pair.transport.send_now(b"request")
    pair.peer.send(b"x" * EAGER_BYTES)
    assert len(await pair.receive()) == EAGER_BYTES
    nursery.start_soon(pair.receive)
    before = pair.attempts
    await wait_all_tasks_blocked()
    assert pair.attempts == before + 1
    pair.peer.send(b"x" * (EAGER_BYTES - 1))
    await wait_all_tasks_blocked()
    nursery.start_soon(pair.receive)
    before = pair.attempts
    await wait_all_tasks_blocked()
    assert pair.attempts == before
    nursery.cancel_scope.cancel()
    pair.transport.close()


@pytest.mark.parametrize("eager", [True, False])
async def test_a_receive_is_a_checkpoint_before_the_bytes(
    pair_of: MakePair, readiness: Readiness, eager: bool
) -> None:
    pair = pair_of(readiness)
    if not eager:
        pair.transport.send_now(b"request")
    pair.peer.send(b"hello")
    with trio.CancelScope() as scope:
        scope.cancel()
        await pair.receive()
    assert scope.cancelled_caught
    with trio.testing.assert_checkpoints():
        assert await pair.receive() == b"hello"
    pair.transport.close()


@pytest.mark.parametrize("eager", [True, False])
async def test_limits(
    pair_of: MakePair, readiness: Readiness, eager: bool, autojump_clock: MockClock
) -> None:
    pair = pair_of(readiness)
    if not eager:
        pair.transport.send_now(b"request")
    with pytest.raises(trio.TooSlowError):
        await pair.receive(gap=2.0)
    assert trio.current_time() == 2.0
    with pytest.raises(trio.TooSlowError):
        await pair.receive(gap=9.0, end=5.0)
    assert trio.current_time() == 5.0
    with pytest.raises(trio.TooSlowError):
        await pair.receive(end=4.0)
    assert trio.current_time() == 5.0
    pair.peer.send(b"in time")
    assert await pair.receive(end=6.0) == b"in time"
    pair.transport.close()


async def test_what_take_raises_is_raised(pair_of: MakePair, readiness: Readiness) -> None:
    pair = pair_of(readiness)

    def take(received: int) -> bool:
        raise LookupError(received)

    for eager in (True, False):
        if not eager:
            pair.transport.send_now(b"request")
        pair.peer.send(b"hello")
        with pytest.raises(LookupError, match="5"):
            await pair.transport.receive(memoryview(pair.buffer), take, gap=math.inf, end=math.inf)
    pair.transport.close()


# -- sending


async def test_sending_waits_for_room(
    pair_of: MakePair, readiness: Readiness, nursery: trio.Nursery
) -> None:
    pair = pair_of(readiness)
    data = bytes(range(256)) * 8192
    nursery.start_soon(pair.transport.send_all, memoryview(data))
    got = bytearray()
    while len(got) < len(data):
        await trio.lowlevel.wait_readable(pair.peer)
        got += pair.peer.recv(65536)
    assert bytes(got) == data
    pair.transport.close()


async def test_sending_now_takes_what_there_is_room_for(
    pair_of: MakePair, readiness: Readiness
) -> None:
    pair = pair_of(readiness)
    assert pair.transport.send_now(b"hello") == 5
    assert pair.peer.recv(9) == b"hello"
    sent = pair.transport.send_now(bytes(1 << 24))
    assert 0 < sent < 1 << 24
    assert pair.transport.send_now(b"x") == 0
    pair.transport.close()


async def test_sending_to_a_closed_peer(pair_of: MakePair, readiness: Readiness) -> None:
    pair = pair_of(readiness)
    pair.peer.close()
    with pytest.raises(APIConnectionError, match=r"^connection: sending failed: ") as caught:
        pair.transport.send_now(b"x")
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(APIConnectionError, match=r"^connection: sending failed: "):
        await pair.transport.send_all(memoryview(b"x"))
    pair.transport.close()


async def test_a_reset_is_an_error_of_receiving() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    ours = socket.create_connection(listener.socket.getsockname())
    ours.setblocking(False)
    stream = await listener.accept()
    transport = Transport(ours)
    stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    await stream.aclose()
    await listener.aclose()
    with pytest.raises(
        APIConnectionError, match=r"^connection: receiving failed: Connection reset"
    ):
        await transport.receive(memoryview(bytearray(9)), bool, gap=math.inf, end=math.inf)
    transport.close()


class Renegotiating:
    """A socket whose operations first need the other direction, as TLS may."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.refusals: list[type[Exception]] = []
        self.fileno = sock.fileno
        self.close = sock.close

    def send(self, data: memoryview) -> int:
        if self.refusals:
            raise self.refusals.pop(0)
        return self.sock.send(data)


class WantReadError(Exception):
    """As `ssl.SSLWantReadError`."""


class WantWriteError(Exception):
    """As `ssl.SSLWantWriteError`."""


async def test_sending_may_have_to_wait_for_either_direction(
    pair_of: MakePair, readiness: Readiness, nursery: trio.Nursery
) -> None:
    """The task that receives takes what TLS has to read first: it is not waited for twice."""
    pair = pair_of(readiness)
    sock: Any = Renegotiating(pair.sock)
    buffer = bytearray(9)
    swallowed: list[bytes] = []

    def receive(view: memoryview) -> int:
        received = pair.sock.recv_into(view)
        if bytes(view[:received]) == b"x":  # no data, but TLS's own
            swallowed.append(b"x")
            raise WantReadError
        return received

    transport = Transport(
        sock,
        want_read=(WantReadError,),
        want_write=(WantWriteError,),
        receive=receive,
        readiness=readiness,
    )
    sock.refusals = [WantWriteError, WantWriteError, WantReadError, WantReadError]
    assert transport.send_now(b"hello") == 0

    async def read() -> None:
        await transport.receive(memoryview(buffer), bool, gap=math.inf, end=math.inf)

    nursery.start_soon(read)
    nursery.start_soon(transport.send_all, memoryview(b"hello"))
    for wanted in (1, 2):
        await wait_all_tasks_blocked()
        with pytest.raises(BlockingIOError):
            pair.peer.recv(9)
        pair.peer.send(b"x")
        await wait_all_tasks_blocked()
        assert len(swallowed) == wanted
    assert pair.peer.recv(9) == b"hello"
    pair.peer.send(b"answer")
    await wait_all_tasks_blocked()
    assert buffer[:6] == b"answer"
    transport.close()


async def test_a_send_that_waits_for_the_receiver_can_be_cancelled(pair_of: MakePair) -> None:
    pair = pair_of("auto")
    sock: Any = Renegotiating(pair.sock)
    transport = Transport(sock, want_read=(WantReadError,), receive=pair.sock.recv_into)
    sock.refusals = [WantReadError]
    with trio.CancelScope() as scope:
        scope.cancel()
        await transport.send_all(memoryview(b"hello"))
    assert scope.cancelled_caught
    assert transport._receive == pair.sock.recv_into
    transport.close()


async def test_the_limit_of_sending_is_for_each_wait(
    pair_of: MakePair, readiness: Readiness, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    pair = pair_of(readiness)
    data = memoryview(bytes(1 << 22))
    taken = 0

    async def take_for_a_while() -> None:
        nonlocal taken
        for _ in range(10):
            await trio.sleep(4.0)
            taken += len(pair.peer.recv(1 << 18))

    nursery.start_soon(take_for_a_while)
    with pytest.raises(trio.TooSlowError):
        await pair.transport.send_all(data, gap=5.0)
    assert trio.current_time() == 45.0
    assert 0 < taken < len(data)
    with pytest.raises(trio.TooSlowError):
        await pair.transport.send_all(data, gap=5.0, end=46.0)
    assert trio.current_time() == 46.0
    pair.transport.close()


# -- quietness


async def test_the_limit_of_receiving_leaves_a_send_alone(
    pair_of: MakePair, readiness: Readiness, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    pair = pair_of(readiness)
    data = bytes(1 << 20)
    nursery.start_soon(pair.transport.send_all, memoryview(data))
    await wait_all_tasks_blocked()
    for limit in (3.0, 6.0):
        with pytest.raises(trio.TooSlowError):
            await pair.receive(end=limit)
        assert trio.current_time() == limit
    got = 0
    while got < len(data):
        try:
            got += len(pair.peer.recv(65536))
        except BlockingIOError:
            await wait_all_tasks_blocked()
    await wait_all_tasks_blocked()
    assert not nursery.child_tasks


async def test_quiet(pair_of: MakePair, readiness: Readiness) -> None:
    pair = pair_of(readiness)
    assert pair.transport.is_quiet()
    pair.peer.send(b"x")
    assert not pair.transport.is_quiet()
    pair.peer.close()
    assert not pair.transport.is_quiet()
    pair.transport.close()
    assert not pair.transport.is_quiet()


async def test_what_was_left_behind_is_not_quiet(pair_of: MakePair) -> None:
    """Bytes that TLS has taken in, of which the kernel knows nothing."""
    sock = pair_of("auto").sock
    transport = Transport(sock, receive=lambda _buffer: 1, pending=lambda: True)
    assert not transport.is_quiet()
    transport.close()


@pytest.mark.skipif(sys.platform == "win32", reason="the kernel cannot be asked there")
async def test_a_quiet_connection_is_not_received_from(pair_of: MakePair) -> None:
    """A receive that fails costs more than to ask, over TLS by far."""
    receives: list[int] = []

    def receive(buffer: memoryview) -> int:
        receives.append(len(buffer))
        raise BlockingIOError

    pair = pair_of("auto")
    transport = Transport(pair.sock, receive=receive)
    assert transport.is_quiet()
    assert not receives
    pair.peer.send(b"x")
    assert transport.is_quiet(), "what came was TLS's own"
    assert receives == [1]
    transport.close()


# -- closing


@pytest.mark.parametrize("eager", [True, False])
async def test_closing_wakes_a_receiver(
    pair_of: MakePair, readiness: Readiness, nursery: trio.Nursery, eager: bool
) -> None:
    pair = pair_of(readiness)
    if not eager:
        pair.transport.send_now(b"request")

    async def read() -> None:
        with pytest.raises(APIConnectionError, match="got closed by this client"):
            await pair.receive()

    nursery.start_soon(read)
    await wait_all_tasks_blocked()
    pair.transport.close()


async def test_closing_wakes_a_sender(
    pair_of: MakePair, readiness: Readiness, nursery: trio.Nursery
) -> None:
    pair = pair_of(readiness)

    async def write() -> None:
        with pytest.raises(APIConnectionError, match="got closed by this client"):
            await pair.transport.send_all(memoryview(bytes(1 << 24)))

    nursery.start_soon(write)
    await wait_all_tasks_blocked()
    pair.transport.close()


@pytest.mark.parametrize("eager", [True, False])
async def test_after_closing_everything_is_a_clear_error(
    pair_of: MakePair, readiness: Readiness, eager: bool
) -> None:
    pair = pair_of(readiness)
    if not eager:
        pair.transport.send_now(b"request")
    assert repr(pair.transport) == f"<Transport fd {pair.sock.fileno()}>"
    pair.transport.close()
    pair.transport.close()
    assert pair.transport.closed
    assert repr(pair.transport) == "<Transport closed>"
    with pytest.raises(APIConnectionError):
        await pair.receive()
    with pytest.raises(APIConnectionError):
        pair.transport.send_now(b"x")
    with pytest.raises(APIConnectionError):
        await pair.transport.send_all(memoryview(b"x"))


def test_closing_after_the_run(pair_of: MakePair, readiness: Readiness) -> None:
    async def main() -> Pair:
        await trio.lowlevel.checkpoint()
        return pair_of(readiness)

    pair = trio.run(main)
    pair.transport.close()
    assert pair.sock.fileno() == -1
