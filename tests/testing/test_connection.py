"""Connections over real sockets: every fault at its byte, pace in virtual time, hard endings."""

import ssl
from itertools import accumulate
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from raw_http import RawClient, chat_request, connect, http_request, sse_data, until
from trio_groq.testing import FakeGroq, Fault, Reply

SMALL = Reply.json({"answer": 42})
REQUEST = http_request("GET", "/x")


async def clean_bytes(server: FakeGroq, reply: Reply, request: bytes = REQUEST) -> bytes:
    """The response without any fault, byte for byte."""
    server.enqueue(attrs.evolve(reply, close_after=True))
    async with connect(server) as client:
        await client.send(request)
        received, was_reset = await client.read_to_end()
        assert not was_reset
        return received


def same_but_for_names(received: bytes, clean: bytes) -> bool:
    """Whether both are alike; the request's id differs in each response, its length does not."""
    head, _, _ = clean.partition(b"x-request-id: ")
    return (
        len(received) <= len(clean) and received[: len(head)] == clean[: len(received)][: len(head)]
    )


@pytest.mark.parametrize(("made", "resets"), [(Fault.truncate, False), (Fault.reset, True)])
async def test_a_response_ends_at_every_byte(made: Any, resets: bool) -> None:
    async with FakeGroq() as server:
        clean = await clean_bytes(server, SMALL)
        for at in range(len(clean) + 1):
            server.enqueue(attrs.evolve(SMALL, fault=made(at)))
            async with connect(server) as client:
                await client.send(REQUEST)
                received, was_reset = await client.read_to_end()
            assert len(received) == at
            assert same_but_for_names(received, clean)
            assert was_reset == resets
        await until(lambda: server.connections_open == 0)


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("at", [0, 1, 17, 300, 1000])
async def test_a_stream_stalls_until_the_client_leaves(
    tls: bool, at: int, autojump_clock: MockClock
) -> None:
    async with FakeGroq(tls=tls) as server:
        server.enqueue(Reply(content="a b c", fault=Fault.stall(at)))
        async with connect(server) as client:
            await client.send(chat_request({"stream": True}))
            received = b""
            while len(received) < at:
                received += await client.receive()
            with trio.move_on_after(1000) as silence:
                received += await client.receive()
            assert silence.cancelled_caught
            assert len(received) == at
            assert server.connections_open == 1
        await until(lambda: server.connections_open == 0)


async def test_garbage_comes_in_the_middle_and_the_connection_lives_on() -> None:
    async with FakeGroq() as server:
        clean = await clean_bytes(server, SMALL)
        async with connect(server) as client:
            for at in range(0, len(clean) + 1, 9):
                server.enqueue(attrs.evolve(SMALL, fault=Fault.garbage(at, b"<<!>>")))
                await client.send(REQUEST)
                received = b""
                while len(received) < len(clean) + 5:
                    received += await client.receive()
                assert received[at : at + 5] == b"<<!>>"
                assert same_but_for_names(received[:at] + received[at + 5 :], clean)
        assert server.connections_opened == 2


async def test_a_split_response_arrives_in_its_pieces() -> None:
    sizes = [1, 2, 3, 50, 1]
    async with FakeGroq() as server, connect(server) as client:
        server.enqueue(attrs.evolve(SMALL, fault=Fault.split(sizes), close_after=True))
        await client.send(REQUEST)
        ends, position = [], 0
        while data := await client.receive():
            position += len(data)
            ends.append(position)
    # The kernel may hand over two pieces at once, but never a part of one.
    assert set(ends) <= {*accumulate(sizes), position}


async def test_a_slow_drip_takes_its_time(autojump_clock: MockClock) -> None:
    async with FakeGroq() as server:
        length = len(await clean_bytes(server, SMALL))
        start = trio.current_time()
        async with connect(server) as client:
            server.enqueue(attrs.evolve(SMALL, fault=Fault.slow_drip(2.0, size=10, at=5)))
            await client.ask(REQUEST)
        assert trio.current_time() - start == 2.0 * -(-(length - 5) // 10)


async def test_tokens_arrive_at_exact_times(autojump_clock: MockClock) -> None:
    reply = Reply(content="a b c", head_delay=1.0, first_token_delay=2.0, token_interval=0.25)
    async with FakeGroq(default_reply=reply) as server, connect(server) as client:
        start = trio.current_time()
        await client.send(chat_request({"stream": True}))
        arrivals = []
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            data = await client.receive()
            received += data
            arrivals.append((trio.current_time() - start, data.count(b"data: ")))
    assert arrivals == [(1.0, 0), (3.0, 2), (3.25, 1), (3.5, 3)]


async def test_a_plain_reply_comes_when_its_last_token_would(autojump_clock: MockClock) -> None:
    reply = Reply(content="a b c", first_token_delay=2.0, tokens_per_second=4)
    async with FakeGroq(default_reply=reply) as server, connect(server) as client:
        start = trio.current_time()
        await client.ask(chat_request())
        assert trio.current_time() - start == 2.5


async def test_a_client_that_leaves_during_a_pause_is_noticed() -> None:
    async with FakeGroq(default_reply=Reply(content="x", head_delay=1e6)) as server:
        async with connect(server) as client:
            await client.send(chat_request())
            await until(lambda: server.requests_served == 1)
        await until(lambda: server.connections_open == 0)


async def test_a_client_that_leaves_mid_stream_is_noticed(autojump_clock: MockClock) -> None:
    reply = Reply(tokens=[" x"] * 1_000_000, token_interval=0.01)
    async with FakeGroq(default_reply=reply) as server:
        async with connect(server) as client:
            await client.send(chat_request({"stream": True}))
            await client.receive()
        await trio.sleep(1.0)
        assert server.connections_open == 0


async def test_a_request_sent_during_a_pause_is_served_after_it(autojump_clock: MockClock) -> None:
    async with FakeGroq() as server, connect(server) as client:
        server.enqueue(attrs.evolve(SMALL, head_delay=100.0), Reply.json("second"))
        await client.send(REQUEST + REQUEST)
        received = b""
        while not received.endswith(b'"second"'):
            received += await client.receive()
        assert received.count(b"HTTP/1.1 200 OK") == 2
        assert trio.current_time() == 100.0


async def test_a_connection_closes_without_having_said_so() -> None:
    async with FakeGroq() as server, connect(server) as client:
        server.enqueue(attrs.evolve(SMALL, close_after=True))
        assert (await client.ask(REQUEST)).headers["connection"] == "keep-alive"
        assert await client.receive() == b""


async def test_bytes_that_nobody_asked_for() -> None:
    async with FakeGroq() as server, connect(server) as client:
        server.enqueue(attrs.evolve(SMALL, hold_idle_data=b"HTTP/1.1 200 OK\r\n"), SMALL)
        await client.send(REQUEST)
        received = b""
        while not received.endswith(b"HTTP/1.1 200 OK\r\n"):
            received += await client.receive()
        assert received.count(b"HTTP/1.1 200 OK") == 2
        assert (await client.ask(REQUEST)).json == {"answer": 42}


async def test_a_client_that_waits_before_its_body_is_told_to_go_on() -> None:
    request = chat_request(headers=[("expect", "100-continue")])
    head, body = request[: request.index(b"\r\n\r\n") + 4], request.partition(b"\r\n\r\n")[2]
    async with FakeGroq() as server, connect(server) as client:
        await client.send(head)
        assert (await client.receive()).startswith(b"HTTP/1.1 100 ")
        await client.send(body)
        assert (await client.read_response()).status == 200


async def test_too_large_a_body_is_refused_before_it_has_come(autojump_clock: MockClock) -> None:
    async with FakeGroq(max_body_bytes=100) as server, connect(server) as client:
        await client.send(http_request("POST", "/x", headers=[("content-length", "1000000")]))
        await client.send(b"x" * 50_000)
        response = await client.read_response()
        assert (response.status, response.headers["connection"]) == (413, "close")
        assert response.json["error"]["code"] == "request_too_large"
        assert await client.receive() == b""
        await client.send(b"x" * 50_000)
        await trio.sleep(2.0)
        assert server.connections_open == 0
        assert server.requests == []


async def test_what_is_no_http_is_refused() -> None:
    async with FakeGroq() as server, connect(server) as client:
        await client.send(b"\x16\x03\x01 hello\r\n\r\n")
        received, was_reset = await client.read_to_end()
        assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert not was_reset


@pytest.mark.parametrize("data", [b"", b"POST /x HTTP/1.1\r\nhost"])
async def test_a_client_that_says_too_little_is_let_go(data: bytes) -> None:
    async with FakeGroq() as server:
        async with connect(server) as client:
            await client.send(data)
        await until(lambda: server.connections_open == 0)
        assert server.requests_served == 0


@pytest.mark.parametrize(
    "request_",
    [
        http_request("GET", "/openai/v1/models", version="1.0"),
        http_request("GET", "/openai/v1/models", headers=[("connection", "te, Close")]),
    ],
)
async def test_a_client_that_wants_no_more_gets_no_more(request_: bytes) -> None:
    async with FakeGroq() as server, connect(server) as client:
        assert (await client.ask(request_)).headers["connection"] == "close"
        assert await client.receive() == b""


async def test_a_head_request_gets_a_head() -> None:
    async with FakeGroq() as server, connect(server) as client:
        assert (await client.ask(http_request("HEAD", "/openai/v1/models"))).status == 405
        assert (await client.ask(http_request("GET", "/openai/v1/models"))).status == 200


async def strict(server: FakeGroq) -> RawClient:
    """A TLS client that insists on being told of the end."""
    plain = await trio.open_tcp_stream("localhost", int(server.url.rpartition(":")[2]))
    context = server.ssl_context()
    return RawClient(trio.SSLStream(plain, context, server_hostname="localhost"))


@pytest.mark.parametrize(
    ("reply", "announced"),
    [
        (attrs.evolve(SMALL, close_after=True), True),
        (attrs.evolve(SMALL, fault=Fault.truncate(50)), False),
        (attrs.evolve(SMALL, fault=Fault.reset(50)), False),
    ],
)
async def test_tls_announces_an_end_in_good_order_only(reply: Reply, announced: bool) -> None:
    async with FakeGroq(tls=True) as server:
        server.enqueue(reply)
        client = await strict(server)
        try:
            await client.send(REQUEST)
            received, was_broken = await client.read_to_end()
        finally:
            await trio.aclose_forcefully(client.stream)
    assert was_broken is not announced
    assert announced or len(received) == 50


async def test_a_handshake_that_fails_ends_the_connection() -> None:
    async with FakeGroq(tls=True) as server:
        port = int(server.url.rpartition(":")[2])
        async with await trio.open_tcp_stream("localhost", port) as plain:
            await plain.send_all(b"GET / HTTP/1.1\r\n\r\n")
            client = RawClient(plain)
            received, _ = await client.read_to_end()
        assert not received.startswith(b"HTTP")
        await until(lambda: server.connections_open == 0)
        assert ssl.create_default_context() is not server.ssl_context()


async def test_a_large_stream_flows_as_fast_as_it_is_read() -> None:
    reply = Reply(tokens=["x" * 50] * 20_000)
    async with FakeGroq(default_reply=reply) as server, connect(server) as client:
        response = await client.ask(chat_request({"stream": True}))
    assert len(sse_data(response.body)) == 20_003
