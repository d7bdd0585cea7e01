"""Sending while the response may already come: who stops whom, and which limit holds when."""

import socket
from typing import Literal

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from _http.body_sources import Pieces, Silent
from _http.upload_pairs import ENDLESS, FINE, LARGE, TOO_LARGE, Pair, paired
from trio_groq._http.bodies import Body
from trio_groq._http.deadlines import Timeouts
from trio_groq._http.sending import CLOSE_SECONDS
from trio_groq.errors import (
    APIConnectionError,
    APITimeoutError,
    InvalidRequestError,
    ProtocolError,
)

each_readiness = pytest.mark.parametrize("readiness", ["auto", "trio"])
Readiness = Literal["auto", "trio"]
Content = bytes | Body


async def nothing(_number: int) -> None:
    await trio.lowlevel.checkpoint()


# -- the request is whole


@each_readiness
@pytest.mark.parametrize(
    "pieces",
    [[], [b"abc"], [b"abc", b"def"], [b"x" * 65_536] * 100],
    ids=["none", "one", "two", "large"],
)
async def test_a_body_arrives_whole_and_the_connection_can_be_used_again(
    pieces: list[bytes], readiness: Readiness, nursery: trio.Nursery
) -> None:
    with paired(readiness) as pair:
        got: list[bytes] = []

        async def serve() -> None:
            for _ in range(2):
                got.append(await pair.request())
                await pair.peer.send_all(FINE)

        nursery.start_soon(serve)
        body = Pieces(pieces)
        for number in (1, 2):
            assert (await pair.send(body)).status == 200
            assert await pair.read() == b"ok"
            assert pair.connection.reusable
            assert (body.opened, body.closed) == (number, number)
        assert got == [b"".join(pieces)] * 2


@each_readiness
async def test_a_large_body_in_memory_arrives_whole(
    readiness: Readiness, nursery: trio.Nursery
) -> None:
    with paired(readiness) as pair:
        got: list[bytes] = []

        async def serve() -> None:
            got.append(await pair.request())
            await pair.peer.send_all(FINE)

        nursery.start_soon(serve)
        data = bytes(range(256)) * (LARGE // 256)
        await pair.send(data)
        assert await pair.read() == b"ok"
        assert pair.connection.reusable
        assert got == [data]


async def test_informational_responses_do_not_stop_it(nursery: trio.Nursery) -> None:
    with paired() as pair:

        async def serve() -> None:
            await pair.peer.send_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            await wait_all_tasks_blocked()
            await pair.peer.send_all(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
            assert len(await pair.request()) == LARGE
            await pair.peer.send_all(FINE)

        nursery.start_soon(serve)
        assert (await pair.send(Silent(LARGE))).status == 200
        assert await pair.read() == b"ok"
        assert pair.connection.reusable


async def test_progress_is_told_after_each_piece(nursery: trio.Nursery) -> None:
    with paired() as pair:
        told: list[tuple[int, int]] = []
        body = Pieces(
            [b"abc", b"de", b"f"], progress=lambda sent, total: told.append((sent, total))
        )

        async def serve() -> None:
            for _ in range(2):
                assert await pair.request() == b"abcdef"
                await pair.peer.send_all(FINE)

        nursery.start_soon(serve)
        for _ in range(2):
            await pair.send(body)
            await pair.read()
        assert told == [(3, 6), (5, 6), (6, 6)] * 2


# -- the answer is here before the request is whole


@each_readiness
@pytest.mark.parametrize("closes", [False, True], ids=["stays", "closes"])
@pytest.mark.parametrize(
    "content", [bytes(1 << 24), Silent(ENDLESS)], ids=["in memory", "streamed"]
)
async def test_an_early_answer_ends_it_at_once(
    content: Content, closes: bool, readiness: Readiness, autojump_clock: MockClock
) -> None:
    """Whether the server closes then, or neither reads nor closes."""
    with paired(readiness) as pair:
        async with trio.open_nursery() as nursery:

            async def serve() -> None:
                await wait_all_tasks_blocked()  # the socket is full
                await pair.peer.send_all(TOO_LARGE)
                if closes:
                    pair.peer.socket.close()

            nursery.start_soon(serve)
            assert (await pair.send(content)).status == 413
        assert trio.current_time() == 0.0
        assert await pair.read() == b"no"
        assert pair.connection.complete
        assert not pair.connection.reusable


async def test_an_answer_that_was_there_before_ends_it(nursery: trio.Nursery) -> None:
    with paired() as pair:
        await pair.peer.send_all(TOO_LARGE)
        body = Pieces([b"x"] * 1000, before=nothing)
        assert (await pair.send(body)).status == 413
        assert body.closed == 1
        assert await pair.read() == b"no"
        assert not pair.connection.reusable


async def test_an_early_answer_ends_the_wait_for_the_source(nursery: trio.Nursery) -> None:
    with paired() as pair:

        async def never(_number: int) -> None:
            await trio.sleep_forever()

        async def serve() -> None:
            await wait_all_tasks_blocked()
            await pair.peer.send_all(TOO_LARGE)

        nursery.start_soon(serve)
        body = Pieces([b"x"], before=never)
        assert (await pair.send(body)).status == 413
        assert body.closed == 1


# -- it breaks


async def test_an_answer_before_a_torn_pipe_is_heard() -> None:
    with paired() as pair:
        await pair.peer.send_all(TOO_LARGE)
        pair.peer.socket.shutdown(socket.SHUT_RD)
        body = Silent(ENDLESS)
        assert (await pair.send(body)).status == 413
        assert await pair.read() == b"no"
        assert not pair.connection.reusable


@pytest.mark.parametrize("content", [bytes(1 << 24), Silent(ENDLESS)], ids=["bytes", "streamed"])
async def test_a_pipe_that_tears_later(content: Content, nursery: trio.Nursery) -> None:
    """The socket is full, then broken; then, in its own time, the answer comes."""
    with paired() as pair:

        async def serve() -> None:
            await wait_all_tasks_blocked()
            pair.peer.socket.shutdown(socket.SHUT_RD)
            await wait_all_tasks_blocked()
            await pair.peer.send_all(TOO_LARGE)

        nursery.start_soon(serve)
        assert (await pair.send(content)).status == 413
        assert not pair.connection.reusable


async def test_a_peer_that_goes_without_an_answer(nursery: trio.Nursery) -> None:
    """Both directions end at once; whichever is seen first is told."""
    with paired() as pair:

        async def serve() -> None:
            await wait_all_tasks_blocked()
            pair.peer.socket.close()

        nursery.start_soon(serve)
        with pytest.raises(APIConnectionError, match=r"connection: (sending|receiving) failed: "):
            await pair.send(Silent(ENDLESS))
        assert not pair.connection.reusable


async def test_a_torn_pipe_without_an_answer_in_time(autojump_clock: MockClock) -> None:
    with paired() as pair:
        pair.peer.socket.shutdown(socket.SHUT_RD)
        with pytest.raises(APIConnectionError, match=r"sending failed: Broken pipe"):
            await pair.send(Silent(ENDLESS))
        assert trio.current_time() == 5.0


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 41", b"SSH-2.0-x\r\n\r\n"])
async def test_an_end_or_nonsense_instead_of_an_answer(
    answer: bytes, nursery: trio.Nursery
) -> None:
    with paired() as pair:

        async def serve() -> None:
            await wait_all_tasks_blocked()
            await pair.peer.send_all(answer)
            pair.peer.socket.shutdown(socket.SHUT_WR)

        nursery.start_soon(serve)
        with pytest.raises(ProtocolError, match=r"^response"):
            await pair.send(Silent(ENDLESS))
        assert not pair.connection.reusable


@each_readiness
async def test_closing_ends_it(readiness: Readiness, nursery: trio.Nursery) -> None:
    with paired(readiness) as pair:

        async def close() -> None:
            await wait_all_tasks_blocked()
            pair.connection.close()

        nursery.start_soon(close)
        with pytest.raises(APIConnectionError, match="got closed by this client"):
            await pair.send(Silent(ENDLESS))


# -- limits


async def read_slowly(pair: Pair, pause: float) -> None:
    """So much at a time that the socket takes some more each time."""
    data = bytearray()
    while b"\r\n\r\n" not in data or len(data) < data.index(b"\r\n\r\n") + 4 + LARGE:
        await trio.sleep(pause)
        data += await pair.peer.receive_some(1 << 19)


@each_readiness
@pytest.mark.parametrize("content", [bytes(LARGE), Silent(LARGE)], ids=["in memory", "streamed"])
async def test_while_it_makes_progress_neither_writing_nor_reading_is_limited(
    content: Content, readiness: Readiness, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    """Then the limit on reading holds, from the moment when the request was whole."""
    with paired(readiness) as pair:
        nursery.start_soon(read_slowly, pair, 2.5)
        with pytest.raises(APITimeoutError) as caught:
            await pair.send(content)
        assert (caught.value.phase, caught.value.limit) == ("read", 5.0)
        assert trio.current_time() > 15.0, "several times each limit"
        assert trio.current_time() % 2.5 == 0.0, "5 s after the last time that the peer read"


@pytest.mark.parametrize("content", [bytes(LARGE), Silent(LARGE)], ids=["in memory", "streamed"])
async def test_a_gap_without_progress_is_limited(
    content: Content, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    with paired() as pair:

        async def read_once() -> None:
            await trio.sleep(2.0)
            await pair.peer.receive_some(1 << 19)

        nursery.start_soon(read_once)
        with pytest.raises(APITimeoutError) as caught:
            await pair.send(content)
        assert (caught.value.phase, caught.value.limit) == ("write", 3.0)
        assert trio.current_time() == 5.0


@pytest.mark.parametrize("content", [bytes(LARGE), Silent(LARGE)], ids=["in memory", "streamed"])
@pytest.mark.parametrize("limits", [Timeouts(write=3.0), Timeouts(total=5.0)], ids=str)
async def test_a_limit_that_passes_tells_how_much_was_sent(
    content: Content, limits: Timeouts, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    with paired() as pair:
        got = bytearray()

        async def read_once() -> None:
            await trio.sleep(2.0)
            got.extend(await pair.peer.receive_some(1 << 19))

        nursery.start_soon(read_once)
        with pytest.raises(APITimeoutError) as caught:
            await pair.send(content, limits)
        pair.connection.close()
        got += await pair.rest()
        length = got.index(b"\r\n\r\n") + 4 + LARGE
        assert str(caught.value).endswith(
            f", got 0 bytes after {len(got)} of {length} bytes were sent"
        )


@pytest.mark.parametrize("content", [bytes(LARGE), Silent(LARGE)], ids=["in memory", "streamed"])
async def test_the_total_limits_it_all(
    content: Content, autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    with paired() as pair:
        nursery.start_soon(read_slowly, pair, 2.5)
        with pytest.raises(APITimeoutError) as caught:
            await pair.send(content, Timeouts(read=5.0, write=3.0, total=8.0))
        assert (caught.value.phase, caught.value.limit) == ("total", 8.0)
        assert trio.current_time() == 8.0
        nursery.cancel_scope.cancel()


async def test_without_limits_there_is_none(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    with paired() as pair:

        async def serve() -> None:
            await trio.sleep(10_000.0)
            await pair.request()
            await trio.sleep(10_000.0)
            await pair.peer.send_all(FINE)

        nursery.start_soon(serve)
        assert (await pair.send(Silent(LARGE), Timeouts(read=None, write=None))).status == 200
        assert trio.current_time() == 20_000.0


async def test_reading_the_source_is_not_counted(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    with paired() as pair:

        async def slowly(_number: int) -> None:
            await trio.sleep(100.0)

        async def serve() -> None:
            assert await pair.request() == b"abc"
            await pair.peer.send_all(FINE)

        nursery.start_soon(serve)
        assert (await pair.send(Pieces([b"a", b"b", b"c"], before=slowly))).status == 200
        assert trio.current_time() == 400.0


async def test_a_source_that_cannot_be_closed_is_not_waited_for(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    with paired() as pair:
        body = Pieces([b"abc"])
        opened = body.open

        class Stuck:
            next_piece = staticmethod(opened().next_piece)

            async def aclose(self) -> None:
                await trio.sleep_forever()

        body.open = Stuck  # type: ignore[method-assign]  # a reading that cannot be closed

        async def serve() -> None:
            await pair.request()
            await pair.peer.send_all(FINE)

        nursery.start_soon(serve)
        assert (await pair.send(body, Timeouts(read=None))).status == 200
        assert trio.current_time() == CLOSE_SECONDS


# -- the source fails


class OddError(Exception):
    """Nothing that the engine knows."""


@pytest.mark.parametrize(
    "failure",
    [
        OddError("odd"),
        InvalidRequestError("file: gone"),
        APIConnectionError("another connection broke"),
        trio.TooSlowError("another limit"),
        KeyboardInterrupt(),
    ],
    ids=lambda failure: type(failure).__name__,
)
@pytest.mark.parametrize("where", ["source", "progress"])
async def test_what_the_source_raises_comes_out_as_it_is(
    failure: BaseException, where: str
) -> None:
    def fail(*_: object) -> None:
        raise failure

    async def before(number: int) -> None:
        await trio.lowlevel.checkpoint()
        if number == 2 and where == "source":
            fail()

    with paired() as pair:
        body = Pieces([b"abc"] * 5, before=before, progress=fail if where == "progress" else None)
        with pytest.raises(type(failure)) as caught:
            await pair.send(body)
        assert caught.value is failure
        assert body.closed == 1
        assert not pair.connection.reusable


@pytest.mark.parametrize(
    ("pieces", "got"),
    [([b"abc"], "3"), ([b"abc", b"def"], "more"), ([b"abcdef"], "more")],
    ids=["short", "long", "long at once"],
)
async def test_a_request_of_another_length_never_looks_whole(pieces: list[bytes], got: str) -> None:
    with paired() as pair:
        body = Pieces(pieces, length=5)
        with pytest.raises(InvalidRequestError) as caught:
            await pair.send(body)
        assert str(caught.value) == f"request body: expected 5 bytes, got {got}"
        assert body.closed == 1
        assert not pair.connection.reusable
        pair.connection.close()
        sent = await pair.rest()
        assert b"Content-Length: 5\r\n\r\n" in sent
        assert len(sent.partition(b"\r\n\r\n")[2]) < 5


# -- cancellation


@each_readiness
@pytest.mark.parametrize("content", [bytes(1 << 24), Silent(ENDLESS)], ids=["bytes", "streamed"])
async def test_cancelled_it_is_cancelled(
    content: Content, readiness: Readiness, nursery: trio.Nursery
) -> None:
    raised: list[type[BaseException]] = []
    with paired(readiness) as pair:
        with trio.CancelScope() as scope:

            async def cancel() -> None:
                await wait_all_tasks_blocked()
                scope.cancel()

            nursery.start_soon(cancel)
            try:
                await pair.send(content)
            except BaseException as error:
                raised.append(type(error))
                raise
        assert scope.cancelled_caught
        assert raised == [trio.Cancelled]  # and no group of them
        assert not pair.connection.reusable


async def test_memory_can_be_cancelled_while_the_peer_keeps_up(nursery: trio.Nursery) -> None:
    """Neither the source nor the socket ever waits; the task does."""
    with paired() as pair:
        told = 0
        scope = trio.CancelScope()

        def progress(_sent: int, _total: int) -> None:
            nonlocal told
            told += 1
            pair.peer.socket._sock.recv(1 << 20)  # type: ignore[attr-defined]  # without waiting
            if told == 5:
                scope.cancel()

        with scope:
            await pair.send(Silent(ENDLESS, progress))
        assert scope.cancelled_caught
        assert told == 5
