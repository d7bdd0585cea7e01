"""What counts as the first token of a stream, and that waiting for it takes nothing from it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trio

from cancellation import assert_whole
from fanning import ask, client_for, texts
from streaming import DONE, END, HEAD, chunked, event, text
from trio_groq import GroqClient
from trio_groq.fanout._first_token import MAX_EARLY, obtain
from trio_groq.testing import FakeGroq, Fault, Reply

ROLE = event({"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})


def piecewise(*pieces: bytes) -> Reply:
    """A streamed response whose head and pieces come in receives of their own."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    chunks = [chunked(piece) for piece in pieces]
    sizes = tuple(map(len, (head, *chunks)))
    return Reply.raw(head + b"".join(chunks) + END, fault=Fault.split(sizes))


async def rest(stream: Any) -> list[str]:
    return [
        "".join(choice.delta.content or "" for choice in chunk.choices) async for chunk in stream
    ]


@pytest.mark.parametrize(
    ("pieces", "held", "got"),
    [
        ([ROLE, text("a"), text("b", "stop"), DONE], 2, ["", "a", "b"]),
        ([ROLE, ROLE, text("a", "stop"), DONE], 3, ["", "", "a"]),
        ([ROLE, text("", "stop"), DONE], 2, ["", ""]),
        ([DONE], 0, []),
        ([ROLE, DONE], 1, [""]),
        ([ROLE] * (MAX_EARLY + 2) + [text("a", "stop"), DONE], MAX_EARLY + 1, None),
    ],
    ids=["role", "two roles", "only an end", "nothing", "only a role", "roles without end"],
)
async def test_it_stays_in_the_stream(
    autojump_clock: Any, pieces: list[bytes], held: int, got: list[str] | None
) -> None:
    async with FakeGroq() as server, client_for(server) as client:
        server.enqueue(piecewise(*pieces))
        stream = await obtain(client.chat.completions.stream(**ask("x")))
        assert stream.completion.choices == []  # nothing was handed out
        assert len(stream._ready) >= held
        read = await rest(stream)
        assert read == got or (got is None and len(read) == MAX_EARLY + 3)
        assert assert_whole(client).idle == 1


class City(msgspec.Struct):
    name: str


def parsed(client: GroqClient) -> Any:
    asked = ask("x")
    return client.chat.completions.stream(
        response_format=City, model=asked["model"], messages=asked["messages"]
    )


def response(client: GroqClient) -> Any:
    return client.responses.stream(model="openai/gpt-oss-20b", input="Hello")


@pytest.mark.parametrize("make", [parsed, response])
async def test_of_other_streams(autojump_clock: Any, make: Callable[[GroqClient], Any]) -> None:
    reply = Reply(tokens=['{"name":', '"Bern"}'], first_token_delay=3.0, token_interval=1.0)
    async with FakeGroq(default_reply=reply) as server, client_for(server) as client:
        start = trio.current_time()
        stream = await obtain(make(client))
        assert trio.current_time() - start == pytest.approx(3, abs=1e-6)
        whole = await stream.until_done()
        if make is parsed:
            assert whole.choices[0].message.parsed == City("Bern")
            assert texts(whole) == '{"name":"Bern"}'
        else:
            assert whole.output_text == '{"name":"Bern"}'
        assert_whole(client)
