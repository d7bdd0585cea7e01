import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from batch_api import CHAT, PREFIX, BatchAPI, chat_lines, resources
from calling import NO_RETRY, takes
from trio_groq.errors import (
    APITimeoutError,
    BadRequestError,
    InvalidRequestError,
    NotFoundError,
    OverloadedError,
)
from trio_groq.resources.batches import Batches
from trio_groq.testing import FakeGroq, Reply
from trio_groq.types.batches import Batch

ORDER = {"endpoint": CHAT, "completion_window": "24h"}


@asynccontextmanager
async def batches_api(**options: Any) -> AsyncIterator[tuple[Batches, BatchAPI, FakeGroq]]:
    api = BatchAPI(**options)
    async with FakeGroq(default_reply=api.reply) as server:
        with resources(server) as (_, batches):
            yield batches, api, server


async def started(batches: Batches, api: BatchAPI, data: bytes) -> Batch:
    file = api.files.add("in.jsonl", "batch", data, trio.current_time())
    return await batches.create(**{**ORDER, "input_file_id": file.id})  # type: ignore[arg-type]  # all text


async def test_a_batch_is_made_seen_and_cancelled() -> None:
    async with batches_api(duration=1000) as (batches, api, server):
        batch = await started(batches, api, chat_lines(2))
        assert (batch.status, batch.meta is None) == ("validating", False)
        assert (await batches.retrieve(batch.id)).id == batch.id
        assert [each.id for each in (await batches.list()).data] == [batch.id]
        cancelled = await batches.cancel(batch.id)
        assert (cancelled.id, cancelled.status) == (batch.id, "cancelling")
        root = f"{PREFIX}/openai/v1/batches"
        assert [(each.method, each.path) for each in server.requests] == [
            ("POST", root),
            ("GET", f"{root}/{batch.id}"),
            ("GET", root),
            ("POST", f"{root}/{batch.id}/cancel"),
        ]
        assert server.requests[3].body == b""


async def test_what_is_sent() -> None:
    async with batches_api() as (batches, _, server):
        server.enqueue(Reply.json({"id": "batch_1"}))
        await batches.create(
            **ORDER,
            input_file_id="file_1",
            metadata=None,
            extra_headers={"X-Mine": "1"},
            extra_query={"q": "2"},
            extra_body={"new": 3},
            timeout=60,
            max_retries=0,
        )
        (request,) = server.requests
    assert json.loads(request.body) == {
        **ORDER,
        "input_file_id": "file_1",
        "metadata": None,
        "new": 3,
    }
    assert (request.header("x-mine"), request.query) == ("1", "q=2")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no endpoint": ({"endpoint": None}, "endpoint: expected a string, got None"),
    "no input": ({}, "input_file_id: expected a value, got nothing"),
    "metadata of numbers": ({"metadata": {"a": 1}}, "metadata: expected|metadata"),
    "an unknown parameter": ({"input": "x"}, "input: expected a known parameter"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_not_sent(given: dict[str, Any], message: str) -> None:
    more = {"input_file_id": "file_1"} if given.get("metadata") else {}
    async with batches_api() as (batches, _, server):
        with pytest.raises(InvalidRequestError, match=message):
            await batches.create(**{**ORDER, **more, **given})
        for method in (batches.retrieve, batches.cancel):
            with pytest.raises(InvalidRequestError, match="batch_id: expected"):
                await method("")
        assert server.requests == []


async def test_errors_of_the_api() -> None:
    async with batches_api(duration=0) as (batches, api, _):
        with pytest.raises(NotFoundError):
            await batches.retrieve("batch_0")
        with pytest.raises(BadRequestError) as caught:
            await batches.create(completion_window="1h", endpoint=CHAT, input_file_id="file_0")
        assert caught.value.param == "completion_window"
        batch = await started(batches, api, chat_lines(1))
        with pytest.raises(BadRequestError, match="Cannot cancel"):
            await batches.cancel(batch.id)


async def test_pages() -> None:
    async with batches_api(page_size=2) as (batches, api, server):
        made = [(await started(batches, api, chat_lines(1))).id for _ in range(3)]
        first = await batches.list()
        assert first.paging is not None
        second = await batches.list(cursor=first.paging.next_cursor)
        assert [each.id for each in [*first.data, *second.data]] == made[::-1]
        assert second.paging is None
        await batches.list(cursor=None)
        assert server.requests[-1].query == ""


async def test_raw_and_streaming_responses() -> None:
    async with batches_api(duration=1000) as (batches, api, _):
        file = api.files.add("in.jsonl", "batch", chat_lines(1), trio.current_time())
        raw = batches.with_raw_response
        order = {**ORDER, "input_file_id": file.id}
        created = await raw.create(**order)  # type: ignore[arg-type]  # all text
        batch = await created.parse()
        assert (created.status_code, type(batch)) == (200, Batch)
        assert (await (await raw.retrieve(batch.id)).parse()).id == batch.id
        streaming = batches.with_streaming_response
        async with streaming.list() as listed:
            assert len((await listed.parse()).data) == 1
        async with streaming.cancel(batch.id) as cancelled:
            assert (await cancelled.parse()).status == "cancelling"


# --- waiting --------------------------------------------------------------------------------------


def looks(server: FakeGroq, since: int = 1) -> list[float]:
    """When the batch was looked at, after its creation."""
    first, *rest = (request.received_at for request in server.requests)
    return [round(at - first, 6) for at in rest[since - 1 :]]


async def test_a_wait_looks_less_and_less_often(autojump_clock: MockClock) -> None:
    seen: list[str] = []
    async with batches_api(duration=10) as (batches, api, server):
        batch = await started(batches, api, chat_lines(2))
        over = await batches.wait(batch.id, on_look=lambda batch: seen.append(batch.status))
        assert (over.status, over.id) == ("completed", batch.id)
        assert over.request_counts is not None
        assert over.request_counts.completed == 2
        assert looks(server) == [0, 1, 2.5, 4.75, 8.125, 13.1875]
    assert seen == ["validating", *["in_progress"] * 4, "completed"]


async def test_intervals_of_the_callers(autojump_clock: MockClock) -> None:
    async with batches_api(duration=20) as (batches, api, server):
        batch = await started(batches, api, chat_lines(2))
        await batches.wait(batch.id, interval=4, max_interval=7)
        assert looks(server) == [0, 4, 10, 17, 24]


@pytest.mark.parametrize("status", ["failed", "expired", "cancelled"])
async def test_a_batch_that_came_to_nothing_is_returned(
    status: str, autojump_clock: MockClock
) -> None:
    async with batches_api() as (batches, _, server):
        server.enqueue(*(Reply.json({"id": "b", "status": each}) for each in ("new", status)))
        with takes(1):
            assert (await batches.wait("b")).status == status


async def test_a_wait_may_time_out(autojump_clock: MockClock) -> None:
    async with batches_api(duration=1000) as (batches, api, _):
        batch = await started(batches, api, chat_lines(2))
        with takes(7), pytest.raises(APITimeoutError) as caught:
            await batches.wait(batch.id, timeout=7)
        assert (caught.value.phase, caught.value.limit) == ("total", 7)
        assert caught.value.partial.status == "validating"
        assert "to be over within 7 s, got status 'validating'" in str(caught.value)
        # The batch was not cancelled.
        assert (await batches.retrieve(batch.id)).cancelling_at is None


async def test_a_wait_may_time_out_before_the_first_answer(
    autojump_clock: MockClock,
) -> None:
    async with batches_api() as (batches, _, server):
        server.enqueue(Reply(body=b"{}", head_delay=50))
        with takes(5), pytest.raises(APITimeoutError, match="got no answer") as caught:
            await batches.wait("batch_1", timeout=5)
        assert caught.value.partial is None


async def test_a_wait_obeys_the_callers_deadline(autojump_clock: MockClock) -> None:
    async with batches_api(duration=1000) as (batches, api, _):
        batch = await started(batches, api, chat_lines(2))
        with takes(7), trio.move_on_after(7) as scope:
            await batches.wait(batch.id)
        assert scope.cancelled_caught


async def test_a_look_that_fails_ends_the_wait(autojump_clock: MockClock) -> None:
    async with batches_api() as (batches, _, server):
        server.enqueue(Reply.json({"id": "b", "status": "new"}), Reply.error(529, "busy"))
        with pytest.raises(OverloadedError):
            await batches.wait("b", max_retries=NO_RETRY, extra_headers={"X-Mine": "1"})
        assert [each.header("x-mine") for each in server.requests] == ["1", "1"]


@pytest.mark.parametrize("name", ["interval", "max_interval", "timeout"])
@pytest.mark.parametrize("value", [0, -1, "1", True, float("nan"), float("inf")])
async def test_what_is_no_time_is_refused(name: str, value: Any) -> None:
    async with batches_api() as (batches, _, server):
        with pytest.raises(InvalidRequestError, match=f"{name}: expected a number of seconds > 0"):
            await batches.wait("batch_1", **{name: value})
        assert server.requests == []
