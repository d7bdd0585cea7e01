"""The first reading of a run's input: all is checked, and counted, before anything is sent."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, final

import attrs

from trio_groq.cli._output import UsageFailure
from trio_groq.cli._run_ledger import Ledger, State
from trio_groq.cli._run_prices import Prices
from trio_groq.cli._run_requests import RunRequest, Tokens
from trio_groq.errors import InvalidRequestError

__all__ = ["Survey", "survey"]

_MAX_SHOWN: Final = 10
"""Wrong lines that are shown: enough to see what is wrong."""
_MAX_UNPRICED: Final = 10


@final
@attrs.define
class Survey:
    """What a run is about to do.

    Attributes:
        requests: In the input.
        answered: Of these, before this run.
        failed: Of these, before this run.
        todo: Of these, to be asked now.
        estimate: Tokens of those to be asked, at the most.
        cost: What these tokens cost; 0 without prices.
        unpriced: Models without a price, the first few.
    """

    requests: int = 0
    answered: int = 0
    failed: int = 0
    todo: int = 0
    estimate: Tokens = attrs.field(factory=Tokens)
    cost: float = 0.0
    unpriced: list[str] = attrs.field(factory=list)

    def add(self, request: RunRequest, state: State, wanted: State, prices: Prices | None) -> None:
        """Count a request."""
        self.requests += 1
        self.answered += state is State.ANSWERED
        self.failed += state is State.FAILED
        if state is not wanted:
            return
        self.todo += 1
        estimate = request.estimate()
        self.estimate += estimate
        if prices is None:
            return
        model = request.model
        self.cost += prices.cost(model, estimate)
        if model not in prices and len(self.unpriced) < _MAX_UNPRICED:
            self.unpriced += [] if model in self.unpriced else [model]


@attrs.define
class _Faults:
    """Wrong lines: all are counted, the first ones kept."""

    count: int = 0
    shown: list[str] = attrs.field(factory=list)

    def add(self, error: InvalidRequestError) -> None:
        self.count += 1
        if len(self.shown) < _MAX_SHOWN:
            self.shown.append(str(error))

    def check(self, path: Path) -> None:
        if not self.count:
            return
        hidden = self.count - len(self.shown)
        more = [f"and {hidden} more"] if hidden else []
        raise UsageFailure(
            f"{path}: expected valid requests, got {self.count} that are none",
            [*self.shown, *more],
        )


def survey(
    path: Path,
    requests: Iterable[RunRequest | InvalidRequestError],
    ledger: Ledger,
    *,
    wanted: State = State.OPEN,
    force: bool = False,
    prices: Prices | None = None,
) -> Survey:
    """Read the whole input.

    Args:
        path: Where it is, for messages.
        requests: What it holds.
        ledger: What is known of the requests; knows them all afterwards.
        wanted: Those that are to be asked.
        force: Ask again what has changed.
        prices: For the cost.

    Raises:
        UsageFailure: A line is not valid, or there is none; the first ones are in the notes.
    """
    result, faults = Survey(), _Faults()
    try:
        for request in requests:
            if isinstance(request, InvalidRequestError):
                faults.add(request)
                continue
            try:
                state = ledger.meet(request, force=force)
            except InvalidRequestError as error:
                faults.add(error)
            else:
                result.add(request, state, wanted, prices)
    except InvalidRequestError as error:  # there is no way to go on
        faults.add(error)
    faults.check(path)
    if not result.requests:
        raise UsageFailure(f"{path}: expected at least one request, got none")
    return result
