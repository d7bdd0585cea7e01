"""The parameters of an embedding request. Source: API reference, "Create embedding"."""

from collections.abc import Sequence
from typing import Annotated, Final, Required, TypeAlias, TypedDict

from msgspec import Meta

__all__ = ["MAX_EMBEDDING_INPUTS", "EmbeddingCreateParams", "EmbeddingInput"]

MAX_EMBEDDING_INPUTS: Final = 2048
"""Most inputs in one request, and most tokens in an input that is given as tokens."""

_Tokens: TypeAlias = Annotated[Sequence[int], Meta(min_length=1, max_length=MAX_EMBEDDING_INPUTS)]

EmbeddingInput: TypeAlias = (
    Annotated[str, Meta(min_length=1)]
    | Annotated[Sequence[str | int | _Tokens], Meta(min_length=1, max_length=MAX_EMBEDDING_INPUTS)]
)
"""A text, several texts, a text as tokens, or several of those. The API wants all of one kind."""


class EmbeddingCreateParams(TypedDict, total=False):
    """The parameters of `embeddings.create`.

    Attributes:
        input: What to embed: a text that is not empty; 1 to 2,048 texts; a text as 1 to 2,048
            tokens; or a list of those.
        model: The model's id, such as `nomic-embed-text-v1_5`.
        encoding_format: `float` (the default) or `base64`, a third of the bytes: see
            `Embedding.floats`.
        user: A name for the end user, for finding abuse.
    """

    input: Required[EmbeddingInput]
    model: Required[str]
    encoding_format: str
    user: str | None
