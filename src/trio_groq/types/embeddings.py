"""Texts as vectors. Source: API reference, "Create embedding"."""

import binascii
import sys
from array import array
from typing import Final

from trio_groq.types._base import Record, Response, sent

__all__ = ["CreateEmbeddingResponse", "Embedding", "EmbeddingUsage"]

_FLOAT32_BYTES: Final = 4


class Embedding(Record):
    """The vector of one input.

    Attributes:
        object: `embedding`.
        index: Which input, from 0.
        embedding: The vector as it came: numbers, or with `encoding_format="base64"` their text.
            `floats` reads either.
    """

    object: str = sent(lambda: "embedding")
    index: int = sent(int)
    embedding: list[float] | str = sent(list[float])

    def floats(self) -> "array[float]":
        """The vector as numbers of 32 bits, whichever way it came.

        It is a buffer (format `f`), so that `memoryview` and array libraries take it without
        looking at each number.

        Raises:
            ValueError: The text is not base64, or not of whole numbers.
        """
        if not isinstance(self.embedding, str):
            return array("f", self.embedding)
        return _decoded(self.embedding)


def _decoded(text: str) -> "array[float]":
    """The numbers in base64 of little-endian IEEE 754 binary32."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:  # binascii's own, or the one for what is not ASCII
        raise ValueError(f"embedding: expected base64, got {error}") from error
    if len(data) % _FLOAT32_BYTES:
        raise ValueError(f"embedding: expected whole 32-bit numbers, got {len(data)} bytes")
    numbers = array("f", data)
    if sys.byteorder != "little":
        numbers.byteswap()
    return numbers


class EmbeddingUsage(Record, gc=False):
    """What the vectors cost.

    Attributes:
        prompt_tokens: Tokens of the inputs.
        total_tokens: The same, for there is no answer to count.
    """

    prompt_tokens: int = sent(int)
    total_tokens: int = sent(int)


class CreateEmbeddingResponse(Response):
    """The vectors of all inputs.

    Attributes:
        object: `list`.
        data: One for each input; `index` says which.
        model: The model that made them.
        usage: What they cost.
    """

    object: str = sent(lambda: "list")
    data: list[Embedding] = sent(list[Embedding])
    model: str = sent(str)
    usage: EmbeddingUsage = sent(EmbeddingUsage)
