"""Whether a conversation holds together: every tool call is answered, every answer has a call.

The API refuses some of this with a 400 and takes some of it silently, and then the model is
confused by what it reads. A role that is not known passes: it may be new.

Source: API reference, "Create chat completion", `messages`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

__all__ = ["Problem", "find_problems"]

_MAPPINGS: Final = (dict, Mapping)  # a dict is what it nearly always is, and is quickly seen
_NO_CALLS: Final[Sequence[object]] = ()


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a conversation.

    Attributes:
        path: Where, such as `messages[2].tool_call_id`.
        expected: What should be there.
        value: What is there, None for nothing.
    """

    path: str
    expected: str
    value: object = None

    def __str__(self) -> str:
        got = "nothing" if self.value is None else repr(self.value)
        return f"{self.path}: expected {self.expected}, got {got}"


def _field(message: object, name: str) -> Any:  # noqa: ANN401 (any JSON)
    return message.get(name) if isinstance(message, _MAPPINGS) else getattr(message, name, None)


def find_problems(messages: Sequence[object]) -> Iterator[Problem]:
    """What is wrong with the calls of tools and their answers, in the order of the messages.

    Args:
        messages: Checked already, one by one: mappings, or messages out of completions.
    """
    open_calls: dict[str, str] = {}  # id -> path of the call
    for index, message in enumerate(messages):
        role = _field(message, "role")
        if role == "tool":
            identity = _field(message, "tool_call_id")
            if open_calls.pop(identity, None) is None:
                path = f"messages[{index}].tool_call_id"
                yield Problem(path, "the id of a call that waits for its answer", identity)
            continue
        if open_calls:
            yield from _unanswered(open_calls)
            open_calls = {}
        calls = _field(message, "tool_calls") or _NO_CALLS
        for number, call in enumerate(calls):
            path = f"messages[{index}].tool_calls[{number}]"
            identity = _field(call, "id")
            if identity in open_calls:
                yield Problem(f"{path}.id", "an id of its own", identity)
            open_calls[identity] = path
    yield from _unanswered(open_calls)


def _unanswered(calls: Mapping[str, str]) -> Iterator[Problem]:
    for identity, path in calls.items():
        yield Problem(path, f"a `tool` message with tool_call_id {identity!r} after it")
