"""Forms with files, sent by the engine: what arrives, and what a call that ends early leaves."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
import trio

from _http.pool_world import HERE, Peer, World, answer, close_it, new_world, read_body
from cancellation import Moment, Outcome, cancel_at
from trio_groq._api.uploads import AsyncBytes, multipart_body
from trio_groq._http.bodies import PIECE_BYTES
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.messages import Request
from trio_groq._http.multipart import MultipartBody
from trio_groq.errors import APIConnectionError, InvalidRequestError

CONTENT = bytes(range(256)) * (2 * PIECE_BYTES // 256) + b"end"
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"
MOST_CHECKPOINTS = 300


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "talk.wav"
    made.write_bytes(CONTENT)
    return made


def open_files(path: Path) -> int:
    """How many descriptors of this process are of the file."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("descriptors cannot be listed here")
    found = 0
    for entry in os.listdir(folder):  # noqa: PTH208 (iterdir holds a descriptor meanwhile)
        try:
            found += os.readlink(folder / entry) == str(path)  # noqa: PTH115 (may be gone)
        except OSError:  # the listing's own
            continue
    return found


async def upload(world: World, body: MultipartBody) -> tuple[int, bytes]:
    kind = (b"Content-Type", body.content_type.encode())
    request = Request(HERE, b"POST", b"/", (kind,), body)
    connection, head = await world.pool.send(request, Deadlines(Timeouts(), trio.current_time()))
    try:
        return head.status, await read_body(connection)
    finally:
        world.pool.release(connection)


async def receive_form(peer: Peer) -> tuple[bytes, bytes]:
    """Content type and content of one request; empty when the client has gone."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = await peer.stream.receive_some()
        if not piece:
            return b"", b""
        data += piece
    head, _, content = data.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(content) < int(fields[b"Content-Length"]):
        piece = await peer.stream.receive_some()
        if not piece:
            return b"", b""
        content += piece
    return fields[b"Content-Type"], content


async def test_a_server_finds_the_fields_and_the_file(path: Path) -> None:
    multipart: Any = pytest.importorskip("multipart")
    forms: list[tuple[bytes, bytes]] = []

    async def serve(peer: Peer) -> None:
        forms.append(await receive_form(peer))
        await peer.send(answer(b"thanks"))

    async with new_world() as world:
        world.dialer.scripts.append(serve)
        body = await multipart_body([("model", "whisper"), ("prompt", "dé")], [("file", path)])
        assert await upload(world, body) == (200, b"thanks")
        assert world.counts() == (0, 0, 1, 0)
    ((content_type, content),) = forms
    kind, options = multipart.parse_options_header(content_type.decode())
    assert kind == "multipart/form-data"
    parts = list(multipart.MultipartParser(io.BytesIO(content), options["boundary"], strict=True))
    assert [(part.name, part.filename) for part in parts] == [
        ("model", None),
        ("prompt", None),
        ("file", "talk.wav"),
    ]
    assert parts[1].raw == "dé".encode()
    assert parts[2].content_type == "audio/wav"
    assert parts[2].raw == CONTENT
    for part in parts:
        part.close()


async def refuse(peer: Peer) -> None:
    await peer.stream.receive_some()
    await peer.send(TOO_LARGE)


async def refuse_and_stay(peer: Peer) -> None:
    await refuse(peer)
    await trio.sleep_forever()


@pytest.mark.parametrize("script", [refuse, refuse_and_stay], ids=["closes", "stays"])
async def test_a_file_that_is_too_large_for_the_server(script: Any, tmp_path: Path) -> None:
    path = tmp_path / "sparse.wav"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    async with new_world() as world:
        world.dialer.scripts.append(script)
        body = await multipart_body([], [("file", path)])
        assert await upload(world, body) == (413, b"no")
        assert world.counts() == (0, 0, 0, 0)
    assert open_files(path) == 0


async def test_a_file_that_shrinks_while_it_is_sent(path: Path) -> None:
    async def shrink(peer: Peer) -> None:
        await peer.stream.receive_some()
        os.truncate(path, 10)
        await peer.stream.receive_some(1 << 30)
        received.append(await receive_form(peer))

    received: list[tuple[bytes, bytes]] = []
    async with new_world() as world:
        world.dialer.scripts.append(shrink)
        body = await multipart_body([], [("file", path)])
        with pytest.raises(InvalidRequestError, match=f"^file: expected {len(CONTENT)} bytes, got"):
            await upload(world, body)
        assert world.counts() == (0, 0, 0, 0)
        assert open_files(path) == 0


async def test_a_stream_is_closed_and_the_call_not_repeated() -> None:
    class Endless:
        closed = 0

        def __aiter__(self) -> "Endless":
            return self

        async def __anext__(self) -> bytes:
            await trio.lowlevel.checkpoint()
            return bytes(1000)

        async def aclose(self) -> None:
            await trio.lowlevel.checkpoint()
            self.closed += 1

    async def take_some(peer: Peer) -> None:
        data = b""
        while bytes(1000) not in data:
            data += await peer.stream.receive_some()

    async with new_world() as world:
        stream = Endless()
        world.dialer.scripts.append(take_some)
        body = await multipart_body([], [("file", AsyncBytes(stream, 1 << 40, "a.wav"))])
        assert body.replayable
        with pytest.raises(APIConnectionError):
            await upload(world, body)
        assert not body.replayable
        assert stream.closed == 1
        assert world.dialer.dials == 1


async def test_a_file_is_read_again_for_a_new_connection(path: Path) -> None:
    async def take_forms(peer: Peer) -> None:
        while (form := await receive_form(peer))[0]:
            forms.append(form[1])
            await peer.send(answer(b"thanks"))

    async def take_one(peer: Peer) -> None:
        forms.append((await receive_form(peer))[1])
        await peer.send(answer(b"thanks"))
        await peer.stream.receive_some()
        await close_it(peer)

    forms: list[bytes] = []
    async with new_world() as world:
        world.dialer.scripts.extend([take_one, take_forms])
        with path.open("rb") as file:
            body = await multipart_body([], [("file", file)])
            for _ in range(2):
                assert await upload(world, body) == (200, b"thanks")
            assert not file.closed
        assert world.dialer.dials == 2
    assert forms[0] == forms[1]
    assert CONTENT in forms[0]


@pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.name.lower())
async def test_cancelled_at_any_checkpoint_no_file_stays_open(moment: Moment, path: Path) -> None:
    async def take_form(peer: Peer) -> None:
        if (await receive_form(peer))[0]:
            await peer.send(answer(b"thanks"))

    async def at(number: int) -> Outcome:
        outcomes: list[Outcome] = []
        async with new_world() as world:
            world.dialer.scripts.append(take_form)

            async def call() -> str:
                body = await multipart_body([("model", "m")], [("file", path)])
                status, _ = await upload(world, body)
                return str(status)

            async def run() -> None:
                outcomes.append(await cancel_at(call, moment, number))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(run)
            assert open_files(path) == 0
            leased, dialling, _, waiting = world.counts()
            assert (leased, dialling, waiting) == (0, 0, 0)
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
    assert cancelled >= (2 if moment is Moment.PASSING else 6)
