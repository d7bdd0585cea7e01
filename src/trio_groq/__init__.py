"""A Trio-native client for the Groq API: fast, bounded, and never leaking.

async with GroqClient() as client:  # GROQ_API_KEY
completion = await client.chat.completions.create(
model="llama-3.3-70b-versatile",
messages=[{"role": "user", "content": "Hello"}],
)
"""

from trio_groq._call import NOT_GIVEN, NotGiven
from trio_groq._http.pool_state import PoolStatistics
from trio_groq._stream import ChatStream
from trio_groq._stream_views import StreamIterator
from trio_groq.client import GroqClient
from trio_groq.config import (
    ClientConfig,
    ExchangeLimits,
    PoolLimits,
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
    AuthenticationError,
    BadRequestError,
    CapacityExceededError,
    CircuitOpenError,
    ConfigurationError,
    ConflictError,
    ContentFilterError,
    ContextLengthExceededError,
    FailedDependencyError,
    GroqError,
    InternalServerError,
    InvalidRequestError,
    ModelNotFoundError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    PoolTimeoutError,
    ProtocolError,
    RateLimitError,
    RateLimits,
    RateLimitWindow,
    RequestInfo,
    RequestTooLargeError,
    StreamError,
    ToolUseFailedError,
    UnprocessableEntityError,
)

__all__ = [
    "NOT_GIVEN",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "CapacityExceededError",
    "ChatStream",
    "CircuitOpenError",
    "ClientConfig",
    "ConfigurationError",
    "ConflictError",
    "ContentFilterError",
    "ContextLengthExceededError",
    "ExchangeLimits",
    "FailedDependencyError",
    "GroqClient",
    "GroqError",
    "InternalServerError",
    "InvalidRequestError",
    "ModelNotFoundError",
    "NotFoundError",
    "NotGiven",
    "OverloadedError",
    "PermissionDeniedError",
    "PoolLimits",
    "PoolStatistics",
    "PoolTimeoutError",
    "ProtocolError",
    "RateLimitError",
    "RateLimitWindow",
    "RateLimits",
    "RequestInfo",
    "RequestTooLargeError",
    "RetryPolicy",
    "Secret",
    "StreamError",
    "StreamIterator",
    "Timeouts",
    "ToolUseFailedError",
    "UnprocessableEntityError",
    "__version__",
]

__version__ = "0.1.0"
