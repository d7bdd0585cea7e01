"""The examples: run as a user would run them, or loaded into the test."""

import os
import runpy
import subprocess
import sys
from typing import Any

import pytest
import trio

from shared_data import ROOT
from trio_groq.testing import FakeGroq, RecordedRequest

FOLDER = ROOT / "examples"
PATIENCE = 60
"""Seconds after which a hang is a failure; nothing waits for this long."""


def environment(server: FakeGroq) -> dict[str, str]:
    return os.environ | {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": server.url}


def command(name: str, *args: object) -> list[str]:
    return [sys.executable, "-W", "error", str(FOLDER / f"{name}.py"), *map(str, args)]


async def run(
    name: str, server: FakeGroq, *args: object, stdin: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """Run an example to its end, as a process."""
    with trio.fail_after(PATIENCE):
        return await trio.run_process(
            command(name, *args),
            stdin=stdin.encode(),
            capture_stdout=True,
            capture_stderr=True,
            env=environment(server),
            check=False,
        )


async def output_of(name: str, server: FakeGroq, *args: object, stdin: str = "") -> list[str]:
    """The lines that an example prints; it ends well, and complains of nothing."""
    done = await run(name, server, *args, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    assert not done.stderr, done.stderr.decode()
    return done.stdout.decode().splitlines()


def load(name: str, server: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of an example, to run it inside the test."""
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    monkeypatch.setenv("GROQ_BASE_URL", server.url)
    return runpy.run_path(str(FOLDER / f"{name}.py"))


def contents(request: RecordedRequest) -> list[str]:
    """What the messages of a request say."""
    return [message["content"] for message in request.params["messages"]]


def question_of(request: RecordedRequest) -> str:
    return contents(request)[-1]
