"""Several attempts at one answer, of which one is kept: what hedge, race and fallback share."""

from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar, cast, final

import attrs
import trio

from trio_groq._attempts import OpenCircuitRule
from trio_groq.errors import InvalidRequestError
from trio_groq.fanout._background import CLOSE_SECONDS, raised_alone
from trio_groq.fanout._first_token import let_go, obtain

__all__ = ["Attempts", "Failing", "Progress", "check_failing", "side_by_side"]

T = TypeVar("T")

Failing: TypeAlias = Literal["raise", "group"]
"""What is raised when all attempts failed: the last error, the others as notes, or all of them."""


def check_failing(on_error: object) -> None:
    """Refuse what is no `Failing`."""
    if on_error not in {"raise", "group"}:
        raise InvalidRequestError(
            f"on_error: expected one of 'raise', 'group', got {on_error!r}",
            path="on_error",
            value=on_error,
        )


@final
@attrs.define
class Progress:
    """How far the attempts have come.

    Attributes:
        started: Attempts started so far.
        winner: Number of the one that is kept, from 0; None while there is none.
        errors: By number, in the order in which they failed.
    """

    started: int = 0
    winner: int | None = None
    errors: dict[int, Exception] = attrs.field(factory=dict)

    def failure(self, on_error: Failing) -> Exception:
        """The error that stands for all of them, of which there is at least one."""
        errors = list(self.errors.values())
        if on_error == "group":
            return ExceptionGroup(f"attempts: all of {len(errors)} failed", errors)
        last = errors[-1]
        for number, error in list(self.errors.items())[:-1]:
            last.add_note(f"attempt {number} failed before: {type(error).__name__}: {error}")
        return last


@final
class Attempts(Generic[T]):
    """Attempts at one answer. Made by `client.hedge`, `client.race` and `client.fallback`.

    Nothing happens until it is used, once: awaited, it gives the answer; with `async with` it does
    the same, and closes the answer at the end of the block if that is something open, such as a
    stream. A stream that was awaited is the caller's to close.

    An attempt has succeeded when its answer is whole, or, of a stream, when its first token is
    here; that token is still in the stream. When one succeeds the others are cancelled, and their
    connections closed, before the answer is handed out. Cancelled, it leaves nothing open.
    """

    __slots__ = ("_models", "_progress", "_run", "_used", "_value")

    def __init__(
        self, run: Callable[[Progress], Awaitable[T]], *, models: tuple[str, ...] = ()
    ) -> None:
        self._run = run
        self._models = models
        self._progress: Final = Progress()
        self._used = False
        self._value: T | None = None

    @property
    def started(self) -> int:
        """Attempts started so far."""
        return self._progress.started

    @property
    def winner(self) -> int | None:
        """Number of the attempt whose answer is kept, from 0; None while there is none."""
        return self._progress.winner

    @property
    def model(self) -> str | None:
        """Of a fallback, the model that answered; None while there is none."""
        winner = self._progress.winner
        return None if winner is None or not self._models else self._models[winner]

    @property
    def errors(self) -> dict[int, Exception]:
        """By number, why attempts failed, in the order in which they did."""
        return dict(self._progress.errors)

    async def _once(self) -> T:
        if self._used:
            raise RuntimeError("attempts: expected to be used once, got a second time")
        self._used = True
        return await self._run(self._progress)

    def __await__(self) -> Generator[Any, Any, T]:
        return self._once().__await__()

    async def __aenter__(self) -> T:
        value = self._value = await self._once()
        return value

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await let_go(self._value)

    def __repr__(self) -> str:
        progress = self._progress
        state = "no winner" if progress.winner is None else f"{progress.winner} won"
        return f"<Attempts {progress.started} started, {len(progress.errors)} failed, {state}>"


async def side_by_side(
    progress: Progress,
    make: Callable[[int], object],
    start: Callable[[Callable[[], None]], Awaitable[None]],
    *,
    on_error: Failing,
) -> Any:  # noqa: ANN401 (whatever the caller's functions make)
    """Run attempts until one succeeds.

    Args:
        progress: Told of each step.
        make: Makes the attempt of a number.
        start: Calls what it is given to start one more attempt; cancelled when all is decided,
            that is when one has succeeded, or all that were started have failed.
        on_error: What is raised then.

    Returns:
        What the first to succeed gave.
    """
    field: _Field[Any] = _Field(progress, make)
    alone: BaseException | None = None
    try:
        async with trio.open_nursery(strict_exception_groups=True) as nursery:
            await start(lambda: field.begin(nursery))
    except BaseExceptionGroup as group:
        alone = raised_alone(group)
    if alone is None and progress.winner is not None:
        return field.value  # noqa: ASYNC910 (the nursery is one)
    with trio.move_on_after(CLOSE_SECONDS, shield=True):
        await let_go(field.value)
    raise progress.failure(on_error) if alone is None else alone


@final
class _Field(Generic[T]):
    """Attempts that run at the same time."""

    __slots__ = ("_make", "_progress", "_running", "value")

    def __init__(self, progress: Progress, make: Callable[[int], object]) -> None:
        self._progress: Final = progress
        self._make: Final = make
        self._running = 0
        self.value: T | None = None

    def begin(self, nursery: trio.Nursery) -> None:
        """Start one more, unless all is decided."""
        if self._progress.winner is None:
            nursery.start_soon(self._attempt, nursery, self._progress.started)
            self._progress.started += 1
            self._running += 1

    async def _attempt(self, nursery: trio.Nursery, number: int) -> None:
        progress = self._progress
        try:
            with OpenCircuitRule(None):  # no matter who makes it: a late answer is of no use
                value = cast("T", await obtain(self._make(number)))
        except Exception as error:  # noqa: BLE001 (it is the end of this attempt)
            progress.errors[number] = error
            self._running -= 1
            if not self._running:
                nursery.cancel_scope.cancel()
            return  # noqa: ASYNC910 (the end of its task)
        if progress.winner is not None:  # another was first, by less than a cancellation takes
            with trio.move_on_after(CLOSE_SECONDS, shield=True):
                await let_go(value)
            return
        progress.winner = number
        self.value = value
        nursery.cancel_scope.cancel()
