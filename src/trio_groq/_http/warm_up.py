"""Connections opened before they are needed: DNS, TCP and TLS done, only the request to send."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

__all__ = ["open_at_once"]

C = TypeVar("C")


async def open_at_once(
    acquire: Callable[[], Awaitable[C]], release: Callable[[C], None], count: int
) -> None:
    """Lease connections until there are `count` of them at once, then give all of them back.

    Args:
        acquire: Leases one, an open one if it can.
        release: Gives one back.
        count: How many; 0 or more, and no more than may be leased and idle at once, or they would
            wait for each other.

    Raises the first error of `acquire`, as it is and in no exception group; what was opened by
    then stays open. Cancelled, likewise.
    """
    leased: list[C] = []
    failures: list[Exception] = []

    async def lease() -> None:  # noqa: ASYNC910 (it may fail at once)
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
    except BaseExceptionGroup:  # of cancellations: everything else is in `failures`
        await trio.lowlevel.checkpoint_if_cancelled()
        raise
    finally:
        for connection in leased:
            release(connection)
    if failures:
        raise failures.pop(0)
