"""A Trio-native client for the Groq API: fast, bounded, and never leaking.

::

    async with GroqClient() as client:  # GROQ_API_KEY
        completion = await client.chat.completions.create(
            model="openai/gpt-oss-120b",
            messages=[{"role": "user", "content": "Hello"}],
        )

Importing this package loads next to nothing: each name is loaded from its module at first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from trio_groq._version import __version__

if TYPE_CHECKING:
    from trio_groq._api.adaptive import Adaptive
    from trio_groq._api.batch_lines import (
        BatchLineReader,
        BatchResponseLine,
        read_batch_lines,
        write_batch_line,
        write_batch_lines,
    )
    from trio_groq._api.rate_limits import SeenRateLimits
    from trio_groq._api.tool_calls import ToolResult
    from trio_groq._api.tool_steps import ToolRun, ToolStep
    from trio_groq._api.uploads import AsyncBytes, FileTypes
    from trio_groq._api_response import APIResponse, ResponseManager, TextStream
    from trio_groq._binary import BinaryResponse, ByteStream
    from trio_groq._call import NOT_GIVEN, NotGiven, RequestOptions
    from trio_groq._gates import GateStatistics
    from trio_groq._http.pool_state import PoolStatistics
    from trio_groq._parsed import ParsedChatStream
    from trio_groq._readers import ResponseText
    from trio_groq._response_stream import ResponseStream
    from trio_groq._stream import ChatStream
    from trio_groq._stream_views import StreamIterator
    from trio_groq._tool_stream import (
        RunFinishedEvent,
        StepFinishedEvent,
        ToolEvent,
        ToolFinishedEvent,
        ToolStartedEvent,
        ToolStream,
    )
    from trio_groq.client import GroqClient
    from trio_groq.config import (
        CircuitBreakerPolicy,
        ClientConfig,
        ExchangeLimits,
        LogLevel,
        PoolLimits,
        RateLimitPolicy,
        RetryBudgetPolicy,
        RetryPolicy,
        Secret,
        Timeouts,
    )
    from trio_groq.errors import (
        APIConnectionError,
        APIError,
        APIResponseValidationError,
        APIStatusError,
        APITimeoutError,
        AttemptRecord,
        AuthenticationError,
        BadRequestError,
        CapacityExceededError,
        CircuitOpenError,
        ConfigurationError,
        ConflictError,
        ContentFilterError,
        ContextLengthExceededError,
        ConversationWarning,
        CutOffError,
        FailedDependencyError,
        GroqError,
        InternalServerError,
        InvalidRequestError,
        MaxStepsError,
        ModelNotFoundError,
        ModelWarning,
        NotFoundError,
        OverloadedError,
        PermissionDeniedError,
        PoolTimeoutError,
        ProtocolError,
        RateLimitError,
        RateLimits,
        RateLimitWindow,
        RefusalError,
        RequestInfo,
        RequestTooLargeError,
        StreamError,
        ToolUseFailedError,
        UnprocessableEntityError,
    )
    from trio_groq.fanout.hedge import HedgeBudget
    from trio_groq.fanout.outcome import ChatRequest, Outcome
    from trio_groq.fanout.race import FALLBACK_ERRORS
    from trio_groq.resources._batch_results import BatchResults

__all__ = [
    "FALLBACK_ERRORS",
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponse",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "Adaptive",
    "AsyncBytes",
    "AttemptRecord",
    "AuthenticationError",
    "BadRequestError",
    "BatchLineReader",
    "BatchResponseLine",
    "BatchResults",
    "BinaryResponse",
    "ByteStream",
    "CapacityExceededError",
    "ChatRequest",
    "ChatStream",
    "CircuitBreakerPolicy",
    "CircuitOpenError",
    "ClientConfig",
    "ConfigurationError",
    "ConflictError",
    "ContentFilterError",
    "ContextLengthExceededError",
    "ConversationWarning",
    "CutOffError",
    "ExchangeLimits",
    "FailedDependencyError",
    "FileTypes",
    "GateStatistics",
    "GroqClient",
    "GroqError",
    "HedgeBudget",
    "InternalServerError",
    "InvalidRequestError",
    "LogLevel",
    "MaxStepsError",
    "ModelNotFoundError",
    "ModelWarning",
    "NotFoundError",
    "NotGiven",
    "Outcome",
    "OverloadedError",
    "ParsedChatStream",
    "PermissionDeniedError",
    "PoolLimits",
    "PoolStatistics",
    "PoolTimeoutError",
    "ProtocolError",
    "RateLimitError",
    "RateLimitPolicy",
    "RateLimitWindow",
    "RateLimits",
    "RefusalError",
    "RequestInfo",
    "RequestOptions",
    "RequestTooLargeError",
    "ResponseManager",
    "ResponseStream",
    "ResponseText",
    "RetryBudgetPolicy",
    "RetryPolicy",
    "RunFinishedEvent",
    "Secret",
    "SeenRateLimits",
    "StepFinishedEvent",
    "StreamError",
    "StreamIterator",
    "TextStream",
    "Timeouts",
    "ToolEvent",
    "ToolFinishedEvent",
    "ToolResult",
    "ToolRun",
    "ToolStartedEvent",
    "ToolStep",
    "ToolStream",
    "ToolUseFailedError",
    "UnprocessableEntityError",
    "__version__",
    "read_batch_lines",
    "write_batch_line",
    "write_batch_lines",
]

_MODULES = frozenset(
    {"catalog", "client", "config", "errors", "fanout", "observe", "sse", "testing", "types"}
)
_HOMES = {
    "ResponseManager": "_api_response",
    "TextStream": "_api_response",
    "ByteStream": "_binary",
    "FALLBACK_ERRORS": "fanout.race",
    "Outcome": "fanout.outcome",
    "HedgeBudget": "fanout.hedge",
    "ChatRequest": "fanout.outcome",
    "Adaptive": "_api.adaptive",
    "LogLevel": "config",
    "ToolEvent": "_tool_stream",
    "RunFinishedEvent": "_tool_stream",
    "StepFinishedEvent": "_tool_stream",
    "ToolFinishedEvent": "_tool_stream",
    "ToolStartedEvent": "_tool_stream",
    "ToolStream": "_tool_stream",
    "ToolResult": "_api.tool_calls",
    "ToolStep": "_api.tool_steps",
    "ToolRun": "_api.tool_steps",
    "GateStatistics": "_gates",
    "SeenRateLimits": "_api.rate_limits",
    "RetryBudgetPolicy": "config",
    "RateLimitPolicy": "config",
    "CircuitBreakerPolicy": "config",
    "ResponseStream": "_response_stream",
    "BatchResults": "resources._batch_results",
    "write_batch_lines": "_api.batch_lines",
    "write_batch_line": "_api.batch_lines",
    "read_batch_lines": "_api.batch_lines",
    "BatchLineReader": "_api.batch_lines",
    "BatchResponseLine": "_api.batch_lines",
    "ParsedChatStream": "_parsed",
    "FileTypes": "_api.uploads",
    "AsyncBytes": "_api.uploads",
    "RequestOptions": "_call",
    "ResponseText": "_readers",
    "BinaryResponse": "_binary",
    "APIResponse": "_api_response",
    "NOT_GIVEN": "_call",
    "NotGiven": "_call",
    "PoolStatistics": "_http.pool_state",
    "ChatStream": "_stream",
    "StreamIterator": "_stream_views",
    "GroqClient": "client",
    "ClientConfig": "config",
    "ExchangeLimits": "config",
    "PoolLimits": "config",
    "RetryPolicy": "config",
    "Secret": "config",
    "Timeouts": "config",
}
"""Where each name is; those that are not here are errors."""


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
