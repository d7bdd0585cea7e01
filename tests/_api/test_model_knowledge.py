"""What a client knows of models, and the note on one that is not there."""

import json

import pytest

from trio_groq._api.model_knowledge import ModelKnowledge, note_on_missing_model
from trio_groq._api.responses import error_from_response
from trio_groq.catalog import Catalog, ModelInfo
from trio_groq.errors import APIStatusError
from trio_groq.types.models import Model


def test_a_list_of_the_api_replaces_the_catalog() -> None:
    knowledge = ModelKnowledge()
    before = knowledge.catalog
    assert knowledge.catalog is before
    knowledge.learn([Model(id="m", context_window=5)])
    assert knowledge.catalog.available() == ("m",)
    assert "m" not in before


def missing(name: str) -> str:
    return f"The model `{name}` does not exist or you do not have access to it."


PAGE = "https://console.groq.com/docs/deprecations"
LLAMA = "llama-3.3-70b-versatile"
INSTEAD = "openai/gpt-oss-120b or qwen/qwen3.8-27b"


@pytest.mark.parametrize(
    ("message", "note"),
    [
        (missing("gpt-oss-20b"), "Names like it: openai/gpt-oss-20b"),
        (
            missing(LLAMA),
            f"Groq announced the end of {LLAMA} for 2026-08-16, and recommends {INSTEAD}: {PAGE}",
        ),
        (
            missing("gemma2-9b-it"),
            f"Groq announced the end of gemma2-9b-it for 2025-10-08: {PAGE}",
        ),
        (
            "The model `llama3-8b-8192` has been decommissioned and is no longer supported.",
            "Groq announced the end of llama3-8b-8192, and recommends openai/gpt-oss-20b",
        ),
    ],
)
def test_the_note(message: str, note: str) -> None:
    said = note_on_missing_model(message, None)
    assert said is not None
    assert said.startswith(note)


@pytest.mark.parametrize(
    "message", ["", "no such model", missing("zzzzzz"), missing("a b"), missing("x" * 300)]
)
def test_nothing_to_say(message: str) -> None:
    assert note_on_missing_model(message, None) is None


def test_the_names_are_those_that_the_client_knows() -> None:
    knowledge = ModelKnowledge(Catalog([ModelInfo(name="gpt-oss-21b")]))
    note = note_on_missing_model(missing("gpt-oss-20b"), knowledge)
    assert note == "Names like it: gpt-oss-21b."


def error_of(
    status: int, code: str, message: str, knowledge: ModelKnowledge | None = None
) -> APIStatusError:
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return error_from_response(status, {}, body, now=0.0, knowledge=knowledge)


def test_a_model_that_is_not_there_has_names_like_it() -> None:
    error = error_of(404, "model_not_found", missing("gpt-oss-20b"))
    first, second = error.__notes__
    assert "model's name" in first
    assert second.startswith("Names like it: openai/gpt-oss-20b")


def test_the_names_are_those_of_the_client() -> None:
    knowledge = ModelKnowledge(Catalog([ModelInfo(name="my/gpt-oss-20b")]))
    error = error_of(404, "model_not_found", missing("gpt-oss-20b"), knowledge)
    assert error.__notes__[1:] == ["Names like it: my/gpt-oss-20b."]


def test_a_model_that_is_gone_has_what_is_recommended() -> None:
    message = "The model `qwen-qwq-32b` has been decommissioned and is no longer supported."
    first, second = error_of(400, "model_decommissioned", message).__notes__
    assert "choose another" in first
    assert "for 2025-07-14, and recommends openai/gpt-oss-120b" in second
