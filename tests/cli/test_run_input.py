import os
import sys
from pathlib import Path

import pytest
from hypothesis import given

from byte_pieces import cut, cuts
from cli.run_files import MODEL, prompt_line, prompt_lines
from trio_groq.cli import _run_input
from trio_groq.cli._output import Failure
from trio_groq.cli._run_input import Input, read_csv, read_jsonl
from trio_groq.cli._run_requests import RunRequest, Shape
from trio_groq.cli._run_template import Template
from trio_groq.errors import InvalidRequestError

SHAPE = Shape(model=MODEL)
Read = list[RunRequest | InvalidRequestError]


def shown(read: Read) -> list[str]:
    """Line, name and prompt of a request; the message of an error."""
    return [
        str(each)
        if isinstance(each, InvalidRequestError)
        else f"{each.line} {each.custom_id} {each.body['messages'][0]['content']}"
        for each in read
    ]


def csv(data: bytes, template: str = "{q}") -> list[str]:
    return shown(list(read_csv([data], SHAPE, Template(template))))


# --- JSON Lines -----------------------------------------------------------------------------------


def test_lines_blanks_and_a_mark() -> None:
    data = b'\xef\xbb\xbf{"prompt":"one"}\r\n\n  \n{"prompt":"two"}'
    assert shown(list(read_jsonl([data], SHAPE))) == ["1 line-1 one", "4 line-4 two"]


@given(at=cuts(400))
def test_pieces_make_no_difference(at: list[int]) -> None:
    data = prompt_lines(5)
    assert list(read_jsonl(cut(data, at), SHAPE)) == list(read_jsonl([data], SHAPE))


def test_wrong_lines_come_out_in_their_place() -> None:
    data = b'{"prompt":"one"}\nrubbish\n[1]\n{"prompt":5}\n{"prompt":"two"}\n'
    assert shown(list(read_jsonl([data], SHAPE))) == [
        "1 line-1 one",
        "line 2: expected a JSON object, got what is no JSON: rubbish",
        "line 3: expected a JSON object, got other JSON: [1]",
        "line 4: prompt: expected text, got int",
        "5 line-5 two",
    ]


def test_a_line_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run_input, "MAX_LINE_BYTES", 20)
    read = read_jsonl([b'{"prompt":"one"}\n', b"x" * 21], SHAPE)
    assert isinstance(next(read), RunRequest)
    with pytest.raises(InvalidRequestError, match="line 2: expected at most 20 bytes"):
        next(read)


# --- CSV ------------------------------------------------------------------------------------------


def test_rows() -> None:
    data = b'\xef\xbb\xbfq,custom_id\r\n"a, ""b""",x\r\n\r\n"two\nlines",y\nlast,z'
    assert csv(data, "<{q}>") == ['2 x <a, "b">', "4 y <two\nlines>", "6 z <last>"]


def test_rows_without_names() -> None:
    assert csv(b"q,r\n1,2\n3,4\n", "{r}{q}") == ["2 line-2 21", "3 line-3 43"]


def test_a_row_of_another_length_does_not_end_the_reading() -> None:
    assert csv(b"q,r\n1\n1,2,3\n1,2\n") == [
        "line 2: expected 2 fields, got 1",
        "line 3: expected 2 fields, got 3",
        "4 line-4 1",
    ]


def test_a_name_that_is_empty() -> None:
    (message,) = csv(b"q,custom_id\n1,\n")
    assert message.startswith("line 2: custom_id: expected")


def test_no_rows() -> None:
    assert csv(b"") == csv(b"q\n") == []


BROKEN: dict[str, tuple[bytes, str]] = {
    "a name twice": (b"q,q\n1,2\n", "line 1: expected columns with names of their own"),
    "a name that is empty": (b"q,\n1,2\n", "line 1: expected columns with names of their own"),
    "a missing column": (b"a,b\n", r"--template: expected names of columns \(a, b\), got 'q'"),
    "a quote that is open": (b'q\n1\n"open\n', "line 3: expected CSV, got other"),
    "a field that is too long": (b"q\n" + b"x" * 200_000, "line 2: expected CSV, got other"),
    "no UTF-8": (b"q\n1\n\xff\n", "line 3: expected UTF-8, got invalid start byte"),
}


@pytest.mark.parametrize(("data", "message"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_csv(data: bytes, message: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{message}"):
        csv(data)


# --- files ----------------------------------------------------------------------------------------


def test_a_file_is_read_as_lazily_as_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(prompt_lines(50))
    monkeypatch.setattr(_run_input, "_READ_BYTES", len(prompt_line("r0")))
    positions: list[int] = []
    real = _run_input._pieces

    def watched(file: object) -> object:
        for piece in real(file):  # type: ignore[arg-type]  # it is what `read` opens
            positions.append(len(piece))
            yield piece

    monkeypatch.setattr(_run_input, "_pieces", watched)
    requests = Input(path=path, shape=SHAPE).read()
    for number in range(1, 11):
        next(requests)
        assert len(positions) <= number + 1
    assert len(list(requests)) == 40
    assert [type(each) for each in Input(path=path, shape=SHAPE).read()] == [RunRequest] * 50


def test_a_file_of_either_kind(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"q\n1\n")
    source = Input(path=path, shape=SHAPE, template=Template("{q}"))
    assert shown(list(source.read())) == shown(list(source.read())) == ["2 line-2 1"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(Failure, match="expected a file that can be read, got "):
            list(Input(path=path, shape=SHAPE).read())


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.touch(0)
    with pytest.raises(Failure, match="Permission denied"):
        list(Input(path=path, shape=SHAPE).read())
