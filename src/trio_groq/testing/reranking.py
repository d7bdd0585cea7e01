"""Reranking as the server does it: by the words that a document shares with the query."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, final

from trio_groq.testing.endpoints import Endpoint
from trio_groq.testing.models import Models
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply

__all__ = ["Reranking", "score"]

_PATH: Final = "/openai/v1/reranking"
_MAX_DOCS: Final = 100  # the API's limit
_DIGITS: Final = 4
_WORD: Final = re.compile(r"\w+")


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.casefold()))


def score(query: str, doc: str) -> float:
    """0.0 to 1.0: twice the words that both have, by the words of either; case does not count."""
    asked, written = _words(query), _words(doc)
    both = len(asked) + len(written)
    return round(2 * len(asked & written) / both, _DIGITS) if both else 0.0


def _docs_complaint(docs: object) -> str | None:
    if not isinstance(docs, list):
        return "value must be an array"
    if not docs:
        return "minimum number of items is 1"
    if len(docs) > _MAX_DOCS:
        return f"maximum number of items is {_MAX_DOCS}"
    if not all(isinstance(doc, str) and doc for doc in docs):
        return "items must be strings that are not empty"
    return None


def _complaints(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong and with which parameter; only the first counts."""
    for name in ("model", "query", "docs"):
        if params.get(name) is None:
            yield f"property '{name}' is missing", name
    for name in ("model", "query", "instruction"):
        if not isinstance(params.get(name), str | None):
            yield f"'{name}' : value must be a string", name
    complaint = _docs_complaint(params["docs"])
    if complaint:
        yield f"'docs' : {complaint}", "docs"


@final
class Reranking:
    """The endpoint.

    Args:
        models: The models that the server has.
    """

    def __init__(self, models: Models) -> None:
        self._models = models

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What answers for reranking."""
        return (Endpoint("POST", _PATH, self._create),)

    def _create(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        params = request.params
        for message, name in _complaints(params):
            return Reply.error(400, message, param=name)
        refusal = self._models.refusal(params["model"], "reranking")
        if refusal:
            return refusal
        scored = [(score(params["query"], doc), doc) for doc in params["docs"]]
        # Stable: what is equally relevant stays in the order of the request.
        ranked = sorted(scored, key=lambda pair: pair[0], reverse=True)
        return Reply.json({"results": [{"doc": doc, "score": points} for points, doc in ranked]})
