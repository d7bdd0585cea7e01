"""`BinaryResponse`: read in pieces, whole, or into a file that appears whole or not at all."""

import gc
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from calling import KEY, MODELS, NO_RETRY, calling, new_pool
from cancellation import Moment, cancel_at
from trio_groq._api.requests import RequestBuilder
from trio_groq._api.urls import parse_base_url
from trio_groq._binary import BinaryResponse
from trio_groq._call import Caller
from trio_groq._http.deadlines import Timeouts
from trio_groq._http.pool_state import PoolStatistics
from trio_groq._readers import binary_reader
from trio_groq.errors import APIError, APITimeoutError, InvalidRequestError, StreamError
from trio_groq.testing import FakeGroq, Fault, Reply

SOUND = Reply(body=bytes(range(256)) * 1024, content_type="audio/wav")
DATA = SOUND.body or b""
LARGE = attrs.evolve(SOUND, body=DATA * 10)
"""Longer than what the sockets hold: it does not come before it is asked for."""


async def get(caller: Caller) -> BinaryResponse:
    return await caller.perform(MODELS, binary_reader(), max_retries=0)


@asynccontextmanager
async def opened(server: FakeGroq, reply: Reply = SOUND) -> AsyncIterator[BinaryResponse]:
    server.enqueue(reply)
    with calling(server.url) as caller:
        yield await get(caller)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def pool_of(response: BinaryResponse) -> PoolStatistics:
    return response._response._pool.statistics()


async def test_it_is_read_whole(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq) as sound:
        assert (sound.status_code, sound.content_type) == (200, "audio/wav")
        assert sound.content_length == len(DATA)
        assert sound.request_id == sound.meta.request_id
        assert "open" in repr(sound)
        assert await sound.read() == DATA
        assert pool_of(sound).idle == 1
        assert "closed" in repr(sound)


async def test_a_length_that_is_not_stated_is_none(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq, attrs.evolve(SOUND, framing="chunked")) as sound:
        assert sound.content_length is None
        assert await sound.read() == DATA


async def test_it_has_a_limit_in_memory(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq) as sound:
        with pytest.raises(APIError, match="expected at most 100 bytes, got more"):
            await sound.read(100)
        assert pool_of(sound).open == 0


@pytest.mark.parametrize("size", [None, 1000, 262_144, 1_000_000])
async def test_it_comes_in_pieces(fake_groq: FakeGroq, size: int | None) -> None:
    async with opened(fake_groq) as sound:
        pieces = [piece async for piece in sound.aiter_bytes(size)]
        assert b"".join(pieces) == DATA
        if size is not None:
            assert {len(piece) for piece in pieces[:-1]} <= {size}
        assert pool_of(sound).idle == 1


@pytest.mark.parametrize("size", [0, -1, 2.5])
async def test_a_size_of_pieces_is_positive(fake_groq: FakeGroq, size: int) -> None:
    async with opened(fake_groq) as sound:
        with pytest.raises(InvalidRequestError, match="chunk_size: expected a positive integer"):
            sound.aiter_bytes(size)
        assert await sound.read() == DATA


async def test_left_early_its_connection_is_closed(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq, attrs.evolve(SOUND, fault=Fault.stall(5000))) as sound:
        async with sound:
            pieces = sound.aiter_bytes()
            await pieces.__anext__()
        assert pool_of(sound).open == 0
        with pytest.raises(StreamError, match="expected it to be unread, got it read already"):
            sound.aiter_bytes()


async def test_an_iteration_can_be_closed(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq) as sound:
        pieces = sound.iter_bytes(10)
        assert await pieces.__anext__() == DATA[:10]
        await pieces.aclose()
        assert pool_of(sound).leased == 0


@pytest.mark.parametrize("size", [None, 10_000])
async def test_its_pieces_outlive_it(fake_groq: FakeGroq, size: int | None) -> None:
    fake_groq.enqueue(LARGE)
    with calling(fake_groq.url) as caller:
        got = 0
        async for piece in (await get(caller)).aiter_bytes(size):
            got += len(piece)
            await wait_all_tasks_blocked()
        assert got == len(DATA) * 10
        assert caller.pool.statistics().idle == 1


@pytest.mark.parametrize("size", [None, 10_000])
async def test_closed_between_two_pieces_it_does_not_end_as_if_whole(
    fake_groq: FakeGroq, size: int | None
) -> None:
    async with opened(fake_groq, LARGE) as sound:
        pieces = sound.aiter_bytes(size)
        await pieces.__anext__()
        await sound.aclose()
        with pytest.raises(StreamError, match="expected it to be open, got it closed"):
            [piece async for piece in pieces]
        assert pool_of(sound).open == 0


async def test_a_whole_iteration_stays_at_its_end(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq) as sound:
        pieces = sound.aiter_bytes()
        assert b"".join([piece async for piece in pieces]) == DATA
        await sound.aclose()
        assert [piece async for piece in pieces] == []


@pytest.mark.parametrize("size", [None, len(DATA)])
async def test_two_readers_of_its_pieces_are_told(fake_groq: FakeGroq, size: int | None) -> None:
    async def first() -> None:
        async for _ in pieces:
            pass
        raise AssertionError

    async with opened(fake_groq, attrs.evolve(SOUND, fault=Fault.stall(5000))) as sound:
        pieces = sound.aiter_bytes(size)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(first)
            await wait_all_tasks_blocked()
            with pytest.raises(StreamError, match="expected one reader at a time"):
                await pieces.__anext__()
            await wait_all_tasks_blocked()
            assert pool_of(sound).leased == 1  # the first one is not disturbed
            nursery.cancel_scope.cancel()


async def test_an_empty_one_that_is_cancelled_gives_its_connection_back(
    fake_groq: FakeGroq,
) -> None:
    async with opened(fake_groq, attrs.evolve(SOUND, body=b"")) as sound:
        with trio.CancelScope() as scope:
            scope.cancel()
            async for _ in sound.aiter_bytes():
                raise AssertionError
        assert scope.cancelled_caught
        assert (pool_of(sound).leased, pool_of(sound).idle) == (0, 1)


async def test_closed_it_cannot_be_read(fake_groq: FakeGroq, tmp_path: Path) -> None:
    async with opened(fake_groq) as sound:
        await sound.aclose()
        with pytest.raises(StreamError, match="got it closed"):
            await sound.read()
        with pytest.raises(StreamError, match="got it closed"):
            await sound.write_to_file(tmp_path / "sound")
        assert files_in(tmp_path) == []


async def test_cancelled_on_entry_it_is_closed(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq) as sound:
        with trio.CancelScope() as scope:
            scope.cancel()
            async with sound:
                raise AssertionError
        assert pool_of(sound).open == 0


# -- files


async def test_it_is_written_to_a_file(fake_groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(b"old")
    async with opened(fake_groq) as sound:
        assert await sound.write_to_file(path) == len(DATA)
    assert path.read_bytes() == DATA
    assert files_in(tmp_path) == [path]


async def test_a_large_one_is_written_in_several_turns(fake_groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    async with opened(fake_groq, attrs.evolve(SOUND, body=DATA * 10)) as sound:
        assert await sound.write_to_file(str(path)) == len(DATA) * 10
    assert path.read_bytes() == DATA * 10


@pytest.mark.parametrize("fault", [Fault.truncate(100_000), Fault.reset(100_000)])
async def test_what_breaks_off_leaves_no_file(
    fake_groq: FakeGroq, tmp_path: Path, fault: Fault
) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(b"old")
    async with opened(fake_groq, attrs.evolve(SOUND, fault=fault)) as sound:
        with pytest.raises(APIError) as caught:
            await sound.write_to_file(path)
        assert pool_of(sound).open == 0
    assert caught.value.request is not None
    assert caught.value.request_id == sound.request_id
    assert path.read_bytes() == b"old"
    assert files_in(tmp_path) == [path]


async def test_a_stall_meets_the_read_limit(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    fake_groq.enqueue(attrs.evolve(SOUND, fault=Fault.stall(5000)))
    with calling(fake_groq.url, timeouts=Timeouts(read=3.0), retry=NO_RETRY) as caller:
        sound = await get(caller)
        with pytest.raises(APITimeoutError) as caught:
            async for _ in sound.aiter_bytes():
                pass
        assert (caught.value.phase, caught.value.limit) == ("read", 3.0)
        assert pool_of(sound).open == 0


async def test_a_file_that_cannot_be_made_is_told(fake_groq: FakeGroq, tmp_path: Path) -> None:
    async with opened(fake_groq) as sound:
        with pytest.raises(FileNotFoundError):
            await sound.write_to_file(tmp_path / "missing" / "sound.wav")
        assert pool_of(sound).leased == 0


@pytest.mark.parametrize("path", ["", ".", "/", "a\0b"])
async def test_a_path_that_names_no_file_is_told(fake_groq: FakeGroq, path: str) -> None:
    async with opened(fake_groq) as sound:
        with pytest.raises(InvalidRequestError, match="path: expected the name of a file"):
            await sound.write_to_file(path)
        assert pool_of(sound).leased == 0


@pytest.mark.parametrize("moment", list(Moment), ids=lambda moment: moment.name)
async def test_cancelled_anywhere_it_leaves_nothing(
    fake_groq: FakeGroq, tmp_path: Path, moment: Moment
) -> None:
    path = tmp_path / "sound.wav"
    with calling(fake_groq.url) as caller:

        async def write() -> str:
            fake_groq.enqueue(attrs.evolve(SOUND, body=DATA * 5))
            async with await get(caller) as sound:
                return str(await sound.write_to_file(path))

        number = 0
        while (outcome := await cancel_at(write, moment, number)).reached:
            number += 1
            assert caller.pool.statistics().leased == 0
            left = files_in(tmp_path)
            # Renaming is its last step: cancelled after that, the file is there, and whole.
            assert left in ([], [path]), left
            assert not left or path.read_bytes() == DATA * 5
            path.unlink(missing_ok=True)
            fake_groq._script.clear()
    assert outcome.answer == str(len(DATA) * 5)
    assert number > 3


# -- dropped


def drop(make: Callable[[], object]) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make()
        gc.collect()
    return [str(warning.message) for warning in caught]


async def test_dropped_unread_it_warns_and_is_closed(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(SOUND)
    with calling(fake_groq.url) as caller:
        held = [await get(caller)]
        told = drop(held.clear)
        await trio.sleep(0.01)
    assert len(told) == 1
    assert told[0].startswith(f"BinaryResponse made at {__file__}:")
    assert "dropped half-read" in told[0]


async def test_dropped_when_read_it_says_nothing(fake_groq: FakeGroq) -> None:
    async with opened(fake_groq) as sound:
        await sound.read()
        held = [sound]
        del sound
        assert drop(held.clear) == []


def test_dropped_after_its_run_it_closes_the_socket() -> None:
    async def main() -> BinaryResponse:
        async with FakeGroq() as server:
            server.enqueue(attrs.evolve(SOUND, fault=Fault.stall(900)))
            caller = Caller(
                pool=new_pool(),
                builder=RequestBuilder(parse_base_url(server.url), {}, {}),
                api_key=KEY,
            )
            return await get(caller)

    held = [trio.run(main)]
    told = {text.split()[0] for text in drop(held.clear)}
    # Which of the two is finalized first is the collector's choice.
    assert "BinaryResponse" in told
    assert told <= {"BinaryResponse", "unclosed"}
