"""Tasks beside a block of the caller's.

The nursery that holds them is opened when the block is entered, and closed when it is left. The
block itself is part of that nursery, so its own cancel scope stays untouched: whoever cancelled it
would cancel the caller. The tasks live in a second one, which may be cancelled at any time.
"""

from collections.abc import Awaitable, Callable
from typing import Final, final

import trio

__all__ = ["CLOSE_SECONDS", "Background", "raised_alone"]

CLOSE_SECONDS: Final = 5.0
"""Patience with what is closed on the way out. A stream closes at once; what a function of the
caller's made may have more to say."""


def raised_alone(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a nursery is about, without its groups.

    Cancellations count only if there is nothing else. Of several errors that are none, the group
    remains.
    """
    _, errors = group.split(trio.Cancelled)
    found: BaseException = group if errors is None else errors
    while isinstance(found, BaseExceptionGroup) and (errors is None or len(found.exceptions) == 1):
        found = found.exceptions[0]
    return found


@final
class Background:
    """See the top of this file."""

    __slots__ = ("_manager", "_scope")

    def __init__(self) -> None:
        self._manager: Final = trio.open_nursery(strict_exception_groups=True)
        self._scope: Final = trio.CancelScope()

    async def open(self, work: Callable[[trio.Nursery], Awaitable[None]]) -> None:  # noqa: ASYNC910 (its callers are checkpoints)
        """Start `work` beside the caller. It gets a nursery for its tasks."""
        nursery = await self._manager.__aenter__()
        nursery.start_soon(self._run, work)

    async def _run(self, work: Callable[[trio.Nursery], Awaitable[None]]) -> None:  # noqa: ASYNC910 (the work is one)
        with self._scope:
            async with trio.open_nursery(strict_exception_groups=True) as nursery:
                await work(nursery)

    def cancel(self) -> None:
        """End the tasks; the caller's block goes on."""
        self._scope.cancel()

    async def close(self, exc: BaseException | None) -> None:  # noqa: ASYNC910 (closing a nursery is one)
        """End the tasks, and wait until they have.

        Args:
            exc: What ends the block, None if nothing does. It wins over a cancellation here.

        Raises:
            BaseException: A task broke, or this was cancelled; not in a group.
        """
        self.cancel()
        alone: BaseException | None = None
        try:
            # The nursery is not told of `exc`: it would wrap it in a group.
            await self._manager.__aexit__(None, None, None)
        except BaseExceptionGroup as group:
            alone = raised_alone(group)
        if alone is not None and (exc is None or not isinstance(alone, trio.Cancelled)):
            raise alone
