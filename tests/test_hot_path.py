"""What a token costs, counted and not timed: function calls, and bytes that stay behind.

The counts are exact on every machine. A change that makes a token dearer has to raise a bound here,
where it can be seen.
"""

import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest
import trio
from trio.testing import MockClock

from trio_groq import GroqClient
from trio_groq._http.exchange import Exchange
from trio_groq._http.messages import Origin, Request
from trio_groq._stream import ChatStream
from trio_groq.testing import FakeGroq, Reply
from trio_groq.types._base import Decoder
from trio_groq.types.chunks import ChatCompletionChunk

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
FIRST = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
)
EVENT = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
    b'"system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" token"},'
    b'"logprobs":null,"finish_reason":null}]}\n\n'
)


def chunk(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


async def never_opened() -> None:  # pragma: no cover (the stream is fed by hand)
    raise AssertionError


class Path:
    """The way of a byte from the receive buffer to the decoded chunk, without a socket."""

    def __init__(self) -> None:
        request = Request(Origin("http", "127.0.0.1", 80), b"POST", b"/")
        self.exchange = Exchange(request)
        self.stream = ChatStream(
            never_opened,  # type: ignore[arg-type]
            Decoder(ChatCompletionChunk),
            max_event_bytes=1_000_000,
        )
        self.receive(HEAD + chunk(FIRST))
        self.stream._ready.clear()

    def receive(self, data: bytes) -> None:
        """Take what one receive brought, as `Connection` does."""
        if not self.exchange.offer(self.stream._glance, data, len(data)):
            self.stream._take(self.exchange.receive(data, 0, len(data)))

    def take(self) -> int:
        """Hand out what is ready, as `__anext__` does between two receives."""

        async def drain() -> int:
            count = 0
            while self.stream._ready:
                await self.stream.__anext__()
                count += 1
            return count

        return trio.run(drain)


def calls(function: Callable[[], object]) -> Counter[str]:
    """Calls of Python functions and of C functions that running `function` makes."""
    counts: Counter[str] = Counter()

    def profile(_frame: FrameType, event: str, _arg: object) -> None:
        counts[event] += 1

    gc.collect()
    gc.disable()  # what a collection finalizes is none of this
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return counts


def per_token(few: Counter[str], many: Counter[str], tokens: int) -> tuple[float, float]:
    return (many["call"] - few["call"]) / tokens, (many["c_call"] - few["c_call"]) / tokens


def test_a_token_among_many_costs_no_function_of_ours() -> None:
    """At full speed: many events in one receive."""
    few, many = Path(), Path()
    python, native = per_token(
        calls(lambda: few.receive(chunk(EVENT) * 50)),
        calls(lambda: many.receive(chunk(EVENT) * 150)),
        100,
    )
    assert len(many.stream._ready) == 150
    assert python == 0
    assert native <= 7


def test_a_token_alone_costs_few_functions() -> None:
    """Paced: one event in each receive."""
    path, data = Path(), chunk(EVENT)
    path.receive(data)
    few = calls(lambda: path.receive(data))
    assert len(path.stream._ready) == 2
    assert few["call"] <= 6
    assert few["c_call"] <= 10


async def test_a_paced_token_costs_few_functions(
    fake_groq: FakeGroq, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From one `__anext__` to the next, with a wait: all layers. A coroutine that waits, of which
    there are three, is counted a second time when it goes on."""
    monkeypatch.setattr("trio_groq._shared.application_logs", bool)  # the test runner logs

    async def cost(tokens: int) -> Counter[str]:
        fake_groq.enqueue(Reply(tokens=["token"] * tokens, tokens_per_second=10))
        async with client.chat.completions.stream(
            model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "Hello"}]
        ) as stream:
            with own_calls() as own:
                assert len([chunk async for chunk in stream]) >= tokens
        return own

    async with GroqClient(api_key="gsk_test", base_url=fake_groq.url) as client:
        await cost(3)
        few, many = await cost(20), await cost(120)
    few.subtract(many)
    assert -few.total() / 100 <= 17.5, few.most_common()[:-30:-1]


def test_handing_out_costs_four_functions() -> None:
    """`__anext__`, its look for a cancellation (two), and the accumulator."""
    few, many = Path(), Path()
    few.receive(chunk(EVENT) * 50)
    many.receive(chunk(EVENT) * 150)
    python, _ = per_token(calls(few.take), calls(many.take), 100)
    assert python <= 4


async def test_a_plain_completion_costs_some_hundred_functions(
    fake_groq: FakeGroq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a connection that is open: from its parameters to the completion, and all gates."""
    monkeypatch.setattr("trio_groq._shared.application_logs", bool)  # the test runner logs

    async def complete(times: int) -> None:
        for _ in range(times):
            await client.chat.completions.create(
                model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "Hello"}]
            )

    async with GroqClient(api_key="gsk_test", base_url=fake_groq.url) as client:
        await complete(3)
        with own_calls() as own:
            await complete(20)
    assert own.total() / 20 <= 160, own.most_common(20)


@contextmanager
def own_calls() -> Iterator[Counter[str]]:
    """Counts calls of the client's functions, in whatever task, by their names."""
    own: Counter[str] = Counter()

    def profile(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call" and (name := _own_module(frame)):
            own[f"{name}.{frame.f_code.co_name}"] += 1

    sys.setprofile(profile)
    try:
        yield own
    finally:
        sys.setprofile(None)


def _own_module(frame: FrameType) -> str:
    """The name of a module of the client's; empty for all others, the server's too."""
    name: str = frame.f_globals.get("__name__", "")
    is_own = name.startswith("trio_groq.") and not name.startswith("trio_groq.testing")
    return name if is_own else ""


def test_a_token_leaves_nothing_behind_but_its_text() -> None:
    path = Path()
    data = chunk(EVENT) * 100

    def go(times: int) -> int:
        for _ in range(times):
            path.receive(data)
            path.take()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        go(3)
        before = go(1)
        after = go(20)
    finally:
        tracemalloc.stop()
    text = sys.getsizeof(" token") + 8 + 2  # the text, its place in a list, and that list's slack
    assert (after - before) / 2000 <= text
