import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.batch_server import Served, serving
from trio_groq.cli import files
from trio_groq.testing.files import unix_time

LINES = b'{"custom_id":"a"}\n'


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(monkeypatch) as each:
        yield each


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def invoke(*args: str) -> Result:
    return CliRunner().invoke(files.command, args)


def test_upload(served: Served, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(LINES)
    result = invoke("upload", "in.jsonl")
    file = served.api.files.get(result.stdout.strip())
    assert file is not None
    assert (file.name, file.data, file.purpose) == ("in.jsonl", LINES, "batch")
    assert (result.exit_code, result.stderr) == (0, "")
    shown = json.loads(invoke("upload", "in.jsonl", "--json").stdout)
    assert (shown["bytes"], shown["object"]) == (len(LINES), "file")


@pytest.mark.parametrize(
    ("args", "code", "line"),
    [
        (["none.jsonl"], 2, "error: file: expected a file that can be read"),
        (["in.jsonl", "--purpose", "other"], 1, "error: 400 "),
        (["in.csv"], 2, "error: file: expected a file of one of the formats jsonl"),
    ],
)
def test_uploads_that_fail(
    served: Served, tmp_path: Path, args: list[str], code: int, line: str
) -> None:
    for name in ("in.jsonl", "in.csv"):
        (tmp_path / name).write_bytes(LINES)
    result = invoke("upload", *args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith(line)


def test_list(served: Served) -> None:
    first = served.api.files.add("first.jsonl", "batch", b"x" * 12345, 0.0)
    second = served.api.files.add("2\x1b.jsonl", "batch_output", b"", 0.0)
    head, *rows = invoke("list").stdout.splitlines()
    assert head.split() == ["FILE", "NAME", "BYTES", "PURPOSE", "CREATED"]
    assert rows[0].split()[:4] == [second.id, "2.jsonl", "0", "batch_output"]
    assert rows[1].split()[:4] == [first.id, "first.jsonl", "12345", "batch"]
    lines = invoke("list", "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [second.id, first.id]


def test_info(served: Served) -> None:
    file = served.api.files.add("a.jsonl", "batch", b"x", 0.0)
    assert invoke("info", file.id).stdout.splitlines() == [
        f"file     {file.id}",
        "name     a.jsonl",
        "bytes    1",
        "purpose  batch",
        "created  2025-10-09 08:53:20",
    ]
    shown = json.loads(invoke("info", file.id, "--json").stdout)
    assert shown["created_at"] == unix_time(0)
    missing = invoke("info", "file_0")
    assert missing.exit_code == 1
    assert "File `file_0` not found" in missing.stderr


def test_download_to_its_own_name(served: Served, tmp_path: Path) -> None:
    file = served.api.files.add("../../etc/a.jsonl", "batch", LINES, 0.0)
    result = invoke("download", file.id)
    assert (result.exit_code, result.stdout) == (0, f"a.jsonl: {len(LINES)} bytes\n")
    assert (tmp_path / "a.jsonl").read_bytes() == LINES
    again = invoke("download", file.id)
    assert again.exit_code == 2
    assert "a.jsonl: expected no such file, got one; --output replaces it" in again.stderr


def test_download_to_another_place(served: Served, tmp_path: Path) -> None:
    file = served.api.files.add("", "batch", LINES, 0.0)
    (tmp_path / "there").write_bytes(b"old")
    result = invoke("download", file.id, "--output", "there", "--json")
    assert json.loads(result.stdout) == {
        "file_id": file.id,
        "path": "there",
        "bytes": len(LINES),
    }
    assert (tmp_path / "there").read_bytes() == LINES
    assert invoke("download", file.id).stdout.startswith(f"{file.id}: ")


def test_delete(served: Served) -> None:
    ids = [served.api.files.add(f"{n}.jsonl", "batch", b"", 0.0).id for n in range(3)]
    assert invoke("delete", *ids[:2]).stdout == f"{ids[0]} deleted\n{ids[1]} deleted\n"
    shown = json.loads(invoke("delete", ids[2], "--json").stdout)
    assert shown == {"id": ids[2], "deleted": True, "object": "file"}
    assert served.api.files.get(ids[0]) is served.api.files.get(ids[2]) is None
    assert invoke("delete", ids[0]).exit_code == 1
    assert invoke("delete").exit_code == 2


def test_another_base_url(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_BASE_URL", "https://unreachable.invalid")
    base_url = f"{served.server.url}/elsewhere"
    assert invoke("list", "--base-url", base_url).exit_code == 0
    monkeypatch.delenv("GROQ_API_KEY")
    assert "no API key" in invoke("list", "--base-url", base_url).stderr
