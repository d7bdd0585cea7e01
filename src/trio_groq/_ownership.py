"""What becomes of a connection whose holder is dropped half-read, and who is told of it."""

import warnings

import trio

from trio_groq._open_response import OpenResponse

__all__ = ["let_go"]


def _drop(response: OpenResponse) -> None:
    response.begun(GeneratorExit())  # nobody knows how it would have
    response.finish()


def let_go(
    holder: object,
    response: OpenResponse,
    token: trio.lowlevel.TrioToken | None,
    made_at: str,
) -> None:
    """Close the connection of a holder that is being collected, and warn. For `__del__`.

    A finalizer may run in the middle of anything, in any thread: the pool is told later, from the
    run itself. If that is over, nobody else has an interest, and only the socket is left.

    Args:
        holder: The object, for its name and for tracemalloc.
        response: What it holds; nothing happens if that is closed already.
        token: The run that it belongs to, None if it was never opened.
        made_at: From `caller_line`.
    """
    if not response.open:
        return
    if response.watch is not None:
        response.watch.is_stream = False  # which can no longer tell of its end itself
    try:
        if token is not None:
            token.run_sync_soon(_drop, response)
    except trio.RunFinishedError:
        response.abandon()
    warnings.warn(
        f"{type(holder).__name__} made at {made_at} was dropped half-read; its connection is "
        "closed. Use `async with`.",
        ResourceWarning,
        stacklevel=3,
        source=holder,
    )
