"""Batch files line by line: JSON Lines become requests and results, and the way back.

Sans-IO: bytes go in as they come, in pieces of any size; lines come out one by one. The input of a
batch is checked as strictly as the parameters of a call, for the file is sent as it is; what comes
back is read as tolerantly as any response.

Source: API reference, "Batches" (the objects of the input and output lines); the guide to batches.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    TypeVar,
    cast,
    final,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from trio_groq._api.error_bodies import decode_any, excerpt, one_line
from trio_groq._api.parameters import Validator, encode_json, sendable_messages
from trio_groq._api.redaction import Redactor
from trio_groq._api.responses import decode_json, error_from_response
from trio_groq.errors import APIError, APIResponseValidationError, InvalidRequestError
from trio_groq.types._base import Buffer, Decoder, Record, Replaced, sent
from trio_groq.types.batches import BatchLineError, BatchLineResponse, BatchRequestLine
from trio_groq.types.batches_params import BatchRequestLineParam
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chat_params import ChatCompletionRequestBody

__all__ = [
    "MAX_LINES",
    "MAX_LINE_BYTES",
    "BatchLineReader",
    "BatchResponseLine",
    "read_batch_lines",
    "write_batch_line",
    "write_batch_lines",
]

MAX_LINE_BYTES: Final = 32 * 1024 * 1024
"""One line. Five images of 4 MB each in base64, which is what a request may have, are 27 MB."""
MAX_LINES: Final = 50_000
"""Requests in the input of one batch: the API's own limit. Their ids are remembered, to find those
that occur twice."""

_ERROR_STATUS: Final = 300
_SUPPORTED_METHOD: Final = "POST"
_CHAT: Final = "/v1/chat/completions"


class BatchResponseLine(Record):
    """One line of a batch's output: what became of one request.

    Attributes:
        id: Its id (`batch_req_...`).
        custom_id: The caller's name for the request. The order of the lines is not that of the
            requests: this tells which is whose.
        response: The response; None if there was none.
        error: Why there was none.
    """

    id: str = sent(str)
    custom_id: str = sent(str)
    response: BatchLineResponse | None = None
    error: BatchLineError | None = None

    def completion(self) -> ChatCompletion:
        """The answer to a chat request.

        Raises:
            APIStatusError: The response is an error: the same error as from a call of its own.
            APIError: There was no response.
            APIResponseValidationError: The response is no chat completion.
        """
        try:
            return self._completion()
        except APIError as error:
            error.add_note(f"In a batch: custom_id {self.custom_id!r}.")
            raise

    def _completion(self) -> ChatCompletion:
        response = self.response
        if response is None:
            error = self.error or BatchLineError()
            said = ": ".join(filter(None, (error.code, error.message))) or "no reason given"
            raise APIError(
                f"expected a response, got none: {said}", body=msgspec.to_builtins(error)
            )
        body = msgspec.json.encode(response.body)
        status = response.status_code
        if status < _ERROR_STATUS:
            return decode_json(body, _completion_decoder(), status=status, headers={})
        failure = error_from_response(status, {}, body, now=0.0)
        failure.request_id = response.request_id or failure.request_id
        raise failure


L = TypeVar("L", bound=BatchRequestLine | BatchResponseLine)


# Built at first use: decoders and validators cost milliseconds that an import need not.
@cache
def _completion_decoder() -> Decoder[ChatCompletion]:
    return Decoder(ChatCompletion)


@cache
def _response_decoder() -> Decoder[BatchResponseLine]:
    return Decoder(BatchResponseLine)


@cache
def _line_validator() -> Validator:
    return Validator(BatchRequestLineParam)


@cache
def _body_validator() -> tuple[Validator, frozenset[str]]:
    """The validator of a chat request, and which parameters it is shown.

    No line has an `extra_body`, so what the API may add later has to pass. Nor does anybody want
    a warning for each line with a deprecated parameter.
    """
    hints = get_type_hints(ChatCompletionRequestBody, include_extras=True)
    names = {name for name, hint in hints.items() if not _is_replaced(hint)}
    return Validator(ChatCompletionRequestBody), frozenset(names)


def _is_replaced(hint: Any) -> bool:  # noqa: ANN401 (a type as an annotation has it)
    notes = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    return any(isinstance(note, Replaced) for note in notes)


def _check_request(line: Mapping[str, Any]) -> None:
    """Raise `InvalidRequestError` for a line that the API would not take."""
    known = BatchRequestLineParam.__required_keys__
    _line_validator()({name: line[name] for name in line if name in known})
    if line["method"] != _SUPPORTED_METHOD:
        raise InvalidRequestError(
            f"method: expected {_SUPPORTED_METHOD!r}, got {line['method']!r}",
            path="method",
            value=line["method"],
        )
    if line["url"] != _CHAT:
        return
    validator, names = _body_validator()
    body = line["body"]
    try:
        validator({name: body[name] for name in body if name in names})
    except InvalidRequestError as error:
        raise InvalidRequestError(
            f"body.{error}", path=f"body.{error.path}", value=error.value
        ) from error


def _request_of(data: Buffer) -> BatchRequestLine:
    plain = decode_any(data)
    if not isinstance(plain, dict):
        kind = "what is no JSON" if plain is msgspec.UNSET else "other JSON"
        raise InvalidRequestError(f"expected a JSON object, got {kind}: {excerpt(data)}")
    _check_request(plain)
    return BatchRequestLine(
        custom_id=plain["custom_id"], method=plain["method"], url=plain["url"], body=plain["body"]
    )


@final
class _Ids:
    """The ids of the requests so far, by which an answer is told from another."""

    __slots__ = ("_max_lines", "_seen")

    def __init__(self, max_lines: int) -> None:
        self._max_lines = max_lines
        self._seen: dict[str, int] = {}

    def add(self, custom_id: str, number: int) -> None:
        """Note the id of the line with that number."""
        first = self._seen.setdefault(custom_id, number)
        if first != number:
            raise InvalidRequestError(
                f"custom_id: expected one of its own, got {one_line(custom_id)!r} as in line "
                f"{first}",
                path="custom_id",
                value=custom_id,
            )

    @property
    def are_too_many(self) -> bool:
        return len(self._seen) > self._max_lines

    def too_many(self) -> InvalidRequestError:
        return InvalidRequestError(f"batch: expected at most {self._max_lines} requests, got more")


def _in_line(number: int, error: InvalidRequestError) -> InvalidRequestError:
    return InvalidRequestError(f"line {number}: {error}", path=error.path, value=error.value)


@final
class BatchLineReader(Generic[L]):
    """Reads the lines of a batch file: `feed` it, then take lines until there is none.

    Empty lines are passed over, and counted. A line that is not valid raises, and the next call
    goes on after it; a line that is too long, and one too many, end the reading.

    Args:
        kind: What the lines are: `BatchRequestLine` or `BatchResponseLine`.
        max_line_bytes: Longest line, in bytes.
        max_lines: Most requests; results are not counted.

    Attributes:
        number: The line that came last, from 1; 0 before the first.
    """

    __slots__ = (
        "_buffer",
        "_closed",
        "_ids",
        "_kind",
        "_max_line_bytes",
        "_scanned",
        "_start",
        "number",
    )

    def __init__(
        self,
        kind: type[L],
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        max_lines: int = MAX_LINES,
    ) -> None:
        self._kind: type[L] = kind
        self._max_line_bytes = max_line_bytes
        self._ids = _Ids(max_lines)
        self._buffer = bytearray()
        self._start = 0  # of the line that comes next
        self._scanned = 0  # no line ends before this
        self._closed = False
        self.number: int = 0

    def feed(self, data: Buffer) -> None:
        """Add what comes next in the file. Take all lines before more is fed."""
        if not self._closed:
            del self._buffer[: self._start]
            self._scanned -= self._start
            self._start = 0
            self._buffer += data

    def close(self) -> None:
        """State that the file is at its end: what is left is the last line."""
        self._closed = True

    def next_line(self) -> L | None:
        """The next line; None if more has to be fed first, or all have been taken.

        Raises:
            InvalidRequestError: A request is not valid, too long, one too many, or has a
                `custom_id` that an earlier one has. The message begins with the line's number.
            APIResponseValidationError: A result is not what the API promises, or too long.
        """
        while (data := self._next_data()) is not None:
            if data.strip():
                return self._decoded(data)
        return None

    def _next_data(self) -> bytearray | None:
        """The next line without its end."""
        buffer, start = self._buffer, self._start
        end = buffer.find(b"\n", self._scanned)
        is_cut = end < 0
        if is_cut:
            end = self._scanned = len(buffer)
        if end - start > self._max_line_bytes:
            self._end()
            raise self._failure(
                f"line {self.number + 1}: expected at most {self._max_line_bytes} bytes, got more"
            )
        if is_cut and (not self._closed or start == end):
            return None
        self._start = self._scanned = min(end + 1, len(buffer))
        self.number += 1
        return buffer[start:end]

    def _decoded(self, data: bytearray) -> L:
        if self._kind is BatchRequestLine:
            return cast("L", self._request(data))
        try:
            return cast("L", _response_decoder().decode(data))
        except ValueError as cause:
            Redactor().hide(cause)  # it may have all of the line
            raise self._failure(f"line {self.number}: {cause}, in {excerpt(data)}") from cause

    def _request(self, data: bytearray) -> BatchRequestLine:
        try:
            line = _request_of(data)
            self._ids.add(line.custom_id, self.number)
        except InvalidRequestError as error:
            raise _in_line(self.number, error) from error
        if self._ids.are_too_many:
            self._end()
            raise self._ids.too_many()
        return line

    def _end(self) -> None:
        self._buffer.clear()
        self._start = self._scanned = 0
        self._closed = True

    def _failure(self, message: str) -> InvalidRequestError | APIResponseValidationError:
        if self._kind is BatchRequestLine:
            return InvalidRequestError(message)
        return APIResponseValidationError(f"batch results: {message}")

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<BatchLineReader of {self._kind.__name__}, at line {self.number}, {state}>"


def read_batch_lines(
    pieces: Iterable[Buffer],
    kind: type[L],
    *,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Iterator[L]:
    """Read a batch file.

    Args:
        pieces: The file, in pieces of any size; an open binary file is one such.
        kind: What its lines are: `BatchRequestLine` or `BatchResponseLine`.
        max_line_bytes: Longest line, in bytes.

    Yields:
        The lines, while `pieces` come.

    Raises:
        InvalidRequestError: A request is not valid; the message begins with the line's number.
        APIResponseValidationError: A result is not what the API promises.
    """
    reader = BatchLineReader(kind, max_line_bytes=max_line_bytes)
    for piece in pieces:
        reader.feed(piece)
        while (line := reader.next_line()) is not None:
            yield line
    reader.close()
    while (line := reader.next_line()) is not None:
        yield line


def write_batch_line(line: BatchRequestLine | BatchRequestLineParam | BatchResponseLine) -> bytes:
    r"""Write one line of a batch file.

    Args:
        line: A request, which is checked as the parameters of a call are, or a result.

    Returns:
        JSON in UTF-8 that ends with `\n` and has no other.

    Raises:
        InvalidRequestError: The request is not valid, or holds what JSON cannot.
    """
    if isinstance(line, BatchResponseLine):
        return encode_json(line) + b"\n"
    return _written(_fields_of(line))


def write_batch_lines(
    lines: Iterable[BatchRequestLine | BatchRequestLineParam],
) -> Iterator[bytes]:
    """Write the input of a batch.

    Args:
        lines: The requests.

    Yields:
        Their lines: `b"".join(write_batch_lines(...))` is the file.

    Raises:
        InvalidRequestError: One is not valid, has the `custom_id` of an earlier one, or is one
            too many; the message begins with its number, from 1.
    """
    ids = _Ids(MAX_LINES)
    for number, line in enumerate(lines, 1):
        fields = _fields_of(line)
        try:
            data = _written(fields)
            ids.add(fields["custom_id"], number)
        except InvalidRequestError as error:
            raise _in_line(number, error) from error
        if ids.are_too_many:
            raise ids.too_many()
        yield data


def _fields_of(line: BatchRequestLine | BatchRequestLineParam) -> dict[str, Any]:
    if isinstance(line, BatchRequestLine):
        return {name: getattr(line, name) for name in line.__struct_fields__}
    if not isinstance(line, Mapping):
        got = type(line).__name__
        raise InvalidRequestError(f"expected a BatchRequestLine or a mapping, got {got}")
    return dict(line)


def _written(fields: Mapping[str, Any]) -> bytes:
    _check_request(fields)
    body = fields["body"]
    if fields["url"] == _CHAT:
        body = {**body, "messages": sendable_messages(body["messages"])}
    return encode_json({**fields, "body": body}) + b"\n"
