import signal

import pytest
import trio

from trio_groq.cli._output import Failure, UsageFailure
from trio_groq.cli._running import failure_of, interruptible, run
from trio_groq.errors import APIConnectionError, ConfigurationError, GroqError, InvalidRequestError

KINDS = {
    "the network": (APIConnectionError("gone"), Failure, 1),
    "the setup": (ConfigurationError("gone"), UsageFailure, 2),
    "a parameter": (InvalidRequestError("gone"), UsageFailure, 2),
}


@pytest.mark.parametrize(("error", "kind", "code"), KINDS.values(), ids=KINDS)
def test_an_error_becomes_a_failure(error: GroqError, kind: type[Failure], code: int) -> None:
    failure = failure_of(error)
    assert type(failure) is kind
    assert (failure.lines(), failure.exit_code) == (["error: gone"], code)


def test_notes_come_along() -> None:
    error = APIConnectionError("gone")
    error.add_note("look here")
    assert failure_of(error).lines() == ["error: gone", "note: look here"]


def test_run_returns_what_main_does() -> None:
    async def main() -> int:
        return 5

    assert run(main) == 5


@pytest.mark.parametrize("error", [APIConnectionError("gone"), OSError("full")])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_run_raises_the_error_itself_from_however_deep(error: Exception, depth: int) -> None:
    async def main(depth: int = depth) -> None:
        if not depth:
            raise error
        async with trio.open_nursery() as nursery:
            nursery.start_soon(main, depth - 1)

    expected = Failure if isinstance(error, GroqError) else type(error)
    with pytest.raises(expected, match=r"gone|full"):
        run(main)


async def test_ctrl_c_cancels_the_block_and_nothing_else() -> None:
    handler = signal.getsignal(signal.SIGINT)
    async with interruptible() as scope:
        signal.raise_signal(signal.SIGINT)
        await trio.sleep_forever()
    assert scope.cancelled_caught
    await trio.lowlevel.checkpoint()
    assert signal.getsignal(signal.SIGINT) is handler


async def test_an_impatient_ctrl_c_is_taken_too() -> None:
    async with interruptible() as scope:
        signal.raise_signal(signal.SIGINT)
        try:
            await trio.sleep_forever()
        finally:
            signal.raise_signal(signal.SIGINT)
            with trio.CancelScope(shield=True):
                await trio.testing.wait_all_tasks_blocked()
    assert scope.cancelled_caught


async def test_the_block_may_end_by_itself() -> None:
    async with interruptible() as scope:
        await trio.lowlevel.checkpoint()
    assert not scope.cancelled_caught


async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with interruptible():
            raise KeyError("mine")


async def test_other_signals_on_request() -> None:
    async with interruptible(signal.SIGTERM) as scope:
        signal.raise_signal(signal.SIGTERM)
        await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_the_callers_cancellation_goes_through() -> None:
    with trio.CancelScope() as outer:
        async with interruptible() as inner:
            outer.cancel()
            await trio.sleep_forever()
    assert outer.cancelled_caught
    assert not inner.cancelled_caught
