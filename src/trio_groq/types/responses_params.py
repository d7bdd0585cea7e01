"""The parameters of a response, declared once. Source: API reference, "Create response".

As in `chat_params`: ranges are `msgspec.Meta`, enumerations of texts are open (plain `str`), and
`X | None` means that null may be sent.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Required, TypeAlias, TypedDict

from msgspec import Meta

from trio_groq.types.chat_tools import NamedFunction, ResponseFormatJSONObject, ResponseFormatText
from trio_groq.types.responses_input import ResponseInputItemParam

__all__ = [
    "ResponseBrowserSearchToolParam",
    "ResponseCodeInterpreterToolParam",
    "ResponseCreateParams",
    "ResponseFunctionToolParam",
    "ResponseMcpToolParam",
    "ResponseReasoningParam",
    "ResponseRequestBody",
    "ResponseTextConfigParam",
    "ResponseTextFormatJSONSchemaParam",
    "ResponseTextFormatParam",
    "ResponseToolChoiceParam",
    "ResponseToolParam",
    "ResponseWebSearchToolParam",
]

# --- tools ---------------------------------------------------------------------------------------


class ResponseFunctionToolParam(TypedDict, total=False):
    """A function that the caller runs.

    Attributes:
        type: `function`.
        name: Letters, digits, `_` and `-`; at most 64 characters.
        description: What it does; the model decides by this when to call it.
        parameters: JSON Schema of its arguments.
        strict: Whether the arguments must fit the schema exactly.
    """

    type: Required[Literal["function"]]
    name: Required[str]
    description: str | None
    parameters: Mapping[str, object] | None
    strict: bool | None


class ResponseMcpToolParam(TypedDict, total=False):
    """The tools of an MCP server, which the API calls.

    Attributes:
        type: `mcp`.
        server_label: Name of the server within this request.
        server_url: Its address.
        server_description: What it offers; the model reads this.
        connector_id: A connector of the API's own, instead of an address.
        authorization: A token for the server.
        headers: Header fields for the server, such as a key.
        allowed_tools: Which of its tools may be used: a list of names, or a filter.
        require_approval: `always`, `never`, or a filter.
    """

    type: Required[Literal["mcp"]]
    server_label: Required[str]
    server_url: str
    server_description: str | None
    connector_id: str
    authorization: str | None
    headers: Mapping[str, str] | None
    allowed_tools: object
    require_approval: object


class ResponseBrowserSearchToolParam(TypedDict):
    """A browser that the server runs.

    Attributes:
        type: `browser_search`.
    """

    type: Literal["browser_search"]


class ResponseWebSearchToolParam(TypedDict, total=False):
    """A search of the web that the server makes.

    Attributes:
        type: `web_search` or `web_search_preview`.
        search_context_size: `low`, `medium` or `high`.
        user_location: Where the user is, in any shape.
        filters: Which pages count, in any shape.
    """

    type: Required[Literal["web_search", "web_search_preview"]]
    search_context_size: str | None
    user_location: object
    filters: object


class ResponseCodeInterpreterToolParam(TypedDict, total=False):
    """Code that the server runs.

    Attributes:
        type: `code_interpreter`.
        container: Where it runs: an id, or an object such as `{"type": "auto"}`.
    """

    type: Required[Literal["code_interpreter"]]
    container: str | Mapping[str, object]


ResponseToolParam: TypeAlias = (
    ResponseFunctionToolParam
    | ResponseMcpToolParam
    | ResponseBrowserSearchToolParam
    | ResponseWebSearchToolParam
    | ResponseCodeInterpreterToolParam
    | Mapping[str, object]
)
"""A tool. Any mapping will do for type checkers; its shape is checked before sending."""


class ResponseToolChoiceParam(TypedDict, total=False):
    """The tool that must be called.

    Attributes:
        type: `function`, or another kind of tool.
        function: Which function.
        name: Which function, in the form of the OpenAI SDK.
        server_label: Which MCP server.
    """

    type: Required[str]
    function: NamedFunction
    name: str
    server_label: str


# --- the form of the answer ----------------------------------------------------------------------


class ResponseTextFormatJSONSchemaParam(TypedDict, total=False):
    """The text is JSON that fits a schema, for models that can.

    Attributes:
        type: `json_schema`.
        name: Letters, digits, `_` and `-`; at most 64 characters.
        schema: The JSON Schema.
        description: What it is for; the model reads this.
        strict: Whether the text must fit the schema exactly.
    """

    type: Required[Literal["json_schema"]]
    name: Required[str]
    schema: Required[Mapping[str, object]]
    description: str
    strict: bool | None


ResponseTextFormatParam: TypeAlias = (
    ResponseFormatText
    | ResponseFormatJSONObject
    | ResponseTextFormatJSONSchemaParam
    | Mapping[str, object]
)
"""The form of the text. Any mapping will do for type checkers; it is checked before sending."""


class ResponseTextConfigParam(TypedDict, total=False):
    """How the text is to be.

    Attributes:
        format: Its form; text by default.
        verbosity: `low`, `medium` or `high`.
    """

    format: ResponseTextFormatParam
    verbosity: str | None


class ResponseReasoningParam(TypedDict, total=False):
    """How the model is to reason.

    Attributes:
        effort: `low`, `medium` (the default) or `high`; some models know `none`.
        summary: Not supported by the API.
    """

    effort: str | None
    summary: str | None


# --- the request ---------------------------------------------------------------------------------


class ResponseCreateParams(TypedDict, total=False):
    """Parameters of `responses.create` and `responses.stream`.

    Attributes:
        input: What the model answers: a text, or items of a conversation.
        model: Id of the model.
        background: Not supported by the API.
        include: What to add to the output. Not supported by the API.
        instructions: A system message before the input.
        max_output_tokens: Most tokens to generate, reasoning among them.
        max_tool_calls: Most calls of tools that the server runs.
        metadata: At most 16 names and values, to be kept with the response.
        parallel_tool_calls: Whether several tools may be called at once. True by default.
        previous_response_id: Not supported by the API: send the conversation as `input`.
        prompt_cache_key: Not supported by the API.
        reasoning: How the model is to reason.
        safety_identifier: Not supported by the API.
        service_tier: `auto` (the default), `default` or `flex`.
        store: Whether the API keeps the response; it takes only false.
        temperature: 0.0 to 2.0; 1.0 by default.
        text: How the text is to be.
        tool_choice: `none`, `auto`, `required`, or the tool that must be called.
        tools: Tools that the model may use; at most 128.
        top_logprobs: 0 to 20: how many likely tokens to return at each position.
        top_p: 0.0 to 1.0: share of the probability mass that tokens are drawn from; 1.0 by default.
        truncation: `disabled` (the default), or `auto`.
        user: A name for the end user, for finding abuse.
    """

    input: Required[str | Sequence[ResponseInputItemParam]]
    model: Required[str]
    background: bool | None
    include: Sequence[str] | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    metadata: Mapping[str, str] | None
    parallel_tool_calls: bool | None
    previous_response_id: str | None
    prompt_cache_key: str | None
    reasoning: ResponseReasoningParam | None
    safety_identifier: str | None
    service_tier: str | None
    store: bool | None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None
    text: ResponseTextConfigParam | None
    tool_choice: str | ResponseToolChoiceParam | None
    tools: Annotated[Sequence[ResponseToolParam], Meta(max_length=128)] | None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None
    truncation: str | None
    user: str | None


class ResponseRequestBody(ResponseCreateParams, total=False):
    """The whole body of a request for a response.

    Attributes:
        stream: Whether the answer comes in pieces. No parameter of ours: the method says it.
    """

    stream: bool | None
