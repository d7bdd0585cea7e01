"""One run, one process: who else asks is told."""

import gc
import os
import sys

import pytest
import trio

from trio_groq._http import run_guard
from trio_groq._http.run_guard import RunGuard
from trio_groq.errors import ConfigurationError

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")


async def check(guard: RunGuard) -> None:
    await trio.lowlevel.checkpoint()
    guard.check()


def test_one_run_as_often_as_one_likes() -> None:
    guard = RunGuard()

    async def main() -> None:
        for _ in range(3):
            await check(guard)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(check, guard)

    trio.run(main)
    assert not guard.is_forked


def test_another_run_is_told() -> None:
    guard = RunGuard()
    trio.run(check, guard)
    for _ in range(2):
        with pytest.raises(ConfigurationError) as caught:
            trio.run(check, guard)
        assert str(caught.value) == (
            "client: expected the Trio run that it was first used in, got another"
        )
        assert "inside the function that trio.run() is given" in caught.value.__notes__[0]
        assert not caught.value.is_retryable
    assert not guard.is_forked


def test_no_run_is_told() -> None:
    guard = RunGuard()
    with pytest.raises(ConfigurationError, match="expected a Trio run, got none"):
        guard.check()
    trio.run(check, guard)  # that was no use
    with pytest.raises(ConfigurationError, match="expected a Trio run, got none"):
        guard.check()


def answer_of_child(guard: RunGuard) -> str:
    """What a forked child is told when it uses the guard in a run of its own."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover (another process)
        answer = "nothing"
        try:
            trio.run(check, guard)
        except Exception as exc:  # noqa: BLE001 (all of it is told to the parent)
            answer = f"{type(exc).__name__}: {exc}"
        os.write(writing, f"{answer}; forked: {guard.is_forked}".encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        return pipe.read().decode()


@needs_fork
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="a fork with threads warns there")
def test_a_forked_child_is_told() -> None:
    guard = RunGuard()
    trio.run(check, guard)
    assert answer_of_child(guard) == (
        "ConfigurationError: client: expected the process that it was first used in, "
        "got a forked child of it; forked: True"
    )
    assert not guard.is_forked


@needs_fork
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="a fork with threads warns there")
def test_a_guard_that_was_not_used_yet_is_the_child_s_as_well() -> None:
    assert answer_of_child(RunGuard()) == "nothing; forked: False"


def test_what_a_fork_tells() -> None:
    used, unused = RunGuard(), RunGuard()

    async def main() -> None:
        await check(used)
        run_guard._tell_of_fork()
        assert used.is_forked
        with pytest.raises(ConfigurationError, match="got a forked child of it"):
            used.check()
        unused.check()
        assert not unused.is_forked

    trio.run(main)


def test_guards_are_not_kept_alive() -> None:
    guard = RunGuard()
    trio.run(check, guard)
    assert guard in run_guard._used
    before = len(run_guard._used)
    del guard
    gc.collect()
    assert len(run_guard._used) < before
