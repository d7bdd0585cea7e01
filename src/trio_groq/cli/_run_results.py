"""What became of a request, and its line in the output: the format of a batch's results.

The `id` of a line is made of the request that it answers (`custom_id`, URL and body). So the output
alone tells what has been answered, and whether the input still asks the same: see `_run_ledger`.
"""

import re
from typing import Any, Final, final

import attrs
import msgspec

from trio_groq.cli._run_requests import DIGEST_BYTES, RunRequest, Tokens
from trio_groq.errors import APIStatusError, GroqError

__all__ = [
    "MAX_RESULT_BYTES",
    "Entry",
    "Outcome",
    "begins_like_a_line",
    "outcome_of",
    "read_entry",
    "result_line",
    "tokens_in",
]

MAX_RESULT_BYTES: Final = 128 * 1024 * 1024
"""Longest line of an output: the largest response that is read is half of it."""

_ID: Final = "batch_req_"
_BEGIN: Final = f'{{"id":"{_ID}'.encode()
_IDS: Final = re.compile(rf"{_ID}([0-9a-f]{{{2 * DIGEST_BYTES}}})")
_ERROR_STATUS: Final = 300


class _Usage(msgspec.Struct):
    """What bodies say of tokens: in the words of chat completions, or of responses."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


class _Body(msgspec.Struct):
    model: str | None = None
    usage: _Usage | None = None


class _Error(msgspec.Struct):
    code: str
    message: str


class _Response(msgspec.Struct):
    status_code: int
    request_id: str | None
    body: msgspec.Raw


class _Line(msgspec.Struct):
    id: str
    custom_id: str
    response: _Response | None
    error: _Error | None


_BODY: Final = msgspec.json.Decoder(_Body)
_LINE: Final = msgspec.json.Decoder(_Line)


@final
@attrs.frozen(kw_only=True)
class Outcome:
    """What became of a request.

    Attributes:
        status: HTTP status; None if there was no response, or none that means anything.
        request_id: The server's name for the call.
        body: The response's body: JSON in one line. Empty without a response.
        error: Why there is none: a word for programs, and what happened, for people.
        tokens: What it cost, as the response says; None if it does not.
        attempts: How often it was sent.
    """

    status: int | None = None
    request_id: str | None = None
    body: bytes = attrs.field(default=b"", repr=False)
    error: tuple[str, str] | None = None
    tokens: Tokens | None = None
    attempts: int = 1

    @property
    def is_answered(self) -> bool:
        """Whether it is an answer, and no failure."""
        return self.status is not None and self.status < _ERROR_STATUS

    @property
    def kind(self) -> str:
        """For a table of failures: the status, or the word for programs."""
        return str(self.status) if self.error is None else self.error[0]


def outcome_of(error: GroqError) -> Outcome:
    """What became of a request that failed."""
    attempts = getattr(error, "attempts", 0)
    if isinstance(error, APIStatusError):
        return Outcome(
            status=error.status_code,
            request_id=error.request_id,
            body=msgspec.json.encode(error.body),
            attempts=attempts,
        )
    return Outcome(error=(type(error).__name__, str(error)), attempts=attempts)


def tokens_in(body: bytes | msgspec.Raw) -> tuple[str, Tokens | None]:
    """Model and tokens as the body of a response states them; empty and None if it does not."""
    try:
        fields = _BODY.decode(body)
    except ValueError:  # it is an answer of another kind
        return "", None
    usage = fields.usage
    if usage is None:
        return fields.model or "", None
    prompt = usage.prompt_tokens or usage.input_tokens or 0
    completion = usage.completion_tokens or usage.output_tokens or 0
    return fields.model or "", Tokens(max(prompt, 0), max(completion, 0))


def result_line(request: RunRequest, outcome: Outcome) -> bytes:
    r"""The line of a request: JSON that ends with `\n` and has no other."""
    response = None
    if outcome.status is not None:
        response = _Response(outcome.status, outcome.request_id, msgspec.Raw(outcome.body))
    error = None if outcome.error is None else _Error(*outcome.error)
    name = f"{_ID}{request.digest.hex()}"
    return msgspec.json.encode(_Line(name, request.custom_id, response, error)) + b"\n"


@final
@attrs.frozen
class Entry:
    """What a line of an output tells.

    Attributes:
        custom_id: Of the request.
        digest: Of the request.
        model: Who answered; empty if that is not said.
        tokens: What it cost; None if that is not said.
    """

    custom_id: str
    digest: bytes
    model: str = ""
    tokens: Tokens | None = None


def read_entry(line: bytes) -> Entry:
    """Read a line of an output.

    Raises:
        ValueError: It was not written by `result_line`.
    """
    fields: Any = _LINE.decode(line)
    match = _IDS.fullmatch(fields.id)
    if match is None:
        raise ValueError(f"id: expected {_ID} and a digest, got {fields.id!r}")
    found = ("", None) if fields.response is None else tokens_in(fields.response.body)
    return Entry(fields.custom_id, bytes.fromhex(match[1]), *found)


def begins_like_a_line(data: bytes) -> bool:
    """Whether these bytes may be what is left of a line that was not written to its end."""
    return data.startswith(_BEGIN[: len(data)])
