"""`client.files`. Source: API reference, "Files"."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, Unpack, final

from trio_groq._api.parameters import encode_json
from trio_groq._api.requests import HeaderOptions, QueryOptions
from trio_groq._api.retry import RetryOption
from trio_groq._api.uploads import FileTypes, multipart_body
from trio_groq._binary import BinaryResponse
from trio_groq._call import NOT_GIVEN, NotGiven, RequestOptions
from trio_groq._http.bodies import Progress
from trio_groq._http.deadlines import TimeoutOption
from trio_groq._readers import Reader, binary_reader, json_reader
from trio_groq.errors import InvalidRequestError
from trio_groq.resources._base import Resource, as_raw, as_streaming, collect, segment
from trio_groq.types._base import Decoder
from trio_groq.types.files import (
    File,
    FileCreateResponse,
    FileDeleteResponse,
    FileInfoResponse,
    FileListResponse,
)

__all__ = ["Files", "FilesWithRawResponse", "FilesWithStreamingResponse"]

_PATH: Final = "/openai/v1/files"
_BINARY: Final = "application/octet-stream"

_BATCH: Final = "batch"
_MAX_BATCH_BYTES: Final = 200 * 1024 * 1024
"""The guide's limit for the input of a batch; the reference still has 100 MB."""
_BATCH_FORMATS: Final = frozenset({"jsonl"})


# Built at the first call: decoders cost milliseconds that an import need not.
@cache
def _file_reader() -> Reader[File]:
    return json_reader(Decoder(File))


@cache
def _list_reader() -> Reader[FileListResponse]:
    return json_reader(Decoder(FileListResponse))


@cache
def _deleted_reader() -> Reader[FileDeleteResponse]:
    return json_reader(Decoder(FileDeleteResponse))


def _one(file_id: str) -> str:
    return f"{_PATH}/{segment('file_id', file_id)}"


def _fields(purpose: str, extra_body: Mapping[str, object] | None) -> Iterator[tuple[str, str]]:
    """The form's fields; what is no text is sent as JSON."""
    if not isinstance(purpose, str) or not purpose:
        raise InvalidRequestError(
            f"purpose: expected a non-empty string, got {purpose!r}", path="purpose", value=purpose
        )
    for name, value in {"purpose": purpose, **(extra_body or {})}.items():
        if value is not None:
            yield name, value if isinstance(value, str) else encode_json(value).decode()


@final
class Files(Resource):
    """Files that the API keeps: the input and the output of batches."""

    @property
    def with_raw_response(self) -> "FilesWithRawResponse":
        """The same methods, returning the response itself, read."""
        return FilesWithRawResponse(Files(self._caller.raw()))

    @property
    def with_streaming_response(self) -> "FilesWithStreamingResponse":
        """The same methods, for `async with`, giving the response itself, unread."""
        return FilesWithStreamingResponse(Files(self._caller.streaming()))

    async def create(
        self,
        *,
        file: FileTypes,
        purpose: str,
        progress: Progress | None = None,
        extra_headers: HeaderOptions | None = None,
        extra_query: QueryOptions | None = None,
        extra_body: Mapping[str, object] | None = None,
        timeout: TimeoutOption | NotGiven = NOT_GIVEN,
        max_retries: RetryOption | NotGiven = NOT_GIVEN,
    ) -> FileCreateResponse:
        """Upload a file, which is read while it is sent.

        Args:
            file: A path, bytes, a binary file, an async stream with its length, or a tuple (name,
                content) or (name, content, content type). For a batch: JSON Lines named `*.jsonl`,
                200 MB at the most.
            purpose: What it is for: `batch`, or what else the API takes.
            progress: Called after each piece with how many bytes of the body have been sent, and
                how many there are; with each attempt it begins anew.
            extra_headers: Header fields for this request; None takes a default one away.
            extra_query: Query parameters for this request.
            extra_body: More fields of the form; what is no text is sent as JSON.
            timeout: Seconds for the whole call, or limits by phase.
            max_retries: How often it is repeated at the most, or a policy. What can be sent only
                once is not repeated.

        Raises:
            InvalidRequestError: The file cannot be read, or is none that the API takes; nothing
                was sent.
            RequestTooLargeError: The file is too large.
            APIError: The call failed: see the error tree.
        """
        is_batch = purpose == _BATCH
        body = await multipart_body(
            [*_fields(purpose, extra_body)],
            [("file", file)],
            max_bytes=_MAX_BATCH_BYTES if is_batch else None,
            formats=_BATCH_FORMATS if is_batch else None,
            progress=progress,
        )
        options = collect(extra_headers, extra_query, None, timeout, max_retries)
        return await self._perform(
            "POST", _PATH, _file_reader(), options, content=body, content_type=body.content_type
        )

    async def list(self, **options: Unpack[RequestOptions]) -> FileListResponse:
        """List the files, in one piece.

        Args:
            options: See `RequestOptions`.

        Raises:
            APIError: The call failed: see the error tree.
        """
        return await self._perform("GET", _PATH, _list_reader(), options)

    async def info(self, file_id: str, **options: Unpack[RequestOptions]) -> FileInfoResponse:
        """Tell name, size and purpose of a file.

        Args:
            file_id: Its id.
            options: See `RequestOptions`.

        Raises:
            InvalidRequestError: The id is not valid; nothing was sent.
            NotFoundError: There is no such file.
            APIError: The call failed: see the error tree.
        """
        return await self._perform("GET", _one(file_id), _file_reader(), options)

    async def content(self, file_id: str, **options: Unpack[RequestOptions]) -> BinaryResponse:
        """Download a file.

        Args:
            file_id: Its id.
            options: See `RequestOptions`.

        Returns:
            The content, not yet read: use it as `async with`, or write it to disk at once.

        Raises:
            InvalidRequestError: The id is not valid; nothing was sent.
            NotFoundError: There is no such file.
            APIError: The call failed: see the error tree.
        """
        path = f"{_one(file_id)}/content"
        return await self._perform("GET", path, binary_reader(), options, accept=_BINARY)

    async def delete(self, file_id: str, **options: Unpack[RequestOptions]) -> FileDeleteResponse:
        """Delete a file.

        Args:
            file_id: Its id.
            options: See `RequestOptions`.

        Raises:
            InvalidRequestError: The id is not valid; nothing was sent.
            NotFoundError: There is no such file.
            APIError: The call failed: see the error tree.
        """
        return await self._perform("DELETE", _one(file_id), _deleted_reader(), options)


@final
class FilesWithRawResponse:
    """`client.files.with_raw_response`: each method returns the response, read."""

    def __init__(self, files: Files) -> None:
        self.create: Final = as_raw(files.create)
        self.list: Final = as_raw(files.list)
        self.info: Final = as_raw(files.info)
        self.content: Final = as_raw(files.content)
        self.delete: Final = as_raw(files.delete)


@final
class FilesWithStreamingResponse:
    """`client.files.with_streaming_response`: each gives the response, unread."""

    def __init__(self, files: Files) -> None:
        self.create: Final = as_streaming(files.create)
        self.list: Final = as_streaming(files.list)
        self.info: Final = as_streaming(files.info)
        self.content: Final = as_streaming(files.content)
        self.delete: Final = as_streaming(files.delete)
