"""What a call tells while it is made: frozen records."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import attrs

from trio_groq.errors import GroqError
from trio_groq.types.meta import ResponseMeta

__all__ = [
    "AttemptFailed",
    "AttemptStarted",
    "CallCancelled",
    "CallFailed",
    "CallFinished",
    "CallStarted",
    "CircuitChanged",
    "ClientStarted",
    "Event",
    "FirstToken",
    "RateLimited",
    "ResponseHead",
    "Usage",
    "WaitReason",
    "Waited",
]

WaitReason: TypeAlias = Literal["retry", "gates"]
"""What an attempt waited for: the retry policy; or a circuit, a rate limit or a budget."""


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
        first_token: Seconds from the call's begin to a stream's first token; None without one.
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
    first_token: float | None = None
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
        open_for: For one that opens, seconds from now after which it is half-open to the next call
            that asks; else None.
    """

    origin: str
    before: str
    after: str
    open_for: float | None = None


@attrs.frozen(kw_only=True, eq=False)
class ClientStarted:
    """A client was made.

    Attributes:
        base_url: Where its API is.
        settings: How it is set up, for people; secrets do not show.
        circuit: Origin of its circuit, which is closed, as in `CircuitChanged`; None where it has
            none.
    """

    base_url: str
    settings: str = attrs.field(repr=False)
    circuit: str | None = None


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
