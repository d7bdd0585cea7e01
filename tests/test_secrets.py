"""The key is shown by nothing that this package makes: reprs, errors, tracebacks, logs, pickles."""

import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

import trio_groq
from trio_groq import ChatStream, ClientConfig, GroqClient, Timeouts
from trio_groq.config import CircuitBreakerPolicy, PoolLimits
from trio_groq.errors import GroqError
from trio_groq.testing import FakeGroq, Fault, Reply

KEY = "gsk_0123456789abcdefghijklmnopqrstuvWXYZ"
OTHER = "gsk_zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQ"
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
    return not any(key[4:-4] in text for key in (KEY, OTHER))


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


@pytest.mark.parametrize("key", [KEY, lambda: KEY], ids=["text", "function"])
def test_a_configuration_with_a_key_is_not_pickled(key: Any) -> None:
    with pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
        pickle.dumps(ClientConfig(api_key=key))
