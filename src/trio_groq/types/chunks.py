"""Chat completions as they come in pieces. Source: API reference, "Create chat completion".

A busy client decodes thousands of these a second, so they are as light as can be: frozen, unknown
to the garbage collector (see `Piece`), and without `meta`, which their stream has.
"""

from typing import Any, TypeAlias

from trio_groq.types._base import Piece, sent
from trio_groq.types.chat import Annotation, ChoiceLogprobs, DebugData
from trio_groq.types.executed_tools import ExecutedTool
from trio_groq.types.usage import CompletionUsage, UsageBreakdown

__all__ = [
    "ChatCompletionChunk",
    "ChoiceDelta",
    "ChoiceDeltaFunctionCall",
    "ChoiceDeltaToolCall",
    "ChunkChoice",
    "ChunkXGroq",
    "ErrorBody",
]

ErrorBody: TypeAlias = dict[str, Any] | str
"""An error inside a stream: the API's error object, or a text."""


class ChoiceDeltaFunctionCall(Piece, frozen=True):
    """A piece of a function call.

    Attributes:
        name: The function, in the call's first piece.
        arguments: The next piece of the arguments; the pieces together are JSON text.
    """

    name: str | None = None
    arguments: str | None = None


class ChoiceDeltaToolCall(Piece, frozen=True):
    """A piece of a tool call; models on Groq mostly send calls whole.

    Attributes:
        index: Which tool call of this answer.
        id: Name of the call, in its first piece.
        type: `function`, or new; in the call's first piece.
        function: A piece of the function call.
    """

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: ChoiceDeltaFunctionCall | None = None


class ChoiceDelta(Piece, frozen=True):
    """What a chunk adds to the message.

    Attributes:
        role: `assistant`, in the first chunk, if at all.
        content: The next piece of the text.
        reasoning: The next piece of the reasoning.
        channel: What the piece is meant for, with models that tell: `analysis`, `final`, or new.
        tool_calls: Pieces of tool calls.
        executed_tools: Tools that ran on the server; the same run comes again as it grows.
        annotations: Citations in the content.
        function_call: Deprecated by the API: see `tool_calls`.
    """

    role: str | None = None
    content: str | None = None
    reasoning: str | None = None
    channel: str | None = None
    tool_calls: list[ChoiceDeltaToolCall] | None = None
    executed_tools: list[ExecutedTool] | None = None
    annotations: list[Annotation] | None = None
    function_call: ChoiceDeltaFunctionCall | None = None


class ChunkChoice(Piece, frozen=True):
    """What a chunk adds to one answer.

    Attributes:
        index: Which answer.
        delta: The addition; empty in the last chunk.
        finish_reason: Why the answer ends here: `stop`, `length`, `tool_calls`, `function_call`,
            or new; None while it goes on.
        logprobs: Token probabilities of this piece, if they were asked for.
    """

    index: int = sent(int)
    delta: ChoiceDelta = sent(ChoiceDelta)
    finish_reason: str | None = None
    logprobs: ChoiceLogprobs | None = None


class ChunkXGroq(Piece, frozen=True):
    """What Groq adds to the OpenAI format, each field in the first or in the last chunk.

    Attributes:
        id: The request's id (`req_...`), for Groq's support.
        seed: The seed that was used.
        usage: What the completion cost.
        usage_breakdown: What each model of a compound system cost.
        error: Why the stream stops early.
        debug: What the model read and wrote.
    """

    id: str | None = None
    seed: int | None = None
    usage: CompletionUsage | None = None
    usage_breakdown: UsageBreakdown | None = None
    error: ErrorBody | None = None
    debug: DebugData | None = None


class ChatCompletionChunk(Piece, frozen=True):
    """One piece of a streamed chat completion.

    Attributes:
        id: The completion's id; the same in all chunks, but not with every compound system.
        choices: Additions to the answers; empty in a chunk that only brings usage.
        created: When the completion began, in seconds of Unix time.
        model: The model that answers.
        object: `chat.completion.chunk`.
        system_fingerprint: The backend's configuration.
        usage: What the completion cost, in the last chunk; older models have it in `x_groq` only.
        usage_breakdown: What each model of a compound system cost.
        service_tier: The tier that serves it.
        x_groq: What Groq adds.
        error: Set when this is no chunk but the report of an error that ends the stream.
    """

    id: str = sent(str)
    choices: list[ChunkChoice] = sent(list[ChunkChoice])
    created: int = sent(int)
    model: str = sent(str)
    object: str = sent(lambda: "chat.completion.chunk")
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    usage_breakdown: UsageBreakdown | None = None
    service_tier: str | None = None
    x_groq: ChunkXGroq | None = None
    error: ErrorBody | None = None
