"""Many requests: where they come from, and how one of them becomes a call."""

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar, cast, final

import msgspec
import trio

from trio_groq._call import Caller
from trio_groq._http.connection import Connection
from trio_groq._http.deadlines import Deadlines
from trio_groq._http.messages import Request, ResponseHead
from trio_groq._http.pool import ConnectionPool
from trio_groq._stream import ChatStream
from trio_groq.errors import InvalidRequestError
from trio_groq.fanout._first_token import opened
from trio_groq.resources.chat import ChatCompletions

__all__ = ["Lease", "Source", "chat_call", "open_chat"]

R = TypeVar("R")


@final
class Source(Generic[R]):
    """One request after another, from an iterable of either kind."""

    __slots__ = ("_pull",)

    def __init__(self, requests: Iterable[R] | AsyncIterable[R]) -> None:
        self._pull: Callable[[], Awaitable[R]]
        if isinstance(requests, AsyncIterable):
            self._pull = aiter(requests).__anext__
        elif isinstance(requests, Iterable) and not isinstance(requests, Mapping | str | bytes):
            iterator = iter(requests)

            async def pull() -> R:
                await trio.lowlevel.checkpoint()  # however fast they come, others get a turn
                try:
                    return next(iterator)
                except StopIteration:
                    raise StopAsyncIteration from None

            self._pull = pull
        else:
            raise InvalidRequestError(
                "requests: expected an iterable or async iterable of requests, got "
                f"{type(requests).__name__}",
                path="requests",
                value=requests,
            )

    def next(self) -> Awaitable[R]:
        """Pull the next one.

        Raises:
            StopAsyncIteration: That was all.
        """
        return self._pull()


@final
class Lease:
    """A pool as one call sees it, which tells when the call holds no connection any more.

    Attributes:
        on_free: Called then; None while that is of no interest.
    """

    __slots__ = ("_held", "_pool", "on_free")

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool: Final = pool
        self._held = 0
        self.on_free: Callable[[], None] | None = None

    @property
    def is_held(self) -> bool:
        """Whether the call holds a connection."""
        return self._held > 0

    async def send(self, request: Request, deadlines: Deadlines) -> tuple[Connection, ResponseHead]:
        """See `ConnectionPool.send`."""
        sent = await self._pool.send(request, deadlines)
        self._held += 1
        return sent

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a pool has)
        return getattr(self._pool, name)

    def release(self, connection: Connection) -> None:
        """See `ConnectionPool.release`."""
        self._pool.release(connection)
        self._held -= 1
        if self._held == 0 and self.on_free is not None:
            self.on_free()


def _checked(request: object) -> dict[str, Any]:
    """The parameters of a request; whether it is streamed is said once for all."""
    if not isinstance(request, Mapping):
        raise InvalidRequestError(
            "request: expected a mapping of parameters or a function, got "
            f"{type(request).__name__}",
            value=request,
        )
    if "stream" in request:
        raise InvalidRequestError(
            "stream: expected to be told for all requests at once, got it in one of them",
            path="stream",
            value=request["stream"],
        )
    return {**request}


def chat_call(caller: Caller, request: object) -> Awaitable[Any]:
    """The call that a request stands for: a whole completion, or what a function makes."""
    if callable(request):
        return cast("Awaitable[Any]", request())
    return ChatCompletions(caller).create(**_checked(request))


async def open_chat(caller: Caller, request: object) -> tuple[ChatStream, Lease]:
    """Open the stream of a request and wait for its first token.

    Returns:
        The stream, and what tells when it is closed.
    """
    lease = Lease(caller.pool)
    leasing = msgspec.structs.replace(caller, pool=cast("ConnectionPool", lease))
    completions = ChatCompletions(leasing)
    stream: ChatStream = completions.stream(**_checked(request))
    await opened(stream)
    return stream, lease
