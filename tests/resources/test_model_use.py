"""What any call asks of its model in vain: the resources but chat, retired models, `models`."""

import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from trio_groq import ClientConfig, GroqClient, InvalidRequestError, ModelWarning
from trio_groq.errors import BadRequestError, NotFoundError
from trio_groq.testing import FakeGroq, Reply

TEXT = "openai/gpt-oss-20b"
RETIRED = "llama-3.1-8b-instant"
Calling = Callable[[GroqClient, str], Awaitable[object]]


def client_of(server: FakeGroq, **fields: Any) -> GroqClient:
    config = ClientConfig(api_key="gsk_test", base_url=server.url, **fields)
    return GroqClient(config=config, max_retries=0)


def shown(client: GroqClient, model: str) -> Awaitable[object]:
    image = {"type": "input_image", "image_url": "https://a.test/a.png", "detail": "auto"}
    items: Any = [{"role": "user", "content": [image]}]
    return client.responses.create(model=model, input=items)


def say(client: GroqClient, model: str) -> Awaitable[object]:
    messages: Any = [{"role": "user", "content": "Hello"}]
    return client.chat.completions.create(model=model, messages=messages)


WAV = ("a.wav", b"RIFF")
CALLS: dict[str, tuple[Calling, str]] = {
    "responses, an image": (shown, "input[0].content[0]: expected text"),
    "embeddings": (
        lambda client, model: client.embeddings.create(model=model, input="x"),
        "model: expected one that makes embeddings",
    ),
    "reranking": (
        lambda client, model: client.reranking.create(model=model, query="x", docs=["y"]),
        "model: expected one that ranks documents",
    ),
    "speech": (
        lambda client, model: client.audio.speech.create(model=model, input="x", voice="v"),
        "model: expected one that speaks",
    ),
    "transcriptions": (
        lambda client, model: client.audio.transcriptions.create(model=model, file=WAV),
        "model: expected one that writes down what was said",
    ),
    "translations": (
        lambda client, model: client.audio.translations.create(model=model, file=WAV),
        "model: expected one that writes down what was said",
    ),
}


@pytest.mark.parametrize(("make", "message"), CALLS.values(), ids=CALLS)
async def test_a_call_that_its_model_cannot_answer(
    fake_groq: FakeGroq, make: Calling, message: str
) -> None:
    fake_groq.enqueue(Reply.error(400, "no"))
    async with client_of(fake_groq) as client:
        with pytest.warns(ModelWarning) as said, pytest.raises(BadRequestError):
            await make(client, TEXT)
        assert [str(each.message)[: len(message)] for each in said] == [message]
    async with client_of(fake_groq, strict_validation=True) as strict:
        with pytest.raises(InvalidRequestError) as raised:
            await make(strict, TEXT)
    assert str(raised.value).startswith(message)
    assert len(fake_groq.requests) == 1


@pytest.mark.parametrize("make", [make for make, _ in CALLS.values()], ids=CALLS)
async def test_a_model_that_nobody_knows_is_asked(fake_groq: FakeGroq, make: Calling) -> None:
    fake_groq.enqueue(Reply.error(404, "no"))
    async with client_of(fake_groq, strict_validation=True) as client:
        with pytest.raises(NotFoundError):
            await make(client, "my/own")


async def test_a_retired_model_is_told_once_with_what_takes_its_place(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        with pytest.warns(
            ModelWarning, match=r"^model: expected one that stays.*gpt-oss-20b"
        ) as said:
            await say(client, RETIRED)
        assert said[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            await say(client, RETIRED)
            await say(client.with_options(timeout=9), RETIRED)


async def test_strict_a_retired_model_is_not_asked_unless_the_account_has_it(
    fake_groq: FakeGroq,
) -> None:
    async with client_of(fake_groq, strict_validation=True) as client:
        for _ in range(2):
            with pytest.raises(InvalidRequestError, match="expected one that stays"):
                await say(client, RETIRED)
        assert fake_groq.requests == []
        await client.models.list()
        await say(client, RETIRED)


@pytest.mark.parametrize("form", ["with_raw_response", "with_streaming_response"])
async def test_the_raw_forms_of_a_list_refresh_the_catalog_when_read(
    fake_groq: FakeGroq, form: str
) -> None:
    async with client_of(fake_groq, strict_validation=form == "with_raw_response") as client:
        models: Any = getattr(client.models, form)
        if form == "with_raw_response":
            response = await models.list()
            assert not client.catalog.is_refreshed
            await response.parse()
        else:
            async with models.list() as response:
                await response.parse()
        assert client.catalog.is_refreshed


async def test_a_model_that_is_not_meant_to_be_used_is_told_once_and_asked(
    fake_groq: FakeGroq,
) -> None:
    meant, other = (TEXT, "qwen/qwen3.6-27b"), "openai/gpt-oss-120b"
    async with client_of(fake_groq, models=meant, strict_validation=True) as client:
        await say(client, TEXT)
        with pytest.warns(ModelWarning) as said:
            await say(client, other)
        text = f"got '{other}' (did you mean {TEXT}?)"
        expected = f"model: expected one of models, {', '.join(meant)}; {text}"
        assert [str(each.message) for each in said] == [expected]
        await say(client, other)
        with pytest.warns(ModelWarning):  # another account, another memory
            await say(client.with_options(api_key="gsk_other"), other)
