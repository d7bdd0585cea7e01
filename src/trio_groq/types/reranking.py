"""Documents by relevance. Source: API reference, "Reranking"."""

from trio_groq.types._base import Record, Response, sent

__all__ = ["RerankingResponse", "RerankingResult"]


class RerankingResult(Record, gc=False):
    """One document.

    Attributes:
        doc: Its text, as it was sent.
        score: 0.0 to 1.0: how relevant it is to the query.
    """

    doc: str = sent(str)
    score: float = sent(float)


class RerankingResponse(Response):
    """All documents of the request.

    Attributes:
        results: The most relevant one first.
    """

    results: list[RerankingResult] = sent(list[RerankingResult])
