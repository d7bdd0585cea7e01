"""Which request gets which answer: the routes of the API, its checks, and the models it lists."""

from collections.abc import Callable, Container, Sequence
from urllib.parse import unquote

import attrs

from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply
from trio_groq.testing.validation import check_chat, model_not_found

__all__ = ["DEFAULT_MODELS", "Routes"]

DEFAULT_MODELS = (
    "llama-3.3-70b-versatile",
    "llama-3.1-8b-instant",
    "meta-llama/llama-4-maverick-17b-128e-instruct",
    "meta-llama/llama-4-scout-17b-16e-instruct",
    "moonshotai/kimi-k2-instruct-0905",
    "openai/gpt-oss-120b",
    "openai/gpt-oss-20b",
    "qwen/qwen3-32b",
    "groq/compound",
    "groq/compound-mini",
)

_BASE = "/openai/v1"
_CHAT = f"{_BASE}/chat/completions"
_MODELS = f"{_BASE}/models"

# Made up, and the same for every model.
_CREATED = 1_740_000_000
_CONTEXT_WINDOW = 131_072
_MAX_COMPLETION_TOKENS = 32_768


def _method_of(path: str) -> str | None:
    """The one method that the path knows, None for an unknown path."""
    if path == _CHAT:
        return "POST"
    return "GET" if path == _MODELS or path.startswith(f"{_MODELS}/") else None


def _unknown_url(request: RecordedRequest) -> Reply:
    message = (
        f"Unknown request URL: {request.method} {request.path}. Please check the URL for typos, "
        "or see the docs at https://console.groq.com/docs/"
    )
    return Reply.error(404, message, code="unknown_url")


def _wrong_method(request: RecordedRequest, allowed: str) -> Reply:
    message = f"Method {request.method} is not allowed for {request.path}"
    return Reply.error(405, message, code="method_not_allowed", headers=(("allow", allowed),))


def _model(name: str) -> dict[str, object]:
    owner, _, _ = name.rpartition("/")
    return {
        "id": name,
        "object": "model",
        "created": _CREATED,
        "owned_by": owner or "Meta",
        "active": True,
        "context_window": _CONTEXT_WINDOW,
        "public_apps": None,
        "max_completion_tokens": _MAX_COMPLETION_TOKENS,
    }


@attrs.frozen
class Routes:
    """The API as it stands without a script.

    Attributes:
        api_keys: Keys that it accepts, None for any but the empty one.
        models: Models that it has, None for any.
    """

    api_keys: Container[str] | None
    models: Sequence[str] | None

    def is_unknown(self, request: RecordedRequest) -> bool:
        """Whether the path is none of the API's."""
        return _method_of(request.path) is None

    def answer(self, request: RecordedRequest, chat: Callable[[], Reply]) -> Reply:
        """The refusal or the answer; `chat` gives it for a completion that passes the checks."""
        method = _method_of(request.path)
        if method is None:
            return _unknown_url(request)
        if request.method != method:
            return _wrong_method(request, method)
        if not self._is_authorized(request):
            return Reply.error(401, "Invalid API Key", code="invalid_api_key")
        if request.path != _CHAT:
            return self._models(unquote(request.path.removeprefix(_MODELS).removeprefix("/")))
        return check_chat(request.json, self.models) or chat()

    def _is_authorized(self, request: RecordedRequest) -> bool:
        scheme, _, key = (request.header("authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            return False
        return self.api_keys is None or key in self.api_keys

    def _models(self, name: str) -> Reply:
        known = DEFAULT_MODELS if self.models is None else self.models
        if not name:
            return Reply.json({"object": "list", "data": [_model(each) for each in known]})
        if self.models is not None and name not in known:
            return model_not_found(name)
        return Reply.json(_model(name))
