"""Embeddings as the server makes them: unit vectors that depend on the input and nothing else.

They mean nothing: texts that are alike have vectors that are not. But equal texts have equal
vectors, in every run, and as numbers and as base64 they are the same to the last bit.
"""

import base64
import hashlib
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, final

from trio_groq.testing.content import tokenize
from trio_groq.testing.endpoints import Endpoint
from trio_groq.testing.models import Models
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply

__all__ = ["Embeddings", "dimensions_of", "unit_vector"]

_PATH: Final = "/openai/v1/embeddings"
_MAX_ITEMS: Final = 2048  # the API's limit on every array of the input

_DIMENSIONS: Final[Mapping[str, int]] = {"nomic-embed-text-v1_5": 768}
_OTHER_DIMENSIONS: Final = 256

_INPUT: Final = "value must be a string, an array of strings, or an array of tokens"


def dimensions_of(model: str) -> int:
    """How many numbers a vector of `model` has."""
    return _DIMENSIONS.get(model, _OTHER_DIMENSIONS)


def unit_vector(model: str, text: str | Sequence[int]) -> bytes:
    """The vector of one input, as little-endian numbers of 32 bits.

    Args:
        model: Who makes it; each model makes another.
        text: The input: text or tokens.
    """
    count = dimensions_of(model)
    seed = f"{model} {text!r}".encode("utf-8", "backslashreplace")
    drawn = struct.unpack(f"<{count}H", hashlib.shake_256(seed).digest(2 * count))
    centred = [2 * number - 0xFFFF for number in drawn]  # odd, so never zero
    length = math.hypot(*centred)
    return struct.pack(f"<{count}f", *(number / length for number in centred))


def _is_tokens(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int for item in value)


def _inputs(value: Any) -> list[Any] | None:  # noqa: ANN401 (any JSON)
    """The inputs, one for each vector; None if they are of no kind that the API knows."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return None
    if all(isinstance(item, str) for item in value) or all(map(_is_tokens, value)):
        return value
    return [value] if _is_tokens(value) else None


def _input_complaint(value: object) -> str | None:
    inputs = _inputs(value)
    if inputs is None:
        return _INPUT
    arrays = [array for array in (value, *inputs) if isinstance(array, list)]
    if "" in inputs:
        return "string must not be empty"
    if not all(arrays):
        return "minimum number of items is 1"
    if any(len(array) > _MAX_ITEMS for array in arrays):
        return f"maximum number of items is {_MAX_ITEMS}"
    return None


def _complaints(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong and with which parameter; only the first counts."""
    for name in ("model", "input"):
        if params.get(name) is None:
            yield f"property '{name}' is missing", name
    if not isinstance(params["model"], str):
        yield "'model' : value must be a string", "model"
    complaint = _input_complaint(params["input"])
    if complaint:
        yield f"'input' : {complaint}", "input"
    if params.get("encoding_format") not in (None, "float", "base64"):
        yield "'encoding_format' : value must be one of `float`, `base64`", "encoding_format"
    if not isinstance(params.get("user"), str | None):
        yield "'user' : value must be a string", "user"


@final
class Embeddings:
    """The endpoint.

    Args:
        models: The models that the server has.
    """

    def __init__(self, models: Models) -> None:
        self._models = models

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What answers for the embeddings."""
        return (Endpoint("POST", _PATH, self._create),)

    def _create(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        params = request.params
        for message, name in _complaints(params):
            return Reply.error(400, message, param=name)
        refusal = self._models.refusal(params["model"], "embeddings")
        return refusal or Reply.json(_answer(params))


def _answer(params: Mapping[str, Any]) -> dict[str, object]:
    model, inputs = params["model"], _inputs(params["input"]) or []
    as_text = params.get("encoding_format") == "base64"
    count = sum(len(tokenize(item) if isinstance(item, str) else item) for item in inputs)
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": _sent(unit_vector(model, item), as_text=as_text),
            }
            for index, item in enumerate(inputs)
        ],
        "model": model,
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }


def _sent(vector: bytes, *, as_text: bool) -> str | list[float]:
    if as_text:
        return base64.b64encode(vector).decode()
    return [number for (number,) in struct.iter_unpack("<f", vector)]
