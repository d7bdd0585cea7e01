"""Files and batches of the fake by themselves, with a pace and answers of the test's own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from calling import calling
from trio_groq.resources.batches import Batches as BatchesResource
from trio_groq.resources.files import Files as FilesResource
from trio_groq.testing import FakeGroq, Reply
from trio_groq.testing.batches import Batches
from trio_groq.testing.endpoints import Table
from trio_groq.testing.files import Files
from trio_groq.testing.records import RecordedRequest

PREFIX = "/elsewhere"
"""Path of the base URL: the fake knows nothing there but what the test gives it."""

CHAT = "/v1/chat/completions"


def chat_line(custom_id: str, text: str = "Hello", **more: Any) -> bytes:
    body = {"model": "llama-3.1-8b-instant", "messages": [{"role": "user", "content": text}]}
    line = {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body, **more}
    return msgspec.json.encode(line) + b"\n"


def chat_lines(count: int) -> bytes:
    return b"".join(chat_line(f"r{number}", str(number)) for number in range(1, count + 1))


def answer_line(method: str, url: str, body: Mapping[str, Any]) -> tuple[int, object]:
    """The text back in a completion; an error for the text `fail`."""
    text = body["messages"][0]["content"]
    if text == "fail":
        return 400, {"error": {"message": "no", "type": "invalid_request_error", "code": "bad"}}
    message = {"role": "assistant", "content": f"{method} {url} {text}"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return 200, {"id": "chatcmpl-1", "model": body["model"], "choices": [choice]}


class BatchAPI:
    """The two resources of the fake, as what it answers where it knows nothing."""

    def __init__(self, *, files: Files | None = None, **options: Any) -> None:
        self.files = files or Files()
        self.answered: list[str] = []
        self.batches = Batches(self.files, self._answer_line, **options)
        self._table = Table([*self.files.endpoints(), *self.batches.endpoints()])

    def _answer_line(self, method: str, url: str, body: Mapping[str, Any]) -> tuple[int, object]:
        self.answered.append(body["messages"][0]["content"])
        return answer_line(method, url, body)

    def reply(self, request: RecordedRequest) -> Reply:
        methods, names = self._table.find(request.path.removeprefix(PREFIX))
        return methods[request.method](request, names)

    def ask(
        self, method: str, path: str, at: float = 0.0, json: object = None, **more: Any
    ) -> Reply:
        """The reply to a request that came at a moment, without any socket."""
        request = RecordedRequest(
            method=method,
            path=f"/openai/v1/{path}",
            json=json,
            connection=1,
            received_at=at,
            **more,
        )
        return self.reply(request)

    def asked(
        self, method: str, path: str, at: float = 0.0, json: object = None, **more: Any
    ) -> Any:
        """The same, decoded, with the status under `status_code` if it is an error."""
        reply = self.ask(method, path, at, json, **more)
        assert reply.body is not None
        decoded = msgspec.json.decode(reply.body)
        if reply.status >= 300:
            decoded["status_code"] = reply.status
        return decoded


@contextmanager
def resources(server: FakeGroq, **options: Any) -> Iterator[tuple[FilesResource, BatchesResource]]:
    """The client's two resources, pointed at what `BatchAPI` answers."""
    with calling(f"{server.url}{PREFIX}", **options) as caller:
        yield FilesResource(caller), BatchesResource(caller)
