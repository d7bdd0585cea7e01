"""Chat completions as they come back whole. Source: API reference, "Create chat completion"."""

from typing import Any

from trio_groq.types._base import Record, Response, sent
from trio_groq.types.executed_tools import ExecutedTool
from trio_groq.types.usage import CompletionUsage, UsageBreakdown

__all__ = [
    "Annotation",
    "AnnotationDocumentCitation",
    "AnnotationFunctionCitation",
    "ChatCompletion",
    "ChatCompletionMessage",
    "ChatCompletionMessageToolCall",
    "ChatCompletionTokenLogprob",
    "Choice",
    "ChoiceLogprobs",
    "DebugData",
    "FunctionCall",
    "McpListTools",
    "McpTool",
    "TopLogprob",
    "XGroq",
    "XGroqUsage",
]


class TopLogprob(Record):
    """One of the likeliest tokens at a position.

    Attributes:
        token: The token.
        logprob: Its log probability.
        bytes: Its UTF-8 bytes, where a token is a part of a character.
    """

    token: str = sent(str)
    logprob: float = sent(float)
    bytes: list[int] | None = None


class ChatCompletionTokenLogprob(Record):
    """A token of the answer with its probability.

    Attributes:
        token: The token.
        logprob: Its log probability; -9999.0 for one that is not among the likeliest 20.
        bytes: Its UTF-8 bytes, where a token is a part of a character.
        top_logprobs: The likeliest tokens at this position; may be fewer than were asked for.
    """

    token: str = sent(str)
    logprob: float = sent(float)
    bytes: list[int] | None = None
    top_logprobs: list[TopLogprob] | None = None


class ChoiceLogprobs(Record):
    """Token probabilities of one choice.

    Attributes:
        content: One entry for each token of the content.
    """

    content: list[ChatCompletionTokenLogprob] | None = None


class AnnotationDocumentCitation(Record, gc=False):
    """A place in the content that rests on a document of the request.

    Attributes:
        document_id: Which document.
        start_index: Character of the content where the citation begins.
        end_index: Character of the content where it ends.
    """

    document_id: str = sent(str)
    start_index: int = sent(int)
    end_index: int = sent(int)


class AnnotationFunctionCitation(Record, gc=False):
    """A place in the content that rests on the result of a tool call.

    Attributes:
        tool_call_id: Which tool call.
        start_index: Character of the content where the citation begins.
        end_index: Character of the content where it ends.
    """

    tool_call_id: str = sent(str)
    start_index: int = sent(int)
    end_index: int = sent(int)


class Annotation(Record, gc=False):
    """Where a part of the content comes from.

    Attributes:
        type: `document_citation`, `function_citation`, or new.
        document_citation: Set for the first.
        function_citation: Set for the second.
    """

    type: str = sent(str)
    document_citation: AnnotationDocumentCitation | None = None
    function_citation: AnnotationFunctionCitation | None = None


class FunctionCall(Record, gc=False):
    """A function that the model wants to be called.

    Attributes:
        name: Its name.
        arguments: Its arguments as the model wrote them: JSON text, which may be invalid or not
            fit the function's schema.
    """

    name: str = sent(str)
    arguments: str = sent(str)


class ChatCompletionMessageToolCall(Record, gc=False):
    """A tool that the model wants to be called.

    Attributes:
        id: Name of this call, for the `tool` message that answers it.
        type: `function`, or new.
        function: The function and its arguments.
    """

    id: str = sent(str)
    type: str = sent(lambda: "function")
    function: FunctionCall = sent(FunctionCall)


class ChatCompletionMessage(Record):
    """The answer of the model. May be put into the `messages` of the next request as it is.

    Attributes:
        role: `assistant`.
        content: The text; None beside tool calls.
        reasoning: The model's reasoning, when `reasoning_format` is `parsed`.
        tool_calls: Tools that the model wants to be called; None if none.
        executed_tools: Tools that ran on the server.
        annotations: Citations in the content.
        function_call: Deprecated by the API: see `tool_calls`.
    """

    role: str = sent(lambda: "assistant")
    content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ChatCompletionMessageToolCall] | None = None
    executed_tools: list[ExecutedTool] | None = None
    annotations: list[Annotation] | None = None
    function_call: FunctionCall | None = None


class Choice(Record):
    """One answer.

    Attributes:
        index: Position among the answers.
        message: The answer.
        finish_reason: `stop`, `length`, `tool_calls`, `function_call`, or new.
        logprobs: Token probabilities, if they were asked for.
    """

    index: int = sent(int)
    message: ChatCompletionMessage = sent(ChatCompletionMessage)
    finish_reason: str | None = None
    logprobs: ChoiceLogprobs | None = None


class McpTool(Record):
    """A tool of an MCP server.

    Attributes:
        name: Its name.
        description: What it does.
        input_schema: JSON Schema of its input.
        annotations: What its server says of it, in any shape.
    """

    name: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    annotations: Any = None


class McpListTools(Record):
    """The tools that an MCP server offers.

    Attributes:
        id: Name of this listing.
        type: `mcp_list_tools`.
        server_label: The server, as the request named it.
        tools: Its tools.
    """

    id: str | None = None
    type: str | None = None
    server_label: str | None = None
    tools: list[McpTool] | None = None


class XGroqUsage(Record, gc=False):
    """Use of the hardware's prompt caches.

    Attributes:
        sram_cached_tokens: Tokens that came from SRAM.
        dram_cached_tokens: Tokens that came from DRAM.
    """

    sram_cached_tokens: int | None = None
    dram_cached_tokens: int | None = None


class DebugData(Record):
    """What the model read and wrote, token by token; only for requests with `debug`.

    Attributes:
        input_token_ids: Ids of the tokens read.
        input_tokens: These tokens.
        output_token_ids: Ids of the tokens written.
        output_tokens: These tokens.
    """

    input_token_ids: list[int] | None = None
    input_tokens: list[str] | None = None
    output_token_ids: list[int] | None = None
    output_tokens: list[str] | None = None


class XGroq(Record):
    """What Groq adds to the OpenAI format.

    Attributes:
        id: The request's id (`req_...`), for Groq's support.
        seed: The seed that was used.
        usage: Use of the hardware's caches.
        debug: What the model read and wrote.
    """

    id: str | None = None
    seed: int | None = None
    usage: XGroqUsage | None = None
    debug: DebugData | None = None


class ChatCompletion(Response):
    """A chat completion.

    Attributes:
        id: Its id (`chatcmpl-...`).
        choices: The answers; one, as the API knows only `n=1`.
        created: When, in seconds of Unix time.
        model: The model that answered.
        object: `chat.completion`.
        system_fingerprint: The backend's configuration: with the same seed and the same
            fingerprint, the answer should be the same.
        usage: What it cost.
        usage_breakdown: What each model of a compound system cost.
        service_tier: The tier that served it: `on_demand`, `flex`, `performance`, `auto`, or new.
        mcp_list_tools: Tools that the MCP servers of the request offer.
        x_groq: What Groq adds.
    """

    id: str = sent(str)
    choices: list[Choice] = sent(list[Choice])
    created: int = sent(int)
    model: str = sent(str)
    object: str = sent(lambda: "chat.completion")
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    usage_breakdown: UsageBreakdown | None = None
    service_tier: str | None = None
    mcp_list_tools: list[McpListTools] | None = None
    x_groq: XGroq | None = None

    @property
    def text(self) -> str:
        """The text of the first answer; empty where there is none, as beside calls of tools."""
        return (self.choices[0].message.content or "") if self.choices else ""
