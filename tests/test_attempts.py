"""The attempts of a call as the server, its meta and its error see them; budget and circuit."""

import gc
import math
import weakref
from typing import Any

import attrs
import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from calling import ASK, FAILED, MODELS, OK, calling, fetch, takes, times
from streaming import ASK as PROMPT
from streaming import client_of
from trio_groq import GroqClient
from trio_groq._api.circuit import CircuitBreakerPolicy
from trio_groq._api.rate_limit_policy import RateLimitPolicy
from trio_groq._api.requests import Call
from trio_groq._api.retry import RetryPolicy
from trio_groq._api.retry_budget import RetryBudget, RetryBudgetPolicy
from trio_groq._attempts import Patience
from trio_groq._call import Caller
from trio_groq._gates import Gates
from trio_groq._http.deadlines import Timeouts
from trio_groq.config import ClientConfig
from trio_groq.errors import (
    APIError,
    APITimeoutError,
    CircuitOpenError,
    GroqError,
    InternalServerError,
    InvalidRequestError,
    RateLimitError,
)
from trio_groq.testing import FakeGroq, RecordedRequest, Reply

POST = Call(method="POST", path="/openai/v1/chat/completions", body=ASK.body)


def headers_of(server: FakeGroq, name: str) -> list[str | None]:
    return [request.header(name) for request in server.requests]


def patience(**gates: Any) -> Patience:
    return Patience(gates=Gates(**gates), random=lambda: 0.0)


# -- what the server sees


async def test_the_attempt_s_number_goes_out(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, FAILED, OK, OK)
    with calling(fake_groq.url) as caller:
        await fetch(caller, MODELS)
        await fetch(caller, MODELS)
    assert headers_of(fake_groq, "x-stainless-retry-count") == ["0", "1", "2", "0"]


async def test_a_key_is_kept_over_the_attempts_of_one_call(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, OK, OK, OK)
    policy = RetryPolicy(idempotency_key=True)
    with calling(fake_groq.url, retry=policy) as caller:
        await fetch(caller, POST)
        await fetch(caller, POST)
        await fetch(caller, MODELS)
    first, again, second, none = headers_of(fake_groq, "idempotency-key")
    assert first == again
    assert first is not None
    assert first.startswith("trio-groq-")
    assert second not in {None, first}
    assert none is None


async def test_the_caller_s_own_key_wins(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(OK)
    call = msgspec.structs.replace(POST, headers={"idempotency-key": "mine"})
    with calling(fake_groq.url, retry=RetryPolicy(idempotency_key=True)) as caller:
        await fetch(caller, call)
    assert headers_of(fake_groq, "idempotency-key") == ["mine"]


async def test_no_key_unless_asked_for(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(OK)
    with calling(fake_groq.url) as caller:
        await fetch(caller, POST)
    assert headers_of(fake_groq, "idempotency-key") == [None]


# -- what is on record


async def test_meta_has_every_attempt(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    slow = attrs.evolve(Reply.error(503, "busy"), head_delay=2.0)
    fake_groq.enqueue(slow, Reply.error(429, "later", retry_after=7), OK)
    with calling(fake_groq.url) as caller:
        _, made = await fetch(caller, MODELS)
    meta = made()
    first, second = meta.history
    assert meta.attempts == 3
    assert (first.number, first.started, first.duration) == (1, 0.0, 2.0)
    assert (first.status, first.wait) == (503, 0.5)
    assert first.error.startswith("InternalServerError: 503")
    assert first.request_id is not None
    assert (second.number, second.started, second.status, second.wait) == (2, 2.5, 429, 7.0)


async def test_an_error_has_every_attempt_too(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(FAILED, FAILED)
    once = RetryPolicy(max_retries=1)
    with calling(fake_groq.url, retry=once) as caller, pytest.raises(InternalServerError) as caught:
        await fetch(caller, MODELS)
    assert [record.number for record in caught.value.history] == [1, 2]
    assert [record.wait for record in caught.value.history] == [0.5, None]
    assert caught.value.attempts == 2


# -- the budget of all calls


async def test_retries_have_a_budget(fake_groq: FakeGroq, autojump_clock: MockClock) -> None:
    fake_groq.enqueue(*[FAILED] * 30)
    budget = RetryBudget(RetryBudgetPolicy(ratio=0.5, window=10.0, min_per_second=0.0))
    shared = Patience(budget=budget, random=lambda: 0.0)
    errors: list[APIError] = []

    async def call() -> None:
        with pytest.raises(InternalServerError) as caught:
            await fetch(caller, MODELS)
        errors.append(caught.value)

    with calling(fake_groq.url, patience=shared) as caller:
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(call)
    assert len(fake_groq.requests) == 8 + 4
    notes = [note for error in errors for note in getattr(error, "__notes__", ())]
    assert sum("retry budget is spent" in note for note in notes) >= 4
    assert budget.denied >= 4
    assert all(error.history[-1].wait is None for error in errors)


# -- the circuit


def broken(_request: RecordedRequest) -> Reply:
    return FAILED


async def test_an_open_circuit_fails_calls_at_once(autojump_clock: MockClock) -> None:
    async with FakeGroq(default_reply=FAILED) as server:
        policy = CircuitBreakerPolicy(failure_threshold=3, open_for=30.0, success_threshold=1)
        with calling(server.url, patience=patience(circuit_breaker=policy)) as caller:
            with pytest.raises(InternalServerError) as failed:
                await fetch(caller, MODELS)
            assert failed.value.attempts == 3
            with takes(0), pytest.raises(CircuitOpenError) as caught:
                await fetch(caller, MODELS)
            assert len(server.requests) == 3
            assert caught.value.retry_at == pytest.approx(trio.current_time() + 30.0)
            await trio.sleep(30.0)
            server.enqueue(OK)
            assert (await fetch(caller, MODELS))[0] == {"ok": True}


async def test_a_circuit_that_opens_between_attempts_ends_the_call_with_its_own_error(
    autojump_clock: MockClock,
) -> None:
    opens_early = patience(circuit_breaker=CircuitBreakerPolicy(failure_threshold=2))
    async with FakeGroq(default_reply=FAILED) as server:
        with (
            calling(server.url, patience=opens_early) as caller,
            pytest.raises(InternalServerError) as caught,
        ):
            await fetch(caller, MODELS)
    assert caught.value.attempts == 2
    assert any("Not tried again" in note for note in caught.value.__notes__)


async def test_a_caller_in_haste_opens_the_circuit_for_nobody(autojump_clock: MockClock) -> None:
    delay = 0.2
    async with (
        FakeGroq(default_reply=lambda _: Reply(content="a", head_delay=delay)) as server,
        client_of(server, timeout=1.0, max_retries=0) as client,
    ):
        hasty = client.with_options(timeout=0.05)
        short: dict[str, Any] = {"timeout": 0.05}
        for asked, options in ((client, short), (hasty, {})):
            for _ in range(5):
                with pytest.raises(APITimeoutError):
                    await asked.chat.completions.create(**PROMPT, **options)
        assert client.is_available()
        await client.chat.completions.create(**PROMPT)
        delay = 2.0
        for _ in range(5):
            with pytest.raises(APITimeoutError):
                await client.chat.completions.create(**PROMPT)
        assert not client.is_available()


async def test_calls_wait_for_a_circuit_if_they_may(autojump_clock: MockClock) -> None:
    async with FakeGroq(default_reply=FAILED) as server:
        policy = CircuitBreakerPolicy(failure_threshold=3, on_open="wait", success_threshold=1)
        with calling(server.url, patience=patience(circuit_breaker=policy)) as caller:
            with pytest.raises(InternalServerError):
                await fetch(caller, MODELS)
            server.enqueue(OK)
            with takes(30.0):
                assert (await fetch(caller, MODELS))[0] == {"ok": True}


async def test_a_cancelled_probe_gives_its_place_back(autojump_clock: MockClock) -> None:
    async with FakeGroq(default_reply=FAILED) as server:
        policy = CircuitBreakerPolicy(failure_threshold=3, success_threshold=1)
        with calling(server.url, patience=patience(circuit_breaker=policy)) as caller:
            with pytest.raises(InternalServerError):
                await fetch(caller, MODELS)
            await trio.sleep(30.0)
            server.enqueue(attrs.evolve(OK, head_delay=10.0), OK)
            with trio.move_on_after(5.0):
                await fetch(caller, MODELS)
            assert (await fetch(caller, MODELS))[0] == {"ok": True}


async def test_an_error_without_attempts_names_the_request(autojump_clock: MockClock) -> None:
    async with FakeGroq() as server:
        limited = patience(rate_limit=RateLimitPolicy(requests_per_minute=1, max_wait=5.0))
        with calling(server.url, patience=limited) as caller:
            call = msgspec.structs.replace(MODELS, model="m")
            await fetch(caller, call)
            with takes(0), pytest.raises(APITimeoutError) as caught:
                await fetch(caller, call)
    assert (caught.value.phase, caught.value.attempts) == ("rate_limit", 0)
    assert caught.value.request is not None


# -- the rate gate


async def test_after_a_429_every_call_for_the_model_waits(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "later", retry_after=7), *[OK] * 4)
    limited, other = (
        msgspec.structs.replace(MODELS, model="a"),
        msgspec.structs.replace(MODELS, model="b"),
    )
    with calling(fake_groq.url) as caller:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fetch, caller, limited)
            await trio.sleep(1.0)
            nursery.start_soon(fetch, caller, limited)
            with takes(0):
                await fetch(caller, other)
    first, free, *held = times(fake_groq)
    assert (first, free) == (0.0, 1.0)
    assert len(held) == 2
    assert min(held) >= 7.0


async def test_a_wait_that_the_caller_s_deadline_forbids_is_not_begun(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "later", retry_after=7), OK)
    call = msgspec.structs.replace(MODELS, model="a")
    with calling(fake_groq.url) as caller, takes(0), pytest.raises(RateLimitError) as caught:
        await fetch(caller, call, timeout=Timeouts(total=5.0))
    assert caught.value.retry_after == 7.0


async def test_a_call_s_own_policy_says_how_long_it_waits(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    refusal = Reply.error(429, "later", retry_after=200)
    said = Reply(content="Hi")
    fake_groq.enqueue(refusal, said, refusal, said)
    patient = RetryPolicy(max_retry_after=300.0)
    async with client_of(fake_groq) as client:
        with pytest.raises(RateLimitError):
            await client.chat.completions.create(**PROMPT)
        with takes(0), pytest.raises(APITimeoutError, match=r"within 60 s \(max_wait\), got 200 s"):
            await client.chat.completions.create(**PROMPT)
        view = client.with_options(max_retries=patient)
        with takes(200.0):
            await client.chat.completions.create(**PROMPT, max_retries=patient)
        with takes(200.0):
            await view.chat.completions.create(**PROMPT)
    assert times(fake_groq) == [0.0, 200.0, 200.0, 400.0]


async def test_a_limit_of_an_hour_is_told_to_the_next_calls_too(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "later", retry_after=3600))
    async with client_of(fake_groq) as client:
        with pytest.raises(RateLimitError) as first:
            await client.chat.completions.create(**PROMPT)
        assert first.value.retry_after == 3600.0
        await trio.sleep(2.0)
        with takes(0), pytest.raises(APITimeoutError) as caught:
            await client.chat.completions.create(**PROMPT)
    assert (caught.value.phase, caught.value.retry_after) == ("rate_limit", 3598.0)
    assert str(caught.value).endswith("within 60 s (max_wait), got 3598 s to go")
    assert "the model's limit resets in 3598 s" in caught.value.__notes__[0]


async def test_refusals_by_themselves_are_spaced_by_each_call_s_own_policy(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "later", retry_after=7))
    client = throttled(fake_groq, reactive=False, proactive=False)

    async def call() -> None:
        await client.chat.completions.create(**PROMPT)

    async with client, trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await trio.sleep(1.0)
        with takes(0):
            await call()
    assert times(fake_groq) == [0.0, 1.0, 7.0]


# -- the budgets of a client


def throttled(server: FakeGroq, **policy: Any) -> GroqClient:
    limit = RateLimitPolicy(**(policy or {"tokens_per_minute": 6000}))
    return GroqClient(
        config=ClientConfig(
            api_key="gsk_test",
            base_url=server.url,
            rate_limit=limit,
            timeouts=Timeouts(first_token=5.0),
        )
    )


@pytest.mark.parametrize("raw", [False, True])
async def test_what_an_answer_says_it_cost_is_all_that_is_charged(
    fake_groq: FakeGroq, autojump_clock: MockClock, *, raw: bool
) -> None:
    async with throttled(fake_groq) as client:
        completions: Any = client.chat.completions
        completions = completions.with_raw_response if raw else completions
        for _ in range(3):  # each may cost more than there is a minute, and does not
            await completions.create(max_completion_tokens=32_768, **PROMPT)
    assert trio.current_time() < 1.0


async def test_what_never_says_its_cost_is_charged_a_whole_budget_at_the_most(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply(content="a b", token_interval=5.0))
    async with throttled(fake_groq) as client:
        with trio.move_on_after(1.0):
            async with client.chat.completions.stream(
                max_completion_tokens=32_768, **PROMPT
            ) as stream:
                await stream.until_done()
        await client.chat.completions.create(**PROMPT)
    assert 1.0 < trio.current_time() <= 61.0


async def test_calls_without_a_model_cost_next_to_nothing(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    async with throttled(fake_groq) as client:
        with takes(0):
            for _ in range(10):
                await client.models.list()


async def test_a_call_that_is_not_sent_costs_nothing(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    wrong: Any = {"max_completion_tokens": 32_768, "extra_headers": {"Host": "x"}}
    async with throttled(fake_groq, tokens_per_minute=6000, requests_per_minute=1) as client:
        with takes(0):
            with pytest.raises(InvalidRequestError, match="header Host"):
                await client.chat.completions.create(**wrong, **PROMPT)
            await client.chat.completions.create(**PROMPT)
    assert len(fake_groq.requests) == 1


async def test_a_stream_waits_no_longer_for_its_turn_than_for_its_first_token(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    async with throttled(fake_groq, requests_per_minute=1) as client:
        async with client.chat.completions.stream(**PROMPT) as stream:
            await stream.until_done()
        with takes(0), pytest.raises(APITimeoutError, match="within 5 s") as caught:
            await client.chat.completions.stream(**PROMPT).open()
    assert caught.value.phase == "rate_limit"
    assert len(fake_groq.requests) == 1


# -- what is left of a failure


@pytest.mark.parametrize("kind", ["at once", "after a retry", "in a gate"])
async def test_an_error_leaves_no_cycle(autojump_clock: MockClock, kind: str) -> None:
    """It would keep the call alive, its body too, until the collector comes."""
    policy = CircuitBreakerPolicy(failure_threshold=2 if kind == "in a gate" else 100)
    retry = RetryPolicy(max_retries=0 if kind == "at once" else 2)
    left: list[weakref.ref[BaseException]] = []

    async def fail(caller: Caller) -> None:
        try:
            await fetch(caller, MODELS)
        except InternalServerError as error:
            left.append(weakref.ref(error))

    async with FakeGroq(default_reply=FAILED) as server:
        shared = patience(circuit_breaker=policy)
        with calling(server.url, patience=shared, retry=retry) as caller:
            gc.collect()
            gc.disable()
            try:
                await fail(caller)
                assert [reference() for reference in left] == [None]
            finally:
                gc.enable()


# -- the client


async def test_a_client_shows_what_the_server_said_of_its_limits(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    limits = [
        ("x-ratelimit-limit-requests", "14400"),
        ("x-ratelimit-remaining-requests", "14399"),
        ("x-ratelimit-limit-tokens", "6000"),
        ("x-ratelimit-reset-tokens", "1m26.4s"),
    ]
    fake_groq.enqueue(Reply(content="Hi", headers=limits))
    async with client_of(fake_groq) as client:
        assert client.rate_limits() is None
        await client.chat.completions.create(**PROMPT)
        await trio.sleep(2.0)
        seen = client.rate_limits(PROMPT["model"])
        assert seen is not None
        assert (seen.requests.limit, seen.requests.remaining) == (14400, 14399)
        assert (seen.tokens.limit, seen.tokens.reset_after) == (6000, 86.4)
        assert seen.age == 2.0
        assert client.rate_limits() == seen
        assert client.rate_limits("other") is None


def test_limits_are_known_after_the_run_but_not_how_old_they_are() -> None:
    limits = [("x-ratelimit-limit-requests", "14400")]

    async def call() -> GroqClient:
        async with FakeGroq() as server, client_of(server) as client:
            server.enqueue(Reply(content="Hi", headers=limits))
            await client.chat.completions.create(**PROMPT)
        return client

    seen = trio.run(call).rate_limits()
    assert seen is not None
    assert seen.requests.limit == 14400
    assert math.isnan(seen.age)


async def test_a_client_is_available_until_its_circuit_opens(autojump_clock: MockClock) -> None:
    async with FakeGroq(default_reply=FAILED) as server, client_of(server) as client:
        assert client.is_available()
        for _ in range(2):
            with pytest.raises(GroqError):
                await client.models.list()
        assert not client.is_available()
        assert "open" in client.gate_statistics().circuits.values()
        assert not client.with_options(timeout=5.0).is_available()
        assert not client.with_options(api_key="gsk_other").is_available()
        circuits = client._shared.patience.gates.circuits
        assert circuits is not None
        opened_until = circuits.of(client.config.parsed_base_url().origin).retry_at
        await trio.sleep_until(opened_until - 0.01)
        assert not client.is_available()
        await trio.sleep_until(opened_until)
        assert client.is_available()  # its time is over: a call would be sent
        assert list(client.gate_statistics().circuits.values()) == ["half-open"]
        await client.aclose()
        assert not client.is_available()


def test_what_became_of_the_circuits_is_told_after_the_run() -> None:
    client: GroqClient | None = None

    async def fail() -> None:
        nonlocal client
        async with FakeGroq(default_reply=FAILED) as server:
            policy = CircuitBreakerPolicy(failure_threshold=1)
            client = GroqClient(
                config=ClientConfig(
                    api_key="gsk_test",
                    base_url=server.url,
                    circuit_breaker=policy,
                    retry=RetryPolicy(max_retries=0),
                )
            )
            async with client:
                with pytest.raises(InternalServerError):
                    await client.models.list()

    trio.run(fail)
    assert client is not None
    assert list(client.gate_statistics().circuits.values()) == ["open"]


async def test_views_with_keys_of_their_own_share_circuit_and_budget(
    autojump_clock: MockClock,
) -> None:
    async with FakeGroq(default_reply=FAILED) as server:
        config = ClientConfig(
            api_key="gsk_test",
            base_url=server.url,
            retry=RetryPolicy(max_retries=3),
            retry_budget=RetryBudgetPolicy(ratio=0.0, min_per_second=0.2),
        )
        async with GroqClient(config=config) as client:
            for number in range(20):
                view = client.with_options(api_key=f"gsk_{number}")
                with pytest.raises((InternalServerError, CircuitOpenError)):
                    await view.models.list()
            assert not client.is_available()
    # Two retries are in the budget of ten seconds, and the circuit opens after five failures.
    assert len(server.requests) == 5


async def test_views_with_the_same_key_share_its_limits(
    fake_groq: FakeGroq, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where each call makes a view of its own; until too many keys were used since."""
    monkeypatch.setattr("trio_groq._shared.MAX_KEYS", 3)

    def provider() -> str:
        return "gsk_asked_for"

    async with client_of(fake_groq) as client:
        for key in ("gsk_other", provider):
            fake_groq.enqueue(Reply.error(429, "later", retry_after=7200))
            view = client.with_options(api_key=key, max_retries=0)
            with pytest.raises(RateLimitError):
                await view.chat.completions.create(**PROMPT)
            same = client.with_options(timeout=50.0).with_options(api_key=key)
            with takes(0), pytest.raises(APITimeoutError) as caught:
                await same.chat.completions.create(**PROMPT)
            assert caught.value.retry_after == 7200.0
            await client.chat.completions.create(**PROMPT)  # another key
            await view.with_options(api_key="gsk_test").chat.completions.create(**PROMPT)
            del caught, view, same
            gc.collect()
            with takes(0), pytest.raises(APITimeoutError):
                await client.with_options(api_key=key, timeout=50.0).chat.completions.create(
                    **PROMPT
                )
            for number in range(3):
                client.with_options(api_key=f"gsk_{number}")
            fresh = client.with_options(api_key=key)
            await fresh.chat.completions.create(**PROMPT)


async def test_a_function_for_the_key_is_known_from_the_client_on(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    def provider() -> str:
        return "gsk_test"

    async with GroqClient(api_key=provider, base_url=fake_groq.url, max_retries=0) as client:
        fake_groq.enqueue(Reply.error(429, "later", retry_after=7200))
        with pytest.raises(RateLimitError):
            await client.chat.completions.create(**PROMPT)
        view = client.with_options(api_key=provider, timeout=50.0)
        with takes(0), pytest.raises(APITimeoutError):
            await view.chat.completions.create(**PROMPT)


class Asked:
    """A key that is asked for, of a kind that cannot be looked up."""

    __hash__ = None  # type: ignore[assignment]  # what is tested

    def __call__(self) -> str:
        return "gsk_asked_for"


async def test_a_key_of_any_kind_makes_a_view(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        await client.with_options(api_key=Asked()).chat.completions.create(**PROMPT)
    assert fake_groq.requests[0].header("authorization") == "Bearer gsk_asked_for"


async def test_without_a_breaker_there_is_no_circuit(autojump_clock: MockClock) -> None:
    async with FakeGroq(default_reply=FAILED) as server:
        config = ClientConfig(
            api_key="gsk_test", base_url=server.url, circuit_breaker=None, retry_budget=None
        )
        async with GroqClient(config=config) as client:
            for _ in range(4):
                with pytest.raises(InternalServerError):
                    await client.models.list()
            assert client.is_available()
    assert len(server.requests) == 12


async def cancel_after(seconds: float, scope: trio.CancelScope) -> None:
    await trio.sleep(seconds)
    scope.cancel()


async def test_a_call_in_the_gates_is_cancelled_without_a_trace(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "later", retry_after=7), OK, OK)
    call = msgspec.structs.replace(MODELS, model="a")
    with calling(fake_groq.url) as caller:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fetch, caller, call)
            await wait_all_tasks_blocked()
            with trio.CancelScope() as scope:
                nursery.start_soon(cancel_after, 3.0, scope)
                await fetch(caller, call)
            assert scope.cancelled_caught
            assert caller.patience.gates.statistics().waiting == 1
        assert caller.patience.gates.statistics().waiting == 0
