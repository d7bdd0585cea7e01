"""Tests of your own code: no key, no network, no waiting, and every failure on demand.

The fixture `fake_groq` comes with `pip install 'trio-groq[test]'`. Run them:
pytest examples/testing_with_fake_groq.py
"""

# ruff: noqa: S101 (a test asserts)

import pytest

from trio_groq import GroqClient, RateLimitError, StreamError
from trio_groq.testing import FakeGroq, Reply


async def summarize(client: GroqClient, text: str) -> str:
    """The code under test: one sentence, or as much of it as came."""
    try:
        async with client.chat.completions.stream(
            model="openai/gpt-oss-20b",
            messages=[
                {"role": "system", "content": "Summarize in one sentence."},
                {"role": "user", "content": text},
            ],
        ) as stream:
            return "".join([part async for part in stream.text_deltas()])
    except StreamError as error:
        return f"{error.partial.choices[0].message.content}..."


def client_of(server: FakeGroq) -> GroqClient:
    return GroqClient(api_key="gsk_test", base_url=server.url, max_retries=0)


@pytest.mark.trio
async def test_it_asks_for_one_sentence(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="Short."))
    async with client_of(fake_groq) as client:
        assert await summarize(client, "A long text.") == "Short."
    messages = fake_groq.requests[0].params["messages"]
    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[1]["content"] == "A long text."


@pytest.mark.trio
async def test_it_keeps_what_came_before_the_stream_broke_off(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="Short and", finish=False, done=False))
    async with client_of(fake_groq) as client:
        assert await summarize(client, "A long text.") == "Short and..."


@pytest.mark.trio
async def test_it_says_when_to_come_back(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.error(429, "Slow down", retry_after=7))
    async with client_of(fake_groq) as client:
        with pytest.raises(RateLimitError) as caught:
            await summarize(client, "A long text.")
    assert caught.value.retry_after == 7  # noqa: PLR2004 (as scripted)
