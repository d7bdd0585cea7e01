"""The methods of a client for many calls at once; each loads what it needs at its first use."""

# ruff: noqa: PLC0415 (imports inside functions are what this file is for)

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from trio_groq._call import Caller

if TYPE_CHECKING:
    from trio_groq._api.circuit import OnOpen
    from trio_groq._stream import ChatStream
    from trio_groq.fanout._first_token import AnyStream
    from trio_groq.fanout.attempts import Attempts, Failing
    from trio_groq.fanout.hedge import After, HedgeBudget
    from trio_groq.fanout.map import Map, MaxInFlight, OnError, Order
    from trio_groq.fanout.merge import Merge, MergeableStream
    from trio_groq.types.chat import ChatCompletion

__all__ = ["FanOut"]

R = TypeVar("R", bound=Mapping[str, object])
S = TypeVar("S", bound="AnyStream")
T = TypeVar("T")


class FanOut:
    """Many calls at once: many requests, many streams, many attempts."""

    _caller: Caller

    @overload
    def map(
        self,
        requests: Iterable[Callable[[], Awaitable[T]]] | AsyncIterable[Callable[[], Awaitable[T]]],
        *,
        max_in_flight: "MaxInFlight",
        order: "Order" = ...,
        on_error: "OnError" = ...,
        on_open: "OnOpen" = ...,
    ) -> "Map[Callable[[], Awaitable[T]], T]": ...
    @overload
    def map(
        self,
        requests: Iterable[R] | AsyncIterable[R],
        *,
        max_in_flight: "MaxInFlight",
        order: "Order" = ...,
        stream: Literal[False] = ...,
        on_error: "OnError" = ...,
        on_open: "OnOpen" = ...,
    ) -> "Map[R, ChatCompletion]": ...
    @overload
    def map(
        self,
        requests: Iterable[R] | AsyncIterable[R],
        *,
        max_in_flight: "MaxInFlight",
        order: "Order" = ...,
        stream: Literal[True],
        on_error: "OnError" = ...,
        on_open: "OnOpen" = ...,
    ) -> "Map[R, ChatStream]": ...
    def map(
        self,
        requests: Iterable[Any] | AsyncIterable[Any],
        *,
        max_in_flight: "MaxInFlight",
        order: "Order" = "completion",
        stream: bool = False,
        on_error: "OnError" = "collect",
        on_open: "OnOpen" = "wait",
    ) -> "Map[Any, Any]":
        """Make any number of calls, so many of them at a time.

        Args:
            requests: Parameters of chat completions, with the options of a call if there are any
                (see `ChatRequest`), or functions without arguments that make calls of any other
                kind; from an iterable of either kind. Each is asked for when it can be started.
            max_in_flight: Calls in flight at the most, 1 or more; as many outcomes wait to be
                taken. `adaptive`, or an `Adaptive` with bounds, finds the number by itself.
            order: Of the outcomes: as they come (`completion`), or that of the requests (`input`),
                where a slow one holds back those behind it.
            stream: Give streams, each at its first token, instead of whole completions. A stream
                stays in flight until it is closed or read to its end.
            on_error: What a call that fails leads to. `collect`: an outcome with its error.
                `raise`: the error is raised where the outcomes are taken, and the rest cancelled.
                `group`: no more are started, and the errors of those under way are raised together.
            on_open: What a call does that meets an open circuit, whatever the client's policy says:
                `wait` for its turn, as long as its own limits allow, or `fail`. It holds for what
                functions among the requests call, too.

        Returns:
            For `async with`, an async iterator of `Outcome`. Leaving the block cancels what is in
            flight.

        Raises:
            InvalidRequestError: An argument is not valid. What is wrong with a request is its
                outcome.
        """
        from trio_groq.fanout.map import Map

        return Map(
            self._caller,
            requests,
            max_in_flight=max_in_flight,
            order=order,
            stream=stream,
            on_error=on_error,
            on_open=on_open,
        )

    @overload
    def merge(
        self,
        *streams: "MergeableStream[T]",
        on_error: Literal["collect"] = ...,
        on_open: "OnOpen" = ...,
    ) -> "Merge[T | Exception]": ...
    @overload
    def merge(
        self,
        *streams: "MergeableStream[T]",
        on_error: Literal["raise"],
        on_open: "OnOpen" = ...,
    ) -> "Merge[T]": ...
    def merge(
        self,
        *streams: "MergeableStream[Any]",
        on_error: Literal["collect", "raise"] = "collect",
        on_open: "OnOpen" = "wait",
    ) -> "Merge[Any]":
        """Read many streams as one sequence.

        Nothing is read ahead, and each stream gets its turn: a slow consumer slows all servers.

        Args:
            streams: Streams, open or not. They are closed at the end of the block.
            on_error: What a stream that fails leads to. `collect`: its error comes in the place of
                a chunk, and the others go on. `raise`: the error is raised, and ends the others.
            on_open: As for `map`: what a stream does that is opened here and meets an open circuit.

        Returns:
            For `async with`, an async iterator of pairs: number of the stream, and its next chunk.

        Raises:
            InvalidRequestError: An argument is not valid.
        """
        from trio_groq.fanout.merge import Merge

        return Merge(streams, on_error=on_error, on_open=on_open)

    @overload
    def hedge(
        self,
        make: Callable[[], Awaitable[T]],
        *,
        after: "After",
        attempts: int = ...,
        budget: "HedgeBudget | None" = ...,
        on_error: "Failing" = ...,
    ) -> "Attempts[T]": ...
    @overload
    def hedge(
        self,
        make: Callable[[], S],
        *,
        after: "After",
        attempts: int = ...,
        budget: "HedgeBudget | None" = ...,
        on_error: "Failing" = ...,
    ) -> "Attempts[S]": ...
    def hedge(
        self,
        make: Callable[[], Any],
        *,
        after: "After",
        attempts: int = 2,
        budget: "HedgeBudget | None" = None,
        on_error: "Failing" = "raise",
    ) -> "Attempts[Any]":
        """Start a second attempt where the first token is late, and keep the first to have one.

        An attempt that fails before the next one is started is not repeated: that is what
        `max_retries` is for. An open circuit is such a failure, unless the client's policy waits
        for it: who hedges wants no answer in half a minute.

        Args:
            make: Makes an attempt: a stream, or something to await.
            after: Seconds without a first token (of a whole answer: without the answer) after which
                one more attempt is started, 0 or more; or a function that is asked for them, such
                as a percentile of what is usual. If that gives None, there is no further attempt.
            attempts: At most so many, 1 or more.
            budget: How many further attempts are allowed; by default a tenth of all calls that
                this client and its views hedge.
            on_error: If all attempts fail: `raise` the last error, with the others as notes, or
                all of them as a `group`.

        Returns:
            To be awaited, or for `async with`, which closes the answer at its end.

        Raises:
            InvalidRequestError: An argument is not valid.
        """
        from trio_groq.fanout.hedge import hedge

        return hedge(
            self._caller, make, after=after, attempts=attempts, budget=budget, on_error=on_error
        )

    @overload
    def race(
        self, calls: Iterable[Callable[[], Awaitable[T]]], *, on_error: "Failing" = ...
    ) -> "Attempts[T]": ...
    @overload
    def race(
        self, calls: Iterable[Callable[[], S]], *, on_error: "Failing" = ...
    ) -> "Attempts[S]": ...
    def race(
        self, calls: Iterable[Callable[[], Any]], *, on_error: "Failing" = "raise"
    ) -> "Attempts[Any]":
        """Make several calls at once, and keep the first that succeeds.

        One that meets an open circuit has lost, unless the client's policy waits for it.

        Args:
            calls: Make the attempts, one each: streams, or something to await.
            on_error: As for `hedge`.

        Returns:
            As `hedge` does; `winner` is the number of the call that was kept.

        Raises:
            InvalidRequestError: An argument is not valid.
        """
        from trio_groq.fanout.race import race

        return race(calls, on_error=on_error)

    @overload
    def fallback(
        self,
        models: Iterable[str],
        params: Mapping[str, object],
        *,
        on: type[Exception] | tuple[type[Exception], ...] | None = ...,
        stream: Literal[False] = ...,
        on_error: "Failing" = ...,
    ) -> "Attempts[ChatCompletion]": ...
    @overload
    def fallback(
        self,
        models: Iterable[str],
        params: Mapping[str, object],
        *,
        on: type[Exception] | tuple[type[Exception], ...] | None = ...,
        stream: Literal[True],
        on_error: "Failing" = ...,
    ) -> "Attempts[ChatStream]": ...
    def fallback(
        self,
        models: Iterable[str],
        params: Mapping[str, object],
        *,
        on: type[Exception] | tuple[type[Exception], ...] | None = None,
        stream: bool = False,
        on_error: "Failing" = "raise",
    ) -> "Attempts[Any]":
        """Ask one model after the other until one answers.

        All but the last are asked once (unless `params` has `max_retries`), and not at all while
        their rate limit or an open circuit would have the call wait, whatever the client's policy
        says. The last is asked as any call asks.

        Args:
            models: Names of models, the best first.
            params: The other parameters of the completion, and options of the call.
            on: Errors for which the next model is asked; by default `FALLBACK_ERRORS`: refusals,
                failures of the server or of the way to it, and models that do not exist. Any other
                is raised at once.
            stream: Give a stream. The next model is asked only before the first token.
            on_error: As for `hedge`.

        Returns:
            As `hedge` does; `model` is the one that answered.

        Raises:
            InvalidRequestError: An argument is not valid.
        """
        from trio_groq.fanout.race import FALLBACK_ERRORS, fallback

        return fallback(
            self._caller,
            models,
            params,
            on=FALLBACK_ERRORS if on is None else on,
            stream=stream,
            on_error=on_error,
        )
