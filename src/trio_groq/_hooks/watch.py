"""`Hooks`, the observers of a client, and `CallWatch`, what one call tells its story to."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from types import TracebackType
from typing import ClassVar, Final, Self, final

import msgspec
import trio

from trio_groq._api.rate_limits import wait_after
from trio_groq._api.requests import EVENT_STREAM, JSON, Call, encode_headers
from trio_groq._cancellation import is_cancellation
from trio_groq._hooks.events import (
    AttemptFailed,
    AttemptStarted,
    CallCancelled,
    CallFailed,
    CallFinished,
    CallStarted,
    CircuitChanged,
    Event,
    FirstToken,
    RateLimited,
    ResponseHead,
    Usage,
    Waited,
    WaitReason,
)
from trio_groq._hooks.observer import Observer, Propagator
from trio_groq._http.messages import Origin
from trio_groq.errors import GroqError, RateLimitError
from trio_groq.types.meta import ResponseMeta

__all__ = ["OTHER", "CallWatch", "FailureWatch", "Hooks", "is_cancellation", "operation_of"]

_LOGGER: Final = logging.getLogger("trio_groq")
_BASE: Final = "/openai/v1/"
_OPERATIONS: Final = (
    "audio/speech",
    "audio/transcriptions",
    "audio/translations",
    "batches",
    "chat/completions",
    "embeddings",
    "files",
    "fine_tunings",
    "models",
    "reranking",
    "responses",
)
OTHER: Final = "other"
"""The operation of a path that is none of the resources': paths of calls may hold anything, and
what names metrics must not."""


def operation_of(path: str) -> str:
    """The resource that a path belongs to, without ids: `chat.completions`, `models`."""
    rest = path.removeprefix(_BASE) + "/"
    for name in _OPERATIONS:
        if rest.startswith(f"{name}/"):
            return name.replace("/", ".")
    return OTHER


@final
class Hooks:
    """The observers of a client. Only made where there are any.

    Args:
        observers: In the order in which they are told.
        only_failures: Asked when a call begins: whether nobody wants to hear of more than failed
            attempts and calls. None for no.

    Attributes:
        failures: How many exceptions each kind of observer raised, by the name of its class.
    """

    __slots__ = ("_observers", "_only_failures", "_propagators", "failures")

    _numbers = count(1)

    def __init__(
        self, observers: Iterable[Observer], *, only_failures: Callable[[], bool] | None = None
    ) -> None:
        self._observers = tuple(observers)
        self._only_failures = only_failures
        self._propagators = tuple(each for each in self._observers if isinstance(each, Propagator))
        self.failures: Counter[str] = Counter()

    def tell(self, event: Event) -> None:
        """Tell every observer; none that raises keeps another from being told."""
        for observer in self._observers:
            try:
                observer.on_event(event)
            except Exception as exc:  # noqa: BLE001 (whatever it is, no call may break of it)
                self._note(observer, exc)

    def start(self, call: Call, origin: Origin) -> tuple["CallWatch", Call]:
        """A call begins.

        Args:
            call: The call.
            origin: Where it goes.

        Returns:
            What it tells its story to, and the call with the header fields that observers add.
        """
        if self._only_failures is not None and self._only_failures():
            return FailureWatch(self, call, origin), call
        is_json = call.content_type == JSON and isinstance(call.body, bytes)
        started = CallStarted(
            number=self.next_number(),
            operation=operation_of(call.path),
            method=call.method,
            path=call.path,
            model=call.model,
            stream=call.accept == EVENT_STREAM,
            server_address=origin.host,
            server_port=origin.port,
            at=trio.current_time(),
            content=call.body if is_json and isinstance(call.body, bytes) else b"",
        )
        self.tell(started)
        for propagator in self._propagators:
            try:
                added = propagator.headers_for(started)
                encode_headers(added)  # what is wrong with them is the observer's fault
            except Exception as exc:  # noqa: BLE001 (see `tell`)
                self._note(propagator, exc)
            else:
                call = msgspec.structs.replace(call, headers=_with_fields(call.headers, added))
        return CallWatch(self, started), call

    def next_number(self) -> int:
        """The number of a call that is observed."""
        return next(self._numbers)

    def circuit_changed(self, origin: object, before: str, after: str, open_for: float) -> None:
        """A circuit went from one state to another; one that opened stays so for `open_for`."""
        self.tell(
            CircuitChanged(
                origin=str(origin),
                before=before,
                after=after,
                open_for=open_for if after == "open" else None,
            )
        )

    def _note(self, observer: object, exc: Exception) -> None:
        name = type(observer).__qualname__
        self.failures[name] += 1
        if self.failures[name] == 1:
            _LOGGER.error("observer %s raised; further ones are only counted", name, exc_info=exc)


class CallWatch:
    """What one call tells its story to. Whatever comes after its end is not told.

    As a context manager it tells of the error that leaves the block: the call failed, or was
    cancelled.

    Attributes:
        call: The record of its start.
        is_over: Whether its end was told.
        is_stream: A stream tells of its own end; the end of its response's body says nothing.
        only_failures: What comes to a good end is not told, and need not be put together.
    """

    __slots__ = (
        "_attempts",
        "_chunks",
        "_first_at",
        "_first_token",
        "_hooks",
        "_last_at",
        "_ready_at",
        "call",
        "is_over",
        "is_stream",
    )
    only_failures: ClassVar[bool] = False

    def __init__(self, hooks: Hooks, call: CallStarted) -> None:
        self._hooks = hooks
        self._attempts = self._chunks = 0
        self._first_at = self._last_at = 0.0
        self._ready_at = call.at
        self._first_token: float | None = None
        self.call: CallStarted = call
        self.is_over: bool = False
        self.is_stream: bool = False

    # -- its attempts

    def waited(self, reason: WaitReason, seconds: float) -> None:
        """An attempt had to wait."""
        self._hooks.tell(Waited(call=self.call, reason=reason, seconds=seconds))

    def attempt_started(self) -> None:
        """An attempt is sent now."""
        self._attempts += 1
        waited = trio.current_time() - self._ready_at
        self._hooks.tell(AttemptStarted(call=self.call, number=self._attempts, waited=waited))

    def head_came(self, status: int, headers: Mapping[str, str]) -> None:
        """A response's head is here."""
        self._hooks.tell(ResponseHead(call=self.call, status=status, headers=headers))

    def attempt_failed(self, error: GroqError, wait: float | None) -> None:
        """An attempt ended with an error.

        Args:
            error: The error.
            wait: Seconds until the next one; None if there is none.
        """
        now = self._ready_at = trio.current_time()
        call = self.call
        self._hooks.tell(AttemptFailed(call=call, number=self._attempts, error=error, wait=wait))
        if isinstance(error, RateLimitError):
            until = now + wait_after(error)
            self._hooks.tell(
                RateLimited(call=call, model=call.model, until=until, limit=error.limit)
            )

    # -- its chunks

    def chunks_came(self, number: int) -> None:
        """A receive brought so many events of a stream. The first are told, the rest counted."""
        now = self._last_at = trio.current_time()
        if not self._chunks:
            self._first_at = now
        self._chunks += number

    def first_token_came(self) -> None:
        """The first token of a stream is here."""
        seconds = self._first_token = self._seconds()
        self._hooks.tell(FirstToken(call=self.call, seconds=seconds))

    # -- its end

    def finished(self, value: object, meta: ResponseMeta, *, complete: bool = True) -> None:
        """The call ended well.

        Args:
            value: What it returns; for a stream, what it amounts to.
            meta: How the response came.
            complete: Whether all of it was read.
        """
        if self.is_over:
            return
        self.is_over = True
        if self.only_failures:
            return
        choices = getattr(value, "choices", None)
        reasons = (
            [_text(each, "finish_reason") for each in choices] if type(choices) is list else []
        )
        self._hooks.tell(
            CallFinished(
                call=self.call,
                meta=meta,
                seconds=self._seconds(),
                complete=complete,
                usage=_usage(getattr(value, "usage", None)),
                finish_reasons=tuple(reason for reason in reasons if reason),
                response_id=_text(value, "id"),
                response_model=_text(value, "model"),
                first_token=self._first_token,
                chunks=self._chunks,
                chunk_seconds=self._last_at - self._first_at,
                value=value,
            )
        )

    def failed(self, error: BaseException) -> None:
        """The call ended with an error, or was cancelled."""
        if self.is_over:
            return
        self.is_over = True
        call, seconds, attempts = self.call, self._seconds(), self._attempts
        if is_cancellation(error):
            self._hooks.tell(CallCancelled(call=call, seconds=seconds, attempts=attempts))
        else:
            self._hooks.tell(CallFailed(call=call, error=error, seconds=seconds, attempts=attempts))

    def ended(self, meta: ResponseMeta, *, complete: bool) -> None:
        """The body of a response was read, or closed before its end; for what is no stream."""
        if not self.is_stream:
            self.finished(None, meta, complete=complete)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is not None:
            self.failed(exc)

    def _seconds(self) -> float:
        return trio.current_time() - self.call.at


@final
class FailureWatch(CallWatch):
    """What a call tells its failures to, and nothing else.

    Most applications log warnings and errors alone. A call that ends well makes no record then,
    and a chunk of a stream costs nothing.

    Args:
        hooks: Whom to tell.
        call: The call.
        origin: Where it goes.
    """

    __slots__ = ("_at", "_method", "_model", "_origin", "_path", "_stream")
    only_failures: ClassVar[bool] = True

    def __init__(self, hooks: Hooks, call: Call, origin: Origin) -> None:
        self._hooks = hooks
        # Not the call itself: its body may be large, and an open stream has no use for it.
        self._method, self._path, self._model = call.method, call.path, call.model
        self._stream = call.accept == EVENT_STREAM
        self._origin = origin
        self._at = self._ready_at = trio.current_time()
        self._attempts = 0
        self.is_over = False
        self.is_stream = False

    def attempt_started(self) -> None:
        """An attempt is sent now."""
        self._attempts += 1

    def attempt_failed(self, error: GroqError, wait: float | None) -> None:
        """An attempt ended with an error."""
        self._begin()
        super().attempt_failed(error, wait)

    def failed(self, error: BaseException) -> None:
        """The call ended with an error; that it was cancelled is not told."""
        if is_cancellation(error):
            self.is_over = True
        elif not self.is_over:
            self._begin()
            super().failed(error)

    def waited(self, reason: WaitReason, seconds: float) -> None:
        """Not told."""

    def head_came(self, status: int, headers: Mapping[str, str]) -> None:
        """Not told."""

    def chunks_came(self, number: int) -> None:
        """Not told."""

    def first_token_came(self) -> None:
        """Not told."""

    def _begin(self) -> None:
        """Make the record of the call's start, which all others refer to."""
        if not hasattr(self, "call"):
            self.call = CallStarted(
                number=self._hooks.next_number(),
                operation=operation_of(self._path),
                method=self._method,
                path=self._path,
                model=self._model,
                stream=self._stream,
                server_address=self._origin.host,
                server_port=self._origin.port,
                at=self._at,
            )


def _with_fields(
    given: Mapping[str, str | None], added: Mapping[str, str]
) -> dict[str, str | None]:
    """The caller's fields, and those of `added` that they do not name."""
    names = {name.lower() for name in given}
    return {**{name: added[name] for name in added if name.lower() not in names}, **given}


# A caller may have a response decoded into a type of their own, whose fields may be anything.


def _text(record: object, name: str) -> str | None:
    value = getattr(record, name, None)
    return value if isinstance(value, str) and value else None


def _number(record: object, *names: str) -> int | None:
    """The first of these fields that holds a whole number."""
    values = (getattr(record, name, None) for name in names)
    return next((value for value in values if type(value) is int), None)


def _usage(usage: object) -> Usage | None:
    """What a response states of its cost, under the names of whichever resource it is of."""
    read = _number(usage, "prompt_tokens", "input_tokens")
    if read is None:
        return None
    names = ("prompt", "input", "completion", "output")
    details = [getattr(usage, f"{name}_tokens_details", None) for name in names]
    queue_time = getattr(usage, "queue_time", None)
    return Usage(
        input_tokens=read,
        output_tokens=_number(usage, "completion_tokens", "output_tokens") or 0,
        cached_tokens=_told(details, "cached_tokens"),
        reasoning_tokens=_told(details, "reasoning_tokens"),
        queue_time=queue_time if isinstance(queue_time, float) else None,
    )


def _told(records: Iterable[object], name: str) -> int | None:
    """What the first of these records says that says anything."""
    values = (_number(record, name) for record in records)
    return next((value for value in values if value is not None), None)
