"""The parameters of a chat request, declared once. Source: API reference, "Create chat completion".

The declarations serve type checkers, editors and the checks before sending alike: ranges are
`msgspec.Meta`, and rules between parameters stand beside the parameter. Enumerations of texts are
open (plain `str`); what is known today is in the documentation of the field.

`X | None` means that null may be sent. To leave a parameter out is not to send it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Required, TypeAlias, TypedDict

from msgspec import Meta

from trio_groq.types._base import Excludes, Needs, Replaced
from trio_groq.types.chat_messages import ChatCompletionMessageParam
from trio_groq.types.chat_tools import (
    ChatCompletionNamedToolChoiceParam,
    ChatCompletionToolParam,
    FunctionDefinition,
    FunctionName,
    ResponseFormatParam,
)

__all__ = [
    "ChatCompletionCreateParams",
    "ChatCompletionDocumentParam",
    "ChatCompletionParseParams",
    "ChatCompletionRequestBody",
    "ChatCompletionToolRunParams",
    "CompoundCustom",
    "CompoundCustomModels",
    "CompoundCustomTools",
    "DocumentSourceJSON",
    "DocumentSourceText",
    "SearchSettings",
    "StreamOptions",
    "WolframSettings",
]

_Penalty: TypeAlias = Annotated[float, Meta(ge=-2, le=2)]


class DocumentSourceText(TypedDict):
    """A document that is text.

    Attributes:
        type: `text`.
        text: The text.
    """

    type: Literal["text"]
    text: str


class DocumentSourceJSON(TypedDict):
    """A document that is data.

    Attributes:
        type: `json`.
        data: The data.
    """

    type: Literal["json"]
    data: Mapping[str, object]


class ChatCompletionDocumentParam(TypedDict, total=False):
    """A document that the model may refer to.

    Attributes:
        source: Its content.
        id: Its name, for citations.
    """

    source: Required[DocumentSourceText | DocumentSourceJSON]
    id: str | None


class SearchSettings(TypedDict, total=False):
    """How compound systems search the web.

    Attributes:
        include_domains: Search only these.
        exclude_domains: Never search these.
        include_images: Whether to find images, too.
        country: Prefer pages of this country.
    """

    include_domains: Sequence[str] | None
    exclude_domains: Sequence[str] | None
    include_images: bool | None
    country: str | None


class CompoundCustomModels(TypedDict, total=False):
    """The models of a compound system.

    Attributes:
        reasoning_model: Does the thinking.
        answering_model: Writes the answer.
    """

    reasoning_model: str | None
    answering_model: str | None


class WolframSettings(TypedDict, total=False):
    """Access to Wolfram|Alpha.

    Attributes:
        authorization: The caller's key for it. Shown in no message of ours.
    """

    authorization: str | None


class CompoundCustomTools(TypedDict, total=False):
    """The tools of a compound system.

    Attributes:
        enabled_tools: Names of those that may be used.
        wolfram_settings: Access to Wolfram|Alpha.
    """

    enabled_tools: Sequence[str] | None
    wolfram_settings: WolframSettings | None


class CompoundCustom(TypedDict, total=False):
    """What a compound system is made of.

    Attributes:
        models: Its models.
        tools: Its tools.
    """

    models: CompoundCustomModels | None
    tools: CompoundCustomTools | None


class StreamOptions(TypedDict, total=False):
    """Options of a stream.

    Attributes:
        include_usage: Whether a last chunk without choices brings the usage.
    """

    include_usage: bool | None


class _SharedParams(TypedDict, total=False):
    """The parameters of a chat request, but for its tools and the form of its answer.

    Attributes:
        messages: The conversation so far; at least one message.
        model: The model's id, such as `openai/gpt-oss-120b`.
        citation_options: `enabled` (the default) or `disabled`: whether the answer cites the
            documents given and the pages found.
        compound_custom: Models and tools of a compound system.
        disable_tool_validation: Whether to return calls of tools that `tools` does not have.
        documents: Documents that the model may refer to.
        exclude_domains: Deprecated: `search_settings`.
        frequency_penalty: -2.0 to 2.0: penalty on tokens by how often they came. No model
            supports it so far.
        function_call: Deprecated: `tool_choice`.
        functions: Deprecated: `tools`. At most 128.
        include_domains: Deprecated: `search_settings`.
        include_reasoning: Whether the answer has `reasoning`. Not with `reasoning_format`.
        logit_bias: Bias by token id. No model supports it so far.
        logprobs: Whether to return token probabilities. No model supports it so far.
        max_completion_tokens: Most tokens to generate, reasoning included.
        max_tokens: Deprecated: `max_completion_tokens`.
        metadata: Not supported by the API so far.
        n: How many answers; the API knows only 1.
        parallel_tool_calls: Whether the model may call several tools at once; by default true.
        presence_penalty: -2.0 to 2.0: penalty on tokens that came at all. No model supports it so
            far.
        reasoning_effort: `none`, `default`, `low`, `medium` or `high`, by model.
        reasoning_format: `hidden`, `raw` or `parsed`. Not with `include_reasoning`.
        search_settings: How compound systems search the web.
        seed: For answers that repeat, as far as the backend allows.
        service_tier: `on_demand` (the default), `auto`, `flex` or `performance`.
        stop: A text, or at most 4, at which the answer ends; it does not contain them.
        store: Not supported by the API so far.
        stream_options: Options of a stream; only for streams.
        temperature: 0.0 to 2.0: how random the answer is; 1.0 by default.
        tool_choice: `auto`, `none`, `required`, or a tool that must be called.
        top_logprobs: 0 to 20: how many likely tokens to return at each position. Needs
            `logprobs`.
        top_p: 0.0 to 1.0: share of the probability mass that tokens are drawn from.
        user: A name for the end user, for finding abuse.
    """

    messages: Required[Annotated[Sequence[ChatCompletionMessageParam], Meta(min_length=1)]]
    model: Required[str]
    citation_options: str | None
    compound_custom: CompoundCustom | None
    disable_tool_validation: bool
    documents: Sequence[ChatCompletionDocumentParam] | None
    exclude_domains: Annotated[Sequence[str] | None, Replaced("search_settings.exclude_domains")]
    frequency_penalty: _Penalty | None
    function_call: Annotated[str | FunctionName | None, Replaced("tool_choice")]
    functions: Annotated[
        Annotated[Sequence[FunctionDefinition], Meta(max_length=128)] | None, Replaced("tools")
    ]
    include_domains: Annotated[Sequence[str] | None, Replaced("search_settings.include_domains")]
    include_reasoning: Annotated[bool | None, Excludes("reasoning_format")]
    logit_bias: Mapping[str, int] | None
    logprobs: bool | None
    max_completion_tokens: int | None
    max_tokens: Annotated[int | None, Replaced("max_completion_tokens")]
    metadata: Mapping[str, str] | None
    n: Annotated[int, Meta(ge=1, le=1)] | None
    parallel_tool_calls: bool | None
    presence_penalty: _Penalty | None
    reasoning_effort: str | None
    reasoning_format: str | None
    search_settings: SearchSettings | None
    seed: int | None
    service_tier: str | None
    stop: str | Annotated[Sequence[str], Meta(max_length=4)] | None
    store: bool | None
    stream_options: StreamOptions | None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None
    tool_choice: str | ChatCompletionNamedToolChoiceParam | None
    top_logprobs: Annotated[Annotated[int, Meta(ge=0, le=20)] | None, Needs("logprobs")]
    top_p: Annotated[float, Meta(ge=0, le=1)] | None
    user: str | None


class ChatCompletionParseParams(_SharedParams, total=False):
    """The parameters of a chat request, but for the form of its answer.

    Attributes:
        tools: Tools that the model may call; at most 128.
    """

    tools: Annotated[Sequence[ChatCompletionToolParam], Meta(max_length=128)] | None


class ChatCompletionToolRunParams(_SharedParams, total=False):
    """The parameters of a chat request, but for its tools.

    Attributes:
        response_format: The form of the answer.
    """

    response_format: ResponseFormatParam | None


class ChatCompletionCreateParams(
    ChatCompletionParseParams, ChatCompletionToolRunParams, total=False
):
    """The parameters of `chat.completions.create` and of all that send the same request."""


class ChatCompletionRequestBody(ChatCompletionCreateParams, total=False):
    """The whole body of a chat request.

    Attributes:
        stream: Whether the answer comes in pieces. No parameter of ours: the method says it.
    """

    stream: bool | None
