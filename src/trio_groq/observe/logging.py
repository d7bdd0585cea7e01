"""Standard `logging` of what calls tell.

Loggers and levels, below `trio_groq`:

    trio_groq.call      ERROR    a call failed
                        WARNING  an attempt failed and is repeated; a circuit that opens
                        INFO     one line for each call that ended well, or was cancelled;
                                 a circuit that closes
                        DEBUG    the steps of a call
                        TRACE    what was sent and what came back, as JSON, shortened
    trio_groq.security  WARNING  a key that was refused, a rate limit that was reached
                        INFO     how a client is set up

No line holds a header field, and content only stands at TRACE; what looks like a secret is hidden
in every line, and control characters are escaped, so that no server can forge one.
"""

import logging
import os
from collections.abc import Mapping
from functools import singledispatchmethod
from typing import Final, TextIO, final

import msgspec
import trio

from trio_groq._hooks import (
    AttemptFailed,
    AttemptStarted,
    CallCancelled,
    CallFailed,
    CallFinished,
    CallStarted,
    CircuitChanged,
    ClientStarted,
    Event,
    FirstToken,
    RateLimited,
    ResponseHead,
    Waited,
)
from trio_groq.errors import (
    APIError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    PermissionDeniedError,
)
from trio_groq.observe.redaction import RedactingFilter, one_line, redact

__all__ = ["TRACE", "LoggingObserver", "level_of", "logs_only_failures", "set_up_logging"]

TRACE: Final = 5
"""A level below DEBUG, for content."""
VARIABLE: Final = "GROQ_LOG"
LEVELS: Final = {
    "trace": TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "off": logging.CRITICAL + 10,
}
MAX_LINE: Final = 4_000
"""Longest message, in characters; an error's own text is shorter, unless a server made it long."""
MAX_PAYLOAD: Final = 20_000
"""Content that a line at TRACE shows, in characters: some pages of a conversation."""
_MARGIN: Final = 4_096
"""So much more is looked at for secrets than is shown: none shows whose end was cut off."""
logging.addLevelName(TRACE, "TRACE")
_CALLS: Final = logging.getLogger("trio_groq.call")
_SECURITY: Final = logging.getLogger("trio_groq.security")
_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def level_of(name: str, *, source: str = VARIABLE) -> int:
    """The level that a name stands for, in any case.

    Raises:
        ConfigurationError: It is none; the message names all.
    """
    level = LEVELS.get(name.strip().lower())
    if level is None:
        raise ConfigurationError(
            f"{source}: expected one of {', '.join(LEVELS)}, got {redact(name)!r}"
        )
    return level


@final
class _OwnHandler(logging.StreamHandler[TextIO]):
    """The handler that `set_up_logging` adds, so that it is known again."""


def set_up_logging(
    level: str | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    stream: TextIO | None = None,
) -> bool:
    """Have the package log to standard error, if that is asked for. Again, it changes the level.

    Args:
        level: How much, as in `GROQ_LOG`; None for what the environment says.
        environ: `GROQ_LOG`: `trace`, `debug`, `info`, `warning`, `error`, `critical`, `off`. Empty
            means not set.
        stream: Where to, instead of standard error.

    Returns:
        Whether it was asked for; if not, nothing was changed.

    Raises:
        ConfigurationError: There is no such level.
    """
    source = VARIABLE if level is None else "level"
    name = environ.get(VARIABLE, "") if level is None else level
    if not name:
        return False
    number = level_of(name, source=source)
    logger = logging.getLogger("trio_groq")
    for old in [each for each in logger.handlers if isinstance(each, _OwnHandler)]:
        logger.removeHandler(old)
    handler = _OwnHandler(stream)
    handler.setFormatter(logging.Formatter(_FORMAT))
    handler.addFilter(RedactingFilter())
    logger.addHandler(handler)
    logger.setLevel(number)
    return True


def logs_only_failures() -> bool:
    """Whether no logger below `trio_groq` lets a line through that is no warning or error."""
    return not (_CALLS.isEnabledFor(logging.INFO) or _SECURITY.isEnabledFor(logging.INFO))


@final
class LoggingObserver:
    """An observer that logs. See the top of this module for what, and where.

    Args:
        logger: Parent of the loggers, instead of `trio_groq`.
    """

    __slots__ = ("_calls", "_security")

    def __init__(self, logger: logging.Logger | None = None) -> None:
        parent = logging.getLogger("trio_groq") if logger is None else logger
        self._calls = parent.getChild("call")
        self._security = parent.getChild("security")

    @singledispatchmethod
    def on_event(self, event: Event, /) -> None:
        """Log what a call tells. An event of a kind that is not known here is passed over."""

    def _log(self, level: int, text: str, *args: object) -> None:
        if self._calls.isEnabledFor(level):
            self._calls.log(level, "%s", _shown(text % args, MAX_LINE))

    def _warn(self, text: str, *args: object) -> None:
        self._security.warning("%s", _shown(text % args, MAX_LINE))

    def _payload(self, call: CallStarted, what: str, content: bytes) -> None:
        if content:
            text = content[: MAX_PAYLOAD + _MARGIN].decode("utf-8", "replace")
            self._calls.log(TRACE, "%s", f"{_name(call)}: {what} {_shown(text, MAX_PAYLOAD)}")

    @on_event.register
    def _client_started(self, event: ClientStarted) -> None:
        if self._security.isEnabledFor(logging.INFO):
            text = f"client for {event.base_url}: {event.settings}"
            self._security.info("%s", _shown(text, MAX_PAYLOAD))

    @on_event.register
    def _started(self, event: CallStarted) -> None:
        self._log(logging.DEBUG, "%s: %s %s", _name(event), event.method, event.path)
        if self._calls.isEnabledFor(TRACE):
            self._payload(event, "sends", event.content)

    @on_event.register
    def _attempt_started(self, event: AttemptStarted) -> None:
        text = "%s: attempt %d, after %.3f s"
        self._log(logging.DEBUG, text, _name(event.call), event.number, event.waited)

    @on_event.register
    def _waited(self, event: Waited) -> None:
        text = "%s: waited %.3f s (%s)"
        self._log(logging.DEBUG, text, _name(event.call), event.seconds, event.reason)

    @on_event.register
    def _head_came(self, event: ResponseHead) -> None:
        text = "%s: status %d, request id %s"
        self._log(logging.DEBUG, text, _name(event.call), event.status, event.request_id)

    @on_event.register
    def _first_token(self, event: FirstToken) -> None:
        self._log(logging.DEBUG, "%s: first token after %.3f s", _name(event.call), event.seconds)

    @on_event.register
    def _attempt_failed(self, event: AttemptFailed) -> None:
        error = event.error
        if isinstance(error, AuthenticationError | PermissionDeniedError):
            text = "%s: the key was refused with status %d (%s)"
            self._warn(text, _name(event.call), error.status_code, error.code)
        if event.wait is not None:
            text = "%s: attempt %d failed and is repeated after %.3f s: %s"
            what = _described(error)
            self._log(logging.WARNING, text, _name(event.call), event.number, event.wait, what)

    @on_event.register
    def _rate_limited(self, event: RateLimited) -> None:
        left = max(0.0, event.until - trio.current_time())
        kind = event.limit or "some"
        text = "%s: the limit on %s is reached; the server names a wait of %.3f s"
        self._warn(text, _name(event.call), kind, left)

    @on_event.register
    def _circuit_changed(self, event: CircuitChanged) -> None:
        level = logging.WARNING if event.after == "open" else logging.INFO
        text = "circuit of %s: %s, was %s"
        self._log(level, text, event.origin, event.after, event.before)

    @on_event.register
    def _finished(self, event: CallFinished) -> None:
        if self._calls.isEnabledFor(logging.INFO):
            self._log(logging.INFO, "%s: %s", _name(event.call), _summary(event))
        if self._calls.isEnabledFor(TRACE) and event.value is not None:
            self._payload(event.call, "got", _encoded(event.value))

    @on_event.register
    def _failed(self, event: CallFailed) -> None:
        text = "%s: failed after %.3f s and %d attempts: %s"
        what = _described(event.error)
        self._log(logging.ERROR, text, _name(event.call), event.seconds, event.attempts, what)

    @on_event.register
    def _cancelled(self, event: CallCancelled) -> None:
        text = "%s: cancelled after %.3f s and %d attempts"
        self._log(logging.INFO, text, _name(event.call), event.seconds, event.attempts)


def _name(call: CallStarted) -> str:
    model = f" {call.model}" if call.model else ""
    return f"call {call.number} {call.operation}{model}"


def _described(error: BaseException) -> str:
    kind = type(error).__name__
    if isinstance(error, APIStatusError):
        kind = f"{kind} {error.status_code}"
    text = f"{kind}: {error}"
    # An error's notes say what to do, and are of our own making.
    notes = getattr(error, "__notes__", []) if isinstance(error, APIError) else []
    return " ".join([text, *notes])


def _summary(event: CallFinished) -> str:
    meta = event.meta
    parts = [
        f"{'finished' if event.complete else 'closed early'} in {event.seconds:.3f} s",
        f"status {meta.status}",
        f"attempts {meta.attempts}",
    ]
    if event.usage is not None:
        parts.append(f"tokens {event.usage.input_tokens} + {event.usage.output_tokens}")
    if event.first_token is not None:
        parts.append(f"first token {event.first_token:.3f} s")
    if event.chunks:
        parts.append(f"chunks {event.chunks}")
    if event.finish_reasons:
        parts.append(f"finish {'/'.join(event.finish_reasons)}")
    parts.append(f"request id {meta.request_id}")
    return ", ".join(parts)


def _encoded(value: object) -> bytes:
    """A value as JSON; what has none says what it is."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        return f"<{type(value).__qualname__}>".encode()


def _shown(text: str, limit: int) -> str:
    """Text as a line of the log: without secrets, on one line, shortened."""
    hidden = one_line(redact(text[: limit + _MARGIN]))
    return hidden if len(hidden) <= limit else f"{hidden[:limit]}... ({len(text)} characters)"
