"""What becomes of one request among many."""

from typing import Generic, TypeVar, cast, final, get_args

import attrs

from trio_groq._call import RequestOptions
from trio_groq.errors import InvalidRequestError
from trio_groq.types.chat_params import ChatCompletionCreateParams
from trio_groq.types.meta import ResponseMeta

__all__ = ["ChatRequest", "Outcome", "check_choice"]

R = TypeVar("R")
T = TypeVar("T")


class ChatRequest(ChatCompletionCreateParams, RequestOptions, total=False):
    """One request: the parameters of a completion, and the options of its call.

    A plain `dict` will do as well; this is for those who want it checked while they write it.
    """


@final
@attrs.frozen(kw_only=True, eq=False)
class Outcome(Generic[R, T]):
    """A request and what came of it.

    Attributes:
        index: Its number among the requests, from 0.
        request: The request, as it was given.
        value: The answer; None if it failed.
        error: Why it failed; None if it succeeded.
    """

    index: int
    request: R
    value: T | None = None
    error: Exception | None = None

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.error is None

    @property
    def meta(self) -> ResponseMeta | None:
        """How the answer came; None for a failure, and for values that do not know it."""
        meta = getattr(self.value, "meta", None)
        return meta if isinstance(meta, ResponseMeta) else None

    def unwrap(self) -> T:
        """The answer.

        Raises:
            Exception: The request failed with this error.
        """
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


def check_choice(name: str, value: object, choices: object) -> None:
    """Refuse what is none of the choices of a `Literal`."""
    allowed = get_args(choices)
    if value not in allowed:
        raise InvalidRequestError(
            f"{name}: expected one of {', '.join(map(repr, allowed))}, got {value!r}",
            path=name,
            value=value,
        )
