"""Whether a call asks for what its model cannot do: a warning, or an error when strict."""

from typing import TYPE_CHECKING

from trio_groq._api.model_checks import Misuse, find_other_kind
from trio_groq._api.model_knowledge import not_meant, retirement_of
from trio_groq._call import Caller
from trio_groq._callers import warn
from trio_groq.errors import InvalidRequestError, ModelWarning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trio_groq.catalog import Capability, ModelInfo

__all__ = ["check_ability", "check_model"]


def check_model(caller: Caller, name: str, find: "Callable[[ModelInfo], Iterable[Misuse]]") -> None:
    """Check what a call asks of its model. A model that nobody knows is never found at fault.

    That a model is retired, or not among those of the configuration, is said once for each client.

    Args:
        caller: Says how strict to be, and what is known.
        name: The model.
        find: What is asked of it in vain.

    Raises:
        InvalidRequestError: When strict, the model cannot do what is asked, or is retired.
    """
    knowledge = caller.knowledge
    if knowledge.meant and name not in knowledge.meant and knowledge.is_news("not meant", name):
        warn(not_meant(name, knowledge.meant), ModelWarning)
    model = knowledge.catalog.get(name)
    if model is None:
        return
    for misuse in find(model):
        if caller.strict:
            raise InvalidRequestError(str(misuse), path=misuse.path, value=misuse.value)
        warn(str(misuse), ModelWarning)
    if model.retirement is not None and (caller.strict or knowledge.is_news("retired", name)):
        why = retirement_of(name, knowledge.catalog)
        text = f"model: expected one that stays, got {name!r}: {why}"
        if caller.strict:
            raise InvalidRequestError(text, path="model", value=name)
        warn(text, ModelWarning)


def check_ability(caller: Caller, name: object, ability: "Capability") -> None:
    """The same for a call that asks for one thing alone.

    Args:
        caller: See `check_model`.
        name: The model; what is no text is not looked at.
        ability: What is asked of it.

    Raises:
        InvalidRequestError: See `check_model`.
    """
    if isinstance(name, str):
        check_model(caller, name, lambda model: find_other_kind(model, ability))
