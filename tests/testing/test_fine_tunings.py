"""The fake keeps fine tunings."""

from typing import Any

import msgspec
import pytest

from trio_groq.testing import RecordedRequest, Reply, fine_tunings
from trio_groq.testing.endpoints import Table
from trio_groq.testing.fine_tunings import FineTunings
from trio_groq.testing.models import Models

PATH = "/v1/fine_tunings"
WANTED = {"base_model": "openai/gpt-oss-20b", "input_file_id": "file_1"}


class Server:
    """The endpoints over models of their own."""

    def __init__(self) -> None:
        self.models = Models(["openai/gpt-oss-20b", "whisper-large-v3"])
        self._table = Table(FineTunings(self.models).endpoints())

    def ask(self, method: str, path: str = PATH, json: object = None, at: float = 0.0) -> Reply:
        answers, names = self._table.find(path)
        request = RecordedRequest(method=method, path=path, json=json, connection=1, received_at=at)
        return answers[method](request, names)

    def body(self, method: str, path: str = PATH, json: object = None, at: float = 0.0) -> Any:
        reply = self.ask(method, path, json, at)
        assert reply.status == 200
        assert reply.body is not None
        return msgspec.json.decode(reply.body)


def error(reply: Reply) -> tuple[int, str | None, str | None]:
    assert reply.body is not None
    told = msgspec.json.decode(reply.body)["error"]
    return reply.status, told.get("code"), told.get("param")


def test_a_fine_tuning_is_kept_until_it_is_deleted() -> None:
    server = Server()
    assert server.body("GET") == {"object": "list", "data": []}
    made = server.body("POST", json=WANTED | {"name": "mine", "type": "full"}, at=12.7)
    record = made["data"]
    identity = record["id"]
    assert made == {"id": identity, "object": "object", "data": record}
    assert (record["name"], record["type"], record["created_at"]) == ("mine", "full", 1_760_000_012)
    assert {name: record[name] for name in WANTED} == WANTED
    assert server.body("GET", f"{PATH}/{identity}") == made
    other = server.body("POST", json=WANTED)
    assert server.body("GET")["data"] == [record, other["data"]]
    deleted = server.body("DELETE", f"{PATH}/{identity}")
    assert deleted == {"id": identity, "object": "fine_tuning", "deleted": True}
    assert server.body("GET")["data"] == [other["data"]]
    for method in ("GET", "DELETE"):
        assert error(server.ask(method, f"{PATH}/{identity}")) == (404, "not_found", None)


def test_it_has_a_model_as_long_as_it_is_kept() -> None:
    server = Server()
    record = server.body("POST", json=WANTED)["data"]
    assert record["fine_tuned_model"].startswith("openai/gpt-oss-20b/fine-tuning-1-")
    assert server.models.names == (
        "openai/gpt-oss-20b",
        "whisper-large-v3",
        record["fine_tuned_model"],
    )
    assert server.models.refusal(record["fine_tuned_model"], "chat completions") is None
    server.body("DELETE", f"{PATH}/{record['id']}")
    assert record["fine_tuned_model"] not in (server.models.names or ())


def test_equal_requests_make_different_ones_the_same_in_every_run() -> None:
    made = [[server.body("POST", json=WANTED) for _ in range(2)] for server in (Server(), Server())]
    assert made[0] == made[1]
    assert made[0][0]["id"] != made[0][1]["id"]
    assert made[0][0]["data"]["type"] == "lora"


@pytest.mark.parametrize(
    ("json", "expected"),
    [
        (None, (400, None, "base_model")),
        ({"base_model": "openai/gpt-oss-20b"}, (400, None, "input_file_id")),
        (WANTED | {"name": 5}, (400, None, "name")),
        (WANTED | {"base_model": 5}, (400, None, "base_model")),
        (WANTED | {"base_model": "none"}, (404, "model_not_found", None)),
        (WANTED | {"base_model": "whisper-large-v3"}, (400, None, "base_model")),
    ],
)
def test_what_is_refused(json: object, expected: tuple[int, str | None, str | None]) -> None:
    server = Server()
    assert error(server.ask("POST", json=json)) == expected
    assert server.body("GET")["data"] == []


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fine_tunings, "_MAX_KEPT", 1)
    server = Server()
    kept = server.body("POST", json=WANTED)
    assert error(server.ask("POST", json=WANTED))[0] == 400
    server.body("DELETE", f"{PATH}/{kept['id']}")
    server.body("POST", json=WANTED)
