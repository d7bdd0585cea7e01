"""Documents by relevance, and the request for it."""

import json
from typing import Any

import msgspec
import pytest

from trio_groq._api.parameters import Validator
from trio_groq.errors import InvalidRequestError
from trio_groq.types._base import Decoder
from trio_groq.types.reranking import RerankingResponse, RerankingResult
from trio_groq.types.reranking_params import RerankingCreateParams

decode = Decoder(RerankingResponse).decode
check = Validator(RerankingCreateParams)

ASK: dict[str, Any] = {"model": "m", "query": "q", "docs": ["a"]}


def test_results_keep_their_order() -> None:
    body = {"results": [{"doc": "b", "score": 0.9}, {"doc": "a", "score": 0}]}
    ranked = decode(json.dumps(body).encode())
    assert [(result.doc, result.score) for result in ranked.results] == [("b", 0.9), ("a", 0.0)]
    assert json.loads(msgspec.json.encode(ranked)) == body


def test_fields_may_be_missing_or_null() -> None:
    assert decode(b'{"results": null}') == decode(b"{}") == RerankingResponse()
    assert decode(b'{"results": [{"doc": "a", "score": null}]}').results == [
        RerankingResult(doc="a", score=0.0)
    ]


@pytest.mark.parametrize(
    "more", [{}, {"instruction": None}, {"instruction": "i"}, {"docs": ("a",) * 100}], ids=str
)
def test_requests_that_pass(more: dict[str, Any]) -> None:
    check(ASK | more)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"docs": []}, "^docs: expected at least 1 item"),
        ({"docs": ["a"] * 101}, "^docs: expected at most 100 items"),
        ({"docs": ["a", ""]}, r"^docs\[1\]: expected at least 1 character, got ''"),
        ({"docs": "a"}, "^docs: expected a list, got 'a'"),
        ({"query": None}, "^query: expected a string, got None"),
        ({"instruction": 5}, "^instruction: expected a string or None, got 5"),
        ({"top_n": 5}, "^top_n: expected a known parameter"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_requests_that_do_not_pass(more: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        check(ASK | more)
