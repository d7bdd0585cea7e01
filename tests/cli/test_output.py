import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trio_groq.cli import _output
from trio_groq.cli._output import Failure, Output, UsageFailure, clean, one_line

CLEANED = {
    "plain": ("Hello, wörld 你好 🙂", "Hello, wörld 你好 🙂"),
    "line ends and tabs stay": ("a\n\tb\r\n", "a\n\tb\n"),
    "a colour": ("\x1b[31mred\x1b[0m", "[31mred[0m"),
    "the window's title": ("\x1b]0;owned\x07", "]0;owned"),
    "C1, where one character is ESC and a bracket": ("\x9b2J\x90", "2J"),
    "backspace, bell, DEL, NUL": ("a\x08\x07\x7f\0b", "ab"),
}


@pytest.mark.parametrize(("text", "expected"), CLEANED.values(), ids=CLEANED)
def test_what_a_terminal_would_obey_is_taken_out(text: str, expected: str) -> None:
    assert clean(text) == expected


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(max_codepoint=0x200), max_size=40))
def test_clean_takes_controls_and_nothing_else(text: str) -> None:
    kept = [char for char in text if char.isprintable() or char in "\n\t" or ord(char) > 0x9F]
    assert clean(text) == "".join(kept)
    assert clean(clean(text)) == clean(text)


def test_one_line_is_one_line() -> None:
    assert one_line(" a\n b\x1b\r\n\tc ") == "a b c"


def test_output_writes_at_once() -> None:
    raw = io.BytesIO()
    output = Output(io.TextIOWrapper(raw, encoding="utf-8", write_through=False))
    output.write("é")
    assert raw.getvalue() == "é".encode()


def test_output_escapes_what_the_encoding_lacks() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Output(stream).write("5 € \x1b")
    assert raw.getvalue() == rb"5 \u20ac "


@pytest.mark.parametrize(
    ("written", "expected"),
    [([], ""), (["a"], "a\n"), (["a\n"], "a\n"), (["a", "\x1b"], "a\n"), (["a\n", ""], "a\n")],
)
def test_end_line_ends_it_once(written: list[str], expected: str) -> None:
    stream = io.StringIO()
    output = Output(stream)
    for text in written:
        output.write(text)
    output.end_line()
    assert stream.getvalue() == expected
    assert not output.is_terminal


def test_standard_is_what_the_process_has(capsys: pytest.CaptureFixture[str]) -> None:
    output, errors = _output.standard()
    output.line("out")
    errors.line("err")
    assert capsys.readouterr() == ("out\n", "err\n")


def test_a_failure_is_a_line_and_its_notes(capsys: pytest.CaptureFixture[str]) -> None:
    failure = Failure("no\nluck \x1b", ["try\nagain"])
    failure.show()
    assert capsys.readouterr() == ("", "error: no luck\nnote: try again\n")
    stream = io.StringIO()
    failure.show(stream)
    assert stream.getvalue() == "error: no luck\nnote: try again\n"
    assert (Failure("").exit_code, UsageFailure("").exit_code) == (1, 2)
