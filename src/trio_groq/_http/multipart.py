"""multipart/form-data, sans-IO: the length is known beforehand, and no part is copied.

RFC 7578, with names escaped as browsers do (WHATWG HTML, "multipart form data"): UTF-8, and the
three characters that would end a name or a line, percent-encoded. So nothing that a caller puts
into a name can become a header.
"""

import re
import secrets
from collections.abc import Iterable
from typing import Final, final

import attrs

from trio_groq._http.bodies import BytesSource, Measured, OpenBody, Piece, Progress, Source
from trio_groq.errors import InvalidRequestError

__all__ = ["MultipartBody", "Part", "new_boundary"]

_IS_BOUNDARY: Final = re.compile(r"[0-9A-Za-z_-]{1,70}").fullmatch
"""Of what RFC 2046, 5.1.1 allows, those characters that need no quotes in `Content-Type`."""
_IS_MEDIA_TYPE: Final = re.compile(r"[\x20-\x7e]+").fullmatch
_ESCAPES: Final = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def new_boundary() -> str:
    """A boundary that is in no content: 128 random bits."""
    return f"form-{secrets.token_hex(16)}"


@attrs.frozen
class Part:
    """One field of a form.

    Attributes:
        name: Of the field.
        content: Its value; a file is a `Source`.
        file_name: What the file is called; None for a field that is no file.
        content_type: Its media type; None to state none, which means text.
    """

    name: str
    content: bytes | Source
    file_name: str | None = None
    content_type: str | None = None


def _escape(name: str, text: str) -> bytes:
    try:
        return text.translate(_ESCAPES).encode()
    except UnicodeEncodeError:
        raise InvalidRequestError(
            f"{name!r}: expected text without lone surrogates, got {text!r}", path=name, value=text
        ) from None


def _head(part: Part) -> bytes:
    disposition = b'form-data; name="%b"' % _escape(part.name, part.name)
    if part.file_name is not None:
        disposition += b'; filename="%b"' % _escape(part.name, part.file_name)
    lines = b"Content-Disposition: %b\r\n" % disposition
    if part.content_type is not None:
        if not _IS_MEDIA_TYPE(part.content_type):
            raise InvalidRequestError(
                f"{part.name}: expected a media type in printable ASCII, got {part.content_type!r}",
                path=part.name,
                value=part.content_type,
            )
        lines += b"Content-Type: %b\r\n" % part.content_type.encode("ascii")
    return lines + b"\r\n"


@final
class MultipartBody:
    """A form as the body of a request.

    Args:
        parts: Its fields, in order.
        boundary: What separates them: 1 to 70 characters of `0-9A-Za-z_-`, in no content.
        progress: Called after each piece that was sent.

    Attributes:
        content_type: For the request's `Content-Type`.
        length: In bytes.
        progress: See above.

    Raises:
        InvalidRequestError: A name cannot be UTF-8, or a media type would break the form.
        ValueError: The boundary is none.
    """

    __slots__ = ("_segments", "content_type", "length", "progress")

    def __init__(
        self, parts: Iterable[Part], *, boundary: str, progress: Progress | None = None
    ) -> None:
        if not _IS_BOUNDARY(boundary):
            raise ValueError(f"boundary: expected 1 to 70 of 0-9A-Za-z_-, got {boundary!r}")
        self._segments = _segments(parts, boundary.encode("ascii"))
        self.content_type: Final = f"multipart/form-data; boundary={boundary}"
        self.length: Final = sum(source.length for _, source in self._segments)
        self.progress: Final = progress

    @property
    def replayable(self) -> bool:
        """See `Source`: whether all parts are."""
        return all(source.replayable for _, source in self._segments)

    def open(self) -> OpenBody:
        """See `Source`."""
        return _OpenMultipart(self._segments)

    def __repr__(self) -> str:
        return f"<MultipartBody of {self.length} bytes>"


def _segments(parts: Iterable[Part], boundary: bytes) -> tuple[tuple[str, Source], ...]:
    """The form as its sources in turn, each with what it is for errors."""
    segments: list[tuple[str, Source]] = []
    fixed = b""
    for part in parts:
        fixed += b"--%b\r\n%b" % (boundary, _head(part))
        if isinstance(part.content, bytes):
            fixed += part.content
        else:
            segments += [("form", BytesSource(fixed)), (part.name, part.content)]
            fixed = b""
        fixed += b"\r\n"
    fixed += b"--%b--\r\n" % boundary
    return (*segments, ("form", BytesSource(fixed)))


@final
class _OpenMultipart:
    """One source open at a time."""

    __slots__ = ("_current", "_segments")

    def __init__(self, segments: tuple[tuple[str, Source], ...]) -> None:
        self._segments = iter(segments)
        self._current: Measured | None = None

    async def next_piece(self) -> Piece:  # noqa: ASYNC910 (at the end there is nothing to wait for)
        while True:  # noqa: ASYNC913 (a piece, or one source less)
            if self._current is None:
                what, source = next(self._segments, ("", None))
                if source is None:
                    return b""  # noqa: ASYNC910 (see above)
                self._current = Measured(source, what)
            if piece := await self._current.next_piece():
                return piece
            await self.aclose()

    async def aclose(self) -> None:  # noqa: ASYNC910 (nothing may be open)
        if self._current is not None:
            await self._current.aclose()
            self._current = None
