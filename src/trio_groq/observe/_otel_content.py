"""What was said, in the form of OpenTelemetry's conventions: messages of parts, as JSON.

Only made when asked for: it holds whatever people write. What looks like a secret is hidden, each
text is shortened, and what is no text (images, audio, files) is named and left out.

Source: semantic conventions for generative AI, JSON schemas of input and output messages.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from trio_groq.observe.redaction import redact

__all__ = ["input_messages", "output_messages", "system_instructions"]

MAX_TEXT: Final = 8_000
"""Longest text of one part, in characters: exporters refuse what is much longer."""
MAX_MESSAGES: Final = 200
"""The last messages of a conversation, so many; the others say less about this answer."""

Part = dict[str, object]


def input_messages(content: Mapping[str, Any]) -> str | None:
    """The conversation of a request, of `chat.completions` or of `responses`.

    Args:
        content: The request's JSON, decoded.

    Returns:
        JSON; None if it has no conversation.
    """
    messages = content.get("messages", content.get("input"))
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    if not isinstance(messages, list):
        return None
    return _encode(
        {"role": str(each.get("role", "user")), "parts": [*_parts_of(each)]}
        for each in messages[-MAX_MESSAGES:]
        if isinstance(each, Mapping)
    )


def system_instructions(content: Mapping[str, Any]) -> str | None:
    """The instructions of a request that stand beside its conversation, as JSON; None without."""
    instructions = content.get("instructions")
    return _encode([_text(instructions)]) if isinstance(instructions, str) else None


def output_messages(value: object) -> str | None:
    """The answers of a completion, or of a response.

    Args:
        value: What the call returned.

    Returns:
        JSON; None for what has no answers.
    """
    plain = msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else None
    if not isinstance(plain, dict):
        return None
    if isinstance(choices := plain.get("choices"), list):
        return _encode(
            {
                "role": "assistant",
                "parts": [*_parts_of(each.get("message") or {})],
                "finish_reason": each.get("finish_reason") or "",
            }
            for each in choices
        )
    if isinstance(items := plain.get("output"), list):
        parts = [part for item in items for part in _parts_of(item)]
        reason = plain.get("status") or ""
        return _encode([{"role": "assistant", "parts": parts, "finish_reason": reason}])
    return None


def _parts_of(message: Mapping[str, Any]) -> Iterable[Part]:
    """The parts of a message, or of an item that stands for one."""
    if message.get("type") == "function_call":
        yield _call(message.get("call_id"), message)
        return
    if message.get("type") == "function_call_output":
        yield _answer(message.get("call_id"), message.get("output"))
        return
    if isinstance(reasoning := message.get("reasoning"), str) and reasoning:
        yield {"type": "reasoning", "content": _shown(reasoning)}
    if message.get("role") == "tool":
        yield _answer(message.get("tool_call_id"), message.get("content"))
        return
    content = message.get("content")
    if isinstance(content, str) and content:
        yield _text(content)
    elif isinstance(content, list):
        for piece in content:
            yield _piece(piece)
    for call in message.get("tool_calls") or ():
        yield _call(call.get("id"), call.get("function") or {})


def _piece(piece: object) -> Part:
    if isinstance(piece, Mapping):
        text = piece.get("text")
        return _text(text) if isinstance(text, str) else {"type": str(piece.get("type", "unknown"))}
    return {"type": "unknown"}


def _text(text: str) -> Part:
    return {"type": "text", "content": _shown(text)}


def _call(number: object, function: Mapping[str, Any]) -> Part:
    name, arguments = function.get("name", ""), function.get("arguments", "")
    return {"type": "tool_call", "id": number, "name": name, "arguments": _shown(arguments)}


def _answer(number: object, content: object) -> Part:
    text = content if isinstance(content, str) else msgspec.json.encode(content).decode()
    return {"type": "tool_call_response", "id": number, "response": _shown(text)}


def _shown(text: str) -> str:
    return redact(text[: 2 * MAX_TEXT])[:MAX_TEXT]


def _encode(messages: Iterable[object]) -> str:
    return msgspec.json.encode([*messages]).decode()
