"""hypercorn on Trio and uvicorn on asyncio, each with the same small application."""

import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, TypeAlias, cast

import hypercorn
import hypercorn.trio
import pytest
import trio
import uvicorn
from trio.testing import MockClock

from peers.asgi_app import BODIES, App
from trio_groq import BadRequestError, GroqClient, StreamError
from trio_groq.types import ChatCompletionUserMessageParam

TEXT = "Gr\u00fc\u00dfe, \u4e16\u754c \U0001f600!"

Server: TypeAlias = Callable[[App], AbstractAsyncContextManager[str]]


@asynccontextmanager
async def on_hypercorn(app: App, max_requests: int = 1000) -> AsyncIterator[str]:
    """hypercorn, in this run."""
    config = hypercorn.Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    config.keep_alive_max_requests = max_requests
    stop = trio.Event()
    serve = partial(hypercorn.trio.serve, cast("Any", app), config, shutdown_trigger=stop.wait)
    async with trio.open_nursery() as nursery:
        urls = await nursery.start(serve)
        yield urls[0]
        stop.set()


@asynccontextmanager
async def on_uvicorn(app: App) -> AsyncIterator[str]:
    """uvicorn, in a thread with a loop of its own."""
    config = uvicorn.Config(
        cast("Any", app), lifespan="off", log_config=None, http="h11", timeout_keep_alive=3600
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                trio.to_thread.run_sync, partial(server.run, sockets=[listener.dup()])
            )
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True  # the thread cannot be cancelled


SERVERS = pytest.mark.parametrize(
    "server", [on_hypercorn, on_uvicorn], ids=["hypercorn", "uvicorn"]
)


def asking(mode: str, text: str) -> list[ChatCompletionUserMessageParam]:
    return [{"role": "user", "content": f"{mode}: {text}"}]


async def stream_text(client: GroqClient, mode: str, text: str) -> str:
    async with client.chat.completions.stream(model="m", messages=asking(mode, text)) as stream:
        pieces = [piece async for piece in stream.text_deltas()]
    assert pieces == list(text)
    completion = stream.completion
    assert completion.choices[0].finish_reason == "stop"
    assert stream.response.request_id == "req_asgi"
    return completion.choices[0].message.content or ""


@SERVERS
async def test_streams_plain_answers_and_errors_share_a_connection(
    still_clock: MockClock, server: Server
) -> None:
    async with server(App()) as url, GroqClient("gsk_test", base_url=url) as client:
        for mode in BODIES:
            assert await stream_text(client, mode, TEXT) == TEXT
            answer = await client.chat.completions.create(model="m", messages=asking("one", TEXT))
            assert answer.choices[0].message.content == TEXT
            for streamed in (False, True):
                with pytest.raises(BadRequestError, match="no luck") as raised:
                    await client.chat.completions.create(
                        model="m", messages=asking("refuse", "no luck"), stream=streamed
                    )
                assert raised.value.code == "refused"
                assert raised.value.request_id == "req_asgi"
        pool = client.pool.statistics()
        assert (pool.opened, pool.reused, pool.idle, pool.closed) == (1, 11, 1, 0)


@SERVERS
async def test_fifty_at_once_each_with_its_own_answer(
    still_clock: MockClock, server: Server
) -> None:
    texts = [f"answer {number}" for number in range(50)]
    got: list[str] = []

    async def ask(number: int) -> None:
        mode = list(BODIES)[number % len(BODIES)]
        assert await stream_text(client, mode, texts[number]) == texts[number]
        answer = await client.chat.completions.create(
            model="m", messages=asking("one", texts[number])
        )
        assert answer.choices[0].message.content == texts[number]
        got.append(texts[number])

    async with server(App()) as url, GroqClient("gsk_test", base_url=url) as client:
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(ask, number)
        pool = client.pool.statistics()
        assert (pool.leased, pool.waiting, pool.dialling) == (0, 0, 0)
        assert pool.opened + pool.reused == 100
        assert pool.opened <= 50
        assert (pool.idle, pool.closed) == (pool.opened, 0)
    assert sorted(got) == sorted(texts)


@SERVERS
async def test_a_stream_left_half_read_is_noticed_by_the_server(
    still_clock: MockClock, server: Server
) -> None:
    app = App()
    async with server(app) as url, GroqClient("gsk_test", base_url=url) as client:
        async with client.chat.completions.stream(
            model="m", messages=asking("wait", TEXT)
        ) as stream:
            async for text in stream.text_deltas():
                assert text == TEXT
                break
        pool = client.pool.statistics()
        assert (pool.open, pool.closed) == (0, 1)
        assert await stream_text(client, "one", TEXT) == TEXT
    assert app.left == [TEXT]


@SERVERS
async def test_an_application_that_fails_in_the_middle(
    still_clock: MockClock, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL + 1)  # the servers tell at length what the application raised
    async with server(App()) as url, GroqClient("gsk_test", base_url=url) as client:
        async with client.chat.completions.stream(
            model="m", messages=asking("break", TEXT)
        ) as stream:
            with pytest.raises(StreamError) as raised:
                await stream.until_done()
        assert raised.value.partial.choices[0].message.content == TEXT
        assert client.pool.statistics().open == 0
        assert await stream_text(client, "one", TEXT) == TEXT


async def test_a_server_that_closes_after_n_requests(still_clock: MockClock) -> None:
    async with (
        on_hypercorn(App(), max_requests=3) as url,
        GroqClient("gsk_test", base_url=url, max_retries=0) as client,
    ):
        for _ in range(9):
            assert await stream_text(client, "many", TEXT) == TEXT
        pool = client.pool.statistics()
        assert (pool.leased, pool.opened, pool.reused) == (0, 3, 6)
