"""A client and the network: proxies, redirects, warm connections, and one run for each client."""

import traceback
from typing import Any

import attrs
import pytest
import trio

from _http.proxy_servers import http_proxy, socks_proxy
from trio_groq import GroqClient, PoolLimits
from trio_groq._http.proxies import Proxy, ProxySettings
from trio_groq.config import ClientConfig
from trio_groq.errors import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    InvalidRequestError,
)
from trio_groq.testing import FakeGroq, Reply

KEY = "gsk_test"
VARIABLES = ("https_proxy", "http_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def options(server: FakeGroq, **more: Any) -> dict[str, Any]:
    context = {"ssl_context": server.ssl_context()} if server.url.startswith("https") else {}
    return {"base_url": server.url, "max_retries": 0, **context, **more}


# -- proxies


@pytest.mark.parametrize("tls", [False, True], ids=["forwarded", "tunnel"])
async def test_calls_go_through_the_proxy(*, tls: bool) -> None:
    async with FakeGroq(tls=tls) as server, http_proxy(user="user:hunter2") as proxy:
        url = proxy.url("user:hunter2")
        async with GroqClient(KEY, **options(server, proxy=url)) as client:
            for _ in range(3):
                assert (await client.models.list()).data
            told = f"{client!r}{client.config!r}{client.config.describe()}{client.pool!r}"
            assert "hunter2" not in told
            assert client.with_options(timeout=3.0).config.proxy == client.config.proxy
        assert proxy.accepted == 1
        assert len(proxy.heads) == (1 if tls else 3)
        assert all(request.header("proxy-authorization") is None for request in server.requests)


async def test_calls_go_through_a_socks_proxy() -> None:
    pytest.importorskip("socksio")
    async with FakeGroq(tls=True) as server, socks_proxy(user="user:hunter2") as proxy:
        url = proxy.url("user:hunter2")
        async with GroqClient(KEY, **options(server, proxy=url)) as client:
            assert (await client.models.list()).data
        assert proxy.accepted == 1


@pytest.mark.parametrize("tls", [False, True], ids=["forwarded", "tunnel"])
async def test_a_proxy_that_refuses_is_a_connection_error(*, tls: bool) -> None:
    async with FakeGroq(tls=tls) as server, http_proxy(user="a:b") as proxy:
        url = proxy.url("user:hunter2")
        async with GroqClient(KEY, **options(server, proxy=url, max_retries=2)) as client:
            with pytest.raises(APIConnectionError, match="got 407 Proxy Authentication") as caught:
                await client.models.list()
            assert caught.value.attempts == 1
            assert client.pool.statistics().leased == 0
        assert server.requests == []
        assert proxy.accepted == 1
    told = "".join(traceback.format_exception(caught.value))
    assert "hunter2" not in "".join(line for line in told.splitlines() if "rror" in line)


async def test_the_environment_is_asked_once_and_only_if_it_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    assert ClientConfig().proxies().https == Proxy("http", "proxy.test", 3128)
    assert ClientConfig(trust_env=False).proxies().https is None
    off = ClientConfig(proxy="none")
    assert off.proxies() == attrs.evolve(off, strict_validation=True).proxies() == ProxySettings()
    assert ClientConfig(proxy="https://p.test").proxies().https == Proxy("https", "p.test", 443)
    client = GroqClient(KEY)
    monkeypatch.setenv("HTTPS_PROXY", "nonsense://")
    with pytest.raises(ConfigurationError, match=r"^HTTPS_PROXY: expected http"):
        GroqClient(KEY)
    GroqClient(KEY, trust_env=False)
    with pytest.raises(ConfigurationError, match=r"^proxy: expected http"):
        GroqClient(KEY, proxy="nonsense://user:hunter2@x")
    await client.aclose()


async def test_loopback_is_reached_without_the_environment_s_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with FakeGroq() as server, http_proxy() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url())
        async with GroqClient(KEY, **options(server)) as client:
            assert (await client.models.list()).data
        assert proxy.accepted == 0


# -- redirects


def moved(location: str, status: int = 307) -> Reply:
    return Reply.raw(
        b"HTTP/1.1 %d Moved\r\nLocation: %b\r\nContent-Length: 5\r\n\r\nmoved"
        % (status, location.encode())
    )


async def test_redirects_within_the_origin_are_followed(fake_groq: FakeGroq) -> None:
    async with GroqClient(KEY, **options(fake_groq)) as client:
        fake_groq.enqueue(moved("/openai/v1/models/llama-3.1-8b-instant", 301))
        found = await client.request("GET", "models/old")
        assert isinstance(found, dict)
        assert found["id"] == "llama-3.1-8b-instant"
        fake_groq.enqueue(moved("/openai/v1/chat/completions", 308))
        ask: Any = {"model": "llama-3.1-8b-instant", "messages": [{"role": "user", "content": "a"}]}
        answer = await client.request("POST", "chat", json=ask)
        assert isinstance(answer, dict)
        assert answer["object"] == "chat.completion"
        first, second = fake_groq.requests[-2:]
        assert (first.body, first.header("authorization")) == (
            second.body,
            second.header("authorization"),
        )
        assert client.pool.statistics().opened == 1


@pytest.mark.parametrize(
    "location", ["https://evil.test/", "http://169.254.169.254/latest/meta-data/", "//evil.test/x"]
)
async def test_no_redirect_leaves_the_origin(fake_groq: FakeGroq, location: str) -> None:
    async with GroqClient(KEY, **options(fake_groq, max_retries=2)) as client:
        fake_groq.enqueue(moved(location))
        with pytest.raises(APIStatusError, match="307 redirect: expected a place at") as caught:
            await client.models.list()
        assert (caught.value.status_code, caught.value.attempts) == (307, 1)
        assert caught.value.request is not None
        assert (await client.models.list()).data
    assert len(fake_groq.requests) == 2


async def test_redirects_in_a_circle_end(fake_groq: FakeGroq) -> None:
    async with GroqClient(KEY, **options(fake_groq)) as client:
        fake_groq.enqueue(*[moved("/openai/v1/models")] * 9)
        with pytest.raises(APIStatusError, match="expected at most 5 redirects"):
            await client.models.list()
    assert len(fake_groq.requests) == 6


async def test_a_post_does_not_become_a_get(fake_groq: FakeGroq) -> None:
    async with GroqClient(KEY, **options(fake_groq)) as client:
        fake_groq.enqueue(moved("/openai/v1/models", 302))
        with pytest.raises(APIStatusError, match="302 redirect: expected 307 or 308 for a POST"):
            await client.request("POST", "chat", json={})


# -- warm connections


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_warm_connections_are_used(*, tls: bool) -> None:
    async with FakeGroq(tls=tls) as server:
        async with GroqClient(KEY, **options(server)) as client:
            await client.warm_up(3)
            now = client.pool.statistics()
            assert (now.idle, now.opened) == (3, 3)
            await client.warm_up(2)
            assert client.pool.statistics().opened == 3
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(client.models.list)
            assert client.pool.statistics().opened == 3
        assert server.connections_opened == 3


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_warm_connections_that_the_server_has_closed_do_no_harm(*, tls: bool) -> None:
    async with FakeGroq(tls=tls) as server, GroqClient(KEY, **options(server)) as client:
        await client.warm_up(1)
        server.close_connections()
        assert (await client.models.list()).data  # with no retry: seen or not seen before
        assert client.pool.statistics().opened == 2


async def test_as_many_as_there_is_room_for(fake_groq: FakeGroq) -> None:
    limits = PoolLimits(max_connections=4, max_idle=3)
    async with GroqClient(KEY, **options(fake_groq, limits=limits)) as client:
        for wrong in (0, 4, True, "2"):
            count: Any = wrong
            with pytest.raises(InvalidRequestError, match="count: expected an integer from 1 to 3"):
                await client.warm_up(count)
        await client.warm_up(3)
        assert client.pool.statistics().idle == 3


async def test_what_cannot_be_warmed_up_is_told() -> None:
    async with GroqClient(KEY, base_url="http://127.0.0.1:9", trust_env=False) as client:
        with pytest.raises(APIConnectionError, match="connecting to"):
            await client.warm_up(3)
        assert client.pool.statistics().open == 0


# -- one run, one process


def test_a_client_belongs_to_one_run() -> None:
    clients: list[GroqClient] = []

    async def first() -> None:
        async with FakeGroq() as server:
            clients.append(GroqClient(KEY, **options(server)))
            await clients[0].models.list()

    async def second() -> None:
        (client,) = clients
        for call in (client.models.list, lambda: client.warm_up(1)):
            with pytest.raises(ConfigurationError, match="the Trio run that it was first used in"):
                await call()
        await client.aclose()
        assert client.pool.statistics().idle == 0

    trio.run(first)
    trio.run(second)


async def test_a_forked_child_leaves_the_parent_s_sockets_alone(fake_groq: FakeGroq) -> None:
    async with GroqClient(KEY, **options(fake_groq)) as client:
        await client.models.list()
        client.pool._guard.is_forked = True  # as a child would find it
        await client.aclose()
        assert client.pool.statistics().idle == 1
        client.pool._guard.is_forked = False
