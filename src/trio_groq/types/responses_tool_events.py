"""What the stream of a response says of its tools, one struct for each kind of event.

Source: the events of the OpenAI format, whose names these are; see `responses_events`.
"""

from typing import ClassVar, Literal

from trio_groq.types._base import sent
from trio_groq.types.responses_event_bases import ResponseItemEvent

__all__ = [
    "ResponseCodeInterpreterCallCodeDeltaEvent",
    "ResponseCodeInterpreterCallCodeDoneEvent",
    "ResponseCodeInterpreterCallCompletedEvent",
    "ResponseCodeInterpreterCallInProgressEvent",
    "ResponseCodeInterpreterCallInterpretingEvent",
    "ResponseFileSearchCallCompletedEvent",
    "ResponseFileSearchCallInProgressEvent",
    "ResponseFileSearchCallSearchingEvent",
    "ResponseFunctionCallArgumentsDeltaEvent",
    "ResponseFunctionCallArgumentsDoneEvent",
    "ResponseMcpCallArgumentsDeltaEvent",
    "ResponseMcpCallArgumentsDoneEvent",
    "ResponseMcpCallCompletedEvent",
    "ResponseMcpCallFailedEvent",
    "ResponseMcpCallInProgressEvent",
    "ResponseMcpListToolsCompletedEvent",
    "ResponseMcpListToolsFailedEvent",
    "ResponseMcpListToolsInProgressEvent",
    "ResponseWebSearchCallCompletedEvent",
    "ResponseWebSearchCallInProgressEvent",
    "ResponseWebSearchCallSearchingEvent",
]


class ResponseFunctionCallArgumentsDeltaEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.function_call_arguments.delta"
):
    """More of a function's arguments.

    Attributes:
        delta: The next piece of their JSON text.
    """

    type: ClassVar[Literal["response.function_call_arguments.delta"]] = (
        "response.function_call_arguments.delta"
    )
    delta: str = sent(str)


class ResponseFunctionCallArgumentsDoneEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.function_call_arguments.done"
):
    """A function's arguments are whole.

    Attributes:
        arguments: All of their JSON text.
        name: The function.
    """

    type: ClassVar[Literal["response.function_call_arguments.done"]] = (
        "response.function_call_arguments.done"
    )
    arguments: str = sent(str)
    name: str | None = None


class ResponseMcpCallArgumentsDeltaEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.mcp_call_arguments.delta"
):
    """More of the arguments of an MCP server's tool.

    Attributes:
        delta: The next piece of their JSON text.
    """

    type: ClassVar[Literal["response.mcp_call_arguments.delta"]] = (
        "response.mcp_call_arguments.delta"
    )
    delta: str = sent(str)


class ResponseMcpCallArgumentsDoneEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.mcp_call_arguments.done"
):
    """The arguments of an MCP server's tool are whole.

    Attributes:
        arguments: All of their JSON text.
    """

    type: ClassVar[Literal["response.mcp_call_arguments.done"]] = "response.mcp_call_arguments.done"
    arguments: str = sent(str)


class ResponseCodeInterpreterCallCodeDeltaEvent(
    ResponseItemEvent,
    frozen=True,
    tag_field="type",
    tag="response.code_interpreter_call_code.delta",
):
    """More of the code that will run.

    Attributes:
        delta: The next piece.
    """

    type: ClassVar[Literal["response.code_interpreter_call_code.delta"]] = (
        "response.code_interpreter_call_code.delta"
    )
    delta: str = sent(str)


class ResponseCodeInterpreterCallCodeDoneEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.code_interpreter_call_code.done"
):
    """The code that will run is whole.

    Attributes:
        code: All of it.
    """

    type: ClassVar[Literal["response.code_interpreter_call_code.done"]] = (
        "response.code_interpreter_call_code.done"
    )
    code: str = sent(str)


class ResponseMcpCallInProgressEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.mcp_call.in_progress"
):
    """A call of an MCP server's tool is under way."""

    type: ClassVar[Literal["response.mcp_call.in_progress"]] = "response.mcp_call.in_progress"


class ResponseMcpCallCompletedEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.mcp_call.completed"
):
    """A call of an MCP server's tool has succeeded."""

    type: ClassVar[Literal["response.mcp_call.completed"]] = "response.mcp_call.completed"


class ResponseMcpCallFailedEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.mcp_call.failed"
):
    """A call of an MCP server's tool has failed."""

    type: ClassVar[Literal["response.mcp_call.failed"]] = "response.mcp_call.failed"


class ResponseMcpListToolsInProgressEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.mcp_list_tools.in_progress"
):
    """The listing of an MCP server's tools is under way."""

    type: ClassVar[Literal["response.mcp_list_tools.in_progress"]] = (
        "response.mcp_list_tools.in_progress"
    )


class ResponseMcpListToolsCompletedEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.mcp_list_tools.completed"
):
    """The listing of an MCP server's tools has succeeded."""

    type: ClassVar[Literal["response.mcp_list_tools.completed"]] = (
        "response.mcp_list_tools.completed"
    )


class ResponseMcpListToolsFailedEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.mcp_list_tools.failed"
):
    """The listing of an MCP server's tools has failed."""

    type: ClassVar[Literal["response.mcp_list_tools.failed"]] = "response.mcp_list_tools.failed"


class ResponseWebSearchCallInProgressEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.web_search_call.in_progress"
):
    """A search of the web is to begin."""

    type: ClassVar[Literal["response.web_search_call.in_progress"]] = (
        "response.web_search_call.in_progress"
    )


class ResponseWebSearchCallSearchingEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.web_search_call.searching"
):
    """A search of the web is under way."""

    type: ClassVar[Literal["response.web_search_call.searching"]] = (
        "response.web_search_call.searching"
    )


class ResponseWebSearchCallCompletedEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.web_search_call.completed"
):
    """A search of the web is over."""

    type: ClassVar[Literal["response.web_search_call.completed"]] = (
        "response.web_search_call.completed"
    )


class ResponseFileSearchCallInProgressEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.file_search_call.in_progress"
):
    """A search in files is to begin."""

    type: ClassVar[Literal["response.file_search_call.in_progress"]] = (
        "response.file_search_call.in_progress"
    )


class ResponseFileSearchCallSearchingEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.file_search_call.searching"
):
    """A search in files is under way."""

    type: ClassVar[Literal["response.file_search_call.searching"]] = (
        "response.file_search_call.searching"
    )


class ResponseFileSearchCallCompletedEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.file_search_call.completed"
):
    """A search in files is over."""

    type: ClassVar[Literal["response.file_search_call.completed"]] = (
        "response.file_search_call.completed"
    )


class ResponseCodeInterpreterCallInProgressEvent(
    ResponseItemEvent,
    frozen=True,
    tag_field="type",
    tag="response.code_interpreter_call.in_progress",
):
    """A run of code is to begin."""

    type: ClassVar[Literal["response.code_interpreter_call.in_progress"]] = (
        "response.code_interpreter_call.in_progress"
    )


class ResponseCodeInterpreterCallInterpretingEvent(
    ResponseItemEvent,
    frozen=True,
    tag_field="type",
    tag="response.code_interpreter_call.interpreting",
):
    """A run of code is under way."""

    type: ClassVar[Literal["response.code_interpreter_call.interpreting"]] = (
        "response.code_interpreter_call.interpreting"
    )


class ResponseCodeInterpreterCallCompletedEvent(
    ResponseItemEvent, frozen=True, tag_field="type", tag="response.code_interpreter_call.completed"
):
    """A run of code is over."""

    type: ClassVar[Literal["response.code_interpreter_call.completed"]] = (
        "response.code_interpreter_call.completed"
    )
