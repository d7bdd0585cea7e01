"""The parameters of a reranking request. Source: API reference, "Reranking"."""

from collections.abc import Sequence
from typing import Annotated, Final, Required, TypedDict

from msgspec import Meta

__all__ = ["MAX_RERANKING_DOCS", "RerankingCreateParams"]

MAX_RERANKING_DOCS: Final = 100
"""Most documents in one request."""


class RerankingCreateParams(TypedDict, total=False):
    """The parameters of `reranking.create`.

    Attributes:
        model: The model's id, such as `qwen3-reranker-4b`.
        query: What the documents are to be relevant to.
        docs: 1 to 100 texts, none of them empty.
        instruction: What relevance means here; the API has a general one.
    """

    model: Required[str]
    query: Required[str]
    docs: Required[
        Annotated[
            Sequence[Annotated[str, Meta(min_length=1)]],
            Meta(min_length=1, max_length=MAX_RERANKING_DOCS),
        ]
    ]
    instruction: str | None
