"""What a test scripts: one reply to one request. Frozen, so that one may be enqueued many times."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

import attrs
import msgspec

from trio_groq.errors import RateLimits
from trio_groq.testing.faults import Fault

__all__ = ["HeaderPairs", "Reply", "ToolCall"]

HeaderPairs: TypeAlias = Iterable[tuple[str, str]]
"""Names and values; a name that the server would send too is replaced."""

Framing: TypeAlias = Literal["chunked", "close", "content-length"]
UsageIn: TypeAlias = Literal["both", "none", "top", "x_groq"]


@attrs.frozen
class ToolCall:
    """One call of a function by the model.

    Attributes:
        name: The function.
        arguments: Its arguments: text is sent as it is, anything else as JSON.
        id: The call's id; None lets the server make one.
    """

    name: str
    arguments: str | Mapping[str, Any] = "{}"
    id: str | None = None

    @property
    def arguments_json(self) -> str:
        """The arguments as the API sends them: JSON in a string."""
        if isinstance(self.arguments, str):
            return self.arguments
        return msgspec.json.encode(self.arguments).decode()


def _texts(value: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)


def _calls(value: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    return tuple(value)


def _pairs(value: HeaderPairs) -> tuple[tuple[str, str], ...]:
    return tuple(value)


def _at_least(least: float) -> Any:  # noqa: ANN401 (attrs validators are untyped callables)
    def check(_reply: object, field: "attrs.Attribute[Any]", value: float | None) -> None:
        if value is not None and not value >= least:
            raise ValueError(f"Reply.{field.name}: expected at least {least}, got {value!r}")

    return check


def _one_of(choices: Any) -> Any:  # noqa: ANN401 (attrs validators are untyped callables)
    names = get_args(choices)

    def check(_reply: object, field: "attrs.Attribute[Any]", value: str | None) -> None:
        if value is not None and value not in names:
            expected = ", ".join(map(repr, names))
            raise ValueError(f"Reply.{field.name}: expected one of {expected}, got {value!r}")

    return check


@attrs.frozen(kw_only=True)
class Reply:
    """One scripted reply.

    Made with `Reply(content=...)` it is a chat completion: plain or streamed, as the request
    asks, and only for a request that the API would accept; any other is refused and leaves the
    reply in the queue. Made with `Reply.error`, `Reply.json` or `Reply.raw` it is sent as it is,
    whatever was asked, unchecked. `attrs.evolve(reply, fault=...)` varies one.

    First what the model says, then how a stream is made, then the pace in seconds, then how it is
    sent.

    Attributes:
        content: The text; None is null, as beside tool calls.
        tokens: The text as it is streamed, a delta each; None splits `content` into words.
        reasoning: The thoughts before the text, None for none; streamed in words.
        tool_calls: Calls of functions, each streamed whole.
        finish_reason: None for `tool_calls` if there are any, else `stop`.
        usage: The `usage` object as it is sent; None counts tokens and times.
        model: None for the request's.
        finish: Whether the chunk with finish reason and usage is sent.
        done: Whether `data: [DONE]` is sent.
        usage_in: Where that last chunk has its usage: at the top level, in `x_groq`, both or none.
        error_event: The `error` object of an `event: error`, which ends the stream without `finish`
            and `done`. A plain request gets it as a response with the status of its `status_code`,
            else 400.
        error_after: Tokens before `error_event`; None for all.
        events_per_chunk: Events in one chunk of the chunked coding; `[DONE]` counts as one.
        events_per_write: Events in one write; None for one when paced, else up to 64 KB of them.
        head_delay: From the request's end to the response's head.
        first_token_delay: From there to the first token; for a plain reply to the whole body.
        token_interval: Between one token and the next.
        tokens_per_second: The same as a rate; give one of the two.
        status: HTTP status.
        headers: More headers, or others.
        rate_limits: Sent as `x-ratelimit-*`, durations in Go's format.
        framing: None for chunked streams and other bodies with their length. HTTP/1.0 gets `close`.
        compress: Whether the body is sent with gzip, each event flushed.
        fault: What goes wrong.
        close_after: Close after the complete response, without having announced it.
        hold_idle_data: Sent on its own after the complete response: bytes that nobody asked for.
        body: A body to send as it is, with `content_type`; made by `Reply.json` and `Reply.error`.
        wire: A whole response to send as it is; made by `Reply.raw`.
    """

    content: str | None = None
    tokens: Sequence[str] | None = attrs.field(default=None, converter=_texts)
    reasoning: str | None = None
    tool_calls: Sequence[ToolCall] = attrs.field(default=(), converter=_calls)
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    model: str | None = None

    finish: bool = True
    done: bool = True
    usage_in: UsageIn = attrs.field(default="both", validator=_one_of(UsageIn))
    error_event: Mapping[str, Any] | None = None
    error_after: int | None = attrs.field(default=None, validator=_at_least(0))
    events_per_chunk: int = attrs.field(default=1, validator=_at_least(1))
    events_per_write: int | None = attrs.field(default=None, validator=_at_least(1))

    head_delay: float = attrs.field(default=0.0, validator=_at_least(0))
    first_token_delay: float = attrs.field(default=0.0, validator=_at_least(0))
    token_interval: float = attrs.field(default=0.0, validator=_at_least(0))
    tokens_per_second: float | None = attrs.field(default=None, validator=_at_least(0.001))

    status: int = attrs.field(default=200, validator=_at_least(200))
    headers: Sequence[tuple[str, str]] = attrs.field(default=(), converter=_pairs)
    rate_limits: RateLimits | None = None
    framing: Framing | None = attrs.field(default=None, validator=_one_of(Framing))
    compress: bool = False
    fault: Fault | None = None
    close_after: bool = False
    hold_idle_data: bytes = b""
    body: bytes | None = None
    content_type: str = "application/json"
    wire: bytes | None = None

    def __attrs_post_init__(self) -> None:
        if self.tokens_per_second is not None and self.token_interval:
            raise ValueError(
                "Reply: expected token_interval or tokens_per_second, got both: "
                f"{self.token_interval!r} and {self.tokens_per_second!r}"
            )

    @classmethod
    def json(
        cls,
        obj: object,
        *,
        status: int = 200,
        headers: HeaderPairs = (),
        rate_limits: RateLimits | None = None,
        fault: Fault | None = None,
    ) -> "Reply":
        """`obj` as JSON."""
        return cls(
            body=msgspec.json.encode(obj),
            status=status,
            headers=headers,
            rate_limits=rate_limits,
            fault=fault,
        )

    @classmethod
    def error(
        cls,
        status: int,
        message: str,
        *,
        type: str | None = None,  # noqa: A002 (the API's name)
        code: str | int | None = None,
        param: str | None = None,
        failed_generation: str | None = None,
        retry_after: float | str | None = None,
        headers: HeaderPairs = (),
        rate_limits: RateLimits | None = None,
        fault: Fault | None = None,
    ) -> "Reply":
        """The API's error body.

        Args:
            status: HTTP status.
            message: `error.message`.
            type: `error.type`; None for `invalid_request_error` below 500, else
                `internal_server_error`.
            code: `error.code`; None leaves it out, as with the next two.
            param: `error.param`.
            failed_generation: `error.failed_generation`.
            retry_after: The `retry-after` header: seconds, or text such as a date.
            headers: More headers.
            rate_limits: The `x-ratelimit-*` headers.
            fault: What goes wrong.
        """
        error: dict[str, object] = {
            "message": message,
            "type": type or ("invalid_request_error" if status < 500 else "internal_server_error"),  # noqa: PLR2004 (HTTP's classes)
        }
        optional = {"param": param, "code": code, "failed_generation": failed_generation}
        error |= {name: value for name, value in optional.items() if value is not None}
        wait = () if retry_after is None else (("retry-after", _plain(retry_after)),)
        return cls.json(
            {"error": error},
            status=status,
            headers=(*wait, *headers),
            rate_limits=rate_limits,
            fault=fault,
        )

    @classmethod
    def raw(cls, data: bytes, *, close: bool = False, fault: Fault | None = None) -> "Reply":
        """`data` is the whole response, head and all; `close` closes the connection after it."""
        return cls(wire=data, close_after=close, fault=fault)

    @property
    def is_chat(self) -> bool:
        """Whether this is a chat completion, and not something to send as it is."""
        return self.body is None and self.wire is None

    @property
    def interval(self) -> float:
        """Seconds between two tokens, however they were stated."""
        rate = self.tokens_per_second
        return self.token_interval if rate is None else 1.0 / rate


def _plain(seconds: float | str) -> str:
    """`7` and `7.0` as `7`: the API sends whole seconds."""
    if isinstance(seconds, float) and seconds.is_integer():
        return str(int(seconds))
    return str(seconds)
