import json
from typing import Any

import msgspec
import pytest

from shared_data import DATA, needs_shared_data
from trio_groq.types._base import Decoder
from trio_groq.types.batches import (
    Batch,
    BatchCancelResponse,
    BatchCreateResponse,
    BatchError,
    BatchErrors,
    BatchLineResponse,
    BatchListResponse,
    BatchRequestCounts,
    BatchRetrieveResponse,
)
from trio_groq.types.chat import ChatCompletion

TIMES = (
    "created_at",
    "in_progress_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "cancelling_at",
    "cancelled_at",
    "expires_at",
    "expired_at",
)
BATCH: dict[str, Any] = {
    "id": "batch_1",
    "completion_window": "24h",
    "endpoint": "/v1/chat/completions",
    "input_file_id": "file_1",
    "object": "batch",
    "status": "a new one",
    "output_file_id": "file_2",
    "error_file_id": "file_3",
    "request_counts": {"total": 3, "completed": 2, "failed": 1},
    "metadata": {"team": "a"},
    "project_id": "project_1",
    **{name: 1_760_000_000 + index for index, name in enumerate(TIMES)},
}


def decoded(body: object, kind: type = Batch) -> Any:
    return Decoder(kind).decode(msgspec.json.encode(body))


def test_nothing_of_a_batch_is_lost() -> None:
    assert msgspec.to_builtins(decoded(BATCH)) == BATCH
    page = {"data": [BATCH], "object": "list", "paging": {"next_cursor": "cursor_1"}}
    assert msgspec.to_builtins(decoded(page, BatchListResponse)) == page


LISTED = BatchErrors(data=[BatchError(code="c", message="no", param="p", line=4)], object="list")


@pytest.mark.parametrize("errors", [LISTED, LISTED.data], ids=["an object", "a list"])
def test_errors_may_be_an_object_with_a_list_or_the_list(errors: object) -> None:
    body = {**BATCH, "errors": msgspec.to_builtins(errors)}
    assert decoded(body).errors == errors
    assert msgspec.to_builtins(decoded(body)) == body


@pytest.mark.parametrize("name", [*BATCH, "errors"])
def test_anything_may_be_missing_or_null(name: str) -> None:
    rest = {key: value for key, value in BATCH.items() if key != name}
    assert decoded({**BATCH, name: None}) == decoded(rest)


def test_counts_are_all_sent_and_default_to_none_done() -> None:
    assert msgspec.to_builtins(BatchRequestCounts()) == {"total": 0, "completed": 0, "failed": 0}


def test_the_official_names_are_there() -> None:
    assert BatchCreateResponse is BatchRetrieveResponse is BatchCancelResponse is Batch


def without_nulls(value: Any) -> Any:
    """The recordings were stored by a language that writes null as `{}`."""
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item not in ({}, None)}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


RECORDED = sorted((DATA / "groq" / "batches").glob("*")) if DATA.is_dir() else []


@needs_shared_data
def test_there_are_recordings() -> None:
    assert len(RECORDED) >= 5


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_recorded_batches_and_results_come_back_whole(path: Any) -> None:
    stored = without_nulls(json.loads(path.read_text(encoding="utf-8")))
    assert msgspec.to_builtins(decoded(stored["batch"])) == stored["batch"]
    assert stored["results"]
    for result in stored["results"]:
        assert msgspec.to_builtins(decoded(result, BatchLineResponse)) == result
        completion = decoded(result["body"], ChatCompletion)
        assert msgspec.to_builtins(completion) == result["body"]
