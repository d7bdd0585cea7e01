"""What a limit that passes tells: phase, limit, what had been received; and whose limit it was.

Times are virtual and exact.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, TypeAlias

import attrs
import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from calling import ASK, MODELS, NO_RETRY, OK, NoAnswer, calling, fetch, takes
from fault_calls import FILE_ID, WIRE, downloaded, plain, streamed
from fault_world import calm_clock
from observe.told_events import Heard
from streaming import ASK as STREAM
from streaming import client_of
from trio_groq import ClientConfig, GroqClient, Timeouts
from trio_groq._http.pool_state import PoolLimits
from trio_groq.errors import APITimeoutError
from trio_groq.testing import FakeGroq, Fault, Reply

CALL = "the whole call"
NEXT = "the next bytes of the response"
FIRST = "the first byte of the response"
TOKEN = "the first token of the stream"

Jump: TypeAlias = Callable[[float], None]


@attrs.frozen
class Case:
    """Limits of which one is to pass, after how many seconds, and what its error says."""

    limits: Timeouts
    phase: str
    awaited: str
    after: float = 3.0

    def text(self, received: str) -> str:
        return (
            f"{self.phase} timeout: expected {self.awaited} within {self.after:g} s, got {received}"
        )


READ = Case(Timeouts(read=3.0), "read", NEXT)
TOTAL = Case(Timeouts(read=7.0, total=3.0), "total", CALL)


def each_case(*cases: Case) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.phase for case in cases])


@pytest.fixture
def clock() -> MockClock:
    return calm_clock()


def behind_head(wire: bytes) -> int:
    return wire.index(b"\r\n\r\n") + 4


# -- before a request is sent


async def text_of(caller: Any, after: float, **options: Any) -> str:
    with takes(after), pytest.raises(APITimeoutError) as caught:
        await fetch(caller, MODELS, **options)
    assert caught.value.limit == after
    assert str(caught.value).startswith(f"{caught.value.phase} timeout: expected ")
    return str(caught.value)


@each_case(
    Case(Timeouts(connect=3.0), "connect", "a connection (DNS, TCP and TLS)"),
    Case(Timeouts(connect=None, total=3.0), "total", CALL),
)
async def test_without_an_address(case: Case, autojump_clock: MockClock) -> None:
    trio.socket.set_custom_hostname_resolver(NoAnswer())
    with calling("http://localhost:9", timeouts=case.limits, retry=NO_RETRY) as caller:
        assert await text_of(caller, 3.0) == case.text(
            "0 bytes: no TCP connection to http://localhost:9 yet"
        )


@each_case(
    Case(Timeouts(pool=3.0), "pool", "a free connection"),
    Case(Timeouts(pool=None, total=3.0), "total", CALL),
)
async def test_without_a_free_connection(
    fake_groq: FakeGroq, case: Case, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    one = PoolLimits(max_connections=1)
    with calling(fake_groq.url, limits=one, timeouts=case.limits) as caller:

        async def hold() -> None:
            with holding:
                await fetch(caller, MODELS, timeout=None)

        holding = trio.CancelScope()
        nursery.start_soon(hold)
        await wait_all_tasks_blocked()
        assert await text_of(caller, 3.0) == case.text(
            "0 bytes: nothing was sent, all connections are in use"
        )
        holding.cancel()
        await wait_all_tasks_blocked()


async def test_without_a_key(autojump_clock: MockClock) -> None:
    async def key() -> str:
        await trio.sleep_forever()
        raise AssertionError

    with (
        calling("http://localhost:9", key=key, timeouts=Timeouts(total=3.0)) as caller,
        takes(3.0),
        pytest.raises(APITimeoutError) as caught,
    ):
        await fetch(caller, MODELS)
    assert str(caught.value) == (
        "key timeout: expected the function for the key to be done within 3 s (the call's "
        "limit), got 0 bytes: nothing was sent"
    )
    assert (caught.value.phase, caught.value.limit) == ("key", 3.0)


# -- while it is sent


@each_case(
    Case(Timeouts(write=3.0), "write", "the connection to take more of the request"),
    Case(Timeouts(write=None, total=3.0), "total", CALL),
)
@pytest.mark.parametrize("early", [b"", b"HTTP/1.1 2"], ids=["silent", "begun"])
async def test_a_server_that_does_not_read(
    case: Case, early: bytes, nursery: trio.Nursery, clock: MockClock
) -> None:
    async def serve(stream: trio.SocketStream) -> None:
        if early:
            await stream.send_all(early)
        await trio.sleep(100)
        await stream.aclose()

    listeners = await nursery.start(trio.serve_tcp, serve, 0)
    url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
    call = msgspec.structs.replace(ASK, body=b"x" * (16 << 20))
    with calling(url, timeouts=case.limits, retry=NO_RETRY) as caller:
        with takes(3.0), pytest.raises(APITimeoutError) as caught:
            await fetch(caller, call)
        received = f"head in part: {len(early)} bytes" if early else "0 bytes"
        found = re.fullmatch(
            re.escape(case.text(f"{received} after ")) + r"(\d+) of (\d+) bytes were sent",
            str(caught.value),
        )
        assert found is not None, str(caught.value)
        sent, length = map(int, found.groups())
        assert 0 < sent < 16 << 20 < length < (16 << 20) + 1000
    nursery.cancel_scope.cancel()


# -- its response


async def failure_of(server: FakeGroq, call: Any, case: Case, at: int) -> str:
    """What is said when the response stops after `at` bytes."""
    server.enqueue(Reply.raw(WIRE[call], fault=Fault.stall(at)))
    async with client_of(server, timeout=case.limits, max_retries=0) as client:
        with takes(case.after), pytest.raises(APITimeoutError) as caught:
            await call(client)
        assert client.pool.statistics().leased == 0
    assert (caught.value.phase, caught.value.limit) == (case.phase, case.after)
    return caught.value.message


PLACES: dict[str, tuple[Callable[[bytes], int], str]] = {
    "nothing": (lambda _: 0, "0 bytes"),
    "head": (lambda _: 37, "head in part: 37 bytes"),
    "no body": (behind_head, "status 200 and 0 bytes of body"),
    "body": (lambda wire: behind_head(wire) + 9, "status 200 and 9 bytes of body"),
}


@pytest.mark.parametrize("call", [plain, downloaded])
@pytest.mark.parametrize("place", PLACES)
@each_case(READ, TOTAL, Case(Timeouts(read=3.0, first_byte=7.0), "first_byte", FIRST, 7.0))
async def test_a_response_that_stops(
    fake_groq: FakeGroq, call: Any, place: str, case: Case, autojump_clock: MockClock
) -> None:
    at_of, received = PLACES[place]
    if case.phase == "first_byte" and place != "nothing":  # from then on the gap is limited
        case = attrs.evolve(READ, limits=case.limits)
    assert await failure_of(fake_groq, call, case, at_of(WIRE[call])) == case.text(received)


@pytest.mark.parametrize(
    ("mark", "events"),
    [
        pytest.param(b"data: ", "0 events", id="none"),
        pytest.param(b" said", "1 event", id="one"),
        pytest.param(b"data: [DONE]", "4 events", id="all"),
    ],
)
@each_case(READ, TOTAL, Case(Timeouts(read=7.0, first_token=3.0), "first_token", TOKEN))
async def test_a_stream_that_stops(
    fake_groq: FakeGroq, mark: bytes, events: str, case: Case, autojump_clock: MockClock
) -> None:
    if case.phase == "first_token" and events != "0 events":  # from then on the gap is limited
        case = Case(case.limits, "read", NEXT, 7.0)
    at = WIRE[streamed].index(mark)
    size = at - behind_head(WIRE[streamed])
    assert await failure_of(fake_groq, streamed, case, at) == case.text(
        f"status 200 and {size} bytes of body, {events}"
    )


@pytest.mark.parametrize("at", [0, 37])
async def test_a_first_token_before_the_head(
    fake_groq: FakeGroq, at: int, autojump_clock: MockClock
) -> None:
    case = Case(Timeouts(first_token=3.0), "first_token", TOKEN)
    received = f"head in part: {at} bytes" if at else "0 bytes"
    assert await failure_of(fake_groq, streamed, case, at) == case.text(received)


# -- the first byte


@pytest.mark.parametrize(
    ("limits", "fails"),
    [
        pytest.param(Timeouts(read=2.0), "read", id="read"),
        pytest.param(Timeouts(read=2.0, first_byte=6.0), None, id="longer"),
        pytest.param(Timeouts(read=9.0, first_byte=4.0), "first_byte", id="shorter"),
        pytest.param(Timeouts(read=None, first_byte=4.0), "first_byte", id="alone"),
        pytest.param(Timeouts(read=None, first_byte=4.0, total=3.0), "total", id="total"),
    ],
)
async def test_the_first_byte_has_a_limit_instead_of_the_gap_s(
    fake_groq: FakeGroq, limits: Timeouts, fails: str | None, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply(content="You said: Hello", head_delay=5.0))
    async with client_of(fake_groq, timeout=limits, max_retries=0) as client:
        if fails is None:
            with takes(5.0):
                assert await plain(client) == "You said: Hello"
            return
        with takes(getattr(limits, fails)), pytest.raises(APITimeoutError) as caught:
            await plain(client)
    assert (caught.value.phase, caught.value.limit) == (fails, getattr(limits, fails))


@pytest.mark.parametrize("phase", ["first_byte", "read"])
async def test_behind_the_first_byte_the_gap_is_limited(
    fake_groq: FakeGroq, phase: str, autojump_clock: MockClock
) -> None:
    """Whether the limit on the first byte is the longer one or the shorter."""
    limits = Timeouts(read=3.0, first_byte=9.0 if phase == "read" else 2.0)
    drip = Fault.slow_drip(2.5, size=20)
    fake_groq.enqueue(Reply.raw(WIRE[plain], fault=drip))
    async with client_of(fake_groq, timeout=limits, max_retries=0) as client:
        if phase == "read":
            assert await plain(client) == "You said: Hello"
        else:
            with takes(2.0), pytest.raises(APITimeoutError) as caught:
                await plain(client)
            assert caught.value.phase == "first_byte"


async def test_the_first_byte_of_one_call_and_of_a_view(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(*[attrs.evolve(OK, fault=Fault.stall(0))] * 3)
    async with client_of(fake_groq, timeout=Timeouts(first_byte=9.0), max_retries=0) as client:
        view = client.with_options(timeout=Timeouts(first_byte=2.0))
        for caller, options, after in (
            (client, {"timeout": Timeouts(first_byte=4.0)}, 4.0),
            (view, {}, 2.0),
            (view, {"timeout": 1.0}, 1.0),  # a number replaces the total alone
        ):
            with takes(after), pytest.raises(APITimeoutError) as caught:
                await caller.models.list(**options)
            assert caught.value.phase == ("total" if after == 1.0 else "first_byte")
        assert view.config.timeouts.first_byte == 2.0


async def test_a_late_first_byte_is_tried_again(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    with calling(fake_groq.url, timeouts=Timeouts(first_byte=2.0)) as caller, takes(2.5):
        await fetch(caller, MODELS)
    assert fake_groq.connections_opened == 2


# -- whose limit it was

LINE = b'"a"}'
"""A part of the file's content, some of which is in front of it."""

Reading: TypeAlias = Literal["pieces", "stream", "batches"]


async def reading(client: Any, kind: Reading, jump: Jump, work: float) -> None:
    """Read on after work that lets nobody else run."""
    if kind == "pieces":
        async with await client.files.content(FILE_ID) as response:
            pieces = response.aiter_bytes()
            await anext(pieces)
            jump(work)
            await anext(pieces)
        return
    async with client.chat.completions.stream(**STREAM) as stream:
        source = stream if kind == "stream" else stream.batches()
        await anext(source)
        jump(work)
        await anext(source)


@pytest.mark.parametrize("kind", ["pieces", "stream", "batches"])
@pytest.mark.parametrize(
    ("theirs", "work"),
    [(3.0, 6.0), (5.0, 5.0), (3.0, 4.0)],
    ids=["both have passed", "at once", "only theirs"],
)
async def test_a_caller_whose_deadline_was_first_is_cancelled(
    fake_groq: FakeGroq, kind: Reading, theirs: float, work: float, autojump_clock: MockClock
) -> None:
    call, mark = (downloaded, LINE) if kind == "pieces" else (streamed, b" said")
    wire = WIRE[call]
    fake_groq.enqueue(Reply.raw(wire, fault=Fault.stall(wire.index(mark))))
    async with client_of(fake_groq, timeout=Timeouts(total=5.0), max_retries=0) as client:
        with trio.move_on_after(theirs) as scope:
            await reading(client, kind, autojump_clock.jump, work)
        assert scope.cancelled_caught
        assert client.pool.statistics().open == 0


@pytest.mark.parametrize("kind", ["pieces", "stream", "batches"])
async def test_a_caller_whose_deadline_is_still_to_come_is_told_of_ours(
    fake_groq: FakeGroq, kind: Reading, autojump_clock: MockClock
) -> None:
    call, mark = (downloaded, LINE) if kind == "pieces" else (streamed, b" said")
    wire = WIRE[call]
    fake_groq.enqueue(Reply.raw(wire, fault=Fault.stall(wire.index(mark))))
    async with client_of(fake_groq, timeout=Timeouts(total=5.0), max_retries=0) as client:
        with trio.move_on_after(7.0) as scope, pytest.raises(APITimeoutError) as caught:
            await reading(client, kind, autojump_clock.jump, 6.0)
        assert caught.value.phase == "total"
        assert not scope.cancel_called


@pytest.mark.parametrize("theirs", [3.0, 7.0])
async def test_observers_hear_of_the_deadline_that_was_first(
    fake_groq: FakeGroq, theirs: float, autojump_clock: MockClock
) -> None:
    heard = Heard()
    wire = WIRE[streamed]
    fake_groq.enqueue(Reply.raw(wire, fault=Fault.stall(wire.index(b" said"))))
    observers: Any = (heard,)
    config = ClientConfig(
        api_key="gsk_test",
        base_url=fake_groq.url,
        timeouts=Timeouts(total=5.0),
        observers=observers,
    )
    async with GroqClient(config=config) as client:
        with trio.move_on_after(theirs), suppress(APITimeoutError):
            await reading(client, "stream", autojump_clock.jump, 6.0)
    assert heard.names()[-1] == ("CallCancelled" if theirs < 5.0 else "CallFailed")


async def at_once(caller: Any, call: Any = MODELS) -> None:
    """A call whose caller gives up at the moment when a limit passes."""
    with takes(3.0), trio.move_on_after(3.0) as scope:
        await fetch(caller, call)
    assert scope.cancelled_caught


EACH = Timeouts(connect=3.0, pool=3.0, write=3.0, read=3.0, first_byte=3.0, total=3.0)


async def test_both_at_once_without_an_address(autojump_clock: MockClock) -> None:
    trio.socket.set_custom_hostname_resolver(NoAnswer())
    with calling("http://localhost:9", timeouts=EACH) as caller:
        await at_once(caller)


@pytest.mark.parametrize("tls", [None, 3.0])
async def test_both_at_once_in_a_handshake(tls: float | None, autojump_clock: MockClock) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        url = f"https://127.0.0.1:{listener.socket.getsockname()[1]}"
        with calling(url, timeouts=attrs.evolve(EACH, tls=tls)) as caller:
            await at_once(caller)


async def test_both_at_once_while_a_request_is_sent(autojump_clock: MockClock) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        with calling(url, timeouts=EACH) as caller:
            await at_once(caller, msgspec.structs.replace(ASK, body=b"x" * (16 << 20)))


async def test_both_at_once_in_the_pool(
    fake_groq: FakeGroq, nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    with calling(fake_groq.url, limits=PoolLimits(max_connections=1), timeouts=EACH) as caller:
        holding = trio.CancelScope()

        async def hold() -> None:
            with holding:
                await fetch(caller, MODELS, timeout=Timeouts())

        nursery.start_soon(hold)
        await wait_all_tasks_blocked()
        await at_once(caller)
        holding.cancel()
        await wait_all_tasks_blocked()


@pytest.mark.parametrize("theirs", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("place", PLACES)
async def test_a_caller_s_deadline_in_each_place(
    fake_groq: FakeGroq, place: str, theirs: float, autojump_clock: MockClock
) -> None:
    """Earlier than ours, or at the same moment."""
    limits = Timeouts(read=3.0, first_byte=3.0, total=3.0, first_token=3.0)
    wire = WIRE[streamed]
    fake_groq.enqueue(Reply.raw(wire, fault=Fault.stall(PLACES[place][0](wire))))
    async with client_of(fake_groq, timeout=limits, max_retries=0) as client:
        with takes(theirs), trio.move_on_after(theirs) as scope:
            await streamed(client)
        assert scope.cancelled_caught
        assert client.pool.statistics().open == 0
