"""FakeGroq over real sockets: script, books, keep-alive, TLS, and nothing left behind."""

import ssl
from pathlib import Path

import pytest
import trio

from raw_http import RawClient, chat_request, connect, http_request, sse_data, until
from trio_groq.testing import FakeGroq, Fault, RecordedRequest, Reply

MODELS = http_request("GET", "/openai/v1/models")


def said(body: bytes) -> str:
    chunks = [chunk for chunk in sse_data(body) if chunk != "[DONE]"]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


async def test_the_echo_is_the_same_plain_and_streamed() -> None:
    async with FakeGroq() as server, connect(server) as client:
        plain = await client.ask(chat_request())
        streamed = await client.ask(chat_request({"stream": True}))
    text = plain.json["choices"][0]["message"]["content"]
    assert text.startswith("You said: Hello")
    assert said(streamed.body) == text


async def test_the_script_is_served_in_order_and_then_the_default() -> None:
    async with (
        FakeGroq(default_reply=Reply(content="default")) as server,
        connect(server) as client,
    ):
        server.enqueue(Reply(content="first"), Reply.error(503, "busy"))
        server.enqueue(Reply.json({"x": 1}))
        answers = [await client.ask(chat_request()) for _ in range(4)]
        assert server.replies_left == 0
    assert answers[0].json["choices"][0]["message"]["content"] == "first"
    assert (answers[1].status, answers[1].json["error"]["message"]) == (503, "busy")
    assert answers[2].json == {"x": 1}
    assert answers[3].json["choices"][0]["message"]["content"] == "default"


async def test_a_chat_reply_waits_for_a_good_request_but_others_do_not() -> None:
    async with FakeGroq() as server, connect(server) as client:
        server.enqueue(Reply(content="good"))
        assert (await client.ask(chat_request(key=None))).status == 401
        assert (await client.ask(chat_request({"messages": []}))).status == 400
        assert (await client.ask(MODELS)).json["object"] == "list"
        assert server.replies_left == 1
        assert (await client.ask(chat_request())).status == 200
        server.enqueue(Reply.json("whatever"))
        assert (await client.ask(http_request("PUT", "/elsewhere", key=None))).json == "whatever"


async def test_a_default_that_is_no_completion_answers_everything_after_the_script() -> None:
    default = Reply.raw(b"HTTP/1.1 204 \r\n\r\n")
    async with FakeGroq(default_reply=default) as server, connect(server) as client:
        server.enqueue(Reply(content="x"))
        assert (await client.ask(chat_request(key=None))).status == 401
        assert (await client.ask(chat_request())).status == 200
        assert (await client.ask(http_request("GET", "/elsewhere", key=None))).status == 204


async def test_a_callable_makes_replies_for_completions_and_for_unknown_paths() -> None:
    def reply(request: RecordedRequest) -> Reply | None:
        if request.path == "/files":
            return Reply.json(["a"])
        return Reply(content=request.method) if request.params.get("user") else None

    async with FakeGroq(default_reply=reply) as server, connect(server) as client:
        named = await client.ask(chat_request({"user": "u"}))
        echoed = await client.ask(chat_request())
        files = await client.ask(http_request("GET", "/files", key=None))
        unknown = await client.ask(http_request("GET", "/other"))
    assert named.json["choices"][0]["message"]["content"] == "POST"
    assert echoed.json["choices"][0]["message"]["content"].startswith("You said")
    assert files.json == ["a"]
    assert unknown.status == 404


async def test_what_a_callable_raises_is_answered_and_raised_at_the_end() -> None:
    failure, later = KeyError("first"), KeyError("later")
    failures = [later, failure]

    def reply(_request: RecordedRequest) -> Reply:
        raise failures.pop()

    async def use() -> None:
        async with FakeGroq(default_reply=reply) as server, connect(server) as client:
            for _ in range(2):
                answer = await client.ask(chat_request())
                assert answer.status == 500
                assert "default_reply raised KeyError(" in answer.json["error"]["message"]

    with pytest.raises(KeyError) as raised:
        await use()
    assert raised.value is failure


async def test_the_body_s_own_error_comes_first_and_comes_bare() -> None:
    def reply(_request: RecordedRequest) -> Reply:
        raise KeyError("hidden")

    async def use() -> None:
        async with FakeGroq(default_reply=reply) as server, connect(server) as client:
            await client.ask(chat_request())
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as raised:
        await use()
    assert raised.value.__notes__ == ["FakeGroq: default_reply raised KeyError('hidden')"]


async def test_requests_are_recorded_and_counted(mock_clock: trio.testing.MockClock) -> None:
    mock_clock.jump(5.0)
    start = trio.current_time()
    async with FakeGroq(max_recorded=2) as server:
        async with connect(server) as first, connect(server) as second:
            await first.ask(MODELS)
            await second.ask(chat_request())
            await first.ask(http_request("GET", "/x?y"))
            assert server.connections_open == 2
        chat, unknown = server.requests
        assert (chat.method, chat.path, chat.connection) == (
            "POST",
            "/openai/v1/chat/completions",
            2,
        )
        assert chat.json["messages"][0]["content"] == "Hello"
        assert chat.received_at == start
        assert (unknown.path, unknown.query, unknown.connection) == ("/x", "y", 1)
        await until(lambda: server.connections_open == 0)
        assert (server.connections_opened, server.requests_served) == (2, 3)
        assert repr(server) == (
            f"<FakeGroq {server.url}: 0 connections open, 3 requests served, 0 replies left>"
        )


async def test_a_connection_serves_so_many_requests() -> None:
    async with FakeGroq(max_requests_per_connection=2) as server, connect(server) as client:
        first = await client.ask(chat_request())
        second = await client.ask(chat_request({"stream": True}))
        assert (first.headers["connection"], second.headers["connection"]) == (
            "keep-alive",
            "close",
        )
        assert await client.receive() == b""


async def test_without_keep_alive_a_connection_serves_one() -> None:
    async with FakeGroq(keep_alive=False) as server, connect(server) as client:
        assert (await client.ask(MODELS)).headers["connection"] == "close"
        assert await client.receive() == b""


@pytest.mark.parametrize("tls", [False, True])
async def test_open_connections_can_be_closed_under_the_clients(tls: bool) -> None:
    async with FakeGroq(tls=tls) as server, connect(server) as idle, connect(server) as busy:
        await idle.ask(MODELS)
        server.enqueue(Reply(content="x", head_delay=1000.0))
        await busy.send(chat_request())
        await until(lambda: server.requests_served == 2)
        server.close_connections()
        assert await idle.receive() == b""
        assert await busy.receive() == b""
        await until(lambda: server.connections_open == 0)
        assert server.connections_opened == 2
        async with connect(server) as fresh:
            assert (await fresh.ask(MODELS)).status == 200


async def test_tls_needs_the_server_s_own_authority(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeGroq(tls=True) as server:
        assert server.url.startswith("https://localhost:")
        async with connect(server) as client:
            assert (await client.ask(chat_request())).status == 200
            assert isinstance(client.stream, trio.SSLStream)
            assert client.stream.selected_alpn_protocol() == "http/1.1"
        assert b"BEGIN CERTIFICATE" in server.ca_pem
        monkeypatch.setattr(FakeGroq, "ssl_context", lambda _: ssl.create_default_context())
        async with connect(server) as client:
            with pytest.raises(trio.BrokenResourceError):
                await client.send(MODELS)
        await until(lambda: server.connections_open == 0)


async def test_without_tls_there_is_no_authority() -> None:
    async with FakeGroq() as server:
        with pytest.raises(RuntimeError, match="expected tls=True"):
            server.ssl_context()
        with pytest.raises(RuntimeError, match="expected tls=True"):
            server.ca_pem  # noqa: B018 (a property that raises)


async def test_it_is_entered_once_and_first() -> None:
    server = FakeGroq()
    assert repr(server).startswith("<FakeGroq not entered: ")
    with pytest.raises(RuntimeError, match="expected to be entered"):
        server.url  # noqa: B018 (a property that raises)
    async with server:
        pass
    with pytest.raises(RuntimeError, match="got a second time"):
        await server.__aenter__()


def descriptors() -> set[str]:
    return {str(path) for path in Path("/proc/self/fd").iterdir()}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors in /proc")
async def test_no_descriptor_and_no_task_is_left() -> None:
    task = trio.lowlevel.current_task()
    before, tasks = descriptors(), len(task.child_nurseries)
    async with FakeGroq() as server, connect(server) as idle, connect(server) as stalled:
        await idle.ask(MODELS)
        server.enqueue(Reply(content="x", fault=Fault.stall(100)))
        await stalled.send(chat_request())
        await stalled.receive()
        assert descriptors() > before
    assert server.connections_open == 0
    assert descriptors() == before
    assert len(task.child_nurseries) == tasks


async def test_a_hundred_streams_at_once() -> None:
    reply = Reply(tokens=[f" {number}" for number in range(200)])
    bodies: list[str] = []

    async def read(client: RawClient) -> None:
        response = await client.ask(chat_request({"stream": True}))
        bodies.append(said(response.body))

    async def run() -> None:
        async with connect(server) as client:
            await read(client)

    async with FakeGroq(default_reply=reply) as server:
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(run)
        assert server.connections_opened == 100
    assert bodies == ["".join(reply.tokens or ())] * 100


async def test_cancelling_the_body_closes_the_server() -> None:
    with trio.CancelScope() as scope:
        async with FakeGroq() as server, connect(server) as client:
            await client.ask(MODELS)
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert server.connections_open == 0
