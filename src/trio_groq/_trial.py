"""A stream between its head and its first token: what the gates are told of how it began.

A server may answer 200 and then say in the first event that it is down, or has no room, or it may
fall silent or hang up. That is as much of a failure, or of a refusal, as a status is; from the
first token on it is the stream's own affair.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, final

import trio

from trio_groq._api.rate_gate import RatePermit
from trio_groq._api.rate_limits import wait_after
from trio_groq._turns import wake
from trio_groq.errors import GroqError, RateLimitError

if TYPE_CHECKING:
    from trio_groq._api.throttle import Spend

__all__ = ["Settle", "Trial"]


class Settle(Protocol):
    """Tells the circuit: at which moment, and whether the service failed, None if nobody knows."""

    def __call__(self, now: float, /, *, failed: bool | None) -> None: ...


@final
class Trial:
    """To be settled once.

    Args:
        settle: Tells the circuit; None where there is none.
        verdict: What an error says of the service; see `counts_as_failure`.
        rate: What the stream passed the model's rate gate with.
        spend: What it took from the model's budget; None where there is none.
    """

    __slots__ = ("_rate", "_settle", "_spend", "_verdict")

    def __init__(
        self,
        settle: Settle | None,
        verdict: Callable[[GroqError], bool | None],
        rate: RatePermit,
        spend: "Spend | None",
    ) -> None:
        self._settle = settle
        self._verdict = verdict
        self._rate = rate
        self._spend = spend

    def settle(self, error: BaseException | None) -> None:
        """Say how the stream began.

        Args:
            error: What ended it before its first token; None if that came, or if its reader closed
                it. A cancellation says nothing.
        """
        now = trio.current_time()
        failed: bool | None = False
        if error is not None:
            failed = self._verdict(error) if isinstance(error, GroqError) else None
        if self._settle is not None:
            self._settle(now, failed=failed)
        if error is None or failed is not False:
            return
        if self._spend is not None:  # what was turned away cost nothing
            wake(self._spend.used(0, now))
        if isinstance(error, RateLimitError):
            self._rate.taken_back(now, wait_after(error))
