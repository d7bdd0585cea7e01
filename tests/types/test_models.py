"""Models: what real answers have, and what the document has."""

import json
from typing import Any

import msgspec
import pytest

from shared_data import DATA, json_lines, needs_shared_data
from trio_groq.types._base import Decoder
from trio_groq.types.models import Model, ModelDeleted, ModelListResponse

decode_model = Decoder(Model).decode
decode_list = Decoder(ModelListResponse).decode

FULL: dict[str, Any] = {
    "id": "maker/some-model-8b",
    "object": "model",
    "created": 1_700_000_000,
    "owned_by": "Maker",
    "active": True,
    "context_window": 131_072,
    "max_completion_tokens": 8_192,
}


def encoded(value: msgspec.Struct) -> Any:
    return json.loads(msgspec.json.encode(value))


def test_a_model_keeps_all_that_is_known_of_it() -> None:
    model = decode_model(json.dumps(FULL | {"public_apps": None, "new": [1]}).encode())
    assert model.context_window == 131_072
    assert model.max_completion_tokens == 8_192
    assert model.active is True
    assert model.public_apps is None
    assert encoded(model) == FULL
    assert model.meta is None


@pytest.mark.parametrize("apps", [["a"], {"a": 1}, "a", 1])
def test_public_apps_may_be_anything(apps: Any) -> None:
    assert encoded(decode_model(json.dumps(FULL | {"public_apps": apps}).encode())) == FULL | {
        "public_apps": apps
    }


@pytest.mark.parametrize("name", FULL)
def test_a_field_may_be_missing_or_null(name: str) -> None:
    rest = {key: value for key, value in FULL.items() if key != name}
    missing = decode_model(json.dumps(rest).encode())
    assert missing == decode_model(json.dumps(rest | {name: None}).encode())
    assert getattr(missing, name) == getattr(Model(), name)


def test_a_list_of_models() -> None:
    models = decode_list(json.dumps({"object": "list", "data": [FULL, {"id": "x"}]}).encode())
    assert [model.id for model in models.data] == ["maker/some-model-8b", "x"]
    assert models.data[1].context_window is None
    assert decode_list(b'{"data": null}').data == []


def test_a_deleted_model() -> None:
    body = {"id": "m", "object": "model", "deleted": True}
    deleted = Decoder(ModelDeleted).decode(json.dumps(body).encode())
    assert deleted.deleted is True
    assert encoded(deleted) == body
    assert ModelDeleted().deleted is False


@needs_shared_data
def test_every_recorded_list() -> None:
    rows = [
        row
        for row in json_lines("groq/exchanges.jsonl")
        if row["request"] and row["request"]["url"].endswith("/models") and row["status"] == 200
    ]
    assert rows
    for row in rows:
        body = (DATA / "groq" / row["body_file"]).read_bytes()
        assert encoded(decode_list(body)) == json.loads(body)
