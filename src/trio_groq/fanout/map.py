"""`client.map`: any number of requests, so many of them in flight."""

from collections.abc import AsyncIterable, Iterable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Generic, Literal, TypeAlias, TypeVar, cast, final
from weakref import WeakValueDictionary

import trio

from trio_groq._api.adaptive import Adaptive, AdaptiveLimit, is_refusal
from trio_groq._api.circuit import OnOpen
from trio_groq._attempts import OpenCircuitRule
from trio_groq._call import Caller
from trio_groq.errors import InvalidRequestError
from trio_groq.fanout._background import CLOSE_SECONDS, Background
from trio_groq.fanout._first_token import let_go
from trio_groq.fanout._requests import Source, chat_call, open_chat
from trio_groq.fanout._window import Window
from trio_groq.fanout.outcome import Outcome, check_choice

if TYPE_CHECKING:
    from trio_groq._stream import ChatStream

__all__ = ["Map", "MaxInFlight", "OnError", "Order"]

R = TypeVar("R")
T = TypeVar("T")

MaxInFlight: TypeAlias = int | Literal["adaptive"] | Adaptive
Order: TypeAlias = Literal["completion", "input"]
OnError: TypeAlias = Literal["collect", "raise", "group"]


def _limit_of(max_in_flight: object) -> int | AdaptiveLimit:
    if max_in_flight == "adaptive":
        return AdaptiveLimit(Adaptive())
    if isinstance(max_in_flight, Adaptive):
        return AdaptiveLimit(max_in_flight)
    if isinstance(max_in_flight, bool) or not isinstance(max_in_flight, int) or max_in_flight < 1:
        raise InvalidRequestError(
            "max_in_flight: expected an integer >= 1, 'adaptive' or an Adaptive, got "
            f"{max_in_flight!r}",
            path="max_in_flight",
            value=max_in_flight,
        )
    return max_in_flight


@final
class Map(Generic[R, T]):
    """Calls for many requests, their outcomes one after the other. Made by `client.map`.

    Use it as `async with ... as outcomes:`, and iterate inside the block; several tasks may share
    the iteration. One task pulls the requests, each when it can be started; a task of its own makes
    each call. Both end with the block, and then nothing that was opened here is open any more.

    Raises, while iterating:
        Exception: With `on_error="raise"` that of the first call that failed; and what the requests
            themselves raise when they are asked for the next one. Outcomes that were there already
            are handed out before.
        ExceptionGroup: With `on_error="group"`, at the end.
        RuntimeError: It is used outside of its block.
    """

    def __init__(
        self,
        caller: Caller,
        requests: Iterable[R] | AsyncIterable[R],
        *,
        max_in_flight: MaxInFlight,
        order: Order = "completion",
        stream: bool = False,
        on_error: OnError = "collect",
        on_open: OnOpen = "wait",
    ) -> None:
        check_choice("order", order, Order)
        check_choice("on_error", on_error, OnError)
        check_choice("on_open", on_open, OnOpen)
        self._caller: Final = caller
        self._stream: Final = stream
        self._on_error: Final = on_error
        self._on_open: Final = on_open
        self._limit: Final = _limit_of(max_in_flight)
        self._source: Final = Source(requests)
        self._window: Final[Window[Outcome[R, T]]] = Window(
            lambda: self.max_in_flight, in_order=order == "input"
        )
        self._streams: Final[WeakValueDictionary[int, ChatStream]] = WeakValueDictionary()
        self._background: Final = Background()
        self._room: Final = trio.lowlevel.ParkingLot()
        self._news: Final = trio.lowlevel.ParkingLot()
        self._state: Literal["new", "open", "closed"] = "new"
        self._pulling = True
        self._failure: Exception | None = None
        self._errors: Final[list[Exception]] = []

    @property
    def max_in_flight(self) -> int:
        """Calls that may be in flight now."""
        return self._limit if isinstance(self._limit, int) else self._limit.limit

    @property
    def in_flight(self) -> int:
        """Calls in flight; streams count until they are closed."""
        return self._window.places

    # -- its scope

    async def __aenter__(self) -> "Map[R, T]":
        if self._state != "new":
            raise RuntimeError("map: expected to be entered once, got a second time")
        await trio.lowlevel.checkpoint()
        self._state = "open"
        await self._background.open(self._feed)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._state = "closed"
        self._news.unpark_all()
        try:
            await self._background.close(exc)  # noqa: ASYNC102 (its tasks are cancelled)
        finally:
            left = [outcome.value for outcome in self._window.clear()]
            with trio.move_on_after(CLOSE_SECONDS, shield=True):  # noqa: ASYNC912 (none may be left)
                for value in (*left, *self._streams.values()):
                    await let_go(value)

    # -- its tasks

    async def _feed(self, nursery: trio.Nursery) -> None:  # noqa: ASYNC910 (as lazy as the requests)
        """Pull requests and start their calls, for as long as there is room."""
        window = self._window
        try:
            while self._pulling:
                if not window.may_start:
                    await self._room.park()
                    continue
                request = await self._source.next()
                if self._pulling:
                    nursery.start_soon(self._run, window.start(), request)
        except StopAsyncIteration:
            pass
        except Exception as error:  # noqa: BLE001 (raised where the outcomes are taken)
            self._fail(error)
        self._pulling = False
        self._news.unpark_all()

    async def _run(self, index: int, request: R) -> None:
        """Make one call."""
        limit = self._limit
        era = 0 if isinstance(limit, int) else limit.started(self._window.places)
        started_at = trio.current_time()
        with OpenCircuitRule(self._on_open):
            value, error = await self._attempt(index, request)
        outcome = Outcome(index=index, request=request, value=value, error=error)
        if not isinstance(limit, int):
            self._adapt(limit, outcome, era, trio.current_time() - started_at)
        self._window.finish(index, outcome)
        if error is not None and self._on_error == "raise":
            self._fail(error)
        elif error is not None and self._on_error == "group":
            self._pulling = False
        if index not in self._streams:
            self._free()
        self._news.unpark_all()

    async def _attempt(self, index: int, request: R) -> tuple[T | None, Exception | None]:
        # A function of its own: its frame is part of the error's traceback, and must not hold it.
        try:
            if callable(request) or not self._stream:
                return await chat_call(self._caller, request), None
            stream, lease = await open_chat(self._caller, request)
        except Exception as error:  # noqa: BLE001 (it is the outcome of this request)
            return None, error  # noqa: ASYNC910 (the end of its task)
        if lease.is_held:
            self._streams[index] = stream
            lease.on_free = partial(self._stream_closed, index)
        return cast("T", stream), None

    def _adapt(
        self, limit: AdaptiveLimit, outcome: Outcome[R, T], era: int, seconds: float
    ) -> None:
        """Tell the limit how a call went. What had to be repeated was refused as well."""
        meta = outcome.meta
        if outcome.error is not None:
            if is_refusal(outcome.error):
                limit.refused(era)
        elif meta is not None and meta.attempts > 1:
            limit.refused(era)
        else:
            limit.answered(era, seconds)

    def _stream_closed(self, index: int) -> None:
        self._streams.pop(index, None)
        self._free()

    def _free(self) -> None:
        self._window.free()
        self._room.unpark_all()

    def _fail(self, error: Exception) -> None:
        """End all that is under way; the error is raised where the outcomes are taken."""
        if self._failure is None:
            self._failure = error
        self._pulling = False
        self._background.cancel()

    # -- its outcomes

    def __aiter__(self) -> "Map[R, T]":
        return self

    async def __anext__(self) -> Outcome[R, T]:
        await trio.lowlevel.checkpoint_if_cancelled()
        while self._state == "open":
            outcome = self._take()
            if outcome is not None:
                return outcome
            if self._failure is not None:
                raise self._failure
            if not self._pulling and not self._window.pending:
                await trio.lowlevel.checkpoint()
                self._raise_group()
                raise StopAsyncIteration
            await self._news.park()
        raise RuntimeError(f"map: expected to be iterated inside its block, got it {self._state}")

    def _take(self) -> Outcome[R, T] | None:
        """The next outcome that is to be handed out."""
        while (outcome := self._window.take()) is not None:
            self._room.unpark_all()
            if outcome.error is None or self._on_error == "collect":
                return outcome
            if self._on_error == "group":
                self._errors.append(outcome.error)
        return None

    def _raise_group(self) -> None:
        if self._errors:
            errors = self._errors.copy()
            raise ExceptionGroup(f"map: {len(errors)} of {self._window.started} failed", errors)

    def __repr__(self) -> str:
        window = self._window
        return (
            f"<Map {self._state}: {window.started} started, {window.places} of "
            f"{self.max_in_flight} in flight, {window.untaken} not taken>"
        )
