import msgspec
import pytest

from trio_groq.types._base import Decoder
from trio_groq.types.files import (
    File,
    FileCreateResponse,
    FileDeleteResponse,
    FileInfoResponse,
    FileListResponse,
)

FILE = {
    "id": "file_1",
    "bytes": 12,
    "created_at": 1_760_000_000,
    "filename": "in.jsonl",
    "object": "file",
    "purpose": "batch",
}
BODIES = {
    "file": (File, FILE),
    "list": (FileListResponse, {"data": [FILE, {**FILE, "id": "file_2"}], "object": "list"}),
    "deleted": (FileDeleteResponse, {"id": "file_1", "deleted": True, "object": "file"}),
}


@pytest.mark.parametrize(("kind", "body"), BODIES.values(), ids=BODIES)
def test_nothing_is_lost(kind: type, body: dict[str, object]) -> None:
    value: File = Decoder(kind).decode(msgspec.json.encode(body))
    assert msgspec.to_builtins(value) == body


@pytest.mark.parametrize("kind", [File, FileListResponse, FileDeleteResponse])
@pytest.mark.parametrize("body", ["{}", '{"id":null,"data":null,"bytes":null,"new":1}'])
def test_anything_may_be_missing_null_or_new(kind: type, body: str) -> None:
    assert Decoder(kind).decode(body.encode()) == kind()


def test_the_official_names_are_there() -> None:
    assert FileCreateResponse is FileInfoResponse is File
    assert File().object == "file"
