"""Chat completions as bodies: a whole one, or the events of a stream.

The events have the shape of today's API: a chunk with the role and the request's id, a delta for
each token, a chunk with finish reason and usage, a chunk with usage and no choice for those who
ask for it, `[DONE]`.
"""

import base64
import hashlib
import uuid
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import attrs
import msgspec

from trio_groq.testing.beats import Beat
from trio_groq.testing.content import tokenize, usage_of
from trio_groq.testing.replies import Reply, ToolCall

__all__ = ["Names", "completion_body", "completion_seconds", "stream_events"]

# The epoch of made-up time stamps; each response is a second after the one before.
_FIRST_CREATED = 1_760_000_000

# Harmony models name the channel in which they think.
_CHANNEL_MODELS = "openai/gpt-oss"

_encode = msgspec.json.encode


def _uuid(kind: str, serial: int) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {serial}")


@attrs.frozen
class Names:
    """Identities in one response: different in each, the same in every run.

    Attributes:
        serial: Number of the response on its server, from 1.
    """

    serial: int

    @property
    def completion(self) -> str:
        """`chatcmpl-` and a UUID."""
        return f"chatcmpl-{_uuid('completion', self.serial)}"

    @property
    def request(self) -> str:
        """`req_` and 26 characters, as in `x-request-id`."""
        return "req_" + base64.b32encode(_uuid("request", self.serial).bytes).decode()[:26].lower()

    @property
    def created(self) -> int:
        """Unix time, made up."""
        return _FIRST_CREATED + self.serial

    def tool_call(self, index: int) -> str:
        """`call_` and nine characters."""
        return "call_" + _uuid(f"tool call {index}", self.serial).hex[:9]


def _fingerprint(model: str) -> str:
    return "fp_" + hashlib.sha256(model.encode("utf-8", "replace")).hexdigest()[:10]


def _base(reply: Reply, params: Mapping[str, Any], names: Names, kind: str) -> dict[str, Any]:
    model = reply.model or params["model"]
    return {
        "id": names.completion,
        "object": kind,
        "created": names.created,
        "model": model,
        "system_fingerprint": _fingerprint(model),
    }


def _spoken(reply: Reply) -> list[str]:
    return list(reply.tokens) if reply.tokens is not None else tokenize(reply.content or "")


def _text(reply: Reply) -> str | None:
    if reply.content is None and reply.tokens is not None:
        return "".join(reply.tokens)
    return reply.content


def _call(call: ToolCall, index: int, names: Names) -> dict[str, Any]:
    return {
        "id": call.id or names.tool_call(index),
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments_json},
    }


def _finish_reason(reply: Reply) -> str:
    return reply.finish_reason or ("tool_calls" if reply.tool_calls else "stop")


def completion_seconds(reply: Reply) -> float:
    """How long the reply takes from its head to its last token, in seconds."""
    count = len(tokenize(reply.reasoning or "")) + len(_spoken(reply)) + len(reply.tool_calls)
    return reply.first_token_delay + max(0, count - 1) * reply.interval


def _usage(reply: Reply, params: Mapping[str, Any]) -> Mapping[str, Any]:
    if reply.usage is not None:
        return reply.usage
    reasoned = len(tokenize(reply.reasoning or ""))
    called = sum(1 + len(tokenize(call.arguments_json)) for call in reply.tool_calls)
    spoken = reasoned + len(_spoken(reply)) + called
    return usage_of(params, spoken, reasoned, completion_seconds(reply))


def completion_body(reply: Reply, params: Mapping[str, Any], names: Names) -> bytes:
    """The JSON of a plain `chat.completion`; `content` is missing beside tool calls if null."""
    message: dict[str, Any] = {"role": "assistant"}
    text = _text(reply)
    if text is not None or not reply.tool_calls:
        message["content"] = text
    if reply.reasoning is not None:
        message["reasoning"] = reply.reasoning
    if reply.tool_calls:
        message["tool_calls"] = [_call(c, i, names) for i, c in enumerate(reply.tool_calls)]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _finish_reason(reply),
    }
    body = _base(reply, params, names, "chat.completion") | {
        "choices": [choice],
        "usage": _usage(reply, params),
        "usage_breakdown": None,
        "x_groq": {"id": names.request},
        "service_tier": params.get("service_tier") or "on_demand",
    }
    return _encode(body)


def _event(data: Mapping[str, Any]) -> bytes:
    return b"data: " + _encode(data) + b"\n\n"


def _choice(delta: Mapping[str, Any], finish_reason: str | None = None) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}]


def _deltas(reply: Reply, model: str, names: Names) -> Iterator[dict[str, Any]]:
    """What each token changes: thoughts, then text, then calls."""
    channel = {"channel": "analysis"} if model.startswith(_CHANNEL_MODELS) else {}
    for token in tokenize(reply.reasoning or ""):
        yield {"reasoning": token, **channel}
    for token in _spoken(reply):
        yield {"content": token}
    for index, call in enumerate(reply.tool_calls):
        yield {"tool_calls": [{**_call(call, index, names), "index": index}]}


def _tokens(reply: Reply, base: Mapping[str, Any], names: Names) -> Iterator[Beat]:
    # All that the chunks of a stream share is encoded once: this is the path of a load test.
    before = b"data: " + _encode(base)[:-1] + b',"choices":[{"index":0,"delta":'
    after = b',"logprobs":null,"finish_reason":null}]}\n\n'
    delay = 0.0  # the first token comes with the role
    for delta in _deltas(reply, base["model"], names):
        yield Beat(before + _encode(delta) + after, delay)
        delay = reply.interval


def _last_chunk(
    reply: Reply, base: Mapping[str, Any], usage: Mapping[str, Any], names: Names
) -> bytes:
    chunk = {**base, "choices": _choice({}, _finish_reason(reply)), "x_groq": {"id": names.request}}
    if reply.usage_in in ("x_groq", "both"):
        chunk["x_groq"]["usage"] = usage
    if reply.usage_in in ("top", "both"):
        chunk["usage"] = usage
    return _event(chunk)


def stream_events(reply: Reply, params: Mapping[str, Any], names: Names) -> Iterator[Beat]:
    """The events of a stream at the reply's pace, one beat each, without any framing."""
    base = _base(reply, params, names, "chat.completion.chunk")
    opening = {"role": "assistant", "content": None if _text(reply) is None else ""}
    first = {**base, "choices": _choice(opening), "x_groq": {"id": names.request}}
    yield Beat(_event(first), reply.first_token_delay)
    tokens = _tokens(reply, base, names)
    if reply.error_event is not None:
        yield from islice(tokens, reply.error_after)
        yield Beat(b"event: error\n" + _event({"error": reply.error_event}))
        return
    yield from tokens
    yield from _closing(reply, params, base, names)


def _closing(
    reply: Reply, params: Mapping[str, Any], base: Mapping[str, Any], names: Names
) -> Iterator[Beat]:
    usage = _usage(reply, params)
    if reply.finish:
        yield Beat(_last_chunk(reply, base, usage, names))
    if (params.get("stream_options") or {}).get("include_usage"):
        tier = params.get("service_tier") or "on_demand"
        yield Beat(_event({**base, "choices": [], "usage": usage, "service_tier": tier}))
    if reply.done:
        yield Beat(b"data: [DONE]\n\n")
