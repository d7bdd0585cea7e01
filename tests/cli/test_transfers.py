import io
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import trio

from cli.batch_server import Served, serving
from trio_groq.cli import _transfers
from trio_groq.cli._output import Failure
from trio_groq.cli._transfers import (
    as_json,
    date,
    download,
    in_columns,
    progress_bar,
    with_client,
)
from trio_groq.client import GroqClient
from trio_groq.types.files import FileDeleteResponse


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(monkeypatch) as each:
        yield each


def test_columns_are_aligned() -> None:
    rows = [("NAME", "BYTES", "X"), ("a\x1b[31m", "5", "long"), ("", "12345", "")]
    assert in_columns(rows, right=(1,)) == [
        "NAME   BYTES  X",
        "a[31m      5  long",
        "-      12345  -",
    ]


@pytest.mark.parametrize("seconds", [None, 0, -1, 10**12])
def test_times_that_are_no_dates(seconds: int | None) -> None:
    assert date(seconds) == "-"


def test_dates_are_in_utc() -> None:
    assert date(1_760_000_000) == "2025-10-09 08:53:20"


def test_json_is_one_line_of_ascii() -> None:
    line = as_json(FileDeleteResponse(id="é\n"))
    assert line == '{"id": "\\u00e9\\n", "deleted": false, "object": "file"}'


def test_without_a_terminal_there_is_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("a") as report:
        report(1, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("in_bytes", "figures"), [(True, "5/10 bytes"), (False, "5/10")])
def test_in_a_terminal_there_is_one(
    monkeypatch: pytest.MonkeyPatch, in_bytes: bool, figures: str
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(_transfers, "_INTERVAL", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with progress_bar("up \x1b[load [bold]", in_bytes=in_bytes) as report:
        report(0, None)
        report(5, 10)
        shown = terminal.getvalue()
    assert "up [load [bold]" in shown
    assert figures in shown


def test_it_is_not_drawn_more_often_than_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(_transfers, "_INTERVAL", 1e9)
    with progress_bar("a") as report:
        report(1, 1_000_000)
        once = len(terminal.getvalue())
        for done in range(1000):
            report(done, 1_000_000)
        assert len(terminal.getvalue()) == once


def test_an_interruption_is_exit_code_130(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(_client: GroqClient) -> None:
        signal.raise_signal(signal.SIGINT)
        await trio.sleep_forever()

    with pytest.raises(click.exceptions.Exit) as caught:
        with_client(None, work)
    assert caught.value.exit_code == 130


def test_a_download_is_counted_and_written(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = served.api.files.add("a.jsonl", "batch", b"x" * 100_000, 0.0)
    reports: list[tuple[int, int | None]] = []

    class Bar:
        def __enter__(self) -> object:
            return lambda done, total: reports.append((done, total))

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(_transfers, "progress_bar", lambda _title: Bar())

    async def work(client: GroqClient) -> int:
        return await download(client, file.id, tmp_path / "b")

    assert with_client(None, work) == 100_000
    assert (tmp_path / "b").read_bytes() == b"x" * 100_000
    assert reports[-1] == (100_000, 100_000)
    assert reports == sorted(reports)


def test_a_place_that_cannot_be_written(served: Served, tmp_path: Path) -> None:
    file = served.api.files.add("a.jsonl", "batch", b"x", 0.0)

    async def work(client: GroqClient) -> int:
        return await download(client, file.id, tmp_path / "none" / "b")

    with pytest.raises(Failure, match="expected a file that can be written, got No such file"):
        with_client(None, work)
    assert list(tmp_path.iterdir()) == []
