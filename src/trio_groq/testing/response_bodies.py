"""Responses as bodies: a whole one, or the events of a stream.

The same `Reply` that makes a chat completion makes a response: its reasoning becomes a reasoning
item, its text a message, each of its tool calls a function call. The events are those of the
OpenAI format, each with its name and a sequence number; the last one has the whole response, and
no `[DONE]` follows it. Of a reply, `done` and `usage_in` mean nothing here.
"""

import base64
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, final

import attrs
import msgspec

from trio_groq.testing.beats import Beat
from trio_groq.testing.chat import Names, completion_seconds
from trio_groq.testing.content import text_of, tokenize, usage_of
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply

__all__ = ["RESPONSES_PATH", "chat_params", "conversation_of", "response_body", "response_events"]

RESPONSES_PATH: Final = "/openai/v1/responses"

_encode = msgspec.json.encode

# The parameters that a response repeats, with what stands for those that were left out.
_REPEATED: Final[Mapping[str, object]] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "service_tier": "default",
    "temperature": 1,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1,
    "truncation": "disabled",
    "user": None,
}


def _id(prefix: str, kind: str, names: Names) -> str:
    """`prefix` and 26 characters: different in each response, the same in every run."""
    made = uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {names.serial}")
    return f"{prefix}_{base64.b32encode(made.bytes).decode()[:26].lower()}"


def _message(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """An item of the input as a message of a chat; None for what has no text of anybody's."""
    if item.get("type", "message") == "message":
        return {"role": item["role"], "content": text_of(item.get("content"))}
    if item.get("type") == "function_call_output":
        return {"role": "tool", "content": text_of(item.get("output"))}
    return None


def chat_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a checked request would be as one for a chat completion, to echo and to count."""
    given = params["input"]
    listed: Sequence[Mapping[str, Any]] = (
        [{"role": "user", "content": given}] if isinstance(given, str) else given
    )
    messages = [message for item in listed if (message := _message(item)) is not None]
    if params.get("instructions"):
        messages.insert(0, {"role": "system", "content": params["instructions"]})
    return {
        "model": params["model"],
        "messages": messages,
        "max_completion_tokens": params.get("max_output_tokens"),
    }


def conversation_of(request: RecordedRequest) -> Mapping[str, Any]:
    """The parameters of a checked request as a chat completion has them."""
    return chat_params(request.params) if request.path == RESPONSES_PATH else request.params


def _spoken(reply: Reply) -> list[str] | None:
    """The text in tokens; None if the model says nothing."""
    if reply.tokens is not None:
        return list(reply.tokens)
    if reply.content is None:
        return [] if not reply.tool_calls else None
    return tokenize(reply.content)


def _usage(reply: Reply, params: Mapping[str, Any]) -> Mapping[str, Any]:
    if reply.usage is not None:
        return reply.usage
    reasoned = len(tokenize(reply.reasoning or ""))
    called = sum(1 + len(tokenize(call.arguments_json)) for call in reply.tool_calls)
    spoken = reasoned + len(_spoken(reply) or ()) + called
    usage = usage_of(chat_params(params), spoken, reasoned, completion_seconds(reply))
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": spoken,
        "output_tokens_details": {"cached_tokens": 0, "reasoning_tokens": reasoned},
        "total_tokens": usage["total_tokens"],
    }


def _status(reply: Reply) -> str:
    return "incomplete" if reply.finish_reason == "length" else "completed"


def _state(reply: Reply, params: Mapping[str, Any], names: Names, status: str) -> dict[str, Any]:
    """The response without output and usage."""
    given = {name: value for name, value in params.items() if value is not None}
    incomplete = {"reason": "max_output_tokens"} if status == "incomplete" else None
    return {
        "id": _id("resp", "response", names),
        "object": "response",
        "status": status,
        "created_at": names.created,
        "output": [],
        "previous_response_id": None,
        "model": reply.model or params["model"],
        **{name: given.get(name, default) for name, default in _REPEATED.items()},
        "error": None,
        "incomplete_details": incomplete,
        "usage": None,
        "store": False,
    }


@attrs.frozen
class _Item:
    """An item of the output, and how it is streamed.

    Attributes:
        item: It, whole.
        empty: It, as it begins.
        part: Its one part of content, whole; None for a function call.
        tokens: The pieces of its text.
        topic: What the events of its text are called, without `.delta` and `.done`.
        field: Where its text is, in the part or in the item.
    """

    item: Mapping[str, Any]
    empty: Mapping[str, Any]
    part: Mapping[str, Any] | None
    tokens: Sequence[str]
    topic: str
    field: str


def _of_parts(item: dict[str, Any], part: dict[str, Any], tokens: Sequence[str]) -> _Item:
    return _Item(
        item={**item, "content": [part]},
        empty={**item, "content": [], "status": "in_progress"},
        part=part,
        tokens=tokens,
        topic=f"response.{part['type']}",
        field="text",
    )


def _items(reply: Reply, names: Names) -> Iterator[_Item]:
    """Thoughts, then text, then calls."""
    status = _status(reply)
    if reply.reasoning is not None:
        yield _of_parts(
            {
                "type": "reasoning",
                "id": _id("resp", "reasoning", names),
                "status": "completed",
                "summary": [],
            },
            {"type": "reasoning_text", "text": reply.reasoning},
            tokenize(reply.reasoning),
        )
    tokens = _spoken(reply)
    if tokens is not None:
        text = "".join(tokens) if reply.content is None else reply.content
        yield _of_parts(
            {
                "type": "message",
                "id": _id("msg", "message", names),
                "status": status,
                "role": "assistant",
            },
            {"type": "output_text", "text": text, "annotations": [], "logprobs": None},
            tokens,
        )
    for index, call in enumerate(reply.tool_calls):
        item = {
            "type": "function_call",
            "id": _id("fc", f"function call {index}", names),
            "call_id": call.id or names.tool_call(index),
            "name": call.name,
            "arguments": call.arguments_json,
            "status": status,
        }
        yield _Item(
            item=item,
            empty={**item, "arguments": "", "status": "in_progress"},
            part=None,
            tokens=[call.arguments_json],
            topic="response.function_call_arguments",
            field="arguments",
        )


def _finished(reply: Reply, params: Mapping[str, Any], names: Names) -> dict[str, Any]:
    return {
        **_state(reply, params, names, _status(reply)),
        "output": [each.item for each in _items(reply, names)],
        "usage": _usage(reply, params),
    }


def response_body(reply: Reply, params: Mapping[str, Any], names: Names) -> bytes:
    """The JSON of a plain `response`."""
    return _encode(_finished(reply, params, names))


@final
class _Events:
    """Numbers the events of one stream."""

    def __init__(self) -> None:
        self._next = 0

    def beat(self, kind: str, data: Mapping[str, object], delay: float = 0.0) -> Beat:
        """One event."""
        body = _encode({"type": kind, **data, "sequence_number": self._next})
        self._next += 1
        return Beat(b"event: %b\ndata: %b\n\n" % (kind.encode(), body), delay)


def _item_beats(
    events: _Events, each: _Item, index: int, delays: Iterator[float]
) -> Iterator[Beat]:
    """An item from its announcement to its end."""
    yield events.beat("response.output_item.added", {"output_index": index, "item": each.empty})
    place: dict[str, object] = {"item_id": each.item["id"], "output_index": index}
    if each.part is not None:
        place["content_index"] = 0
        begun = {**each.part, each.field: ""}
        yield events.beat("response.content_part.added", {**place, "part": begun})
    for token in each.tokens:
        yield events.beat(f"{each.topic}.delta", {**place, "delta": token}, next(delays))
    whole = (each.part or each.item)[each.field]
    yield events.beat(f"{each.topic}.done", {**place, each.field: whole})
    if each.part is not None:
        yield events.beat("response.content_part.done", {**place, "part": each.part})
    yield events.beat("response.output_item.done", {"output_index": index, "item": each.item})


def _is_token(beat: Beat) -> bool:
    return beat.data.partition(b"\n")[0].endswith(b".delta")


def _delays(reply: Reply) -> Iterator[float]:
    yield reply.first_token_delay
    while True:
        yield reply.interval


def _error(reply: Reply) -> Beat:
    return Beat(b"event: error\ndata: " + _encode({"error": reply.error_event}) + b"\n\n")


def response_events(reply: Reply, params: Mapping[str, Any], names: Names) -> Iterator[Beat]:
    """The events of a stream at the reply's pace, one beat each, without any framing."""
    events = _Events()
    begun = {"response": _state(reply, params, names, "in_progress")}
    yield events.beat("response.created", begun)
    yield events.beat("response.in_progress", begun)
    delays = _delays(reply)
    tokens = 0
    for index, each in enumerate(_items(reply, names)):
        for beat in _item_beats(events, each, index, delays):
            if _is_token(beat):
                if reply.error_event is not None and tokens == reply.error_after:
                    yield _error(reply)
                    return
                tokens += 1
            yield beat
    if reply.error_event is not None:
        yield _error(reply)
    elif reply.finish:
        whole = {"response": _finished(reply, params, names)}
        yield events.beat(f"response.{_status(reply)}", whole)
