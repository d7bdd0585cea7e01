"""The fake's idea of relevance."""

from typing import Any

import msgspec
import pytest

from trio_groq.testing import RecordedRequest, Reply
from trio_groq.testing.endpoints import Table
from trio_groq.testing.models import Models
from trio_groq.testing.reranking import Reranking, score

PATH = "/openai/v1/reranking"
ASK: dict[str, Any] = {"model": "m", "query": "red fox", "docs": ["a dog", "The RED fox!"]}
TABLE = Table(Reranking(Models(["m", "openai/gpt-oss-20b"])).endpoints())


def ask(json: object) -> Reply:
    answers, names = TABLE.find(PATH)
    request = RecordedRequest(method="POST", path=PATH, json=json, connection=1, received_at=0.0)
    return answers["POST"](request, names)


def body(reply: Reply) -> Any:
    assert reply.body is not None
    return msgspec.json.decode(reply.body)


@pytest.mark.parametrize(
    ("query", "doc", "points"),
    [
        ("red fox", "red fox", 1.0),
        ("red fox", "Fox, red: FOX", 1.0),
        ("red fox", "the red fox", 0.8),
        ("red fox", "fox", 0.6667),
        ("red fox", "redfox", 0.0),
        ("straße", "STRASSE", 1.0),
        ("?", "!", 0.0),
    ],
)
def test_score(query: str, doc: str, points: float) -> None:
    assert score(query, doc) == points


def test_the_most_relevant_comes_first_and_ties_keep_their_order() -> None:
    docs = ["one dog", "a fox", "two dogs", "The RED fox!", "one dog"]
    results = body(ask(ASK | {"docs": docs, "instruction": "Be strict."}))["results"]
    assert [result["doc"] for result in results] == [
        "The RED fox!",
        "a fox",
        "one dog",
        "two dogs",
        "one dog",
    ]
    assert [result["score"] for result in results] == [0.8, 0.5, 0.0, 0.0, 0.0]


REFUSED: dict[str, tuple[object, int, str | None, str]] = {
    "no JSON": (None, 400, "model", "property 'model' is missing"),
    "no query": (ASK | {"query": None}, 400, "query", "property 'query' is missing"),
    "query": (ASK | {"query": 5}, 400, "query", "'query' : value must be a string"),
    "instruction": (ASK | {"instruction": 5}, 400, "instruction", "'instruction' : value must be"),
    "no list": (ASK | {"docs": "a"}, 400, "docs", "'docs' : value must be an array"),
    "no docs": (ASK | {"docs": []}, 400, "docs", "'docs' : minimum number of items is 1"),
    "too many": (ASK | {"docs": ["a"] * 101}, 400, "docs", "'docs' : maximum number of items"),
    "an empty one": (ASK | {"docs": ["a", ""]}, 400, "docs", "'docs' : items must be strings"),
    "a number": (ASK | {"docs": [5]}, 400, "docs", "'docs' : items must be strings"),
    "unknown model": (ASK | {"model": "n"}, 404, None, "The model `n` does not exist"),
    "other model": (
        ASK | {"model": "openai/gpt-oss-20b"},
        400,
        "model",
        "The model `openai/gpt-oss-20b` does not support reranking",
    ),
}


@pytest.mark.parametrize(("params", "status", "param", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(params: object, status: int, param: str | None, message: str) -> None:
    reply = ask(params)
    error = body(reply)["error"]
    assert (reply.status, error.get("param")) == (status, param)
    assert error["message"].startswith(message)
