from pathlib import Path

import pytest

from trio_groq.cli._output import Failure, UsageFailure
from trio_groq.cli._run_prices import MAX_FILE_BYTES, CostBudget, read_prices
from trio_groq.cli._run_requests import Tokens

TOML = '["m-3.3"]\ninput = 0.5\noutput = 2\n[n]\ninput = 1\n'
JSON = '{"m-3.3": {"input": 0.5, "output": 2}, "n": {"input": 1}}'


@pytest.mark.parametrize(("name", "text"), [("p.toml", TOML), ("p.json", JSON), ("p", TOML)])
def test_prices(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    prices = read_prices(path)
    assert "m-3.3" in prices
    assert "m" not in prices
    assert prices.cost("m-3.3", Tokens(2_000_000, 500_000)) == 2.0
    assert prices.cost("n", Tokens(1_000_000, 9)) == 1.0
    assert prices.cost("unknown", Tokens(1, 1)) == 0.0


WRONG = {
    "no table": "m = 5",
    "nothing": "[m]",
    "another key": "[m]\ninput = 1\ncached = 2",
    "below zero": "[m]\ninput = -1",
    "no number": '[m]\ninput = "1"',
    "a boolean": "[m]\ninput = true",
    "infinite": "[m]\ninput = inf",
    "no TOML": "[m",
    "no UTF-8": "\udcff",
    "too long": "#" * (MAX_FILE_BYTES + 1),
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_what_is_no_price(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageFailure, match=r"p\.toml: (m: )?expected "):
        read_prices(path)


@pytest.mark.parametrize("text", ["[1]", "{", "[" * 100_000])
def test_what_is_no_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(UsageFailure, match=r"p\.json: expected "):
        read_prices(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="expected a file that can be read"):
        read_prices(tmp_path / "p.toml")


def test_a_budget_is_never_exceeded_by_what_is_in_flight() -> None:
    budget = CostBudget(1.0, spent=0.2)
    assert budget.try_take(0.5)
    assert budget.try_take(0.3)
    assert not budget.try_take(0.1)
    budget.settle(0.5, 0.1)
    assert budget.spent == pytest.approx(0.3)
    assert budget.try_take(0.4)
    assert not budget.try_take(0.01)
    assert budget.try_take(0.0)


def test_fractions_that_add_up_fit() -> None:
    budget = CostBudget(0.3)
    assert [budget.try_take(0.1) for _ in range(4)] == [True, True, True, False]
