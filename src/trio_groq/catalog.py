"""What is known of the models: limits, abilities, and which are gone. No I/O.

A `Catalog` begins with the table below and takes over what the API says of its models; it is
frozen, and each client has its own. It is there to warn and to explain. It never forbids: models
come and go faster than versions of this package, and what it does not know it has no opinion on.

Sources, as of September 2026: https://console.groq.com/docs/models,
https://console.groq.com/docs/deprecations, the API document's lists of models, recorded traffic.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, final

import attrs

if TYPE_CHECKING:
    from trio_groq.types.models import Model

__all__ = ["Capability", "Catalog", "ModelInfo", "Retirement"]

Capability: TypeAlias = Literal[
    "text", "tools", "vision", "reasoning", "audio", "speech", "embeddings", "reranking"
]
"""What a model can do. `text` is to answer a conversation, `tools` to call functions of the
caller's, `vision` to see images, `reasoning` to think first; `audio` is to write down what was
said, `speech` to say what was written."""

MAX_LISTED: Final = 10_000
"""Models taken over from one list of the API, which has some twenty. The rest is left out."""
MAX_NAME: Final = 200
"""Characters of a name that others are compared with: it takes time by the square of them."""
_CLOSE_ENOUGH: Final = 0.6
"""Least similarity of two names, 0 to 1, as difflib counts it; its own default."""


@final
@attrs.frozen(kw_only=True)
class Retirement:
    """That a model is gone, or will be, for most accounts; contracts may keep it longer.

    Attributes:
        day: Day from which requests fail; None where no source says.
        replacements: What Groq recommended in its place at that time, best first.
    """

    day: date | None = None
    replacements: tuple[str, ...] = ()


@final
@attrs.frozen(kw_only=True)
class ModelInfo:
    """What is known of one model. None is for what is not known.

    Attributes:
        name: As in requests.
        owner: Who made it.
        context_window: Tokens of prompt and answer together, at the most.
        max_completion_tokens: Tokens of an answer, at the most.
        capabilities: All that it can do.
        active: Whether the API said that it can be used now; None if it was not asked.
        retirement: When it went, and what took its place; None for one that is there.
    """

    name: str
    owner: str | None = None
    context_window: int | None = None
    max_completion_tokens: int | None = None
    capabilities: frozenset[Capability] | None = None
    active: bool | None = None
    retirement: Retirement | None = None

    def can(self, capability: Capability) -> bool | None:
        """Whether it can do something; None if nobody knows."""
        return None if self.capabilities is None else capability in self.capabilities


@final
class Catalog:
    """Models by name. Frozen: `refreshed` makes another.

    Args:
        models: What is known; None for what this package knows.
    """

    __slots__ = ("_base", "_listed", "_models")

    def __init__(self, models: Iterable[ModelInfo] | None = None) -> None:
        known = _known() if models is None else {model.name: model for model in models}
        self._base: Mapping[str, ModelInfo] = known
        self._models: Mapping[str, ModelInfo] = known
        self._listed: frozenset[str] | None = None

    def get(self, name: str) -> ModelInfo | None:
        """What is known of a model, None for nothing."""
        return self._models.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._models

    def __iter__(self) -> Iterator[ModelInfo]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)

    @property
    def is_refreshed(self) -> bool:
        """Whether a list of the API went into it."""
        return self._listed is not None

    def available(self) -> tuple[str, ...]:
        """Names of the models that can be used, sorted.

        Those that the API listed; before that, those that are not known to be gone.
        """
        if self._listed is not None:
            return tuple(sorted(self._listed))
        return tuple(sorted(name for name, model in self._models.items() if not model.retirement))

    def near(self, name: str, limit: int = 3) -> tuple[str, ...]:
        """Available models whose names are like this one, the most similar first.

        Args:
            name: What was asked for. With or without the part before the slash.
            limit: How many, 1 or more.
        """
        from difflib import get_close_matches  # noqa: PLC0415 (needed only for what went wrong)

        if len(name) > MAX_NAME:
            return ()
        spelled: dict[str, str] = {}
        for known in self.available():
            if known != name:
                spelled.setdefault(known.lower(), known)
                spelled.setdefault(known.lower().rpartition("/")[2], known)
        found = get_close_matches(name.lower(), spelled, 2 * limit, _CLOSE_ENOUGH)
        return tuple(dict.fromkeys(spelled[spelling] for spelling in found))[:limit]

    def replacements(self, name: str) -> tuple[str, ...]:
        """Available models that were recommended in place of a retired one, directly or in turn."""
        usable = set(self.available())
        found: dict[str, None] = {}
        seen = {name}
        pending = [name]
        while pending:
            model = self._models.get(pending.pop(0))
            retirement = None if model is None else model.retirement
            for each in () if retirement is None else retirement.replacements:
                if each in usable:
                    found[each] = None
                elif each not in seen:
                    pending.append(each)
                seen.add(each)
        return tuple(found)

    def refreshed(self, models: "Iterable[Model]") -> "Catalog":
        """The same with what the API says now; what an earlier list said is forgotten.

        Args:
            models: As `client.models.list()` returns them in `data`. What they leave out stays as
                it was known; one that the account has is not retired for it.
        """
        entries = dict(self._base)
        listed: list[str] = []
        for model in models:
            if len(listed) == MAX_LISTED:
                break
            if not model.id:
                continue
            entries[model.id] = _merged(entries.get(model.id), model)
            if model.active is not False:
                listed.append(model.id)
        catalog = Catalog(())
        catalog._base = self._base
        catalog._models = entries
        catalog._listed = frozenset(listed)
        return catalog

    def __repr__(self) -> str:
        return f"<Catalog: {len(self)} models, {len(self.available())} available>"


def _merged(known: ModelInfo | None, model: "Model") -> ModelInfo:
    base = ModelInfo(name=model.id) if known is None else known
    return attrs.evolve(
        base,
        owner=model.owned_by or base.owner,
        context_window=model.context_window or base.context_window,
        max_completion_tokens=model.max_completion_tokens or base.max_completion_tokens,
        active=model.active,
        retirement=base.retirement if model.active is False else None,
    )


_TEXT: Final[frozenset[Capability]] = frozenset({"text"})
_TOOLS: Final[frozenset[Capability]] = _TEXT | {"tools"}
_THINKS: Final[frozenset[Capability]] = _TOOLS | {"reasoning"}
_SEES: Final[frozenset[Capability]] = _TOOLS | {"vision"}
_SEES_AND_THINKS: Final[frozenset[Capability]] = _SEES | _THINKS
_AUDIO: Final[frozenset[Capability]] = frozenset({"audio"})
_SPEECH: Final[frozenset[Capability]] = frozenset({"speech"})
_EMBEDDINGS: Final[frozenset[Capability]] = frozenset({"embeddings"})
_RERANKING: Final[frozenset[Capability]] = frozenset({"reranking"})

_K: Final = 1024
_Row: TypeAlias = tuple[str, str, int | None, int | None, frozenset[Capability] | None]

# Name, owner, context window, most tokens of an answer, capabilities.
_THERE: Final[tuple[_Row, ...]] = (
    ("openai/gpt-oss-120b", "OpenAI", 128 * _K, 64 * _K, _THINKS),
    ("openai/gpt-oss-20b", "OpenAI", 128 * _K, 64 * _K, _THINKS),
    ("openai/gpt-oss-safeguard-20b", "OpenAI", 128 * _K, 64 * _K, _THINKS),
    ("qwen/qwen3.8-27b", "Alibaba Cloud", 131_042, 16 * _K, _SEES_AND_THINKS),
    # Systems with tools of their own, which take none of the caller's.
    ("groq/compound", "Groq", 128 * _K, 8 * _K, _TEXT),
    ("groq/compound-mini", "Groq", 128 * _K, 8 * _K, _TEXT),
    ("compound-beta", "Groq", None, None, None),
    ("compound-beta-mini", "Groq", None, None, None),
    ("allam-2-7b", "SDAIA", 4 * _K, 4 * _K, _TEXT),
    ("meta-llama/llama-prompt-guard-2-22m", "Meta", 512, 512, _TEXT),
    ("meta-llama/llama-prompt-guard-2-86m", "Meta", 512, 512, _TEXT),
    ("whisper-large-v3", "OpenAI", 448, 448, _AUDIO),
    ("whisper-large-v3-turbo", "OpenAI", 448, 448, _AUDIO),
    ("canopylabs/orpheus-v1-english", "Canopy Labs", 4_000, None, _SPEECH),
    ("canopylabs/orpheus-arabic-saudi", "Canopy Labs", 4_000, None, _SPEECH),
    ("nomic-embed-text-v1_5", "Nomic AI", None, None, _EMBEDDINGS),
    ("qwen3-reranker-4b", "Alibaba Cloud", None, None, _RERANKING),
)

_GPT_120: Final = "openai/gpt-oss-120b"
_GPT_20: Final = "openai/gpt-oss-20b"
_LLAMA_70: Final = "llama-3.3-70b-versatile"
_SCOUT: Final = "meta-llama/llama-4-scout-17b-16e-instruct"
_GUARDS: Final = ("meta-llama/llama-guard-4-12b", "openai/gpt-oss-safeguard-20b")
_QWEN: Final = "qwen/qwen3.6-27b"

_GoneRow: TypeAlias = tuple[_Row, date | None, tuple[str, ...]]

# The same, the day from which requests fail, and what was recommended instead.
_GONE: Final[tuple[_GoneRow, ...]] = (
    ((_QWEN, "Alibaba Cloud", 128 * _K, 16 * _K, _SEES_AND_THINKS), date(2026, 9, 14),
     ("qwen/qwen3.8-27b",)),
    ((_LLAMA_70, "Meta", 128 * _K, 32 * _K, _TOOLS), date(2026, 8, 16), (_GPT_120, _QWEN)),
    (("llama-3.1-8b-instant", "Meta", 128 * _K, 128 * _K, _TOOLS), date(2026, 8, 16), (_GPT_20,)),
    (("qwen/qwen3-32b", "Alibaba Cloud", 128 * _K, 40 * _K, _THINKS), date(2026, 7, 17),
     (_GPT_120,)),
    ((_SCOUT, "Meta", 128 * _K, 8 * _K, _SEES), date(2026, 7, 17), (_GPT_120, _QWEN)),
    (("meta-llama/llama-4-maverick-17b-128e-instruct", "Meta", 128 * _K, 8 * _K, _SEES),
     date(2026, 3, 9), (_GPT_120,)),
    (("moonshotai/kimi-k2-instruct-0905", "Moonshot AI", 256 * _K, 16 * _K, _TOOLS), None, ()),
    (("moonshotai/kimi-k2-instruct", "Moonshot AI", 128 * _K, 16 * _K, _TOOLS), date(2025, 10, 10),
     ("moonshotai/kimi-k2-instruct-0905",)),
    ((_GUARDS[0], "Meta", 128 * _K, _K, _TEXT | {"vision"}), None, ()),
    (("playai-tts", "PlayAI", None, None, _SPEECH), date(2025, 12, 31),
     ("canopylabs/orpheus-v1-english",)),
    (("playai-tts-arabic", "PlayAI", None, None, _SPEECH), date(2025, 12, 31), ()),
    (("gemma2-9b-it", "Google", 8 * _K, 8 * _K, _TOOLS), date(2025, 10, 8), ()),
    (("deepseek-r1-distill-llama-70b", "DeepSeek / Meta", 128 * _K, 8 * _K, _THINKS),
     date(2025, 10, 2), (_LLAMA_70,)),
    (("distil-whisper-large-v3-en", "Hugging Face", 448, 448, _AUDIO), date(2025, 8, 23),
     ("whisper-large-v3-turbo",)),
    (("llama3-70b-8192", "Meta", 8 * _K, 8 * _K, _TOOLS), None, (_LLAMA_70, _GPT_20)),
    (("llama3-8b-8192", "Meta", 8 * _K, 8 * _K, _TOOLS), None, (_GPT_20,)),
    (("mistral-saba-24b", "Mistral AI", 32 * _K, 32 * _K, _TOOLS), None, ()),
    (("qwen-qwq-32b", "Alibaba Cloud", 128 * _K, 16 * _K, _THINKS), date(2025, 7, 14),
     ("qwen/qwen3-32b",)),
    (("llama-guard-3-8b", "Meta", 8 * _K, 8 * _K, _TEXT), date(2025, 6, 6), _GUARDS),
    (("llama-3.2-90b-vision-preview", "Meta", 8 * _K, 8 * _K, _SEES), date(2025, 4, 14), (_SCOUT,)),
    (("llama-3.2-11b-vision-preview", "Meta", 8 * _K, 8 * _K, _SEES), date(2025, 4, 14), ()),
    (("mixtral-8x7b-32768", "Mistral AI", 32 * _K, None, _TOOLS), date(2025, 3, 20), ()),
    (("llama-3.1-70b-versatile", "Meta", None, None, _TOOLS), date(2025, 1, 24), (_LLAMA_70,)),
    (("gemma-7b-it", "Google", 8 * _K, None, None), date(2024, 12, 18), ()),
    (("llama2-70b-4096", "Meta", 4 * _K, None, None), None, ()),
)  # fmt: skip


def _info(row: _Row, retirement: Retirement | None = None) -> ModelInfo:
    name, owner, window, most, capabilities = row
    return ModelInfo(
        name=name,
        owner=owner,
        context_window=window,
        max_completion_tokens=most,
        capabilities=capabilities,
        retirement=retirement,
    )


# Built when the first client asks: an import need not pay for it.
@cache
def _known() -> Mapping[str, ModelInfo]:
    there = [_info(row) for row in _THERE]
    gone = [_info(row, Retirement(day=day, replacements=new)) for row, day, new in _GONE]
    return {model.name: model for model in there + gone}
