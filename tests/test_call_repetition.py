"""One logical call: what is tried again, when, and how often.

Times are virtual and exact: the server shares the run's clock, and sends nothing while it stalls.
"""

from itertools import pairwise

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from calling import ASK, FAILED, MODELS, NO_RETRY, OK, NoAnswer, calling, fetch, takes, times
from trio_groq._api.retry import RetryPolicy
from trio_groq._http.deadlines import Timeouts
from trio_groq.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    InternalServerError,
    RateLimitError,
)
from trio_groq.testing import FakeGroq, Fault, Reply

# -- repetition


@pytest.mark.parametrize("status", [408, 409, 429, 498, 500, 502, 503, 504, 529, 599])
async def test_statuses_that_may_pass_are_tried_again(
    fake_groq: FakeGroq, status: int, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(status, "later"), OK)
    with calling(fake_groq.url) as caller, takes(0.5):
        value, meta = await fetch(caller, MODELS)
    assert (value, meta().attempts) == ({"ok": True}, 2)
    assert len(fake_groq.requests) == 2


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 405, 413, 422, 424, 451])
async def test_other_statuses_are_not(
    fake_groq: FakeGroq, status: int, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(status, "never"), OK)
    with calling(fake_groq.url) as caller, takes(0), pytest.raises(APIStatusError) as caught:
        await fetch(caller, MODELS)
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
        await fetch(caller, MODELS)
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
        await fetch(caller, MODELS)


async def test_a_wait_that_is_too_long_is_told_and_not_slept(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "slow", retry_after=61), OK)
    with calling(fake_groq.url) as caller, takes(0), pytest.raises(RateLimitError) as caught:
        await fetch(caller, MODELS)
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
        await fetch(caller, MODELS)
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
        _, meta = await fetch(caller, MODELS)
    assert meta().attempts == 2
    assert fake_groq.connections_opened == 2


async def test_a_body_that_breaks_off_is_tried_again(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    torn = Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", close=True)
    fake_groq.enqueue(torn, OK)
    with calling(fake_groq.url) as caller, takes(0.5):
        value, _ = await fetch(caller, MODELS)
    assert value == {"ok": True}


async def test_a_stale_connection_is_replaced_at_once_and_is_no_attempt(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(OK, attrs.evolve(OK, fault=Fault.before_response_close()), OK)
    with calling(fake_groq.url, retry=NO_RETRY) as caller, takes(0):
        await fetch(caller, MODELS)
        _, meta = await fetch(caller, MODELS)
    assert meta().attempts == 1
    assert [request.connection for request in fake_groq.requests] == [1, 1, 2]


async def test_after_a_byte_of_a_response_nothing_is_replayed(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(OK, attrs.evolve(OK, fault=Fault.truncate(1)), OK)
    with calling(fake_groq.url, retry=NO_RETRY) as caller:
        await fetch(caller, MODELS)
        with pytest.raises(APIConnectionError):
            await fetch(caller, MODELS)
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
        await fetch(caller, MODELS, max_retries=0)
    assert caught.value.attempts == 1


async def test_refused_connections_are_counted_as_attempts(autojump_clock: MockClock) -> None:
    with trio.socket.socket() as unused:
        await unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with calling(url) as caller, takes(1.5), pytest.raises(APIConnectionError) as caught:
            await fetch(caller, MODELS)
    assert caught.value.attempts == 3
    assert caught.value.request is not None
    assert caught.value.request.url == f"{url}/openai/v1/models"


async def test_a_call_that_its_client_s_close_ends_is_not_tried_again(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    trio.socket.set_custom_hostname_resolver(NoAnswer())
    with calling("http://localhost:9") as caller, takes(0):
        failed: list[APIConnectionError] = []

        async def fetch_one() -> None:
            with pytest.raises(APIConnectionError, match="got a call after its close") as caught:
                await fetch(caller, MODELS)
            failed.append(caught.value)

        nursery.start_soon(fetch_one)
        await wait_all_tasks_blocked()
        assert caller.pool.statistics().dialling == 1
        caller.pool.close()
        await wait_all_tasks_blocked()
        (error,) = failed
        assert (error.is_retryable, error.attempts) == (False, 1)


async def test_a_wrong_body_is_not_tried_again(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"))
    with calling(fake_groq.url) as caller, pytest.raises(APIResponseValidationError) as caught:
        await fetch(caller, MODELS)
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
            await fetch(caller, MODELS)
        assert caught.value.attempts == 1
    assert not scope.cancelled_caught


async def test_a_wait_that_ends_before_the_deadline_is_begun(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, OK)
    with calling(fake_groq.url) as caller, trio.fail_after(0.6), takes(0.5):
        await fetch(caller, MODELS)


async def test_no_wait_begins_that_the_total_would_end(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "slow", retry_after=4))
    with (
        calling(fake_groq.url, timeouts=Timeouts(total=4.0)) as caller,
        takes(0),
        pytest.raises(RateLimitError),
    ):
        await fetch(caller, MODELS)


async def test_a_stream_waits_no_longer_than_its_first_token_may(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "slow", retry_after=4))
    with (
        calling(fake_groq.url, timeouts=Timeouts(first_token=3.0)) as caller,
        takes(0),
        pytest.raises(RateLimitError),
    ):
        await caller.open(ASK, events=True)


async def test_without_any_deadline_there_is_no_end_of_patience(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(*[FAILED] * 3, OK)
    policy = RetryPolicy(max_retries=3, initial_delay=1e6, max_delay=1e9)
    with calling(fake_groq.url, retry=policy) as caller, takes(7e6):
        await fetch(caller, MODELS)
