"""The pool and bodies that are read while they are sent: sent again or not, cancelled, counted."""

import pytest
import trio

from _http.body_sources import Pieces, Silent
from _http.pool_world import HERE, Peer, World, answer, close_it, new_world, read_body
from cancellation import Moment, Outcome, cancel_at
from trio_groq._http.bodies import Body
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.messages import Request
from trio_groq._http.request_encoder import RequestEncoder
from trio_groq.errors import APIConnectionError, InvalidRequestError

MOST_CHECKPOINTS = 200


async def read_upload(peer: Peer) -> bytes:
    """The content of one request; empty when the client has gone."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        piece = await peer.stream.receive_some()
        if not piece:
            return b""
        data += piece
    head, _, content = bytes(data).partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r", 1)[0])
    while len(content) < length:
        piece = await peer.stream.receive_some()
        if not piece:
            return b""
        content += piece
    return content


async def take_uploads(peer: Peer) -> None:
    """Answer each request with its content."""
    while content := await read_upload(peer):
        await peer.send(answer(content))


async def take_one_then_close_at_the_next(peer: Peer) -> None:
    await peer.send(answer(await read_upload(peer)))
    await peer.stream.receive_some()


async def upload(world: World, body: Body) -> bytes:
    request = Request(HERE, b"POST", b"/", (), body)
    connection, head = await world.pool.send(request, Deadlines(Timeouts(), trio.current_time()))
    try:
        assert head.status == 200
        return await read_body(connection)
    finally:
        world.pool.release(connection)


async def test_a_body_that_can_be_read_again_is_sent_again_from_its_beginning() -> None:
    async with new_world() as world:
        world.dialer.scripts.extend([take_one_then_close_at_the_next, take_uploads])
        assert await upload(world, Pieces([b"first"])) == b"first"
        body = Pieces([b"abc", b"def"])
        assert await upload(world, body) == b"abcdef"
        assert (body.opened, body.closed) == (2, 2)
        assert world.dialer.dials == 2
        assert world.counts() == (0, 0, 1, 0)


async def test_one_that_cannot_is_not() -> None:
    async with new_world() as world:
        world.dialer.scripts.extend([take_one_then_close_at_the_next, take_uploads])
        assert await upload(world, Pieces([b"first"])) == b"first"
        body = Pieces([b"abc", b"def"], replayable=False)
        with pytest.raises(APIConnectionError):
            await upload(world, body)
        assert (body.opened, body.closed) == (1, 1)
        assert world.dialer.dials == 1
        assert world.counts() == (0, 0, 0, 0)


async def test_unless_it_was_not_begun() -> None:
    """The head could not even be sent, so the body is as it was."""
    async with new_world() as world:
        world.dialer.scripts.extend([take_uploads, take_uploads])
        await upload(world, Pieces([b"first"]))
        world.dialer.peers[0].stream.socket.shutdown(trio.socket.SHUT_RD)
        body = Pieces([b"abc"], replayable=False)
        assert await upload(world, body) == b"abc"
        assert body.opened == 1
        assert world.dialer.dials == 2


async def test_on_a_fresh_connection_no_body_is_sent_again() -> None:
    async with new_world() as world:
        world.dialer.scripts.append(close_it)
        body = Pieces([b"abc"])
        with pytest.raises(APIConnectionError):
            await upload(world, body)
        assert body.opened <= 1
        assert world.dialer.dials == 1
        assert world.counts() == (0, 0, 0, 0)


async def test_a_body_of_another_length_costs_its_connection_only() -> None:
    async with new_world() as world:
        world.dialer.scripts.extend([take_uploads, take_uploads])
        await upload(world, Pieces([b"first"]))
        with pytest.raises(InvalidRequestError, match="expected 9 bytes, got 3"):
            await upload(world, Pieces([b"abc"], length=9))
        assert world.dialer.dials == 1
        assert world.counts() == (0, 0, 0, 0)
        assert await upload(world, Pieces([b"next"])) == b"next"


async def test_an_early_answer_costs_its_connection_only() -> None:
    async def refuse(peer: Peer) -> None:
        await peer.stream.receive_some()
        await peer.send(answer(b"no"))
        await trio.sleep_forever()

    async with new_world() as world:
        world.dialer.scripts.extend([refuse, take_uploads])
        assert await upload(world, Silent(1 << 50)) == b"no"
        assert world.counts() == (0, 0, 0, 0)
        assert await upload(world, Pieces([b"next"])) == b"next"


@pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.name.lower())
@pytest.mark.parametrize("early", [False, True], ids=["read", "refused"])
async def test_cancelled_at_any_checkpoint_it_leaves_a_whole_pool(
    moment: Moment, early: bool
) -> None:
    async def refuse(peer: Peer) -> None:
        await peer.stream.receive_some()
        await peer.send(answer(b"no"))
        await peer.stream.receive_some(1)

    async def at(number: int) -> Outcome:
        async with new_world() as world:
            world.dialer.scripts.extend([take_uploads, take_uploads])
            if early:
                world.dialer.scripts.appendleft(refuse)
            body = Pieces([b"x" * 300_000] * 3)
            outcomes: list[Outcome] = []

            async def call() -> str:
                return "no" if await upload(world, body) == b"no" else "whole"

            async def run() -> None:
                outcomes.append(await cancel_at(call, moment, number))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(run)
            assert body.opened == body.closed <= 1
            leased, dialling, idle, waiting = world.counts()
            assert (leased, dialling, waiting) == (0, 0, 0)
            assert idle <= 1
            assert await upload(world, Pieces([b"next"])) in (b"next", b"no")
            return outcomes[0]

    cancelled = 0
    for number in range(MOST_CHECKPOINTS):
        with trio.fail_after(30):
            outcome = await at(number)
        assert outcome.cancelled == (outcome.answer is None)
        cancelled += outcome.cancelled
        if not outcome.reached:
            break
    else:
        raise AssertionError(f"expected fewer than {MOST_CHECKPOINTS} checkpoints")
    # Before it begins; then to dial, for the head (and to send, where it is read).
    assert cancelled >= (2 if moment is Moment.PASSING else 3 if early else 6)


def test_the_head_of_a_body_in_pieces_states_its_length_and_is_not_remembered() -> None:
    encoder = RequestEncoder(max_heads=1)
    kept = Request(HERE, b"POST", b"/kept", (), b"{}")
    first = encoder.encode(kept)
    (head,) = encoder._heads.values()
    for length in (0, 5, 1 << 50):
        sent = encoder.encode(Request(HERE, b"PUT", b"/", ((b"X-A", b"1"),), Silent(length)))
        assert sent == (
            b"PUT / HTTP/1.1\r\nHost: here.test\r\nX-A: 1\r\nContent-Length: %d\r\n\r\n" % length
        )
    assert encoder.encode(kept) == first
    assert next(iter(encoder._heads.values())) is head
    with pytest.raises(InvalidRequestError, match="expected it to be left to the engine"):
        encoder.encode(Request(HERE, b"PUT", b"/", ((b"Content-Length", b"1"),), Silent(5)))


def test_a_request_shows_the_length_of_its_body() -> None:
    assert "<5 bytes>" in repr(Request(HERE, b"PUT", b"/", (), Silent(5)))
    assert "<2 bytes>" in repr(Request(HERE, b"PUT", b"/", (), b"{}"))
