"""Every name of OpenTelemetry's that this package uses, and the numbers that belong to them.

The conventions for generative AI are in development, and their names still move: here is the only
place to follow them.

Source: semantic conventions for generative AI, spans and metrics
(https://github.com/open-telemetry/semantic-conventions-genai), as of mid-2026; `server.*` and
`error.type` of the general conventions, which are stable.
"""

from collections.abc import Mapping
from typing import Final

PROVIDER_NAME: Final = "gen_ai.provider.name"
GROQ: Final = "groq"

OPERATION_NAME: Final = "gen_ai.operation.name"
OPERATIONS: Final[Mapping[str, str]] = {
    "chat.completions": "chat",
    "responses": "chat",
    "embeddings": "embeddings",
}
"""Well-known names; other operations keep their own, which the conventions allow."""

REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
EMBEDDINGS_DIMENSIONS: Final = "gen_ai.embeddings.dimension.count"
OUTPUT_TYPE: Final = "gen_ai.output.type"

RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"

USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHED_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"

INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"

SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
CANCELLED: Final = "cancelled"
"""`error.type` of a call that its caller cancelled, which the conventions leave open."""

DURATION: Final = "gen_ai.client.operation.duration"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
TIME_PER_OUTPUT_CHUNK: Final = "gen_ai.client.operation.time_per_output_chunk"
TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105 (the name of a metric)
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 (the name of an attribute)
INPUT: Final = "input"
OUTPUT: Final = "output"

SECONDS: Final = "s"
TOKENS: Final = "{token}"
SECONDS_BUCKETS: Final = tuple(0.01 * 2**power for power in range(14))
"""0.01, 0.02, 0.04 ... 81.92, for all times."""
TOKEN_BUCKETS: Final = tuple(4**power for power in range(14))
"""1, 4, 16 ... 67,108,864."""

# Of this package's own. An exporter to Prometheus makes `groq_requests_total`,
# `groq_request_duration_seconds`, `groq_tokens_total`, `groq_rate_limit_remaining` and
# `groq_circuit_breaker_state` of the metrics' names and units.
GROQ_MODEL: Final = "groq.model"
GROQ_OPERATION: Final = "groq.operation"
GROQ_TOKENS: Final = "groq.tokens"
GROQ_REQUEST_ID: Final = "groq.request_id"
GROQ_LATENCY_MS: Final = "groq.latency_ms"
GROQ_QUEUE_TIME: Final = "groq.queue_time"
GROQ_ATTEMPTS: Final = "groq.attempts"
GROQ_ATTEMPT_FAILED: Final = "groq.attempt_failed"
GROQ_WAIT: Final = "groq.wait"

GROQ_REQUESTS: Final = "groq.requests"
GROQ_DURATION: Final = "groq.request.duration"
GROQ_TOKEN_COUNT: Final = "groq.tokens"  # noqa: S105 (the name of a metric)
GROQ_REMAINING: Final = "groq.rate_limit.remaining"
GROQ_CIRCUIT: Final = "groq.circuit_breaker.state"
CIRCUIT_STATES: Final[Mapping[str, int]] = {"closed": 0, "half-open": 1, "open": 2}
"""The value of the gauge for each state."""
