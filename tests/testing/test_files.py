from typing import Any

import pytest

from batch_api import BatchAPI, chat_line
from trio_groq.testing.files import Files, StoredFile, identity, unix_time
from trio_groq.testing.replies import Reply

BOUNDARY = "b0undary"
FORM = (("content-type", f"multipart/form-data; boundary={BOUNDARY}"),)


def form(name: str = "in.jsonl", data: bytes = b"{}\n", **fields: str) -> dict[str, Any]:
    """A request's body and header."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    if name:
        disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
        parts.append(f"--{BOUNDARY}\r\n{disposition}\r\n\r\n".encode() + data + b"\r\n")
    headers = tuple((key.encode(), value.encode()) for key, value in FORM)
    return {"body": b"".join(parts) + f"--{BOUNDARY}--\r\n".encode(), "headers": headers}


def uploaded(api: BatchAPI, at: float = 0.0, **more: Any) -> Any:
    return api.asked("POST", "files", at, **form(**{"purpose": "batch", **more}))


def test_a_file_is_kept_until_it_is_deleted() -> None:
    api = BatchAPI()
    file = uploaded(api, 5.5, data=b"{}\n{}\n")
    assert file == {
        "id": identity("file", 1),
        "object": "file",
        "bytes": 6,
        "created_at": unix_time(5),
        "filename": "in.jsonl",
        "purpose": "batch",
    }
    other = uploaded(api, 6, name="b.jsonl")
    assert other["id"] != file["id"]
    assert api.asked("GET", "files") == {"object": "list", "data": [other, file]}
    assert api.asked("GET", f"files/{file['id']}") == file
    content = api.ask("GET", f"files/{file['id']}/content")
    assert (content.body, content.content_type) == (b"{}\n{}\n", "application/octet-stream")
    deleted = {"id": file["id"], "object": "file", "deleted": True}
    assert api.asked("DELETE", f"files/{file['id']}") == deleted
    assert api.asked("GET", "files")["data"] == [other]


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("DELETE", ""), ("GET", "/content")], ids=str
)
def test_a_file_that_is_not_there(method: str, path: str) -> None:
    answer = BatchAPI().asked(method, f"files/file_0{path}")
    assert answer["status_code"] == 404
    assert answer["error"]["message"] == "File `file_0` not found"


REFUSED: dict[str, tuple[dict[str, Any], int, str | None]] = {
    "no form": ({"body": b"{}"}, 400, None),
    "no file": (form("", purpose="batch"), 400, "file"),
    "no purpose": (form(), 400, "purpose"),
    "another purpose": (form(purpose="vision"), 400, "purpose"),
    "another kind of file": (form("in.csv", purpose="batch"), 400, "file"),
}


@pytest.mark.parametrize(("more", "status", "param"), REFUSED.values(), ids=REFUSED)
def test_uploads_that_are_refused(more: dict[str, Any], status: int, param: str | None) -> None:
    api = BatchAPI()
    answer = api.asked("POST", "files", **more)
    assert (answer["status_code"], answer["error"].get("param")) == (status, param)
    assert api.asked("GET", "files")["data"] == []


def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_groq.testing.files.MAX_FILE_BYTES", 2)
    assert uploaded(BatchAPI())["status_code"] == 413


def test_storage_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    api = BatchAPI(files=Files(max_stored_bytes=5))
    first = uploaded(api)
    assert uploaded(api)["error"]["code"] == "storage_limit"
    api.ask("DELETE", f"files/{first['id']}")
    assert uploaded(api)["bytes"] == 3
    monkeypatch.setattr("trio_groq.testing.files.MAX_FILES", 1)
    assert uploaded(api, data=b"")["status_code"] == 400


def test_ids_are_the_same_in_every_run() -> None:
    assert identity("file", 1) == identity("file", 1) != identity("file", 2)
    assert len(identity("batch_req", 7)) == len("batch_req_") + 26


def test_others_may_catch_up_before_files_are_looked_at() -> None:
    files = Files()
    api = BatchAPI(files=files)
    moments: list[float] = []
    files.before_each(moments.append)
    assert isinstance(files.add("a.jsonl", "batch", chat_line("a"), 1.0), StoredFile)
    for at, path in enumerate(["files", "files/x", "files/x/content"]):
        assert isinstance(api.ask("GET", path, float(at)), Reply)
    assert moments == [0.0, 1.0, 2.0]
