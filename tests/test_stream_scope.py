"""`ChatStream`: where it may be read, by whom, and what becomes of one that is dropped."""

import gc
import linecache
import warnings
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from streaming import ASK, DONE, client_of, partial_text, sent, text
from trio_groq import ChatStream
from trio_groq.errors import StreamError
from trio_groq.testing import FakeGroq, Fault, Reply

# -- scope and misuse


async def test_leaving_early_closes_the_connection(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a b c", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client:
        async with client.chat.completions.stream(**ASK) as stream:
            async for _ in stream:
                break
            assert client.pool.statistics().leased == 1
            assert "open" in repr(stream)
        assert client.pool.statistics().open == 0
        await stream.aclose()
        await client.chat.completions.create(**ASK)


async def test_a_closed_stream_hands_out_what_had_come_and_then_says_so(
    fake_groq: FakeGroq,
) -> None:
    fake_groq.enqueue(sent(text("a"), text("b"), end=b""))
    async with client_of(fake_groq) as client:
        stream = await client.chat.completions.create(stream=True, **ASK)
        await anext(stream)
        await stream.aclose()
        await anext(stream)
        with pytest.raises(StreamError, match="got it closed") as caught:
            await anext(stream)
        assert "failed" in repr(stream)
    assert partial_text(caught.value) == "ab"


async def test_a_stream_is_used_within_async_with(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        stream = client.chat.completions.stream(**ASK)
        with pytest.raises(StreamError, match="outside `async with`"):
            await anext(stream)
        with pytest.raises(StreamError, match="outside `async with`"):
            _ = stream.response
        await stream.aclose()
    assert len(fake_groq.requests) == 0


async def test_create_gives_an_open_stream(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        stream = await client.chat.completions.create(stream=True, **ASK)
        assert stream.response.status == 200
        async with stream:
            completion = await stream.until_done()
        assert "Hello" in (completion.choices[0].message.content or "")
        assert "done" in repr(stream)
    assert len(fake_groq.requests) == 1


async def test_an_open_stream_that_cannot_be_entered_is_closed(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(500)))
    async with client_of(fake_groq) as client:
        stream = await client.chat.completions.create(stream=True, **ASK)
        with trio.CancelScope() as scope:
            scope.cancel()
            async with stream:
                pytest.fail("entered although cancelled")
        assert client.pool.statistics().open == 0


async def test_two_readers_are_told(fake_groq: FakeGroq, nursery: trio.Nursery) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(400)))
    async with client_of(fake_groq) as client:
        async with client.chat.completions.stream(**ASK) as stream:
            failures: list[Exception] = []

            async def first() -> None:
                try:
                    await stream.until_done()
                except StreamError as error:
                    failures.append(error)

            nursery.start_soon(first)
            await wait_all_tasks_blocked()
            with pytest.raises(StreamError, match="one reader at a time"):
                await anext(stream)
            # The first one is not disturbed, and closing ends it.
            assert not failures
        await wait_all_tasks_blocked()
        assert "closed by this client" in str(failures[0])


@pytest.mark.parametrize("content", ["a", "a b c d"], ids=["short", "longer"])
async def test_each_hand_out_sees_a_cancellation(fake_groq: FakeGroq, content: str) -> None:
    fake_groq.enqueue(sent(*[text(part) for part in content.split()], text("", "stop"), DONE))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        handed_out = 0
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(stream)
            handed_out += 1
        assert scope.cancelled_caught
        assert handed_out == 0


async def test_a_cancelled_hand_out_loses_nothing(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(sent(text("a"), text("b"), text("c", "stop"), DONE))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        await anext(stream)
        with trio.CancelScope() as scope:
            scope.cancel()
            await anext(stream)
        assert scope.cancelled_caught
        completion = await stream.until_done()
    assert completion.choices[0].message.content == "abc"


async def test_closing_the_client_ends_a_waiting_reader(
    fake_groq: FakeGroq, nursery: trio.Nursery
) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client, client.chat.completions.stream(**ASK) as stream:
        nursery.start_soon(client.aclose)
        with pytest.raises(StreamError, match="closed by this client"):
            await stream.until_done()


async def test_a_client_closed_between_two_reads_is_a_clear_error(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client:
        async with client.chat.completions.stream(**ASK) as stream:
            await anext(stream)
            await client.aclose()
            with pytest.raises(StreamError):
                await stream.until_done()
        assert client.pool.statistics().open == 0


# -- dropped


def drop(held: list[ChatStream]) -> None:
    """Give up the last reference, and have the collector look."""
    held.clear()
    gc.collect()


async def settle() -> None:
    """Let what other threads and finalizers asked for happen."""
    for _ in range(5):
        await wait_all_tasks_blocked()


async def test_dropped_half_read_it_warns_and_frees_its_place(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client:
        held = [await client.chat.completions.create(stream=True, **ASK)]
        await anext(held[0])
        assert client.pool.statistics().leased == 1
        name = Path(__file__).name
        with pytest.warns(ResourceWarning, match=rf"made at .*{name}:\d+ was dropped half-read"):
            drop(held)
        await settle()
        assert client.pool.statistics().open == 0


def line_of(end: str) -> int:
    """Number of the first line of this file that ends so."""
    lines = linecache.getlines(__file__)
    return next(number for number, line in enumerate(lines, 1) if line.endswith(f"{end}\n"))


async def test_the_warning_names_the_line_that_made_it(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="a", fault=Fault.stall(900)))
    async with client_of(fake_groq) as client:
        held = [client.chat.completions.stream(**ASK)]  # this line
        line = line_of("# this line")
        await held[0].open()
        with pytest.warns(ResourceWarning, match=rf"{Path(__file__).name}:{line} "):
            drop(held)
        await settle()
        assert client.pool.statistics().leased == 0


async def test_dropped_unopened_or_read_to_the_end_it_is_silent(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        client.chat.completions.stream(**ASK)
        stream = await client.chat.completions.create(stream=True, **ASK)
        async for _ in stream:
            pass
        del stream
        gc.collect()
        assert client.pool.statistics().idle == 1


def test_dropped_after_its_run_it_warns_and_closes_the_socket() -> None:
    async def main() -> ChatStream:
        async with FakeGroq() as server:
            server.enqueue(Reply(content="a", fault=Fault.stall(900)))
            client = client_of(server)
            opened: ChatStream = await client.chat.completions.create(stream=True, **ASK)
            return opened

    held = [trio.run(main)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        drop(held)
    # Trio holds a run's result in a cycle, so the collector decides who is finalized first: the
    # stream, or its socket, which then has a word of its own to say.
    told = {str(warning.message).split()[0] for warning in caught}
    assert "ChatStream" in told
    assert told <= {"ChatStream", "unclosed"}
