"""The recorded exchanges: what was asked, with what it was answered, and what is known of both."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlsplit

import attrs

from shared_data import DATA, json_lines
from trio_groq.testing import Reply

__all__ = ["Endpoint", "Exchange", "exchanges"]

Endpoint: TypeAlias = Literal["chat", "models", "transcriptions"]

PATHS: Final[Mapping[str, Endpoint]] = {"/chat/completions": "chat", "/models": "models"}

UNDONE: Final = {"content-length", "transfer-encoding", "content-encoding", "connection"}
"""Recorded header fields that no longer hold: the recorder has undone them."""


@attrs.frozen
class Exchange:
    """One recorded exchange.

    Attributes:
        row: The record.
        body: Content of the response.
    """

    row: Mapping[str, Any] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)

    @property
    def id(self) -> str:
        """Name of the record."""
        return str(self.row["id"])

    @property
    def kind(self) -> str:
        """`json`, `sse`, `text` or `error`."""
        return str(self.row["kind"])

    @property
    def status(self) -> int | None:
        """HTTP status; None where no HTTP was recorded, but what a library made of it."""
        status: int | None = self.row["status"]
        return status

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier record has the same body."""
        return bool(self.row["dup_body"])

    @property
    def params(self) -> dict[str, Any] | None:
        """The body of the request, None where it was not recorded or there was none."""
        params = (self.row["request"] or {}).get("json")
        if isinstance(params, str):  # some recorders keep the text
            params = json.loads(params) if params else None
        return None if params is None else dict(params)

    @property
    def path(self) -> str | None:
        """Path of the request, None where it was not recorded."""
        url = (self.row["request"] or {}).get("url")
        return urlsplit(url).path if url else None

    @property
    def endpoint(self) -> Endpoint:
        """What was asked; where that was not recorded, what the answer answers."""
        if self.path is not None:
            return next(name for end, name in PATHS.items() if self.path.endswith(end))
        is_chat = self.kind == "sse" or b'"choices"' in self.body
        return "chat" if is_chat else "transcriptions"

    def reply(self) -> Reply:
        """The recorded response, sent with its length."""
        lines = [f"HTTP/1.1 {self.status} \r\n"]
        for name, value in self.row["response_headers"] or ():
            if name.lower() not in UNDONE:
                lines.append(f"{name}: {value}\r\n")
        head = "".join(lines).encode("latin-1")
        return Reply.raw(head + b"Content-Length: %d\r\n\r\n" % len(self.body) + self.body)

    def events(self) -> Iterator[str]:
        """The data of each event of a recorded stream, which has a line for each."""
        for block in self.body.decode().replace("\r\n", "\n").split("\n\n"):
            _, is_there, data = f"\n{block}".partition("\ndata: ")
            if is_there:
                yield data


def _body(row: Mapping[str, Any]) -> bytes:
    content: bytes = (DATA / "groq" / row["body_file"]).read_bytes()
    if row["kind"] != "error":
        return content
    stored = json.loads(content)  # errors are kept with status and headers beside the body
    body = stored["body_raw"] if stored["body"] is None else stored["body"]
    return (body if isinstance(body, str) else json.dumps(body)).encode()


@cache
def exchanges() -> tuple[Exchange, ...]:
    """Every record; none when the data is absent."""
    return tuple(Exchange(row, _body(row)) for row in json_lines("groq/exchanges.jsonl"))
