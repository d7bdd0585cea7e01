"""Every case of the HTTP/1.1 conformance data, over a real socket, with a follow-up request.

The server answers the first request with the case's bytes, and every other request, on the same
connection or another, with `FOLLOW_UP`. A client that is right gives the case's bytes to the first
request only, and reuses the connection only where the case allows it.
"""

from typing import Any

import attrs
import pytest
import trio

from shared_data import json_lines, needs_shared_data, unbase64
from trio_groq._http.connection import Connection
from trio_groq._http.deadlines import Deadlines, Timeouts
from trio_groq._http.dial import Dialer
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.messages import Origin, Request, ResponseHead, Span
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.pool_state import PoolLimits
from trio_groq.errors import APITimeoutError, ProtocolError

pytestmark = needs_shared_data

FOLLOW_UP = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfollow-up"

# Cases that are a should or a may, and where we do otherwise: the reason.
DEVIATIONS: dict[str, str] = {}

CASES = {case["name"]: case for case in json_lines("http1/http1_cases.jsonl")}
MUST = sorted(name for name, case in CASES.items() if case["rfc"] == "must")
OPTIONAL = sorted(name for name, case in CASES.items() if case["rfc"] != "must")


@attrs.define
class Server:
    """Serves one case; see the top of this file."""

    case: dict[str, Any]
    connections: int = 0
    follow_up_on: int = 0
    answered: bool = False
    unasked: trio.Event = attrs.field(factory=trio.Event)

    async def handle(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        number = self.connections
        try:
            async with stream:
                await self.serve(stream, number)
        except trio.BrokenResourceError:
            pass  # the client has closed, as it should after many of these

    async def serve(self, stream: trio.SocketStream, number: int) -> None:
        script = self.case.get("script") or []
        while await read_request(stream, whole=script[:1] != ["read_head"]):
            if self.answered:
                self.follow_up_on = number
                await stream.send_all(FOLLOW_UP)
            elif "send_before_request" in script:
                # An honest exchange first, so that the connection idles; then bytes unasked.
                self.answered = True
                await stream.send_all(FOLLOW_UP)
                await stream.send_all(unbase64(self.case["raw_b64"]))
                self.unasked.set()
                return
            else:
                self.answered = True
                await self.send_case(stream)
                if self.case["eof"]:
                    return

    async def send_case(self, stream: trio.SocketStream) -> None:
        raw = unbase64(self.case["raw_b64"])
        size = 1 if self.case.get("split") == "bytes" else len(raw) or 1
        for start in range(0, len(raw), size):
            await stream.send_all(raw[start : start + size])


async def read_request(stream: trio.SocketStream, *, whole: bool) -> bool:
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.receive_some(65536)
        if not more:
            return False
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while whole and len(body) < length:
        body += await stream.receive_some(65536)
    return True


@attrs.frozen
class Outcome:
    """What the client made of a response."""

    head: ResponseHead
    body: bytes
    reusable: bool
    connection: Connection


class Client:
    """The engine, pointed at one server."""

    def __init__(self, port: int, limits: ExchangeLimits) -> None:
        self.origin = Origin("http", "127.0.0.1", port)
        self.pool = ConnectionPool(Dialer(), PoolLimits(), limits)

    async def send(self, method: str, *, body: bytes = b"") -> Outcome:
        deadlines = Deadlines(Timeouts(read=10.0), trio.current_time())
        request = Request(self.origin, method.encode(), b"/", (), body)
        connection, head = await self.pool.send(request, deadlines)
        try:
            received = bytearray()

            def consume(spans: list[Span]) -> bool:
                for data, start, end in spans:
                    received.extend(data[start:end])
                return False

            await connection.receive(deadlines, consume)
            return Outcome(head, bytes(received), connection.reusable, connection)
        finally:
            self.pool.release(connection)


async def run_case(nursery: trio.Nursery, case: dict[str, Any]) -> tuple[Server, Outcome | None]:
    """The case's exchange and its follow-up; None stands for an honest error."""
    server = Server(case)
    listeners = await nursery.start(trio.serve_tcp, server.handle, 0)
    port = listeners[0].socket.getsockname()[1]
    limits = case.get("limits") or {}
    client = Client(
        port, ExchangeLimits(max_decoded_bytes=limits.get("max_decoded_bytes", 32 * 1024 * 1024))
    )
    # Larger than the socket buffers where the server answers without reading it.
    body = b"x" * 8_000_000 if case["name"] == "early-413" else b""
    outcome: Outcome | None
    try:
        outcome = await client.send(case["method"], body=body)
    except APITimeoutError:
        raise
    except ProtocolError:
        outcome = None
    if "send_before_request" in (case.get("script") or []):
        await server.unasked.wait()
        await trio.testing.wait_all_tasks_blocked()
    follow_up = await client.send("GET")
    assert follow_up.body == b"follow-up"
    statistics = client.pool.statistics()
    assert (statistics.leased, statistics.dialling, statistics.waiting) == (0, 0, 0)
    client.pool.close()
    return server, outcome


def judge(case: dict[str, Any], server: Server, outcome: Outcome | None) -> None:
    wants_error = case["expect"] == "error" or case.get("decoded") == "error"
    if "send_before_request" in (case.get("script") or []):
        assert server.follow_up_on == 2, "an idle connection with unasked bytes was reused"
        return
    if wants_error:
        assert outcome is None, f"expected an error, got {outcome}"
        assert server.follow_up_on == 2
        return
    assert outcome is not None, "expected a response, got an error"
    expected = case["decoded"] if case.get("decoded") is not None else case["body_b64"]
    assert outcome.head.status == case["status"]
    assert outcome.body == unbase64(expected)
    assert outcome.reusable is case["reusable"]
    assert server.follow_up_on == (1 if case["reusable"] else 2)


@pytest.mark.parametrize("name", MUST)
async def test_must(name: str, nursery: trio.Nursery) -> None:
    case = CASES[name]
    with trio.fail_after(30):
        judge(case, *await run_case(nursery, case))
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("name", OPTIONAL)
async def test_should_and_may(name: str, nursery: trio.Nursery) -> None:
    case = CASES[name]
    with trio.fail_after(30):
        server, outcome = await run_case(nursery, case)
    nursery.cancel_scope.cancel()
    if name in DEVIATIONS:
        with pytest.raises(AssertionError):
            judge(case, server, outcome)
    else:
        judge(case, server, outcome)


def test_deviations_are_optional_cases() -> None:
    assert set(DEVIATIONS) <= set(OPTIONAL)
    assert all(DEVIATIONS.values())
