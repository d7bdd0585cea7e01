"""The program in a terminal, with its real Ctrl-C and Ctrl-D: a pseudo-terminal presses them."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import final

import pytest
import trio

from cli.processes import PATIENCE, START, environment
from trio_groq.testing import FakeGroq, Reply

pty = pytest.importorskip("pty", reason="pseudo-terminals are of POSIX")

# A session's leader makes the terminal its own, and so gets the signals of its keys.
IN_TERMINAL = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); {START}"
CTRL_C = b"\x03"
CTRL_D = b"\x04"


@final
class Terminal:
    """What a user sees and types."""

    def __init__(self, process: trio.Process, stream: "trio.lowlevel.FdStream") -> None:
        self.process = process
        self._stream = stream
        self._unread = b""

    async def see(self, mark: bytes) -> bytes:
        """What is shown up to `mark`, which must come."""
        while mark not in self._unread:
            self._unread += await self._stream.receive_some()
        shown, _, self._unread = self._unread.partition(mark)
        return shown

    async def rest(self) -> bytes:
        """What is shown until the program has ended."""
        try:
            while data := await self._stream.receive_some():
                self._unread += data
        except trio.BrokenResourceError:  # how Linux says that the other side is closed
            pass
        return self._unread

    async def type(self, keys: bytes) -> None:
        await self._stream.send_all(keys)


@asynccontextmanager
async def in_terminal(*args: str, env: dict[str, str]) -> AsyncIterator[Terminal]:
    ours, theirs = pty.openpty()
    try:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-c", IN_TERMINAL, *args],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env=environment(env),
        )
    finally:
        os.close(theirs)
    async with trio.lowlevel.FdStream(ours) as stream:
        try:
            with trio.fail_after(PATIENCE):
                yield Terminal(process, stream)
        finally:
            process.kill()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + PATIENCE):
                await process.wait()


def settings(server: FakeGroq) -> dict[str, str]:
    return {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": server.url}


async def test_a_conversation_with_ctrl_c_and_ctrl_d() -> None:
    async with FakeGroq() as server:
        server.enqueue(
            Reply(tokens=("One", " two"), token_interval=3600), Reply(content="Second answer")
        )
        async with in_terminal("chat", env=settings(server)) as terminal:
            await terminal.see(b"/help for commands")
            await terminal.see(b"> ")
            await terminal.type(b"Count\n")
            await terminal.see(b"One")
            await terminal.type(CTRL_C)
            await terminal.see(b"(interrupted)")
            await terminal.see(b"> ")
            await terminal.type(b"never mind")
            await terminal.see(b"never mind")
            # A signal in the moment before readline waits is seen only when it has waited: the
            # line's end makes sure of that, and is an empty line otherwise.
            await terminal.type(CTRL_C)
            await terminal.type(b"\n")
            await terminal.see(b"> ")
            await terminal.type(b"Again\n")
            await terminal.see(b"Second answer\r\n")
            await terminal.see(b"> ")
            await terminal.type(CTRL_D)
            assert await terminal.process.wait() == 0
            assert b"Traceback" not in await terminal.rest()
        said = [each["content"] for each in server.requests[-1].params["messages"]]
        assert said == ["Count", "One", "Again"]


async def test_a_single_answer_stops_at_ctrl_c() -> None:
    async with FakeGroq() as server:
        server.enqueue(Reply(tokens=("One", " two"), token_interval=3600))
        async with in_terminal("chat", "Count", env=settings(server)) as terminal:
            await terminal.see(b"One")
            await terminal.type(CTRL_C)
            assert await terminal.process.wait() == 130
            assert (await terminal.rest()).endswith(b"\r\n")


async def test_the_demo_lives() -> None:
    pytest.importorskip("rich", reason="live output is drawn with rich")
    args = ("demo", "--streams", "2", "--tokens", "5")
    async with in_terminal(*args, env={"TERM": "xterm"}) as terminal:
        await terminal.see(b"\x1b[?25l")
        await terminal.see(b"done")
        await terminal.see(b"\x1b[?25h")
        await terminal.see(b"connections reused")
        assert await terminal.process.wait() == 0


async def test_the_demo_gives_the_cursor_back_at_ctrl_c() -> None:
    pytest.importorskip("rich", reason="live output is drawn with rich")
    args = ("demo", "--tokens-per-second", "0.1")
    async with in_terminal(*args, env={"TERM": "xterm"}) as terminal:
        await terminal.see(b"tok")
        await terminal.type(CTRL_C)
        assert await terminal.process.wait() == 130
        shown = await terminal.rest()
        assert b"\x1b[?25h" in shown
        assert b"Traceback" not in shown
