"""How the commands run under Trio: errors become lines, Ctrl-C becomes a cancellation."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import trio

from trio_groq.cli._output import Failure, UsageFailure
from trio_groq.errors import ConfigurationError, GroqError, InvalidRequestError

__all__ = ["failure_of", "interruptible", "run"]

T = TypeVar("T")


def failure_of(error: GroqError) -> Failure:
    """An error of the client as what ends a command."""
    is_usage = isinstance(error, ConfigurationError | InvalidRequestError)
    kind = UsageFailure if is_usage else Failure
    return kind(str(error), getattr(error, "__notes__", ()))


def _first_of(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def run(main: Callable[[], Awaitable[T]]) -> T:
    """Run `main` under Trio.

    Raises:
        Failure: The client raised an error.
        BaseException: Any other error, the first one if several tasks failed.
    """
    try:
        return trio.run(main)
    except GroqError as error:
        raise failure_of(error) from error
    except BaseExceptionGroup as group:
        first = _first_of(group)
        raise failure_of(first) if isinstance(first, GroqError) else first from group


@asynccontextmanager
async def interruptible(*signals: signal.Signals) -> AsyncIterator[trio.CancelScope]:
    """Ctrl-C cancels the block, not the program; `cancelled_caught` of the scope tells.

    A `KeyboardInterrupt` may strike between any two instructions, and what it leaves behind is
    anybody's guess. A cancellation comes at an await, where the client is made for it.

    Args:
        signals: What cancels, by default SIGINT. Works in the main thread only.
    """
    scope = trio.CancelScope()
    failure: Exception | None = None
    with trio.open_signal_receiver(*(signals or (signal.SIGINT,))) as received:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_at, received, scope)
            try:
                with scope:
                    yield scope
            except Exception as error:  # noqa: BLE001 (raised again below, not in a group)
                failure = error
            nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _cancel_at(received: AsyncIterator[int], scope: trio.CancelScope) -> None:
    # Takes every signal: one that nobody took would be raised again at the end.
    async for _ in received:
        scope.cancel()
