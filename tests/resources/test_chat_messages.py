"""Messages of a completion: conversations that do not hold together, and images."""

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import trio

from streaming import client_of
from trio_groq.errors import (
    APIResponseValidationError,
    ConversationWarning,
    InvalidRequestError,
)
from trio_groq.testing import FakeGroq, Reply

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
MODEL = "meta-llama/llama-4-scout-17b-16e-instruct"
LOST: dict[str, Any] = {
    "model": MODEL,
    "messages": [
        {"role": "user", "content": "Hello"},
        {"role": "tool", "content": "1", "tool_call_id": "a"},
    ],
}


def look(url: Any) -> dict[str, Any]:
    part = {"type": "image_url", "image_url": {"url": url}}
    return {"model": MODEL, "messages": [{"role": "user", "content": [part]}]}


def sent_url(server: FakeGroq) -> str:
    url: str = server.requests[-1].json["messages"][0]["content"][0]["image_url"]["url"]
    return url


# -- conversations


async def test_a_lost_answer_is_a_warning_at_the_caller_s_line(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        for make in (
            client.chat.completions.create,
            client.chat.completions.with_raw_response.create,
        ):
            with pytest.warns(ConversationWarning, match=r"messages\[1\].tool_call_id") as caught:
                await make(**LOST)
            assert caught[0].filename == __file__
        with pytest.warns(ConversationWarning) as caught:
            client.chat.completions.stream(**LOST)
        assert caught[0].filename == __file__
    assert len(fake_groq.requests) == 2


async def test_a_lost_answer_is_an_error_when_strict(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq, strict_validation=True) as client:
        with pytest.raises(InvalidRequestError, match="that waits for its answer") as caught:
            await client.chat.completions.create(**LOST)
        assert caught.value.path == "messages[1].tool_call_id"
        with pytest.raises(InvalidRequestError):
            client.chat.completions.stream(**LOST)
    assert fake_groq.requests == []


# -- images


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_an_image_may_be_bytes(fake_groq: FakeGroq, kind: Any) -> None:
    async with client_of(fake_groq) as client:
        await client.chat.completions.create(**look(kind(PNG)))
        assert sent_url(fake_groq) == URL


async def test_an_image_may_be_a_file(fake_groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    async with client_of(fake_groq) as client:
        await client.chat.completions.create(**look(path))
        assert sent_url(fake_groq) == URL
        async with client.chat.completions.stream(**look(path)) as stream:
            await stream.until_done()
        assert sent_url(fake_groq) == URL
        raw = await client.chat.completions.with_raw_response.create(stream=True, **look(path))
        async with await raw.parse() as stream:
            await stream.until_done()
        assert sent_url(fake_groq) == URL


@pytest.mark.parametrize("url", ["https://a.test/a.png", URL])
async def test_a_url_is_sent_as_it_is(fake_groq: FakeGroq, url: str) -> None:
    async with client_of(fake_groq) as client:
        await client.chat.completions.create(**look(url))
        assert sent_url(fake_groq) == url


async def test_a_stream_with_an_image_warns_once(fake_groq: FakeGroq) -> None:
    wrong: dict[str, Any] = {**LOST, "messages": [*look(PNG)["messages"], LOST["messages"][1]]}
    async with client_of(fake_groq) as client:
        with pytest.warns(ConversationWarning):
            stream = client.chat.completions.stream(**wrong)
        async with stream:  # a warning here would be an error
            await stream.until_done()
    assert sent_url(fake_groq) == URL


async def test_a_file_that_is_not_there_is_told(fake_groq: FakeGroq, tmp_path: Path) -> None:
    missing = tmp_path / "missing.png"
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match="No such file") as caught:
            await client.chat.completions.create(**look(missing))
        assert caught.value.path == "messages[0].content[0].image_url.url"
        with pytest.raises(InvalidRequestError, match="No such file"):
            async with client.chat.completions.stream(**look(missing)):
                raise AssertionError
    assert fake_groq.requests == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [(os.devnull, "no regular file"), ("/", "no regular file"), ("a\0.png", "null byte")],
)
async def test_what_is_no_file_is_told(fake_groq: FakeGroq, path: str, reason: str) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match=reason) as caught:
            await client.chat.completions.create(**look(Path(path)))
    assert caught.value.path == "messages[0].content[0].image_url.url"
    assert fake_groq.requests == []


async def test_a_file_that_is_too_large_is_told(fake_groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(PNG + bytes(3 * 1024 * 1024))
    part = {"type": "image_url", "image_url": {"url": path}}
    messages: Any = [{"role": "user", "content": [part, part, part]}]
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match="expected images of at most 4194304 bytes"):
            await client.chat.completions.create(model=MODEL, messages=messages)


async def test_other_parameters_are_checked_before_a_file_is_read(
    fake_groq: FakeGroq, tmp_path: Path
) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match="temperature"):
            client.chat.completions.stream(temperature=9.0, **look(tmp_path / "missing"))
        with pytest.raises(InvalidRequestError, match=r"image_url.url: expected a string, got 5"):
            client.chat.completions.stream(**look(5))


async def test_cancelled_before_a_file_is_read_nothing_is_sent(
    fake_groq: FakeGroq, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    async with client_of(fake_groq) as client:
        with trio.CancelScope() as scope:
            scope.cancel()
            await client.chat.completions.create(**look(path))
        assert scope.cancelled_caught
    assert fake_groq.requests == []


# -- strict


NULLS = Reply.json({"id": "a", "choices": None, "created": 12.0, "model": "m"})


async def test_a_null_is_forgiven_unless_strict(fake_groq: FakeGroq) -> None:
    ask: dict[str, Any] = {
        "model": "openai/gpt-oss-20b",
        "messages": [{"role": "user", "content": "Hello"}],
    }
    fake_groq.enqueue(NULLS, NULLS, NULLS)
    async with client_of(fake_groq) as client:
        completion: Any = await client.chat.completions.create(**ask)
        assert (completion.choices, completion.created) == ([], 12)
    async with client_of(fake_groq, strict_validation=True) as client:
        with pytest.raises(APIResponseValidationError, match=r"choices"):
            await client.chat.completions.create(**ask)
        raw: Any = await client.chat.completions.with_raw_response.create(**ask)
        with pytest.raises(APIResponseValidationError, match=r"choices"):
            await raw.parse()


async def test_a_chunk_is_held_to_the_types_when_strict(fake_groq: FakeGroq) -> None:
    ask: dict[str, Any] = {
        "model": "openai/gpt-oss-20b",
        "messages": [{"role": "user", "content": "Hello"}],
    }
    event = b'data: {"id":"a","choices":null}\n\ndata: [DONE]\n\n'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n"
    reply = Reply.raw(head % len(event) + event)
    fake_groq.enqueue(reply, reply)
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ask) as stream:
        assert [chunk.choices async for chunk in stream] == [[]]
    async with (
        client_of(fake_groq, strict_validation=True) as client,
        client.chat.completions.stream(**ask) as stream,
    ):
        with pytest.raises(APIResponseValidationError, match="expected a chat completion"):
            await stream.until_done()
