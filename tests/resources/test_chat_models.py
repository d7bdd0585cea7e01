"""What a request asks of its model in vain is a warning, or an error when strict."""

from typing import Any

import pytest

from trio_groq import GroqClient, InvalidRequestError, ModelNotFoundError, ModelWarning
from trio_groq.testing import DEFAULT_MODELS, FakeGroq, Reply

ASK: dict[str, Any] = {
    "model": "openai/gpt-oss-20b",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_completion_tokens": 65_537,
}
IMAGE = {"type": "image_url", "image_url": {"url": b"\xff\xd8\xff"}}
SEES: dict[str, Any] = {
    "model": "openai/gpt-oss-20b",
    "messages": [{"role": "user", "content": [IMAGE]}],
}


def client_of(server: FakeGroq, **options: Any) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url, **options)


async def test_a_warning_names_the_line_that_asked(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        with pytest.warns(ModelWarning, match=r"^max_completion_tokens: expected at most") as said:
            await client.chat.completions.create(**ASK)
    assert said[0].filename == __file__
    assert len(fake_groq.requests) == 1


async def test_strict_it_is_an_error_and_nothing_is_sent(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq, strict_validation=True) as client:
        with pytest.raises(InvalidRequestError) as caught:
            await client.chat.completions.create(**ASK)
    assert (caught.value.path, caught.value.value) == ("max_completion_tokens", 65_537)
    assert fake_groq.requests == []


async def test_images(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        with pytest.warns(ModelWarning, match=r"^messages\[0\].content\[0\]: expected text"):
            await client.chat.completions.create(**SEES)
        scout = "meta-llama/llama-4-scout-17b-16e-instruct"
        await client.chat.completions.create(**{**SEES, "model": scout})


async def test_a_model_that_nobody_knows_is_asked(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq, strict_validation=True) as client:
        with pytest.raises(ModelNotFoundError):
            await client.chat.completions.create(**{**ASK, **SEES, "model": "my/own"})


async def test_a_list_refreshes_the_catalog(fake_groq: FakeGroq) -> None:
    listed = {"id": "openai/gpt-oss-20b", "active": True, "max_completion_tokens": 100_000}
    fake_groq.enqueue(Reply.json({"object": "list", "data": [listed]}))
    async with client_of(fake_groq) as client:
        view, other = client.with_options(timeout=9), client.with_options(api_key="gsk_other")
        assert not client.catalog.is_refreshed
        await client.models.list()
        assert client.catalog.available() == view.catalog.available() == ("openai/gpt-oss-20b",)
        assert not other.catalog.is_refreshed
        await client.chat.completions.create(**ASK)  # no warning any more
        with pytest.raises(ModelNotFoundError) as caught:
            await client.chat.completions.create(**{**ASK, "model": "gpt-oss-120b"})
        assert caught.value.__notes__[1] == "Names like it: openai/gpt-oss-20b."
        response = await client.models.with_raw_response.list()
        assert len((await response.parse()).data) == len(DEFAULT_MODELS)


async def test_a_client_checks_itself(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        assert (await client.health_check()).ok
        found = await client.health_check(deep=True, model="qwen/qwen3-32b", timeout=5.0)
        assert found.message == "qwen/qwen3-32b answered"
