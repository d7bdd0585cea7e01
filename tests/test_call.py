"""One logical call: limits by phase and in total, repetition, keys, and how a call came.

Times are virtual and exact: the server shares the run's clock, and sends nothing while it stalls.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import attrs
import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_groq import _call
from trio_groq._api.auth import ApiKey, Secret
from trio_groq._api.requests import EVENT_STREAM, JSON, Call, RequestBuilder
from trio_groq._api.retry import RetryPolicy
from trio_groq._api.urls import parse_base_url
from trio_groq._call import NOT_GIVEN, Caller
from trio_groq._http.deadlines import Timeouts
from trio_groq._http.dial import Dialer
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.pool_state import PoolLimits
from trio_groq.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    InternalServerError,
    NotFoundError,
    PoolTimeoutError,
    RateLimitError,
)
from trio_groq.testing import FakeGroq, Fault, Reply

KEY = Secret("gsk_test")
MODELS = Call(method="GET", path="/openai/v1/models")
ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
OK = Reply.json({"ok": True})
FAILED = Reply.error(500, "failed")
NO_RETRY = RetryPolicy(max_retries=0)
ASK = Call(
    method="POST",
    path="/openai/v1/chat/completions",
    body=msgspec.json.encode(
        {
            "model": "llama-3.1-8b-instant",
            "messages": [{"role": "user", "content": "Hello"}],
            "stream": True,
        }
    ),
    content_type=JSON,
    accept=EVENT_STREAM,
)


def new_pool(limits: PoolLimits | None = None) -> ConnectionPool:
    return ConnectionPool(Dialer(), limits or PoolLimits(), ExchangeLimits())


@contextmanager
def calling(
    url: str, *, u: float = 0.0, key: ApiKey = KEY, limits: PoolLimits | None = None, **rest: Any
) -> Iterator[Caller]:
    pool = new_pool(limits)
    builder = RequestBuilder(parse_base_url(url), {}, {})
    yield Caller(pool=pool, builder=builder, api_key=key, random=lambda: u, **rest)
    assert pool.statistics().leased == 0
    assert pool.statistics().dialling == 0
    assert pool.statistics().waiting == 0
    pool.close()


def times(server: FakeGroq) -> list[float]:
    first = server.requests[0].received_at
    return [request.received_at - first for request in server.requests]


@contextmanager
def takes(seconds: float) -> Iterator[None]:
    started = trio.current_time()
    yield
    assert trio.current_time() - started == pytest.approx(seconds, abs=1e-9)


# -- repetition


@pytest.mark.parametrize("status", [408, 409, 429, 498, 500, 502, 503, 504, 529, 599])
async def test_statuses_that_may_pass_are_tried_again(
    fake_groq: FakeGroq, status: int, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(status, "later"), OK)
    with calling(fake_groq.url) as caller, takes(0.5):
        value, meta = await caller.fetch(MODELS, ANY)
    assert (value, meta().attempts) == ({"ok": True}, 2)
    assert len(fake_groq.requests) == 2


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 413, 422, 424, 451])
async def test_other_statuses_are_not(
    fake_groq: FakeGroq, status: int, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(status, "never"), OK)
    with calling(fake_groq.url) as caller, takes(0), pytest.raises(APIStatusError) as caught:
        await caller.fetch(MODELS, ANY)
    assert (caught.value.status_code, caught.value.attempts) == (status, 1)
    assert len(fake_groq.requests) == 1


@pytest.mark.parametrize(
    ("u", "expected"),
    [
        pytest.param(0.0, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0], id="no-jitter"),
        pytest.param(0.5, [0.4375, 0.875, 1.75, 3.5, 7.0, 7.0], id="half"),
        pytest.param(0.8, [0.4, 0.8, 1.6, 3.2, 6.4, 6.4], id="most"),
    ],
)
async def test_waits_double_up_to_a_maximum_and_jitter_shortens_them(
    fake_groq: FakeGroq, u: float, expected: list[float], autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(*[FAILED] * 7)
    with (
        calling(fake_groq.url, u=u, retry=RetryPolicy(max_retries=6)) as caller,
        pytest.raises(InternalServerError) as caught,
    ):
        await caller.fetch(MODELS, ANY)
    assert caught.value.attempts == 7
    sent = times(fake_groq)
    waits = [late - early for early, late in pairwise(sent)]
    assert waits == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        pytest.param({"retry-after": "3"}, 3.0, id="seconds"),
        pytest.param({"retry-after-ms": "1500"}, 1.5, id="milliseconds"),
        pytest.param({"retry-after-ms": "250", "retry-after": "9"}, 0.25, id="both"),
        pytest.param({"retry-after": "60"}, 60.0, id="longest"),
        pytest.param({"retry-after": "nonsense"}, 0.5, id="nonsense"),
        pytest.param({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.5, id="past-date"),
    ],
)
async def test_the_server_says_how_long_to_wait(
    fake_groq: FakeGroq, headers: dict[str, str], wait: float, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "slow", headers=headers.items()), OK)
    with calling(fake_groq.url) as caller, takes(wait):
        await caller.fetch(MODELS, ANY)


async def test_a_wait_that_is_too_long_is_told_and_not_slept(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "slow", retry_after=61), OK)
    with calling(fake_groq.url) as caller, takes(0), pytest.raises(RateLimitError) as caught:
        await caller.fetch(MODELS, ANY)
    assert caught.value.retry_after == 61
    assert len(fake_groq.requests) == 1


@pytest.mark.parametrize(
    ("status", "told", "sent"), [(500, "false", 1), (400, "true", 2), (500, "maybe", 2)]
)
async def test_x_should_retry_overrules_the_status(
    fake_groq: FakeGroq, status: int, told: str, sent: int, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(status, "x", headers=[("x-should-retry", told)]), FAILED)
    with (
        calling(fake_groq.url, retry=RetryPolicy(max_retries=1)) as caller,
        pytest.raises(APIStatusError),
    ):
        await caller.fetch(MODELS, ANY)
    assert len(fake_groq.requests) == sent


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault.before_response_close(), id="closed"),
        pytest.param(Fault.reset(0), id="reset"),
        pytest.param(Fault.truncate(20), id="head-cut"),
        pytest.param(Fault.reset(40), id="head-reset"),
        pytest.param(Fault.garbage(0), id="garbage"),
    ],
)
async def test_broken_connections_are_tried_again(
    fake_groq: FakeGroq, fault: Fault, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=fault), OK)
    with calling(fake_groq.url) as caller, takes(0.5):
        _, meta = await caller.fetch(MODELS, ANY)
    assert meta().attempts == 2
    assert fake_groq.connections_opened == 2


async def test_a_body_that_breaks_off_is_tried_again(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    torn = Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", close=True)
    fake_groq.enqueue(torn, OK)
    with calling(fake_groq.url) as caller, takes(0.5):
        value, _ = await caller.fetch(MODELS, ANY)
    assert value == {"ok": True}


async def test_a_stale_connection_is_replaced_at_once_and_is_no_attempt(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(OK, attrs.evolve(OK, fault=Fault.before_response_close()), OK)
    with calling(fake_groq.url, retry=NO_RETRY) as caller, takes(0):
        await caller.fetch(MODELS, ANY)
        _, meta = await caller.fetch(MODELS, ANY)
    assert meta().attempts == 1
    assert [request.connection for request in fake_groq.requests] == [1, 1, 2]


async def test_after_a_byte_of_a_response_nothing_is_replayed(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(OK, attrs.evolve(OK, fault=Fault.truncate(1)), OK)
    with calling(fake_groq.url, retry=NO_RETRY) as caller:
        await caller.fetch(MODELS, ANY)
        with pytest.raises(APIConnectionError):
            await caller.fetch(MODELS, ANY)
    assert len(fake_groq.requests) == 2


async def test_nothing_is_tried_again_with_max_retries_0(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, OK)
    with (
        calling(fake_groq.url) as caller,
        takes(0),
        pytest.raises(InternalServerError) as caught,
    ):
        await caller.fetch(MODELS, ANY, max_retries=0)
    assert caught.value.attempts == 1


async def test_refused_connections_are_counted_as_attempts(autojump_clock: MockClock) -> None:
    with trio.socket.socket() as unused:
        await unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with calling(url) as caller, takes(1.5), pytest.raises(APIConnectionError) as caught:
            await caller.fetch(MODELS, ANY)
    assert caught.value.attempts == 3
    assert caught.value.request is not None
    assert caught.value.request.url == f"{url}/openai/v1/models"


async def test_a_wrong_body_is_not_tried_again(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"))
    with calling(fake_groq.url) as caller, pytest.raises(APIResponseValidationError) as caught:
        await caller.fetch(MODELS, ANY)
    assert caught.value.attempts == 1


# -- repetition and deadlines


@pytest.mark.parametrize(
    "fault", [None, Fault.before_response_close()], ids=["status", "connection"]
)
async def test_no_wait_begins_that_the_caller_s_deadline_would_end(
    fake_groq: FakeGroq, fault: Fault | None, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(FAILED, fault=fault))
    with calling(fake_groq.url) as caller, takes(0), trio.move_on_after(0.5) as scope:
        with pytest.raises(APIError) as caught:
            await caller.fetch(MODELS, ANY)
        assert caught.value.attempts == 1
    assert not scope.cancelled_caught


async def test_a_wait_that_ends_before_the_deadline_is_begun(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, OK)
    with calling(fake_groq.url) as caller, trio.fail_after(0.6), takes(0.5):
        await caller.fetch(MODELS, ANY)


async def test_no_wait_begins_that_the_total_would_end(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "slow", retry_after=4))
    with (
        calling(fake_groq.url, timeouts=Timeouts(total=4.0)) as caller,
        takes(0),
        pytest.raises(RateLimitError),
    ):
        await caller.fetch(MODELS, ANY)


async def test_a_stream_waits_no_longer_than_its_first_token_may(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "slow", retry_after=4))
    with (
        calling(fake_groq.url, timeouts=Timeouts(first_token=3.0)) as caller,
        takes(0),
        pytest.raises(RateLimitError),
    ):
        await caller.open_stream(ASK)


async def test_the_total_is_over_all_attempts(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, attrs.evolve(OK, fault=Fault.stall(5)))
    with (
        calling(fake_groq.url, timeouts=Timeouts(total=2.0)) as caller,
        takes(2.0),
        pytest.raises(APITimeoutError) as caught,
    ):
        await caller.fetch(MODELS, ANY)
    assert (caught.value.phase, caught.value.limit, caught.value.attempts) == ("total", 2.0, 2)
    assert times(fake_groq) == [0, 0.5]


async def test_the_first_token_is_counted_from_the_call_s_beginning(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, attrs.evolve(OK, fault=Fault.stall(5)))
    with (
        calling(fake_groq.url, timeouts=Timeouts(first_token=3.0)) as caller,
        takes(3.0),
        pytest.raises(APITimeoutError) as caught,
    ):
        await caller.open_stream(ASK)
    assert (caught.value.phase, caught.value.limit) == ("first_token", 3.0)


# -- limits by phase


async def test_read_is_tried_again_and_names_its_limit(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(*[attrs.evolve(OK, fault=Fault.stall(0))] * 3)
    with (
        calling(fake_groq.url, timeouts=Timeouts(read=7.0)) as caller,
        takes(7 * 3 + 1.5),
        pytest.raises(APITimeoutError, match="next bytes of the response within 7 s") as got,
    ):
        await caller.fetch(MODELS, ANY)
    assert (got.value.phase, got.value.limit, got.value.attempts) == ("read", 7.0, 3)
    assert fake_groq.connections_opened == 3


async def test_read_is_the_gap_and_not_the_sum(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    drip = Fault.slow_drip(5.0, size=50)
    fake_groq.enqueue(attrs.evolve(OK, fault=drip))
    with calling(fake_groq.url, timeouts=Timeouts(read=6.0), retry=NO_RETRY) as caller:
        started = trio.current_time()
        await caller.fetch(MODELS, ANY)
        assert trio.current_time() - started > 20


async def test_pool_is_exact_and_not_tried_again(
    fake_groq: FakeGroq, nursery: Any, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    limits = PoolLimits(max_connections=1)
    timeouts = Timeouts(pool=2.5)
    with calling(fake_groq.url, limits=limits, timeouts=timeouts) as caller:
        holding = trio.CancelScope()

        async def hold() -> None:
            with holding:
                await caller.fetch(MODELS, ANY)

        nursery.start_soon(hold)
        await wait_all_tasks_blocked()
        with takes(2.5), pytest.raises(PoolTimeoutError) as caught:
            await caller.fetch(MODELS, ANY)
        assert (caught.value.phase, caught.value.limit) == ("pool", 2.5)
        assert caught.value.attempts == 1
        assert caller.pool.statistics().waiting == 0
        holding.cancel()
        await wait_all_tasks_blocked()


async def test_a_total_that_passes_in_the_pool_is_the_total(
    fake_groq: FakeGroq, nursery: Any, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    with calling(fake_groq.url, limits=PoolLimits(max_connections=1)) as caller:
        holding = trio.CancelScope()

        async def hold() -> None:
            with holding:
                await caller.fetch(MODELS, ANY)

        nursery.start_soon(hold)
        await wait_all_tasks_blocked()
        with takes(1.5), pytest.raises(APITimeoutError) as caught:
            await caller.fetch(MODELS, ANY, timeout=1.5)
        assert type(caught.value) is APITimeoutError
        assert caught.value.phase == "total"
        holding.cancel()
        await wait_all_tasks_blocked()


class NoAnswer(trio.abc.HostnameResolver):
    """A resolver that never answers."""

    async def getaddrinfo(self, *args: object, **kwargs: object) -> Any:
        await trio.sleep_forever()

    async def getnameinfo(self, *args: object, **kwargs: object) -> Any:
        raise NotImplementedError


async def test_connect_is_exact(autojump_clock: MockClock) -> None:
    trio.socket.set_custom_hostname_resolver(NoAnswer())
    timeouts = Timeouts(connect=3.0)
    with (
        calling("http://localhost:9", timeouts=timeouts, retry=NO_RETRY) as caller,
        takes(3.0),
        pytest.raises(APITimeoutError) as caught,
    ):
        await caller.fetch(MODELS, ANY)
    assert (caught.value.phase, caught.value.limit) == ("connect", 3.0)


async def test_write_is_exact(autojump_clock: MockClock) -> None:
    # A listener that never accepts: the kernel takes what its buffers hold, and no more.
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        call = attrs.evolve(ASK, body=b"x" * (16 << 20))
        with (
            calling(url, timeouts=Timeouts(write=4.0), retry=NO_RETRY) as caller,
            takes(4.0),
            pytest.raises(APITimeoutError) as caught,
        ):
            await caller.fetch(call, ANY)
    assert (caught.value.phase, caught.value.limit) == ("write", 4.0)


@pytest.mark.parametrize("deadline", [3.0, 7.0], ids=["earlier", "the-same"])
async def test_the_caller_s_deadline_stays_a_cancellation(
    fake_groq: FakeGroq, deadline: float, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    with calling(fake_groq.url, timeouts=Timeouts(read=7.0, total=8.0)) as caller:
        with takes(deadline), trio.move_on_after(deadline) as scope:
            await caller.fetch(MODELS, ANY)
        assert scope.cancelled_caught


async def test_our_limit_never_looks_like_the_caller_s(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, fault=Fault.stall(0)))
    with calling(fake_groq.url, timeouts=Timeouts(read=7.0), retry=NO_RETRY) as caller:
        with trio.move_on_after(7.5) as scope, pytest.raises(APITimeoutError):
            await caller.fetch(MODELS, ANY)
        assert not scope.cancel_called


async def test_a_timeout_of_one_call_is_that_call_s(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(*[attrs.evolve(OK, fault=Fault.stall(0))] * 2)
    with calling(fake_groq.url, timeouts=Timeouts(read=7.0), retry=NO_RETRY) as caller:
        with takes(2.0), pytest.raises(APITimeoutError):
            await caller.fetch(MODELS, ANY, timeout=2.0)
        with takes(1.0), pytest.raises(APITimeoutError):
            await caller.fetch(MODELS, ANY, timeout=Timeouts(read=1.0))


async def test_a_wrong_option_of_a_call_is_a_configuration_error(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    with calling(fake_groq.url) as caller:
        with pytest.raises(ConfigurationError, match="total: expected a number > 0"):
            await caller.fetch(MODELS, ANY, timeout=-1)
        with pytest.raises(ConfigurationError, match="max_retries: expected an integer >= 0"):
            await caller.fetch(MODELS, ANY, max_retries=-1)
    assert fake_groq.connections_opened == 0


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
        await caller.fetch(MODELS, ANY)
    assert caught.value.request_id == "req_9"
    assert caught.value.body is None


async def test_only_the_beginning_of_a_long_error_is_read(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply(body=b"x" * 1_000_000, content_type="text/plain", status=400), OK)
    with calling(fake_groq.url) as caller:
        with pytest.raises(APIStatusError) as caught:
            await caller.fetch(MODELS, ANY)
        assert len(str(caught.value)) < 1000
        await caller.fetch(MODELS, ANY)
    assert fake_groq.connections_opened == 2


async def test_a_short_error_leaves_the_connection_usable(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(404, "no"), OK)
    with calling(fake_groq.url) as caller:
        with pytest.raises(NotFoundError):
            await caller.fetch(MODELS, ANY)
        await caller.fetch(MODELS, ANY)
    assert fake_groq.connections_opened == 1


async def test_a_body_has_a_limit(
    fake_groq: FakeGroq, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr(_call, "MAX_BODY_BYTES", 10)
    fake_groq.enqueue(Reply.json("1234567"), Reply.json("12345678901"))
    with calling(fake_groq.url) as caller:
        assert (await caller.fetch(MODELS, ANY))[0] == "1234567"
        with pytest.raises(APIError, match="response body: expected at most 10 bytes") as caught:
            await caller.fetch(MODELS, ANY)
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
        await caller.fetch(MODELS, ANY)
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
        await caller.fetch(MODELS, ANY)
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
        await caller.fetch(MODELS, ANY)
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
            await caller.fetch(MODELS, ANY, timeout=4.0)
        with takes(10.0):
            await caller.fetch(MODELS, ANY)
    assert caught.value.phase == "total"


# -- how it came


async def test_meta_tells_how_a_call_came(
    fake_groq: FakeGroq, nursery: Any, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(attrs.evolve(OK, head_delay=2.0), attrs.evolve(OK, head_delay=3.0))
    with calling(fake_groq.url, limits=PoolLimits(max_connections=1)) as caller:
        nursery.start_soon(caller.fetch, MODELS, ANY)
        await wait_all_tasks_blocked()
        _, made = await caller.fetch(MODELS, ANY)
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
        _, meta = await caller.fetch(MODELS, ANY)
    # The second attempt reused the first one's connection.
    assert meta().timings.connect is None
    assert meta().timings.total == 0.5
    with calling(fake_groq.url) as caller:
        fake_groq.enqueue(OK)
        _, meta = await caller.fetch(MODELS, ANY)
    assert meta().timings.connect == 0.0


async def test_an_open_response_is_given_back_once(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply(content="a b", fault=Fault.stall(500)))
    with calling(fake_groq.url) as caller:
        response = await caller.open_stream(ASK)
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
        response = await caller.open_stream(ASK)
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
        other = attrs.evolve(caller, builder=builder)
        assert "gsk" not in repr(other)
        assert "hidden" not in repr(other)


async def test_without_any_deadline_there_is_no_end_of_patience(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(*[FAILED] * 3, OK)
    policy = RetryPolicy(max_retries=3, initial_delay=1e6, max_delay=1e9)
    with calling(fake_groq.url, retry=policy) as caller, takes(7e6):
        await caller.fetch(MODELS, ANY)
