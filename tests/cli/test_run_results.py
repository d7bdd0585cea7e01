import msgspec
import pytest

from cli.run_files import MODEL, answer, failure, request
from trio_groq._api.batch_lines import BatchResponseLine, read_batch_lines
from trio_groq.cli._run_requests import Tokens
from trio_groq.cli._run_results import (
    Entry,
    Outcome,
    begins_like_a_line,
    outcome_of,
    read_entry,
    result_line,
    tokens_in,
)
from trio_groq.errors import APIConnectionError, APIStatusError, BadRequestError, CircuitOpenError
from trio_groq.types.batches import BatchLineError, BatchLineResponse


def test_a_line_is_what_a_batch_would_give() -> None:
    asked = request("a")
    data = result_line(asked, answer("fine")) + result_line(
        request("b"), Outcome(error=("APIConnectionError", "gone"))
    )
    first, second = read_batch_lines([data], BatchResponseLine)
    assert first.id == f"batch_req_{asked.digest.hex()}"
    assert first.completion().choices[0].message.content == "fine"
    assert isinstance(first.response, BatchLineResponse)
    assert (first.response.status_code, first.response.request_id) == (200, "req_1")
    assert (second.custom_id, second.response) == ("b", None)
    assert second.error == BatchLineError(code="APIConnectionError", message="gone")


def test_a_body_keeps_its_digits() -> None:
    body = b'{"x":1.10,"y":123456789012345678901234567890}'
    assert body in result_line(request(), Outcome(status=200, body=body))


def test_what_is_written_can_be_read() -> None:
    asked = request("ä\n")
    line = result_line(asked, answer(prompt=3, completion=4))
    assert line.count(b"\n") == 1
    assert read_entry(line[:-1]) == Entry("ä\n", asked.digest, MODEL, Tokens(3, 4))
    assert read_entry(result_line(asked, Outcome(error=("E", "m")))).tokens is None
    assert all(begins_like_a_line(line[:size]) for size in range(len(line)))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"text",
        b"[]",
        b'{"id":"batch_req_1","custom_id":"a","response":null,"error":null}',
        b'{"id":5,"custom_id":"a","response":null,"error":null}',
    ],
)
def test_what_a_run_did_not_write(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_entry(line)


@pytest.mark.parametrize(
    ("data", "may_be"),
    [(b"", True), (b"{", True), (b'{"id":"batch_re', True), (b"{}", False), (b"text", False)],
)
def test_what_may_be_left_of_a_line(data: bytes, may_be: bool) -> None:
    assert begins_like_a_line(data) is may_be


USAGES = {
    "chat": (
        b'{"model":"m","usage":{"prompt_tokens":1,"completion_tokens":2}}',
        ("m", Tokens(1, 2)),
    ),
    "responses": (b'{"usage":{"input_tokens":1,"output_tokens":2}}', ("", Tokens(1, 2))),
    "embeddings": (b'{"model":"m","usage":{"prompt_tokens":1}}', ("m", Tokens(1, 0))),
    "below zero": (b'{"usage":{"prompt_tokens":-1}}', ("", Tokens(0, 0))),
    "none": (b'{"model":"m"}', ("m", None)),
    "another shape": (b'{"model":[],"usage":5}', ("", None)),
    "a list": (b"[1]", ("", None)),
}


@pytest.mark.parametrize(("body", "expected"), USAGES.values(), ids=USAGES)
def test_tokens_of_a_body(body: bytes, expected: tuple[str, Tokens | None]) -> None:
    assert tokens_in(body) == expected
    assert tokens_in(msgspec.Raw(body)) == expected


def test_what_is_an_answer() -> None:
    assert answer().is_answered
    assert not failure().is_answered
    assert not Outcome(error=("Timeout", "late")).is_answered


def test_errors_become_outcomes() -> None:
    error = BadRequestError("no", status_code=400, body={"error": {"message": "no"}})
    error.request_id, error.attempts = "req_9", 3
    outcome = outcome_of(error)
    assert (outcome.status, outcome.request_id, outcome.attempts) == (400, "req_9", 3)
    assert (outcome.body, outcome.kind) == (b'{"error":{"message":"no"}}', "400")
    plain = outcome_of(APIStatusError("no", status_code=502, body=None))
    assert (plain.body, plain.kind) == (b"null", "502")
    gone = outcome_of(APIConnectionError("gone"))
    assert (gone.status, gone.error, gone.kind) == (
        None,
        ("APIConnectionError", "gone"),
        "APIConnectionError",
    )
    assert outcome_of(CircuitOpenError("open", retry_at=1.0)).attempts == 0
