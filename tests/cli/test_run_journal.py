import errno
import os
import sys
from pathlib import Path

import pytest

from cli.run_files import failure, ids_in, line_of
from trio_groq.cli import _run_journal
from trio_groq.cli._output import Failure, UsageFailure
from trio_groq.cli._run_journal import Journal, read_entries

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")

LINES = line_of("a") + line_of("b", outcome=failure()) + line_of("c")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def read(path: Path) -> list[str]:
    """What is in it, by way of a journal."""
    journal = Journal.open(path)
    try:
        return [entry.custom_id for entry in journal.entries()]
    finally:
        journal.close()


def test_lines_are_added_and_read(path: Path) -> None:
    journal = Journal.open(path)
    assert list(journal.entries()) == []
    for custom_id in ("a", "b"):
        journal.append(line_of(custom_id))
        assert path.read_bytes().endswith(line_of(custom_id))
    journal.sync()
    journal.close()
    journal.close()
    assert read(path) == ids_in(path) == ["a", "b"]
    assert [entry.custom_id for entry in read_entries(path)] == ["a", "b"]


def test_a_line_is_one_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    journal = Journal.open(path)
    real = os.write

    def write(fd: int, data: bytes) -> int:
        written.append(data)
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    journal.append(line_of("a"))
    assert written == [line_of("a")]
    journal.close()


def test_a_file_with_nothing_in_it_goes(path: Path) -> None:
    assert read(path) == []
    assert not path.exists()
    assert list(read_entries(path)) == []


def test_cut_off_at_any_byte_what_is_whole_stays(path: Path) -> None:
    ends = [0] + [at for at in range(1, len(LINES) + 1) if LINES[:at].endswith(b"\n")]
    for at in range(len(LINES) + 1):
        path.write_bytes(LINES[:at])
        whole = max(end for end in ends if end <= at)
        expected = ["a", "b", "c"][: ends.index(whole)]
        assert [entry.custom_id for entry in read_entries(path)] == expected
        assert path.stat().st_size == at
        assert read(path) == expected
        assert (path.read_bytes() if path.exists() else b"") == LINES[:whole]


STRANGE: dict[str, tuple[bytes, int]] = {
    "text": (b"a list of things\n", 1),
    "text without an end": (b"a list of things", 1),
    "another batch's": (LINES + b'{"id":"batch_req_1","custom_id":"a"}\n', 4),
    "a line of nothing": (LINES + b"\n", 4),
    "what a broken disk left": (LINES + bytes(40), 4),
}


@pytest.mark.parametrize(("data", "number"), STRANGE.values(), ids=STRANGE)
def test_what_is_no_output_is_left_alone(path: Path, data: bytes, number: int) -> None:
    path.write_bytes(data)
    wanted = f"{path.name}: line {number}: expected a result of `trio-groq run`, got "
    for attempt in (read, lambda each: list(read_entries(each))):
        with pytest.raises(UsageFailure, match=wanted) as caught:
            attempt(path)
        assert len(caught.value.notes) == 1
    assert path.read_bytes() == data


def test_a_line_that_is_too_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_run_journal, "MAX_RESULT_BYTES", 10)
    path.write_bytes(LINES)
    with pytest.raises(UsageFailure, match="line 1: expected at most 10 bytes, got more"):
        read(path)


# --- the lock -------------------------------------------------------------------------------------


def test_one_run_at_a_time(path: Path) -> None:
    journal = Journal.open(path)
    with pytest.raises(Failure, match="got one that another run is writing"):
        Journal.open(path)
    journal.append(line_of("a"))
    journal.close()
    assert read(path) == ["a"]


def test_a_file_that_has_gone_meanwhile_is_opened_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking, the holder of the lock replaces the file, or takes it away."""
    new = path.with_name("new")
    new.write_bytes(LINES)

    def replace() -> None:
        new.replace(path)

    changes = [path.unlink, replace]
    real = _run_journal._lock

    def lock(fd: int, where: Path) -> None:
        real(fd, where)
        if changes:
            change = changes.pop()
            change()

    monkeypatch.setattr(_run_journal, "_lock", lock)
    journal = Journal.open(path)
    assert changes == []
    assert list(journal.entries()) == []
    journal.append(line_of("a"))
    assert ids_in(path) == ["a"]
    journal.close()


def test_without_locks_there_is_no_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(Failure, match="expected a system with flock, got none"):
        Journal.open(path)


def test_a_lock_that_fails_otherwise(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_fd: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("fcntl.flock", flock)
    with pytest.raises(OSError, match="no locks"):
        Journal.open(path)


# --- leaving lines out ----------------------------------------------------------------------------


def test_lines_are_left_out(path: Path) -> None:
    path.write_bytes(LINES)
    path.chmod(0o640)
    journal = Journal.open(path)
    entries = list(journal.entries())
    journal.rewrite(lambda number, entry: number != 1 and entry == entries[number])
    assert path.read_bytes() == line_of("a") + line_of("c")
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(Failure, match="another run"):
        Journal.open(path)
    journal.append(line_of("d"))
    journal.close()
    assert read(path) == ["a", "c", "d"]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_what_an_earlier_attempt_left_is_overwritten(path: Path) -> None:
    path.write_bytes(LINES)
    path.with_name("out.jsonl.tmp").write_bytes(LINES * 3)
    journal = Journal.open(path)
    journal.rewrite(lambda number, _entry: number == 2)
    journal.close()
    assert ids_in(path) == ["c"]


def test_a_rewriting_that_fails_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(LINES)
    journal = Journal.open(path)

    def write(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(
        Failure, match=r"out.jsonl.tmp: expected a file that can be written, got No"
    ):
        journal.rewrite(lambda _number, _entry: True)
    monkeypatch.undo()
    assert path.read_bytes() == LINES
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    path.with_name("out.jsonl.tmp").mkdir()
    with pytest.raises(Failure, match="expected a file that can be written"):
        journal.rewrite(lambda _number, _entry: True)
    journal.append(line_of("d"))
    journal.close()
    assert ids_in(path) == ["a", "b", "c", "d"]


# --- disks ----------------------------------------------------------------------------------------


def test_a_disk_that_becomes_full(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(path)
    journal.append(line_of("a"))
    room = [10, 5]
    real = os.write

    def write(fd: int, data: bytes) -> int:
        if not room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data[: room.pop()])

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(Failure, match="expected a file that can be written, got No space left"):
        journal.append(line_of("b"))
    journal.close()
    assert path.read_bytes() == line_of("a") + line_of("b")[:15]
    assert read(path) == ["a"]


def test_the_disk_is_asked_only_for_what_is_new(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    journal = Journal.open(path)
    journal.sync()
    journal.append(line_of("a"))
    journal.sync()
    journal.sync()
    assert len(synced) == 1

    def broken(_fd: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    journal.append(line_of("b"))
    with pytest.raises(Failure, match="got Input/output error"):
        journal.sync()
    journal.close()


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "none" / "out"):
        with pytest.raises(Failure, match="expected a file that can be written"):
            Journal.open(place)
    with pytest.raises(UsageFailure, match="expected a regular file, got something else"):
        Journal.open(Path(os.devnull))
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(Failure, match="expected a file that can be written"):
        list(read_entries(tmp_path / "loop"))
