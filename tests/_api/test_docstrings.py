"""Docstrings of three styles, mixed ones, and ones in no style."""

from inspect import cleandoc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_groq._api.docstrings import read_docstring

WANTED = {"city": "Where it is.", "days": "How many days ahead, from 1 to 9."}

STYLES = {
    "google": """
        Forecast.

        Args:
            city (str): Where it is.
            days: How many days ahead,
                from 1 to 9.

        Returns:
            city: no parameter.
        """,
    "google, other headings": """
        Forecast.

        Arguments:
            city: Where it is.
        Keyword Args:
            days (Callable[[int], int], optional): How many days ahead,

                from 1 to 9.
        Raises:
            ValueError: Never.
        """,
    "google, text behind": """
        Forecast.

        Args:
            city: Where it is.
            days: How many days ahead, from 1 to 9.
        And the rest: of the text.
        """,
    "numpy": """
        Forecast.

        Parameters
        ----------
        city : str
            Where it is.
        days : int, optional
            How many days ahead,

            from 1 to 9.

        Returns
        -------
        city : str
            No parameter.
        """,
    "rest": """
        Forecast.

        :param str city: Where it is.
        :type city: str
        :param days: How many days ahead,
            from 1 to 9.

            No more of it.
        :returns: Something.
        :raises ValueError: Never.
        """,
    "mixed": """
        Forecast.

        :param city: Where it is.

        Args:
            city: Said already.
            days: How many days ahead, from 1 to 9.
        """,
}


@pytest.mark.parametrize("text", STYLES.values(), ids=STYLES)
def test_a_style(text: str) -> None:
    found = read_docstring(cleandoc(text))
    assert found.description == "Forecast."
    assert found.parameters == WANTED


def test_the_description_is_what_stands_before_the_sections() -> None:
    text = "One line.\n\nA paragraph:\n  - a list\n\nNote:\n    Something.\n\nArgs:\n    x: X."
    found = read_docstring(text)
    assert found.description == "One line.\n\nA paragraph:\n  - a list"
    assert found.parameters == {"x": "X."}


def test_stars_and_several_names() -> None:
    numpy = "Parameters\n----------\nx, y : int\n    Both.\n*rest, **others\n    More."
    assert read_docstring(numpy).parameters == {
        "x": "Both.",
        "y": "Both.",
        "rest": "More.",
        "others": "More.",
    }
    assert read_docstring("Args:\n    *rest: More.\n    **others: M.").parameters == {
        "rest": "More.",
        "others": "M.",
    }
    assert read_docstring(":param **x: X.").parameters["x"] == "X."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Only this.",
        "Args are good.",
        "Parameters",
        "Args\n: x",
        "A list:\n    x: not one of parameters",
        "Time is 12:30:\n:smile: is no field",
    ],
)
def test_no_sections(text: str) -> None:
    found = read_docstring(text)
    assert (found.description, found.parameters) == (text, {})


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("Args:", {}),
        ("Args:\n\n", {}),
        ("Args:\n    x:", {}),
        ("Args:\n    x:\n        Below.", {"x": "Below."}),
        ("Args:\n    no colon here\n    x: X.", {"x": "X."}),
        ("Args:\n        over-indented\n    x: X.", {"x": "X."}),
        ("Parameters\n---\n!? nothing\n    No.\nx\n    X.", {"x": "X."}),
        (":param: nobody", {}),
        (":return: x", {}),
        (":param x:", {}),
    ],
)
def test_sections_that_say_little(text: str, parameters: dict[str, str]) -> None:
    found = read_docstring(text)
    assert (found.description, found.parameters) == ("", parameters)


PIECES = ["Args:", "Parameters", "---", "    x: y", ":param a: b", "x : int", "\t", "é", "Returns:"]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=9)).map("\n".join))
def test_reading_never_fails(text: str) -> None:
    found = read_docstring(text)
    assert text.lstrip().startswith(found.description.splitlines()[0] if found.description else "")
    assert all(said and "\n" not in said for said in found.parameters.values())
