"""Cancelled at any checkpoint, a call leaves a whole pool, no descriptor, and no error.

Each case is swept: the call is made again and again, and cancelled at its first checkpoint, at its
second, and so on, until it ends before it is cancelled. Server and client are new each time.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, TypeAlias

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cancellation import Moment, Outcome, assert_whole, cancel_at, descriptors
from trio_groq import GroqClient, PoolLimits
from trio_groq.config import RetryPolicy
from trio_groq.testing import FakeGroq, Fault, RecordedRequest, Reply
from trio_groq.testing.content import echo
from trio_groq.types.chat_params import ChatCompletionCreateParams

MODEL: Final = "llama-3.1-8b-instant"
MOST_CHECKPOINTS: Final = 400
HANG: Final = 30.0
"""Seconds: no test waits for them unless something hangs."""

Call: TypeAlias = Callable[[GroqClient, str], Awaitable[str]]


# -- kinds of call


def params(prompt: str) -> ChatCompletionCreateParams:
    return {
        "model": MODEL,
        "messages": [{"role": "user", "content": prompt}],
        "stop": "\n",  # the echo ends with the prompt
    }


def is_answer_to(prompt: str, answer: str) -> bool:
    """Whether an answer, or the beginning of one, was meant for this prompt."""
    return f"You said: {prompt}".startswith(answer)


async def plain(client: GroqClient, prompt: str) -> str:
    completion = await client.chat.completions.create(**params(prompt))
    return completion.choices[0].message.content or ""


async def streamed(client: GroqClient, prompt: str) -> str:
    async with client.chat.completions.stream(**params(prompt)) as stream:
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def created_stream(client: GroqClient, prompt: str) -> str:
    opened = await client.chat.completions.create(stream=True, **params(prompt))
    async with opened as stream:
        return "".join([text async for text in stream.text_deltas()])


async def batches(client: GroqClient, prompt: str) -> str:
    async with client.chat.completions.stream(**params(prompt)) as stream:
        async for _ in stream.batches():
            pass
        return stream.completion.choices[0].message.content or ""


async def events(client: GroqClient, prompt: str) -> str:
    async with client.chat.completions.stream(**params(prompt)) as stream:
        async for _ in stream.events():
            pass
        return stream.completion.choices[0].message.content or ""


async def early_break(client: GroqClient, prompt: str) -> str:
    async with client.chat.completions.stream(**params(prompt)) as stream:
        async for text in stream.text_deltas():
            return text
    return ""


CALLS: Final = (plain, streamed, created_stream, batches, events, early_break)
"""Each returns the answer, or the beginning of one."""


# -- the world around a call


def an_event_a_write(request: RecordedRequest) -> Reply:
    """The echo, written in pieces, so that a stream takes several receives."""
    return attrs.evolve(echo(request.params), events_per_write=1)


class LoopbackNames(trio.abc.HostnameResolver):
    """Resolves in a few checkpoints and no thread, which would outlive a cancelled call."""

    async def getaddrinfo(
        self, host: bytes | None, port: bytes | str | int | None, *_: Any, **__: Any
    ) -> Any:
        assert host == b"localhost"
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        # The server listens on one of them only: the other refuses, and the race goes on.
        return [
            (trio.socket.AF_INET, trio.socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("127.0.0.2", "127.0.0.1")
        ]

    async def getnameinfo(
        self, sockaddr: tuple[str, int] | tuple[str, int, int, int], flags: int
    ) -> tuple[str, str]:
        raise NotImplementedError


@asynccontextmanager
async def new_world(
    *, tls: bool, replies: Sequence[Reply] = (), max_connections: int = 4
) -> AsyncIterator[tuple[FakeGroq, GroqClient]]:
    """A server and a client of it; no descriptor outlives them."""
    before = descriptors()
    trio.socket.set_custom_hostname_resolver(LoopbackNames())
    async with FakeGroq(tls=tls, default_reply=an_event_a_write) as server:
        server.enqueue(*replies)
        client = GroqClient(
            api_key="gsk_test",
            base_url=server.url.replace("127.0.0.1", "localhost"),
            ssl_context=server.ssl_context() if tls else None,
            limits=PoolLimits(max_connections=max_connections),
            max_retries=RetryPolicy(initial_delay=0.001, max_delay=0.001),
        )
        async with client:
            yield server, client
        assert client.pool.statistics().open == 0
    assert descriptors() - before == set()


async def assert_usable(client: GroqClient) -> None:
    """The pool is whole, and calls on what it kept get answers of their own."""
    assert_whole(client)
    for call in (plain, streamed):
        prompt = f"next {call.__name__}"
        assert await call(client, prompt) == f"You said: {prompt}"
    assert assert_whole(client).idle >= 1


async def cancelled_in_task(
    client: GroqClient, call: Call, prompt: str, moment: Moment, number: int
) -> Outcome:
    outcomes: list[Outcome] = []

    async def run() -> None:
        outcomes.append(await cancel_at(partial(call, client, prompt), moment, number))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
    (outcome,) = outcomes
    if outcome.answer is not None:
        assert outcome.answer
        assert is_answer_to(prompt, outcome.answer)
    return outcome


async def sweep(at: Callable[[Moment, int], Awaitable[Outcome]], moment: Moment) -> int:
    """Cancel at checkpoint 0, 1, 2 ... until the call ends before; how often it was cancelled."""
    cancelled = 0
    for number in range(MOST_CHECKPOINTS):
        with trio.fail_after(HANG):
            outcome = await at(moment, number)
        assert outcome.cancelled == (outcome.answer is None)
        cancelled += outcome.cancelled
        if not outcome.reached:
            return cancelled
    raise AssertionError(f"expected fewer than {MOST_CHECKPOINTS} checkpoints")


# -- how often a sweep must have cancelled, however the response's bytes come in

WAITS: Final[dict[Call, int]] = {
    plain: 1,
    early_break: 1,
    streamed: 2,
    created_stream: 2,
    batches: 2,
    events: 2,
}
"""For the head; at the end of a stream once more, if all its events came with the head."""


def waits_to_connect(*, tls: bool) -> int:
    """Two in the resolver, one of a task that connects, one for that task; one for the server."""
    return 5 if tls else 4


def fewest(moment: Moment, *, waits: int, sends: int = 1) -> int:
    """Cancelled before it begins, and then at each of its waits or its sends.

    What its last wait has already been granted, a call may keep.
    """
    if moment is Moment.PASSING:
        return 1 + sends
    return waits + (moment is Moment.AFTER)


# -- the sweeps

each_moment = pytest.mark.parametrize("moment", Moment, ids=lambda moment: moment.name.lower())
each_scheme = pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)


@each_moment
@each_scheme
@each_call
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
async def test_alone(call: Call, *, warm: bool, tls: bool, moment: Moment) -> None:
    async def at(moment: Moment, number: int) -> Outcome:
        async with new_world(tls=tls) as (_, client):
            if warm:
                await plain(client, "warm")
            outcome = await cancelled_in_task(client, call, "mine", moment, number)
            await assert_usable(client)
            return outcome

    waits = WAITS[call] + (0 if warm else waits_to_connect(tls=tls))
    assert await sweep(at, moment) >= fewest(moment, waits=waits)


@pytest.mark.parametrize("moment", [Moment.AFTER, Moment.BEFORE])
@each_scheme
@pytest.mark.parametrize("call", [plain, streamed])
@pytest.mark.parametrize("kept", [True, False], ids=["handed off", "discarded"])
@pytest.mark.parametrize("ahead", [0, 1])
async def test_in_the_queue(
    call: Call, *, ahead: int, kept: bool, tls: bool, moment: Moment
) -> None:
    """One connection, one task that has it, and several that wait; one of them is cancelled.

    The others get what is theirs: a cancelled waiter passes on what it was granted.
    """

    async def at(moment: Moment, number: int) -> Outcome:
        async with new_world(tls=tls, max_connections=1) as (_, client):
            outcomes: list[Outcome] = []
            answers: dict[str, str] = {}

            async def wait_in_line(prompt: str) -> None:
                answers[prompt] = await plain(client, prompt)

            async def under_test() -> None:
                make = partial(call, client, "mine")
                outcomes.append(await cancel_at(make, moment, number))

            holder = client.chat.completions.stream(**params("holder"))
            async with trio.open_nursery() as nursery, holder as stream:
                for place in range(3):
                    if place == ahead:
                        nursery.start_soon(under_test)
                    else:
                        nursery.start_soon(wait_in_line, f"waiter {place}")
                    await wait_all_tasks_blocked()
                assert client.pool.statistics().waiting >= 2
                if kept:
                    await stream.until_done()
            assert len(answers) == 2
            assert all(answers[prompt] == f"You said: {prompt}" for prompt in answers)
            await assert_usable(client)
            (outcome,) = outcomes
            if outcome.answer is not None:
                assert outcome.answer == "You said: mine"
            return outcome

    dials = not kept and ahead == 0
    waits = 1 + WAITS[call] + (waits_to_connect(tls=tls) if dials else 0)
    assert await sweep(at, moment) >= fewest(moment, waits=waits)


@each_moment
@each_scheme
async def test_between_two_attempts(*, tls: bool, moment: Moment) -> None:
    failure = Reply.error(500, "once more, please")

    async def at(moment: Moment, number: int) -> Outcome:
        async with new_world(tls=tls, replies=[failure]) as (server, client):
            outcome = await cancelled_in_task(client, plain, "mine", moment, number)
            if server.replies_left:
                await plain(client, "takes the scripted error")
            await assert_usable(client)
            return outcome

    # For two heads, and between the two.
    waits = waits_to_connect(tls=tls) + 3
    assert await sweep(at, moment) >= fewest(moment, waits=waits, sends=2)


async def with_a_large_body(client: GroqClient, prompt: str) -> str:
    large = {"role": "system", "content": "x" * 4_000_000}
    body = {**params(prompt), "messages": [large, {"role": "user", "content": prompt}]}
    completion = await client.request("POST", "/openai/v1/chat/completions", json=body)
    assert isinstance(completion, dict)
    return str(completion["choices"][0]["message"]["content"])


@pytest.mark.parametrize("moment", [Moment.AFTER, Moment.BEFORE])
@each_scheme
async def test_while_it_sends_a_large_body(*, tls: bool, moment: Moment) -> None:
    """4 MB are more than the sockets hold, so the request is cut off in the middle."""

    async def at(moment: Moment, number: int) -> Outcome:
        async with new_world(tls=tls) as (_, client):
            await plain(client, "warm")
            outcome = await cancelled_in_task(client, with_a_large_body, "mine", moment, number)
            await assert_usable(client)
            return outcome

    # To send the rest of it, and for the head.
    assert await sweep(at, moment) >= fewest(moment, waits=2)


LAST_CHUNK: Final = b"0\r\n\r\n"


def ends_in_pieces() -> Reply:
    """A stream whose last chunk is held back until the client waits for it."""
    event = (
        b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
        b'[{"index":0,"delta":{"content":"You said: mine"},"finish_reason":"stop"}]}\n\n'
    )
    done = b"data: [DONE]\n\n"
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(data), data) for data in (event, done))
    sizes = (len(head), len(chunks), 1, 2, 1)
    return Reply.raw(head + chunks + LAST_CHUNK, fault=Fault.split(sizes))


@each_moment
@each_scheme
@pytest.mark.parametrize("call", [streamed, batches])
async def test_in_the_drain_after_done(call: Call, *, tls: bool, moment: Moment) -> None:
    kept = 0

    async def at(moment: Moment, number: int) -> Outcome:
        nonlocal kept
        async with new_world(tls=tls) as (server, client):
            await plain(client, "warm")
            server.enqueue(ends_in_pieces())
            outcome = await cancelled_in_task(client, call, "mine", moment, number)
            now = assert_whole(client)
            kept += now.idle
            assert now.idle == 1 or outcome.cancelled
            if server.replies_left:
                await streamed(client, "takes the scripted reply")
            await assert_usable(client)
            return outcome

    # For the head, for the events, for the last chunk, and at the stream's end.
    assert await sweep(at, moment) >= fewest(moment, waits=4)
    assert kept >= 1, "read to its end, the connection was to be kept"


# -- connecting: a peer that takes the connection and never says a word


@pytest.mark.parametrize("moment", [Moment.AFTER, Moment.BEFORE])
@each_scheme
async def test_where_the_peer_is_silent(*, tls: bool, moment: Moment) -> None:
    """Left alone the call would wait for good: in the handshake, or for the response's head."""
    before = descriptors()
    heard = trio.Event()

    async def listen(stream: trio.SocketStream) -> None:
        async with stream:
            while await stream.receive_some():
                heard.set()

    async def at(client: GroqClient, number: int) -> Outcome | None:
        outcomes: list[Outcome] = []

        async def run() -> None:
            outcomes.append(await cancel_at(partial(plain, client, "mine"), moment, number))
            heard.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            await heard.wait()
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        return outcomes[0] if outcomes else None

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, listen, listeners)
        scheme = "https" if tls else "http"
        url = f"{scheme}://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        async with GroqClient(api_key="gsk_test", base_url=url, max_retries=0) as client:
            cancelled = 0
            while True:
                heard = trio.Event()
                with trio.fail_after(HANG):
                    outcome = await at(client, cancelled)
                assert assert_whole(client).open == 0
                if outcome is None:
                    break
                assert outcome == Outcome(reached=True, cancelled=True, answer=None)
                cancelled += 1
        assert cancelled >= 3
        nursery.cancel_scope.cancel()
    assert descriptors() - before == set()
