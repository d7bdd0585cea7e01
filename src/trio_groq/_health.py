"""Whether the API can be used now: one small call, or two."""

from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias, final

import attrs
import trio

from trio_groq.errors import (
    APITimeoutError,
    CapacityExceededError,
    GroqError,
    RateLimitError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trio_groq.resources.chat import Chat
    from trio_groq.resources.models import Models
    from trio_groq.types.models import Model

__all__ = ["DEFAULT_TIMEOUT", "Health", "HealthStatus", "health_check", "small_model"]

HealthStatus: TypeAlias = Literal["ok", "limited", "failed"]
"""`limited`: the API answers, and refuses for now because of a rate limit or lack of capacity; or
it was not asked, as it refused before, or a budget is spent."""

DEFAULT_TIMEOUT: Final = 10.0
"""Seconds for the whole check; the API lists its models in a fraction of one."""

_PREFERRED: Final = ("openai/gpt-oss-20b", "openai/gpt-oss-120b")
"""Cheap ones first."""
_MAX_TOKENS: Final = 1


@final
@attrs.frozen(kw_only=True)
class Health:
    """What a health check found.

    Attributes:
        status: `ok`, `limited` or `failed`.
        latency: Seconds that the check took.
        message: For people, one line: what was found, or what is wrong.
        deep: Whether a model was to answer.
        model: The model that answered, None without one.
        error: What the check failed with; its notes say what to do about it.
    """

    status: HealthStatus
    latency: float
    message: str
    deep: bool = False
    model: str | None = None
    error: GroqError | None = attrs.field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return self.status == "ok"


class Checkable(Protocol):
    """What is checked: a client."""

    @property
    def models(self) -> "Models":
        """The models that there are."""

    @property
    def chat(self) -> "Chat":
        """Answers of models."""


class _NoModelError(GroqError):
    """The account has no model that answers conversations."""


async def health_check(
    client: Checkable,
    *,
    deep: bool = False,
    model: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 (the client's own limit, with errors of its own)
) -> Health:
    """Look whether the API can be used now. A failure of it is a result, and is not raised.

    Nothing is repeated: what fails once is what a caller would meet now.

    Args:
        client: Whose API.
        deep: Have a model answer, too, with one token; that costs some.
        model: Which model; None for a small one that the account has.
        timeout: Seconds for the whole check.

    Cancelled, it says nothing.
    """
    await trio.lowlevel.checkpoint()
    started = trio.current_time()

    def health(status: HealthStatus, message: str, error: GroqError | None = None) -> Health:
        latency = trio.current_time() - started
        return Health(
            status=status, latency=latency, message=message, deep=deep, model=model, error=error
        )

    try:
        models = (await client.models.list(timeout=timeout, max_retries=0)).data
        if not deep:
            return health("ok", f"{len(models)} models listed")
        model = model or small_model(models)
        left = max(timeout - (trio.current_time() - started), 0.001)
        await client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "Hi"}],
            max_completion_tokens=_MAX_TOKENS,
            timeout=left,
            max_retries=0,
        )
    except GroqError as error:
        return health("limited" if _is_limit(error) else "failed", str(error), error)
    return health("ok", f"{model} answered")


def _is_limit(error: GroqError) -> bool:
    if isinstance(error, APITimeoutError):
        return error.phase == "rate_limit"
    return isinstance(error, RateLimitError | CapacityExceededError)


def small_model(models: "Sequence[Model]") -> str:
    """A model to ask: one of the small ones, else any that is for text, as far as is known.

    Raises:
        GroqError: There is none.
    """
    from trio_groq.catalog import Catalog  # noqa: PLC0415 (needed here only)

    listed = [model.id for model in models if model.active is not False]
    for name in _PREFERRED:
        if name in listed:
            return name
    known = Catalog()
    for name in listed:
        info = known.get(name)
        if info is None or info.can("text") is not False:
            return name
    raise _NoModelError(
        f"models: expected one that answers conversations, got {len(listed)} others"
    )
