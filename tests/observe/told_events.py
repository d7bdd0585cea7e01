"""Events for observers, made by hand, and an observer that keeps them."""

from typing import Any

import attrs

from trio_groq._hooks import (
    AttemptFailed,
    CallCancelled,
    CallFailed,
    CallFinished,
    CallStarted,
    Event,
    Usage,
)
from trio_groq.errors import APIStatusError, RequestInfo
from trio_groq.types.meta import ResponseMeta, Timings

__all__ = [
    "MODEL",
    "Heard",
    "attempt_failed",
    "call",
    "cancelled",
    "failed",
    "finished",
    "meta",
    "status_error",
]

MODEL = "llama-3.1-8b-instant"


@attrs.define
class Heard:
    """An observer that keeps what it is told."""

    events: list[Event] = attrs.field(factory=list)

    def on_event(self, event: Event, /) -> None:
        self.events.append(event)

    def names(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


def call(**fields: Any) -> CallStarted:
    given: dict[str, Any] = {
        "number": 1,
        "operation": "chat.completions",
        "method": "POST",
        "path": "/openai/v1/chat/completions",
        "model": MODEL,
        "stream": False,
        "server_address": "api.groq.com",
        "server_port": 443,
        "at": 0.0,
    }
    return CallStarted(**given | fields)


def meta(**fields: Any) -> ResponseMeta:
    given: dict[str, Any] = {"request_id": "req_1", "status": 200, "headers": {}}
    return ResponseMeta(**given | fields)


def finished(started: CallStarted | None = None, **fields: Any) -> CallFinished:
    given: dict[str, Any] = {
        "call": started or call(),
        "meta": meta(timings=Timings(first_token=fields.get("first_token"))),
        "seconds": 2.0,
        "usage": Usage(input_tokens=10, output_tokens=20),
    }
    return CallFinished(**given | fields)


def failed(error: BaseException, started: CallStarted | None = None) -> CallFailed:
    return CallFailed(call=started or call(), error=error, seconds=1.5, attempts=2)


def cancelled(started: CallStarted | None = None) -> CallCancelled:
    return CallCancelled(call=started or call(), seconds=0.5, attempts=1)


def attempt_failed(
    error: Any, wait: float | None, started: CallStarted | None = None
) -> AttemptFailed:
    return AttemptFailed(call=started or call(), number=1, error=error, wait=wait)


def status_error(
    kind: type[APIStatusError], status: int, message: str = "failed", **fields: Any
) -> APIStatusError:
    request = RequestInfo("POST", "https://api.groq.com/openai/v1/chat/completions")
    return kind(message, status_code=status, request=request, request_id="req_9", **fields)
