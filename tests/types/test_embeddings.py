"""Vectors, as numbers and as base64."""

import base64
import json
import struct
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_groq._api.parameters import Validator
from trio_groq.errors import InvalidRequestError
from trio_groq.types._base import Decoder
from trio_groq.types.embeddings import CreateEmbeddingResponse, Embedding
from trio_groq.types.embeddings_params import EmbeddingCreateParams

decode = Decoder(CreateEmbeddingResponse).decode
check = Validator(EmbeddingCreateParams)

singles = st.lists(st.floats(width=32, allow_nan=False))


def as_text(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def response(vector: object) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": "m",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }


@pytest.mark.parametrize("vector", [[0.5, -1.0, 2], [], "AAAAPwAAgL8AAABA"])
def test_a_vector_stays_as_it_came(vector: Any) -> None:
    body = response(vector)
    whole = decode(json.dumps(body).encode())
    assert whole.data[0].embedding == vector
    assert whole.usage.total_tokens == 3
    assert json.loads(msgspec.json.encode(whole)) == body


@pytest.mark.parametrize("vector", [[0.5, -1.0, 2.0], "AAAAPwAAgL8AAABA"])
def test_floats_of_either_form(vector: Any) -> None:
    floats = Embedding(embedding=vector).floats()
    assert floats.tolist() == [0.5, -1.0, 2.0]
    assert (floats.typecode, floats.itemsize) == ("f", 4)
    assert memoryview(floats).format == "f"


@given(singles)
def test_both_forms_are_equal_to_the_last_bit(numbers: list[float]) -> None:
    plain, text = Embedding(embedding=numbers), Embedding(embedding=as_text(numbers))
    assert plain.floats() == text.floats()
    assert text.floats().tolist() == numbers
    assert base64.b64encode(struct.pack(f"<{len(numbers)}f", *text.floats())).decode() == (
        text.embedding
    )


def test_the_bytes_are_swapped_on_big_endian_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    big = base64.b64encode(struct.pack(">2f", 0.5, -1.0)).decode()
    # What a machine of the other order would have to do is to swap: seen from this one.
    other = {"little": "big", "big": "little"}[sys.byteorder]
    text = big if sys.byteorder == "little" else as_text([0.5, -1.0])
    monkeypatch.setattr(sys, "byteorder", other)
    assert Embedding(embedding=text).floats().tolist() == [0.5, -1.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AAAA", "embedding: expected whole 32-bit numbers, got 3 bytes"),
        ("AAAAP", "embedding: expected base64, got"),
        ("AAAA/===", "embedding: expected base64, got"),
        ("AAAAPw==\n", "embedding: expected base64, got"),
        ("AAA€", "embedding: expected base64, got"),
    ],
)
def test_text_that_is_no_vector(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Embedding(embedding=text).floats()


def test_fields_may_be_missing_or_null() -> None:
    assert decode(b"{}") == CreateEmbeddingResponse()
    assert decode(b'{"data": [{"embedding": null}], "usage": null, "model": null}').data == [
        Embedding()
    ]
    assert Embedding().floats().tolist() == []


GOOD: dict[str, Any] = {
    "a text": "x",
    "texts": ["x", ""],
    "a tuple of texts": ("x", "y"),
    "tokens": [1, 2],
    "several texts as tokens": [[1, 2], [3]],
    "as many as may be": ["x"] * 2048,
    "as many tokens as may be": [[0] * 2048],
}


@pytest.mark.parametrize("value", GOOD.values(), ids=GOOD)
def test_inputs_that_pass(value: Any) -> None:
    check({"input": value, "model": "m", "encoding_format": "a-new-format", "user": None})


BAD: dict[str, tuple[Any, str]] = {
    "no text": ("", "^input: expected at least 1 character, got ''"),
    "no texts": ([], "^input: expected at least 1 item"),
    "too many": (["x"] * 2049, "^input: expected at most 2048 items"),
    "no tokens": ([[]], r"^input\[0\]: expected at least 1 item"),
    "too many tokens": ([[0] * 2049], r"^input\[0\]: expected at most 2048 items"),
    "a number that is no token": ([0.5], r"^input\[0\]: expected"),
    "bytes": (b"x", "^input: expected"),
    "null": (None, "^input: expected"),
}


@pytest.mark.parametrize(("value", "message"), BAD.values(), ids=BAD)
def test_inputs_that_do_not_pass(value: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        check({"input": value, "model": "m"})


@pytest.mark.parametrize("name", ["input", "model"])
def test_what_must_be_given(name: str) -> None:
    params = {"input": "x", "model": "m"}
    del params[name]
    with pytest.raises(InvalidRequestError, match=f"^{name}: expected a value, got nothing"):
        check(params)
