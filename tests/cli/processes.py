"""The program as a process of its own, and output that presses Ctrl-C."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import final

import trio

PATIENCE = 60
"""Seconds after which a hang is a failure; nothing waits for this long."""

# Whoever runs the tests in the background has interrupts ignored, and children inherit that; for a
# user's shell they are on.
START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from trio_groq.cli import main; main()"
)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tests' environment without what says where Groq is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GROQ_")}
    return {**kept, "TERM": "dumb", **(extra or {})}


def command_line(*args: str) -> list[str]:
    """What runs the program: its script need not be on the PATH of every environment."""
    return [sys.executable, "-c", START, *args]


async def run_program(
    *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run it to its end."""
    with trio.fail_after(PATIENCE):
        return await trio.run_process(
            command_line(*args),
            stdin=stdin,
            env=environment(env),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )


@asynccontextmanager
async def started_program(
    *args: str, env: Mapping[str, str] | None = None
) -> AsyncIterator[trio.Process]:
    """Run it with pipes; it is killed at the end if it still runs."""
    process = await trio.lowlevel.open_process(
        command_line(*args),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(env),
    )
    try:
        with trio.fail_after(PATIENCE):
            yield process
    finally:
        process.kill()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + PATIENCE):
            await process.wait()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            await trio.aclose_forcefully(pipe)


async def read_all(stream: trio.abc.ReceiveStream | None) -> bytes:
    """The rest of a pipe."""
    assert stream is not None
    return b"".join([data async for data in stream])


async def read_until(stream: trio.abc.ReceiveStream | None, mark: bytes) -> bytes:
    """What comes until `mark` is among it."""
    assert stream is not None
    data = b""
    while mark not in data:
        more = await stream.receive_some()
        assert more, f"expected {mark!r}, got the end after {data!r}"
        data += more
    return data


@final
class PressesCtrlC(io.StringIO):
    """Output whose reader presses Ctrl-C once `mark` was written, and never again."""

    def __init__(self, mark: str) -> None:
        super().__init__()
        self._mark: str | None = mark

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._mark is not None and self._mark in self.getvalue():
            self._mark = None
            signal.raise_signal(signal.SIGINT)
        return written
