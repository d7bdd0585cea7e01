"""`map` with `stream=True`: open streams, each of which keeps its place until it is closed."""

import gc
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from cancellation import assert_whole
from fanning import ask, by_prompt, client_for, mapped, since
from streaming import event, sent, text
from trio_groq import ChatStream
from trio_groq.errors import APIStatusError, InternalServerError, StreamError
from trio_groq.testing import FakeGroq, Reply

SLOW = Reply(tokens=["a ", "b ", "c"], first_token_delay=2.0, token_interval=1.0, usage_in="none")
LATE = Reply(tokens=["late"], first_token_delay=10.0)


def said(stream: ChatStream) -> str | None:
    return stream.completion.choices[0].message.content


async def test_a_stream_is_handed_out_at_its_first_token(autojump_clock: Any) -> None:
    async with (
        FakeGroq(default_reply=by_prompt({"slow": SLOW, "late": LATE})) as server,
        client_for(server) as client,
        mapped(client, [ask("late"), ask("slow")], stream=True) as outcomes,
    ):
        start = trio.current_time()
        came = []
        async for outcome in outcomes:
            came.append(trio.current_time())
            async with outcome.unwrap() as stream:
                await stream.until_done()
                assert stream.meta.status == 200
                assert outcome.meta is not None
            came.append(trio.current_time())
        assert since(start, came) == [2, 4, 10, 10]
        assert assert_whole(client).idle == 2


async def test_nothing_of_it_is_lost(fake_groq: FakeGroq) -> None:
    requests = [ask(f"number {number}") for number in range(9)]
    async with client_for(fake_groq) as client:
        async with mapped(client, requests, max_in_flight=3, stream=True) as outcomes:
            async for outcome in outcomes:
                async with outcome.unwrap() as stream:
                    got = "".join([piece async for piece in stream.text_deltas()])
                    assert got == f"You said: number {outcome.index}" == said(stream)
        assert assert_whole(client).idle <= 3


async def test_an_open_stream_keeps_its_place(autojump_clock: Any, fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(*[SLOW] * 9)
    async with client_for(fake_groq) as client:
        async with mapped(client, [ask("x")] * 5, stream=True) as outcomes:
            held = [(await anext(outcomes)).unwrap() for _ in range(2)]
            await wait_all_tasks_blocked()
            assert (fake_groq.requests_served, outcomes.in_flight) == (2, 2)
            await held[0].aclose()
            third = (await anext(outcomes)).unwrap()
            assert (fake_groq.requests_served, outcomes.in_flight) == (3, 2)
            await held[1].until_done()  # read to its end, it is closed as well
            fourth = (await anext(outcomes)).unwrap()
            assert fourth.meta.status == third.meta.status == 200
        assert assert_whole(client).open == 0
        with pytest.raises(StreamError):
            await third.until_done()


async def test_the_end_does_not_wait_for_open_streams(autojump_clock: Any) -> None:
    async with (
        FakeGroq(default_reply=SLOW) as server,
        client_for(server) as client,
        mapped(client, [ask("x")] * 2, max_in_flight=3, stream=True) as outcomes,
    ):
        streams = [outcome.unwrap() async for outcome in outcomes]
        assert outcomes.in_flight == 2
        for stream in streams:
            async with stream:
                await stream.until_done()
            assert said(stream) == "a b c"
        assert outcomes.in_flight == 0


async def test_a_dropped_stream_gives_its_place_back(autojump_clock: Any) -> None:
    async with (
        FakeGroq(default_reply=SLOW) as server,
        client_for(server) as client,
        mapped(client, [ask("x")] * 2, max_in_flight=1, stream=True) as outcomes,
    ):
        with pytest.warns(ResourceWarning, match="half-read"):  # noqa: PT031 (both may drop it)
            await anext(outcomes)
            gc.collect()
        async with (await anext(outcomes)).unwrap() as stream:
            await stream.until_done()
    assert client.pool.statistics().open == 0


@pytest.mark.parametrize("take", [0, 1])
async def test_leaving_closes_what_is_open(autojump_clock: Any, take: int) -> None:
    async with (
        FakeGroq(default_reply=by_prompt({"slow": SLOW, "late": LATE})) as server,
        client_for(server) as client,
    ):
        requests = [ask("slow"), ask("slow"), ask("late"), ask("late")]
        async with mapped(client, requests, max_in_flight=3, stream=True) as outcomes:
            await trio.sleep(3)
            held = [(await anext(outcomes)).unwrap() for _ in range(take)]
            assert client.pool.statistics().leased == 3
        assert assert_whole(client).idle == 0
        assert all("closed" in repr(stream) or "failed" in repr(stream) for stream in held)


async def test_a_failure_before_the_first_token_is_the_outcome(fake_groq: FakeGroq) -> None:
    role = event({"id": "c", "choices": [{"index": 0, "delta": {"role": "assistant"}}]})
    overloaded = event({"error": {"message": "busy", "type": "x", "status_code": 503}}, "error")
    fake_groq.enqueue(
        Reply.error(500, "no"),
        sent(role, overloaded),
        sent(role, close=True, end=b""),
        sent(role, text("fine"), overloaded),
    )
    async with client_for(fake_groq) as client:
        async with mapped(client, [ask("x")] * 4, max_in_flight=1, stream=True) as outcomes:
            got = []
            async for outcome in outcomes:
                got.append(outcome.error)
                if outcome.ok:
                    with pytest.raises(APIStatusError):
                        await outcome.unwrap().until_done()
        assert_whole(client)
    assert isinstance(got[0], InternalServerError)
    assert isinstance(got[1], APIStatusError)
    assert isinstance(got[2], StreamError)
    assert got[3] is None


async def test_a_place_is_held_over_attempts(autojump_clock: Any) -> None:
    """A failed attempt gives its connection back, which is not the end of the call."""
    async with FakeGroq() as server, client_for(server, max_retries=1) as client:
        server.enqueue(Reply.error(500, "once"), SLOW, SLOW)
        async with mapped(client, [ask("x")] * 2, max_in_flight=1, stream=True) as outcomes:
            first = (await anext(outcomes)).unwrap()
            await wait_all_tasks_blocked()
            assert server.requests_served == 2
            assert first.meta.attempts == 2
            await first.aclose()
            await (await anext(outcomes)).unwrap().until_done()
    assert server.requests_served == 3


async def test_functions_make_what_they_make(fake_groq: FakeGroq) -> None:
    async with client_for(fake_groq) as client:

        async def opened() -> ChatStream:
            return await client.chat.completions.create(stream=True, **ask("x"))

        async with mapped(client, [opened, opened]) as outcomes:
            async with (await anext(outcomes)).unwrap() as stream:
                await stream.until_done()
            await wait_all_tasks_blocked()
        # The second was open, and nobody had taken it.
        assert client.pool.statistics().leased == 0
