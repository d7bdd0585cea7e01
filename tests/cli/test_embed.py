"""`trio-groq embed`."""

import io
import json
import signal
import subprocess
import sys
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
import trio
from click.testing import CliRunner, Result

from cli.processes import PATIENCE, command_line, environment, read_all
from raw_http import until
from trio_groq.cli import embed
from trio_groq.cli._output import Failure, Output, UsageFailure
from trio_groq.cli._settings import settings
from trio_groq.testing import FakeGroq, Fault, Reply
from trio_groq.testing.embeddings import unit_vector

MODEL = "nomic-embed-text-v1_5"


def invoke(*args: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(embed.command, args, input=stdin)


def lines_of(result: Result) -> list[dict[str, Any]]:
    assert (result.exit_code, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


def vector(text: str, model: str = MODEL) -> list[float]:
    return array("f", unit_vector(model, text)).tolist()


def test_arguments_are_texts(groq: FakeGroq) -> None:
    lines = lines_of(invoke("Hello there", "two\nlines", stdin="not read"))
    assert [(line["index"], line["text"]) for line in lines] == [
        (0, "Hello there"),
        (1, "two lines"),
    ]
    (request,) = groq.requests
    assert request.json == {
        "input": ["Hello there", "two lines"],
        "model": MODEL,
        "encoding_format": "base64",
    }


def test_the_numbers_are_short_and_exact(groq: FakeGroq) -> None:
    result = invoke("x")
    (line,) = lines_of(result)
    assert array("f", line["embedding"]).tolist() == vector("x")
    assert max(len(f"{number!r}") for number in line["embedding"]) < 17


def answer(*vectors: object, first: int = 0) -> Reply:
    data = [{"index": first + number, "embedding": each} for number, each in enumerate(vectors)]
    return Reply.json({"object": "list", "data": data})


def test_lines_of_standard_input(groq: FakeGroq) -> None:
    groq.enqueue(answer([1], [2], [3]))
    lines = lines_of(invoke("--model", "some-model", stdin=b"one\r\n\n  \ntw\xff\n\x1bthree"))
    assert [line["text"] for line in lines] == ["one", "tw\ufffd", "\x1bthree"]
    assert [line["index"] for line in lines] == [0, 1, 2]
    assert groq.requests[0].json["model"] == "some-model"


def test_lines_of_a_file(groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "texts"
    path.write_text("one\ntwo\n", encoding="utf-8")
    assert [line["text"] for line in lines_of(invoke("--file", str(path)))] == ["one", "two"]
    assert [line["text"] for line in lines_of(invoke("--file", "-", stdin="x\n"))] == ["x"]


def test_many_texts_go_in_batches(groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "_MAX_BATCH", 2)
    lines = lines_of(invoke(stdin="a\nb\nc\nd\ne\n"))
    assert [request.json["input"] for request in groq.requests] == [["a", "b"], ["c", "d"], ["e"]]
    assert [(line["index"], line["text"]) for line in lines] == list(enumerate("abcde"))
    assert groq.connections_opened == 1


def test_long_texts_fill_a_batch_sooner(groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "_MAX_BATCH_BYTES", 3)
    lines_of(invoke(stdin="aa\nb\nc\n"))
    assert [request.json["input"] for request in groq.requests] == [["aa", "b"], ["c"]]


def test_vectors_are_put_in_order(groq: FakeGroq) -> None:
    data = [{"index": 1, "embedding": [1]}, {"index": 0, "embedding": [0.5]}]
    groq.enqueue(Reply.json({"data": data}))
    assert [line["embedding"] for line in lines_of(invoke("a", "b"))] == [[0.5], [1.0]]


WRONG_ANSWERS = {
    "too few": (answer([1]), "error: embeddings: expected 2, one for each text, got 1\n"),
    "too many": (answer([1], [2], [3]), "error: embeddings: expected 2, one for each text, got 3"),
    "others": (answer([1], [2], first=5), "error: embeddings: expected 2, one for each text"),
    "no base64": (answer([1], "A"), "error: embedding: expected base64"),
    "not a number": (answer([1], "AADAfw=="), "error: "),
}


@pytest.mark.parametrize(("reply", "line"), WRONG_ANSWERS.values(), ids=WRONG_ANSWERS)
def test_an_answer_that_makes_no_sense(groq: FakeGroq, reply: Reply, line: str) -> None:
    groq.enqueue(reply)
    result = invoke("a", "b")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1


def test_an_error_of_the_api_leaves_what_came_before(
    groq: FakeGroq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embed, "_MAX_BATCH", 1)
    groq.enqueue(answer([1]), Reply.error(400, "No more."))
    result = invoke("a", "b", "c")
    assert result.exit_code == 1
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == ["a"]
    assert result.stderr.startswith("error: ")
    assert "No more." in result.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_to_embed(groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    for result in (invoke(stdin="\n \n"), invoke("", " ")):
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == "error: text: expected at least one that is not empty, got none\n"
    monkeypatch.setattr(sys, "stdin", Terminal("never read"))
    with pytest.raises(UsageFailure, match="expected arguments, --file, or standard input"):
        embed.command.main([], standalone_mode=False)
    assert not groq.requests


def test_wrong_usage(groq: FakeGroq, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "texts"
    assert invoke("--file", str(path)).exit_code == 2
    path.touch()
    result = invoke("x", "--file", str(path))
    assert (result.exit_code, result.stderr) == (
        2,
        "error: text: expected arguments or --file, got both\n",
    )
    monkeypatch.delenv("GROQ_API_KEY")
    assert "GROQ_API_KEY" in invoke("x").stderr


def test_a_line_that_is_too_long(groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "_MAX_LINE_BYTES", 4)
    assert [line["text"] for line in lines_of(invoke(stdin="abc\nabcd"))] == ["abc", "abcd"]
    result = invoke(stdin="abcde\n")
    assert result.exit_code == 2
    assert result.stderr == "error: text: expected lines of at most 4 bytes, got more\n"


class Broken(io.BytesIO):
    def readline(self, _size: int | None = -1, /) -> bytes:
        raise OSError("disk on fire")


def test_a_source_that_cannot_be_read() -> None:
    with pytest.raises(Failure, match="expected lines, got an error: disk on fire"):
        list(embed.texts(Broken()))


def refuse_if(locked: object, read: Callable[[BinaryIO], bytes]) -> Callable[[BinaryIO], bytes]:
    def guarded(source: BinaryIO) -> bytes:
        assert source is not locked
        return read(source)

    return guarded


@pytest.mark.parametrize("args", [[], ["--file", "-"]], ids=str)
def test_standard_input_is_read_by_a_reader_of_its_own(
    groq: FakeGroq,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
) -> None:
    path = tmp_path / "texts"
    path.write_text("one\n", encoding="utf-8")
    with path.open(encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        # Whoever reads through Python's own reader finds it locked, as after a Ctrl-C.
        monkeypatch.setattr(embed, "_line", refuse_if(stdin.buffer, embed._line))
        embed.command.main(args, standalone_mode=False)
        assert not stdin.closed
    assert json.loads(capsys.readouterr().out)["text"] == "one"


async def test_ctrl_c_ends_the_call(fake_groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    fake_groq.enqueue(Reply.json({}, fault=Fault.stall(5)))
    shown = io.StringIO()
    results: list[tuple[int, bool]] = []

    async def show() -> None:
        config = settings(fake_groq.url)
        results.append(await embed.embed(config, MODEL, io.BytesIO(b"x"), Output(shown)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(show)
        await until(lambda: bool(fake_groq.requests))
        signal.raise_signal(signal.SIGINT)
    assert (results, shown.getvalue()) == ([(0, False)], "")


def test_an_interrupted_command_is_exit_code_130(
    groq: FakeGroq, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: object) -> tuple[int, bool]:
        return 0, False

    monkeypatch.setattr(embed, "embed", interrupted)
    assert invoke("x").exit_code == 130


@asynccontextmanager
async def started(server: FakeGroq) -> AsyncIterator[trio.Process]:
    """The program with a pipe for its input; it is killed at the end if it still runs."""
    process = await trio.lowlevel.open_process(
        command_line("embed"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment({"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": server.url}),
    )
    try:
        with trio.fail_after(PATIENCE):
            yield process
    finally:
        process.kill()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + PATIENCE):
            await process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            await trio.aclose_forcefully(pipe)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send SIGINT to one process")
async def test_ctrl_c_while_standard_input_is_silent(fake_groq: FakeGroq) -> None:
    async with started(fake_groq) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # More than a batch: when its lines are here, the next is being waited for.
        await process.stdin.send_all(b"x\n" * (embed._MAX_BATCH + 1))
        lines = 0
        while lines < embed._MAX_BATCH:
            shown = await process.stdout.receive_some()
            assert shown, "expected a line for each text, got the end"
            lines += shown.count(b"\n")
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        assert await read_all(process.stderr) == b""
