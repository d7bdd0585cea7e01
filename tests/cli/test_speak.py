"""`trio-groq speak`: against FakeGroq, in this process."""

import io
import sys
import wave
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trio_groq.cli import speak
from trio_groq.testing import FakeGroq, Reply
from trio_groq.testing.faults import Fault


def invoke(*args: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(speak.command, args, input=stdin)


def seconds(data: bytes) -> float:
    with wave.open(io.BytesIO(data)) as sound:
        return float(sound.getnframes() / sound.getframerate())


def test_arguments_are_spoken_to_standard_output(groq: FakeGroq) -> None:
    result = invoke("Hello", "there.", stdin="not read")
    assert (result.exit_code, result.stderr) == (0, "")
    assert seconds(result.stdout_bytes) == pytest.approx(12 * 0.03)
    (request,) = groq.requests
    assert request.path == "/openai/v1/audio/speech"
    assert request.json == {
        "model": "canopylabs/orpheus-v1-english",
        "input": "Hello there.",
        "voice": "troy",
        "response_format": "wav",
    }


def test_standard_input_is_spoken_to_a_file(groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    result = invoke("-o", str(path), stdin=b"Hi \xff!")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{path}: {path.stat().st_size} bytes\n"
    assert seconds(path.read_bytes()) == pytest.approx(5 * 0.03)
    assert groq.requests[0].json["input"] == "Hi \ufffd!"
    assert list(tmp_path.iterdir()) == [path]


def test_options_reach_the_request(groq: FakeGroq) -> None:
    options = ["--model", "playai-tts", "--voice", "Fritz-PlayAI", "--format", "wav"]
    more = ["--sample-rate", "8000", "--speed", "2", "--output", "-", "--base-url", groq.url]
    result = invoke("Hi", *options, *more)
    assert seconds(result.stdout_bytes) == pytest.approx(2 * 0.03 / 2)
    assert groq.requests[0].json == {
        "model": "playai-tts",
        "input": "Hi",
        "voice": "Fritz-PlayAI",
        "response_format": "wav",
        "sample_rate": 8000,
        "speed": 2.0,
    }


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_no_audio(
    groq: FakeGroq, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    with pytest.raises(Exception, match="--output: expected a file, as this is a terminal"):
        speak.command.main(["Hi"], standalone_mode=False)
    assert groq.requests == []


def test_a_terminal_is_not_read(
    groq: FakeGroq, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("typed"))
    with pytest.raises(Exception, match="text: expected some, as an argument or on standard"):
        speak.command.main(["-o", str(tmp_path / "a.wav")], standalone_mode=False)
    assert groq.requests == []


USAGE: dict[str, tuple[list[str], str]] = {
    "nothing to say": ([" "], "error: text: expected some"),
    "nothing at all": ([], "error: text: expected some"),
}


@pytest.mark.parametrize(("args", "line"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_one_line_and_exit_code_2(
    groq: FakeGroq, args: list[str], line: str
) -> None:
    result = invoke(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [["--speed", "9"], ["--sample-rate", "0"], ["--speed", "nan"]])
def test_what_click_refuses(args: list[str]) -> None:
    assert invoke("Hi", *args).exit_code == 2


def test_no_key() -> None:
    result = invoke("Hi")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: no API key")


def test_more_than_anybody_says_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speak, "_MAX_TEXT_BYTES", 4)
    result = invoke(stdin="12345")
    assert result.exit_code == 2
    assert result.stderr == "error: standard input: expected at most 4 bytes, got more\n"


def test_an_error_of_the_api_leaves_no_file(groq: FakeGroq, tmp_path: Path) -> None:
    result = invoke("Hi", "--voice", "nobody", "-o", str(tmp_path / "a.wav"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: 400 ")
    assert list(tmp_path.iterdir()) == []


def test_audio_that_breaks_off_leaves_the_old_file(groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    body = bytes(200_000)
    groq.enqueue(Reply(body=body, content_type="audio/wav", fault=Fault.truncate(9000)))
    result = invoke("Hi", "-o", str(path))
    assert result.exit_code == 1
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written(groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "no" / "a.wav"
    result = invoke("Hi", "-o", str(path))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {path}: expected a file that can be written, got No")


def test_standard_output_that_nobody_reads(groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(speak, "_pour", broken)
    result = invoke("Hi")
    assert result.exit_code == 1
    assert "standard output: expected a file that can be written, got Broken pipe" in result.stderr
