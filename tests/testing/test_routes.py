"""Which request gets which answer."""

from typing import Any

import msgspec
import pytest

from raw_http import CHAT, PROMPT
from trio_groq.testing import DEFAULT_MODELS, RecordedRequest, Reply
from trio_groq.testing.chat import Names
from trio_groq.testing.routes import Routes

ANSWER = Reply(content="the answer")


def routes_of(**options: Any) -> Routes:
    return Routes(chat=lambda _request: ANSWER, new_names=lambda: Names(1), **options)


ANY = routes_of(api_keys=None, models=DEFAULT_MODELS)


def ask(
    method: str, path: str, *, routes: Routes = ANY, auth: str | None = "Bearer k", **fields: Any
) -> Reply:
    headers = () if auth is None else ((b"authorization", auth.encode()),)
    request = RecordedRequest(
        method=method, path=path, headers=headers, connection=1, received_at=0.0, **fields
    )
    return routes.answer(request)


def body(reply: Reply) -> Any:
    assert reply.body is not None
    return msgspec.json.decode(reply.body)


def test_a_good_completion_is_answered() -> None:
    assert ask("POST", CHAT, json=PROMPT) is ANSWER


def test_a_bad_completion_is_refused() -> None:
    assert ask("POST", CHAT, json={}).status == 400
    assert ask("POST", CHAT, json=None).status == 400


@pytest.mark.parametrize("auth", [None, "", "Bearer", "Bearer ", "Basic k", "k"])
def test_no_key_is_no_access(auth: str | None) -> None:
    reply = ask("POST", CHAT, auth=auth, json=PROMPT)
    assert reply.status == 401
    assert body(reply) == {
        "error": {
            "message": "Invalid API Key",
            "type": "invalid_request_error",
            "code": "invalid_api_key",
        }
    }


@pytest.mark.parametrize(("key", "status"), [("good", 200), ("bad", 401)])
def test_only_listed_keys_have_access(key: str, status: int) -> None:
    routes = routes_of(api_keys={"good"}, models=None)
    assert ask("GET", "/openai/v1/models", routes=routes, auth=f"bearer {key}").status == status


@pytest.mark.parametrize("path", ["/", "/foo", "/openai/v1/chat", "/openai/v1/modelsx"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    reply = ask("POST", path, auth=None)
    assert reply.status == 404
    assert body(reply)["error"] == {
        "message": f"Unknown request URL: POST {path}. Please check the URL for typos, "
        "or see the docs at https://console.groq.com/docs/",
        "type": "invalid_request_error",
        "code": "unknown_url",
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", CHAT, "POST"), ("POST", "/openai/v1/models", "GET"), ("HEAD", CHAT, "POST")],
)
def test_a_wrong_method_is_named_with_the_right_one(method: str, path: str, allowed: str) -> None:
    reply = ask(method, path)
    assert (reply.status, reply.headers) == (405, (("allow", allowed),))


def test_models_are_listed() -> None:
    listed = body(ask("GET", "/openai/v1/models"))
    assert listed["object"] == "list"
    assert tuple(model["id"] for model in listed["data"]) == DEFAULT_MODELS
    assert listed["data"][0]["context_window"] > 0


@pytest.mark.parametrize("name", ["openai/gpt-oss-20b", "openai%2Fgpt-oss-20b"])
def test_a_model_is_found_by_its_name(name: str) -> None:
    model = body(ask("GET", f"/openai/v1/models/{name}"))
    assert (model["id"], model["owned_by"]) == ("openai/gpt-oss-20b", "openai")


def test_an_unknown_model_is_not_found() -> None:
    assert ask("GET", "/openai/v1/models/gpt-0").status == 404


def test_any_model_is_found_when_none_is_listed() -> None:
    routes = routes_of(api_keys=None, models=None)
    assert body(ask("GET", "/openai/v1/models/gpt-0", routes=routes))["id"] == "gpt-0"
    assert len(body(ask("GET", "/openai/v1/models", routes=routes))["data"]) == len(DEFAULT_MODELS)


async def test_a_line_of_a_batch_gets_an_error_event_as_a_response() -> None:
    failing = Reply(content="a", error_event={"message": "no", "status_code": 503})
    routes = Routes(None, None, lambda _request: failing, lambda: Names(1))
    answer = routes._answer_line("POST", CHAT.removeprefix("/openai"), PROMPT)
    assert answer == (503, {"error": {"message": "no"}})
