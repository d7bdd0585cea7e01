import os
from pathlib import Path

import pytest
import trio

from cli.run_files import MODEL, answer, failure, ids_in, line_of, request
from trio_groq.cli import _run_books
from trio_groq.cli._output import Failure, UsageFailure
from trio_groq.cli._run_books import Places, look, opened
from trio_groq.cli._run_ledger import Ledger, State
from trio_groq.cli._run_prices import Price, Prices
from trio_groq.cli._run_results import Outcome
from trio_groq.cli._run_tally import Tally

PRICES = Prices({MODEL: Price(1_000_000.0, 2_000_000.0)})


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.of(tmp_path / "in.jsonl", None, None)


def test_places_that_are_not_named() -> None:
    places = Places.of(Path("a/in.jsonl"), None, None)
    assert (places.output, places.errors) == (Path("a/in.results.jsonl"), Path("a/in.errors.jsonl"))
    places = Places.of(Path("a/in.csv"), Path("b/out"), None)
    assert (places.output, places.errors) == (Path("b/out"), Path("b/out.errors.jsonl"))
    assert Places.of(Path("in"), None, Path("e")).errors == Path("e")


@pytest.mark.parametrize(
    ("output", "errors"),
    [("in.jsonl", None), ("./x/../in.jsonl", None), ("o", "o"), (None, "in.jsonl")],
)
def test_places_that_are_the_same(
    output: str | None, errors: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    with pytest.raises(UsageFailure, match="expected three files"):
        Places.of(
            Path("in.jsonl"),
            None if output is None else Path(output),
            None if errors is None else Path(errors),
        )


def test_a_look_changes_nothing(places: Places) -> None:
    assert len(look(places)[0]) == 0
    assert not places.output.exists()
    data = line_of("a", outcome=answer(prompt=2, completion=3)) + line_of("b")[:20]
    places.output.write_bytes(data)
    places.errors.write_bytes(line_of("c", outcome=failure()))
    with opened(places):  # locked, it can be looked at
        ledger, cost = look(places, PRICES)
        assert (len(ledger), cost) == (2, 8.0)
    assert ledger.meet(request("c")) is State.FAILED


def test_both_files_are_locked(places: Places) -> None:
    with opened(places), pytest.raises(Failure, match="another run"), opened(places):
        pass
    other = Places(source=places.source, output=Path("other"), errors=places.errors)
    with opened(places), pytest.raises(Failure, match="another run"), opened(other):
        pass
    assert not places.output.exists()
    assert not places.errors.exists()
    assert not os.path.lexists("other")


async def test_outcomes_go_where_they_belong(places: Places) -> None:
    with opened(places, PRICES) as books:
        tally = Tally(4, trio.current_time(), cost=0.0)
        record = books.recorder(tally, PRICES, again=False)
        assert record(request("a"), answer(prompt=2, completion=3)) == 8.0
        assert record(request("b"), failure()) == 0.0
        assert record(request("c"), Outcome(error=("E", "m"))) == 0.0
        asked = request("d", max_completion_tokens=5)
        silent = Outcome(status=200, body=b"{}")
        assert record(asked, silent) == PRICES.cost(MODEL, asked.estimate())
        assert ids_in(places.output) == ["a", "d"]
        assert ids_in(places.errors) == ["b", "c"]
        books.sync()
        books.tidy()
        assert (tally.answered, tally.failed) == (2, 2)
        assert books.recorder(tally, None, again=False)(request("e"), answer()) == 0.0
    assert ids_in(places.errors) == ["b", "c"]


async def test_failures_of_before_go_when_they_have_another_outcome(places: Places) -> None:
    places.errors.write_bytes(b"".join(line_of(each, outcome=failure()) for each in "abc"))
    with opened(places) as books:
        tally = Tally(2, trio.current_time())
        record = books.recorder(tally, None, again=True)
        record(request("a"), answer())
        record(request("b"), failure(500))
        # Killed now, the files say the same as they do when they are tidy.
    assert ids_in(places.errors) == ["a", "b", "c", "b"]
    with opened(places) as books:
        assert [books.ledger.meet(request(each)).name for each in "abc"] == [
            "ANSWERED",
            "FAILED",
            "FAILED",
        ]
        books.tidy()
        assert ids_in(places.errors) == ["c", "b"]
        assert books.ledger.superseded == 0
    assert ids_in(places.output) == ["a"]


def test_what_has_changed_goes_before_it_is_asked_again(places: Places) -> None:
    places.output.write_bytes(line_of("a") + line_of("b") + line_of("other"))
    places.errors.write_bytes(line_of("c", outcome=failure()) + line_of("d", outcome=failure()))
    with opened(places) as books:
        for custom_id in "ac":
            books.ledger.meet(request(custom_id, "changed"), force=True)
        for custom_id in "bd":
            books.ledger.meet(request(custom_id))
        books.tidy()
    assert (ids_in(places.output), ids_in(places.errors)) == (["b", "other"], ["d"])


def test_too_many_results(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run_books, "Ledger", lambda: Ledger(1))
    places.output.write_bytes(line_of("a") + line_of("b"))
    with pytest.raises(UsageFailure, match="expected at most 1 requests"):
        look(places)
