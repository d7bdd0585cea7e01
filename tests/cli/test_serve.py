import io
import re
import socket
import ssl
import sys
from pathlib import Path

import pytest
import trio
from click.testing import CliRunner

from cli.processes import PressesCtrlC
from trio_groq.cli import serve as serve_module
from trio_groq.cli._output import Failure, Output
from trio_groq.cli.serve import Pace, command, serve
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig
from trio_groq.errors import NotFoundError
from trio_groq.testing import FakeGroq, RecordedRequest

NOTHING = RecordedRequest(
    method="POST", path="/openai/v1/else", connection=1, received_at=0.0, json={}
)


def chat_request(text: str) -> RecordedRequest:
    params = {"model": "m", "messages": [{"role": "user", "content": text}]}
    path = "/openai/v1/chat/completions"
    return RecordedRequest(method="POST", path=path, connection=1, received_at=0.0, json=params)


def test_the_pace_is_the_reply_s() -> None:
    reply = Pace(first_token=0.25, tokens_per_second=10).reply(chat_request("Hello"))
    assert reply is not None
    assert (reply.first_token_delay, reply.interval) == (0.25, 0.1)
    assert reply.content is not None
    assert "Hello" in reply.content


def test_at_first_as_fast_as_can_be() -> None:
    reply = Pace().reply(chat_request("Hello"))
    assert reply is not None
    assert (reply.first_token_delay, reply.interval) == (0.0, 0.0)


def test_other_paths_are_the_server_s() -> None:
    assert Pace().reply(NOTHING) is None


async def test_it_serves_until_interrupted() -> None:
    stream = io.StringIO()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, Output(stream), "127.0.0.1", 0, Pace())
        url = await said(stream, r"listens on (\S+)")
        config = ClientConfig(api_key="gsk_test", base_url=url)
        async with GroqClient(config=config) as client:
            completion = await client.chat.completions.create(
                model="llama-3.1-8b-instant", messages=[{"role": "user", "content": "Hello"}]
            )
            assert "Hello" in (completion.choices[0].message.content or "")
        nursery.cancel_scope.cancel()
    assert f'Try: GROQ_API_KEY=gsk_test GROQ_BASE_URL={url} trio-groq chat "Hello"' in (
        stream.getvalue()
    )


async def said(stream: io.StringIO, pattern: str) -> str:
    """What the server said, once it has."""
    while True:
        found = re.search(pattern + "[^$]*Try.*\n", stream.getvalue())
        if found:
            return found[1]
        await trio.lowlevel.checkpoint()


async def test_with_tls_a_file_has_what_to_trust() -> None:
    pytest.importorskip("trustme", reason="certificates need trustme")
    stream = io.StringIO()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: serve(Output(stream), "127.0.0.1", 0, Pace(), tls=True))
        url = await said(stream, r"listens on (\S+)")
        found = re.search(r"SSL_CERT_FILE=(\S+) ", stream.getvalue())
        assert found
        ca_file = Path(found[1])
        context = ssl.create_default_context(cafile=str(ca_file))
        config = ClientConfig(api_key="gsk_test", base_url=url, ssl_context=context)
        async with GroqClient(config=config) as client:
            assert await client.request("GET", "/openai/v1/models")
        nursery.cancel_scope.cancel()
    assert url.startswith("https://")
    assert not await trio.Path(ca_file).exists()


@pytest.mark.parametrize("mark", ["listens", "Try"])
async def test_ctrl_c_stops_it_in_good_order(mark: str) -> None:
    stream = PressesCtrlC(mark)
    with trio.fail_after(60):
        await serve(Output(stream), "127.0.0.1", 0, Pace())
    assert "FakeGroq listens" in stream.getvalue()


def test_a_port_that_is_taken_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(command, ["--port", str(port)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: serve: expected a free port, got 127.0.0.1:{port} (")
    assert result.stderr.count("\n") == 1


async def test_tls_without_trustme_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(Failure, match="trustme"):
        await serve(Output(io.StringIO()), "127.0.0.1", 0, Pace(), tls=True)


def test_options_reach_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []

    async def record(_: Output, *args: object, **options: object) -> None:
        given.extend((*args, options))

    monkeypatch.setattr(serve_module, "serve", record)
    args = ["--host", "::1", "--port", "0", "--tls", "--tokens-per-second", "5"]
    result = CliRunner().invoke(command, [*args, "--first-token-ms", "250"])
    assert result.exit_code == 0
    assert given == ["::1", 0, Pace(first_token=0.25, tokens_per_second=5), {"tls": True}]


@pytest.mark.parametrize(
    "args", [["--port", "65536"], ["--tokens-per-second", "0"], ["--first-token-ms", "-1"]]
)
def test_options_out_of_range_are_wrong_usage(args: list[str]) -> None:
    assert CliRunner().invoke(command, args).exit_code == 2


async def test_nothing_that_a_client_sends_breaks_the_echo() -> None:
    async with FakeGroq(default_reply=Pace().reply) as server:
        config = ClientConfig(api_key="gsk_test", base_url=server.url)
        async with GroqClient(config=config) as client:
            for path in ("/openai/v1/else", "/else/chat/completions"):
                with pytest.raises(NotFoundError):
                    await client.request("POST", path, json={})
