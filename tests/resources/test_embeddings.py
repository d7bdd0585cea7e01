"""`client.embeddings`: what is sent, and what comes back."""

import math
from typing import Any

import pytest

from trio_groq import GroqClient
from trio_groq.errors import BadRequestError, InvalidRequestError, ModelWarning
from trio_groq.testing import FakeGroq, Reply
from trio_groq.types.embeddings import CreateEmbeddingResponse

MODEL = "nomic-embed-text-v1_5"


def client_of(server: FakeGroq) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url)


async def test_create(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        made = await client.embeddings.create(input="Hello there", model=MODEL, user=None)
    assert isinstance(made, CreateEmbeddingResponse)
    assert made.model == MODEL
    assert made.usage.prompt_tokens == made.usage.total_tokens == 2
    (vector,) = made.data
    assert isinstance(vector.embedding, list)
    assert len(vector.embedding) == 768
    assert math.hypot(*vector.floats()) == pytest.approx(1, abs=1e-6)
    assert made.meta is not None
    (request,) = fake_groq.requests
    assert (request.method, request.path) == ("POST", "/openai/v1/embeddings")
    # Left out is not sent, None is sent as null, and nothing is added.
    assert request.json == {"input": "Hello there", "model": MODEL, "user": None}
    assert request.header("content-type") == "application/json"


async def test_both_formats_say_the_same(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        create = client.embeddings.create
        plain = await create(input=["a", "b"], model=MODEL, encoding_format="float")
        text = await create(input=("a", "b"), model=MODEL, encoding_format="base64")
    assert isinstance(text.data[0].embedding, str)
    assert [vector.index for vector in text.data] == [0, 1]
    assert [vector.floats() for vector in text.data] == [vector.floats() for vector in plain.data]
    assert plain.data[0].floats() != plain.data[1].floats()
    assert fake_groq.requests[1].json["encoding_format"] == "base64"


@pytest.mark.parametrize("value", [[1, 2, 3], [[1, 2], [3]], ["a", "b"]], ids=str)
async def test_every_kind_of_input(fake_groq: FakeGroq, value: Any) -> None:
    async with client_of(fake_groq) as client:
        made = await client.embeddings.create(input=value, model=MODEL)
    assert len(made.data) == (1 if value == [1, 2, 3] else 2)
    assert fake_groq.requests[0].json["input"] == value


async def test_extras(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        await client.embeddings.create(
            input="x",
            model=MODEL,
            extra_headers={"x-a": "1"},
            extra_query={"q": 1},
            extra_body={"dimensions": 64, "user": "u"},
            timeout=30,
            max_retries=0,
        )
    (request,) = fake_groq.requests
    assert request.json == {"input": "x", "model": MODEL, "dimensions": 64, "user": "u"}
    assert (request.header("x-a"), request.query) == ("1", "q=1")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"input": ""}, r"^input: expected at least 1 character"),
        ({"input": ["x"] * 2049}, r"^input: expected at most 2048 items"),
        ({"model": None}, r"^model: expected a string, got None"),
        ({"dimensions": 64}, r"^dimensions: expected a known parameter.*extra_body"),
    ],
    ids=["empty", "too many", "no model", "unknown"],
)
async def test_wrong_parameters_are_told_before_anything_is_sent(
    fake_groq: FakeGroq, wrong: dict[str, Any], message: str
) -> None:
    params: dict[str, Any] = {"input": "x", "model": MODEL, **wrong}
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match=message):
            await client.embeddings.create(**params)
    assert fake_groq.connections_opened == 0


async def test_the_api_s_own_refusal(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        with (
            pytest.warns(ModelWarning, match="expected one that makes embeddings"),
            pytest.raises(BadRequestError, match="does not support embeddings") as raised,
        ):
            await client.embeddings.create(input="x", model="openai/gpt-oss-20b")
        assert raised.value.param == "model"
        with pytest.raises(BadRequestError, match="must be a string"):
            await client.embeddings.create(input=["x", 5], model=MODEL)


async def test_the_response_itself(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        raw = await client.embeddings.with_raw_response.create(input="x", model=MODEL)
        assert raw.status_code == 200
        whole = await raw.parse()
        streaming = client.embeddings.with_streaming_response
        async with streaming.create(input="x", model=MODEL) as response:
            assert response.headers["content-type"] == "application/json"
            assert await response.parse() == whole
        assert client.pool.statistics().leased == 0
    assert len(whole.data) == 1


async def test_vectors_may_be_absent(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.json({"object": "list", "data": None, "usage": None}))
    async with client_of(fake_groq) as client:
        assert (await client.embeddings.create(input="x", model=MODEL)).data == []
