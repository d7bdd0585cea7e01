"""What a response consists of: output items, and the parts of their content.

Each kind is a struct of its own with its `type`; of a kind that is not here, all is kept in an
`UnknownItem`. Items can be put into the `input` of the next request as they came.

Source: API reference, "Responses". The document has messages, function calls and reasoning; the
other kinds are those of the OpenAI format, which the API's tools on the server follow. Names are
those of the OpenAI SDK.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from trio_groq.types._base import Record, sent
from trio_groq.types._open_unions import UnknownItem
from trio_groq.types.chat import McpTool

__all__ = [
    "KnownItem",
    "ResponseAnnotation",
    "ResponseCodeInterpreterToolCall",
    "ResponseContentPart",
    "ResponseFileCitation",
    "ResponseFileSearchToolCall",
    "ResponseFunctionToolCall",
    "ResponseFunctionWebSearch",
    "ResponseMcpApprovalRequest",
    "ResponseMcpCall",
    "ResponseMcpListTools",
    "ResponseOutputContent",
    "ResponseOutputItem",
    "ResponseOutputMessage",
    "ResponseOutputRefusal",
    "ResponseOutputText",
    "ResponseReasoningItem",
    "ResponseReasoningText",
    "ResponseSummaryText",
    "ResponseUrlCitation",
]

# --- annotations ---------------------------------------------------------------------------------


class ResponseFileCitation(Record, gc=False, tag_field="type", tag="file_citation"):
    """A place in the text that rests on a file.

    Attributes:
        type: `file_citation`.
        file_id: Which file.
        filename: Its name.
        index: Character of the text that it belongs to.
    """

    type: ClassVar[Literal["file_citation"]] = "file_citation"
    file_id: str = sent(str)
    filename: str | None = None
    index: int | None = None


class ResponseUrlCitation(Record, gc=False, tag_field="type", tag="url_citation"):
    """A place in the text that rests on a page of the web.

    Attributes:
        type: `url_citation`.
        url: Address of the page.
        title: Its title.
        start_index: Character of the text where the citation begins.
        end_index: Character of the text where it ends.
    """

    type: ClassVar[Literal["url_citation"]] = "url_citation"
    url: str = sent(str)
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


ResponseAnnotation: TypeAlias = ResponseFileCitation | ResponseUrlCitation | UnknownItem
"""Where a part of the text comes from."""

if TYPE_CHECKING:
    _Annotation: TypeAlias = ResponseAnnotation
else:
    _Annotation = ResponseFileCitation | ResponseUrlCitation

# --- parts of content ----------------------------------------------------------------------------


class ResponseOutputText(Record, tag_field="type", tag="output_text"):
    """A part of a message: text.

    Attributes:
        type: `output_text`.
        text: The text.
        annotations: Where parts of it come from.
        logprobs: Token probabilities; their form is not documented.
    """

    type: ClassVar[Literal["output_text"]] = "output_text"
    text: str = sent(str)
    annotations: list[_Annotation] = sent(list[_Annotation])
    logprobs: list[Any] | None = None


class ResponseOutputRefusal(Record, gc=False, tag_field="type", tag="refusal"):
    """A part of a message: why the model does not answer.

    Attributes:
        type: `refusal`.
        refusal: The explanation.
    """

    type: ClassVar[Literal["refusal"]] = "refusal"
    refusal: str = sent(str)


class ResponseReasoningText(Record, gc=False, tag_field="type", tag="reasoning_text"):
    """A part of the model's reasoning.

    Attributes:
        type: `reasoning_text`.
        text: The text.
    """

    type: ClassVar[Literal["reasoning_text"]] = "reasoning_text"
    text: str = sent(str)


class ResponseSummaryText(Record, gc=False, tag_field="type", tag="summary_text"):
    """A part of a summary of the model's reasoning.

    Attributes:
        type: `summary_text`.
        text: The text.
    """

    type: ClassVar[Literal["summary_text"]] = "summary_text"
    text: str = sent(str)


ResponseOutputContent: TypeAlias = ResponseOutputText | ResponseOutputRefusal | UnknownItem
"""A part of a message."""

ResponseContentPart: TypeAlias = (
    ResponseOutputText
    | ResponseOutputRefusal
    | ResponseReasoningText
    | ResponseSummaryText
    | UnknownItem
)
"""A part of a message or of reasoning."""

if TYPE_CHECKING:
    _Content: TypeAlias = ResponseOutputContent
    _Reasoning: TypeAlias = ResponseReasoningText | UnknownItem
    _Summary: TypeAlias = ResponseSummaryText | UnknownItem
else:
    _Content = ResponseOutputText | ResponseOutputRefusal
    _Reasoning = ResponseReasoningText
    _Summary = ResponseSummaryText

# --- items ---------------------------------------------------------------------------------------


class ResponseOutputMessage(Record, tag_field="type", tag="message"):
    """A message of the model.

    Attributes:
        type: `message`.
        id: Its id (`msg_...`).
        role: `assistant`.
        status: `in_progress`, `completed`, `incomplete`, or new.
        content: Its parts.
    """

    type: ClassVar[Literal["message"]] = "message"
    id: str = sent(str)
    role: str = sent(lambda: "assistant")
    status: str | None = None
    content: list[_Content] = sent(list[_Content])


class ResponseFunctionToolCall(Record, gc=False, tag_field="type", tag="function_call"):
    """A function that the model wants to be called.

    Attributes:
        type: `function_call`.
        id: Its id.
        call_id: Name of the call, for the `function_call_output` that answers it.
        name: The function.
        arguments: Its arguments as the model wrote them: JSON text, which may be invalid or not
            fit the function's schema.
        status: `in_progress`, `completed`, `incomplete`, or new.
    """

    type: ClassVar[Literal["function_call"]] = "function_call"
    id: str | None = None
    call_id: str = sent(str)
    name: str = sent(str)
    arguments: str = sent(str)
    status: str | None = None


class ResponseReasoningItem(Record, tag_field="type", tag="reasoning"):
    """What the model thought.

    Attributes:
        type: `reasoning`.
        id: Its id.
        summary: Summaries; empty so far.
        content: The text, in parts.
        encrypted_content: The text for the server's eyes only.
        status: `in_progress`, `completed`, `incomplete`, or new.
    """

    type: ClassVar[Literal["reasoning"]] = "reasoning"
    id: str = sent(str)
    summary: list[_Summary] = sent(list[_Summary])
    content: list[_Reasoning] | None = None
    encrypted_content: str | None = None
    status: str | None = None


class ResponseFunctionWebSearch(Record, tag_field="type", tag="web_search_call"):
    """A search of the web that the server made, or a page that it opened or searched.

    Attributes:
        type: `web_search_call`.
        id: Its id.
        action: What was done, in any shape: its `type` is `search`, `open_page`, `find`, or new.
        status: `in_progress`, `searching`, `completed`, `failed`, or new.
    """

    type: ClassVar[Literal["web_search_call"]] = "web_search_call"
    id: str = sent(str)
    action: Any = None
    status: str | None = None


class ResponseFileSearchToolCall(Record, tag_field="type", tag="file_search_call"):
    """A search in files that the server made.

    Attributes:
        type: `file_search_call`.
        id: Its id.
        queries: What was searched for.
        results: What was found, in any shape.
        status: `in_progress`, `searching`, `completed`, `incomplete`, `failed`, or new.
    """

    type: ClassVar[Literal["file_search_call"]] = "file_search_call"
    id: str = sent(str)
    queries: list[str] | None = None
    results: list[Any] | None = None
    status: str | None = None


class ResponseCodeInterpreterToolCall(Record, tag_field="type", tag="code_interpreter_call"):
    """Code that the server ran.

    Attributes:
        type: `code_interpreter_call`.
        id: Its id.
        code: The code.
        container_id: Where it ran.
        outputs: What it put out, in any shape: objects of type `logs`, `image`, or new.
        status: `in_progress`, `interpreting`, `completed`, `incomplete`, `failed`, or new.
    """

    type: ClassVar[Literal["code_interpreter_call"]] = "code_interpreter_call"
    id: str = sent(str)
    code: str | None = None
    container_id: str | None = None
    outputs: list[Any] | None = None
    status: str | None = None


class ResponseMcpListTools(Record, tag_field="type", tag="mcp_list_tools"):
    """The tools that an MCP server offers.

    Attributes:
        type: `mcp_list_tools`.
        id: Its id.
        server_label: The server, as the request named it.
        tools: Its tools.
        error: Why it could not be asked: a text, or an object in any shape.
    """

    type: ClassVar[Literal["mcp_list_tools"]] = "mcp_list_tools"
    id: str = sent(str)
    server_label: str = sent(str)
    tools: list[McpTool] = sent(list[McpTool])
    error: Any = None


class ResponseMcpCall(Record, tag_field="type", tag="mcp_call"):
    """A call of a tool of an MCP server, which the API made.

    Attributes:
        type: `mcp_call`.
        id: Its id.
        server_label: The server, as the request named it.
        name: The tool.
        arguments: Its arguments: JSON text.
        output: What it answered.
        error: Why it failed: a text, or an object in any shape.
        approval_request_id: The approval that it had.
        status: `in_progress`, `completed`, `incomplete`, `calling`, `failed`, or new.
    """

    type: ClassVar[Literal["mcp_call"]] = "mcp_call"
    id: str = sent(str)
    server_label: str = sent(str)
    name: str = sent(str)
    arguments: str = sent(str)
    output: str | None = None
    error: Any = None
    approval_request_id: str | None = None
    status: str | None = None


class ResponseMcpApprovalRequest(Record, gc=False, tag_field="type", tag="mcp_approval_request"):
    """A call of a tool of an MCP server that waits for approval.

    Attributes:
        type: `mcp_approval_request`.
        id: Its id, for the `mcp_approval_response` that answers it.
        server_label: The server, as the request named it.
        name: The tool.
        arguments: Its arguments: JSON text.
    """

    type: ClassVar[Literal["mcp_approval_request"]] = "mcp_approval_request"
    id: str = sent(str)
    server_label: str = sent(str)
    name: str = sent(str)
    arguments: str = sent(str)


KnownItem: TypeAlias = (
    ResponseOutputMessage
    | ResponseFunctionToolCall
    | ResponseReasoningItem
    | ResponseFunctionWebSearch
    | ResponseFileSearchToolCall
    | ResponseCodeInterpreterToolCall
    | ResponseMcpListTools
    | ResponseMcpCall
    | ResponseMcpApprovalRequest
)

ResponseOutputItem: TypeAlias = KnownItem | UnknownItem
"""A part of the output."""
