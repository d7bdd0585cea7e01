"""Connections opened before they are needed: DNS, TCP and TLS done, only the request to send."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from trio_groq._cancellation import raise_plainly

__all__ = ["open_at_once"]

C = TypeVar("C")


async def open_at_once(
    acquire: Callable[[], Awaitable[C]],
    release: Callable[[C], None],
    count: int,
    would_wait: Callable[[], bool],
) -> None:
    """Lease connections until there are `count` of them at once, then give all of them back.

    There are fewer if others hold what is left: none is waited for, as those that are held here
    are given back only at the end.

    Args:
        acquire: Leases one, an open one if it can.
        release: Gives one back.
        count: How many; 0 or more.
        would_wait: Whether `acquire` would now wait for another one to be given back.

    Raises the first error of `acquire`, as it is and in no exception group; what was opened by
    then stays open. Cancelled, likewise.
    """
    leased: list[C] = []
    failures: list[Exception] = []

    async def lease() -> None:  # noqa: ASYNC910 (it may fail at once)
        if would_wait():
            return  # noqa: ASYNC910 (the nursery waits)
        try:
            leased.append(await acquire())
        except Exception as exc:  # noqa: BLE001 (it is raised below)
            failures.append(exc)
            nursery.cancel_scope.cancel()

    await trio.lowlevel.checkpoint_if_cancelled()
    try:
        async with trio.open_nursery() as nursery:
            for _ in range(count):
                nursery.start_soon(lease)
    except BaseExceptionGroup as group:  # of cancellations: everything else is in `failures`
        await raise_plainly(group)
        raise
    finally:
        for connection in leased:
            release(connection)
    if failures:
        raise failures.pop(0)
