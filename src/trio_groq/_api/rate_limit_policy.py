"""How to keep within limits: the numbers; and what a call is taken to cost before it is made.

What obeys them is in `rate_gate` and `throttle`.
"""

from typing import Final

import attrs

from trio_groq._validators import count, instance, number

__all__ = ["RateLimitPolicy", "estimate_tokens"]

BYTES_PER_TOKEN: Final = 4
"""Of JSON with English prose; its quotes and names make up for text that is denser."""
DEFAULT_COMPLETION_TOKENS: Final = 1024
"""What a call without a limit of its own is taken to generate, until it says what it did."""


@attrs.frozen(kw_only=True)
class RateLimitPolicy:
    """How to keep within limits. What is waited for here was not refused: nothing is sent.

    Attributes:
        requests_per_minute: A limit of the account, for each model; 1 or more, None if unknown.
            Calls that are for no model, such as a list of models, are not held back.
        tokens_per_minute: The same in tokens.
        proactive: Whether to spend these, and what the headers state, as budgets. Without it
            calls only wait after the server has refused one.
        max_wait: Longest wait of one attempt for its turn, in seconds, 0 or more; None for any.
        cold_start: Calls in flight to a model that has not answered yet, 1 or more; each answer
            allows half a call more. None for any number. It keeps a burst of calls from being
            refused as a whole by a limit that is not known yet.
        reactive: Whether the calls for a model wait together after the server has refused one.
            Without it each is refused, and repeated, by itself.

    Raises:
        ConfigurationError: A value is out of its range.
    """

    requests_per_minute: int | None = attrs.field(default=None, validator=count(1, optional=True))
    tokens_per_minute: int | None = attrs.field(default=None, validator=count(1, optional=True))
    proactive: bool = attrs.field(default=True, validator=instance(bool))
    max_wait: float | None = attrs.field(default=60.0, validator=number(0, optional=True))
    cold_start: int | None = attrs.field(default=32, validator=count(1, optional=True))
    reactive: bool = attrs.field(default=True, validator=instance(bool))


def estimate_tokens(body_bytes: int, max_completion_tokens: int | None = None) -> int:
    """Estimate what a request may cost at the most, as the API does when it admits one.

    Args:
        body_bytes: Length of its JSON, 0 or more.
        max_completion_tokens: Its limit on what is generated, None without one.

    Returns:
        Tokens, 1 or more.
    """
    if max_completion_tokens is None:
        max_completion_tokens = DEFAULT_COMPLETION_TOKENS
    return max(1, -(-body_bytes // BYTES_PER_TOKEN) + max_completion_tokens)
