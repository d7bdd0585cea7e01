"""Which request gets which answer: the API's endpoints, and what stands before all of them."""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, final

import msgspec
import trio

from trio_groq.testing.audio import Audio
from trio_groq.testing.batches import Batches
from trio_groq.testing.chat import Names, completion_body
from trio_groq.testing.embeddings import Embeddings
from trio_groq.testing.endpoints import Endpoint, Table
from trio_groq.testing.files import Files
from trio_groq.testing.fine_tunings import FineTunings
from trio_groq.testing.models import DEFAULT_MODELS, Models
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.rendering import as_answer
from trio_groq.testing.replies import Reply
from trio_groq.testing.reranking import Reranking
from trio_groq.testing.response_bodies import RESPONSES_PATH, response_body
from trio_groq.testing.responses import Responses
from trio_groq.testing.validation import check_chat

__all__ = ["DEFAULT_MODELS", "Chat", "Routes"]

Chat: TypeAlias = Callable[[RecordedRequest], Reply]
"""Gives the reply to a completion that passes the checks."""

_CHAT: Final = "/openai/v1/chat/completions"


class _Part(Protocol):
    def endpoints(self) -> Sequence[Endpoint]: ...


def _unknown_url(request: RecordedRequest) -> Reply:
    message = (
        f"Unknown request URL: {request.method} {request.path}. Please check the URL for typos, "
        "or see the docs at https://console.groq.com/docs/"
    )
    return Reply.error(404, message, code="unknown_url")


def _wrong_method(request: RecordedRequest, allowed: str) -> Reply:
    message = f"Method {request.method} is not allowed for {request.path}"
    return Reply.error(405, message, code="method_not_allowed", headers=(("allow", allowed),))


@final
class Routes:
    """The API as it stands without a script.

    Args:
        api_keys: Keys that it accepts, None for any.
        models: Models that it begins with, None for any.
        chat: Who replies to a completion that passes the checks.
        new_names: Makes the identities of a response.
        batch_seconds: How long a batch takes.
    """

    def __init__(
        self,
        api_keys: Container[str] | None,
        models: Sequence[str] | None,
        chat: Chat,
        new_names: Callable[[], Names],
        batch_seconds: float = 2.0,
    ) -> None:
        self._new_names = new_names
        self._api_keys = api_keys
        self._models = Models(models)
        self._chat = chat
        files = Files()
        parts: tuple[_Part, ...] = (
            self._models,
            Audio(self._models),
            files,
            Batches(files, self._answer_line, duration=batch_seconds),
            Embeddings(self._models),
            Reranking(self._models),
            FineTunings(self._models),
            Responses(self._models, chat),
        )
        endpoints = [endpoint for part in parts for endpoint in part.endpoints()]
        self._table = Table([Endpoint("POST", _CHAT, self._complete), *endpoints])

    def is_unknown(self, request: RecordedRequest) -> bool:
        """Whether the path is none of the API's."""
        return not self._table.find(request.path)[0]

    def answer(self, request: RecordedRequest) -> Reply:
        """The refusal or the answer."""
        answers, names = self._table.find(request.path)
        if not answers:
            return _unknown_url(request)
        answer = answers.get(request.method)
        if answer is None:
            return _wrong_method(request, ", ".join(answers))
        if not self._is_authorized(request):
            return Reply.error(401, "Invalid API Key", code="invalid_api_key")
        return answer(request, names)

    def _is_authorized(self, request: RecordedRequest) -> bool:
        scheme, _, key = (request.header("authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return False
        return self._api_keys is None or key in self._api_keys

    def _answer_line(self, method: str, url: str, params: Mapping[str, Any]) -> tuple[int, object]:
        """What a batch gets for one of its requests."""
        request = RecordedRequest(
            method=method,
            path=f"/openai{url}",
            json=params,
            connection=0,
            received_at=trio.current_time(),
        )
        answers, names = self._table.find(request.path)
        reply = as_answer(answers[method](request, names), request)
        body = reply.body
        if body is None:
            make = response_body if request.path == RESPONSES_PATH else completion_body
            body = make(reply, params, self._new_names())
        is_json = reply.content_type == "application/json"
        return reply.status, msgspec.json.decode(body) if is_json else body.decode()

    def _complete(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        return check_chat(request.json, self._models.names) or self._chat(request)
