"""Every recorded stream, over a real socket and in many splits, gives what the oracle says.

The clock stands still while anything happens: no time limit of the client ends a wait, and a slow
machine changes nothing. Each piece is sent when all tasks wait, so that the client reads it alone.
"""

import gzip
import hashlib
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from byte_pieces import cut, one_by_one
from shared_data import DATA, json_lines, needs_shared_data, unbase64
from trio_groq import APIStatusError, GroqClient, PoolLimits, StreamError, ToolUseFailedError
from trio_groq.testing import FakeGroq, Fault, RecordedRequest, Reply
from trio_groq.types.chat import ChatCompletion
from trio_groq.types.chunks import ChatCompletionChunk

pytestmark = needs_shared_data

SMALL = 1500
"""Bytes up to which a stream is also sent byte by byte."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nx-request-id: req_http\r\n"


@attrs.frozen
class Recording:
    """One recorded stream, and what must come out of it."""

    name: str
    body: bytes = attrs.field(repr=False)
    oracle: dict[str, Any] = attrs.field(repr=False)

    @property
    def ends_well(self) -> bool:
        """Whether it has `[DONE]`, or at least a finish reason."""
        return bool(self.oracle["done"] or self.oracle["finish_reason"])


def recordings() -> list[Recording]:
    rows = json_lines("groq/sse_oracle.jsonl")
    return [Recording(row["file"], (DATA / "groq" / row["file"]).read_bytes(), row) for row in rows]


@attrs.frozen
class Sent:
    """How a stream is sent: head and body in these pieces."""

    pieces: Sequence[bytes] = attrs.field(repr=False)
    until_close: bool = False

    def reply(self) -> Reply:
        """What the server sends."""
        fault = Fault.split([len(piece) for piece in self.pieces if piece])
        return Reply.raw(b"".join(self.pieces), close=self.until_close, fault=fault)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunked(pieces: Iterable[bytes], *, head: bytes = HEAD) -> bytes:
    body = b"".join(chunk(piece) for piece in pieces if piece)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


def points(dice: random.Random, data: bytes, count: int) -> list[bytes]:
    return cut(data, [dice.randrange(len(data)) for _ in range(count)] if data else [])


def in_random_chunks(recording: Recording, dice: random.Random) -> Sent:
    """Chunks of the chunked coding and packets, cut independently of each other."""
    wire = chunked(points(dice, recording.body, dice.randrange(1, 60)))
    return Sent(points(dice, wire, dice.randrange(1, 40)))


def in_small_packets_near_the_end(recording: Recording, dice: random.Random) -> Sent:
    """Where a stream ends, everything that matters is within a few bytes."""
    wire = chunked(points(dice, recording.body, 5))
    return Sent([wire[:-40], *one_by_one(wire[-40:])])


def with_its_length(recording: Recording, dice: random.Random) -> Sent:
    wire = HEAD + b"Content-Length: %d\r\n\r\n" % len(recording.body) + recording.body
    return Sent(points(dice, wire, dice.randrange(1, 40)))


def until_close(recording: Recording, dice: random.Random) -> Sent:
    wire = HEAD + b"Connection: close\r\n\r\n" + recording.body
    return Sent(points(dice, wire, dice.randrange(1, 40)), until_close=True)


def compressed(recording: Recording, dice: random.Random) -> Sent:
    head = HEAD + b"Content-Encoding: gzip\r\n"
    wire = chunked(points(dice, gzip.compress(recording.body, 6), 3), head=head)
    return Sent(points(dice, wire, dice.randrange(1, 20)))


def byte_by_byte(recording: Recording, _dice: random.Random) -> Sent:
    return Sent(one_by_one(chunked([recording.body])))


def as_recorded(recording: Recording, _dice: random.Random) -> Sent:
    """Each read of the recorder is a chunk and a packet, and the terminator one of its own."""
    path = (DATA / "groq" / "sse_netchunks" / recording.name.removeprefix("sse/")).with_suffix("")
    reads = json_lines(str(path.relative_to(DATA)) + ".jsonl")
    parts = [unbase64(read["b64"]) for read in reads]
    assert b"".join(parts) == recording.body
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    return Sent([head, *(chunk(part) for part in parts if part), b"0\r\n\r\n"])


def digest(text: str | None) -> tuple[str, int]:
    return hashlib.sha256((text or "").encode()).hexdigest(), len(text or "")


def expected(recording: Recording) -> dict[str, Any]:
    row = recording.oracle
    return {
        "n_chunks": row["n_chunks"],
        "n_empty_choices": row["n_empty_choices"],
        "executed_tools": row["executed_tools"],
        "chunk_ids": row["chunk_ids"],
        "models": set(row["models"]),
        "fingerprints": set(row["fingerprints"]),
        "x_groq_ids": set(row["x_groq_ids"]),
        "content": (row["content_sha256"], row["content_len"]),
        "reasoning": (row["reasoning_sha256"], row["reasoning_len"]),
        "tool_calls": {
            where: {name: call[name] for name in ("id", "name", "arguments")}
            for where, call in row["tool_calls"].items()
        },
        "finish_reason": row["finish_reason"],
        "usage": row["usage"] or row["x_groq_usage"],
        "service_tier": row["service_tier"],
        "error": row["error"] or (None if recording.ends_well else "cut off"),
    }


def fields(stated: dict[str, Any] | None, decoded: object) -> dict[str, Any] | None:
    """The stated fields as they were decoded; one that was dropped is an error."""
    if stated is None or decoded is None:
        return None if decoded is None else {"unexpected": decoded}
    plain = {name: getattr(decoded, name) for name in stated}
    return {
        name: fields(stated[name], value) if isinstance(stated[name], dict) else value
        for name, value in plain.items()
    }


def found(
    recording: Recording,
    chunks: Sequence[ChatCompletionChunk],
    completion: ChatCompletion,
    failure: APIStatusError | StreamError | None,
) -> dict[str, Any]:
    """What came out, in the oracle's terms."""
    row = recording.oracle
    choice = completion.choices[0] if completion.choices else None
    message = choice.message if choice else None
    stated = row["usage"] or row["x_groq_usage"]
    return {
        "n_chunks": len(chunks),
        "n_empty_choices": sum(not c.choices for c in chunks),
        "executed_tools": sum(len(p.delta.executed_tools or ()) for c in chunks for p in c.choices),
        "chunk_ids": len({c.id for c in chunks}),
        "models": {c.model for c in chunks},
        "fingerprints": {c.system_fingerprint for c in chunks},
        "x_groq_ids": {c.x_groq.id for c in chunks if c.x_groq is not None and c.x_groq.id},
        "content": digest(message.content if message else None),
        "reasoning": digest(message.reasoning if message else None),
        "tool_calls": {
            f"{c.index}/{index}": {
                "id": call.id,
                "name": call.function.name,
                "arguments": call.function.arguments,
            }
            for c in completion.choices
            for index, call in enumerate(c.message.tool_calls or ())
        },
        "finish_reason": choice and choice.finish_reason,
        "usage": fields(stated, completion.usage),
        "service_tier": completion.service_tier,
        "error": stated_by(failure),
    }


def stated_by(failure: APIStatusError | StreamError | None) -> object:
    if isinstance(failure, APIStatusError):
        assert isinstance(failure.body, dict)
        stated = failure.body["error"]
        assert stated["message"] in failure.message
        assert failure.status_code == stated["status_code"]
        assert failure.code == stated["code"]
        assert failure.type == stated["type"]
        assert failure.failed_generation == stated["failed_generation"]
        assert isinstance(failure, ToolUseFailedError) is (failure.code == "tool_use_failed")
        assert failure.request_id == "req_http"
        return stated
    return failure and "cut off"


async def take(client: GroqClient, recording: Recording) -> dict[str, Any]:
    """Ask for a stream and read it to its end, however it ends."""
    chunks: list[ChatCompletionChunk] = []
    failure: APIStatusError | StreamError | None = None
    async with client.chat.completions.stream(
        model="m", messages=[{"role": "user", "content": recording.name}]
    ) as stream:
        try:
            async for piece in stream:
                chunks.append(piece)  # noqa: PERF401 (those before an error count, too)
        except (APIStatusError, StreamError) as error:
            failure = error
        assert failure is None or failure.partial == stream.completion
        return found(recording, chunks, stream.completion, failure)


def differences(recording: Recording, got: dict[str, Any]) -> dict[str, Any]:
    wanted = expected(recording)
    return {name: (wanted[name], got[name]) for name in wanted if wanted[name] != got[name]}


async def replay(
    server: FakeGroq, client: GroqClient, recording: Recording, sent: Sent, connections: int
) -> dict[str, Any]:
    """One stream over the one connection; `connections` is how many there were before."""
    server.enqueue(sent.reply())
    wrong = differences(recording, await take(client, recording))
    if server.connections_opened > max(1, connections):
        wrong["connections"] = (connections, server.connections_opened)
    pool = client.pool.statistics()
    if (pool.leased, pool.dialling, pool.waiting) != (0, 0, 0):
        wrong["pool"] = pool
    if recording.ends_well and pool.idle != (not sent.until_close):
        wrong["idle"] = pool
    return wrong


async def replay_all(
    chosen: Iterable[Recording], send: Callable[[Recording, random.Random], Sent]
) -> None:
    """All of these over one client; every difference is reported, each by its stream's name."""
    dice = random.Random(send.__name__)  # noqa: S311 (no secret: the same splits in each run)
    wrong: dict[str, Any] = {}
    async with (
        FakeGroq(models=None) as server,
        GroqClient("gsk_test", base_url=server.url, max_retries=0) as client,
    ):
        for recording in chosen:
            connections = server.connections_opened + (client.pool.statistics().idle == 0)
            sent = send(recording, dice)
            if bad := await replay(server, client, recording, sent, connections):
                wrong[recording.name] = bad
    assert wrong == {}


@pytest.fixture
def still_clock() -> Iterator[MockClock]:
    """A clock that only goes on when nothing has happened for 20 real seconds, which is a bug."""
    clock = MockClock(autojump_threshold=20.0)
    yield clock
    assert clock.current_time() == 0.0, "expected something to happen, got 20 s of nothing"


def test_recordings_are_there() -> None:
    every = recordings()
    assert len(every) >= 139
    assert sum(bool(recording.oracle["error"]) for recording in every) >= 7
    assert len(netchunked()) >= 55


@pytest.mark.parametrize(
    "send",
    [in_random_chunks, in_small_packets_near_the_end, with_its_length, until_close, compressed],
    ids=lambda send: send.__name__,
)
async def test_any_split_and_any_framing(
    still_clock: MockClock, send: Callable[[Recording, random.Random], Sent]
) -> None:
    await replay_all(recordings(), send)


async def test_small_ones_byte_by_byte(still_clock: MockClock) -> None:
    small = [recording for recording in recordings() if len(recording.body) < SMALL]
    assert len(small) >= 10
    await replay_all(small, byte_by_byte)


def netchunked() -> list[Recording]:
    folder = DATA / "groq" / "sse_netchunks"
    names = {f"sse/{path.stem}.sse" for path in folder.glob("*.jsonl")}
    return [recording for recording in recordings() if recording.name in names]


async def test_with_the_boundaries_of_the_recorded_reads(
    still_clock: MockClock,
) -> None:
    await replay_all(netchunked(), as_recorded)


async def test_all_at_once_over_few_connections(still_clock: MockClock) -> None:
    """Every stream gets its own: the server finds the recording by the prompt."""
    every = {recording.name: recording for recording in recordings()}
    wrong: dict[str, Any] = {}

    def reply(request: RecordedRequest) -> Reply:
        body = every[request.params["messages"][0]["content"]].body
        return Reply.raw(chunked([body[at : at + 9000] for at in range(0, len(body), 9000)]))

    async with (
        FakeGroq(models=None, default_reply=reply) as server,
        GroqClient(
            "gsk_test",
            base_url=server.url,
            max_retries=0,
            limits=PoolLimits(max_connections=10),
        ) as client,
    ):

        async def run(recording: Recording) -> None:
            if bad := differences(recording, await take(client, recording)):
                wrong[recording.name] = bad

        async with trio.open_nursery() as nursery:
            for recording in every.values():
                nursery.start_soon(run, recording)
        pool = client.pool.statistics()
        assert (pool.leased, pool.waiting, pool.dialling) == (0, 0, 0)
        # An error ends a stream before its body: only such a connection may be closed.
        failed = sum(not recording.ends_well for recording in every.values())
        assert 10 <= server.connections_opened <= 10 + failed
        assert pool.closed <= failed
    assert wrong == {}


def test_the_oracle_s_usage_is_what_the_streams_say() -> None:
    """The oracle's two places for usage agree wherever a stream has both."""
    for recording in recordings():
        row = recording.oracle
        if row["usage"] and row["x_groq_usage"]:
            assert json.dumps(row["usage"]) == json.dumps(row["x_groq_usage"])
