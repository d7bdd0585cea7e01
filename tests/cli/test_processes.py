"""The program as it is run: arguments, pipes and signals."""

import json
import signal
import sys

import pytest

from cli.processes import PATIENCE, read_all, read_until, run_program, started_program
from trio_groq.client import GroqClient
from trio_groq.config import ClientConfig
from trio_groq.testing import FakeGroq, Reply

needs_sigint = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows cannot send SIGINT to one process"
)


def settings(server: FakeGroq) -> dict[str, str]:
    return {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": server.url}


async def test_demo_piped() -> None:
    done = await run_program("demo", "--tokens", "5", "--tokens-per-second", "200")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode("ascii").splitlines()
    assert sum(line.startswith("stream ") for line in lines) == 20
    assert any(line.startswith("connections opened") and line.endswith("20") for line in lines)


@needs_sigint
async def test_demo_interrupted() -> None:
    async with started_program("demo", "--tokens-per-second", "0.1") as process:
        await read_until(process.stdout, b"from FakeGroq\n")
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130
        assert await read_all(process.stderr) == b""


async def test_chat_with_an_argument() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content="Guten Tag, wörld"))
        done = await run_program("chat", "Hello", env=settings(server))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == ["Guten Tag, wörld"]


async def test_chat_from_standard_input_as_json() -> None:
    async with FakeGroq() as server:
        done = await run_program("chat", "--json", stdin=b"Hello", env=settings(server))
        assert server.requests[0].params["messages"] == [{"role": "user", "content": "Hello"}]
    assert done.returncode == 0
    assert "Hello" in json.loads(done.stdout)["choices"][0]["message"]["content"]


async def test_chat_where_the_terminal_speaks_ascii_only() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(content="5 €"))
        env = settings(server) | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
        done = await run_program("chat", "Hello", env=env)
    assert (done.returncode, done.stdout.split()) == (0, [b"5", rb"\u20ac"])


async def test_chat_without_a_key_says_what_to_set_in_one_line() -> None:
    done = await run_program("chat", "Hello")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.split(b"\n", 1)[1] == b""
    assert b"GROQ_API_KEY" in done.stderr


async def test_chat_that_fails_has_no_traceback() -> None:
    async with FakeGroq(api_keys={"gsk_other"}) as server:
        done = await run_program("chat", "Hello", env=settings(server))
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"error: ")
    assert b"Traceback" not in done.stderr
    assert b"gsk_test" not in done.stderr


@needs_sigint
async def test_chat_interrupted_in_the_middle_of_its_answer() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(tokens=("One", " two"), token_interval=3600))
        async with started_program("chat", "Count", env=settings(server)) as process:
            first = await read_until(process.stdout, b"One")
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
            assert first + await read_all(process.stdout) == b"One\n"
            assert await read_all(process.stderr) == b""


async def test_chat_whose_reader_has_gone() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(tokens=("One", " two", " three"), token_interval=0.01))
        async with started_program("chat", "Count", env=settings(server)) as process:
            assert process.stdout is not None
            await read_until(process.stdout, b"One")
            await process.stdout.aclose()
            assert await process.wait() == 1
            assert await read_all(process.stderr) == b""


@needs_sigint
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_serve_until_it_is_told_to_stop(number: signal.Signals) -> None:
    async with started_program("serve", "--port", "0") as process:
        said = (await read_until(process.stdout, b'"Hello"\n')).decode()
        url = said.split("listens on ")[1].split()[0]
        config = ClientConfig(api_key="gsk_test", base_url=url)
        async with GroqClient(config=config, timeout=PATIENCE) as client:
            completion = await client.chat.completions.create(
                model="llama-3.1-8b-instant", messages=[{"role": "user", "content": "Hello"}]
            )
            assert "Hello" in (completion.choices[0].message.content or "")
            process.send_signal(number)
            assert await process.wait() == 0
        assert await read_all(process.stderr) == b""
