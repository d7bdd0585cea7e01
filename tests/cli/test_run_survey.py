from pathlib import Path

import pytest

from cli.run_files import MODEL, request
from trio_groq.cli._output import UsageFailure
from trio_groq.cli._run_ledger import Ledger, State
from trio_groq.cli._run_prices import Price, Prices
from trio_groq.cli._run_requests import RunRequest, Tokens
from trio_groq.cli._run_results import Entry
from trio_groq.cli._run_survey import survey
from trio_groq.errors import InvalidRequestError

PATH = Path("in.jsonl")
PRICES = Prices({MODEL: Price(1.0, 2.0)})


def requests(count: int) -> list[RunRequest]:
    return [request(f"r{number}", line=number + 1) for number in range(count)]


def ledger() -> Ledger:
    """`r0` was answered, `r1` and `r2` failed."""
    known = Ledger()
    for custom_id in ("r1", "r2"):
        known.add_failure(Entry(custom_id, request(custom_id).digest))
    known.add_answer(Entry("r0", request("r0").digest))
    return known


def test_what_is_new_is_counted() -> None:
    asked = requests(5)
    found = survey(PATH, asked, ledger(), prices=PRICES)
    assert (found.requests, found.answered, found.failed, found.todo) == (5, 1, 2, 2)
    assert found.estimate == asked[3].estimate() + asked[4].estimate()
    assert found.cost == pytest.approx(2 * PRICES.cost(MODEL, asked[3].estimate()))
    assert found.unpriced == []


def test_what_failed_is_counted() -> None:
    found = survey(PATH, requests(5), ledger(), wanted=State.FAILED)
    assert (found.requests, found.answered, found.failed, found.todo) == (5, 1, 2, 2)
    assert found.cost == 0


def test_models_without_a_price() -> None:
    asked = [request(f"r{number}", model=f"m{number % 12}") for number in range(24)]
    found = survey(PATH, asked, Ledger(), prices=PRICES)
    assert found.unpriced == [f"m{number}" for number in range(10)]
    assert found.estimate.total > Tokens(0).total


def test_the_first_wrong_lines_are_shown() -> None:
    wrong = [InvalidRequestError(f"line {number}: wrong") for number in range(12)]
    with pytest.raises(
        UsageFailure, match=r"^in\.jsonl: expected valid requests, got 13 that are none$"
    ) as caught:
        survey(PATH, [request("r1"), *wrong, request("r1", "changed", line=99)], ledger())
    assert caught.value.notes == (*map(str, wrong[:10]), "and 3 more")


def test_a_line_with_no_way_on() -> None:
    def broken() -> object:
        yield request("a")
        raise InvalidRequestError("line 2: expected at most 5 bytes, got more")

    with pytest.raises(UsageFailure, match="got 1 that are none") as caught:
        survey(PATH, broken(), Ledger())  # type: ignore[arg-type]  # a generator of requests
    assert caught.value.notes == ("line 2: expected at most 5 bytes, got more",)


def test_a_request_twice_and_one_that_has_changed() -> None:
    again = [*requests(4), request("r3", line=9)]
    with pytest.raises(UsageFailure, match="got 1 that are none"):
        survey(PATH, again, ledger())
    changed = [request("r0", "changed")]
    with pytest.raises(UsageFailure, match="got 1 that are none"):
        survey(PATH, changed, ledger())
    known = ledger()
    assert survey(PATH, changed, known, force=True).todo == 1
    assert known.stale == 1


def test_no_requests() -> None:
    with pytest.raises(UsageFailure, match="expected at least one request, got none"):
        survey(PATH, [], Ledger())
