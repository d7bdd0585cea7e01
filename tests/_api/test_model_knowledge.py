"""What a client knows of models, and the note on one that is not there."""

import pytest

from trio_groq._api.model_knowledge import ModelKnowledge, note_on_missing_model
from trio_groq.catalog import Catalog, ModelInfo
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
