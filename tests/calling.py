"""A `Caller` without a client, and how long it takes on the virtual clock."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
import trio

from trio_groq._api.auth import ApiKey, Secret
from trio_groq._api.requests import EVENT_STREAM, JSON, Call, RequestBuilder
from trio_groq._api.retry import RetryPolicy
from trio_groq._api.urls import parse_base_url
from trio_groq._attempts import Patience
from trio_groq._call import Caller
from trio_groq._http.dial import Dialer
from trio_groq._http.exchange import ExchangeLimits
from trio_groq._http.pool import ConnectionPool
from trio_groq._http.pool_state import PoolLimits
from trio_groq._open_response import OpenResponse
from trio_groq._readers import Reader, json_reader
from trio_groq.testing import FakeGroq, Reply
from trio_groq.types.meta import ResponseMeta

KEY = Secret("gsk_test")
MODELS = Call(method="GET", path="/openai/v1/models")
ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def _with_response(body: bytes, response: OpenResponse) -> tuple[Any, OpenResponse]:
    return json_reader(ANY).decode(body, response), response  # type: ignore[misc]  # it has one


PAIR: Reader[tuple[Any, OpenResponse]] = Reader(decode=_with_response)
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
    rest.setdefault("patience", Patience(random=lambda: u))
    yield Caller(pool=pool, builder=builder, api_key=key, **rest)
    assert pool.statistics().leased == 0
    assert pool.statistics().dialling == 0
    assert pool.statistics().waiting == 0
    pool.close()


async def fetch(
    caller: Caller, call: Call, **options: Any
) -> tuple[Any, Callable[[], ResponseMeta]]:
    """The value, and what makes the record of how it came."""
    value, response = await caller.perform(call, PAIR, **options)
    return value, response.meta()


def times(server: FakeGroq) -> list[float]:
    first = server.requests[0].received_at
    return [request.received_at - first for request in server.requests]


@contextmanager
def takes(seconds: float) -> Iterator[None]:
    started = trio.current_time()
    yield
    assert trio.current_time() - started == pytest.approx(seconds, abs=1e-9)


class NoAnswer(trio.abc.HostnameResolver):
    """A resolver that never answers."""

    async def getaddrinfo(self, *args: object, **kwargs: object) -> Any:
        await trio.sleep_forever()

    async def getnameinfo(self, *args: object, **kwargs: object) -> Any:
        raise NotImplementedError
