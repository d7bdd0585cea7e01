"""Waiting for the first token of a stream, which stays in the stream."""

# ruff: noqa: SLF001 (a look at what a stream holds, without taking it, is no business of its users)

from collections.abc import Awaitable
from typing import Any, Final, TypeAlias

import trio

from trio_groq._event_stream import EventStream
from trio_groq._parsed import ParsedChatStream
from trio_groq.errors import InvalidRequestError
from trio_groq.fanout._background import CLOSE_SECONDS

__all__ = ["AnyStream", "let_go", "obtain", "opened"]

AnyStream: TypeAlias = EventStream[Any, Any] | ParsedChatStream[Any]

_STREAMS: Final = (EventStream, ParsedChatStream)
MAX_EARLY: Final = 64
"""Events before the first token. Two or three are usual; a server that sends more than this has
begun to answer, whatever it sends."""


async def opened(stream: AnyStream) -> None:
    """Open a stream and wait for its first token. A stream that fails before that is closed.

    Raises:
        APIError: It failed. A stream that ends without a token has not.
    """
    await stream.__aenter__()  # closes what it cannot open
    try:
        await _first_token(stream._stream if isinstance(stream, ParsedChatStream) else stream)
    except BaseException:
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await stream.aclose()
        raise


async def _first_token(stream: EventStream[Any, Any]) -> None:  # noqa: ASYNC910 (what has come is there without a wait)
    is_token = stream._is_token
    ready = stream._ready  # the next one last
    early: list[Any] = []
    while not any(map(is_token, ready)):
        # A stream receives when it holds nothing. What it held is put back, before the rest.
        early = [*ready, *early]
        ready.clear()
        if len(early) > MAX_EARLY:
            break
        try:
            await stream._refill()
        except StopAsyncIteration:
            break
    ready += early


async def obtain(made: object) -> Any:  # noqa: ANN401 (whatever the caller's function makes)
    """The result of an attempt: what is awaited; of a stream the same, at its first token.

    Args:
        made: An awaitable, or a stream, open or not.

    Raises:
        InvalidRequestError: It is neither.
    """
    if isinstance(made, Awaitable):
        made = await made
    elif not isinstance(made, _STREAMS):
        raise InvalidRequestError(
            f"make: expected an awaitable or a stream, got {type(made).__name__}",
            path="make",
            value=made,
        )
    if isinstance(made, _STREAMS):
        await opened(made)
    return made  # noqa: ASYNC910 (one of the two above has happened)


async def let_go(value: object) -> None:
    """Close what nobody is going to use, if it is something that can be closed.

    To be called in a scope that is shielded and has a deadline.
    """
    await trio.lowlevel.cancel_shielded_checkpoint()
    if hasattr(value, "aclose"):
        await value.aclose()
