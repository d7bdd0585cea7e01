"""What callers may give as a file: how it is called, measured, checked, read and given back."""

import gzip
import io
import lzma
import os
import sys
import tempfile
import tracemalloc
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO, Any

import pytest
import trio
import trio.testing

from _http.body_sources import read_all
from trio_groq._api.file_sources import FileSource, reading_errors
from trio_groq._api.uploads import AsyncBytes, FileTypes, multipart_body, prepare_file
from trio_groq._http.bodies import PIECE_BYTES, OpenBody
from trio_groq.errors import InvalidRequestError

SOUND = b"ID3\0\xff" * 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "sound.mp3"
    made.write_bytes(SOUND)
    return made


async def some_pieces() -> AsyncIterator[bytes]:
    yield SOUND[:7]
    yield b""
    yield SOUND[7:]


class Endless:
    """An async stream that knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    def __aiter__(self) -> "Endless":
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        return b"x" * 1000

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()
        self.closed += 1


class Unseekable:
    """What can be read once, and knows its length."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self._length = len(data)

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size)

    def __len__(self) -> int:
        return self._length


class OldSeekable:
    """Seekable without saying so; `seek` returns nothing."""

    name = 7

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)
        self.read = self._file.read
        self.tell = self._file.tell

    def seek(self, offset: int, whence: int = 0, /) -> None:
        self._file.seek(offset, whence)


def opened(path: Path) -> IO[bytes]:
    return open(path, "rb")  # noqa: PTH123 (a test closes it)


def half_read(path: Path) -> IO[bytes]:
    file = opened(path)
    file.read(100)
    return file


def spooled(path: Path) -> Any:
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115 (a test closes it)
    file.write(path.read_bytes())
    return file


def unzipped(path: Path) -> Any:
    return gzip.open(io.BytesIO(gzip.compress(path.read_bytes())))


GIVEN: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "str": (str, "sound.mp3", "audio/mpeg"),
    "path": (lambda path: path, "sound.mp3", "audio/mpeg"),
    "trio path": (trio.Path, "sound.mp3", "audio/mpeg"),
    "bytes": (lambda _: SOUND, "upload", "application/octet-stream"),
    "bytearray": (lambda _: bytearray(SOUND), "upload", "application/octet-stream"),
    "memoryview": (lambda _: memoryview(SOUND), "upload", "application/octet-stream"),
    "file": (opened, "sound.mp3", "audio/mpeg"),
    "half-read file": (half_read, "sound.mp3", "audio/mpeg"),
    "BytesIO": (lambda _: io.BytesIO(SOUND), "upload", "application/octet-stream"),
    "spooled": (spooled, "upload", "application/octet-stream"),
    "gzip": (unzipped, "upload", "application/octet-stream"),
    "unseekable": (lambda _: Unseekable(SOUND), "upload", "application/octet-stream"),
    "old seekable": (lambda _: OldSeekable(SOUND), "upload", "application/octet-stream"),
    "async": (
        lambda _: AsyncBytes(some_pieces(), len(SOUND)),
        "upload",
        "application/octet-stream",
    ),
    "named async": (
        lambda _: AsyncBytes(some_pieces(), len(SOUND), "a/talk.FLAC"),
        "talk.FLAC",
        "audio/flac",
    ),
    "pair": (lambda path: ("talk.wav", path), "talk.wav", "audio/wav"),
    "nameless pair": (lambda path: (None, path), "sound.mp3", "audio/mpeg"),
    "triple": (lambda _: ("talk.wav", SOUND, "audio/x"), "talk.wav", "audio/x"),
    "nameless triple": (lambda _: (None, SOUND, None), "upload", "application/octet-stream"),
}
ONCE = ("unseekable", "async", "named async")


@pytest.mark.parametrize("kind", GIVEN)
async def test_whatever_is_given_is_read_whole(kind: str, path: Path) -> None:
    make, name, content_type = GIVEN[kind]
    given = make(path)
    file = await prepare_file("file", given)
    assert (file.name, file.content_type, file.length) == (name, content_type, len(SOUND))
    for _ in range(1 if kind in ONCE else 2):
        assert file.source.replayable
        assert b"".join(await read_all(file.source)) == SOUND
    assert file.source.replayable == (kind not in ONCE)
    if hasattr(given, "close"):
        assert not given.closed, "it is the caller's"
        given.close()


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.jsonl", "application/jsonl"),
        ("a.M4A", "audio/mp4"),
        ("a.txt", "text/plain"),
        ("a.tar.gz", "application/octet-stream"),
        ("a.unheard-of", "application/octet-stream"),
        ("mp3", "application/octet-stream"),
        (".mp3", "application/octet-stream"),
    ],
)
async def test_the_type_follows_from_the_name(name: str, content_type: str) -> None:
    assert (await prepare_file("file", (name, b""))).content_type == content_type


def text_file() -> Any:
    return io.TextIOWrapper(io.BytesIO(b"text"))


def closed_file() -> Any:
    file = io.BytesIO(b"")
    file.close()
    return file


def truncated_file() -> Any:
    return gzip.open(io.BytesIO(gzip.compress(b"text")[:-8]))


def corrupt_gzip() -> Any:
    return gzip.open(io.BytesIO(gzip.compress(b"text")[:10] + b"\xff" * 20))


def corrupt_lzma() -> Any:
    return lzma.open(io.BytesIO(b"no such thing"))


def corrupt_zip() -> Any:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", b"some text")
    content = file.getvalue().replace(b"some text", b"else text")
    return zipfile.ZipFile(io.BytesIO(content)).open("a.txt")


CORRUPT: dict[str, tuple[Callable[[], Any], str]] = {
    "gzip": (corrupt_gzip, "invalid block type"),
    "lzma": (corrupt_lzma, "Input format not supported"),
    "zip": (corrupt_zip, "Bad CRC-32"),
}


class Unmeasured:
    """Like a pipe."""

    def read(self, _size: int = -1, /) -> bytes:
        raise AssertionError

    def seekable(self) -> bool:
        return False


class Awaited:
    """Like a file of Trio's."""

    async def read(self, _size: int = -1, /) -> bytes:
        raise AssertionError


class BytesPath:
    """A path that is no text."""

    def __fspath__(self) -> bytes:
        return b"a"


TRUNCATED = "Compressed file ended before the end-of-stream marker was reached"
UNMEASURED = (
    "file: expected a file whose length can be known (seek, or len), "
    "got one that cannot be measured"
)
WITH_AWAIT = "file: expected a file that is read without await, got an async file"
ANYTHING = (
    "file: expected a path, bytes, a binary file, AsyncBytes, or a tuple "
    "(name, content[, content type])"
)
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "missing": (
        lambda: "/missing/a.mp3",
        "file: expected a file that can be read, got '/missing/a.mp3' (No such file or directory)",
    ),
    "folder": (lambda: "/", "file: expected a file that can be read, got '/' (a folder)"),
    "device": (
        lambda: "/dev/null",
        "file: expected a file that can be read, got '/dev/null' (no regular file)",
    ),
    "NUL": (
        lambda: "a\0b",
        "file: expected a file that can be read, got 'a\\x00b' (embedded null byte)",
    ),
    "bytes path": (BytesPath, "file: expected a path that is text, got bytes"),
    "text mode": (
        text_file,
        'file: expected a file opened in binary mode ("rb"), got one in text mode',
    ),
    "StringIO": (
        lambda: io.StringIO("text"),
        'file: expected a file opened in binary mode ("rb"), got one in text mode',
    ),
    "closed": (
        closed_file,
        "file: expected a file that can be read, got a BytesIO (I/O operation on closed file.)",
    ),
    "truncated": (
        truncated_file,
        f"file: expected a file that can be read, got '' ({TRUNCATED})",
    ),
    "pipe": (
        Unmeasured,
        f"{UNMEASURED}; AsyncBytes, or its content as bytes, can be sent",
    ),
    "async file": (
        Awaited,
        f"{WITH_AWAIT}; AsyncBytes(file, length=...) sends one",
    ),
    "number": (
        lambda: 7,
        f"{ANYTHING}, got int",
    ),
    "None": (
        lambda: ("a", None),
        f"{ANYTHING}, got NoneType",
    ),
    "four": (
        lambda: ("a", b"", None, {}),
        "file: expected (name, content) or (name, content, content type), got 4",
    ),
    "name": (lambda: (1, b""), "file: expected text as the name, got int"),
    "type": (lambda: ("a", b"", 1), "file: expected text as the content type, got int"),
    "length": (
        lambda: AsyncBytes(Endless(), -1),
        "file.length: expected an integer >= 0, got -1",
    ),
    "boolean": (
        lambda: AsyncBytes(Endless(), True),
        "file.length: expected an integer >= 0, got True",
    ),
    "stream": (
        lambda: AsyncBytes([b""], 0),  # type: ignore[arg-type]  # as a caller may err
        "file.stream: expected an async iterable, got list",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_what_cannot_be_uploaded_is_refused(kind: str) -> None:
    make, message = REFUSED[kind]
    with pytest.raises(InvalidRequestError) as caught:
        await prepare_file("file", make())
    assert str(caught.value) == message
    assert caught.value.path == message.partition(":")[0]


@pytest.mark.parametrize("kind", CORRUPT)
async def test_a_corrupt_compressed_file_is_refused(kind: str) -> None:
    make, reason = CORRUPT[kind]
    with pytest.raises(InvalidRequestError, match=f"a file that can be read, got .*{reason}"):
        await prepare_file("file", make())
    # One that could be measured fails when it is read, while it is sent.
    source = FileSource("file", make(), 9, seekable=False)
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        await read_all(source)
    assert caught.value.path == "file"
    assert caught.value.__cause__ is not None


async def test_an_error_that_is_no_reading_error_stays_what_it_is() -> None:
    class Faulty(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise LookupError

    file = await prepare_file("file", Faulty(b"text"))
    with pytest.raises(LookupError):
        await file.source.open().next_piece()


@pytest.mark.parametrize("module", ["lzma", "zipfile", "zlib"])
def test_modules_that_were_not_imported_have_no_errors(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    known = reading_errors()
    assert {zlib.error, lzma.LZMAError, zipfile.BadZipFile} < set(known)
    monkeypatch.delitem(sys.modules, module)
    assert len(reading_errors()) == len(known) - 1
    assert module not in sys.modules


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
async def test_a_file_that_may_not_be_read(path: Path) -> None:
    await trio.Path(path).chmod(0)
    with pytest.raises(InvalidRequestError, match="Permission denied"):
        await prepare_file("file", path)


# -- reading it


async def read_to_error(reading: OpenBody) -> InvalidRequestError:
    async def read() -> None:
        while await reading.next_piece():
            pass

    with pytest.raises(InvalidRequestError) as caught:
        await read()
    await reading.aclose()
    return caught.value


async def test_files_are_read_in_pieces_and_closed(path: Path) -> None:
    await trio.Path(path).write_bytes(bytes(2 * PIECE_BYTES + 1))
    before = open_files(path)
    file = await prepare_file("file", path)
    assert open_files(path) == before == 0
    reading = file.source.open()
    assert open_files(path) == 0
    assert len(await reading.next_piece()) == PIECE_BYTES
    assert open_files(path) == 1
    await reading.aclose()
    await reading.aclose()
    assert open_files(path) == 0
    assert [len(piece) for piece in await read_all(file.source)] == [PIECE_BYTES, PIECE_BYTES, 1]
    assert open_files(path) == 0


def open_files(path: Path) -> int:
    """How many descriptors of this process are of the file; none where that cannot be seen."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("descriptors cannot be listed here")
    found = 0
    for entry in os.listdir(folder):  # noqa: PTH208 (iterdir holds a descriptor meanwhile)
        try:
            found += os.readlink(folder / entry) == str(path)  # noqa: PTH115 (may be gone)
        except OSError:  # the listing's own
            continue
    return found


async def test_a_file_that_changed_between_two_attempts(path: Path) -> None:
    file = await prepare_file("file", path)
    await read_all(file.source)
    with path.open("ab") as more:
        more.write(b"x")
    error = await read_to_error(file.source.open())
    got = f"{len(SOUND) + 1}: the file has changed since the call began"
    assert str(error) == f"file: expected {len(SOUND)} bytes, got {got}"
    assert open_files(path) == 0


async def test_a_file_that_is_gone_at_the_second_attempt(path: Path) -> None:
    file = await prepare_file("file", path)
    await trio.Path(path).unlink()
    error = await read_to_error(file.source.open())
    assert str(error).endswith(f"got {str(path)!r} (No such file or directory)")
    assert isinstance(error.__cause__, FileNotFoundError)


@pytest.mark.parametrize(("size", "got"), [(PIECE_BYTES + 1, f"{PIECE_BYTES + 1}"), (None, "more")])
async def test_a_file_that_changes_while_it_is_sent(size: int | None, got: str, path: Path) -> None:
    await trio.Path(path).write_bytes(bytes(3 * PIECE_BYTES))
    body = await multipart_body([], [("file", path)])
    reading = body.open()
    await reading.next_piece()
    await reading.next_piece()
    if size is None:
        with path.open("ab") as more:
            more.write(b"x")
    else:
        os.truncate(path, size)
    error = await read_to_error(reading)
    assert str(error) == f"file: expected {3 * PIECE_BYTES} bytes, got {got}"
    assert open_files(path) == 0


async def test_a_file_object_that_is_closed_meanwhile(path: Path) -> None:
    with path.open("rb") as given:
        file = await prepare_file("file", given)
    error = await read_to_error(file.source.open())
    assert str(error) == (
        f"file: expected a file that can be read, got {str(path)!r} (seek of closed file)"
    )


async def test_a_file_object_that_gives_something_else() -> None:
    class Odd(Unseekable):
        def read(self, _size: int = -1, /) -> Any:
            return "text"

    odd: Any = Odd(b"four")
    file = await prepare_file("file", odd)
    error = await read_to_error(file.source.open())
    assert str(error) == "file: expected bytes from the file, got str"


async def test_a_file_object_that_has_nothing_yet() -> None:
    """As a pipe that does not block."""

    class Raw(io.RawIOBase):
        def __len__(self) -> int:
            return 4

        def readinto(self, _buffer: object, /) -> None:
            """Nothing has come."""

    raw: Any = Raw()
    file = await prepare_file("file", raw)
    error = await read_to_error(file.source.open())
    assert str(error) == "file: expected bytes from the file, got NoneType"


async def test_a_failing_disk_is_named() -> None:
    class Broken(Unseekable):
        def read(self, _size: int = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    broken: Any = Broken(b"four")
    file = await prepare_file("file", broken)
    error = await read_to_error(file.source.open())
    message = "file: expected a file that can be read, got a Broken (Input/output error)"
    assert str(error) == message


# -- async streams


async def test_a_stream_is_cut_into_pieces_and_closed() -> None:
    async def large() -> AsyncIterator[bytes | bytearray | memoryview]:
        yield bytearray(2 * PIECE_BYTES + 1)
        yield memoryview(b"abcd").cast("H")

    file = await prepare_file("file", AsyncBytes(large(), 2 * PIECE_BYTES + 5))
    pieces = await read_all(file.source)
    assert [len(piece) for piece in pieces] == [PIECE_BYTES, PIECE_BYTES, 1, 4]
    assert not file.source.replayable


async def test_a_stream_is_closed_when_it_is_left() -> None:
    stream = Endless()
    file = await prepare_file("file", AsyncBytes(stream, 1 << 40))
    unused = file.source.open()
    await unused.aclose()
    assert stream.closed == 0
    assert file.source.replayable
    reading = file.source.open()
    assert len(await reading.next_piece()) == 1000
    assert not file.source.replayable
    await reading.aclose()
    assert stream.closed == 1


async def test_a_receive_stream_is_sent() -> None:
    send, receive = trio.testing.memory_stream_one_way_pair()
    file = await prepare_file("file", AsyncBytes(receive, 6))
    async with trio.open_nursery() as nursery:

        async def feed() -> None:
            async with send:
                await send.send_all(b"abc")
                await send.send_all(b"def")

        nursery.start_soon(feed)
        assert b"".join(await read_all(file.source)) == b"abcdef"


async def test_a_stream_of_text() -> None:
    async def text() -> AsyncIterator[Any]:
        yield "text"

    file = await prepare_file("file", AsyncBytes(text(), 4))
    error = await read_to_error(file.source.open())
    assert str(error) == "file: expected bytes from the stream, got str"


async def test_what_a_stream_raises_is_the_callers() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x"
        raise ZeroDivisionError

    file = await prepare_file("file", AsyncBytes(failing(), 4))
    reading = file.source.open()
    await reading.next_piece()
    with pytest.raises(ZeroDivisionError):
        await reading.next_piece()
    await reading.aclose()


# -- forms


async def test_a_form() -> None:
    told: list[tuple[int, int]] = []
    body = await multipart_body(
        [("model", "whisper"), ("prompt", "dé\n")],
        [("file", ("a.mp3", SOUND))],
        boundary="x",
        progress=lambda *now: told.append(now),
    )
    assert body.content_type == "multipart/form-data; boundary=x"
    assert body.replayable
    data = b"".join(await read_all(body))
    assert len(data) == body.length
    assert b'name="prompt"\r\n\r\nd\xc3\xa9\n\r\n--x\r\n' in data
    assert b'filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n' + SOUND + b"\r\n--x--" in data
    assert body.progress is not None
    body.progress(1, 2)
    assert told == [(1, 2)]


async def test_boundaries_differ() -> None:
    one, other = [await multipart_body([("a", "b")], []) for _ in range(2)]
    assert one.content_type != other.content_type


async def test_a_form_with_a_stream_is_sent_once() -> None:
    body = await multipart_body([], [("file", AsyncBytes(some_pieces(), len(SOUND)))])
    assert body.replayable
    await read_all(body)
    assert not body.replayable


async def test_the_length_is_checked_first(path: Path) -> None:
    await multipart_body([], [("file", path)], max_bytes=len(SOUND))
    with pytest.raises(InvalidRequestError) as caught:
        await multipart_body([], [("file", path)], max_bytes=len(SOUND) - 1)
    assert str(caught.value) == "file: expected at most 4999 bytes, got 5000 (sound.mp3)"
    assert caught.value.path == "file"


@pytest.mark.parametrize(
    ("given", "fine"),
    [
        (("a.mp3", b""), True),
        (("a.MP3", b""), True),
        (("a", b""), True),
        (b"", True),
        (("a.mp3.exe", b""), False),
        (("a.txt", b""), False),
    ],
)
async def test_the_format_is_checked_first(given: FileTypes, fine: bool) -> None:
    formats = frozenset({"wav", "mp3"})
    if fine:
        await multipart_body([], [("file", given)], formats=formats)
        return
    with pytest.raises(InvalidRequestError) as caught:
        await multipart_body([], [("file", given)], formats=formats)
    assert isinstance(given, tuple)
    message = f"file: expected a file of one of the formats mp3, wav, got {given[0]!r}"
    assert str(caught.value) == message


async def test_text_that_is_none() -> None:
    with pytest.raises(InvalidRequestError, match=r"^prompt: expected text without lone surr"):
        await multipart_body([("prompt", "\udc80")], [])


async def test_memory_stays_small_however_long_the_file_is(tmp_path: Path) -> None:
    path = tmp_path / "sparse.wav"
    length = 1 << 28
    with path.open("wb") as file:
        file.truncate(length)
    before = open_files(path)
    tracemalloc.start()
    try:
        body = await multipart_body([], [("file", path)])
        reading = body.open()
        got = 0
        while piece := await reading.next_piece():
            got += len(piece)
        await reading.aclose()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert got == body.length > length
    assert peak < 8 * PIECE_BYTES
    assert open_files(path) == before == 0
