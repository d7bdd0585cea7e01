import json
from typing import Any

import pytest

from batch_api import CHAT, BatchAPI, chat_line, chat_lines
from trio_groq.testing import batch_runs
from trio_groq.testing.files import Files, unix_time

ORDER = {"endpoint": CHAT, "completion_window": "24h"}
DAY = 86_400


def started(api: BatchAPI, data: bytes, at: float = 0.0, **more: Any) -> Any:
    file = api.files.add("in.jsonl", "batch", data, at)
    return api.asked("POST", "batches", at, {**ORDER, "input_file_id": file.id, **more})


def looked(api: BatchAPI, batch: Any, at: float) -> Any:
    return api.asked("GET", f"batches/{batch['id']}", at)


def lines_of(api: BatchAPI, file_id: str) -> list[Any]:
    body = api.ask("GET", f"files/{file_id}/content").body
    assert body is not None
    return [json.loads(line) for line in body.splitlines()]


def test_a_batch_begins_as_the_api_shows_it() -> None:
    api = BatchAPI(duration=0)
    batch = started(api, chat_lines(2), at=7.9, metadata={"team": "a"})
    nothing = {name: None for name in batch if name.endswith("_at")} | {
        "errors": None,
        "output_file_id": None,
        "error_file_id": None,
    }
    assert batch == nothing | {
        "id": batch["id"],
        "object": "batch",
        "endpoint": CHAT,
        "input_file_id": api.asked("GET", "files")["data"][-1]["id"],
        "completion_window": "24h",
        "status": "validating",
        "created_at": unix_time(7),
        "expires_at": unix_time(7 + DAY),
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": {"team": "a"},
    }


PROGRESS = [
    (0, "validating", 0, 0),
    (9.9, "validating", 0, 0),
    (10, "in_progress", 4, 0),
    (29.9, "in_progress", 4, 0),
    (30, "in_progress", 4, 1),
    (70, "in_progress", 4, 3),
    (90, "finalizing", 4, 4),
    (99.9, "finalizing", 4, 4),
    (100, "completed", 4, 4),
    (1000, "completed", 4, 4),
]


def test_it_goes_through_its_statuses_while_time_passes() -> None:
    api = BatchAPI(duration=100)
    batch = started(api, chat_lines(4))
    for at, status, total, completed in PROGRESS:
        now = looked(api, batch, at)
        counts = {"total": total, "completed": completed, "failed": 0}
        assert (at, now["status"], now["request_counts"]) == (at, status, counts)
        assert (now["output_file_id"] is None) == (status != "completed")
        assert len(api.answered) == completed
    now = looked(api, batch, 1000)
    assert now["in_progress_at"] == unix_time(10)
    assert now["finalizing_at"] == unix_time(90)
    assert now["completed_at"] == unix_time(100)
    assert api.answered == ["1", "2", "3", "4"]


@pytest.mark.parametrize("duration", [0, 100])
def test_looked_at_late_it_is_the_same(duration: float) -> None:
    api = BatchAPI(duration=duration)
    batch = looked(api, started(api, chat_lines(2)), 500)
    assert batch["status"] == "completed"
    assert batch["completed_at"] == unix_time(duration)
    first, second = lines_of(api, batch["output_file_id"])
    assert (first["custom_id"], second["custom_id"]) == ("r1", "r2")
    assert first["response"]["status_code"] == 200
    assert first["response"]["body"]["choices"][0]["message"]["content"] == f"POST {CHAT} 1"
    assert first["response"]["request_id"] != second["response"]["request_id"]
    assert batch["error_file_id"] is None


def test_its_files_are_there_even_if_nobody_looked_at_it() -> None:
    api = BatchAPI(duration=10)
    started(api, chat_lines(1))
    assert len(api.asked("GET", "files", 9)["data"]) == 1
    output, _ = api.asked("GET", "files", 10)["data"]
    assert output["purpose"] == "batch_output"
    assert output["filename"].endswith("_output.jsonl")


def test_what_fails_goes_to_the_error_file() -> None:
    api = BatchAPI(duration=0)
    data = chat_line("a") + chat_line("b", "fail") + b"{\n" + chat_line("c", method="GET")
    batch = looked(api, started(api, data), 1)
    assert batch["request_counts"] == {"total": 4, "completed": 1, "failed": 3}
    refused, unreadable, wrong = lines_of(api, batch["error_file_id"])
    assert refused["custom_id"] == "b"
    assert refused["response"]["status_code"] == 400
    assert refused["error"] is None
    assert (unreadable["custom_id"], unreadable["response"]) == ("", None)
    assert unreadable["error"]["code"] == "invalid_json_line"
    assert wrong["error"]["code"] == "invalid_method"
    errors = batch["errors"]["data"]
    assert [(error["line"], error["param"]) for error in errors] == [(3, None), (4, "method")]


@pytest.mark.parametrize("data", [b"", b"{\n"])
def test_without_a_valid_request_it_fails(data: bytes) -> None:
    api = BatchAPI(duration=10)
    batch = looked(api, started(api, data), 1.5)
    assert (batch["status"], batch["failed_at"]) == ("failed", unix_time(1))
    assert batch["errors"]["data"][-1]["code"] == "empty_file"
    assert looked(api, batch, 99) == batch
    assert api.answered == []


def test_with_too_many_requests_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_runs, "MAX_LINES", 1)
    api = BatchAPI(duration=0)
    batch = looked(api, started(api, chat_lines(2)), 1)
    assert (batch["status"], batch["errors"]["data"][0]["code"]) == ("failed", "too_many_lines")


def test_without_room_for_the_results_it_fails() -> None:
    api = BatchAPI(files=Files(max_stored_bytes=len(chat_lines(1)) + 1), duration=0)
    batch = looked(api, started(api, chat_lines(1)), 1)
    assert (batch["status"], batch["errors"]["data"][0]["code"]) == ("failed", "storage_limit")


def test_cancelled_it_keeps_what_was_answered() -> None:
    api = BatchAPI(duration=100)
    batch = started(api, chat_lines(4))
    path = f"batches/{batch['id']}/cancel"
    cancelled = api.asked("POST", path, 50)
    assert (cancelled["status"], cancelled["cancelling_at"]) == ("cancelling", unix_time(50))
    assert api.asked("POST", path, 59)["status"] == "cancelling"
    over = looked(api, batch, 99)
    assert (over["status"], over["cancelled_at"]) == ("cancelled", unix_time(60))
    assert over["request_counts"] == {"total": 4, "completed": 2, "failed": 0}
    assert len(lines_of(api, over["output_file_id"])) == 2
    assert over["completed_at"] is over["error_file_id"] is None


def test_cancelled_before_it_began_it_has_no_results() -> None:
    api = BatchAPI(duration=100)
    batch = started(api, chat_lines(4))
    api.ask("POST", f"batches/{batch['id']}/cancel", 5)
    over = looked(api, batch, 15)
    assert (over["status"], over["output_file_id"]) == ("cancelled", None)


@pytest.mark.parametrize("at", [95, 100])
def test_it_may_be_too_late_to_cancel(at: float) -> None:
    api = BatchAPI(duration=100)
    batch = started(api, chat_lines(4))
    answer = api.asked("POST", f"batches/{batch['id']}/cancel", at)
    assert answer["status_code"] == 400
    assert looked(api, batch, 100)["status"] == "completed"


def test_it_expires_at_the_end_of_its_window() -> None:
    api = BatchAPI(duration=2 * DAY)
    batch = started(api, chat_lines(4) + b"{")
    over = looked(api, batch, 9 * DAY)
    assert (over["status"], over["expired_at"]) == ("expired", unix_time(DAY))
    assert over["request_counts"] == {"total": 5, "completed": 2, "failed": 3}
    errors = [line["error"]["code"] for line in lines_of(api, over["error_file_id"])]
    assert errors == ["batch_expired", "batch_expired", "invalid_json_line"]
    longer = started(api, chat_lines(1), 0, completion_window="7d")
    assert looked(api, longer, 2 * DAY)["status"] == "completed"
    validating = started(BatchAPI(duration=20 * DAY), chat_lines(1))
    assert validating["status"] == "validating"
    slow = BatchAPI(duration=20 * DAY)
    assert looked(slow, started(slow, chat_lines(1)), DAY)["status"] == "expired"


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no input": ({"input_file_id": None}, 400, "input_file_id"),
    "an input that is no text": ({"input_file_id": 5}, 400, "input_file_id"),
    "an unknown input": ({"input_file_id": "file_0"}, 404, "input_file_id"),
    "no endpoint": ({"endpoint": None}, 400, "endpoint"),
    "another endpoint": ({"endpoint": "/v1/models"}, 400, "endpoint"),
    "no window": ({"completion_window": None}, 400, "completion_window"),
    "a window that is none": ({"completion_window": "soon"}, 400, "completion_window"),
    "a short window": ({"completion_window": "23h"}, 400, "completion_window"),
    "a long window": ({"completion_window": "8d"}, 400, "completion_window"),
    "metadata that is none": ({"metadata": ["a"]}, 400, "metadata"),
    "metadata of numbers": ({"metadata": {"a": 1}}, 400, "metadata"),
}


@pytest.mark.parametrize(("more", "status", "param"), REFUSED.values(), ids=REFUSED)
def test_orders_that_are_refused(more: dict[str, Any], status: int, param: str) -> None:
    api = BatchAPI()
    answer = started(api, chat_lines(1), **more)
    assert (answer["status_code"], answer["error"]["param"]) == (status, param)
    assert api.asked("GET", "batches")["data"] == []


def test_results_are_no_input() -> None:
    api = BatchAPI()
    file = api.files.add("out.jsonl", "batch_output", b"", 0.0)
    answer = api.asked("POST", "batches", 0, {**ORDER, "input_file_id": file.id})
    assert (answer["status_code"], answer["error"]["param"]) == (400, "input_file_id")


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_groq.testing.batches._MAX_KEPT", 1)
    api = BatchAPI()
    started(api, chat_lines(1))
    assert started(api, chat_lines(1))["status_code"] == 400


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/cancel")])
def test_a_batch_that_is_not_there(method: str, path: str) -> None:
    assert BatchAPI().asked(method, f"batches/batch_0{path}")["status_code"] == 404


def test_the_list_has_pages() -> None:
    api = BatchAPI(page_size=2)
    ids = [started(api, chat_lines(1), at)["id"] for at in range(5)]
    seen: list[str] = []
    query = ""
    pages = 0
    while True:
        page = api.asked("GET", "batches", 5, query=query)
        seen += [batch["id"] for batch in page["data"]]
        pages += 1
        if "paging" not in page:
            break
        query = f"cursor={page['paging']['next_cursor']}"
    assert (seen, pages) == (ids[::-1], 3)


@pytest.mark.parametrize(
    "cursor", ["", "x", "cursor_", "cursor_e30", "cursor_WzFd", "cursor_%C3%A9"]
)
def test_a_cursor_that_is_none(cursor: str) -> None:
    answer = BatchAPI().asked("GET", "batches", query=f"cursor={cursor}")
    assert answer["status_code"] == 400


def test_batches_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    api = BatchAPI()
    ids = [started(api, chat_lines(1), at)["id"] for at in range(3)]
    page = api.asked("GET", "batches", 5, query=f"id={ids[2]}&id={ids[0]}&id=batch_0")
    assert [batch["id"] for batch in page["data"]] == [ids[2], ids[0]]
    monkeypatch.setattr("trio_groq.testing.batches._MAX_IDS", 1)
    assert api.asked("GET", "batches", 5, query="id=a&id=b")["status_code"] == 400
