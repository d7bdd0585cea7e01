"""Runs that are killed, fifty times at moments by chance, and started again.

What counts is the files: no answer twice, none missing, and the same answers as without a kill.
"""

import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio

from cli.processes import PATIENCE, environment, read_until
from cli.run_files import lines_in, prompt_lines, texts_in
from trio_groq.testing import FakeGroq, RecordedRequest, Reply
from trio_groq.testing.content import echo

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor kill")

REQUESTS: Final = 60
KILLS: Final = 10
"""Of each kind of run; five kinds."""
ENDS: Final = (".jsonl", ".results.jsonl", ".errors.jsonl")
LATEST: Final = 0.003
"""Seconds after the arrival of a request: within them, its answer comes and is written."""

# Each run is a process of its own, forked from one that has the program loaded: a kill costs
# milliseconds, and not the start of an interpreter.
FORKS: Final = """
import json, os, sys
from trio_groq.cli import main
import trio_groq.cli.run
for line in sys.stdin:
    pid = os.fork()
    if not pid:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        sys.argv = ["trio-groq", *json.loads(line)]
        code = 99
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        finally:
            os._exit(code)
    print("pid", pid, flush=True)
    _, status = os.waitpid(pid, 0)
    print("ended", os.waitstatus_to_exitcode(status), flush=True)
"""


@attrs.define
class World:
    """A server, and runs against it.

    Attributes:
        process: What forks.
        server: Who answers; refuses every seventh request unless it is healed.
        healed: Whether it refuses none.
        on_request: Called with each request.
    """

    process: trio.Process
    server: FakeGroq
    healed: bool = False
    on_request: Callable[[], None] = lambda: None

    def reply(self, request: RecordedRequest) -> Reply:
        self.on_request()
        text = request.params["messages"][0]["content"]
        if not self.healed and int(text) % 7 == 0:
            return Reply.error(400, "no")
        return attrs.evolve(echo(request.params), head_delay=0.0005)

    async def start(self, *args: str) -> int:
        assert self.process.stdin is not None
        await self.process.stdin.send_all(json.dumps(["run", *args]).encode() + b"\n")
        said = await read_until(self.process.stdout, b"\n")
        return int(said.split()[1])

    async def end(self) -> int:
        said = await read_until(self.process.stdout, b"\n")
        assert said.startswith(b"ended ")
        return int(said.split()[1])

    async def run(self, *args: str) -> int:
        """A run to its end; its exit code."""
        await self.start(*args)
        return await self.end()

    async def run_and_kill(self, requests: int, seconds: float, *args: str) -> int:
        """A run that is killed so long after so many requests have come; its exit code."""
        arrived = trio.Event()
        left = requests

        def count() -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                arrived.set()

        self.on_request = count
        pid = await self.start(*args)
        code: list[int] = []

        async def ended() -> None:
            code.append(await self.end())
            arrived.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ended)
            await arrived.wait()
            await trio.sleep(seconds)
            if not code:
                os.kill(pid, signal.SIGKILL)
        self.on_request = lambda: None
        return code[0]


@asynccontextmanager
async def worlds() -> AsyncIterator[World]:
    made: list[World] = []

    def reply(request: RecordedRequest) -> Reply:
        return made[0].reply(request)

    async with FakeGroq(default_reply=reply) as server:
        env = {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": server.url}
        process = await trio.lowlevel.open_process(
            [sys.executable, "-c", FORKS], stdin=-1, stdout=-1, env=environment(env)
        )
        try:
            with trio.fail_after(PATIENCE):
                made.append(World(process, server))
                yield made[0]
        finally:
            process.kill()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + PATIENCE):
                await process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                await trio.aclose_forcefully(pipe)


def whole_ids(path: Path) -> list[str]:
    """Whose results are in a file that may end in the middle of a line."""
    data = path.read_bytes() if path.exists() else b""
    return [json.loads(line)["custom_id"] for line in data.split(b"\n")[:-1]]


KINDS: Final = {
    "one at a time": ("--max-in-flight", "1"),
    "many at once": ("--max-in-flight", "16"),
    "streamed": ("--max-in-flight", "4", "--stream"),
    "another place": ("--max-in-flight", "8", "-o", "o", "--errors", "e"),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_killed_and_started_again(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "in.jsonl"
    source.write_bytes(prompt_lines(REQUESTS))
    whole = tmp_path / "whole.jsonl"
    whole.write_bytes(source.read_bytes())
    named = "-o" in KINDS[kind]
    output = tmp_path / ("o" if named else "in.results.jsonl")
    errors = tmp_path / ("e" if named else "in.errors.jsonl")
    args = ("in.jsonl", *KINDS[kind])
    chance = random.Random(kind)  # noqa: S311 (a test's)
    async with worlds() as world:
        assert await world.run("whole.jsonl") == 3
        codes = []
        for _ in range(KILLS):
            moment = chance.randint(1, 6), chance.uniform(0, LATEST)
            codes.append(await world.run_and_kill(*moment, *args))
            done = whole_ids(output) + whole_ids(errors)
            assert len(set(done)) == len(done)
        assert await world.run(*args) == 3
        served = world.server.requests_served
        assert await world.run(*args) == 3
        assert world.server.requests_served == served
    assert codes.count(-signal.SIGKILL) >= KILLS - 2
    assert texts_in(output) == texts_in(tmp_path / "whole.results.jsonl")
    failed = sorted(line["custom_id"] for line in lines_in(errors))
    assert failed == sorted(f"r{number}" for number in range(0, REQUESTS, 7))


async def test_killed_while_it_asks_again_what_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source, output, errors = (tmp_path / f"in{end}" for end in ENDS)
    source.write_bytes(b"".join(prompt_lines(7 * REQUESTS).splitlines(keepends=True)[::7]))
    args = ("in.jsonl", "--max-in-flight", "3")
    chance = random.Random(6)  # noqa: S311 (a test's)
    async with worlds() as world:
        assert await world.run(*args) == 3
        assert len(lines_in(errors)) == REQUESTS
        codes = []
        for turn in range(KILLS):
            world.healed = turn % 3 > 0
            moment = chance.randint(1, 6), chance.uniform(0, LATEST)
            codes.append(await world.run_and_kill(*moment, *args, "--retry-errors"))
            answered = whole_ids(output)
            assert len(set(answered)) == len(answered)
            assert len({*answered, *whole_ids(errors)}) == REQUESTS
        world.healed = True
        assert await world.run(*args, "--retry-errors") == 0
    assert codes.count(-signal.SIGKILL) >= KILLS - 2
    assert len(texts_in(output)) == REQUESTS
    assert not errors.exists()
