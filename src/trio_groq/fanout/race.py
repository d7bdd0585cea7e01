"""`client.race`: all at once, the first to succeed. `client.fallback`: one after the other."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs
import msgspec
import trio

from trio_groq._call import Caller
from trio_groq.errors import (
    APIConnectionError,
    CapacityExceededError,
    CircuitOpenError,
    GroqError,
    InternalServerError,
    InvalidRequestError,
    ModelNotFoundError,
    RateLimitError,
    StreamError,
)
from trio_groq.fanout._first_token import obtain
from trio_groq.fanout.attempts import Attempts, Failing, Progress, check_failing, side_by_side
from trio_groq.resources.chat import ChatCompletions

__all__ = ["FALLBACK_ERRORS", "fallback", "race"]

FALLBACK_ERRORS: Final[tuple[type[GroqError], ...]] = (
    APIConnectionError,
    CapacityExceededError,
    CircuitOpenError,
    InternalServerError,
    ModelNotFoundError,
    RateLimitError,
    StreamError,
)
"""What another model may not suffer from: refusals, failures of the server or of the way to it, and
that the model is gone. What is wrong with the request, or with the key, is wrong for all models."""


def race(calls: Iterable[Callable[[], object]], *, on_error: Failing = "raise") -> Attempts[Any]:
    """See `FanOut.race`."""
    makes = tuple(calls)
    check_failing(on_error)
    if not makes:
        raise InvalidRequestError("calls: expected at least one, got none", path="calls")
    for number, make in enumerate(makes):
        if not callable(make):
            raise InvalidRequestError(
                f"calls[{number}]: expected a function, got {type(make).__name__}",
                path=f"calls[{number}]",
                value=make,
            )

    async def start(begin: Callable[[], None]) -> None:
        for _ in makes:
            begin()
        await trio.lowlevel.checkpoint()

    async def run(progress: Progress) -> object:
        return await side_by_side(
            progress, lambda number: makes[number](), start, on_error=on_error
        )

    return Attempts(run)


def _checked_models(models: Iterable[str]) -> tuple[str, ...]:
    names = (models,) if isinstance(models, str) else tuple(models)
    if not names or not all(isinstance(name, str) for name in names):
        raise InvalidRequestError(
            f"models: expected one name or more, got {names!r}", path="models", value=models
        )
    return names


def _checked_params(params: object) -> Mapping[str, Any]:
    if not isinstance(params, Mapping):
        raise InvalidRequestError(
            f"params: expected a mapping, got {type(params).__name__}", path="params", value=params
        )
    for name in ("model", "stream"):
        if name in params:
            raise InvalidRequestError(
                f"{name}: expected an argument of its own, got it in params",
                path=name,
                value=params[name],
            )
    return params


def _in_haste(caller: Caller) -> Caller:
    """The same, asking once and waiting for no limit: there is another model to ask."""
    return msgspec.structs.replace(
        caller,
        retry=attrs.evolve(caller.retry, max_retries=0),
        patience=msgspec.structs.replace(caller.patience, waits=False),
    )


def fallback(
    caller: Caller,
    models: Iterable[str],
    params: Mapping[str, object],
    *,
    on: type[Exception] | tuple[type[Exception], ...] = FALLBACK_ERRORS,
    stream: bool = False,
    on_error: Failing = "raise",
) -> Attempts[Any]:
    """See `FanOut.fallback`."""
    names = _checked_models(models)
    checked = _checked_params(params)
    check_failing(on_error)
    patient, hasty = ChatCompletions(caller), ChatCompletions(_in_haste(caller))

    async def attempt(progress: Progress, number: int) -> tuple[bool, Any]:
        completions = patient if number == len(names) - 1 else hasty
        make: Callable[..., object] = completions.stream if stream else completions.create
        try:
            value = await obtain(make(model=names[number], **checked))
        except on as error:
            progress.errors[number] = error
            return False, None  # noqa: ASYNC910 (looked at by its caller)
        progress.winner = number
        return True, value

    async def run(progress: Progress) -> Any:  # noqa: ANN401 (a completion or a stream)
        for number in range(len(names)):
            progress.started += 1
            done, value = await attempt(progress, number)
            if done:
                return value
            await trio.lowlevel.checkpoint_if_cancelled()
        raise progress.failure(on_error)

    return Attempts(run, models=names)
