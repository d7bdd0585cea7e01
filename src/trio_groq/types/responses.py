"""Responses as they come back whole. Source: API reference, "Responses".

The object is called `ResponseObject`, after its field `object`: `Response` is the base of all that
calls return, and what HTTP libraries call the thing that it came in.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

from trio_groq.types._base import Record, Response, sent
from trio_groq.types.responses_items import (
    KnownItem,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseOutputText,
)

__all__ = [
    "ResponseError",
    "ResponseIncompleteDetails",
    "ResponseObject",
    "ResponseReasoning",
    "ResponseTextConfig",
    "ResponseTextFormat",
    "ResponseTokensDetails",
    "ResponseTool",
    "ResponseUsage",
]

if TYPE_CHECKING:
    _Item: TypeAlias = ResponseOutputItem
else:
    _Item = KnownItem


class ResponseError(Record, gc=False):
    """Why a response failed.

    Attributes:
        code: What kind of error.
        message: What happened, for people.
    """

    code: str = sent(str)
    message: str = sent(str)


class ResponseIncompleteDetails(Record, gc=False):
    """Why a response is not complete.

    Attributes:
        reason: `max_output_tokens`, `content_filter`, or new.
    """

    reason: str | None = None


class ResponseTokensDetails(Record, gc=False):
    """Breakdown of tokens.

    Attributes:
        cached_tokens: Tokens that came from the prompt cache.
        reasoning_tokens: Tokens of reasoning.
    """

    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class ResponseUsage(Record, gc=False):
    """What a response cost.

    Attributes:
        input_tokens: Tokens of the input.
        output_tokens: Tokens generated, reasoning among them.
        total_tokens: Both together.
        input_tokens_details: Breakdown of the input's tokens.
        output_tokens_details: Breakdown of the output's tokens.
    """

    input_tokens: int = sent(int)
    output_tokens: int = sent(int)
    total_tokens: int = sent(int)
    input_tokens_details: ResponseTokensDetails | None = None
    output_tokens_details: ResponseTokensDetails | None = None


class ResponseReasoning(Record, gc=False):
    """How the model was to reason.

    Attributes:
        effort: `low`, `medium`, `high`, or new.
        summary: Not supported by the API.
    """

    effort: str | None = None
    summary: str | None = None


class ResponseTextFormat(Record):
    """The form that the text was to have.

    Attributes:
        type: `text`, `json_object`, `json_schema`, or new.
        name: Name of the schema.
        description: What it is for.
        schema: The JSON Schema.
        strict: Whether the text fits it exactly.
    """

    type: str = sent(lambda: "text")
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class ResponseTextConfig(Record):
    """How the text was to be.

    Attributes:
        format: Its form.
        verbosity: How long it was to be.
    """

    format: ResponseTextFormat | None = None
    verbosity: str | None = None


class ResponseTool(Record):
    """A tool that the request offered; which fields are set depends on its type.

    Attributes:
        type: `function`, `mcp`, `browser_search`, `code_interpreter`, or new.
        name: Name of the function.
        description: What it does.
        parameters: JSON Schema of its arguments.
        strict: Whether the arguments fit the schema exactly.
        server_label: Name of the MCP server within the request.
        server_url: Its address.
        server_description: What it offers.
        allowed_tools: Which of its tools may be used, in any shape.
        require_approval: Which calls need approval, in any shape.
        container: Where code runs, in any shape.
    """

    type: str = sent(str)
    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    server_label: str | None = None
    server_url: str | None = None
    server_description: str | None = None
    allowed_tools: Any = None
    require_approval: Any = None
    container: Any = None


class ResponseObject(Response):
    """A response: what the model made of an input.

    The OpenAI SDK calls it `Response`. Besides the output it repeats the parameters of its
    request, as the API has understood them.

    Attributes:
        id: Its id (`resp_...`).
        object: `response`.
        status: `completed`, `failed`, `in_progress`, `incomplete`, or new.
        created_at: When, in seconds of Unix time.
        model: The model that answered.
        output: What the model made, in order; see also `output_text`.
        usage: What it cost; None while it is in progress.
        error: Why it failed.
        incomplete_details: Why it is incomplete.
        background: Whether it was made in the background.
        instructions: The parameter, as are all that follow.
        max_output_tokens: See there.
        max_tool_calls: See there.
        metadata: See there.
        parallel_tool_calls: See there.
        previous_response_id: Not supported by the API.
        reasoning: See there.
        service_tier: `auto`, `default`, `flex`, or new.
        store: Whether the API keeps it.
        temperature: See there.
        text: See there.
        tool_choice: `none`, `auto`, `required`, or an object that names a tool.
        tools: See there.
        top_logprobs: See there.
        top_p: See there.
        truncation: `auto`, `disabled`, or new.
        user: See there.
    """

    id: str = sent(str)
    object: str = sent(lambda: "response")
    status: str | None = None
    created_at: int = sent(int)
    model: str = sent(str)
    output: list[_Item] = sent(list[_Item])
    usage: ResponseUsage | None = None
    error: ResponseError | None = None
    incomplete_details: ResponseIncompleteDetails | None = None
    background: bool | None = None
    instructions: str | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    metadata: dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None
    reasoning: ResponseReasoning | None = None
    service_tier: str | None = None
    store: bool | None = None
    temperature: float | None = None
    text: ResponseTextConfig | None = None
    tool_choice: str | dict[str, Any] | None = None
    tools: list[ResponseTool] | None = None
    top_logprobs: int | None = None
    top_p: float | None = None
    truncation: str | None = None
    user: str | None = None

    @property
    def output_text(self) -> str:
        """The text of all messages of the output; empty if there is none."""
        return "".join(
            part.text
            for item in self.output
            if isinstance(item, ResponseOutputMessage)
            for part in item.content
            if isinstance(part, ResponseOutputText)
        )
