"""The two files of a run, the answers and the failures, and what they say together."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import final

import attrs
import trio

from trio_groq.cli._output import UsageFailure
from trio_groq.cli._run_journal import Journal, read_entries
from trio_groq.cli._run_ledger import Ledger
from trio_groq.cli._run_prices import Prices
from trio_groq.cli._run_requests import RunRequest
from trio_groq.cli._run_results import Entry, Outcome, result_line
from trio_groq.cli._run_tally import Tally
from trio_groq.errors import InvalidRequestError

__all__ = ["Books", "Places", "look", "opened"]


@final
@attrs.frozen(kw_only=True)
class Places:
    """Where the files of a run are.

    Attributes:
        source: The requests.
        output: The answers.
        errors: What failed.
    """

    source: Path
    output: Path
    errors: Path

    @classmethod
    def of(cls, source: Path, output: Path | None, errors: Path | None) -> "Places":
        """The files of a run, where they are not named: `NAME.results.jsonl`, `NAME.errors.jsonl`.

        Raises:
            UsageFailure: Two of them are the same.
        """
        output = output or source.with_suffix(".results.jsonl")
        stem = output.name.removesuffix(".jsonl").removesuffix(".results")
        errors = errors or output.with_name(f"{stem}.errors.jsonl")
        places = [os.path.realpath(path) for path in (source, output, errors)]
        if len(set(places)) < len(places):
            raise UsageFailure(
                f"run: expected three files for requests, answers and failures, got {source}, "
                f"{output} and {errors}"
            )
        return cls(source=source, output=output, errors=errors)


class _Earlier:
    """Adds up what the answers of earlier runs cost."""

    def __init__(self, prices: Prices | None) -> None:
        self._prices = prices
        self.cost = 0.0

    def add(self, entry: Entry) -> None:
        if self._prices is not None and entry.tokens is not None:
            self.cost += self._prices.cost(entry.model, entry.tokens)


def _fill(
    ledger: Ledger, failures: Iterator[Entry], answers: Iterator[Entry], prices: Prices | None
) -> float:
    """Read both files; returns what the answers cost."""
    earlier = _Earlier(prices)
    try:
        for entry in failures:
            ledger.add_failure(entry)
        for entry in answers:
            ledger.add_answer(entry)
            earlier.add(entry)
    except InvalidRequestError as error:
        raise UsageFailure(str(error)) from error
    return earlier.cost


def look(places: Places, prices: Prices | None = None) -> tuple[Ledger, float]:
    """What the files say now; they are not changed, and need not be there.

    Returns:
        That, and what the answers cost.

    Raises:
        UsageFailure: One is no output of a run.
        Failure: One cannot be read.
    """
    ledger = Ledger()
    failures, answers = read_entries(places.errors), read_entries(places.output)
    return ledger, _fill(ledger, failures, answers, prices)


@final
class Books:
    """Both files, open and locked. Made by `opened`.

    Attributes:
        ledger: What they say.
        cost: Of the answers in them when they were opened.
    """

    def __init__(self, output: Journal, errors: Journal, prices: Prices | None) -> None:
        self._output = output
        self._errors = errors
        self.ledger = Ledger()
        self.cost = _fill(self.ledger, errors.entries(), output.entries(), prices)

    def tidy(self) -> None:
        """Take out what does not hold any more: changed requests, and failures of before.

        Raises:
            Failure: A file cannot be written.
        """
        ledger = self.ledger
        if ledger.stale:
            self._output.rewrite(lambda _number, entry: ledger.keeps_answer(entry))
        if ledger.stale or ledger.superseded:
            kept = ledger.failures_kept(self._errors.entries(), self._output.entries())
            self._errors.rewrite(lambda number, _entry: number in kept)
        ledger.stale = ledger.superseded = 0

    def recorder(
        self, tally: Tally, prices: Prices | None, *, again: bool
    ) -> Callable[[RunRequest, Outcome], float]:
        """What keeps outcomes: written whole, before it returns.

        Args:
            tally: Where they are counted.
            prices: For what they cost.
            again: Whether the requests have failed before.
        """

        def record(request: RunRequest, outcome: Outcome) -> float:
            journal = self._output if outcome.is_answered else self._errors
            journal.append(result_line(request, outcome))
            self.ledger.superseded += again
            cost = 0.0
            if prices is not None and outcome.is_answered:
                tokens = outcome.tokens or request.estimate()
                cost = prices.cost(request.model, tokens)
            tally.add(outcome, cost, trio.current_time())
            return cost

        return record

    def sync(self) -> None:
        """Have the disk hold both."""
        self._output.sync()
        self._errors.sync()


@contextmanager
def opened(places: Places, prices: Prices | None = None) -> Iterator[Books]:
    """Open both files, lock them, and read them.

    Raises:
        Failure: One cannot be written, or another run writes it.
        UsageFailure: One is no output of a run.
    """
    with ExitStack() as stack:
        output = Journal.open(places.output)
        stack.callback(output.close)
        errors = Journal.open(places.errors)
        stack.callback(errors.close)
        yield Books(output, errors, prices)
