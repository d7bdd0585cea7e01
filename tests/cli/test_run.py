import json
import signal
import sys
from pathlib import Path

import attrs
import pytest
import trio
from click.testing import CliRunner, Result

from cli.processes import read_all, read_until, started_program
from cli.run_files import MODEL, ids_in, lines_in, prompt_line, prompt_lines, request, texts_in
from trio_groq.cli import run as run_module
from trio_groq.cli.run import command
from trio_groq.testing import FakeGroq, RecordedRequest, Reply
from trio_groq.testing.content import echo

PRICES = f'["{MODEL}"]\ninput = 1\noutput = 2\n'


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def invoke(*args: str) -> Result:
    return CliRunner().invoke(command, args)


def table(result: Result) -> dict[str, str]:
    return {
        line[: line.rindex(" ")].strip(): line.split()[-1] for line in result.stdout.splitlines()
    }


def test_all_answered_and_nothing_asked_twice(groq: FakeGroq, tmp_path: Path) -> None:
    Path("in.jsonl").write_bytes(prompt_lines(20))
    result = invoke("in.jsonl", "--summary", "s.json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert table(result)["answered"] == "20"
    assert len(texts_in(Path("in.results.jsonl"))) == 20
    facts = json.loads(Path("s.json").read_text())
    assert (facts["answered"], facts["output"]) == (20, "in.results.jsonl")
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "in.jsonl",
        "in.results.jsonl",
        "s.json",
    ]
    again = invoke("in.jsonl")
    assert (again.exit_code, table(again)["answered"]) == (0, "0")
    assert table(again)["answered before"] == "20"
    assert groq.requests_served == 20


def test_some_failed_and_are_asked_again(groq: FakeGroq) -> None:
    Path("in.jsonl").write_bytes(prompt_lines(4))
    groq.enqueue(Reply.error(400, "no"))
    result = invoke("in.jsonl", "-o", "out", "--errors", "err", "--max-in-flight", "1")
    assert (result.exit_code, table(result)["400"]) == (3, "1")
    assert ids_in(Path("err")) == ["r0"]
    assert invoke("in.jsonl", "-o", "out", "--errors", "err").exit_code == 3
    assert groq.requests_served == 4
    last = invoke("in.jsonl", "-o", "out", "--errors", "err", "--retry-errors")
    assert (last.exit_code, table(last)["answered"]) == (0, "1")
    assert len(texts_in(Path("out"))) == 4
    assert not Path("err").exists()


def test_what_all_have_in_common(groq: FakeGroq) -> None:
    Path("in.jsonl").write_bytes(prompt_line("a"))
    shape = ("--model", "llama-3.3-70b-versatile", "--set", "body.temperature=0", "--stream")
    pace = ("--rate", "100", "--tokens-per-minute", "100000", "--retries", "0")
    assert invoke("in.jsonl", *shape, *pace).exit_code == 0
    (asked,) = groq.requests
    assert asked.params["model"] == "llama-3.3-70b-versatile"
    assert (asked.params["temperature"], asked.params["stream"]) == (0, True)
    (line,) = lines_in(Path("in.results.jsonl"))
    assert line["response"]["body"]["object"] == "chat.completion"


def test_another_parameter_is_another_request(groq: FakeGroq) -> None:
    Path("in.jsonl").write_bytes(prompt_line("a"))
    assert invoke("in.jsonl").exit_code == 0
    changed = invoke("in.jsonl", "--set", "body.seed=1")
    assert changed.exit_code == 2
    assert "note: line 1: custom_id: expected what it was when it was asked" in changed.stderr
    assert groq.requests_served == 1
    assert invoke("in.jsonl", "--set", "body.seed=1", "--force").exit_code == 0
    assert groq.requests[-1].params["seed"] == 1
    assert ids_in(Path("in.results.jsonl")) == ["a"]


@pytest.mark.parametrize("template", ["<{text}>", "@t.txt"])
def test_csv(groq: FakeGroq, template: str) -> None:
    Path("t.txt").write_bytes(b"\xef\xbb\xbf<{text}>")
    Path("in.csv").write_text("custom_id,text\nx,one\ny,two\n")
    assert invoke("in.csv", "--template", template, "--model", MODEL).exit_code == 0
    asked = sorted(each.params["messages"][0]["content"] for each in groq.requests)
    assert asked == ["<one>", "<two>"]
    assert sorted(ids_in(Path("in.results.jsonl"))) == ["x", "y"]


def test_csv_with_a_column_of_prompts(groq: FakeGroq) -> None:
    Path("in.CSV").write_text("prompt\none\n")
    assert invoke("in.CSV", "--model", MODEL).exit_code == 0
    assert ids_in(Path("in.results.jsonl")) == ["line-2"]


def test_limits_that_stop_it(groq: FakeGroq) -> None:
    Path("in.jsonl").write_bytes(prompt_lines(9))
    Path("p.toml").write_text(PRICES)
    groq.enqueue(*[Reply.error(400, "no")] * 2)
    result = invoke("in.jsonl", "--max-errors", "2", "--max-in-flight", "1")
    assert (result.exit_code, table(result)["stopped by"]) == (3, "max-errors")
    assert groq.requests_served == 2
    result = invoke("in.jsonl", "--max-cost", "0", "--prices", "p.toml")
    assert (result.exit_code, table(result)["stopped by"]) == (3, "max-cost")
    groq.enqueue(*[Reply(content="x", first_token_delay=3600.0)] * 7)
    result = invoke("in.jsonl", "--deadline", "0.05")
    assert (result.exit_code, table(result)["stopped by"]) == (3, "deadline")
    assert not Path("in.results.jsonl").exists()


def test_a_dry_run_needs_nothing_and_changes_nothing(tmp_path: Path) -> None:
    Path("in.jsonl").write_bytes(prompt_lines(20))
    Path("p.json").write_text(json.dumps({MODEL: {"input": 1, "output": 2}}))
    result = invoke("in.jsonl", "--dry-run", "--prices", "p.json")
    assert (result.exit_code, result.stderr) == (0, "")
    shown = table(result)
    assert (shown["requests"], shown["to be asked"]) == ("20", "20")
    prompt = 20 * request("r0").estimate().prompt
    assert int(shown["prompt tokens, about"].replace(",", "")) == pytest.approx(prompt, rel=0.02)
    assert shown["completion tokens, at most about"] == "20,480"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.jsonl", "p.json"]


def test_nothing_is_sent_of_an_input_that_is_not_valid(groq: FakeGroq) -> None:
    Path("in.jsonl").write_bytes(prompt_line("a") + prompt_line("a") + b"{\n")
    for more in ((), ("--dry-run",)):
        result = invoke("in.jsonl", *more)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.splitlines() == [
            "error: in.jsonl: expected valid requests, got 2 that are none",
            "note: line 2: custom_id: expected one of its own, got 'a' as in line 1",
            "note: line 3: expected a JSON object, got what is no JSON: {",
        ]
    assert groq.requests_served == 0
    assert [each.name for each in Path().iterdir()] == ["in.jsonl"]


def test_results_of_other_requests_are_told(groq: FakeGroq) -> None:
    Path("in.jsonl").write_bytes(prompt_lines(3))
    assert invoke("in.jsonl").exit_code == 0
    Path("in.jsonl").write_bytes(prompt_lines(1))
    result = invoke("in.jsonl")
    assert result.exit_code == 0
    assert result.stderr == "note: 2 results are of requests that are not here\n"


def test_a_wrong_key(groq: FakeGroq) -> None:
    Path("in.jsonl").write_bytes(prompt_lines(3))
    groq.enqueue(*[Reply.error(401, "Invalid API Key")] * 3)
    result = invoke("in.jsonl")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Invalid API Key" in result.stderr
    assert [each.name for each in Path().iterdir()] == ["in.jsonl"]


USAGE: dict[str, tuple[list[str], str]] = {
    "no key": (["in.jsonl"], "no API key"),
    "cost without prices": (["in.jsonl", "--max-cost", "1"], "--max-cost: expected --prices"),
    "an override": (["in.jsonl", "--set", "x"], "--set: expected body.NAME=JSON"),
    "no UTF-8": (["in.jsonl", "--template", "@bytes"], "bytes: expected UTF-8"),
    "a template that is long": (["in.jsonl", "--template", "@in.jsonl"], "expected at most"),
    "one file for two": (["in.jsonl", "-o", "in.jsonl"], "expected three files"),
}


@pytest.mark.parametrize(("args", "message"), USAGE.values(), ids=USAGE)
def test_wrong_usage(args: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "_MAX_TEMPLATE_BYTES", 10)
    Path("in.jsonl").write_bytes(prompt_lines(1))
    Path("bytes").write_bytes(b"\xff")
    result = invoke(*args)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    "args", [["none"], ["in.jsonl", "--template", "@none"], ["in.jsonl", "--prices", "none"]]
)
def test_files_that_are_not_there(args: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    Path("in.jsonl").write_bytes(prompt_lines(1))
    result = invoke(*args)
    assert result.exit_code == 1
    assert "error: none: expected a file that can be read" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send SIGINT to one process")
async def test_interrupted_it_drains_and_goes_on_another_time(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(prompt_lines(6))
    both = trio.Event()

    def reply(request: RecordedRequest) -> Reply:
        if server.requests_served == 2:
            both.set()
        slow = 0.3 if server.requests_served <= 2 else 0.0
        return attrs.evolve(echo(request.params), first_token_delay=slow)

    async with FakeGroq(default_reply=reply) as server:
        env = {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": server.url}
        args = ("run", "in.jsonl", "--max-in-flight", "2")
        async with started_program(*args, env=env) as process:
            await both.wait()
            process.send_signal(signal.SIGINT)
            said = await read_until(process.stderr, b"are waited for")
            assert b"note: interrupted; 2 in flight" in said
            assert await process.wait() == 130
            assert b"interrupted" in await read_all(process.stdout)
        assert sorted(ids_in(Path("in.results.jsonl"))) == ["r0", "r1"]
        async with started_program(*args, env=env) as process:
            assert await process.wait() == 0
        assert len(texts_in(Path("in.results.jsonl"))) == 6
        assert server.requests_served == 6
