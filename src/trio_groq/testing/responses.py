"""The endpoint of responses: what the API refuses, and who replies to the rest."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias, final

from trio_groq.testing.endpoints import Endpoint
from trio_groq.testing.models import Models
from trio_groq.testing.records import RecordedRequest
from trio_groq.testing.replies import Reply
from trio_groq.testing.response_bodies import RESPONSES_PATH

__all__ = ["Responses"]

_Complaints: TypeAlias = Iterator[tuple[str, str]]
"""What is wrong and with which parameter; only the first counts."""

_MAX_TOOLS: Final = 128
_MAX_METADATA: Final = 16

_RANGES: Final[Mapping[str, tuple[float, float]]] = {"temperature": (0, 2), "top_p": (0, 1)}
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "service_tier": ("auto", "default", "flex"),
    "truncation": ("auto", "disabled"),
}
_KINDS: Final[Mapping[str, tuple[type, str]]] = {
    "instructions": (str, "a string"),
    "metadata": (dict, "an object"),
    "parallel_tool_calls": (bool, "a boolean"),
    "reasoning": (dict, "an object"),
    "store": (bool, "a boolean"),
    "stream": (bool, "a boolean"),
    "text": (dict, "an object"),
    "tools": (list, "an array"),
    "user": (str, "a string"),
}
_ROLES: Final = ("user", "assistant", "system", "developer")
_ITEM_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "message": ("role", "content"),
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id", "output"),
    "item_reference": ("id",),
}


def _content_fault(content: object, path: str) -> str | None:
    if isinstance(content, str):
        return None
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return None
    return f"'{path}' : value must be a string or an array of objects"


def _item_fault(item: object, path: str) -> str | None:
    if not isinstance(item, dict):
        return f"'{path}' : value must be an object"
    kind = item.get("type", "message")
    if not isinstance(kind, str):
        return f"'{path}.type' : value must be a string"
    for field in _ITEM_FIELDS.get(kind, ()):
        if item.get(field) is None:
            return f"'{path}' : property '{field}' is missing"
    if kind == "message" and item["role"] not in _ROLES:
        return f"'{path}.role' : value must be one of `{'`, `'.join(_ROLES)}`"
    text = {"message": "content", "function_call_output": "output"}.get(kind)
    return None if text is None else _content_fault(item[text], f"{path}.{text}")


def _input_faults(given: object) -> Iterator[str]:
    if isinstance(given, list):
        if not given:
            yield "'input' : minimum number of items is 1"
        faults = (_item_fault(item, f"input.{index}") for index, item in enumerate(given))
        yield from (fault for fault in faults if fault)
    elif not isinstance(given, str):
        yield "'input' : value must be a string or an array"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value_faults(params: Mapping[str, Any]) -> _Complaints:
    """What is wrong with optional parameters; null is as good as left out."""
    given = {name: value for name, value in params.items() if value is not None}
    for name, (kind, words) in _KINDS.items():
        if name in given and not isinstance(given[name], kind):
            yield f"'{name}' : value must be {words}", name
    for name, (least, most) in _RANGES.items():
        value = given.get(name, least)
        if not _is_number(value):
            yield f"'{name}' : value must be a number", name
        if not least <= value <= most:
            yield f"'{name}' : number must be between {least:g} and {most:g}", name
    for name, words_known in _CHOICES.items():
        if given.get(name, words_known[0]) not in words_known:
            yield f"'{name}' : value must be one of `{'`, `'.join(words_known)}`", name
    yield from _size_faults(given)
    if given.get("store"):
        yield "'store' : only false is supported", "store"
    if "previous_response_id" in given:
        yield "'previous_response_id' : not supported", "previous_response_id"


def _size_faults(given: Mapping[str, Any]) -> _Complaints:
    limit = given.get("max_output_tokens", 1)
    if type(limit) is not int or limit < 1:
        yield "'max_output_tokens' : value must be an integer of at least 1", "max_output_tokens"
    if len(given.get("tools", ())) > _MAX_TOOLS:
        yield f"'tools' : maximum number of items is {_MAX_TOOLS}", "tools"
    if len(given.get("metadata", ())) > _MAX_METADATA:
        yield f"'metadata' : maximum number of properties is {_MAX_METADATA}", "metadata"


def _complaints(params: Mapping[str, Any]) -> _Complaints:
    for name in ("model", "input"):
        if params.get(name) is None:
            yield f"property '{name}' is missing", name
    if not isinstance(params["model"], str):
        yield "'model' : value must be a string", "model"
    for fault in _input_faults(params["input"]):
        yield fault, "input"
    yield from _value_faults(params)


@final
class Responses:
    """The endpoint.

    Args:
        models: The models that the server has.
        reply: Who replies to a request that passes the checks: with the same kind of `Reply` as to
            a chat completion, which `response_bodies` renders.
    """

    def __init__(self, models: Models, reply: Callable[[RecordedRequest], Reply]) -> None:
        self._models = models
        self._reply = reply

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What answers for the responses."""
        return (Endpoint("POST", RESPONSES_PATH, self._create),)

    def _create(self, request: RecordedRequest, _names: Mapping[str, str]) -> Reply:
        if not isinstance(request.json, dict):
            return Reply.error(400, "could not parse the request body: expected a JSON object")
        for message, name in _complaints(request.params):
            return Reply.error(400, message, param=name)
        refusal = self._models.refusal(request.params["model"], "chat completions")
        return refusal or self._reply(request)
