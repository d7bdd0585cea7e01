"""The key is shown by nothing that this package makes: reprs, errors, tracebacks, statistics."""

import pickle
import traceback
from typing import Any

import attrs
import pytest

from trio_groq import ChatStream, ClientConfig, GroqClient
from trio_groq.errors import GroqError
from trio_groq.testing import FakeGroq, Fault, Reply

KEY = "gsk_0123456789abcdefghijklmnopqrstuvWXYZ"
OTHER = "gsk_zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQ"
ASK: dict[str, Any] = {
    "model": "llama-3.1-8b-instant",
    "messages": [{"role": "user", "content": "Hello"}],
}


def told(error: BaseException) -> str:
    """All that an error, and what led to it, tells to whoever prints, logs or inspects it."""
    text = "".join(traceback.format_exception(error))
    seen: BaseException | None = error
    while seen is not None:
        text += f"{seen!s}{seen!r}{seen.args!r}{vars(seen)!r}{getattr(seen, '__notes__', '')!r}"
        seen = seen.__cause__ or seen.__context__
    return text


def hidden(text: str) -> bool:
    return not any(key[4:-4] in text for key in (KEY, OTHER))


async def read(stream: ChatStream) -> None:
    async with stream:
        await stream.until_done()


async def use(client: GroqClient, where: str, headers: dict[str, str]) -> None:
    """Bring header fields in by one of the ways that there are."""
    if where == "call":
        await client.request("GET", "models", extra_headers=headers)
    elif where == "view":
        client.with_options(default_headers=headers)
    else:
        GroqClient(KEY, default_headers=headers)


OK = Reply.json({})
REPLIES = [
    pytest.param(Reply.error(401, "Invalid API Key", code="invalid_api_key"), id="401"),
    pytest.param(Reply.error(500, "failed"), id="500"),
    pytest.param(Reply(body=b"<html>", content_type="text/html", status=502), id="502"),
    pytest.param(attrs.evolve(OK, fault=Fault.truncate(0)), id="closed"),
    pytest.param(attrs.evolve(OK, fault=Fault.reset(30)), id="reset"),
    pytest.param(attrs.evolve(OK, fault=Fault.garbage(0)), id="garbage"),
    pytest.param(Reply(body=b"no JSON", content_type="application/json"), id="no-json"),
]


@pytest.mark.parametrize("reply", REPLIES)
async def test_errors_of_calls(fake_groq: FakeGroq, reply: Reply) -> None:
    fake_groq.enqueue(reply, reply)
    async with GroqClient(KEY, base_url=fake_groq.url, max_retries=0) as client:
        with pytest.raises(GroqError) as caught:
            await client.request("GET", "models")
        assert hidden(told(caught.value))
        assert KEY.encode() not in pickle.dumps(caught.value)
        stream = client.chat.completions.stream(**ASK)
        with pytest.raises(GroqError) as caught:
            await read(stream)
        assert hidden(told(caught.value))
        assert hidden(repr(stream))
    assert fake_groq.requests[0].header("authorization") == f"Bearer {KEY}"


@pytest.mark.parametrize("end", ["\n", "\r\nEvil: 1", "\x00", "\x7f", "☃", "\ud800"])
@pytest.mark.parametrize("where", ["call", "view", "client"])
async def test_errors_of_headers(fake_groq: FakeGroq, end: str, where: str) -> None:
    wrong = {"Authorization": f"Bearer {OTHER}{end}"}
    async with GroqClient(KEY, base_url=fake_groq.url) as client:
        with pytest.raises(GroqError) as caught:
            await use(client, where, wrong)
    assert hidden(told(caught.value))
    assert fake_groq.connections_opened == 0


@pytest.mark.parametrize("end", ["\n", " ", "\t", "é", "\x00", "\u200b"])
def test_errors_of_keys(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GroqError) as caught:
        GroqClient(KEY + end)
    assert hidden(told(caught.value))
    if end != "\x00":  # which no environment can hold
        monkeypatch.setenv("GROQ_API_KEY", KEY + end)
        with pytest.raises(GroqError, match=r"^GROQ_API_KEY: ") as caught:
            GroqClient()
        assert hidden(told(caught.value))


async def test_reprs(fake_groq: FakeGroq) -> None:
    async with GroqClient(KEY, base_url=fake_groq.url) as client:
        view = client.with_options(api_key=OTHER)
        completion = await view.chat.completions.create(**ASK)
        async with client.chat.completions.stream(**ASK) as stream:
            await stream.until_done()
        things: list[object] = [
            client,
            view,
            client.config,
            client.pool,
            client.pool.statistics(),
            client.chat,
            completion,
            completion.meta,
            stream,
            stream.response,
            vars(client),
            attrs.asdict(client.config),
            client._caller,
        ]
        for thing in things:
            assert hidden(f"{thing!r}{thing!s}")


@pytest.mark.parametrize("key", [KEY, lambda: KEY], ids=["text", "function"])
def test_a_configuration_with_a_key_is_not_pickled(key: Any) -> None:
    with pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
        pickle.dumps(ClientConfig(api_key=key))
