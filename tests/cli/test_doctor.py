"""`trio-groq doctor`: each step, each failure, and how it is shown."""

import json
import signal
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import trio
import trustme
from click.testing import CliRunner, Result
from trio.testing import MockClock

from _http.proxy_servers import http_proxy
from _http.tls_servers import client_context, server_context, stay, tls_server
from raw_http import until
from trio_groq._http.dial import default_ssl_context
from trio_groq._http.messages import Origin
from trio_groq._http.proxies import ProxySettings, as_proxy
from trio_groq.cli import doctor as doctor_module
from trio_groq.cli._diagnosis import Finding
from trio_groq.cli._output import Output
from trio_groq.cli._probes import Place, look_up, reach, reach_through_proxy, shake_hands
from trio_groq.cli.doctor import Doctor, command, doctor, show_table
from trio_groq.errors import RateLimits, RateLimitWindow
from trio_groq.testing import FakeGroq, Fault, Reply

NOW = 1_790_000_000.0
DATE = ("date", "Mon, 21 Sep 2026 14:13:20 GMT")
"""The same moment."""


async def examine(server: FakeGroq, **options: Any) -> list[Finding]:
    environ = {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": server.url, **options.pop("env", {})}
    found: list[Finding] = []
    await Doctor(environ=environ, tell=found.append, clock=lambda: NOW, **options).examine()
    return found


def names(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    return [(finding.name, finding.status) for finding in findings]


def listing(**options: Any) -> Reply:
    data = [{"id": "openai/gpt-oss-20b"}]
    return Reply.json({"object": "list", "data": data}, headers=[DATE], **options)


START = [("key", "ok"), ("base URL", "ok"), ("proxy", "ok"), ("DNS", "ok"), ("TCP", "ok")]


async def test_all_is_well(fake_groq: FakeGroq) -> None:
    limits = RateLimits(tokens=RateLimitWindow(limit=6000, remaining=5000, reset_after=1.0))
    fake_groq.enqueue(listing(rate_limits=limits))
    found = await examine(fake_groq)
    assert names(found) == [*START, ("key accepted", "ok"), ("clock", "ok"), ("rate limits", "ok")]
    assert found[5].detail.startswith("1 models, ")
    assert found[-1].detail == "5000 of 6000 tokens a minute"
    assert not any(finding.advice for finding in found)


async def test_deep_waits_for_a_first_token(fake_groq: FakeGroq) -> None:
    limits = RateLimits(requests=RateLimitWindow(limit=100, remaining=1, reset_after=1.0))
    fake_groq.enqueue(listing(), Reply(content="Hi", reasoning="So", rate_limits=limits))
    found = await examine(fake_groq, deep=True)
    assert names(found)[5:] == [
        ("key accepted", "ok"),
        ("first token", "ok"),
        ("clock", "ok"),
        ("rate limits", "warning"),
    ]
    assert found[6].detail.startswith("openai/gpt-oss-20b, ")
    assert fake_groq.requests[1].params["stream"] is True


async def test_deep_with_a_model_that_is_not_there(fake_groq: FakeGroq) -> None:
    found = await examine(fake_groq, deep=True, model="gpt-oss-20b")
    assert names(found)[6] == ("first token", "failed")
    assert "Names like it: openai/gpt-oss-20b" in found[6].advice


async def test_deep_with_an_answer_that_breaks_off(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(listing(), Reply(content="Hi", fault=Fault.truncate(200)))
    found = await examine(fake_groq, deep=True)
    assert names(found)[6] == ("first token", "failed")


async def test_tls() -> None:
    async with FakeGroq(tls=True) as server:
        context = server.ssl_context()
        found = await examine(server, ssl_context=context)
        assert names(found)[4:7] == [("TCP", "ok"), ("TLS", "ok"), ("key accepted", "ok")]
        assert found[5].detail.startswith("TLSv1.3, ")
        ancient = partial(shake_hands, Place("localhost", origin_of(server).port))
        soon = await ancient(10.0, 32_503_680_000.0 - 3600, context)
        assert (soon.status, soon.name) == ("warning", "TLS")


def origin_of(server: FakeGroq) -> Origin:
    scheme, _, rest = server.url.partition("://")
    host, _, port = rest.partition(":")
    return Origin(scheme, host, int(port))


async def test_a_certificate_that_is_not_trusted() -> None:
    async with FakeGroq(tls=True) as server:
        found = await examine(server)
    assert names(found)[5:] == [("TLS", "failed"), ("API", "skipped")]
    assert "TLS with localhost: " in found[5].detail
    assert "SSL_CERT_FILE" in found[5].advice
    assert found[6].detail == "it cannot be reached"


async def test_a_server_that_speaks_no_tls(fake_groq: FakeGroq) -> None:
    place = Place("127.0.0.1", origin_of(fake_groq).port)
    found = await shake_hands(place, 10.0, NOW)
    assert found.status == "failed"
    assert "TLS with 127.0.0.1" in found.detail


async def test_no_key(fake_groq: FakeGroq) -> None:
    found = await examine(fake_groq, env={"GROQ_API_KEY": ""})
    assert names(found) == [("key", "failed"), *START[1:], ("API", "skipped")]
    assert "console.groq.com/keys" in found[0].advice
    assert fake_groq.requests == []


async def test_a_key_that_is_not_accepted() -> None:
    async with FakeGroq(api_keys={"gsk_other"}) as server:
        found = await examine(server)
    assert names(found)[5:] == [
        ("key accepted", "failed"),
        ("clock", "skipped"),
        ("rate limits", "skipped"),
    ]
    assert "console.groq.com/keys" in found[5].advice


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"GROQ_API_KEY": "gsk_test\n"}, "GROQ_API_KEY: "),
        ({"GROQ_BASE_URL": "http://api.groq.com"}, "GROQ_BASE_URL: "),
        ({"GROQ_BASE_URL": "ftp://api.groq.com"}, "GROQ_BASE_URL: "),
    ],
)
async def test_settings_that_are_none(fake_groq: FakeGroq, env: dict[str, str], words: str) -> None:
    (found,) = await examine(fake_groq, env=env)
    assert (found.name, found.status) == ("settings", "failed")
    assert found.detail.startswith(words)


async def test_a_proxy_that_is_none(fake_groq: FakeGroq) -> None:
    found = await examine(fake_groq, env={"HTTP_PROXY": "gopher://user:secret@proxy.test"})
    assert names(found) == [*START[:2], ("settings", "failed")]
    assert "HTTP_PROXY" in found[2].detail
    assert "secret" not in repr(found)


async def test_an_answer_that_is_no_list_of_models(fake_groq: FakeGroq) -> None:
    page = Reply(body=b"<title>Login</title>", content_type="text/html", headers=[DATE])
    fake_groq.enqueue(page)
    found = await examine(fake_groq)
    assert names(found)[5:] == [("API", "failed")]
    assert "web page" in found[5].advice


async def test_an_error_has_a_clock_and_limits_too(fake_groq: FakeGroq) -> None:
    limits = RateLimits(requests=RateLimitWindow(limit=10, remaining=0, reset_after=9.0))
    late = ("date", "Mon, 21 Sep 2026 14:11:20 GMT")
    fake_groq.enqueue(Reply.error(429, "wait", rate_limits=limits, headers=[late]))
    found = await examine(fake_groq)
    assert names(found)[5:] == [
        ("API", "failed"),
        ("clock", "warning"),
        ("rate limits", "warning"),
    ]
    assert found[6].detail == "120 s ahead of the server"


async def test_a_name_that_nobody_knows() -> None:
    found: list[Finding] = []
    environ = {"GROQ_BASE_URL": "https://unreachable.invalid"}
    await Doctor(environ=environ, tell=found.append).examine()
    assert names(found)[3:] == [("DNS", "failed"), ("API", "skipped")]
    assert "Check the spelling" in found[3].advice


async def test_a_name_that_is_none() -> None:
    found = await look_up(Place("a" * 64 + ".test", 443), 10.0)
    assert found.detail.endswith("the name is not valid")


async def test_many_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    async def many(*_: object, **__: object) -> list[Any]:
        await trio.lowlevel.checkpoint()
        return [(2, 1, 6, "", (f"10.0.0.{number}", 443)) for number in (1, 2, 2, 3, 4, 5, 6)]

    monkeypatch.setattr(trio.socket, "getaddrinfo", many)
    found = await look_up(Place("groq.test", 443), 10.0)
    assert "10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4 and 2 more, " in found.detail


async def test_a_port_where_nobody_listens() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    found = await reach(Place("127.0.0.1", port), 10.0)
    assert (found.name, found.status) == ("TCP", "failed")
    assert "If a proxy is needed, set HTTPS_PROXY" in found.advice
    dead = await reach(Place("127.0.0.1", port, "proxy"), 10.0)
    assert (dead.name, dead.status) == ("TCP (proxy)", "failed")
    assert "whether the proxy runs" in dead.advice
    assert "set HTTPS_PROXY" not in dead.advice


async def never(*_: object, **__: object) -> Any:
    await trio.sleep_forever()


async def test_a_step_that_takes_too_long(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    monkeypatch.setattr(trio.socket, "getaddrinfo", never)
    found = await look_up(Place("groq.test", 443), 3.0)
    assert (found.status, found.detail) == ("failed", "no answer within 3 s")
    assert trio.current_time() == 3.0


async def test_through_a_proxy() -> None:
    async with FakeGroq(tls=True) as server, http_proxy() as proxy:
        settings = ProxySettings.all_through(as_proxy(proxy.url()))
        context = server.ssl_context()
        found = await reach_through_proxy(origin_of(server), settings, 10.0, context)
        assert names([found]) == [("through proxy", "ok")]
        assert found.detail.startswith(f"{server.url}, ")
        assert proxy.heads[0].startswith(b"CONNECT localhost:")


async def test_a_proxy_that_refuses() -> None:
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    async with http_proxy(answer=answer) as proxy:
        env = {"HTTPS_PROXY": proxy.url(), "GROQ_BASE_URL": "", "GROQ_API_KEY": "gsk_test"}
        found: list[Finding] = []
        await Doctor(environ=env, tell=found.append).examine()
    assert names(found)[2:] == [
        ("proxy", "ok"),
        ("DNS (proxy)", "ok"),
        ("TCP (proxy)", "ok"),
        ("through proxy", "failed"),
        ("API", "skipped"),
    ]
    assert found[2].detail == f"{proxy.url()}, from HTTPS_PROXY"
    assert "403" in found[5].detail
    assert "does not lead to the API" in found[5].advice


async def test_a_certificate_of_another_name() -> None:
    authority = trustme.CA()
    async with tls_server(server_context(authority), stay) as origin:
        context = client_context(authority)
        found = await shake_hands(Place("127.0.0.1", origin.port), 10.0, 0.0, context)
    assert (found.name, found.status) == ("TLS", "failed")
    assert "another host's" in found.advice
    assert "inspects" not in found.advice


async def test_a_server_without_tls(fake_groq: FakeGroq) -> None:
    port = origin_of(fake_groq).port
    found = await shake_hands(Place("127.0.0.1", port), 10.0, 0.0, default_ssl_context())
    assert (found.name, found.status) == ("TLS", "failed")
    assert "speaks no TLS" in found.advice


@pytest.mark.parametrize(
    ("environ", "advice"),
    [
        ({"HTTPS_PROXY": "x://y"}, "Correct HTTPS_PROXY, such as http://"),
        ({"GROQ_BASE_URL": "http://evil.test"}, "Correct GROQ_BASE_URL, such as https://"),
        ({"GROQ_LOG": "loud"}, "Correct GROQ_LOG, or unset it."),
    ],
)
async def test_a_setting_that_is_not_valid(environ: dict[str, str], advice: str) -> None:
    found: list[Finding] = []
    await Doctor(environ={"GROQ_API_KEY": "gsk_test", **environ}, tell=found.append).examine()
    assert (found[-1].name, found[-1].status) == ("settings", "failed")
    assert found[-1].advice.startswith(advice)


async def test_a_base_url_given_that_is_not_valid() -> None:
    found: list[Finding] = []
    await Doctor(environ={}, tell=found.append, base_url="nonsense").examine()
    assert found[-1].advice.startswith("Correct --base-url")


def invoke(*args: str) -> Result:
    return CliRunner().invoke(command, args)


def test_piped_it_prints_lines(groq: FakeGroq) -> None:
    result = invoke()
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line[:23].strip() for line in lines[:2]] == ["ok       key", "ok       base URL"]
    assert lines[1].startswith(f"ok       base URL       {groq.url}, ")


def test_what_failed_is_exit_code_1_and_has_advice(
    groq: FakeGroq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GROQ_API_KEY")
    result = invoke("--timeout", "5")
    assert result.exit_code == 1
    first, advice, *_ = result.stdout.splitlines()
    assert first == "failed   key            none is set"
    assert advice.strip().startswith("-> Make one at https://console.groq.com/keys")


def test_json(groq: FakeGroq) -> None:
    result = invoke("--json", "--model", "llama-3.1-8b-instant")
    assert result.exit_code == 0
    assert result.stdout.isascii()
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows[0].keys() == {"name", "status", "detail", "advice"}
    assert ("first token", "ok") in {(row["name"], row["status"]) for row in rows}


def test_another_base_url(groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_BASE_URL", "https://unreachable.invalid")
    assert invoke("--base-url", groq.url).exit_code == 0


def test_in_a_terminal_it_prints_a_table(groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Sequence[Finding]] = []
    monkeypatch.setattr(Output, "is_terminal", True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(doctor_module, "show_table", shown.append)
    result = invoke()
    assert (result.exit_code, result.stdout, len(shown)) == (0, "", 1)
    monkeypatch.setenv("TERM", "dumb")
    assert invoke().stdout
    assert invoke("--json").stdout


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(
        [
            Finding("key", "ok", "...WXYZ"),
            Finding("[TCP]", "failed", "[red]refused\x1b[31m", "Do this."),
        ]
    )
    head, key, tcp, advice = capsys.readouterr().out.splitlines()
    assert head.split() == ["Check", "Status", "What", "was", "seen,", "and", "what", "to", "do"]
    assert key.split() == ["key", "ok", "...WXYZ"]
    assert tcp.split() == ["[TCP]", "failed", "[red]refused[31m"]
    assert advice.strip() == "-> Do this."


async def test_it_can_be_interrupted(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.json({}, fault=Fault.stall(5)))
    found: list[Finding] = []
    ended: list[object] = []

    def make(tell: Callable[[Finding], None]) -> Doctor:
        environ = {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": fake_groq.url}
        return Doctor(environ=environ, tell=tell)

    async def work() -> None:
        ended.append(await doctor(make, found.append))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        await until(lambda: bool(fake_groq.requests))
        signal.raise_signal(signal.SIGINT)
    assert ended == [None]
    assert names(found) == START


def test_interrupted_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object) -> None:
        return None

    monkeypatch.setattr(doctor_module, "doctor", interrupted)
    assert invoke().exit_code == 130
