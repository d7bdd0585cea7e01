"""What a completion cost, in tokens and in seconds."""

from trio_groq.types._base import Record, sent

__all__ = [
    "CompletionTokensDetails",
    "CompletionUsage",
    "PromptTokensDetails",
    "UsageBreakdown",
    "UsageBreakdownModel",
]


class PromptTokensDetails(Record, gc=False):
    """Breakdown of the prompt's tokens.

    Attributes:
        cached_tokens: Tokens that came from the prompt cache.
    """

    cached_tokens: int | None = None


class CompletionTokensDetails(Record, gc=False):
    """Breakdown of the completion's tokens.

    Attributes:
        reasoning_tokens: Tokens that the model spent on reasoning.
    """

    reasoning_tokens: int | None = None


class CompletionUsage(Record, gc=False):
    """What one completion cost.

    Attributes:
        prompt_tokens: Tokens of the prompt.
        completion_tokens: Tokens generated.
        total_tokens: Both together.
        queue_time: Seconds that the request waited at the server.
        prompt_time: Seconds spent on the prompt.
        completion_time: Seconds spent on generating.
        total_time: Prompt and completion time together, in seconds.
        prompt_tokens_details: Breakdown of the prompt's tokens.
        completion_tokens_details: Breakdown of the completion's tokens.
    """

    prompt_tokens: int = sent(int)
    completion_tokens: int = sent(int)
    total_tokens: int = sent(int)
    queue_time: float | None = None
    prompt_time: float | None = None
    completion_time: float | None = None
    total_time: float | None = None
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None


class UsageBreakdownModel(Record, gc=False):
    """What one model of a compound system cost.

    Attributes:
        model: Its name.
        usage: Its share.
    """

    model: str = sent(str)
    usage: CompletionUsage | None = None


class UsageBreakdown(Record):
    """Usage by model, for compound systems.

    Attributes:
        models: One entry for each run of a model; None in answers of plain models.
    """

    models: list[UsageBreakdownModel] | None = None
