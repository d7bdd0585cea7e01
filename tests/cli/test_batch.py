import io
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batch_api import CHAT, chat_line, chat_lines
from cli.batch_server import Served, serving
from trio_groq.cli import _batch_input, batch
from trio_groq.cli._batch_input import check
from trio_groq.cli._batch_views import details, error_lines
from trio_groq.cli._output import Failure, UsageFailure
from trio_groq.testing import Reply
from trio_groq.types.batches import Batch, BatchError, BatchErrors


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(monkeypatch) as each:
        yield each


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def invoke(*args: str) -> Result:
    return CliRunner().invoke(batch.command, args)


def started(served: Served, data: bytes) -> str:
    """A batch of these lines; its id."""
    file = served.api.files.add("in.jsonl", "batch", data, 0.0)
    order = {"endpoint": CHAT, "completion_window": "24h", "input_file_id": file.id}
    answer = served.api.asked("POST", "batches", 0.0, order)
    assert isinstance(answer["id"], str)
    return answer["id"]


# --- submit ---------------------------------------------------------------------------------------


def test_submit(served: Served, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(chat_lines(3))
    result = invoke("submit", "in.jsonl", "--metadata", "team=a=b", "--window", "2d")
    assert (result.exit_code, result.stderr) == (0, "3 requests, validating\n")
    shown = json.loads(invoke("status", result.stdout.strip(), "--json").stdout)
    assert (shown["metadata"], shown["completion_window"]) == ({"team": "a=b"}, "2d")
    assert shown["request_counts"] == {"total": 3, "completed": 3, "failed": 0}
    assert json.loads(invoke("submit", "in.jsonl", "--json").stdout)["status"] == "validating"


def test_nothing_is_sent_of_an_input_that_is_not_valid(served: Served, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(chat_line("a") + chat_line("a") + b"{\n" + chat_line("b"))
    result = invoke("submit", "in.jsonl")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [
        "error: in.jsonl: expected valid requests, got 2 lines that are none",
        "note: line 2: custom_id: expected one of its own, got 'a' as in line 1",
        "note: line 3: expected a JSON object, got what is no JSON: {",
    ]
    assert served.server.requests == []


def test_a_refused_batch_tells_where_its_requests_are(served: Served, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(chat_lines(1))
    result = invoke("submit", "in.jsonl", "--window", "1h")
    assert (result.exit_code, result.stdout) == (1, "")
    (file,) = served.api.asked("GET", "files")["data"]
    assert f"note: the requests are uploaded as {file['id']}" in result.stderr.splitlines()


@pytest.mark.parametrize("pair", ["team", "=a"])
def test_metadata_that_is_none(served: Served, pair: str) -> None:
    result = invoke("submit", "in.jsonl", "--metadata", pair)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --metadata: expected NAME=VALUE, got ")


def test_an_input_is_checked_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_batch_input, "_READ_BYTES", 7)
    path = tmp_path / "in.jsonl"
    path.write_bytes(chat_lines(5).rstrip())
    assert check(path) == 5


def test_only_the_first_wrong_lines_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"{\n" * 13)
    with pytest.raises(UsageFailure, match="got 13 lines that are none") as caught:
        check(path)
    assert len(caught.value.notes) == 11
    assert caught.value.notes[-1] == "and 3 more"


def test_inputs_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\n\n")
    with pytest.raises(UsageFailure, match="expected at least one request, got none"):
        check(tmp_path / "empty")
    with pytest.raises(Failure, match="expected a file that can be read, got No such file"):
        check(tmp_path / "none")


# --- status, list, wait, cancel -------------------------------------------------------------------


def test_status(served: Served) -> None:
    batch_id = started(served, chat_lines(1) + chat_line("b", "fail") + b"{")
    lines = invoke("status", batch_id).stdout.splitlines()
    facts = [tuple(line.split(maxsplit=1)) for line in lines]
    assert facts[:3] == [
        ("batch", batch_id),
        ("status", "completed"),
        ("requests", "1 of 3 done, 2 failed"),
    ]
    assert ("error", "line 3: This line is not parseable as a JSON object") in facts
    assert {"output", "errors", "created", "completed"} <= {fact[0] for fact in facts}
    assert invoke("status", "batch_0").exit_code == 1


def test_details_have_what_is_known_and_nothing_else() -> None:
    running = Batch(id="b", status="in_progress", created_at=1, expires_at=2, metadata={"a": "b"})
    names = [line.split("  ")[0] for line in details(running)]
    assert names == [
        "batch",
        "status",
        "requests",
        "endpoint",
        "window",
        "input",
        "metadata",
        "created",
        "expires",
    ]
    assert "expires" not in [
        line.split()[0] for line in details(Batch(status="completed", expires_at=2))
    ]


ERRORS: dict[str, tuple[Any, list[str]]] = {
    "none": (None, []),
    "an object": (BatchErrors(data=[BatchError(message="a\nb", line=3)]), ["line 3: a b"]),
    "an empty object": (BatchErrors(), []),
    "a list": ([BatchError(code="c"), BatchError()], ["c", "no reason given"]),
    "many": ([BatchError(code="c")] * 99, ["c"] * 10),
}


@pytest.mark.parametrize(("errors", "lines"), ERRORS.values(), ids=ERRORS)
def test_errors_of_a_batch(errors: Any, lines: list[str]) -> None:
    assert error_lines(Batch(errors=errors)) == lines


def test_list(served: Served) -> None:
    ids = [started(served, chat_lines(1)) for _ in range(3)]
    page = invoke("list")
    head, *rows = page.stdout.splitlines()
    assert head.split() == ["BATCH", "STATUS", "REQUESTS", "CREATED"]
    assert [row.split()[:2] for row in rows] == [[ids[2], "completed"], [ids[1], "completed"]]
    assert page.stderr.startswith("note: there are more: --cursor cursor_")
    cursor = page.stderr.split()[-1]
    rest = invoke("list", "--cursor", cursor, "--json")
    assert [json.loads(line)["id"] for line in rest.stdout.splitlines()] == ids[:1]
    assert rest.stderr == ""


def test_cancel(served: Served) -> None:
    served.server.enqueue(Reply.json({"id": "batch_1", "status": "cancelling"}))
    assert invoke("cancel", "batch_1").stdout.splitlines()[1].split() == ["status", "cancelling"]
    assert invoke("cancel", "batch_1").exit_code == 1


def progress(status: str, completed: int) -> Reply:
    counts = {"total": 2, "completed": completed, "failed": 0}
    return Reply.json({"id": "batch_1", "status": status, "request_counts": counts})


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_groq.resources.batches.intervals", lambda *_: itertools.repeat(0.0))


@pytest.mark.usefixtures("_impatient")
def test_wait(served: Served) -> None:
    served.server.enqueue(
        Reply.json({"id": "batch_1", "status": "validating"}),
        *(progress("in_progress", done) for done in (0, 0, 1)),
        progress("completed", 2),
    )
    result = invoke("wait", "batch_1")
    assert result.exit_code == 0
    assert result.stderr.splitlines() == [
        "validating, 0 of 0 done",
        "in_progress, 0 of 2 done",
        "in_progress, 1 of 2 done",
        "completed, 2 of 2 done",
    ]
    assert result.stdout.splitlines()[1].split() == ["status", "completed"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("_impatient")
def test_in_a_terminal_a_wait_shows_a_bar(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served.server.enqueue(progress("in_progress", 1), progress("completed", 2))
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    batch.command.main(["wait", "batch_1", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["status"] == "completed"
    assert "batch_1" in terminal.getvalue()
    assert "1/2" in terminal.getvalue()
    assert "in_progress" not in terminal.getvalue()


@pytest.mark.parametrize("status", ["failed", "expired", "cancelled"])
def test_a_wait_for_a_batch_that_came_to_nothing(served: Served, status: str) -> None:
    served.server.enqueue(progress(status, 0))
    result = invoke("wait", "batch_1", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["status"] == status


def test_a_wait_that_is_too_long(served: Served) -> None:
    served.server.enqueue(progress("in_progress", 0))
    result = invoke("wait", "batch_1", "--timeout", "0.01")
    assert result.exit_code == 1
    assert "error: batch batch_1: expected it to be over within 0.01 s" in result.stderr
    assert invoke("wait", "batch_1", "--timeout", "0").exit_code == 2


# --- results --------------------------------------------------------------------------------------


def test_results(served: Served, tmp_path: Path) -> None:
    batch_id = started(served, chat_lines(2) + chat_line("b", "fail"))
    result = invoke("results", batch_id)
    output, errors = tmp_path / f"{batch_id}_output.jsonl", tmp_path / f"{batch_id}_errors.jsonl"
    answered, failed = (path.read_bytes().splitlines() for path in (output, errors))
    assert [json.loads(line)["custom_id"] for line in answered] == ["r1", "r2"]
    assert [json.loads(line)["custom_id"] for line in failed] == ["b"]
    assert result.stdout.splitlines() == [
        f"{output.name}: {output.stat().st_size} bytes",
        f"{errors.name}: {errors.stat().st_size} bytes",
    ]
    places = invoke("results", batch_id, "--output", "o", "--errors", "e", "--json").stdout
    assert [json.loads(line)["path"] for line in places.splitlines()] == ["o", "e"]
    assert (tmp_path / "o").read_bytes() == output.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["o", "e", output.name, errors.name]
    )


def test_only_what_there_is(served: Served, tmp_path: Path) -> None:
    batch_id = started(served, chat_lines(1))
    assert invoke("results", batch_id).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == [f"{batch_id}_output.jsonl"]


def test_no_results_yet_and_none_at_all(served: Served, tmp_path: Path) -> None:
    served.server.enqueue(progress("in_progress", 0))
    result = invoke("results", "batch_1")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: batch_1: expected a batch that is over, got in_progress",
        "note: `trio-groq batch wait batch_1` waits for that",
    ]
    failed = invoke("results", started(served, b""))
    assert failed.exit_code == 1
    assert "expected results, got none: it is failed" in failed.stderr
    assert "note: The input file has no valid request" in failed.stderr
    assert list(tmp_path.iterdir()) == []
