"""The fake's vectors."""

import base64
import math
import struct
from typing import Any

import msgspec
import pytest

from trio_groq.testing import RecordedRequest, Reply
from trio_groq.testing.embeddings import Embeddings, dimensions_of, unit_vector
from trio_groq.testing.endpoints import Table
from trio_groq.testing.models import Models

PATH = "/openai/v1/embeddings"
MODEL = "nomic-embed-text-v1_5"
TABLE = Table(Embeddings(Models([MODEL, "m", "openai/gpt-oss-20b"])).endpoints())


def ask(json: object) -> Reply:
    answers, names = TABLE.find(PATH)
    request = RecordedRequest(method="POST", path=PATH, json=json, connection=1, received_at=0.0)
    return answers["POST"](request, names)


def create(**params: object) -> Any:
    reply = ask({"model": MODEL, **params})
    assert reply.status == 200
    assert reply.body is not None
    return msgspec.json.decode(reply.body)


def vectors(value: object, **params: object) -> list[list[float]]:
    return [item["embedding"] for item in create(input=value, **params)["data"]]


def test_a_whole_answer() -> None:
    answer = create(input=["one two", "three"], user="u")
    assert [(item["object"], item["index"]) for item in answer["data"]] == [
        ("embedding", 0),
        ("embedding", 1),
    ]
    assert (answer["object"], answer["model"]) == ("list", MODEL)
    assert answer["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    assert create(input=[1, 2, 3])["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


@pytest.mark.parametrize("model", [MODEL, "m"])
@pytest.mark.parametrize("text", ["x", "", "\ud800", (1, 2)])
def test_vectors_have_the_length_of_one(model: str, text: Any) -> None:
    vector = unit_vector(model, text)
    assert len(vector) == 4 * dimensions_of(model)
    numbers = [number for (number,) in struct.iter_unpack("<f", vector)]
    assert math.hypot(*numbers) == pytest.approx(1, abs=1e-6)
    assert len(set(numbers)) > len(numbers) / 2


def test_a_vector_is_the_same_in_every_run() -> None:
    first = struct.unpack_from("<3f", unit_vector("m", "hello"))
    assert first == pytest.approx((-0.00693, 0.02137, 0.10576), abs=1e-5)


def test_equal_texts_have_equal_vectors_and_others_have_not() -> None:
    x, y, again = vectors(["x", "y", "x"])
    assert x == again
    assert x != y
    assert vectors("x") == vectors(["x"]) == [x]
    assert len(x) == 768
    assert vectors("x", model="m")[0] != x
    assert vectors([1, 2]) == vectors([[1, 2]])
    assert vectors([1, 2]) != vectors("[1, 2]")


def test_base64_holds_the_same_numbers() -> None:
    (plain,) = vectors("x", encoding_format="float")
    (text,) = create(input="x", encoding_format="base64")["data"]
    assert list(struct.unpack("<768f", base64.b64decode(text["embedding"]))) == plain


REFUSED: dict[str, tuple[object, int, str | None, str]] = {
    "no JSON": (None, 400, "model", "property 'model' is missing"),
    "no object": ([], 400, "model", "property 'model' is missing"),
    "no input": ({"model": "m"}, 400, "input", "property 'input' is missing"),
    "model": ({"model": 5, "input": "x"}, 400, "model", "'model' : value must be a string"),
    "number": ({"model": "m", "input": 5}, 400, "input", "'input' : value must be a string, an"),
    "mixed": ({"model": "m", "input": ["x", 5]}, 400, "input", "'input' : value must be a string"),
    "booleans": ({"model": "m", "input": [True]}, 400, "input", "'input' : value must be a str"),
    "empty text": ({"model": "m", "input": ""}, 400, "input", "'input' : string must not be"),
    "empty among others": ({"model": "m", "input": ["x", ""]}, 400, "input", "'input' : string"),
    "no texts": ({"model": "m", "input": []}, 400, "input", "'input' : minimum number of items"),
    "no tokens": ({"model": "m", "input": [[1], []]}, 400, "input", "'input' : minimum number"),
    "too many": ({"model": "m", "input": ["x"] * 2049}, 400, "input", "'input' : maximum number"),
    "too long": ({"model": "m", "input": [[0] * 2049]}, 400, "input", "'input' : maximum number"),
    "format": (
        {"model": "m", "input": "x", "encoding_format": "hex"},
        400,
        "encoding_format",
        "'encoding_format' : value must be one of",
    ),
    "user": ({"model": "m", "input": "x", "user": 5}, 400, "user", "'user' : value must be"),
    "unknown model": ({"model": "n", "input": "x"}, 404, None, "The model `n` does not exist"),
    "other model": (
        {"model": "openai/gpt-oss-20b", "input": "x"},
        400,
        "model",
        "The model `openai/gpt-oss-20b` does not support embeddings",
    ),
}


@pytest.mark.parametrize(("params", "status", "param", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(params: object, status: int, param: str | None, message: str) -> None:
    reply = ask(params)
    assert reply.body is not None
    error = msgspec.json.decode(reply.body)["error"]
    assert (reply.status, error.get("param")) == (status, param)
    assert error["message"].startswith(message)


def test_null_is_as_good_as_left_out() -> None:
    assert vectors("x", encoding_format=None, user=None) == vectors("x")
