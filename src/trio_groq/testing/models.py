"""The models that the server has: the list, one of them, and what may be deleted."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias, final

import attrs

from trio_groq.testing.endpoints import Endpoint
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply
from trio_groq.testing.validation import model_not_found

__all__ = ["DEFAULT_MODELS", "ModelUse", "Models"]

_PATH: Final = "/openai/v1/models"

# Made up, and the same for every model that generates text.
_CREATED: Final = 1_740_000_000
_CONTEXT_WINDOW: Final = 131_072
_MAX_COMPLETION_TOKENS: Final = 32_768

ModelUse: TypeAlias = Literal["chat completions", "embeddings", "reranking", "speech", "audio"]
"""What a model is for, in the words of the refusal of anything else."""


@attrs.frozen(kw_only=True)
class _Facts:
    """What is known of a model.

    Attributes:
        use: What it is for.
        owner: Who made it; None for what comes before the last slash of its name, or Meta.
        context_window: In tokens.
        max_completion_tokens: Of an answer.
    """

    use: ModelUse = "chat completions"
    owner: str | None = None
    context_window: int = _CONTEXT_WINDOW
    max_completion_tokens: int = _MAX_COMPLETION_TOKENS


def _small(use: ModelUse, owner: str | None, tokens: int) -> _Facts:
    return _Facts(use=use, owner=owner, context_window=tokens, max_completion_tokens=tokens)


_CHAT: Final = _Facts()

_KNOWN: Final[Mapping[str, _Facts]] = {
    "llama-3.3-70b-versatile": _CHAT,
    "llama-3.1-8b-instant": _CHAT,
    "meta-llama/llama-4-maverick-17b-128e-instruct": _CHAT,
    "meta-llama/llama-4-scout-17b-16e-instruct": _CHAT,
    "moonshotai/kimi-k2-instruct-0905": _CHAT,
    "openai/gpt-oss-120b": _CHAT,
    "openai/gpt-oss-20b": _CHAT,
    "qwen/qwen3-32b": _CHAT,
    "qwen/qwen3.8-27b": _CHAT,
    "groq/compound": _CHAT,
    "groq/compound-mini": _CHAT,
    "whisper-large-v3": _small("audio", "OpenAI", 448),
    "whisper-large-v3-turbo": _small("audio", "OpenAI", 448),
    "canopylabs/orpheus-v1-english": _small("speech", None, 4_000),
    "playai-tts": _small("speech", "PlayAI", 8_192),
    "nomic-embed-text-v1_5": _small("embeddings", "Nomic AI", 8_192),
    "qwen3-reranker-4b": _small("reranking", "Alibaba Cloud", 32_768),
}

DEFAULT_MODELS: Final = tuple(_KNOWN)
"""The models of a server that is told nothing else."""


def _shown(name: str, created: int) -> dict[str, object]:
    owner, _, _ = name.rpartition("/")
    facts = _KNOWN.get(name, _CHAT)
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": facts.owner or owner or "Meta",
        "active": True,
        "context_window": facts.context_window,
        "public_apps": None,
        "max_completion_tokens": facts.max_completion_tokens,
    }


@final
class Models:
    """The models, and what came and went since.

    Args:
        names: Models that the server begins with; None for any that is asked for, and
            `DEFAULT_MODELS` in the list.
    """

    def __init__(self, names: Sequence[str] | None) -> None:
        self._any = names is None
        self._created = dict.fromkeys(DEFAULT_MODELS if names is None else names, _CREATED)
        self._own: set[str] = set()

    @property
    def names(self) -> tuple[str, ...] | None:
        """The models that there are, None for any."""
        return None if self._any else tuple(self._created)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What answers for the models."""
        one = f"{_PATH}/{{model...}}"
        return (
            Endpoint("GET", _PATH, self._list),
            Endpoint("GET", one, self._retrieve),
            Endpoint("DELETE", one, self._delete),
        )

    def refusal(self, name: str, use: ModelUse, *, param: str = "model") -> Reply | None:
        """The API's refusal of a model for a use, None if it would do.

        Args:
            name: The model of the request.
            use: What it is to do. A model that only the test knows can do everything.
            param: The parameter that names it.
        """
        if not self._has(name):
            return model_not_found(name)
        if name in _KNOWN and _KNOWN[name].use != use:
            return Reply.error(400, f"The model `{name}` does not support {use}", param=param)
        return None

    def add(self, name: str, created: int) -> None:
        """A model of the account's own making: it can be deleted."""
        self._created[name] = created
        self._own.add(name)

    def remove(self, name: str) -> None:
        """The model of the account's own making is gone, unless it was before."""
        if name in self._own:
            self._own.discard(name)
            del self._created[name]

    def _has(self, name: str) -> bool:
        return self._any or name in self._created

    def _list(self, _request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        data = [_shown(name, created) for name, created in self._created.items()]
        return Reply.json({"object": "list", "data": data})

    def _retrieve(self, _request: RecordedRequest, names: Mapping[str, str]) -> Reply:
        name = names["model"]
        if not self._has(name):
            return model_not_found(name)
        return Reply.json(_shown(name, self._created.get(name, _CREATED)))

    def _delete(self, _request: RecordedRequest, names: Mapping[str, str]) -> Reply:
        name = names["model"]
        if not self._has(name):
            return model_not_found(name)
        if name not in self._own:
            message = f"The model `{name}` is not yours to delete."
            return Reply.error(403, message, code="insufficient_permissions")
        self.remove(name)
        return Reply.json({"id": name, "object": "model", "deleted": True})
