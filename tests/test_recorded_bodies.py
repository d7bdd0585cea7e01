"""Every recorded completion and every recorded error, over a real socket, in every framing.

The clock stands still, as in `test_recorded_streams.py`.
"""

import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import msgspec
import pytest
from trio.testing import MockClock

from shared_data import DATA, json_lines, needs_shared_data
from trio_groq import GroqClient, errors
from trio_groq._api.rate_limits import parse_duration
from trio_groq.testing import FakeGroq, Reply
from trio_groq.types.chat import ChatCompletion

pytestmark = needs_shared_data

FRAMING = {"content-length", "transfer-encoding", "content-encoding", "connection"}
"""Recorded fields that no longer hold: the recorder has undone them."""

NOT_DOCUMENTED = {".usage.pydantic_ai_gateway"}
"""Members of recorded completions that the API does not have: a gateway on the way added them."""


def chunked(data: bytes, size: int = 700) -> bytes:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%X\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def with_its_length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def in_chunks(body: bytes) -> bytes:
    return b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body)


def compressed_in_chunks(body: bytes) -> bytes:
    return b"Content-Encoding: gzip\r\n" + in_chunks(gzip.compress(body))


def compressed_with_its_length(body: bytes) -> bytes:
    return b"Content-Encoding: gzip\r\n" + with_its_length(gzip.compress(body))


Frame = Callable[[bytes], bytes]
FRAMES: list[Frame] = [
    with_its_length,
    in_chunks,
    compressed_in_chunks,
    compressed_with_its_length,
]
by_name = pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.__name__)


def response(status: int, headers: list[list[str]], body: bytes, frame: Frame) -> Reply:
    """A recorded response in a framing of ours; fields of the recording but for the framing."""
    kept = [(name, value) for name, value in headers if name.lower() not in FRAMING]
    lines = [f"HTTP/1.1 {status} \r\n", *(f"{name}: {value}\r\n" for name, value in kept)]
    return Reply.raw("".join(lines).encode("latin-1") + frame(body))


def exchanges() -> list[dict[str, Any]]:
    """Recorded chat completions that succeeded, each with its body, bytes as recorded."""
    found = []
    for row in json_lines("groq/exchanges.jsonl"):
        if row["kind"] != "json" or row["status"] != 200:
            continue
        body = (DATA / "groq" / row["body_file"]).read_bytes()
        value = json.loads(body)
        if isinstance(value, dict) and value.get("object") == "chat.completion":
            found.append(row | {"body": body})
    return found


def lost(raw: Any, decoded: Any, path: str = "") -> Iterator[str]:
    """Where `decoded` does not say what `raw`, the same document as plain JSON, says."""
    if isinstance(raw, dict) and isinstance(decoded, msgspec.Struct):
        for name, value in raw.items():
            where = f"{path}.{name}"
            if hasattr(decoded, name):
                yield from lost(value, getattr(decoded, name), where)
            elif where.replace("[]", "") not in NOT_DOCUMENTED:
                yield f"{where}: no field"
    elif isinstance(raw, list) and isinstance(decoded, list):
        if len(raw) != len(decoded):
            yield f"{path}: {len(raw)} items, got {len(decoded)}"
        for item, other in zip(raw, decoded, strict=False):
            yield from lost(item, other, f"{path}[]")
    elif raw != decoded and raw is not None:
        yield f"{path}: {raw!r}, got {decoded!r}"


async def ask(client: GroqClient) -> ChatCompletion:
    return await client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "Hello"}]
    )


def test_recordings_are_there() -> None:
    assert len(exchanges()) >= 592
    assert len(recorded_errors()) >= 48


@pytest.fixture
def still_clock() -> Iterator[MockClock]:
    """A clock that only goes on when nothing has happened for 20 real seconds, which is a bug."""
    clock = MockClock(autojump_threshold=20.0)
    yield clock
    assert clock.current_time() == 0.0, "expected something to happen, got 20 s of nothing"


@by_name
async def test_completions(still_clock: MockClock, frame: Frame) -> None:
    wrong: dict[str, object] = {}
    async with (
        FakeGroq() as server,
        GroqClient("gsk_test", base_url=server.url, max_retries=0) as client,
    ):
        for row in exchanges():
            server.enqueue(response(200, row["response_headers"], row["body"], frame))
            try:
                completion = await ask(client)
            except errors.GroqError as error:
                wrong[row["id"]] = error
                continue
            if differences := list(lost(json.loads(row["body"]), completion)):
                wrong[row["id"]] = differences
            meta = completion.meta
            assert meta is not None
            assert meta.request_id == recorded(row, "x-request-id")
            limit = recorded(row, "x-ratelimit-limit-tokens")
            seen = meta.rate_limits and meta.rate_limits.tokens.limit
            assert seen == (int(limit) if limit and limit.isdigit() else None)
        assert server.connections_opened == 1
        assert client.pool.statistics().reused == server.requests_served - 1
    assert wrong == {}


def recorded(row: dict[str, Any], name: str) -> str | None:
    values = [value for field, value in row["response_headers"] if field.lower() == name]
    return values[0] if values else None


async def test_compressed_bodies_as_they_were_recorded(still_clock: MockClock) -> None:
    rows = [row for row in exchanges() if row.get("raw_encoded_file")]
    assert len(rows) >= 28
    async with (
        FakeGroq() as server,
        GroqClient("gsk_test", base_url=server.url, max_retries=0) as client,
    ):
        for row in rows:
            raw = (DATA / "groq" / row["raw_encoded_file"]).read_bytes()
            head = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
            )
            for framed in (with_its_length(raw), in_chunks(raw)):
                server.enqueue(Reply.raw(head + framed))
                assert list(lost(json.loads(row["body"]), await ask(client))) == []
        assert server.connections_opened == 1


def recorded_errors() -> list[dict[str, Any]]:
    paths = sorted((DATA / "groq" / "errors").glob("*.json"))
    rows = [json.loads(path.read_text(encoding="utf-8")) | {"name": path.stem} for path in paths]
    issues = json_lines("groq/errors_from_issues.jsonl")
    for number, row in enumerate(issues):
        headers = [["content-type", row["content_type"]], *map(list, row["headers"].items())]
        rows.append(row | {"name": f"issue {number}", "headers": headers, "body_raw": None})
    return [row for row in rows if row["status"] >= 400]


CLASSES: dict[int, type[errors.APIStatusError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    413: errors.RequestTooLargeError,
    429: errors.RateLimitError,
    498: errors.CapacityExceededError,
    502: errors.InternalServerError,
    503: errors.InternalServerError,
}
CLASSES_BY_CODE: dict[str | None, type[errors.APIStatusError]] = {
    "tool_use_failed": errors.ToolUseFailedError,
    "model_not_found": errors.ModelNotFoundError,
}


@attrs.frozen
class Stated:
    """What an error must show."""

    kind: type[errors.APIStatusError]
    status: int
    code: str | None
    type: str | None
    param: str | None
    failed_generation: str | None
    retry_after: float | None
    request_id: str | None


def stated(row: dict[str, Any]) -> Stated:
    headers = {name.lower(): value for name, value in row["headers"]}
    error = row["body"]["error"] if isinstance(row["body"], dict) else {}
    message = error.get("message", "")
    wait: float | None = None
    if "retry-after" in headers:
        wait = float(headers["retry-after"])
    elif "try again in " in message:
        wait = parse_duration(message.partition("try again in ")[2].split()[0].rstrip("."))
        assert wait is not None
    kind = CLASSES_BY_CODE.get(error.get("code"), CLASSES[row["status"]])
    if message == "Please reduce the length of the messages or completion.":
        kind = errors.ContextLengthExceededError
    return Stated(
        kind,
        row["status"],
        error.get("code"),
        error.get("type"),
        error.get("param"),
        error.get("failed_generation"),
        wait,
        headers.get("x-request-id"),
    )


def seen(error: errors.APIStatusError) -> Stated:
    return Stated(
        type(error),
        error.status_code,
        error.code,
        error.type,
        error.param,
        error.failed_generation,
        error.retry_after,
        error.request_id,
    )


def raw_body(row: dict[str, Any]) -> bytes:
    body = row["body_raw"] if row["body"] is None else row["body"]
    return (body if isinstance(body, str) else json.dumps(body)).encode()


@by_name
@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
async def test_errors(still_clock: MockClock, frame: Frame, streamed: bool) -> None:
    async with (
        FakeGroq() as server,
        GroqClient("gsk_test", base_url=server.url, max_retries=0) as client,
    ):
        for number, row in enumerate(recorded_errors()):
            server.enqueue(response(row["status"], row["headers"], raw_body(row), frame))
            # Another account each time: no refusal of one holds the next one back.
            account = client.with_options(api_key=f"gsk_{number}")
            with pytest.raises(errors.APIStatusError) as raised:
                await account.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "Hello"}], stream=streamed
                )
            error = raised.value
            assert seen(error) == stated(row), row["name"]
            assert error.body == (row["body"] or None)
            assert error.attempts == 1
            assert error.request is not None
            assert error.request.url == f"{server.url}/openai/v1/chat/completions"
        assert server.connections_opened == 1
        assert client.pool.statistics().leased == 0
