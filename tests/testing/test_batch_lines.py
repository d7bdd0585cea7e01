import json

import pytest

from batch_api import CHAT, chat_line
from trio_groq.testing import batch_lines
from trio_groq.testing.batch_lines import LineFault, read_lines, result_line

BAD = {
    "no JSON": (b"{", "invalid_json_line", None, ""),
    "no UTF-8": (b"\xff", "invalid_json_line", None, ""),
    "no object": (b"[]", "invalid_json_line", None, ""),
    "no id": (chat_line("").rstrip(), "missing_custom_id", "custom_id", ""),
    "an id that is a number": (b'{"custom_id": 5}', "missing_custom_id", "custom_id", ""),
    "another method": (chat_line("b", method="GET"), "invalid_method", "method", "b"),
    "another URL": (chat_line("b", url="/v1/models"), "invalid_url", "url", "b"),
    "no body": (chat_line("b", body=[]), "invalid_body", "body", "b"),
    "the id of another": (chat_line("a"), "duplicate_custom_id", "custom_id", "a"),
}


@pytest.mark.parametrize(("data", "code", "param", "custom_id"), BAD.values(), ids=BAD)
def test_a_line_that_is_no_request(
    data: bytes, code: str, param: str | None, custom_id: str
) -> None:
    first, line = read_lines(chat_line("a") + b"\n" + data)
    assert first.fault is None
    assert line.fault is not None
    assert (line.number, line.fault.code, line.fault.param) == (3, code, param)
    assert line.custom_id == custom_id


def test_requests() -> None:
    first, second = read_lines(chat_line("a", "x") + chat_line("b", "y").rstrip())
    assert (first.custom_id, first.method, first.url) == ("a", "POST", CHAT)
    assert second.body["messages"] == [{"role": "user", "content": "y"}]
    assert read_lines(b"") == read_lines(b"\n \r\n") == []


def test_one_line_too_many_is_read_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_lines, "MAX_LINES", 2)
    assert len(read_lines(b"".join(chat_line(str(n)) for n in range(9)))) == 3


def test_results() -> None:
    (line,) = read_lines(chat_line("a"))
    answered = json.loads(result_line(line, 1, (201, {"x": 1})))
    assert answered["custom_id"] == "a"
    assert answered["response"]["status_code"] == 201
    assert answered["response"]["body"] == {"x": 1}
    assert answered["error"] is None
    failed = json.loads(result_line(line, 2, None, LineFault("late", "too late")))
    assert (failed["response"], failed["error"]) == (None, {"code": "late", "message": "too late"})
    assert failed["id"] != answered["id"]
