"""`client.reranking`: what is sent, and what comes back."""

from typing import Any

import pytest

from trio_groq import GroqClient
from trio_groq.errors import InvalidRequestError, ModelNotFoundError
from trio_groq.testing import FakeGroq
from trio_groq.types.reranking import RerankingResponse

ASK: dict[str, Any] = {
    "model": "qwen3-reranker-4b",
    "query": "a red fox",
    "docs": ["A dog", "The fox is red"],
}


def client_of(server: FakeGroq) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url)


async def test_create(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        ranked = await client.reranking.create(**ASK, instruction=None)
    assert isinstance(ranked, RerankingResponse)
    assert [result.doc for result in ranked.results] == ["The fox is red", "A dog"]
    assert 1 >= ranked.results[0].score > ranked.results[1].score >= 0
    assert ranked.meta is not None
    (request,) = fake_groq.requests
    assert (request.method, request.path) == ("POST", "/openai/v1/reranking")
    assert request.json == {**ASK, "instruction": None}


async def test_extras(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        await client.reranking.create(
            **ASK,
            extra_headers={"x-a": "1"},
            extra_query={"q": 1},
            extra_body={"top_n": 1},
            timeout=30,
            max_retries=0,
        )
    (request,) = fake_groq.requests
    assert request.json == {**ASK, "top_n": 1}
    assert (request.header("x-a"), request.query) == ("1", "q=1")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"docs": []}, r"^docs: expected at least 1 item"),
        ({"docs": ["a", ""]}, r"^docs\[1\]: expected at least 1 character"),
        ({"query": 5}, r"^query: expected a string, got 5"),
    ],
    ids=["no docs", "an empty one", "query"],
)
async def test_wrong_parameters_are_told_before_anything_is_sent(
    fake_groq: FakeGroq, wrong: dict[str, Any], message: str
) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match=message):
            await client.reranking.create(**{**ASK, **wrong})
    assert fake_groq.connections_opened == 0


async def test_the_api_s_own_refusal(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(ModelNotFoundError):
            await client.reranking.create(**{**ASK, "model": "none"})


async def test_the_response_itself(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        raw = await client.reranking.with_raw_response.create(**ASK)
        assert raw.status_code == 200
        whole = await raw.parse()
        async with client.reranking.with_streaming_response.create(**ASK) as response:
            assert await response.parse() == whole
        assert client.pool.statistics().leased == 0
    assert len(whole.results) == 2
