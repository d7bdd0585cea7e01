"""`client.models`: what is sent, and what comes back."""

from typing import Any

import pytest

from trio_groq import GroqClient
from trio_groq.errors import InvalidRequestError, ModelNotFoundError, PermissionDeniedError
from trio_groq.testing import DEFAULT_MODELS, FakeGroq, Reply
from trio_groq.types.models import Model, ModelDeleted, ModelListResponse

MODEL = "openai/gpt-oss-120b"


def client_of(server: FakeGroq) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url)


async def test_list(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        models = await client.models.list()
    assert isinstance(models, ModelListResponse)
    assert tuple(model.id for model in models.data) == DEFAULT_MODELS
    assert models.data[0].context_window == 131_072
    assert models.meta is not None
    assert models.meta.attempts == 1
    (request,) = fake_groq.requests
    assert (request.method, request.path) == ("GET", "/openai/v1/models")
    assert (request.body, request.header("content-type")) == (b"", None)
    assert request.header("accept") == "application/json"


async def test_retrieve_takes_names_with_slashes(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        model = await client.models.retrieve(MODEL)
    assert isinstance(model, Model)
    assert (model.id, model.active, model.max_completion_tokens) == (MODEL, True, 32_768)
    assert model.meta is not None
    (request,) = fake_groq.requests
    assert (request.method, request.path) == ("GET", f"/openai/v1/models/{MODEL}")


async def test_delete(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.json({"id": "a/my model", "object": "model", "deleted": True}))
    async with client_of(fake_groq) as client:
        deleted = await client.models.delete("a/my model")
    assert deleted == ModelDeleted(id="a/my model", deleted=True)
    assert deleted.meta is not None
    (request,) = fake_groq.requests
    assert (request.method, request.path) == ("DELETE", "/openai/v1/models/a/my%20model")
    assert request.body == b""


async def test_what_the_api_refuses(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(ModelNotFoundError):
            await client.models.retrieve("none")
        with pytest.raises(ModelNotFoundError):
            await client.models.delete("none")
        with pytest.raises(PermissionDeniedError):
            await client.models.delete(MODEL)


@pytest.mark.parametrize("name", ["", " ", "..", "a/../b", "/a", "a/", None, 5])
async def test_names_that_are_none(fake_groq: FakeGroq, name: Any) -> None:
    async with client_of(fake_groq) as client:
        for method in (client.models.retrieve, client.models.delete):
            with pytest.raises(InvalidRequestError, match=r"^model: expected") as raised:
                await method(name)
            assert raised.value.path == "model"
    assert fake_groq.connections_opened == 0


async def test_options(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        fake_groq.enqueue(Reply.error(503, "busy"))
        models = await client.models.list(
            extra_headers={"x-a": "1"}, extra_query={"q": True}, timeout=30, max_retries=1
        )
    assert models.meta is not None
    assert models.meta.attempts == 2
    assert [request.header("x-a") for request in fake_groq.requests] == ["1", "1"]
    assert fake_groq.requests[1].query == "q=true"


async def test_with_raw_response(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        raw = client.models.with_raw_response
        listed = await raw.list()
        assert listed.status_code == 200
        assert len((await listed.parse()).data) == len(DEFAULT_MODELS)
        one = await raw.retrieve(MODEL)
        assert (await one.parse()).id == MODEL
        fake_groq.enqueue(Reply.json({"id": "m", "deleted": True}))
        gone = await raw.delete("m")
        assert (await gone.parse()).deleted is True


async def test_with_streaming_response(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        streaming = client.models.with_streaming_response
        async with streaming.list() as listed:
            assert listed.status_code == 200
            assert len((await listed.parse()).data) == len(DEFAULT_MODELS)
        async with streaming.retrieve(MODEL) as one:
            assert (await one.parse()).id == MODEL
        fake_groq.enqueue(Reply.json({"id": "m", "deleted": True}))
        async with streaming.delete("m") as gone:
            assert (await gone.parse()).deleted is True
        assert client.pool.statistics().leased == 0
