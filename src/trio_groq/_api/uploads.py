"""Files to upload: whatever a caller may give, as a source of known length for a form.

A file is measured and checked before anything is sent, and read while it is sent: in worker
threads, in pieces, and anew for each attempt.
"""

import inspect
import io
import mimetypes
import os
import stat
from collections.abc import AsyncIterable, Collection, Iterable, Sequence
from functools import partial
from pathlib import PurePath
from typing import IO, Any, Final, TypeAlias, final

import attrs
import trio

from trio_groq._api.file_sources import (
    FileSource,
    PathSource,
    StreamSource,
    file_shown,
    reading_errors,
    unreadable,
    wrong_file,
)
from trio_groq._http.bodies import BytesSource, Progress, Source
from trio_groq._http.multipart import MultipartBody, Part, new_boundary

__all__ = [
    "AsyncBytes",
    "FileContent",
    "FileInput",
    "FileTypes",
    "multipart_body",
    "prepare_file",
]

_NAMELESS: Final = "upload"
"""What the official SDK calls a file without a name."""
_BINARY: Final = "application/octet-stream"
_MEDIA_TYPES: Final = {
    "flac": "audio/flac",
    "jsonl": "application/jsonl",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpga": "audio/mpeg",
    "ogg": "audio/ogg",
    "wav": "audio/wav",
    "webm": "video/webm",
}
"""The formats that the API takes; what else `mimetypes` knows depends on the system."""
_EXPECTED: Final = (
    "a path, bytes, a binary file, AsyncBytes, or a tuple (name, content[, content type])"
)


@final
@attrs.frozen(eq=False)
class AsyncBytes:
    """Content that comes asynchronously. It can be sent once only, so the call is not repeated.

    Attributes:
        stream: Gives the content in pieces; a `trio.abc.ReceiveStream` does. Its iterator is closed
            after the upload, however that ends, if it has `aclose`.
        length: How many bytes it will give, exactly; 0 or more.
        name: What the file is called; None for no name of its own.
    """

    stream: AsyncIterable[bytes | bytearray | memoryview] = attrs.field(repr=False)
    length: int
    name: str | None = None


FileContent: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | AsyncBytes
)
"""A path (as `str` too), bytes, a binary file object, or an async stream of known length.

A file object is sent from its beginning, wherever it stands, and left open at its end.
"""
FileTypes: TypeAlias = (
    FileContent | tuple[str | None, FileContent] | tuple[str | None, FileContent, str | None]
)
"""A file to upload: its content, or (name, content), or (name, content, content type)."""


@attrs.frozen
class FileInput:
    """A file that has been looked at.

    Attributes:
        name: What the form calls it: as given, or its own, without folders.
        content_type: Its media type.
        length: In bytes.
        source: Its content.
    """

    name: str
    content_type: str
    length: int
    source: Source


# --- what callers give ---------------------------------------------------------------------------


async def prepare_file(param: str, given: FileTypes) -> FileInput:
    """Look at a file: its name, its length, its type, and whether it can be read.

    Args:
        param: The parameter, for errors.
        given: What the caller gave.

    Raises:
        InvalidRequestError: It is nothing that can be uploaded.
    """
    name, content, content_type = _taken_apart(param, given)
    source = await trio.to_thread.run_sync(_source_of, param, content)
    called = name or _name_of(content)
    if content_type is not None:
        return FileInput(called, content_type, source.length, source)
    guessed = await trio.to_thread.run_sync(_media_type, called)
    return FileInput(called, guessed, source.length, source)


def _taken_apart(param: str, given: Any) -> tuple[str | None, Any, str | None]:  # noqa: ANN401 (a caller's)
    if not isinstance(given, tuple):
        return None, given, None
    if len(given) not in (2, 3):
        raise wrong_file(param, "(name, content) or (name, content, content type)", f"{len(given)}")
    name, content, content_type = (*given, None)[:3]
    for what, text in (("name", name), ("content type", content_type)):
        if not isinstance(text, str | None):
            raise wrong_file(param, f"text as the {what}", type(text).__name__, text)
    return name, content, content_type


def _source_of(param: str, content: Any) -> Source:  # noqa: ANN401 (a caller's)
    """What is given as a source; called in a worker thread."""
    if isinstance(content, bytes | bytearray | memoryview):
        return BytesSource(content)
    if isinstance(content, str | os.PathLike):
        return _source_of_path(param, content)
    if isinstance(content, AsyncBytes):
        return _source_of_stream(param, content)
    if callable(getattr(content, "read", None)):
        return _source_of_file(param, content)
    raise wrong_file(param, _EXPECTED, type(content).__name__)


def _source_of_path(param: str, given: str | os.PathLike[str]) -> Source:
    path = os.fspath(given)
    if not isinstance(path, str):
        raise wrong_file(param, "a path that is text", type(path).__name__)
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (any kind of path)
        if not stat.S_ISREG(mode):  # to open a pipe might wait for ever
            kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise wrong_file(param, "a file that can be read", f"{path!r} ({kind})", path)
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 (see above)
            length = os.fstat(file.fileno()).st_size
    except (OSError, ValueError) as exc:  # ValueError: a NUL in it
        raise unreadable(param, repr(path), exc) from exc
    return PathSource(param, path, length)


def _source_of_stream(param: str, given: AsyncBytes) -> Source:
    length: object = given.length
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise wrong_file(f"{param}.length", "an integer >= 0", repr(length), length)
    if not isinstance(given.stream, AsyncIterable):
        raise wrong_file(f"{param}.stream", "an async iterable", type(given.stream).__name__)
    return StreamSource(param, given.stream, length)


def _source_of_file(param: str, file: Any) -> Source:  # noqa: ANN401 (anything that reads)
    if inspect.iscoroutinefunction(file.read):
        more = "an async file; AsyncBytes(file, length=...) sends one"
        raise wrong_file(param, "a file that is read without await", more)
    if isinstance(file, io.TextIOBase):
        raise wrong_file(param, 'a file opened in binary mode ("rb")', "one in text mode")
    try:
        length, seekable = _measure(file)
    except reading_errors() as exc:  # to know its length, a compressed one is read to its end
        raise unreadable(param, file_shown(file), exc) from exc
    if length is None:
        more = "one that cannot be measured; AsyncBytes, or its content as bytes, can be sent"
        raise wrong_file(param, "a file whose length can be known (seek, or len)", more)
    return FileSource(param, file, length, seekable)


def _measure(file: Any) -> tuple[int | None, bool]:  # noqa: ANN401 (anything that reads)
    """Length of a file object, None if it cannot be known, and whether it can be rewound."""
    ask = getattr(file, "seekable", None)
    if ask() if callable(ask) else hasattr(file, "seek"):
        length = file.seek(0, os.SEEK_END)
        return (file.tell() if length is None else length), True
    return (len(file) if hasattr(file, "__len__") else None), False


def _name_of(content: object) -> str:
    """What a file is called of itself."""
    named = content if isinstance(content, str | os.PathLike) else getattr(content, "name", None)
    return PurePath(named).name or _NAMELESS if isinstance(named, str | os.PathLike) else _NAMELESS


def _suffix(name: str) -> str:
    """What follows the last dot, in lower case; empty when there is none."""
    return PurePath(name).suffix[1:].lower()


def _media_type(name: str) -> str:
    """Called in a worker thread: the first guess reads the system's tables."""
    guessed, coding = mimetypes.guess_type(name)
    return _MEDIA_TYPES.get(_suffix(name)) or (not coding and guessed) or _BINARY


# --- forms ---------------------------------------------------------------------------------------


async def multipart_body(
    fields: Iterable[tuple[str, str]],
    files: Sequence[tuple[str, FileTypes]],
    *,
    max_bytes: int | None = None,
    formats: Collection[str] | None = None,
    boundary: str | None = None,
    progress: Progress | None = None,
) -> MultipartBody:
    """A form of text fields and files, as the body of a request.

    Args:
        fields: Name and value of each.
        files: Name of the parameter and what was given for it, of each.
        max_bytes: Longest file that the API takes, in bytes; None not to check.
        formats: Suffixes of the files that the API takes, in lower case and without the dot; None
            not to check. A file without a suffix is left to the API.
        boundary: What separates the parts; None for a random one.
        progress: Called after each piece that was sent.

    Raises:
        InvalidRequestError: A file cannot be read, is too long, or has a format that is not taken;
            `path` is the parameter.
    """
    parts = [Part(name, _encoded(name, value)) for name, value in fields]
    for name, given in files:
        file = await prepare_file(name, given)
        if max_bytes is not None and file.length > max_bytes:
            raise wrong_file(name, f"at most {max_bytes} bytes", f"{file.length} ({file.name})")
        suffix = _suffix(file.name)
        if formats is not None and suffix and suffix not in formats:
            known = ", ".join(sorted(formats))
            raise wrong_file(name, f"a file of one of the formats {known}", repr(file.name))
        parts.append(Part(name, file.source, file.name, file.content_type))
    make = partial(MultipartBody, parts, progress=progress)
    return make(boundary=boundary or new_boundary())  # noqa: ASYNC910 (without a file, none waits)


def _encoded(name: str, value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise wrong_file(name, "text without lone surrogates", repr(value), value) from None
