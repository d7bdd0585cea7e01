"""The models that the fake has."""

from typing import Any

import msgspec
import pytest

from trio_groq.testing import RecordedRequest, Reply
from trio_groq.testing.endpoints import Table
from trio_groq.testing.models import DEFAULT_MODELS, Models

PATH = "/openai/v1/models"


def ask(models: Models, method: str, path: str = PATH) -> Reply:
    answers, names = Table(models.endpoints()).find(path)
    request = RecordedRequest(method=method, path=path, connection=1, received_at=0.0)
    return answers[method](request, names)


def body(reply: Reply) -> Any:
    assert reply.body is not None
    return msgspec.json.decode(reply.body)


def error(reply: Reply | None) -> tuple[int, str | None, str]:
    assert reply is not None
    told = body(reply)["error"]
    return reply.status, told.get("code"), told["message"]


def listed(models: Models) -> list[str]:
    return [model["id"] for model in body(ask(models, "GET"))["data"]]


def test_the_list_has_what_the_server_was_given() -> None:
    assert listed(Models(["a", "b/c"])) == ["a", "b/c"]
    assert listed(Models([])) == []
    assert listed(Models(None)) == list(DEFAULT_MODELS)


@pytest.mark.parametrize(
    ("name", "owner", "window", "answer"),
    [
        ("llama-3.1-8b-instant", "Meta", 131_072, 32_768),
        ("openai/gpt-oss-120b", "openai", 131_072, 32_768),
        ("whisper-large-v3", "OpenAI", 448, 448),
        ("canopylabs/orpheus-v1-english", "canopylabs", 4_000, 4_000),
    ],
)
def test_one_model(name: str, owner: str, window: int, answer: int) -> None:
    model = body(ask(Models(DEFAULT_MODELS), "GET", f"{PATH}/{name}"))
    assert model.pop("created") > 0
    assert model == {
        "id": name,
        "object": "model",
        "owned_by": owner,
        "active": True,
        "context_window": window,
        "public_apps": None,
        "max_completion_tokens": answer,
    }


def test_a_name_may_be_percent_encoded() -> None:
    models = Models(["openai/gpt-oss-20b"])
    assert body(ask(models, "GET", f"{PATH}/openai%2Fgpt-oss-20b"))["id"] == "openai/gpt-oss-20b"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_model_that_is_not_there(method: str) -> None:
    status, code, message = error(ask(Models(["a"]), method, f"{PATH}/b"))
    assert (status, code) == (404, "model_not_found")
    assert message == "The model `b` does not exist or you do not have access to it."


def test_any_model_is_there_when_none_was_named() -> None:
    models = Models(None)
    assert models.names is None
    assert body(ask(models, "GET", f"{PATH}/anything"))["id"] == "anything"
    assert error(ask(models, "DELETE", f"{PATH}/anything"))[0] == 403


def test_only_models_of_ones_own_can_be_deleted() -> None:
    models = Models(["a"])
    models.add("a/mine", created=5)
    assert models.names == ("a", "a/mine")
    assert body(ask(models, "GET", f"{PATH}/a/mine"))["created"] == 5
    assert error(ask(models, "DELETE", f"{PATH}/a"))[:2] == (403, "insufficient_permissions")
    deleted = body(ask(models, "DELETE", f"{PATH}/a/mine"))
    assert deleted == {"id": "a/mine", "object": "model", "deleted": True}
    assert listed(models) == ["a"]
    assert error(ask(models, "DELETE", f"{PATH}/a/mine"))[0] == 404


def test_removing_leaves_other_models_alone() -> None:
    models = Models(["a"])
    models.add("mine", created=5)
    models.remove("a")
    models.remove("mine")
    models.remove("mine")
    assert models.names == ("a",)


def test_a_model_is_refused_for_what_it_is_not_made_for() -> None:
    models = Models([*DEFAULT_MODELS, "made-up"])
    assert models.refusal("nomic-embed-text-v1_5", "embeddings") is None
    assert models.refusal("made-up", "embeddings") is None
    assert error(models.refusal("openai/gpt-oss-20b", "embeddings")) == (
        400,
        None,
        "The model `openai/gpt-oss-20b` does not support embeddings",
    )
    assert error(models.refusal("none", "embeddings"))[:2] == (404, "model_not_found")
    assert Models(None).refusal("none", "embeddings") is None
