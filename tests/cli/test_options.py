import click
import pytest

from trio_groq.cli._options import FiniteRange


@pytest.mark.parametrize(("text", "number"), [("1", 1.0), ("2.5", 2.5), ("1e3", 1000.0)])
def test_numbers_in_the_range(text: str, number: float) -> None:
    assert FiniteRange(min=1).convert(text, None, None) == number


@pytest.mark.parametrize("text", ["0.5", "nan", "inf", "-inf", "1e999", "much", ""])
def test_everything_else_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.BadParameter):
        FiniteRange(min=1).convert(text, None, None)
