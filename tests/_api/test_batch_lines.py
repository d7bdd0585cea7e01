import io
import json
from collections.abc import Iterable
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_api import CHAT, chat_line, chat_lines
from trio_groq._api import batch_lines
from trio_groq._api.batch_lines import (
    BatchLineReader,
    BatchResponseLine,
    read_batch_lines,
    write_batch_line,
    write_batch_lines,
)
from trio_groq.errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    InvalidRequestError,
    ModelNotFoundError,
    RateLimitError,
)
from trio_groq.types.batches import BatchLineError, BatchLineResponse, BatchRequestLine
from trio_groq.types.chat import ChatCompletion, ChatCompletionMessage, Choice

BODY = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
REQUEST = {"custom_id": "a", "method": "POST", "url": CHAT, "body": BODY}
COMPLETION = {"id": "chatcmpl-1", "choices": [{"index": 0, "message": {"role": "assistant"}}]}


def result(status: int = 200, body: object = COMPLETION, **more: Any) -> dict[str, Any]:
    response = {"status_code": status, "request_id": "req_1", "body": body}
    return {"id": "batch_req_1", "custom_id": "a", "response": response, **more}


def encoded(*lines: object) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def requests(pieces: Iterable[bytes], **limits: int) -> list[BatchRequestLine]:
    return list(read_batch_lines(pieces, BatchRequestLine, **limits))


def results(pieces: Iterable[bytes], **limits: int) -> list[BatchResponseLine]:
    return list(read_batch_lines(pieces, BatchResponseLine, **limits))


# --- reading --------------------------------------------------------------------------------------


def test_requests_are_read() -> None:
    (line,) = requests([encoded(REQUEST)])
    assert msgspec.to_builtins(line) == REQUEST
    assert requests([]) == requests([b"", b"\n \n"]) == []


def test_results_are_read() -> None:
    failed = {"id": "x", "custom_id": "b", "error": {"code": "expired", "message": "late"}}
    first, second = results([encoded(result(), failed)])
    assert msgspec.to_builtins(first) == result()
    assert second.error == BatchLineError(code="expired", message="late")
    assert results([b'{"id":null,"custom_id":null,"response":null,"new":[]}']) == [
        BatchResponseLine()
    ]


@given(st.data())
def test_the_pieces_make_no_difference(data: st.DataObject) -> None:
    content = data.draw(st.sampled_from([b"", b"\n", b"\r\n \n"])) + chat_lines(4)
    content = content.replace(b"\n", data.draw(st.sampled_from([b"\n", b"\r\n", b"\n\n"])))
    content = content.rstrip() if data.draw(st.booleans()) else content
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)))))
    pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    assert [line.custom_id for line in requests(pieces)] == ["r1", "r2", "r3", "r4"]


def test_an_open_file_is_pieces_enough() -> None:
    assert len(requests(io.BytesIO(chat_lines(3)))) == 3


def test_a_reader_hands_out_line_by_line() -> None:
    reader = BatchLineReader(BatchRequestLine)
    assert repr(reader) == "<BatchLineReader of BatchRequestLine, at line 0, open>"
    data = b"\n" + chat_lines(2)
    reader.feed(memoryview(data)[:5])
    assert reader.next_line() is None
    reader.feed(bytearray(data[5:-1]))
    first = reader.next_line()
    assert first is not None
    assert (first.custom_id, reader.number) == ("r1", 2)
    assert reader.next_line() is None
    reader.close()
    reader.feed(b"ignored: it was closed")
    second = reader.next_line()
    assert second is not None
    assert (second.custom_id, reader.number) == ("r2", 3)
    assert reader.next_line() is None
    assert repr(reader) == "<BatchLineReader of BatchRequestLine, at line 3, closed>"


BROKEN: dict[str, tuple[bytes, str, str]] = {
    "no JSON": (b"{", "", "line 1: expected a JSON object, got what is no JSON: {"),
    "no UTF-8": (b'"\xff"', "", "line 1: expected a JSON object, got what is no JSON"),
    "other JSON": (b"[1]", "", "line 1: expected a JSON object, got other JSON: [1]"),
    "no id": (
        encoded({**REQUEST, "custom_id": None}),
        "custom_id",
        "line 1: custom_id: expected a string, got None",
    ),
    "an empty id": (
        encoded({**REQUEST, "custom_id": ""}),
        "custom_id",
        "line 1: custom_id: expected at least 1 character, got ''",
    ),
    "no method": (
        encoded({"custom_id": "a", "url": CHAT, "body": BODY}),
        "method",
        "line 1: method: expected a value, got nothing",
    ),
    "another method": (
        encoded({**REQUEST, "method": "GET"}),
        "method",
        "line 1: method: expected 'POST', got 'GET'",
    ),
    "no body": (
        encoded({**REQUEST, "body": 1}),
        "body",
        "line 1: body: expected an object, got 1",
    ),
    "a body without messages": (
        encoded({**REQUEST, "body": {"model": "m"}}),
        "body.messages",
        "line 1: body.messages: expected a value, got nothing",
    ),
    "out of range": (
        encoded({**REQUEST, "body": {**BODY, "temperature": 3}}),
        "body.temperature",
        "line 1: body.temperature: expected a number <= 2.0, got 3",
    ),
    "the same id again": (
        encoded(REQUEST) + b"\n" + encoded({**REQUEST, "body": BODY}),
        "custom_id",
        "line 3: custom_id: expected one of its own, got 'a' as in line 1",
    ),
}


@pytest.mark.parametrize(("data", "path", "message"), BROKEN.values(), ids=BROKEN)
def test_a_request_that_is_wrong(data: bytes, path: str, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        requests([data])
    assert str(caught.value).startswith(message)
    assert caught.value.path == path


def test_after_a_wrong_line_comes_the_next() -> None:
    reader = BatchLineReader(BatchRequestLine)
    reader.feed(b"{\n" + chat_line("b"))
    with pytest.raises(InvalidRequestError, match="line 1: "):
        reader.next_line()
    line = reader.next_line()
    assert line is not None
    assert line.custom_id == "b"


@pytest.mark.parametrize(
    "line",
    [
        {**REQUEST, "new": 1},
        {**REQUEST, "url": "/v1/audio/transcriptions", "body": {"url": "https://a.b/c.wav"}},
        {**REQUEST, "body": {**BODY, "new": 1, "max_tokens": 5, "stream": False}},
    ],
    ids=["a new field", "another endpoint", "new and deprecated parameters"],
)
def test_what_passes_without_a_warning(line: dict[str, Any]) -> None:
    (read,) = requests([encoded(line)])
    assert read.body == line["body"]


def test_a_line_that_is_too_long_ends_the_reading() -> None:
    line = chat_line("a")
    assert len(requests([line], max_line_bytes=len(line) - 1)) == 1
    for data in (line, line.rstrip(), b"x" * len(line)):
        reader = BatchLineReader(BatchRequestLine, max_line_bytes=len(line) - 2)
        reader.feed(data)
        with pytest.raises(InvalidRequestError, match=r"^line 1: expected at most \d+ bytes, got"):
            reader.next_line()
        reader.feed(chat_line("b"))
        assert reader.next_line() is None
    with pytest.raises(APIResponseValidationError, match="batch results: line 1: expected at most"):
        results([encoded(result())], max_line_bytes=5)


def test_one_request_too_many_ends_the_reading() -> None:
    reader = BatchLineReader(BatchRequestLine, max_lines=2)
    reader.feed(chat_lines(4))
    assert [reader.next_line() is None for _ in range(2)] == [False, False]
    with pytest.raises(InvalidRequestError, match="batch: expected at most 2 requests, got more"):
        reader.next_line()
    assert reader.next_line() is None


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"response":{"status_code":"no"}}', b'"\xff"'])
def test_a_result_that_is_wrong(data: bytes) -> None:
    with pytest.raises(APIResponseValidationError, match=r"^batch results: line 2: "):
        results([encoded(result()), data])


def test_reading_is_linear_in_the_bytes() -> None:
    class Counting(bytearray):
        searched = 0

        def find(self, *args: Any) -> int:
            end = super().find(*args)
            Counting.searched += (len(self) if end < 0 else end) - args[1]
            return end

    reader = BatchLineReader(BatchRequestLine)
    reader._buffer = Counting()
    data = chat_line("a", "x" * 5000)
    lines = []
    for index in range(len(data)):
        reader.feed(data[index : index + 1])
        lines.append(reader.next_line())
    assert [line is None for line in lines[-2:]] == [True, False]
    assert Counting.searched <= 2 * len(data)


# --- results as completions -----------------------------------------------------------------------


def test_a_completion() -> None:
    (line,) = results([encoded(result())])
    completion = line.completion()
    assert isinstance(completion, ChatCompletion)
    assert completion.id == "chatcmpl-1"
    assert completion.meta is None


ERRORS: dict[str, tuple[int, object, type[APIStatusError], str | None]] = {
    "a model": (404, {"error": {"code": "model_not_found"}}, ModelNotFoundError, "model_not_found"),
    "a rate": (429, {"error": {"message": "slow", "type": "tokens"}}, RateLimitError, None),
    "a text": (500, "broken", APIStatusError, None),
}


@pytest.mark.parametrize(("status", "body", "kind", "code"), ERRORS.values(), ids=ERRORS)
def test_an_error_is_that_of_a_call(
    status: int, body: object, kind: type[APIStatusError], code: str | None
) -> None:
    (line,) = results([encoded(result(status, body))])
    with pytest.raises(kind) as caught:
        line.completion()
    error = caught.value
    assert (error.status_code, error.code, error.request_id) == (status, code, "req_1")
    assert "In a batch: custom_id 'a'." in error.__notes__


def test_without_a_response() -> None:
    line = BatchResponseLine(custom_id="a", error=BatchLineError(code="expired", message="late"))
    with pytest.raises(APIError, match="expected a response, got none: expired: late") as caught:
        line.completion()
    assert caught.value.body == {"code": "expired", "message": "late"}
    with pytest.raises(APIError, match="got none: no reason given"):
        BatchResponseLine().completion()


def test_a_body_that_is_no_completion() -> None:
    line = BatchResponseLine(response=BatchLineResponse(status_code=200, body={"choices": 5}))
    with pytest.raises(APIResponseValidationError, match="choices"):
        line.completion()


# --- writing --------------------------------------------------------------------------------------


def test_what_is_written_is_read_again() -> None:
    line = BatchRequestLine(custom_id="é\n", body={**BODY, "temperature": 0.1})
    data = write_batch_line(line)
    assert data.count(b"\n") == 1
    assert requests([data]) == [line]
    assert requests([write_batch_line(REQUEST)]) == requests([encoded(REQUEST)])  # type: ignore[arg-type]  # a dict


def test_results_are_written_as_well() -> None:
    (line,) = results([encoded(result())])
    assert results([write_batch_line(line)]) == [line]


def test_a_message_of_an_answer_may_be_sent_back() -> None:
    message = ChatCompletionMessage(content="Hi", executed_tools=[], annotations=[])
    line = BatchRequestLine(custom_id="a", body={"model": "m", "messages": [message]})
    sent = json.loads(write_batch_line(line))
    assert sent["body"]["messages"] == [{"role": "assistant", "content": "Hi"}]
    assert Choice().message.role == "assistant"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (BatchRequestLine(body=BODY), "custom_id: expected at least 1 character, got ''"),
        ({"custom_id": "a"}, "method: expected a value, got nothing"),
        ([], "expected a BatchRequestLine or a mapping, got list"),
        ({**REQUEST, "body": {**BODY, "user": object()}}, "body.user: expected a string"),
        ({**REQUEST, "url": "/v1/other", "body": {"a": object()}}, "body.a: expected what JSON"),
    ],
)
def test_a_wrong_line_is_not_written(line: Any, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        write_batch_line(line)
    assert str(caught.value).startswith(message)


def test_many_lines_are_checked_against_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [BatchRequestLine(custom_id=f"r{n}", body=BODY) for n in range(3)]
    assert requests(write_batch_lines(lines)) == lines
    with pytest.raises(InvalidRequestError, match=r"line 4: custom_id: .* 'r1' as in line 2"):
        list(write_batch_lines([*lines, lines[1]]))
    with pytest.raises(InvalidRequestError, match="line 1: method: expected a value"):
        list(write_batch_lines([{"custom_id": "a"}]))  # type: ignore[list-item]  # the point
    monkeypatch.setattr(batch_lines, "MAX_LINES", 2)
    written = write_batch_lines(BatchRequestLine(custom_id=f"r{n}", body=BODY) for n in count())
    with pytest.raises(InvalidRequestError, match="expected at most 2 requests, got more"):
        list(written)
