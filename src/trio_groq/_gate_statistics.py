"""The record of what calls waited for before they were sent."""

from collections.abc import Mapping

import msgspec

__all__ = ["GateStatistics"]


class GateStatistics(msgspec.Struct, kw_only=True, frozen=True):
    """What was waited for before calls were sent.

    Attributes:
        rate_limit_waits: Attempts that waited because the server had refused one.
        rate_limit_seconds: For how long, in all.
        throttle_waits: Attempts that waited for a budget.
        throttle_seconds: For how long, in all.
        circuit_waits: Attempts that waited for an open circuit.
        circuit_seconds: For how long, in all.
        given_up: Attempts that were not sent, as their wait would have been too long or was.
        waiting: Attempts that wait now.
        circuits: State of each origin's circuit: `closed`, `open` or `half-open`.
        rates: Calls a second that a model is held to after a refusal, by model.
    """

    rate_limit_waits: int
    rate_limit_seconds: float
    throttle_waits: int
    throttle_seconds: float
    circuit_waits: int
    circuit_seconds: float
    given_up: int
    waiting: int
    circuits: Mapping[str, str]
    rates: Mapping[str, float]
