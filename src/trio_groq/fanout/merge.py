"""`client.merge`: many streams as one sequence."""

from types import TracebackType
from typing import Any, Final, Generic, Literal, Protocol, TypeVar, final

import trio

from trio_groq._api.circuit import OnOpen
from trio_groq._attempts import OpenCircuitRule
from trio_groq.errors import InvalidRequestError
from trio_groq.fanout._background import CLOSE_SECONDS, Background
from trio_groq.fanout.outcome import check_choice

__all__ = ["Merge", "MergeableStream"]

T_co = TypeVar("T_co", covariant=True)
X = TypeVar("X")


class MergeableStream(Protocol[T_co]):
    """What can be merged: a `ChatStream`, and any stream like it."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    def __aiter__(self) -> Any: ...  # noqa: ANN401 (itself; its type is that of the stream)

    async def __anext__(self) -> T_co: ...

    async def aclose(self) -> None:
        """Close it."""


@final
class Merge(Generic[X]):
    """Pairs of a stream's number and the next of what it gives. Made by `client.merge`.

    Use it as `async with ... as merged:`, and iterate inside the block. Entering it opens the
    streams that are not open; leaving it closes all of them.

    Each stream waits with one chunk until that is taken, in the order in which they came: nothing
    is read ahead, so that a slow consumer slows the servers down, and none can crowd out the rest.

    Attributes:
        errors: By the number of the stream, why it ended, for those that failed so far.

    Raises, while iterating:
        Exception: With `on_error="raise"`, that of the first stream that failed.
        RuntimeError: It is used outside of its block.
    """

    def __init__(
        self,
        streams: tuple[MergeableStream[Any], ...],
        *,
        on_error: Literal["collect", "raise"] = "collect",
        on_open: OnOpen = "wait",
    ) -> None:
        check_choice("on_error", on_error, Literal["collect", "raise"])
        check_choice("on_open", on_open, OnOpen)
        if len({id(stream) for stream in streams}) < len(streams):
            raise InvalidRequestError("streams: expected each once, got one twice", path="streams")
        self.errors: Final[dict[int, Exception]] = {}
        self._streams: Final = streams
        self._raises: Final = on_error == "raise"
        self._on_open: Final = on_open
        self._failure: Exception | None = None
        self._state: Literal["new", "open", "closed"] = "new"
        self._background: Final = Background()
        # No buffer: what is in it would have been read ahead.
        self._sender, self._receiver = trio.open_memory_channel[tuple[int, X]](0)

    # -- its scope

    async def __aenter__(self) -> "Merge[X]":
        if self._state != "new":
            raise RuntimeError("merge: expected to be entered once, got a second time")
        self._state = "open"
        try:
            await trio.lowlevel.checkpoint()
        except BaseException:
            self._state = "closed"
            with trio.move_on_after(CLOSE_SECONDS, shield=True):  # noqa: ASYNC912 (none may be left)
                for stream in self._streams:  # those that were open would be nobody's
                    await stream.aclose()
            raise
        await self._background.open(self._relay_all)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._state = "closed"
        await self._background.close(exc)  # noqa: ASYNC102 (its tasks are cancelled)

    # -- its tasks

    async def _relay_all(self, nursery: trio.Nursery) -> None:  # noqa: ASYNC910 (its tasks wait)
        with self._sender:
            for index, stream in enumerate(self._streams):
                nursery.start_soon(self._relay, index, stream, self._sender.clone())

    async def _relay(
        self, index: int, stream: MergeableStream[X], sender: trio.MemorySendChannel[tuple[int, X]]
    ) -> None:
        """Hand on what one stream gives, one at a time."""
        with sender, OpenCircuitRule(self._on_open):
            try:
                async with stream:
                    async for chunk in stream:
                        await sender.send((index, chunk))
            except Exception as error:  # noqa: BLE001 (it is the end of this stream)
                self.errors[index] = error
            else:
                return
            await self._report(index, sender)

    async def _report(self, index: int, sender: trio.MemorySendChannel[Any]) -> None:
        """Hand on why a stream ended."""
        if not self._raises:
            await sender.send((index, self.errors[index]))
            return
        await trio.lowlevel.checkpoint()
        if self._failure is None:
            self._failure = self.errors[index]
        self._background.cancel()

    # -- its sequence

    def __aiter__(self) -> "Merge[X]":
        return self

    async def __anext__(self) -> tuple[int, X]:
        if self._state != "open":
            raise RuntimeError(
                f"merge: expected to be iterated inside its block, got it {self._state}"
            )
        try:
            return await self._receiver.receive()
        except trio.EndOfChannel:
            if self._failure is not None:
                raise self._failure from None
            raise StopAsyncIteration from None

    def __repr__(self) -> str:
        waiting = self._receiver.statistics().tasks_waiting_send
        open_ = self._receiver.statistics().open_send_channels
        return (
            f"<Merge {self._state}: {open_} of {len(self._streams)} streams go on, "
            f"{waiting} wait for their turn>"
        )
