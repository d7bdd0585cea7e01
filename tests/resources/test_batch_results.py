from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from batch_api import BatchAPI, chat_line, chat_lines, resources
from calling import NO_RETRY
from trio_groq.errors import (
    APIConnectionError,
    APIResponseValidationError,
    BadRequestError,
    InvalidRequestError,
    NotFoundError,
    StreamError,
)
from trio_groq.resources.batches import Batches
from trio_groq.testing import FakeGroq, Fault, Reply
from trio_groq.types.batches import Batch

RESULT = b'{"id":"x","custom_id":"%d","response":{"status_code":200,"body":{"id":"c"}}}\n'
LONG = b" " * 4000 + RESULT % 2
WITHIN_THE_SECOND = 2000
"""Bytes of a response up to somewhere in `LONG`; its head has far fewer."""


@asynccontextmanager
async def batches_api(data: bytes = b"") -> AsyncIterator[tuple[Batches, FakeGroq, str]]:
    """A batch of the lines in `data`, which is over at the first look."""
    api = BatchAPI(duration=0)
    async with FakeGroq(default_reply=api.reply) as server:
        with resources(server, retry=NO_RETRY) as (_, batches):
            file = api.files.add("in.jsonl", "batch", data or chat_lines(2), trio.current_time())
            batch = await batches.create(
                completion_window="24h", endpoint="/v1/chat/completions", input_file_id=file.id
            )
            yield batches, server, batch.id


def over(output_file_id: str, error_file_id: str | None = None) -> Batch:
    return Batch(
        id="batch_1",
        status="completed",
        output_file_id=output_file_id,
        error_file_id=error_file_id,
    )


def file_of(*numbers: int) -> Reply:
    return Reply(body=b"".join(RESULT % number for number in numbers))


async def test_answers_come_first_and_then_what_failed() -> None:
    async with batches_api(chat_line("a", "fail") + chat_lines(2)) as (batches, server, batch_id):
        async with batches.results(batch_id) as results:
            assert results.batch is not None
            assert results.batch.id == batch_id
            assert repr(results) == f"<BatchResults of {batch_id}, open, 2 files left>"
            lines = [line async for line in results]
            assert [line.custom_id for line in lines] == ["r1", "r2", "a"]
            content = lines[0].completion().choices[0].message.content
            assert content == "POST /v1/chat/completions 1"
            with pytest.raises(BadRequestError):
                lines[2].completion()
            assert [line async for line in results] == []
        assert server.connections_opened == 1  # read to its end, each response gave it back


async def test_the_batch_itself_spares_a_look_at_it() -> None:
    async with batches_api() as (batches, server, batch_id):
        batch = await batches.retrieve(batch_id)
        before = server.requests_served
        assert len([line async for line in batches.results(batch)]) == 2
        assert server.requests_served - before == 1


async def test_options_go_with_every_request() -> None:
    async with batches_api() as (batches, server, batch_id):
        async for _ in batches.results(batch_id, extra_headers={"X-Mine": "1"}):
            pass
        assert [each.header("x-mine") for each in server.requests[1:]] == ["1", "1"]


async def test_without_files_there_are_no_results() -> None:
    async with batches_api() as (batches, server, _):
        before = server.requests_served
        assert [line async for line in batches.results(Batch(status="failed"))] == []
        assert server.requests_served == before


async def test_of_a_batch_that_is_not_over_there_are_none_yet() -> None:
    async with batches_api() as (batches, server, batch_id):
        server.enqueue(Reply.json({"id": batch_id, "status": "in_progress"}))
        results = batches.results(batch_id)
        assert repr(results) == "<BatchResults of not looked up, open, 0 files left>"
        with pytest.raises(
            InvalidRequestError, match="expected one that is over, got status 'in_p"
        ):
            await anext(results)
        assert results.batch is None
        assert len([line async for line in results]) == 2  # by now it is


async def test_a_wrong_line_raises_in_its_place() -> None:
    async with batches_api() as (batches, server, _):
        server.enqueue(Reply(body=RESULT % 1 + b"{\n" + RESULT % 2), file_of(3))
        results = batches.results(over(output_file_id="a", error_file_id="b"))
        assert (await anext(results)).custom_id == "1"
        with pytest.raises(APIResponseValidationError, match="line 2: "):
            await anext(results)
        assert [line.custom_id async for line in results] == ["2", "3"]


async def test_after_a_line_that_is_too_long_comes_the_next_file() -> None:
    async with batches_api() as (batches, server, _):
        server.enqueue(Reply(body=b"x" * 200 + b"\n" + RESULT % 1), file_of(3))
        batch = over(output_file_id="a", error_file_id="b")
        results = batches.results(batch, max_line_bytes=100)
        with pytest.raises(APIResponseValidationError, match="line 1: expected at most 100 bytes"):
            await anext(results)
        assert [line.custom_id async for line in results] == ["3"]


async def test_a_file_that_is_gone() -> None:
    async with batches_api() as (batches, _, _id):
        results = batches.results(over(output_file_id="file_0"))
        for _ in range(2):
            with pytest.raises(NotFoundError):
                await anext(results)


async def test_a_file_that_breaks_off_ends_it() -> None:
    async with batches_api() as (batches, server, _):
        fault = Fault.truncate(WITHIN_THE_SECOND)
        server.enqueue(Reply(body=RESULT % 1 + LONG, fault=fault))
        results = batches.results(over(output_file_id="a"))
        assert (await anext(results)).custom_id == "1"
        with pytest.raises(APIConnectionError):
            await anext(results)
        with pytest.raises(StreamError, match="got them closed or broken"):
            await anext(results)


async def test_left_in_the_middle_it_gives_its_connection_back() -> None:
    async with batches_api() as (batches, server, _):
        server.enqueue(file_of(1, 2))
        async with batches.results(over(output_file_id="a")) as results, results:
            async for _line in results:
                break
        assert repr(results) == "<BatchResults of batch_1, closed, 0 files left>"
        await results.aclose()
        assert (await anext(results)).custom_id == "2"  # it had come before
        with pytest.raises(StreamError, match="expected them to be open"):
            await anext(results)


async def test_one_reader_at_a_time(autojump_clock: MockClock) -> None:
    async with batches_api() as (batches, server, _):
        server.enqueue(Reply(body=RESULT % 1, head_delay=5))
        results = batches.results(over(output_file_id="a"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(results.__anext__)
            await trio.sleep(1)
            with pytest.raises(StreamError, match="one reader at a time"):
                await anext(results)
        assert [line async for line in results] == []


async def test_cancelled_inside_a_receive_it_is_over(
    autojump_clock: MockClock,
) -> None:
    async with batches_api() as (batches, server, _):
        server.enqueue(Reply(body=RESULT % 1 + LONG, fault=Fault.stall(WITHIN_THE_SECOND)))
        results = batches.results(over(output_file_id="a"))
        with trio.move_on_after(5) as scope:
            async for _line in results:
                pass
        assert scope.cancelled_caught
        with pytest.raises(StreamError, match="broken"):
            await anext(results)


async def test_cancelled_between_two_lines_it_loses_none() -> None:
    async with batches_api() as (batches, server, _):
        server.enqueue(file_of(1, 2))
        results = batches.results(over(output_file_id="a"))
        assert (await anext(results)).custom_id == "1"
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(results)
        assert scope.cancelled_caught
        assert [line.custom_id async for line in results] == ["2"]
