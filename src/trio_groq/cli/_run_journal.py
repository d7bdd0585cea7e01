"""A file of results, line after line: locked, repaired, and only ever added to.

Each line is given to the system whole, in one `write` with O_APPEND, before the next request takes
its place: whatever kills the process, at most the last line is cut off, and that is taken away when
the file is opened again. What the system has is on the disk after the next `sync`, which the run
calls once a second, and at its end: a machine that loses power loses the answers of that second,
and asks for them again.

The lock is on the file itself (`flock`), and ends with the process however that ends. A file is
replaced only by its holder, who then holds the lock of the new one; whoever gets the lock of a file
that is no longer there asks again.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final, final

from trio_groq.cli._output import Failure, UsageFailure
from trio_groq.cli._run_lines import LineSplitter
from trio_groq.cli._run_results import MAX_RESULT_BYTES, Entry, begins_like_a_line, read_entry
from trio_groq.errors import InvalidRequestError

__all__ = ["Journal", "read_entries"]

_READ_BYTES: Final = 1024 * 1024
_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
_MODE: Final = 0o666
_TAKEN: Final = frozenset({errno.EACCES, errno.EAGAIN})


def _failure(path: Path, error: OSError) -> Failure:
    reason = error.strerror or str(error)
    return Failure(f"{path}: expected a file that can be written, got {reason}")


def _lock(fd: int, path: Path) -> None:
    """Take the lock, at once or not at all."""
    try:
        fcntl = import_module("fcntl")  # by name: Windows has none, which types know
    except ModuleNotFoundError:
        raise Failure("run: expected a system with flock, got none") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _TAKEN:
            raise
        raise Failure(
            f"{path}: expected it for this run alone, got one that another run is writing"
        ) from error


def _is_still(fd: int, path: Path) -> bool:
    """Whether the open file is the one at this path."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(fd), there)


def _read_lines(fd: int, path: Path) -> Iterator[tuple[bytes, bool]]:
    """The lines, each with whether it has its end; only the last can be without."""
    splitter = LineSplitter(MAX_RESULT_BYTES)
    at = 0
    try:
        while piece := os.pread(fd, _READ_BYTES, at):
            at += len(piece)
            splitter.feed(piece)
            while (line := splitter.next_line()) is not None:
                yield line, True
    except InvalidRequestError as error:
        raise UsageFailure(f"{path}: {error}") from error
    if rest := splitter.rest():
        yield rest, False


def _read_entries(fd: int, path: Path) -> Iterator[tuple[Entry | None, bytes]]:
    """What the lines tell, each with its bytes; None for the last one if it was cut off.

    Raises:
        UsageFailure: This is no output of a run: it is left alone.
    """
    for number, (line, is_whole) in enumerate(_read_lines(fd, path), 1):
        try:
            if not is_whole and not begins_like_a_line(line):
                raise ValueError("other text")
            entry = read_entry(line) if is_whole else None
        except ValueError as error:
            note = "another file takes the output with -o, and what fails with --errors"
            raise UsageFailure(
                f"{path}: line {number}: expected a result of `trio-groq run`, got {error}", [note]
            ) from error
        yield entry, line


def read_entries(path: Path) -> Iterator[Entry]:
    """What a file of results tells, which is neither locked nor changed; nothing if it is absent.

    Raises:
        UsageFailure: This is no output of a run.
        Failure: It cannot be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _failure(path, error) from error
    try:
        for entry, _ in _read_entries(fd, path):
            if entry is not None:
                yield entry
    finally:
        os.close(fd)


@final
class Journal:
    """An open file of results. Made by `Journal.open`; to be closed.

    Attributes:
        path: Where it is.
    """

    def __init__(self, path: Path, fd: int) -> None:
        self.path: Final = path
        self._fd = fd
        self._is_dirty = False

    @classmethod
    def open(cls, path: Path) -> "Journal":
        """Open or create the file, and lock it.

        Raises:
            Failure: It cannot be written, or another run writes it.
            UsageFailure: It is no regular file.
        """
        while True:
            try:
                fd = os.open(path, _FLAGS, _MODE)
            except OSError as error:
                raise _failure(path, error) from error
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise UsageFailure(f"{path}: expected a regular file, got something else")
                _lock(fd, path)
                if _is_still(fd, path):
                    return cls(path, fd)
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def entries(self) -> Iterator[Entry]:
        """What is in it; at the end a last line that was cut off is taken away.

        Raises:
            UsageFailure: This is no output of a run; nothing was changed.
        """
        whole = 0
        for entry, line in _read_entries(self._fd, self.path):
            if entry is not None:
                whole += len(line) + 1
                yield entry
        if whole < os.fstat(self._fd).st_size:
            os.ftruncate(self._fd, whole)
            self._is_dirty = True

    def append(self, line: bytes) -> None:
        """Write a line, with its end.

        Raises:
            Failure: The disk is full, or broken. What was written of the line is taken away when
                the file is opened again.
        """
        self._is_dirty = True
        _write(self._fd, line, self.path)

    def sync(self) -> None:
        """Have the disk hold what was written. Blocks for as long as the disk takes.

        Raises:
            Failure: The disk is broken.
        """
        if self._is_dirty:
            self._is_dirty = False
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise _failure(self.path, error) from error

    def rewrite(self, keep: Callable[[int, Entry], bool]) -> None:
        """Leave lines out. The file is replaced by another, at once: no moment sees half of it.

        Args:
            keep: Takes a line's number, from 0, and what it tells; says whether it stays.

        Raises:
            Failure: The new file cannot be written; the old one stays.
        """
        new = self.path.with_name(f"{self.path.name}.tmp")
        try:
            fd = os.open(new, _FLAGS | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), _MODE)
        except OSError as error:
            raise _failure(new, error) from error
        try:
            _lock(fd, new)
            for number, (entry, line) in enumerate(_read_entries(self._fd, self.path)):
                if entry is not None and keep(number, entry):
                    _write(fd, line + b"\n", new)
            os.fchmod(fd, stat.S_IMODE(os.fstat(self._fd).st_mode))
            os.fsync(fd)
            new.replace(self.path)
        except BaseException:
            os.close(fd)
            new.unlink(missing_ok=True)
            raise
        os.close(self._fd)
        self._fd = fd
        self._is_dirty = False

    def close(self) -> None:
        """Give it back; a file with nothing in it goes. Idempotent."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            if not os.fstat(fd).st_size and _is_still(fd, self.path):
                self.path.unlink()
        finally:
            os.close(fd)


def _write(fd: int, data: bytes, path: Path) -> None:
    try:
        written = os.write(fd, data)
        while written < len(data):  # a full disk takes a part, and refuses the rest
            written += os.write(fd, data[written:])
    except OSError as error:
        raise _failure(path, error) from error
