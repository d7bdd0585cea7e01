"""What the API refuses in a chat completion, as a table, in the API's own words where known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from trio_groq.testing.replies import Reply

__all__ = ["check_chat", "model_not_found"]

_ROLES = ("system", "developer", "user", "assistant", "tool", "function")

# A check takes the parameter's value (never null) and says what is wrong with it, or nothing.
_Check = Callable[[Any], str | None]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(least: float, most: float) -> _Check:
    def check(value: Any) -> str | None:  # noqa: ANN401 (any JSON)
        if not _is_number(value):
            return "value must be a number"
        if value < least:
            return f"number must be at least {least:g}"
        return f"number must be at most {most:g}" if value > most else None

    return check


def _integer(least: int | None = None, most: int | None = None) -> _Check:
    def check(value: Any) -> str | None:  # noqa: ANN401 (any JSON)
        if not isinstance(value, int) or isinstance(value, bool):
            return "value must be an integer"
        if least is not None and value < least:
            return f"number must be at least {least}"
        return f"number must be at most {most}" if most is not None and value > most else None

    return check


def _typed(kind: type, name: str) -> _Check:
    return lambda value: None if isinstance(value, kind) else f"value must be {name}"


def _choice(*names: str) -> _Check:
    listed = ", ".join(f"`{name}`" for name in names)
    return lambda value: None if value in names else f"value must be one of {listed}"


def _items(most: int) -> _Check:
    def check(value: Any) -> str | None:  # noqa: ANN401 (any JSON)
        if not isinstance(value, list):
            return "value must be an array"
        return f"maximum number of items is {most}" if len(value) > most else None

    return check


def _stop(value: Any) -> str | None:  # noqa: ANN401 (any JSON)
    if isinstance(value, str):
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return "value must be a string or an array of strings"
    return "maximum number of items is 4" if len(value) > 4 else None  # noqa: PLR2004 (the API's limit)


_PARAMETERS: Mapping[str, _Check] = {
    "frequency_penalty": _number(-2, 2),
    "include_reasoning": _typed(bool, "a boolean"),
    "logit_bias": _typed(dict, "an object"),
    "logprobs": _typed(bool, "a boolean"),
    "max_completion_tokens": _integer(1),
    "max_tokens": _integer(1),
    "metadata": _typed(dict, "an object"),
    "n": _integer(1, 1),
    "parallel_tool_calls": _typed(bool, "a boolean"),
    "presence_penalty": _number(-2, 2),
    "reasoning_effort": _choice("none", "default", "low", "medium", "high"),
    "reasoning_format": _choice("hidden", "raw", "parsed"),
    "response_format": _typed(dict, "an object"),
    "seed": _integer(),
    "service_tier": _choice("auto", "on_demand", "flex", "performance"),
    "stop": _stop,
    "stream": _typed(bool, "a boolean"),
    "stream_options": _typed(dict, "an object"),
    "temperature": _number(0, 2),
    "tools": _items(128),
    "top_logprobs": _integer(0, 20),
    "top_p": _number(0, 1),
    "user": _typed(str, "a string"),
}


def _content_fault(content: object, path: str) -> str | None:
    if isinstance(content, str):
        return None
    if not isinstance(content, list):
        return f"('{path}' : value must be a string) OR ('{path}' : value must be an array)"
    if not content:
        return f"('{path}' : value must be a string) OR ('{path}' : minimum number of items is 1)"
    for index, part in enumerate(content):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            return f"('{path}.{index}' : property 'type' is missing)"
    return None


def _message_fault(message: object, path: str) -> str | None:
    if not isinstance(message, dict):
        return f"'{path}' : value must be an object"
    role = message.get("role")
    if role is None:
        return f"'{path}' : property 'role' is missing"
    if role not in _ROLES:
        return f"'{path}' : discriminator property 'role' has invalid value"
    content = message.get("content")
    if role == "assistant" and content is None:
        return None
    fault = _content_fault(content, f"{path}.content")
    if "content" not in message:
        fault = f"('{path}' : property 'content' is missing)"
    if fault is None and role == "tool" and not isinstance(message.get("tool_call_id"), str):
        fault = f"('{path}' : property 'tool_call_id' is missing)"
    return fault and f"'{path}' : for 'role:{role}' the following must be satisfied[{fault}]"


def _messages_fault(messages: object) -> str | None:
    if not isinstance(messages, list):
        return "'messages' : value must be an array"
    if not messages:
        return "'messages' : minimum number of items is 1"
    faults = (_message_fault(item, f"messages.{i}") for i, item in enumerate(messages))
    return next((fault for fault in faults if fault), None)


def model_not_found(model: str) -> Reply:
    """The 404 for a model that is not there, or not for this key."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return Reply.error(404, message, code="model_not_found")


def _complaints(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong and with which parameter; only the first counts."""
    for name in ("model", "messages"):
        if params.get(name) is None:
            yield f"property '{name}' is missing", name
    if not isinstance(params["model"], str):
        yield "'model' : value must be a string", "model"
    fault = _messages_fault(params["messages"])
    if fault:
        yield fault, "messages"
    for name, check in _PARAMETERS.items():
        value = params.get(name)
        complaint = None if value is None else check(value)  # null is as good as left out
        if complaint:
            yield f"'{name}' : {complaint}", name


def check_chat(params: object, models: Sequence[str] | None) -> Reply | None:
    """The API's refusal of a chat completion, None if it would answer.

    Args:
        params: The decoded body; None when it was no JSON.
        models: Known models, None for any.
    """
    if not isinstance(params, dict):
        return Reply.error(400, "could not parse the request body: expected a JSON object")
    for message, name in _complaints(params):
        return Reply.error(400, message, param=name)
    if models is not None and params["model"] not in models:
        return model_not_found(params["model"])
    return None
