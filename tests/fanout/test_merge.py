"""`merge`: many streams as one sequence, fair and bounded."""

from types import TracebackType
from typing import Any, Self

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cancellation import assert_whole
from fanning import ask, by_prompt, client_for
from trio_groq import GroqClient
from trio_groq.errors import APIError, InternalServerError, InvalidRequestError, StreamError
from trio_groq.fanout import Merge
from trio_groq.testing import FakeGroq, Fault, Reply


class Numbers:
    """A stream of numbers, which counts how far it was read."""

    def __init__(self, count: int, *, every: float = 0.0, error: Exception | None = None) -> None:
        self.count = count
        self.every = every
        self.error = error
        self.read = 0
        self.closed = 0

    async def __aenter__(self) -> Self:
        await trio.lowlevel.checkpoint()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        self.closed += 1
        await trio.lowlevel.cancel_shielded_checkpoint()

    def __aiter__(self) -> "Numbers":
        return self

    async def __anext__(self) -> int:
        await trio.sleep(self.every)
        if self.read == self.count:
            raise StopAsyncIteration if self.error is None else self.error
        self.read += 1
        return self.read


def merge(*streams: Any, **options: Any) -> Merge[Any]:
    return Merge(streams, **options)


async def taken(merged: Merge[Any]) -> list[tuple[int, Any]]:
    return [pair async for pair in merged]


async def test_each_in_its_order_as_they_come(autojump_clock: Any) -> None:
    async with merge(Numbers(3, every=2), Numbers(2, every=3.5)) as merged:
        got = [(trio.current_time(), *pair) async for pair in merged]
    assert got == [(2, 0, 1), (3.5, 1, 1), (4, 0, 2), (6, 0, 3), (7, 1, 2)]


async def test_nothing_is_read_ahead(autojump_clock: Any) -> None:
    streams = [Numbers(100) for _ in range(3)]
    async with merge(*streams) as merged:
        await trio.sleep(50)
        assert [stream.read for stream in streams] == [1, 1, 1]
        await anext(merged)
        await trio.sleep(50)
        assert sorted(stream.read for stream in streams) == [1, 1, 2]
        assert "3 of 3 streams go on, 3 wait for their turn" in repr(merged)
    assert [stream.closed for stream in streams] == [1, 1, 1]


async def test_a_fast_one_does_not_crowd_out_the_others(autojump_clock: Any) -> None:
    streams = [Numbers(1000), Numbers(1000, every=0.001), Numbers(1000)]
    async with merge(*streams) as merged:
        for _ in range(300):
            await anext(merged)
            await trio.sleep(0.01)
        assert [stream.read for stream in streams] == pytest.approx([100] * 3, abs=2)


async def test_a_failure_is_an_item_and_ends_no_other(autojump_clock: Any) -> None:
    broken = StreamError("cut")
    async with merge(Numbers(1, every=1, error=broken), Numbers(4, every=1)) as merged:
        got = await taken(merged)
        assert merged.errors == {0: broken}
    assert sorted(pair for pair in got if pair[1] is not broken) == [
        (0, 1),
        (1, 1),
        (1, 2),
        (1, 3),
        (1, 4),
    ]
    assert (0, broken) in got


async def test_the_first_failure_ends_all_when_asked(autojump_clock: Any) -> None:
    broken = StreamError("cut")
    streams = [Numbers(1, every=1, error=broken), Numbers(9, every=1)]
    with pytest.raises(StreamError) as caught:
        async with merge(*streams, on_error="raise") as merged:
            await taken(merged)
    assert caught.value is broken
    assert trio.current_time() == 2
    assert [stream.closed for stream in streams] == [1, 1]


async def test_of_two_failures_the_first_is_raised(autojump_clock: Any) -> None:
    first, second = StreamError("1"), StreamError("2")
    streams = Numbers(0, every=1, error=first), Numbers(0, every=2, error=second)
    async with merge(*streams, on_error="raise") as merged:
        await trio.sleep(5)
        for _ in range(2):
            with pytest.raises(StreamError) as caught:
                await anext(merged)
            assert caught.value is first


async def test_leaving_closes_all(autojump_clock: Any) -> None:
    streams = [Numbers(9, every=1), Numbers(9)]
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 (the block raises)
        async with merge(*streams) as merged:
            await anext(merged)
            raise ZeroDivisionError
    assert [stream.closed for stream in streams] == [1, 1]


async def test_cancelled_at_the_door_it_closes_what_was_open() -> None:
    streams = [Numbers(9), Numbers(9)]
    with trio.CancelScope() as scope:
        scope.cancel()
        async with merge(*streams):
            raise AssertionError
    assert [stream.closed for stream in streams] == [1, 1]


async def test_of_nothing_there_is_nothing() -> None:
    async with merge() as merged:
        assert await taken(merged) == []


async def test_misuse() -> None:
    with pytest.raises(InvalidRequestError, match="on_error"):
        merge(on_error="ignore")
    twice = Numbers(1)
    with pytest.raises(InvalidRequestError, match="expected each once"):
        merge(twice, twice)
    merged = merge()
    with pytest.raises(RuntimeError, match="got it new"):
        await anext(merged)
    async with merged:
        pass
    with pytest.raises(RuntimeError, match="got it closed"):
        await anext(merged)
    with pytest.raises(RuntimeError, match="entered once"):
        await merged.__aenter__()


# -- on the wire

FAST = Reply(tokens=["1", "2", "3"], token_interval=1.0, usage_in="none")
SLOW = Reply(tokens=["a", "b"], first_token_delay=1.5, token_interval=1.0, usage_in="none")
BROKEN = Reply(
    tokens=["x"],
    error_event={"message": "busy", "type": "server_error", "status_code": 500},
    error_after=1,
)


def stream_of(client: GroqClient, prompt: str) -> Any:
    return client.chat.completions.stream(**ask(prompt))


async def words(merged: Merge[Any], start: float) -> list[tuple[float, int, str]]:
    got = []
    async for index, chunk in merged:
        assert not isinstance(chunk, Exception)
        text = "".join(choice.delta.content or "" for choice in chunk.choices)
        if text:
            got.append((round(trio.current_time() - start, 6), index, text))
    return got


async def test_streams_open_or_not(autojump_clock: Any) -> None:
    async with (
        FakeGroq(default_reply=by_prompt({"fast": FAST, "slow": SLOW})) as server,
        client_for(server) as client,
    ):
        opened = await client.chat.completions.create(stream=True, **ask("fast"))
        start = trio.current_time()
        async with merge(opened, stream_of(client, "slow")) as merged:
            got = await words(merged, start)
        assert got == [(0, 0, "1"), (1, 0, "2"), (1.5, 1, "a"), (2, 0, "3"), (2.5, 1, "b")]
        assert assert_whole(client).idle == 2


async def test_a_failed_stream_among_others(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply.error(500, "no"))
    async with client_for(fake_groq) as client:
        prompts = ["one", "two", "three"]
        async with merge(*(stream_of(client, prompt) for prompt in prompts)) as merged:
            errors = [chunk async for _, chunk in merged if isinstance(chunk, APIError)]
        (error,) = errors
        assert isinstance(error, InternalServerError)
        assert assert_whole(client).idle >= 1


async def test_an_error_within_a_stream(autojump_clock: Any) -> None:
    async with FakeGroq(default_reply=BROKEN) as server, client_for(server) as client:
        with pytest.raises(InternalServerError) as caught:
            async with merge(stream_of(client, "x"), on_error="raise") as merged:
                await taken(merged)
        assert caught.value.partial.choices[0].message.content == "x"
        assert_whole(client)


async def test_a_slow_consumer_slows_the_servers_down(fake_groq: FakeGroq) -> None:
    """The answers are larger than all buffers on the way: the servers cannot send them."""
    word = "w" * 1000
    long = Reply(tokens=[word] * 20_000, fault=None, events_per_write=1)
    fake_groq.enqueue(long, long)
    async with client_for(fake_groq) as client:
        streams = [stream_of(client, "x"), stream_of(client, "y")]
        async with merge(*streams) as merged:
            for _ in range(10):
                await anext(merged)
            await wait_all_tasks_blocked(0.01)
            # One chunk each waits to be taken; what one receive brought is all that is held.
            assert all(len(stream._ready) < 500 for stream in streams)
            assert fake_groq.connections_open == 2
        assert assert_whole(client).open == 0


async def test_left_early_every_connection_is_closed(autojump_clock: Any) -> None:
    stalled = Reply(content="never ends", fault=Fault.stall(at=700))
    async with FakeGroq(default_reply=stalled) as server, client_for(server) as client:
        async with merge(*(stream_of(client, "x") for _ in range(5))) as merged:
            await anext(merged)
            assert client.pool.statistics().leased == 5
        assert assert_whole(client).open == 0
