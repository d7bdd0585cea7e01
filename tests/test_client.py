"""`GroqClient`: calls beyond the resources, views, and the end."""

import gc
import weakref
from dataclasses import dataclass, make_dataclass
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from trio_groq import ClientConfig, GroqClient, PoolLimits, RetryPolicy, Secret, Timeouts
from trio_groq.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APITimeoutError,
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    PoolTimeoutError,
)
from trio_groq.testing import FakeGroq, Fault, Reply
from trio_groq.types._base import Response

KEY = "gsk_0123456789abcdefWXYZ"
ASK: dict[str, Any] = {
    "model": "llama-3.1-8b-instant",
    "messages": [{"role": "user", "content": "Hello"}],
}


def client_of(server: FakeGroq, **options: Any) -> GroqClient:
    return GroqClient(options.pop("api_key", KEY), base_url=server.url, **options)


class Model(msgspec.Struct):
    id: str


class Models(Response):
    data: list[Model] = msgspec.field(default_factory=list)


@dataclass
class PlainModel:
    id: str


UNRESOLVED: Any = make_dataclass("UNRESOLVED", [("field", "Missing")])


# -- request


@pytest.mark.parametrize("path", ["models", "/openai/v1/models"])
async def test_paths(fake_groq: FakeGroq, path: str) -> None:
    async with client_of(fake_groq) as client:
        value = await client.request("get", path)
    assert isinstance(value, dict)
    assert value["object"] == "list"
    (request,) = fake_groq.requests
    assert (request.method, request.path) == ("GET", "/openai/v1/models")
    assert request.header("authorization") == f"Bearer {KEY}"
    assert request.header("content-type") is None
    assert request.header("content-length") is None
    assert request.header("host") == fake_groq.url.removeprefix("http://")


async def test_a_base_url_may_end_with_the_api_s_path(fake_groq: FakeGroq) -> None:
    for end in ("", "/", "/openai/v1", "/openai/v1/"):
        async with GroqClient(KEY, base_url=fake_groq.url + end) as client:
            await client.request("GET", "models")
    assert {request.path for request in fake_groq.requests} == {"/openai/v1/models"}


async def test_kinds_of_results(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        models = await client.request("GET", "models", cast_to=Models)
        assert models.data
        assert models.meta is not None
        assert models.meta.request_id
        assert "request_id" not in repr(models)
        one = await client.request("GET", f"models/{models.data[0].id}", cast_to=Model)
        assert one == models.data[0]
        plain = await client.request("GET", f"models/{one.id}", cast_to=PlainModel)
        assert plain == PlainModel(one.id)
        raw = await client.request("GET", f"models/{one.id}", cast_to=bytes)
        assert msgspec.json.decode(raw)["id"] == one.id
        fields = await client.request("GET", f"models/{one.id}", cast_to=dict[str, Any])
        assert fields["id"] == one.id


async def test_a_result_of_another_type(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        fake_groq.enqueue(Reply.json({"id": 5}))
        with pytest.raises(APIResponseValidationError, match=r"expected `str`.* `\$\.id`"):
            await client.request("GET", "models", cast_to=Model)


async def test_html_with_status_200(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(body=b"<html>" + b"x" * 10_000, content_type="text/html"))
    async with client_of(fake_groq) as client:
        with pytest.raises(APIResponseValidationError, match="got text/html: <html>") as caught:
            await client.request("GET", "models")
    assert len(str(caught.value)) < 600
    assert caught.value.request_id is not None


@pytest.mark.parametrize("cast_to", [bytes, object])
async def test_no_content(fake_groq: FakeGroq, cast_to: Any) -> None:
    fake_groq.enqueue(Reply(body=b"", status=204))
    async with client_of(fake_groq) as client:
        if cast_to is bytes:
            assert await client.request("DELETE", "files/1", cast_to=bytes) == b""
        else:
            with pytest.raises(APIResponseValidationError, match="got an empty body"):
                await client.request("DELETE", "files/1")


async def test_bodies(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(*[Reply.json({})] * 6)
    async with client_of(fake_groq) as client:
        await client.request("POST", "x", json={"a": 1}, extra_body={"a": 2, "b": 3})
        await client.request("POST", "x", extra_body={"b": 3})
        await client.request("POST", "x", json=None)
        await client.request("POST", "x", json=[1])
        await client.request("POST", "x", content=b"\x00", extra_headers={"content-type": "a/b"})
        await client.request("POST", "x")
    bodies = [(request.body, request.header("content-type")) for request in fake_groq.requests]
    assert bodies == [
        (b'{"a":2,"b":3}', "application/json"),
        (b'{"b":3}', "application/json"),
        (b"null", "application/json"),
        (b"[1]", "application/json"),
        (b"\x00", "a/b"),
        (b"", None),
    ]


async def test_headers_and_query(fake_groq: FakeGroq) -> None:
    options = {"default_headers": {"X-A": "1", "X-B": "1"}, "default_query": {"q": 1, "r": 2}}
    async with client_of(fake_groq, **options) as client:
        await client.request(
            "GET",
            "models",
            extra_headers={"x-a": "2", "X-B": None, "User-Agent": None},
            extra_query={"q": None, "s": True},
        )
    (request,) = fake_groq.requests
    assert request.header("x-a") == "2"
    assert request.header("x-b") is None
    assert request.header("user-agent") is None
    assert request.query == "r=2&s=true"


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        pytest.param({"method": "G T"}, "method", id="method"),
        pytest.param({"method": ""}, "method", id="no-method"),
        pytest.param({"method": 5}, "method", id="method-type"),
        pytest.param({"path": "models?x=1"}, "path", id="query-in-path"),
        pytest.param({"path": 5}, "path", id="path-type"),
        pytest.param({"path": "models/\ud800"}, "path", id="path-surrogate"),
        pytest.param({"json": {}, "content": b""}, "", id="two-bodies"),
        pytest.param({"extra_body": {"a": 1}, "content": b""}, "", id="content-and-extra"),
        pytest.param({"json": [1], "extra_body": {"a": 1}}, "json", id="extra-of-a-list"),
        pytest.param({"json": object()}, None, id="not-json"),
        pytest.param({"json": float("nan")}, None, id="nan"),
        pytest.param({"content": "text"}, "content", id="content-type"),
        pytest.param({"cast_to": lambda: 1}, "cast_to", id="cast-to"),
        pytest.param({"cast_to": UNRESOLVED}, "cast_to", id="cast-to-unresolved"),
        pytest.param({"extra_headers": {"x": "\n"}}, "x", id="header"),
        pytest.param({"extra_query": {"x": []}}, "x", id="query"),
        pytest.param({"extra_query": {"x": "\ud800"}}, "x", id="query-surrogate"),
    ],
)
async def test_wrong_arguments_are_told_before_anything_is_sent(
    fake_groq: FakeGroq, arguments: dict[str, Any], path: str | None
) -> None:
    given = {"method": "POST", "path": "models", **arguments}
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError) as caught:
            await client.request(given.pop("method"), given.pop("path"), **given)
    if path is not None:
        assert caught.value.path == path
    assert KEY not in str(caught.value)
    assert fake_groq.connections_opened == 0


async def test_a_response_header_with_a_control_character(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.raw(b"HTTP/1.1 200 OK\r\nX: a\x01b\r\nContent-Length: 0\r\n\r\n"))
    async with client_of(fake_groq, max_retries=0) as client:
        with pytest.raises(APIConnectionError) as caught:
            await client.request("GET", "models")
        assert client.pool.statistics().open == 0
    assert KEY not in str(caught.value)


# -- settings


def test_each_short_form_is_a_field(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GROQ_API_KEY", "GROQ_BASE_URL", "GROQ_HOST"):
        monkeypatch.delenv(name, raising=False)
    client = GroqClient(
        KEY,
        base_url="http://groq.internal",
        allow_plaintext=True,
        timeout=7,
        max_retries=5,
        limits=PoolLimits(max_idle=3),
        default_headers={"x": "1"},
        default_query={"y": 1},
    )
    assert client.config == ClientConfig(
        api_key=KEY,
        base_url="http://groq.internal",
        allow_plaintext=True,
        timeouts=Timeouts(total=7),
        retry=RetryPolicy(max_retries=5),
        limits=PoolLimits(max_idle=3),
        default_headers={"x": "1"},
        default_query={"y": 1},
    )


def test_arguments_replace_fields_of_the_config() -> None:
    config = ClientConfig(api_key=KEY, timeouts=Timeouts(read=1), retry=RetryPolicy(jitter=0))
    client = GroqClient(config=config, timeout=Timeouts(read=2), max_retries=RetryPolicy())
    assert client.config.timeouts == Timeouts(read=2)
    assert client.config.retry == RetryPolicy()
    assert client.config.api_key == Secret(KEY)


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "bad\n"},
        {"base_url": "http://evil.test"},
        {"timeout": -1},
        {"max_retries": -1},
        {"max_retries": None},
        {"timeout": "5"},
        {"default_headers": {"Host": "x"}},
    ],
)
def test_wrong_settings(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        GroqClient(**{"api_key": KEY, **options})
    assert KEY not in str(caught.value)


def test_a_missing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="GROQ_API_KEY"):
        GroqClient()
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    assert GroqClient().config.api_key == Secret(KEY)


def test_a_client_shows_state_and_no_key() -> None:
    client = GroqClient(KEY, base_url="https://a.test", default_headers={"x": "hidden"})
    assert repr(client) == (
        "<GroqClient https://a.test, <ConnectionPool open: 0 leased, 0 idle, 0 dialling, "
        "0 waiting>>"
    )
    assert KEY not in str(vars(client))
    assert "hidden" not in str(vars(client))


# -- views


async def test_a_view_shares_the_connections(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq, default_headers={"X-A": "1"}, max_retries=4) as client:
        view = client.with_options(
            api_key="gsk_other", default_headers={"x-a": "2", "x-b": "2"}, default_query={"q": 1}
        )
        assert view.pool is client.pool
        assert view.config.retry.max_retries == 4
        await client.request("GET", "models")
        async with view:
            await view.request("GET", "models")
        await view.aclose()
        await client.request("GET", "models")
        assert client.pool.statistics().opened == 1
    first, second, third = fake_groq.requests
    assert second.header("authorization") == "Bearer gsk_other"
    assert (second.header("x-a"), second.header("x-b"), second.query) == ("2", "2", "q=1")
    assert (first.header("x-a"), first.header("x-b"), first.query) == ("1", None, "")
    assert third.headers == first.headers


async def test_options_of_a_view_are_its_own(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    async with client_of(fake_groq) as client:
        view = client.with_options(timeout=2.0, max_retries=0)
        nested = view.with_options(timeout=None)
        assert nested.config.timeouts.total is None
        assert nested.config.retry.max_retries == 0
        assert client.config.timeouts.total is None
        fake_groq.enqueue(Reply.json({}, fault=Fault.stall(0)))
        with pytest.raises(APITimeoutError):
            await view.request("GET", "models")
        assert trio.current_time() == 2.0
        with pytest.raises(ConfigurationError):
            client.with_options(api_key="bad\n")
        with pytest.raises(ConfigurationError):
            client.with_options(timeout=0)


# -- the end


async def test_after_the_close_calls_are_refused_at_once(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    client = client_of(fake_groq)
    view = client.with_options(timeout=5)
    await client.request("GET", "models")
    await client.aclose()
    await client.aclose()
    for used in (client, view):
        with pytest.raises(APIConnectionError, match="got a call after its close") as caught:
            await used.request("GET", "models")
        assert not caught.value.is_retryable
        with pytest.raises(APIConnectionError, match="got a call after its close"):
            async with used.chat.completions.stream(**ASK):
                pass
    assert trio.current_time() == 0
    assert client.pool.statistics().open == 0
    assert "closed" in repr(client)


async def test_calls_under_way_end_when_the_client_is_closed(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(*[Reply.json({}, fault=Fault.stall(n)) for n in (0, 5, 50)])
    client = client_of(fake_groq, limits=PoolLimits(max_connections=3))
    failures: list[APIConnectionError] = []

    async def call() -> None:
        with pytest.raises(APIConnectionError) as caught:
            await client.request("GET", "models")
        failures.append(caught.value)

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(call)
        await wait_all_tasks_blocked()
        statistics = client.pool.statistics()
        assert (statistics.leased, statistics.waiting) == (3, 2)
        await client.aclose()
    assert len(failures) == 5
    assert not any(isinstance(error, APITimeoutError | PoolTimeoutError) for error in failures)
    assert client.pool.statistics().open == 0
    # Nothing was waited for: a closed client will not come back.
    assert trio.current_time() == 0


async def test_closed_while_calls_wait_for_a_retry_they_end_when_the_wait_is_over(
    fake_groq: FakeGroq, autojump_clock: MockClock
) -> None:
    fake_groq.enqueue(Reply.error(429, "later", retry_after=50))
    ended: list[float] = []

    async def call() -> None:
        with pytest.raises(APIConnectionError, match="expected it to be open"):
            await client.chat.completions.create(**ASK)
        ended.append(trio.current_time())

    client = client_of(fake_groq)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await trio.sleep(1.0)
        nursery.start_soon(call)  # waits for the model's gate
        await trio.sleep(1.0)
        await client.aclose()
        assert ended == []
    assert len(ended) == 2
    assert min(ended) >= 50.0
    assert len(fake_groq.requests) == 1


async def test_closing_is_a_checkpoint_that_always_closes(fake_groq: FakeGroq) -> None:
    client = client_of(fake_groq)
    await client.request("GET", "models")
    with trio.CancelScope() as scope:
        scope.cancel()
        await client.aclose()
    assert client.pool.statistics().open == 0


async def test_an_error_leaves_the_client_usable(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(NotFoundError):
            await client.request("GET", "models/none")
        await client.request("GET", "models")
        assert client.pool.statistics().opened == 1


@pytest.mark.parametrize("key", ["gsk_test", lambda: "gsk_test"], ids=["text", "function"])
def test_a_client_that_is_dropped_is_gone_at_once(key: Any) -> None:
    gc.collect()
    gc.disable()  # nothing of it waits for a collection
    try:
        client = GroqClient(api_key=key)
        view = client.with_options(api_key="gsk_other")
        pool = weakref.ref(client._caller.pool)
        del client, view
        assert pool() is None
    finally:
        gc.enable()
