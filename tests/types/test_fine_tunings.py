"""Fine tunings as they come back."""

import json
from typing import Any

import msgspec
import pytest

from trio_groq._api.parameters import Validator
from trio_groq.errors import InvalidRequestError
from trio_groq.types._base import Decoder
from trio_groq.types.fine_tunings import (
    FineTuning,
    FineTuningDeleteResponse,
    FineTuningListResponse,
    FineTuningReadResponse,
)
from trio_groq.types.fine_tunings_params import FineTuningCreateParams

ONE: dict[str, Any] = {
    "id": "ft_1",
    "name": "first",
    "base_model": "some-model",
    "type": "lora",
    "input_file_id": "file_1",
    "created_at": 1_700_000_000,
    "fine_tuned_model": "some-model/first",
}

BODIES: list[tuple[type[msgspec.Struct], dict[str, Any]]] = [
    (FineTuningListResponse, {"object": "list", "data": [ONE, ONE | {"id": "ft_2"}]}),
    (FineTuningReadResponse, {"id": "ft_1", "object": "object", "data": ONE}),
    (FineTuningDeleteResponse, {"id": "ft_1", "object": "fine_tuning", "deleted": True}),
]


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_nothing_is_lost(kind: type[msgspec.Struct], body: dict[str, Any]) -> None:
    value = Decoder(kind).decode(json.dumps(body | {"new": 1}).encode())
    assert json.loads(msgspec.json.encode(value)) == body


@pytest.mark.parametrize(("kind", "body"), BODIES)
def test_fields_may_be_missing_or_null(kind: type[msgspec.Struct], body: dict[str, Any]) -> None:
    nothing = json.dumps(dict.fromkeys(body)).encode()
    assert Decoder(kind).decode(nothing) == Decoder(kind).decode(b"{}") == kind()


def test_a_fine_tuning_may_lack_all_but_its_id() -> None:
    found = Decoder(FineTuning).decode(json.dumps(dict.fromkeys(ONE) | {"id": "ft_1"}).encode())
    assert found == FineTuning(id="ft_1")
    assert found.created_at is None


def test_parameters() -> None:
    check = Validator(FineTuningCreateParams)
    check({})
    check({name: ONE[name] for name in ("base_model", "input_file_id", "name", "type")})
    with pytest.raises(InvalidRequestError, match=r"^name: expected a string, got 5"):
        check({"name": 5})
    with pytest.raises(InvalidRequestError, match=r"^model: expected a known parameter"):
        check({"model": "m"})
