"""What `ChatStream.events()` yields: one kind of news each, instead of chunks to take apart.

A chunk gives the events that it has news for, in this order: reasoning, content, tool calls,
executed tools, finish reason, usage. The last event of every stream is `DoneEvent`.
"""

from typing import TypeAlias

import msgspec

from trio_groq.types.chat import ChatCompletion
from trio_groq.types.executed_tools import ExecutedTool
from trio_groq.types.usage import CompletionUsage

__all__ = [
    "ContentEvent",
    "DoneEvent",
    "ExecutedToolEvent",
    "FinishEvent",
    "ReasoningEvent",
    "StreamEvent",
    "ToolCallEvent",
    "UsageEvent",
]


class ContentEvent(msgspec.Struct, frozen=True):
    """More text of the answer.

    Attributes:
        text: The next piece; never empty.
        choice: Index of the choice.
    """

    text: str
    choice: int = 0


class ReasoningEvent(msgspec.Struct, frozen=True):
    """More of the model's reasoning.

    Attributes:
        text: The next piece; never empty.
        choice: Index of the choice.
    """

    text: str
    choice: int = 0


class ToolCallEvent(msgspec.Struct, frozen=True):
    """More of a tool call.

    Attributes:
        index: Which tool call of the choice.
        id: Name of the call, in its first piece.
        name: Function to call, in its first piece.
        arguments: The next piece of the JSON text of the arguments; may be empty.
        choice: Index of the choice.
    """

    index: int
    id: str | None
    name: str | None
    arguments: str
    choice: int = 0


class ExecutedToolEvent(msgspec.Struct, frozen=True):
    """A tool that the server ran; it comes again when its output has grown.

    Attributes:
        tool: The tool's run so far.
        choice: Index of the choice.
    """

    tool: ExecutedTool
    choice: int = 0


class FinishEvent(msgspec.Struct, frozen=True):
    """A choice is complete.

    Attributes:
        reason: `stop`, `length`, `tool_calls`, or a newer one.
        choice: Index of the choice.
    """

    reason: str
    choice: int = 0


class UsageEvent(msgspec.Struct, frozen=True):
    """What the completion cost; may come twice, alike.

    Attributes:
        usage: Tokens and times.
    """

    usage: CompletionUsage


class DoneEvent(msgspec.Struct, frozen=True):
    """The stream has ended well.

    Attributes:
        completion: The whole completion.
    """

    completion: ChatCompletion


StreamEvent: TypeAlias = (
    ContentEvent
    | ReasoningEvent
    | ToolCallEvent
    | ExecutedToolEvent
    | FinishEvent
    | UsageEvent
    | DoneEvent
)
