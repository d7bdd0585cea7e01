"""The key is shown by nothing that this package makes: reprs, errors, tracebacks, logs, pickles."""

import copy
import functools
import html
import json
import pickle
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import h11
import pytest
import trio

import trio_groq
from trio_groq import (
    BatchResponseLine,
    ChatStream,
    ClientConfig,
    GroqClient,
    RetryPolicy,
    Timeouts,
    read_batch_lines,
)
from trio_groq.config import CircuitBreakerPolicy, PoolLimits
from trio_groq.errors import GroqError, InvalidRequestError
from trio_groq.observe import LoggingObserver
from trio_groq.testing import FakeGroq, Fault, Reply

KEY = "gsk_0123456789abcdefghijklmnopqrstuvWXYZ"
OTHER = "gsk_zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQ"
GATEWAY = "gw-SECRETabc/def~ghi_jkl=mno.pqr&stu"
"""A key as gateways have them: of no form that could be known."""
ASK: dict[str, Any] = {
    "model": "llama-3.1-8b-instant",
    "messages": [{"role": "user", "content": "Hello"}],
}


OURS = str(Path(trio_groq.__file__).parent)


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The error, its cause or context, and theirs; members of groups, too."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        pending += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            pending += each.exceptions


def locals_of(error: BaseException) -> str:
    """The local variables of our own frames in its traceback, as crash reporters send them."""
    stack = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), capture_locals=True
    )
    return "".join(repr(frame.locals) for frame in stack if frame.filename.startswith(OURS))


def told(error: BaseException, *, variables: bool = True) -> str:
    """All that an error, and what led to it, tells to whoever prints, logs or inspects it.

    Args:
        error: Which.
        variables: Whether our frames' variables are looked at, too. Where the key is an argument
            in plain text, they have it.
    """
    text = "".join(traceback.format_exception(error))
    for seen in chain_of(error):
        text += f"{seen!s}{seen!r}{seen.args!r}{vars(seen)!r}{getattr(seen, '__notes__', '')!r}"
        text += locals_of(seen) if variables else ""
        if isinstance(seen, GroqError):
            text += pickle.dumps(seen).decode("latin-1")
            again = pickle.loads(pickle.dumps(seen))  # noqa: S301 (made the line before)
            text += f"{again!r}{vars(again)!r}"
    return text


def hidden(text: str) -> bool:
    return not any(key[4:-4] in text for key in (KEY, OTHER, GATEWAY))


async def read(stream: ChatStream) -> None:
    async with stream:
        await stream.until_done()


async def use(client: GroqClient, where: str, headers: dict[str, str]) -> None:
    """Bring header fields in by one of the ways that there are."""
    if where == "call":
        await client.request("GET", "models", extra_headers=headers)
    elif where == "view":
        client.with_options(default_headers=headers)
    else:
        GroqClient(KEY, default_headers=headers)


OK = Reply.json({})
BEGUN = Reply(tokens=["One", " two"], fault=Fault.truncate(400))
FAILED = {"message": f"refused {KEY}", "code": "tool_use_failed", "status_code": 400}
ECHO = {"message": f"Invalid API Key: {KEY}", "code": "invalid_api_key"}
REPEATED = Reply.json({"error": ECHO}, status=401)
REPLIES = [
    pytest.param(REPEATED, id="the-key-itself"),
    pytest.param(
        Reply.error(404, "The model `x` does not exist", code="model_not_found"), id="404"
    ),
    pytest.param(Reply.error(413, "too large", code="rate_limit_exceeded"), id="413"),
    pytest.param(Reply.error(429, "wait", retry_after=600), id="429"),
    pytest.param(
        Reply(status=307, headers=[("location", "https://other.test/x")], body=b""), id="redirect"
    ),
    pytest.param(attrs.evolve(OK, fault=Fault.stall(40)), id="timeout"),
    pytest.param(Reply.error(401, "Invalid API Key", code="invalid_api_key"), id="401"),
    pytest.param(Reply.error(500, "failed"), id="500"),
    pytest.param(Reply(body=b"<html>", content_type="text/html", status=502), id="502"),
    pytest.param(attrs.evolve(OK, fault=Fault.truncate(0)), id="closed"),
    pytest.param(attrs.evolve(OK, fault=Fault.reset(30)), id="reset"),
    pytest.param(attrs.evolve(OK, fault=Fault.garbage(0)), id="garbage"),
    pytest.param(Reply(body=b"no JSON", content_type="application/json"), id="no-json"),
]


@pytest.mark.parametrize("reply", REPLIES)
async def test_errors_of_calls(
    fake_groq: FakeGroq, reply: Reply, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1)
    caplog.set_level(1, "trio_groq")
    fake_groq.enqueue(reply, reply)
    limits = Timeouts(read=5.0)
    async with GroqClient(KEY, base_url=fake_groq.url, max_retries=0, timeout=limits) as client:
        with pytest.raises(GroqError) as caught:
            await client.request("GET", "models")
        # What the server says is in the frame that reads it, before it is made an error of.
        assert hidden(told(caught.value, variables=reply is not REPEATED))
        stream = client.chat.completions.stream(**ASK)
        with pytest.raises(GroqError) as caught:
            await read(stream)
        assert hidden(told(caught.value, variables=reply is not REPEATED))
        assert hidden(repr(stream))
    assert fake_groq.requests[0].header("authorization") == f"Bearer {KEY}"
    assert hidden(caplog.text)
    assert hidden("".join(repr(vars(record)) for record in caplog.records))


TOLD = Reply(tokens=["One"], error_event=FAILED, error_after=1)
STREAMS = [
    pytest.param(BEGUN, id="cut-off"),
    pytest.param(TOLD, id="error-event"),
    pytest.param(Reply(tokens=["One", " two"], fault=Fault.stall(400)), id="stall"),
]


@pytest.mark.parametrize("reply", STREAMS)
async def test_errors_of_streams(fake_groq: FakeGroq, reply: Reply, autojump_clock: Any) -> None:
    fake_groq.enqueue(reply)
    async with GroqClient(KEY, base_url=fake_groq.url, timeout=Timeouts(read=5.0)) as client:
        with pytest.raises(GroqError) as caught:
            await read(client.chat.completions.stream(**ASK))
    assert hidden(told(caught.value, variables=reply is not TOLD))


async def test_errors_before_anything_is_sent(fake_groq: FakeGroq) -> None:
    limits = PoolLimits(max_connections=1, max_waiters=0)
    policy = CircuitBreakerPolicy(failure_threshold=1)
    client = GroqClient(
        KEY,
        max_retries=0,
        config=ClientConfig(
            api_key=KEY, base_url=fake_groq.url, limits=limits, circuit_breaker=policy
        ),
    )
    async with client:
        with pytest.raises(GroqError) as caught:
            await client.chat.completions.create(**ASK, temperature=9)
        assert hidden(told(caught.value))
        async with client.chat.completions.stream(**ASK):
            with pytest.raises(GroqError) as caught:  # the one connection is in use
                await client.models.list()
            assert hidden(told(caught.value))
        fake_groq.enqueue(Reply.error(500, "down"))
        for _ in range(2):  # the circuit is open, the second time
            with pytest.raises(GroqError) as caught:
                await client.models.list()
            assert hidden(told(caught.value))
    with pytest.raises(GroqError) as caught:  # closed
        await client.models.list()
    assert hidden(told(caught.value))


async def test_errors_of_connections() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    for url in (f"http://127.0.0.1:{port}", "https://unreachable.invalid"):
        async with GroqClient(KEY, base_url=url, max_retries=0) as client:
            with pytest.raises(GroqError) as caught:
                await client.models.list()
        assert hidden(told(caught.value))


async def test_errors_of_keys_that_are_asked_for(fake_groq: FakeGroq) -> None:
    async with GroqClient(lambda: f"{KEY}\n", base_url=fake_groq.url) as client:
        with pytest.raises(GroqError) as caught:
            await client.models.list()
    assert hidden(told(caught.value, variables=False))


def test_what_the_greps_look_at() -> None:
    """They would find a key: in a cause's note, in a variable of ours, in a pickle."""
    outer, inner = GroqError("outer"), GroqError("inner")
    inner.add_note(KEY)
    outer.__cause__ = inner
    assert not hidden(told(outer))
    assert not hidden(told(ExceptionGroup("several", [outer])))
    kept = GroqError("kept")
    kept.extra = KEY  # type: ignore[attr-defined]  # what is tested
    assert not hidden(told(kept))


@pytest.mark.parametrize("end", ["\n", "\r\nEvil: 1", "\x00", "\x7f", "☃", "\ud800"])
@pytest.mark.parametrize("where", ["call", "view", "client"])
async def test_errors_of_headers(fake_groq: FakeGroq, end: str, where: str) -> None:
    wrong = {"Authorization": f"Bearer {OTHER}{end}"}
    async with GroqClient(KEY, base_url=fake_groq.url) as client:
        with pytest.raises(GroqError) as caught:
            await use(client, where, wrong)
    assert hidden(told(caught.value, variables=False))
    assert fake_groq.connections_opened == 0


@pytest.mark.parametrize("end", ["\n", " ", "\t", "é", "\x00", "\u200b"])
def test_errors_of_keys(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GroqError) as caught:
        GroqClient(KEY + end)
    assert hidden(told(caught.value, variables=False))
    if end != "\x00":  # which no environment can hold
        monkeypatch.setenv("GROQ_API_KEY", KEY + end)
        with pytest.raises(GroqError, match=r"^GROQ_API_KEY: ") as caught:
            GroqClient()
        assert hidden(told(caught.value, variables=False))


async def test_reprs(fake_groq: FakeGroq) -> None:
    async with GroqClient(KEY, base_url=fake_groq.url) as client:
        view = client.with_options(api_key=OTHER)
        completion = await view.chat.completions.create(**ASK)
        async with client.chat.completions.stream(**ASK) as stream:
            await stream.until_done()
        things: list[object] = [
            client,
            view,
            client.config,
            client.pool,
            client.pool.statistics(),
            client.chat,
            completion,
            completion.meta,
            stream,
            stream.response,
            vars(client),
            attrs.asdict(client.config),
            client._caller,
        ]
        for thing in things:
            assert hidden(f"{thing!r}{thing!s}")


def key_of(key: str) -> str:
    """What an `api_key` that is a function may be bound to."""
    return key


BOUND = functools.partial(key_of, GATEWAY)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"api_key": KEY}, id="text"),
        pytest.param({"api_key": lambda: KEY}, id="function"),
        pytest.param({"api_key": BOUND}, id="bound"),
        pytest.param({"default_headers": {"authorization": f"Bearer {KEY}"}}, id="header"),
        pytest.param({"default_query": {"api_key": GATEWAY}}, id="query"),
    ],
)
def test_a_configuration_with_a_key_is_not_pickled(fields: Any) -> None:
    config = ClientConfig(**fields)
    with pytest.raises(TypeError, match="never to be pickled"):
        pickle.dumps(config)
    assert copy.copy(config) == config
    assert hidden(repr(config))


def test_a_configuration_without_one_is_pickled() -> None:
    config = ClientConfig(default_headers={"x-team": "blue"}, default_query={"v": 1})
    assert pickle.loads(pickle.dumps(config)) == config  # noqa: S301 (made here)


# --- what the server repeats


def wire(head: str, body: str = "") -> Reply:
    return Reply.raw(f"HTTP/1.1 {head}\r\n\r\n{body}".encode("latin-1"), close=True)


def answered(status: int, body: str, kind: str = "application/json", *fields: str) -> Reply:
    lines = (str(status), f"content-type: {kind}", f"content-length: {len(body)}", *fields)
    return wire("\r\n".join(lines), body)


def echoes(key: str) -> dict[str, Reply]:
    """Answers with the key in every place where there is one."""
    error = {"message": f"Invalid API Key: {key}", "code": key, "type": key, "param": key}
    told = json.dumps({"error": {**error, "failed_generation": key}, "x_groq": {"id": key}})
    slashes = json.dumps({"error": f"bad {key}"}).replace("/", "\\/")
    escaped = "".join(f"\\u{ord(char):04x}" for char in key)
    page = f"<html><title>No {key} here</title>{key}</html>"
    fields = (f"www-authenticate: Bearer {key}", f"x-request-id: {key}", f"x-{key[:3]}: {key}")
    chunked = "200 OK\r\ntransfer-encoding: chunked"
    return {
        "json": answered(401, told),
        "json, key of an object": answered(400, json.dumps({"detail": {key: [{"k": key}]}})),
        "json, other slashes": answered(400, slashes),
        "json, escaped": answered(400, f'{{"error": "bad {escaped}"}}'),
        "json, cut": answered(400, json.dumps({"error": "x" * 180 + key})[:-2]),
        "page": answered(502, page, "text/html"),
        "page, escaped": answered(502, html.escape(page), "text/html"),
        "text": answered(500, f"{'x' * 185} {key}", "text/plain"),
        "header fields": answered(403, "{}", "application/json", *fields),
        "retried": answered(503, told, "application/json", *fields),
        "place elsewhere": wire(f"307 No\r\nlocation: https://{key.replace('/', '')}.test/{key}"),
        "place with a user": wire(f"307 No\r\nlocation: https://u:{key}@127.0.0.1/{key}"),
        "place that is none": wire(f"307 No\r\nlocation: foo://x/?k={key}"),
        "place with a port": wire(f"307 No\r\nlocation: https://h:{key}/{key}"),
        "head, bad line": wire(f"200 OK\r\nauthorization Bearer {key}"),
        "head, bad status": wire(f"2x0 Bearer {key}"),
        "head, bad value": wire(f"200 OK\r\nx-{key[:3]}: {key}\x01"),
        "head, coding": wire(f"200 OK\r\ncontent-length: 1\r\ncontent-encoding: {key}", "x"),
        "head, framing": wire(f"200 OK\r\ntransfer-encoding: {key}"),
        "head, length": wire(f"200 OK\r\ncontent-length: {key}"),
        "chunk's size": wire(chunked, f"{key}\r\n"),
        "chunk's extension": wire(chunked, f"5 {key}\r\n"),
        "chunk's end": wire(chunked, f"5\r\nhello{key}\r\n"),
        "trailer": wire(chunked, f"5\r\nhello\r\n0\r\n{key}\r\n\r\n"),
        "success, no json": answered(200, f"{{{key}", "application/json", *fields),
        "success, no utf-8": answered(200, f'{{"id": "{key}\xff"}}'),
        "success, other type": answered(200, json.dumps({"object": 5, "id": {key: key}})),
        "success, page": answered(200, page, "text/html", *fields),
    }


def stream_of(*events: str) -> Reply:
    return Reply(body="".join(events).encode("latin-1"), content_type="text/event-stream")


def stream_echoes(key: str) -> dict[str, Reply]:
    """Streams that do the same."""
    error = {"message": f"refused {key}", "code": "tool_use_failed", "failed_generation": key}
    return {
        "error event": stream_of(f"event: error\ndata: {json.dumps({'error': error})}\n\n"),
        "error event, text": stream_of(f"event: error\ndata: refused {key}\n\n"),
        "error in a chunk": stream_of(f"data: {json.dumps({'error': error})}\n\n"),
        "no json": stream_of(f"data: {key}\n\n"),
        "no json, cut": stream_of(f"data: {'x' * 180}{key}\n\n"),
        "no utf-8": stream_of(f'data: {{"id": "\xff{key}"}}\n\n'),
        "other type": stream_of(f"data: {json.dumps({'choices': {key: key}})}\n\n"),
    }


OBSERVERS: Any = (LoggingObserver(),)
PARTS = [GATEWAY[at : at + 14] for at in range(len(GATEWAY) - 14)]


def assert_hidden(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    # What the server says is in the frame that reads it, before it is made an error of.
    text = told(error, variables=False)
    text += caplog.text + "".join(repr(vars(record)) for record in caplog.records)
    assert hidden(text)
    assert not [part for part in PARTS if part in text]
    assert not any(isinstance(each, h11.ProtocolError) for each in chain_of(error))


@pytest.mark.parametrize("key", [GATEWAY, KEY, "gsk_abc-def_ghi-SECRET"])
@pytest.mark.parametrize("what", echoes(""))
async def test_what_is_repeated(
    fake_groq: FakeGroq, what: str, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1, "trio_groq")
    reply = echoes(key)[what]
    fake_groq.enqueue(*[reply] * 4)
    config = ClientConfig(
        api_key=key, base_url=fake_groq.url, observers=OBSERVERS, circuit_breaker=None
    )
    policy = RetryPolicy(max_retries=1, initial_delay=0.0)
    async with GroqClient(config=config, max_retries=policy) as client:
        with pytest.raises(GroqError) as caught:
            await client.chat.completions.create(**ASK)
        assert_hidden(caught.value, caplog)
        with pytest.raises(GroqError) as caught:
            await read(client.chat.completions.stream(**ASK))
        assert_hidden(caught.value, caplog)
        assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("what", stream_echoes(""))
async def test_what_streams_repeat(
    fake_groq: FakeGroq, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1, "trio_groq")
    fake_groq.enqueue(*[stream_echoes(GATEWAY)[what]] * 2)
    config = ClientConfig(
        api_key=GATEWAY,
        base_url=fake_groq.url,
        observers=OBSERVERS,
        circuit_breaker=None,
    )
    async with GroqClient(config=config, max_retries=0) as client:
        with pytest.raises(GroqError) as caught:
            await read(client.chat.completions.stream(**ASK))
        assert_hidden(caught.value, caplog)
        with pytest.raises(GroqError) as caught:
            async with client.responses.stream(model="m", input="Hello") as stream:
                await stream.until_done()
        assert_hidden(caught.value, caplog)


@pytest.mark.parametrize(
    ("fields", "query"),
    [
        ({"Authorization": f"Bearer {GATEWAY}"}, {}),
        ({"authorization": GATEWAY}, {}),
        ({"X-Api-Key": GATEWAY}, {}),
        ({"Authorization": "Basic " + b64encode(f"u:{GATEWAY}".encode()).decode()}, {}),
        ({}, {"api_key": GATEWAY}),
    ],
    ids=["bearer", "bare", "another field", "password", "query"],
)
@pytest.mark.parametrize("where", ["call", "client"])
async def test_what_is_repeated_of_header_fields(
    fake_groq: FakeGroq,
    fields: dict[str, str],
    query: dict[str, str],
    where: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fake_groq.enqueue(echoes(GATEWAY)["json"])
    default = {"default_headers": fields, "default_query": query} if where == "client" else {}
    extra = {"extra_headers": fields, "extra_query": query} if where == "call" else {}
    async with GroqClient(KEY, base_url=fake_groq.url, **default) as client:  # type: ignore[arg-type]  # of the two
        with pytest.raises(GroqError) as caught:
            await client.request("GET", "models", **extra)  # type: ignore[call-overload]  # as above
    assert_hidden(caught.value, caplog)


async def test_what_responses_that_are_read_by_the_caller_repeat(
    fake_groq: FakeGroq, caplog: pytest.LogCaptureFixture
) -> None:
    fake_groq.enqueue(echoes(GATEWAY)["success, no utf-8"])
    async with GroqClient(GATEWAY, base_url=fake_groq.url) as client:
        response = await client.chat.completions.with_raw_response.create(**ASK)
        with pytest.raises(GroqError) as caught:
            await response.json()
        assert_hidden(caught.value, caplog)
        with pytest.raises(GroqError) as caught:
            await response.parse()
    assert_hidden(caught.value, caplog)


def test_what_batches_repeat(caplog: pytest.LogCaptureFixture) -> None:
    line = f'{{"id": "{KEY}\xff"}}\n'.encode("latin-1")
    with pytest.raises(GroqError) as caught:
        list(read_batch_lines([line], BatchResponseLine))
    assert_hidden(caught.value, caplog)


@attrs.frozen
class TheirError(Exception):
    text: str


def fails_at_decoding() -> None:
    f"{GATEWAY}\xff".encode("latin-1").decode()


def fails_of_its_own() -> None:
    raise TheirError(GATEWAY)


def shown_of(error: BaseException) -> str:
    return f"{error!r} {vars(error)} {getattr(error, 'object', b'')!r}"


async def ask_while_handling(
    client: GroqClient, fail: Callable[[], None]
) -> tuple[Exception, str, GroqError]:
    """The error that was handled, what it showed before the call, and that of the call."""
    try:
        fail()
    except (TheirError, UnicodeDecodeError) as theirs:
        before = shown_of(theirs)
        try:
            await client.chat.completions.create(**ASK)
        except GroqError as ours:
            return theirs, before, ours
    raise AssertionError("call: expected it to fail, got a completion")


@pytest.mark.parametrize("what", ["success, no utf-8", "json", "chunk's size"])
@pytest.mark.parametrize("fail", [fails_at_decoding, fails_of_its_own])
async def test_what_the_caller_was_handling_stays_as_it_was(
    fake_groq: FakeGroq, fail: Callable[[], None], what: str
) -> None:
    fake_groq.enqueue(echoes(GATEWAY)[what])
    async with GroqClient(GATEWAY, base_url=fake_groq.url, max_retries=0) as client:
        theirs, before, ours = await ask_while_handling(client, fail)
    assert any(each is theirs for each in chain_of(ours))
    assert shown_of(theirs) == before
    assert "SECRET" in before
    assert "SECRET" not in str(ours)


class Keeping:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_event(self, event: object) -> None:
        self.events.append(event)


@pytest.mark.parametrize("key", [GATEWAY, KEY])
@pytest.mark.parametrize("own", ["req_1", "{}"])
async def test_what_successes_repeat_to_observers(
    fake_groq: FakeGroq, key: str, own: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(1, "trio_groq")
    fields = [("x-request-id", own.format(key)), ("x-sent", key), ("x-other", "1")]
    kept = Keeping()
    fake_groq.enqueue(Reply(headers=fields), Reply(headers=fields), Reply(headers=fields))
    config = ClientConfig(api_key=key, base_url=fake_groq.url, observers=(*OBSERVERS, kept))
    async with GroqClient(config=config) as client:
        completion = await client.chat.completions.create(**ASK)
        await read(client.chat.completions.stream(**ASK))
        await (await client.chat.completions.with_raw_response.create(**ASK)).read()
    heads = [each.headers for each in kept.events if type(each).__name__ == "ResponseHead"]
    metas = [each.meta for each in kept.events if type(each).__name__ == "CallFinished"]
    assert len(heads) == len(metas) == 3
    for headers in (*heads, *(meta.headers for meta in metas)):
        assert headers["x-sent"] in {"***", "gsk_***"}
        assert headers["x-other"] == "1"
    assert hidden(f"{metas} {[dict(headers) for headers in heads]} {caplog.text}")
    assert completion.meta.headers["x-sent"] == key  # which the caller sent


@pytest.mark.parametrize(
    ("observers", "searches"),
    [((), 0), ((Keeping(),), 1)],
)
async def test_a_success_is_searched_only_for_observers_who_are_told_of_it(
    fake_groq: FakeGroq,
    observers: Any,
    searches: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("WARNING", "trio_groq")
    done: list[object] = []
    monkeypatch.setattr("trio_groq._open_response.repeats", lambda *given: done.append(given))
    config = ClientConfig(api_key=KEY, base_url=fake_groq.url, observers=observers)
    async with GroqClient(config=config) as client:
        await client.chat.completions.create(**ASK)
    assert len(done) == searches


# --- keys in wrong places


MISPLACED: dict[str, Callable[[str], object]] = {
    "url": lambda key: GroqClient(key, base_url=key),
    "url's query": lambda key: GroqClient(KEY, base_url=f"https://h.test/?api_key={key}"),
    "url's bare query": lambda key: GroqClient(KEY, base_url=f"https://h.test/?{key}"),
    "url's fragment": lambda key: GroqClient(KEY, base_url=f"https://h.test/#{key}"),
    "url's user": lambda key: GroqClient(KEY, base_url=f"https://u:{quote(key)}@h.test/"),
    "url's port": lambda key: GroqClient(KEY, base_url=f"https://h.test:{key}"),
    "url's path": lambda key: GroqClient(key, base_url=f"http://h.test/{key}"),
    "timeout": lambda key: GroqClient(KEY, timeout=key),  # type: ignore[arg-type]  # what is tested
    "part of timeouts": lambda key: Timeouts(read=key),  # type: ignore[arg-type]  # as above
    "retries": lambda key: GroqClient(KEY, max_retries=key),  # type: ignore[arg-type]  # as above
    "level": lambda key: ClientConfig(log_level=key),  # type: ignore[arg-type]  # as above
    "models": lambda key: ClientConfig(models=key),
    "header's name": lambda key: GroqClient(
        KEY, default_headers={f"Authorization: Bearer {key}": ""}
    ),
    "header of a view": lambda key: GroqClient(KEY).with_options(
        default_headers={f"Bearer {key}": ""}
    ),
    "proxy": lambda key: GroqClient(key, proxy=f"{key}://h.test"),
}


@pytest.mark.parametrize("key", [GATEWAY, KEY])
@pytest.mark.parametrize("where", MISPLACED)
def test_keys_in_wrong_places(where: str, key: str) -> None:
    with pytest.raises(GroqError) as caught:
        MISPLACED[where](key)
    text = told(caught.value, variables=False)
    assert hidden(text)
    assert not [part for part in PARTS if part in text]


@pytest.mark.parametrize("key", [GATEWAY, KEY])
@pytest.mark.parametrize(
    ("variable", "form"),
    [
        ("GROQ_BASE_URL", "{}"),
        ("GROQ_BASE_URL", "https://h.test/?k={}"),
        ("GROQ_BASE_URL", "https://h.test:{}"),
        ("GROQ_LOG", "{}"),
        ("GROQ_CUSTOM_HEADERS", "Bearer {}: x"),
        ("GROQ_CUSTOM_HEADERS", "Authorization Bearer {}"),
    ],
)
def test_keys_in_wrong_variables(
    variable: str, form: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", key)
    monkeypatch.setenv(variable, form.format(key))
    with pytest.raises(GroqError, match=f"^{variable}") as caught:
        GroqClient()
    assert hidden(told(caught.value, variables=False))
    assert caught.value.__context__ is None


@pytest.mark.parametrize("key", [GATEWAY, KEY])
@pytest.mark.parametrize("where", ["base_url", "log_level", "max_event_bytes"])
def test_keys_in_wrong_places_of_a_file(tmp_path: Path, where: str, key: str) -> None:
    path = tmp_path / "groq.json"
    path.write_text(json.dumps({"api_key": key, where: key}))
    with pytest.raises(GroqError, match=where) as caught:
        ClientConfig.from_file(path, environ={})
    assert hidden(told(caught.value, variables=False))


async def test_keys_in_wrong_places_of_a_call(fake_groq: FakeGroq) -> None:
    async with GroqClient(GATEWAY, base_url=fake_groq.url) as client:
        for key in (GATEWAY, KEY):
            for options in (
                {"extra_headers": {f"Authorization: Bearer {key}": ""}},
                {"extra_headers": {f"a {key}": ""}},
                {"timeout": key},
                {"max_retries": key},
            ):
                with pytest.raises(GroqError) as caught:
                    await client.request("GET", "models", **options)
                assert hidden(told(caught.value, variables=False))
        with pytest.raises(InvalidRequestError) as caught:
            await client.chat.completions.create(**ASK, temperature=KEY)  # type: ignore[call-overload]  # as above
    assert hidden(told(caught.value, variables=False))
    assert caught.value.value == "gsk_***"
