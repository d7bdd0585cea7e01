from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from batch_api import PREFIX, BatchAPI, resources
from calling import NO_RETRY
from trio_groq._binary import BinaryResponse
from trio_groq.errors import InvalidRequestError, NotFoundError, RequestTooLargeError
from trio_groq.resources import files as module
from trio_groq.resources.files import Files
from trio_groq.testing import FakeGroq, Reply
from trio_groq.testing.forms import parse_form
from trio_groq.types.files import File

LINES = b'{"custom_id":"a"}\n'


@asynccontextmanager
async def files_api(**options: Any) -> AsyncIterator[tuple[Files, BatchAPI, FakeGroq]]:
    api = BatchAPI()
    async with FakeGroq(default_reply=api.reply) as server:
        with resources(server, **options) as (files, _):
            yield files, api, server


async def test_a_file_goes_up_is_seen_comes_down_and_is_deleted(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(LINES)
    async with files_api() as (files, _, server):
        file = await files.create(file=path, purpose="batch")
        assert (file.filename, file.bytes, file.purpose) == ("in.jsonl", len(LINES), "batch")
        assert file.meta is not None
        assert await files.info(file.id) == file
        assert (await files.list()).data == [file]
        async with await files.content(file.id) as response:
            assert isinstance(response, BinaryResponse)
            assert await response.read() == LINES
        deleted = await files.delete(file.id)
        assert (deleted.id, deleted.deleted) == (file.id, True)
        with pytest.raises(NotFoundError):
            await files.info(file.id)
        assert [
            (each.method, each.path.removeprefix(f"{PREFIX}/openai/v1")) for each in server.requests
        ] == [
            ("POST", "/files"),
            ("GET", f"/files/{file.id}"),
            ("GET", "/files"),
            ("GET", f"/files/{file.id}/content"),
            ("DELETE", f"/files/{file.id}"),
            ("GET", f"/files/{file.id}"),
        ]
        assert server.requests[3].header("accept") == "application/octet-stream"


async def test_what_is_sent() -> None:
    seen: list[tuple[int, int]] = []
    async with files_api() as (files, _, server):
        await files.create(
            file=("a.jsonl", LINES),
            purpose="batch",
            progress=lambda done, total: seen.append((done, total)),
            extra_headers={"X-Mine": "1"},
            extra_query={"q": "2"},
            extra_body={"note": "text", "more": {"a": [1]}, "nothing": None},
            timeout=60,
            max_retries=NO_RETRY,
        )
        (request,) = server.requests
    form = parse_form(request)
    assert form.fields == {"purpose": ["batch"], "note": ["text"], "more": ['{"a":[1]}']}
    assert (form.files["file"].name, form.files["file"].data) == ("a.jsonl", LINES)
    assert (request.header("x-mine"), request.query) == ("1", "q=2")
    assert request.header("content-length") == str(len(request.body))
    assert seen[-1] == (len(request.body), len(request.body))


async def test_other_purposes_pass_with_other_files() -> None:
    async with files_api() as (files, _, server):
        server.enqueue(Reply.json({"id": "file_1"}))
        assert (await files.create(file=("a.txt", b""), purpose="notes")).id == "file_1"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no purpose": ({"purpose": ""}, "purpose: expected a non-empty string, got ''"),
    "a purpose that is no text": ({"purpose": 5}, "purpose: expected a non-empty string, got 5"),
    "a batch that is no JSONL": ({"file": ("a.csv", b"")}, "file: expected a file of one of the"),
    "nothing to read": ({"file": Path("/does/not/exist")}, "file: expected a file that can be"),
    "a field that is no JSON": ({"extra_body": {"a": object()}}, "expected what JSON can hold"),
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_not_sent(given: dict[str, Any], message: str) -> None:
    async with files_api() as (files, _, server):
        with pytest.raises(InvalidRequestError) as caught:
            await files.create(**{"file": ("a.jsonl", LINES), "purpose": "batch", **given})
        assert message in str(caught.value)
        assert server.requests == []


async def test_a_batch_that_is_too_large_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_BATCH_BYTES", 3)
    async with files_api() as (files, _, server):
        with pytest.raises(InvalidRequestError, match="file: expected at most 3 bytes"):
            await files.create(file=("a.jsonl", LINES), purpose="batch")
        assert server.requests == []


async def test_a_file_that_the_server_finds_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_groq.testing.files.MAX_FILE_BYTES", 3)
    async with files_api() as (files, _, _server):
        with pytest.raises(RequestTooLargeError):
            await files.create(file=("a.jsonl", LINES), purpose="batch")


@pytest.mark.parametrize("method", ["info", "content", "delete"])
async def test_an_id_is_no_path(method: str) -> None:
    async with files_api() as (files, _, server):
        with pytest.raises(InvalidRequestError, match="file_id: expected"):
            await getattr(files, method)("..")
        assert server.requests == []


async def test_raw_and_streaming_responses() -> None:
    async with files_api() as (files, _, _server):
        created = await files.with_raw_response.create(file=("a.jsonl", LINES), purpose="batch")
        assert created.status_code == 200
        file = await created.parse()
        assert isinstance(file, File)
        listed = await files.with_raw_response.list()
        assert (await listed.parse()).data == [file]
        async with files.with_streaming_response.info(file.id) as info:
            assert await info.parse() == file
        async with files.with_streaming_response.content(file.id) as content:
            assert await content.read() == LINES
        deleted = await files.with_raw_response.delete(file.id)
        assert (await deleted.parse()).deleted
