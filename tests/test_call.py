"""One logical call: its keys, its error bodies, and how it came.

Times are virtual and exact: the server shares the run's clock, and sends nothing while it stalls.
"""

from collections.abc import Callable
from typing import Any

import attrs
import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

import calling as calling_module
from calling import ASK, FAILED, MODELS, NO_RETRY, OK, calling, fetch, takes, times
from trio_groq._api.auth import Secret
from trio_groq._api.requests import RequestBuilder
from trio_groq._call import NOT_GIVEN
from trio_groq._http.deadlines import Timeouts
from trio_groq._http.pool_state import PoolLimits
from trio_groq.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
)
from trio_groq.testing import FakeGroq, Fault, Reply

# -- error bodies


async def test_an_error_s_body_that_never_comes_leaves_the_status(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    head = b"HTTP/1.1 404 Not Found\r\nx-request-id: req_9\r\nContent-Length: 90\r\n\r\n"
    fake_groq.enqueue(Reply.raw(head))
    with (
        calling(fake_groq.url, timeouts=Timeouts(read=7.0)) as caller,
        takes(7.0),
        pytest.raises(NotFoundError) as caught,
    ):
        await fetch(caller, MODELS)
    assert caught.value.request_id == "req_9"
    assert caught.value.body is None


BROKEN = b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n"


@pytest.mark.parametrize("together", [True, False], ids=["in one packet", "behind its head"])
async def test_an_error_s_body_that_breaks_leaves_the_status(
    fake_groq: FakeGroq, autojump_clock: MockClock, *, together: bool
) -> None:
    wire = b"HTTP/1.1 429 No\r\nx-request-id: req_9\r\nretry-after: 7\r\n" + BROKEN
    fault = None if together else Fault.split([wire.index(b"no chunk")])
    fake_groq.enqueue(Reply.raw(wire, fault=fault), Reply.raw(wire, fault=fault), OK)
    with calling(fake_groq.url, retry=NO_RETRY) as caller:
        with pytest.raises(RateLimitError) as caught:
            await fetch(caller, MODELS)
        assert (caught.value.request_id, caught.value.retry_after) == ("req_9", 7.0)
        assert caught.value.body is None
        await fetch(caller, MODELS, max_retries=1)  # and is repeated as the status wants it
    assert times(fake_groq) == [0, 7.0, 14.0]
    assert fake_groq.connections_opened == 3


@pytest.mark.parametrize("together", [True, False], ids=["in one packet", "behind its head"])
async def test_a_redirect_s_body_that_breaks_is_followed_all_the_same(
    fake_groq: FakeGroq, autojump_clock: MockClock, *, together: bool
) -> None:
    wire = b"HTTP/1.1 307 There\r\nLocation: /openai/v1/models\r\n" + BROKEN
    fault = None if together else Fault.split([wire.index(b"no chunk")])
    fake_groq.enqueue(Reply.raw(wire, fault=fault), OK)
    with calling(fake_groq.url) as caller:
        await fetch(caller, MODELS)
    assert fake_groq.connections_opened == 2


async def test_a_success_whose_body_breaks_is_its_body_s_error(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.raw(b"HTTP/1.1 200 OK\r\n" + BROKEN))
    with (
        calling(fake_groq.url, retry=NO_RETRY) as caller,
        pytest.raises(ProtocolError, match="chunk size"),
    ):
        await fetch(caller, MODELS)


async def test_only_the_beginning_of_a_long_error_is_read(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply(body=b"x" * 1_000_000, content_type="text/plain", status=400), OK)
    with calling(fake_groq.url) as caller:
        with pytest.raises(APIStatusError) as caught:
            await fetch(caller, MODELS)
        assert len(str(caught.value)) < 1000
        await fetch(caller, MODELS)
    assert fake_groq.connections_opened == 2


async def test_a_short_error_leaves_the_connection_usable(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(404, "no"), OK)
    with calling(fake_groq.url) as caller:
        with pytest.raises(NotFoundError):
            await fetch(caller, MODELS)
        await fetch(caller, MODELS)
    assert fake_groq.connections_opened == 1


async def test_a_body_has_a_limit(
    fake_groq: FakeGroq, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr(
        calling_module, "PAIR", msgspec.structs.replace(calling_module.PAIR, limit=10)
    )
    fake_groq.enqueue(Reply.json("1234567"), Reply.json("12345678901"))
    with calling(fake_groq.url) as caller:
        assert (await fetch(caller, MODELS))[0] == "1234567"
        with pytest.raises(APIError, match="response body: expected at most 10 bytes") as caught:
            await fetch(caller, MODELS)
    assert caught.value.request_id is not None


async def test_a_body_that_breaks_tells_the_request_id(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    head = b"HTTP/1.1 200 OK\r\nx-request-id: req_7\r\nContent-Length: 9\r\n\r\n"
    fake_groq.enqueue(Reply.raw(head + b"{", close=True))
    with (
        calling(fake_groq.url, retry=NO_RETRY) as caller,
        pytest.raises(APIConnectionError) as caught,
    ):
        await fetch(caller, MODELS)
    assert caught.value.request_id == "req_7"


# -- keys


def sync_key(keys: list[str]) -> Callable[[], Any]:
    return lambda: keys.pop(0)


def async_key(keys: list[str]) -> Callable[[], Any]:
    async def key() -> Secret:
        await trio.lowlevel.checkpoint()
        return Secret(keys.pop(0))

    return key


@pytest.mark.parametrize("kind", [sync_key, async_key])
async def test_a_key_function_is_asked_before_each_attempt(
    fake_groq: FakeGroq, kind: Callable[[list[str]], Any], autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, OK)
    with calling(fake_groq.url, key=kind(["gsk_old", "gsk_new"])) as caller:
        await fetch(caller, MODELS)
    sent = [request.header("authorization") for request in fake_groq.requests]
    assert sent == ["Bearer gsk_old", "Bearer gsk_new"]


@pytest.mark.parametrize("wrong", ["gsk_line\n", "", "gsk_é", None, 5])
async def test_a_wrong_key_from_a_function_is_not_sent_and_not_shown(
    fake_groq: FakeGroq, wrong: Any, autojump_clock: MockClock
) -> None:
    with (
        calling(fake_groq.url, key=lambda: wrong) as caller,
        pytest.raises(ConfigurationError, match=r"^api_key: expected") as caught,
    ):
        await fetch(caller, MODELS)
    assert "gsk" not in str(caught.value)
    assert fake_groq.connections_opened == 0


async def test_a_slow_key_function_is_within_the_total(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    async def key() -> str:
        await trio.sleep(10)
        return "gsk_test"

    fake_groq.enqueue(OK)
    with calling(fake_groq.url, key=key) as caller:
        with takes(4.0), pytest.raises(APITimeoutError) as caught:
            await fetch(caller, MODELS, timeout=4.0)
        with takes(10.0):
            await fetch(caller, MODELS)
    assert caught.value.phase == "key"


# -- how it came


async def test_meta_tells_how_a_call_came(
    fake_groq: FakeGroq, nursery: Any, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, head_delay=2.0), attrs.evolve(OK, head_delay=3.0))
    with calling(fake_groq.url, limits=PoolLimits(max_connections=1)) as caller:
        nursery.start_soon(fetch, caller, MODELS)
        await wait_all_tasks_blocked()
        _, made = await fetch(caller, MODELS)
    meta = made()
    assert meta.status == 200
    assert meta.request_id == meta.headers["x-request-id"]
    assert meta.attempts == 1
    timings = meta.timings
    assert (timings.queue, timings.connect, timings.first_byte) == (2.0, None, 3.0)
    assert (timings.first_token, timings.total) == (None, 5.0)
    assert "x-request-id" not in repr(meta)


async def test_a_first_call_states_its_connecting(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, OK)
    with calling(fake_groq.url) as caller:
        _, meta = await fetch(caller, MODELS)
    # The second attempt reused the first one's connection.
    assert meta().timings.connect is None
    assert meta().timings.total == 0.5
    with calling(fake_groq.url) as caller:
        fake_groq.enqueue(OK)
        _, meta = await fetch(caller, MODELS)
    assert meta().timings.connect == 0.0


async def test_an_open_response_is_given_back_once(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply(content="a b", fault=Fault.stall(500)))
    with calling(fake_groq.url) as caller:
        response = await caller.open(ASK, events=True)
        assert response.open
        assert not response.complete
        assert response.meta()().timings.total == 0.0
        response.finish()
        response.finish()
        response.abandon()
        assert not response.open
        assert response.complete
        assert caller.pool.statistics().closed == 1


async def test_an_abandoned_response_frees_its_place_at_finish(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply(content="a b", fault=Fault.stall(500)))
    with calling(fake_groq.url) as caller:
        response = await caller.open(ASK, events=True)
        response.abandon()
        assert caller.pool.statistics().leased == 1
        response.finish()


def test_not_given_says_so() -> None:
    assert repr(NOT_GIVEN) == "NOT_GIVEN"


async def test_a_caller_shows_no_key_and_no_header(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    with calling(fake_groq.url) as caller:
        builder = RequestBuilder(caller.builder.base, {"x-token": "hidden"}, {"y": "hidden"})
        other = msgspec.structs.replace(caller, builder=builder)
        assert "gsk" not in repr(other)
        assert "hidden" not in repr(other)
