"""The little of an event loop that workloads need, over Trio, asyncio and uvloop alike."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar

import trio

__all__ = ["LOOPS", "Group", "Loop"]

T = TypeVar("T")


class Group(Protocol):
    """Tasks that end before their scope does."""

    def start_soon(self, function: Callable[..., Awaitable[object]], *args: object) -> object:
        """Start `function(*args)` as a task."""
        ...

    def cancel(self) -> None:
        """Cancel every task."""
        ...


class Loop(Protocol):
    """An event loop."""

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """Run `main()` in a fresh loop."""
        ...

    def group(self) -> contextlib.AbstractAsyncContextManager[Group]:
        """A scope for tasks."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let others run for so long."""
        ...


class _TrioGroup:
    def __init__(self, nursery: trio.Nursery) -> None:
        self.start_soon = nursery.start_soon
        self.cancel = nursery.cancel_scope.cancel


class TrioLoop:
    """Trio."""

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """See `Loop`."""
        return trio.run(main)

    @contextlib.asynccontextmanager
    async def group(self) -> AsyncIterator[Group]:
        """See `Loop`."""
        async with trio.open_nursery() as nursery:
            yield _TrioGroup(nursery)

    async def sleep(self, seconds: float) -> None:
        """See `Loop`."""
        await trio.sleep(seconds)


class _AsyncioGroup:
    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._group = tasks
        self._tasks: list[asyncio.Task[object]] = []

    def start_soon(self, function: Callable[..., Any], *args: object) -> None:
        self._tasks.append(self._group.create_task(function(*args)))

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()


class AsyncioLoop:
    """asyncio, on its own loop."""

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """See `Loop`."""

        async def call() -> T:
            return await main()

        return asyncio.run(call())

    @contextlib.asynccontextmanager
    async def group(self) -> AsyncIterator[Group]:
        """See `Loop`."""
        async with asyncio.TaskGroup() as tasks:
            yield _AsyncioGroup(tasks)

    async def sleep(self, seconds: float) -> None:
        """See `Loop`."""
        await asyncio.sleep(seconds)


class UvloopLoop(AsyncioLoop):
    """asyncio, on uvloop."""

    def run(self, main: Callable[[], Awaitable[T]]) -> T:
        """See `Loop`."""
        import uvloop  # noqa: PLC0415 (only its own peers need it)

        async def call() -> T:
            return await main()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(call())


LOOPS: dict[str, Loop] = {"trio": TrioLoop(), "asyncio": AsyncioLoop(), "uvloop": UvloopLoop()}
