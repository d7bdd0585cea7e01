"""Responses that are wrong, endless, or lead elsewhere, and clocks that jump.

A part of the list of faults; see `test_faults`.
"""

import gzip
import random
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import product

import pytest
import trio
from trio.testing import MockClock

from cancellation import descriptors
from fault_calls import (
    ANSWERS,
    CALLS,
    WIRE,
    Call,
    each_call,
    each_scheme,
    plain,
    streamed,
)
from fault_world import Script, Stream, calm_clock, fronting, new_world, request_of, stay
from peers.raw_peer import chunk, head
from trio_groq import Timeouts
from trio_groq.errors import (
    APIError,
    APIStatusError,
    APITimeoutError,
    GroqError,
    InternalServerError,
    ProtocolError,
    RateLimitError,
    StreamError,
)
from trio_groq.testing import Fault, Reply

CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def clock() -> MockClock:
    return calm_clock()


def endless(first: bytes, piece: bytes) -> Script:
    """Answer with `first`, and then with `piece` for ever."""

    async def run(stream: Stream) -> None:
        await request_of(stream)
        await stream.send_all(first)
        while True:
            await stream.send_all(piece * 64)

    return run


# -- endless headers, endless 1xx

STATUS = b"HTTP/1.1 200 OK\r\n"
JSON = b"Content-Type: application/json\r\n"
EVENTS = b"Content-Type: text/event-stream\r\n"
ENDLESS_HEADS = {
    "fields": (STATUS, b"x-more: and more\r\n"),
    "one field": (STATUS + b"x-long: ", b"very "),
    "a name": (STATUS, b"x-"),
    "a folded field": (STATUS + b"x-long: a\r\n", b" and more\r\n"),
    "a reason": (b"HTTP/1.1 200 ", b"fine "),
    "a version": (b"HTTP/", b"1"),
    "empty lines": (b"", b"\r\n"),
    "nothing but NUL": (b"", b"\0"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
    "early hints with endless fields": (b"HTTP/1.1 103 Early Hints\r\n", b"link: </a>\r\n"),
}


@pytest.mark.parametrize(
    ("name", "tls"), [*product(ENDLESS_HEADS, [False]), ("fields", True), ("early hints", True)]
)
async def test_endless_head(clock: MockClock, name: str, *, tls: bool) -> None:
    async with new_world(tls=tls) as world:
        for call in CALLS:
            world.next(endless(*ENDLESS_HEADS[name]))
            await world.fails(call, ProtocolError, after=0.0)
            await world.works(call)


@each_call
async def test_endless_1xx_that_takes_its_time(clock: MockClock, call: Call) -> None:
    async def hint(stream: Stream) -> None:
        await request_of(stream)
        while True:
            await stream.send_all(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            await trio.sleep(3.0)

    async with new_world(timeouts=Timeouts(read=5.0, total=10.0)) as world:
        world.next(hint)
        assert (await world.fails(call, APITimeoutError, after=10.0)).phase == "total"
        await world.works(call)


ENDLESS_BODIES = {
    "a chunk size": (CHUNKED, b"", b"0"),
    "a chunk extension": (CHUNKED, b"5;", b"a=b;"),
    "trailers": (CHUNKED, b"0\r\n", b"x-more: and more\r\n"),
    "a body": ("Connection: close", b"", b"{ " * 500),
    "an event": (CHUNKED, b"", chunk(b"data: " + b"x" * 5000)),
}


@each_scheme
@pytest.mark.parametrize("name", ENDLESS_BODIES)
async def test_endless_body(clock: MockClock, name: str, *, tls: bool) -> None:
    framing, first, piece = ENDLESS_BODIES[name]
    # A download may be as long as it likes: only where the framing never ends is it wrong.
    calls = (plain, streamed) if name in ("a body", "an event") else CALLS
    async with new_world(tls=tls) as world:
        for call in calls:
            kind = "text/event-stream" if call is streamed else "application/json"
            world.next(endless(head(framing, content_type=kind) + first, piece))
            await world.fails(call, after=0.0)
            await world.works(call)


# -- garbage instead of HTTP

DICE = random.Random(7)  # noqa: S311 (no secret)
GARBAGE = {
    "noise": DICE.randbytes(300),
    "text": b"Hello, this is not the web.\r\n" * 3,
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "smtp": b"220 mail.test ESMTP ready\r\n",
    "http 2": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + bytes(18),
    "http 0.9": b"<html>a page</html>",
    "another version": b"HTTP/3.0 200 OK\r\n\r\n",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a negative length": STATUS + JSON + b"Content-Length: -5\r\n\r\n",
    "two lengths": STATUS + JSON + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    "length and chunks": STATUS + JSON + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "an unknown coding": STATUS + EVENTS + b"Content-Encoding: nonsense\r\n\r\nabc",
    "no chunk": STATUS + EVENTS + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "another protocol": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
}


@pytest.mark.parametrize(("closes", "tls"), [(True, False), (False, True)], ids=["http", "https"])
@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage(clock: MockClock, name: str, *, closes: bool, tls: bool) -> None:
    async def say(stream: Stream) -> None:
        await request_of(stream)
        await stream.send_all(GARBAGE[name])
        if not closes:
            await stay(stream)

    async with new_world(tls=tls, timeouts=Timeouts(read=5.0)) as world:
        for call in CALLS:
            world.next(say)
            await world.fails(call)
            await world.works(call)


@each_call
async def test_garbage_anywhere(clock: MockClock, call: Call) -> None:
    """Where it hits what frames the answer it is an error; it never harms what follows."""
    async with new_world(timeouts=Timeouts(read=5.0)) as world:
        for at in range(0, len(WIRE[call]), 29):
            world.reply(call, Fault.garbage(at))
            before = descriptors()
            with suppress(GroqError), trio.fail_after(60):
                await call(world.client)
            await world.check(before)
        await world.works(call)


# -- gzip bomb


def bomb(size: int, *, status: str = "200 OK", content_type: str) -> bytes:
    body = gzip.compress(bytes(size), 9)
    coded = "Content-Encoding: gzip"
    return head(coded, f"Content-Length: {len(body)}", status=status, content_type=content_type) + (
        body
    )


@each_scheme
@each_call
async def test_gzip_bomb(clock: MockClock, call: Call, *, tls: bool) -> None:
    kind = "text/event-stream" if call is streamed else "application/json"
    async with new_world(tls=tls) as world:
        world.fake.enqueue(Reply.raw(bomb(8_000_000, content_type=kind)))
        await world.fails(call, (ProtocolError, StreamError), match="decoded|decompressed|gzip")
        await world.works(call)


@each_call
async def test_gzip_bomb_as_an_error(clock: MockClock, call: Call) -> None:
    async with new_world() as world:
        world.fake.enqueue(
            Reply.raw(bomb(8_000_000, status="500 No", content_type="application/json"))
        )
        # The status says more than its body.
        await world.fails(call, InternalServerError)
        await world.works(call)


# -- redirects

PLACES = {
    "another host": "https://evil.test/openai/v1/chat/completions",
    "another port": "http://127.0.0.1:{other}/",
    "another scheme": "https://127.0.0.1:{port}/",
    "another name": "http://localhost:{port}/",
    "no scheme": "//evil.test/x",
    "link-local": "http://169.254.169.254/latest/meta-data/",
    "link-local, no scheme": "//169.254.169.254/latest/meta-data/",
    "link-local, as a number": "http://2852039166/latest/meta-data/",
    "link-local, in hexadecimal": "http://0xa9fea9fe/",
    "link-local, in IPv6": "http://[::ffff:169.254.169.254]/",
    "link-local IPv6": "http://[fe80::1]/",
    "a user": "http://127.0.0.1:{port}@169.254.169.254/",
    "backslashes": "http:\\\\169.254.169.254\\x",
    "a file": "file:///etc/passwd",
    "an unfinished address": "http://[::1",
}


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every attempt to resolve or connect, ours and the tests' own."""
    seen: list[object] = []
    real = trio.open_tcp_stream

    async def open_tcp_stream(host: str, port: int) -> trio.SocketStream:
        seen.append((host, port))
        return await real(host, port)

    monkeypatch.setattr(trio, "open_tcp_stream", open_tcp_stream)
    return seen


@pytest.mark.parametrize("name", PLACES)
async def test_redirect_to_another_origin(
    clock: MockClock, sockets: list[object], name: str
) -> None:
    """Nobody else is asked, and nobody else is shown the key."""

    async def listen(stream: trio.SocketStream) -> None:
        raise AssertionError(stream)

    async with fronting(listen) as other, new_world(retries=2) as world:
        port = world.front.port
        place = PLACES[name].format(port=port, other=other.port)
        sockets.clear()
        for status, call in [*product([307], CALLS), *product([301, 302, 303, 308], [plain])]:
            moved = head("Content-Length: 0", f"Location: {place}", status=f"{status} Moved")
            world.fake.enqueue(Reply.raw(moved))
            error = await world.fails(call, APIStatusError, after=0.0)
            assert (error.status_code, error.attempts) == (status, 1)
            await world.works(call)
        assert {*sockets} == {("127.0.0.1", port)}
        assert other.accepted == 0


@each_call
async def test_redirects_in_a_circle(clock: MockClock, call: Call) -> None:
    circle = head("Content-Length: 0", "Location: /openai/v1/models", status="307 Moved")
    async with new_world() as world:
        world.fake.enqueue(*[Reply.raw(circle)] * 6)
        await world.fails(call, APIStatusError, match="at most 5 redirects")
        await world.works(call)


# -- clock jumps

DAY = 86_400.0


@each_scheme
@each_call
async def test_clock_jumps_while_nothing_is_called(
    clock: MockClock, call: Call, *, tls: bool
) -> None:
    """A machine that slept: what was idle is too old, and is not used again."""
    async with new_world(tls=tls) as world:
        for opened in (1, 2, 3):
            await world.works(call)
            assert world.client.pool.statistics().opened == opened
            clock.jump(DAY / 2)
        await world.works(call)


@each_scheme
@each_call
async def test_clock_jumps_in_a_call(clock: MockClock, call: Call, *, tls: bool) -> None:
    """What has waited past its limit ends at once; without limits nothing does."""
    limits = Timeouts(connect=None, pool=None, write=None, read=None)
    async with new_world(tls=tls, timeouts=Timeouts(read=5.0, total=60.0)) as world:
        world.fake.enqueue(Reply.raw(WIRE[call], fault=Fault.stall(40)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(jump_when_all_wait, clock)
            error = await world.fails(call, APITimeoutError)
        assert error.phase in ("read", "total")
        await world.works(call)
    async with new_world(tls=tls, timeouts=limits) as world:
        await world.works(call)
        world.fake.enqueue(Reply.raw(WIRE[call], fault=Fault.slow_drip(3600.0, 200, at=40)))
        with trio.fail_after(DAY):
            assert await call(world.client) == ANSWERS[call]
        await world.works(call)


async def jump_when_all_wait(clock: MockClock) -> None:
    await trio.testing.wait_all_tasks_blocked(0.002)
    clock.jump(DAY / 4)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Shifts the wall clock, by so many seconds."""
    real, shift = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + shift[0])

    def set_shift(seconds: float) -> None:
        shift[0] = seconds

    return set_shift


@each_call
@pytest.mark.parametrize("shift", [-30 * DAY, 30 * DAY])
async def test_wall_clock_jumps(
    clock: MockClock, wall: Callable[[float], None], call: Call, shift: float
) -> None:
    """Limits, waits and ages are told by the other clock: they are as they were."""
    async with new_world(timeouts=Timeouts(read=5.0), retries=1) as world:
        await world.works(call)
        wall(shift)
        await world.works(call)
        assert world.client.pool.statistics().opened == 1
        world.fake.enqueue(Reply.error(503, "later", retry_after=2))
        began = trio.current_time()
        await world.works(call)
        assert trio.current_time() - began == pytest.approx(2.0)
        world.fake.enqueue(*[Reply.raw(WIRE[call], fault=Fault.stall(40))] * 2)
        wall(-shift)
        assert (await world.fails(call, APIError, after=None)).attempts >= 1
        world.fake._script.clear()
        await world.works(call)


def http_date(seconds: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))


@each_call
@pytest.mark.parametrize("shift", [-30 * DAY, 0.0, 30 * DAY])
async def test_wall_clock_that_is_wrong_and_a_date_to_wait_for(
    clock: MockClock, wall: Callable[[float], None], call: Call, shift: float
) -> None:
    """The server's own clock says how far away the date is that it names."""
    now = time.time()
    dates = {"date": http_date(now), "retry-after": http_date(now + 10)}
    async with new_world(retries=1) as world:
        wall(shift)
        world.fake.enqueue(Reply.error(429, "slow", headers=dates.items()))
        began = trio.current_time()
        await world.works(call)
        assert 10.0 <= trio.current_time() - began <= 11.0


@each_call
async def test_a_wait_of_a_month_ends(clock: MockClock, call: Call) -> None:
    """Whoever named it: until then calls fail at once, and then they work."""
    async with new_world(retries=1) as world:
        world.fake.enqueue(Reply.error(429, "slow", retry_after=30 * DAY))
        error = await world.fails(call, RateLimitError, after=0.0)
        assert error.retry_after == 30 * DAY
        await world.fails(call, APITimeoutError, after=0.0)
        clock.jump(30 * DAY)
        await world.works(call)
