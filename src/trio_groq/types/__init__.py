"""What travels as JSON: msgspec Structs and TypedDicts, no behaviour.

Each name is loaded from its module at first use: Structs take a while to make, and there are many.
"""

# ruff: noqa: F403 (each module says what of it is public)

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trio_groq.types._open_unions import UnknownItem as UnknownItem
    from trio_groq.types.audio import *
    from trio_groq.types.audio_params import *
    from trio_groq.types.batches import *
    from trio_groq.types.batches_params import *
    from trio_groq.types.chat import *
    from trio_groq.types.chat_messages import *
    from trio_groq.types.chat_params import *
    from trio_groq.types.chat_tools import *
    from trio_groq.types.chunks import *
    from trio_groq.types.embeddings import *
    from trio_groq.types.embeddings_params import *
    from trio_groq.types.executed_tools import *
    from trio_groq.types.files import *
    from trio_groq.types.fine_tunings import *
    from trio_groq.types.fine_tunings_params import *
    from trio_groq.types.meta import *
    from trio_groq.types.models import *
    from trio_groq.types.parsed import *
    from trio_groq.types.reranking import *
    from trio_groq.types.reranking_params import *
    from trio_groq.types.responses import *
    from trio_groq.types.responses_event_bases import *
    from trio_groq.types.responses_events import *
    from trio_groq.types.responses_input import *
    from trio_groq.types.responses_items import *
    from trio_groq.types.responses_params import *
    from trio_groq.types.responses_text_events import *
    from trio_groq.types.responses_tool_events import *
    from trio_groq.types.stream_events import *
    from trio_groq.types.usage import *

_HOMES: Final = {
    "MAX_EMBEDDING_INPUTS": "embeddings_params",
    "MAX_RERANKING_DOCS": "reranking_params",
    "Annotation": "chat",
    "AnnotationDocumentCitation": "chat",
    "AnnotationFunctionCitation": "chat",
    "Batch": "batches",
    "BatchCancelResponse": "batches",
    "BatchCreateParams": "batches_params",
    "BatchCreateResponse": "batches",
    "BatchError": "batches",
    "BatchErrors": "batches",
    "BatchLineError": "batches",
    "BatchLineResponse": "batches",
    "BatchListResponse": "batches",
    "BatchPaging": "batches",
    "BatchRequestCounts": "batches",
    "BatchRequestLine": "batches",
    "BatchRequestLineParam": "batches_params",
    "BatchRetrieveResponse": "batches",
    "BrowserResult": "executed_tools",
    "Chart": "executed_tools",
    "ChartElement": "executed_tools",
    "ChatCompletion": "chat",
    "ChatCompletionAssistantMessageParam": "chat_messages",
    "ChatCompletionBuiltInToolParam": "chat_tools",
    "ChatCompletionChunk": "chunks",
    "ChatCompletionContentPartDocumentParam": "chat_messages",
    "ChatCompletionContentPartImageParam": "chat_messages",
    "ChatCompletionContentPartParam": "chat_messages",
    "ChatCompletionContentPartTextParam": "chat_messages",
    "ChatCompletionCreateParams": "chat_params",
    "ChatCompletionDeveloperMessageParam": "chat_messages",
    "ChatCompletionDocumentParam": "chat_params",
    "ChatCompletionFunctionMessageParam": "chat_messages",
    "ChatCompletionFunctionToolParam": "chat_tools",
    "ChatCompletionMessage": "chat",
    "ChatCompletionMessageParam": "chat_messages",
    "ChatCompletionMessageToolCall": "chat",
    "ChatCompletionMessageToolCallParam": "chat_messages",
    "ChatCompletionNamedToolChoiceParam": "chat_tools",
    "ChatCompletionParseParams": "chat_params",
    "ChatCompletionRequestBody": "chat_params",
    "ChatCompletionSystemMessageParam": "chat_messages",
    "ChatCompletionTokenLogprob": "chat",
    "ChatCompletionToolMessageParam": "chat_messages",
    "ChatCompletionToolParam": "chat_tools",
    "ChatCompletionToolRunParams": "chat_params",
    "ChatCompletionUserMessageParam": "chat_messages",
    "Choice": "chat",
    "ChoiceDelta": "chunks",
    "ChoiceDeltaFunctionCall": "chunks",
    "ChoiceDeltaToolCall": "chunks",
    "ChoiceLogprobs": "chat",
    "ChunkChoice": "chunks",
    "ChunkXGroq": "chunks",
    "CodeExecutionResult": "executed_tools",
    "CompletionTokensDetails": "usage",
    "CompletionUsage": "usage",
    "CompoundCustom": "chat_params",
    "CompoundCustomModels": "chat_params",
    "CompoundCustomTools": "chat_params",
    "ContentEvent": "stream_events",
    "CreateEmbeddingResponse": "embeddings",
    "DebugData": "chat",
    "DocumentContent": "chat_messages",
    "DocumentSourceJSON": "chat_params",
    "DocumentSourceText": "chat_params",
    "DoneEvent": "stream_events",
    "Embedding": "embeddings",
    "EmbeddingCreateParams": "embeddings_params",
    "EmbeddingInput": "embeddings_params",
    "EmbeddingUsage": "embeddings",
    "ErrorBody": "chunks",
    "ExecutedTool": "executed_tools",
    "ExecutedToolEvent": "stream_events",
    "File": "files",
    "FileCreateResponse": "files",
    "FileDeleteResponse": "files",
    "FileInfoResponse": "files",
    "FileListResponse": "files",
    "FineTuning": "fine_tunings",
    "FineTuningCreateParams": "fine_tunings_params",
    "FineTuningDeleteResponse": "fine_tunings",
    "FineTuningListResponse": "fine_tunings",
    "FineTuningReadResponse": "fine_tunings",
    "FinishEvent": "stream_events",
    "FunctionCall": "chat",
    "FunctionCallParam": "chat_messages",
    "FunctionDefinition": "chat_tools",
    "FunctionName": "chat_tools",
    "ImageURL": "chat_messages",
    "JSONSchema": "chat_tools",
    "KnownEvent": "responses_events",
    "KnownItem": "responses_items",
    "McpListTools": "chat",
    "McpTool": "chat",
    "Model": "models",
    "ModelDeleted": "models",
    "ModelListResponse": "models",
    "NamedFunction": "chat_tools",
    "ParsedChatCompletion": "parsed",
    "ParsedChoice": "parsed",
    "ParsedMessage": "parsed",
    "PromptTokensDetails": "usage",
    "ReasoningEvent": "stream_events",
    "RerankingCreateParams": "reranking_params",
    "RerankingResponse": "reranking",
    "RerankingResult": "reranking",
    "ResponseAnnotation": "responses_items",
    "ResponseBrowserSearchToolParam": "responses_params",
    "ResponseCodeInterpreterCallCodeDeltaEvent": "responses_tool_events",
    "ResponseCodeInterpreterCallCodeDoneEvent": "responses_tool_events",
    "ResponseCodeInterpreterCallCompletedEvent": "responses_tool_events",
    "ResponseCodeInterpreterCallInProgressEvent": "responses_tool_events",
    "ResponseCodeInterpreterCallInterpretingEvent": "responses_tool_events",
    "ResponseCodeInterpreterToolCall": "responses_items",
    "ResponseCodeInterpreterToolParam": "responses_params",
    "ResponseCompletedEvent": "responses_events",
    "ResponseContentPart": "responses_items",
    "ResponseContentPartAddedEvent": "responses_events",
    "ResponseContentPartDoneEvent": "responses_events",
    "ResponseCreateParams": "responses_params",
    "ResponseCreatedEvent": "responses_events",
    "ResponseError": "responses",
    "ResponseErrorEvent": "responses_events",
    "ResponseEvent": "responses_event_bases",
    "ResponseFailedEvent": "responses_events",
    "ResponseFileCitation": "responses_items",
    "ResponseFileSearchCallCompletedEvent": "responses_tool_events",
    "ResponseFileSearchCallInProgressEvent": "responses_tool_events",
    "ResponseFileSearchCallSearchingEvent": "responses_tool_events",
    "ResponseFileSearchToolCall": "responses_items",
    "ResponseFormatJSONObject": "chat_tools",
    "ResponseFormatJSONSchema": "chat_tools",
    "ResponseFormatParam": "chat_tools",
    "ResponseFormatText": "chat_tools",
    "ResponseFunctionCallArgumentsDeltaEvent": "responses_tool_events",
    "ResponseFunctionCallArgumentsDoneEvent": "responses_tool_events",
    "ResponseFunctionCallOutputParam": "responses_input",
    "ResponseFunctionToolCall": "responses_items",
    "ResponseFunctionToolCallParam": "responses_input",
    "ResponseFunctionToolParam": "responses_params",
    "ResponseFunctionWebSearch": "responses_items",
    "ResponseInProgressEvent": "responses_events",
    "ResponseIncompleteDetails": "responses",
    "ResponseIncompleteEvent": "responses_events",
    "ResponseInputContentParam": "responses_input",
    "ResponseInputFileParam": "responses_input",
    "ResponseInputImageParam": "responses_input",
    "ResponseInputItemParam": "responses_input",
    "ResponseInputMessageParam": "responses_input",
    "ResponseInputTextParam": "responses_input",
    "ResponseItemEvent": "responses_event_bases",
    "ResponseItemReferenceParam": "responses_input",
    "ResponseMcpApprovalRequest": "responses_items",
    "ResponseMcpApprovalResponseParam": "responses_input",
    "ResponseMcpCall": "responses_items",
    "ResponseMcpCallArgumentsDeltaEvent": "responses_tool_events",
    "ResponseMcpCallArgumentsDoneEvent": "responses_tool_events",
    "ResponseMcpCallCompletedEvent": "responses_tool_events",
    "ResponseMcpCallFailedEvent": "responses_tool_events",
    "ResponseMcpCallInProgressEvent": "responses_tool_events",
    "ResponseMcpListTools": "responses_items",
    "ResponseMcpListToolsCompletedEvent": "responses_tool_events",
    "ResponseMcpListToolsFailedEvent": "responses_tool_events",
    "ResponseMcpListToolsInProgressEvent": "responses_tool_events",
    "ResponseMcpToolParam": "responses_params",
    "ResponseMeta": "meta",
    "ResponseObject": "responses",
    "ResponseOutputContent": "responses_items",
    "ResponseOutputItem": "responses_items",
    "ResponseOutputItemAddedEvent": "responses_events",
    "ResponseOutputItemDoneEvent": "responses_events",
    "ResponseOutputMessage": "responses_items",
    "ResponseOutputRefusal": "responses_items",
    "ResponseOutputRefusalParam": "responses_input",
    "ResponseOutputText": "responses_items",
    "ResponseOutputTextAnnotationAddedEvent": "responses_text_events",
    "ResponseOutputTextParam": "responses_input",
    "ResponsePartEvent": "responses_event_bases",
    "ResponseQueuedEvent": "responses_events",
    "ResponseReasoning": "responses",
    "ResponseReasoningItem": "responses_items",
    "ResponseReasoningItemParam": "responses_input",
    "ResponseReasoningParam": "responses_params",
    "ResponseReasoningSummaryPartAddedEvent": "responses_text_events",
    "ResponseReasoningSummaryPartDoneEvent": "responses_text_events",
    "ResponseReasoningSummaryTextDeltaEvent": "responses_text_events",
    "ResponseReasoningSummaryTextDoneEvent": "responses_text_events",
    "ResponseReasoningText": "responses_items",
    "ResponseReasoningTextDeltaEvent": "responses_text_events",
    "ResponseReasoningTextDoneEvent": "responses_text_events",
    "ResponseRefusalDeltaEvent": "responses_text_events",
    "ResponseRefusalDoneEvent": "responses_text_events",
    "ResponseRequestBody": "responses_params",
    "ResponseStreamEvent": "responses_events",
    "ResponseSummaryEvent": "responses_event_bases",
    "ResponseSummaryText": "responses_items",
    "ResponseTextConfig": "responses",
    "ResponseTextConfigParam": "responses_params",
    "ResponseTextDeltaEvent": "responses_text_events",
    "ResponseTextDoneEvent": "responses_text_events",
    "ResponseTextFormat": "responses",
    "ResponseTextFormatJSONSchemaParam": "responses_params",
    "ResponseTextFormatParam": "responses_params",
    "ResponseTokensDetails": "responses",
    "ResponseTool": "responses",
    "ResponseToolChoiceParam": "responses_params",
    "ResponseToolParam": "responses_params",
    "ResponseUrlCitation": "responses_items",
    "ResponseUsage": "responses",
    "ResponseWebSearchCallCompletedEvent": "responses_tool_events",
    "ResponseWebSearchCallInProgressEvent": "responses_tool_events",
    "ResponseWebSearchCallSearchingEvent": "responses_tool_events",
    "ResponseWebSearchToolParam": "responses_params",
    "SearchResult": "executed_tools",
    "SearchResults": "executed_tools",
    "SearchSettings": "chat_params",
    "SpeechCreateParams": "audio_params",
    "StreamEvent": "stream_events",
    "StreamOptions": "chat_params",
    "Timings": "meta",
    "ToolCallEvent": "stream_events",
    "TopLogprob": "chat",
    "Transcription": "audio",
    "TranscriptionCreateParams": "audio_params",
    "TranscriptionRequestBody": "audio_params",
    "TranscriptionSegment": "audio",
    "TranscriptionVerbose": "audio",
    "TranscriptionWord": "audio",
    "Translation": "audio",
    "TranslationCreateParams": "audio_params",
    "TranslationRequestBody": "audio_params",
    "TranslationVerbose": "audio",
    "UnknownEvent": "responses_events",
    "UnknownItem": "_open_unions",
    "UsageBreakdown": "usage",
    "UsageBreakdownModel": "usage",
    "UsageEvent": "stream_events",
    "WolframSettings": "chat_params",
    "XGroq": "chat",
    "XGroqUsage": "chat",
    "attach_parsed": "parsed",
}
"""The module of each name."""

__all__ = [*_HOMES]  # noqa: PLE0604 (names are text)


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
