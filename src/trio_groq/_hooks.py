"""What a call tells while it is made: frozen records, and the protocol of who hears them.

A call tells `CallStarted` first and one of `CallFinished`, `CallFailed` and `CallCancelled` last;
between them, in order, what became of its attempts. Nothing is told for each chunk of a stream:
its first one is told, and how many they were at its end. Where nobody observes, no record is made:
a client without observers has no `Hooks`, and a call of it no `CallWatch`.

Observers are told at once, in the task of the call, and so they must not block. One that raises
breaks nothing: its first exception is logged, all of them are counted.
"""

import logging
from collections import Counter
from collections.abc import Mapping
from itertools import count
from types import TracebackType
from typing import Final, Literal, Protocol, TypeAlias, final, runtime_checkable

import attrs
import trio

from trio_groq._api.rate_limits import wait_after
from trio_groq._api.requests import JSON, Call, encode_headers
from trio_groq._http.messages import Origin
from trio_groq.errors import GroqError, RateLimitError
from trio_groq.types.meta import ResponseMeta

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "CallCancelled",
    "CallFailed",
    "CallFinished",
    "CallStarted",
    "CallWatch",
    "CircuitChanged",
    "ClientStarted",
    "Event",
    "FirstToken",
    "Hooks",
    "Observer",
    "Propagator",
    "RateLimited",
    "ResponseHead",
    "Usage",
    "Waited",
]

WaitReason: TypeAlias = Literal["retry", "gates"]
"""What an attempt waited for: the retry policy; or a circuit, a rate limit or a budget."""

_LOGGER: Final = logging.getLogger("trio_groq")
_BASE: Final = "/openai/v1/"
_OPERATIONS: Final = (
    *("audio/speech", "audio/transcriptions", "audio/translations", "batches"),
    *("chat/completions", "embeddings", "files", "fine_tunings", "models", "reranking"),
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


@attrs.frozen(kw_only=True, eq=False)
class CallStarted:
    """A call begins. All its later records have this one as `call`; equal is only the same call.

    Attributes:
        number: Which of all observed calls of this process, from 1.
        operation: The resource, without ids: `chat.completions`, `models`; `other` for a path
            that is no resource's.
        method: HTTP method, upper case.
        path: Absolute path, without a query.
        model: Whom it asks; empty for a call that is to no model.
        stream: Whether it asks for an event stream.
        server_address: Host of the API.
        server_port: Its port.
        at: Moment on Trio's clock, in seconds.
        content: The JSON that is sent; empty for other content, and for none. It may be anything
            that people write: neither log nor export it unasked.
    """

    number: int
    operation: str
    method: str
    path: str
    model: str
    stream: bool
    server_address: str
    server_port: int
    at: float
    content: bytes = attrs.field(default=b"", repr=False)


@attrs.frozen(kw_only=True, eq=False)
class AttemptStarted:
    """The gates let an attempt pass: it is sent now.

    Attributes:
        call: Which call.
        number: Which attempt, from 1.
        waited: Seconds since the call began, or since the attempt before failed.
    """

    call: CallStarted
    number: int
    waited: float


@attrs.frozen(kw_only=True, eq=False)
class AttemptFailed:
    """An attempt ended with an error.

    Attributes:
        call: Which call.
        number: Which attempt, from 1.
        error: The error.
        wait: Seconds until the next attempt; None if there is none.
    """

    call: CallStarted
    number: int
    error: GroqError
    wait: float | None


@attrs.frozen(kw_only=True, eq=False)
class Waited:
    """A call had to wait before an attempt.

    Attributes:
        call: Which call.
        reason: For what.
        seconds: For how long.
    """

    call: CallStarted
    reason: WaitReason
    seconds: float


@attrs.frozen(kw_only=True, eq=False)
class RateLimited:
    """The server refused an attempt, as a rate limit was reached.

    Attributes:
        call: Which call.
        model: For whom; empty for a call that is to no model.
        until: Moment on Trio's clock, in seconds, that the server names; a second later than now
            if it names none.
        limit: Which limit, in the server's words: `requests`, `tokens`; None if unsaid.
    """

    call: CallStarted
    model: str
    until: float
    limit: str | None


@attrs.frozen(kw_only=True, eq=False)
class ResponseHead:
    """A response's head is here, of an error too.

    Attributes:
        call: Which call.
        status: HTTP status.
        headers: Header fields; names are case-insensitive.
    """

    call: CallStarted
    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)

    @property
    def request_id(self) -> str | None:
        """The server's name for the attempt."""
        return self.headers.get("x-request-id")


@attrs.frozen(kw_only=True, eq=False)
class FirstToken:
    """A stream's first token is here.

    Attributes:
        call: Which call.
        seconds: Since the call began.
    """

    call: CallStarted
    seconds: float


@attrs.frozen(kw_only=True)
class Usage:
    """What a call cost, in tokens.

    Attributes:
        input_tokens: Read, cached ones among them.
        output_tokens: Written, reasoning among them.
        cached_tokens: Of the input, from a cache; None if unsaid.
        reasoning_tokens: Of the output, for reasoning; None if unsaid.
        queue_time: Seconds that the request waited at the server; None if unsaid.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    queue_time: float | None = None


@attrs.frozen(kw_only=True, eq=False)
class CallFinished:
    """A call ended well; a stream at its end, or closed by its reader before that.

    Attributes:
        call: Which call.
        meta: Status, headers, attempts and timings.
        seconds: The whole call: all attempts and waits, and for a stream its reading.
        complete: Whether all was read; False for a stream that was closed before its end.
        usage: What it cost, as far as that is known.
        finish_reasons: Why each answer ends.
        response_id: The answer's id.
        response_model: Who answered.
        chunks: Events of a stream that were received; 0 for what is none.
        chunk_seconds: From the first of them to the last.
        value: What the call returned, or what a stream amounts to; None for a body that was read
            as bytes.
    """

    call: CallStarted
    meta: ResponseMeta
    seconds: float
    complete: bool = True
    usage: Usage | None = None
    finish_reasons: tuple[str, ...] = ()
    response_id: str | None = None
    response_model: str | None = None
    chunks: int = 0
    chunk_seconds: float = 0.0
    value: object = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True, eq=False)
class CallFailed:
    """A call ended with an error.

    Attributes:
        call: Which call.
        error: The error; of another kind than `GroqError` only if something unforeseen happened.
        seconds: The whole call.
        attempts: How often it was sent.
    """

    call: CallStarted
    error: BaseException
    seconds: float
    attempts: int


@attrs.frozen(kw_only=True, eq=False)
class CallCancelled:
    """A call was cancelled by its caller.

    Attributes:
        call: Which call.
        seconds: The whole call.
        attempts: How often it was sent.
    """

    call: CallStarted
    seconds: float
    attempts: int


@attrs.frozen(kw_only=True, eq=False)
class CircuitChanged:
    """A circuit went from one state to another: `closed`, `open` or `half-open`.

    Attributes:
        origin: Whose circuit, as `https://host`.
        before: The state until now.
        after: The state from now on.
    """

    origin: str
    before: str
    after: str


@attrs.frozen(kw_only=True, eq=False)
class ClientStarted:
    """A client was made.

    Attributes:
        base_url: Where its API is.
        settings: How it is set up, for people; secrets do not show.
    """

    base_url: str
    settings: str = attrs.field(repr=False)


Event: TypeAlias = (
    CallStarted
    | AttemptStarted
    | AttemptFailed
    | Waited
    | RateLimited
    | ResponseHead
    | FirstToken
    | CallFinished
    | CallFailed
    | CallCancelled
    | CircuitChanged
    | ClientStarted
)


class Observer(Protocol):
    """What is told of calls."""

    def on_event(self, event: Event, /) -> None:
        """Something happened. Called in the task of the call: quick, and without waiting."""


@runtime_checkable
class Propagator(Protocol):
    """What has calls bring header fields with them, such as `traceparent`."""

    def headers_for(self, call: CallStarted, /) -> Mapping[str, str]:
        """Header fields for a call that begins; those of the caller win over them."""


@final
class Hooks:
    """The observers of a client. Only made where there are any.

    Args:
        observers: In the order in which they are told.

    Attributes:
        failures: How many exceptions each kind of observer raised, by the name of its class.
    """

    __slots__ = ("_observers", "_propagators", "failures")

    _numbers = count(1)

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self._observers = observers
        self._propagators = tuple(each for each in observers if isinstance(each, Propagator))
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
        started = CallStarted(
            number=next(self._numbers),
            operation=operation_of(call.path),
            method=call.method,
            path=call.path,
            model=call.model,
            stream=call.accept == "text/event-stream",
            server_address=origin.host,
            server_port=origin.port,
            at=trio.current_time(),
            content=call.body if isinstance(call.body, bytes) and call.content_type == JSON else b"",
        )
        self.tell(started)
        for propagator in self._propagators:
            try:
                added = propagator.headers_for(started)
                encode_headers(added)
                call = attrs.evolve(call, headers={**added, **call.headers})
            except Exception as exc:  # noqa: BLE001 (see `tell`)
                self._note(propagator, exc)
        return CallWatch(self, started), call

    def circuit_changed(self, origin: object, before: str, after: str) -> None:
        """A circuit went from one state to another."""
        self.tell(CircuitChanged(origin=str(origin), before=before, after=after))

    def _note(self, observer: object, exc: Exception) -> None:
        name = type(observer).__qualname__
        self.failures[name] += 1
        if self.failures[name] == 1:
            _LOGGER.error("observer %s raised; further ones are only counted", name, exc_info=exc)


@final
class CallWatch:
    """What one call tells its story to. Whatever comes after its end is not told.

    As a context manager it tells of the error that leaves the block: the call failed, or was
    cancelled.

    Attributes:
        call: The record of its start.
        is_stream: A stream tells of its own end; the end of its response's body says nothing.
    """

    __slots__ = ("_attempts", "_chunks", "_first_at", "_hooks", "_last_at", "_over", "call")
    __slots__ += ("is_stream",)

    def __init__(self, hooks: Hooks, call: CallStarted) -> None:
        self._hooks = hooks
        self._attempts = self._chunks = 0
        self._first_at = self._last_at = 0.0
        self._over = False
        self.call: Final = call
        self.is_stream = False
