import io
import json
import sys

import pytest
from click.testing import CliRunner, Result

from trio_groq.cli import chat
from trio_groq.cli._answers import Answer
from trio_groq.testing import FakeGroq, Reply


def invoke(*args: str, stdin: str | bytes = "") -> Result:
    return CliRunner().invoke(chat.command, args, input=stdin)


def test_one_answer_to_the_arguments(groq: FakeGroq) -> None:
    groq.enqueue(Reply(content="Rayleigh."))
    result = invoke("Why", "is it blue?", "--system", "Be brief.", stdin="not read")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "Rayleigh.\n", "")
    (request,) = groq.requests
    assert request.params["model"] == "openai/gpt-oss-120b"
    assert request.params["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Why is it blue?"},
    ]


def test_one_answer_to_standard_input(groq: FakeGroq) -> None:
    groq.enqueue(Reply(content="Yes."))
    result = invoke("--model", "qwen/qwen3-32b", stdin=b"Is \xff?\n")
    assert (result.exit_code, result.stdout) == (0, "Yes.\n")
    assert groq.requests[0].params["messages"][0]["content"] == "Is \ufffd?\n"
    assert groq.requests[0].params["model"] == "qwen/qwen3-32b"


def test_options_reach_the_request(groq: FakeGroq) -> None:
    result = invoke("Hi", "--temperature", "0", "--max-tokens", "3", "--no-stream", "--json")
    assert json.loads(result.stdout)["choices"][0]["finish_reason"] == "length"
    assert groq.requests[0].params["temperature"] == 0
    assert result.stderr == "note: the answer ended early: length\n"


def test_another_base_url(groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_BASE_URL", "https://unreachable.invalid")
    groq.enqueue(Reply(content="Yes."))
    assert invoke("Hi", "--base-url", f"{groq.url}/openai/v1").stdout == "Yes.\n"


USAGE = {
    "no key": ({"GROQ_API_KEY": ""}, ["Hi"], "error: no API key: set GROQ_API_KEY ("),
    "no key, nothing asked": ({"GROQ_API_KEY": ""}, [], "error: no API key: set GROQ_API_KEY ("),
    "a key that is none": ({"GROQ_API_KEY": "a\nb"}, ["Hi"], "error: GROQ_API_KEY: expected"),
    "a base URL that is none": ({}, ["Hi", "--base-url", "ftp://x"], "error: base_url: expected"),
    "nothing asked": ({}, [], "error: prompt: expected text"),
    "only spaces asked": ({}, ["  "], "error: prompt: expected text"),
    "out of range": ({}, ["Hi", "--temperature", "9"], "error: temperature: expected"),
}


@pytest.mark.parametrize(("env", "args", "line"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], args: list[str], line: str
) -> None:
    for name, value in {"GROQ_API_KEY": "gsk_test", **env}.items():
        monkeypatch.setenv(name, value)
    result = invoke(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1


def test_more_input_than_any_model_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    monkeypatch.setattr(chat, "_MAX_PROMPT_BYTES", 4)
    result = invoke(stdin="12345")
    assert result.exit_code == 2
    assert result.stderr == "error: standard input: expected at most 4 bytes, got more\n"


def test_an_error_of_the_api_is_a_line_with_notes_and_exit_code_1(groq: FakeGroq) -> None:
    result = invoke("Hi", "--model", "none")
    assert (result.exit_code, result.stdout) == (1, "")
    first, *notes = result.stderr.splitlines()
    assert first.startswith("error: ")
    assert "none" in first
    assert all(note.startswith("note: ") for note in notes)


def test_an_interrupted_answer_is_exit_code_130(
    groq: FakeGroq, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def interrupted(*_: object) -> Answer:
        return Answer(interrupted=True)

    monkeypatch.setattr(chat, "answer_once", interrupted)
    assert invoke("Hi").exit_code == 130


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_terminal_without_a_prompt_it_converses(
    groq: FakeGroq, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    groq.enqueue(Reply(content="Yes."))
    monkeypatch.setattr(sys, "stdin", Terminal("Hello?\n"))
    chat.command.main([], standalone_mode=False)
    shown = capsys.readouterr()
    assert shown.out == "Yes.\n"
    assert shown.err.startswith("openai/gpt-oss-120b (/help")
    assert shown.err.count("> ") == 2
