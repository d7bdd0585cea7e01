"""Whole runs on the virtual clock, against FakeGroq in the same Trio run."""

import io
import random
import signal
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from cli.run_files import MODEL, failure, ids_in, line_of, prompt_line, prompt_lines, texts_in
from trio_groq.cli._output import Output, UsageFailure
from trio_groq.cli._run_books import Books, Places, opened
from trio_groq.cli._run_calls import for_a_run
from trio_groq.cli._run_engine import Bounds
from trio_groq.cli._run_input import Input
from trio_groq.cli._run_job import Job, work_off
from trio_groq.cli._run_ledger import State
from trio_groq.cli._run_prices import Price, Prices
from trio_groq.cli._run_requests import Shape
from trio_groq.config import ClientConfig
from trio_groq.errors import AuthenticationError, InvalidRequestError, RateLimits, RateLimitWindow
from trio_groq.testing import FakeGroq, RecordedRequest, Reply
from trio_groq.testing.content import echo

PRICES = Prices({MODEL: Price(1.0, 1.0)})


def job(tmp_path: Path, data: bytes = prompt_lines(10), **more: Any) -> Job:
    path = tmp_path / "in.jsonl"
    path.write_bytes(data)
    bounds = more.pop("bounds", Bounds(max_in_flight=4))
    source = Input(path=path, shape=Shape())
    return Job(places=Places.of(path, None, None), source=source, bounds=bounds, **more)


async def worked(
    todo: Job, server: FakeGroq, books: Books, said: io.StringIO | None = None
) -> dict[str, Any]:
    config = for_a_run(
        ClientConfig(api_key="gsk_test", base_url=server.url),
        max_in_flight=todo.bounds.max_in_flight,
        retries=1,
        tokens_per_minute=None,
    )
    found = todo.survey(books.ledger)
    books.tidy()
    return await work_off(todo, books, found, config, Output(said or io.StringIO()))


def slowly(request: RecordedRequest) -> Reply:
    """Ten seconds for each answer."""
    return attrs.evolve(echo(request.params), first_token_delay=10.0)


async def test_a_run(tmp_path: Path, autojump_clock: MockClock) -> None:
    todo, said = job(tmp_path, prices=PRICES), io.StringIO()
    windows = RateLimits(requests=RateLimitWindow(limit=100, remaining=50))

    def limited(request: RecordedRequest) -> Reply:
        return attrs.evolve(slowly(request), rate_limits=windows)

    async with FakeGroq(default_reply=limited) as server:
        with opened(todo.places) as books:
            facts = await worked(todo, server, books, said)
            assert server.connections_opened <= 4
    assert sorted(texts_in(todo.places.output)) == [f"r{number}" for number in range(10)]
    assert not todo.places.errors.exists()
    assert (facts["requests"], facts["answered"], facts["not_asked"]) == (10, 10, 0)
    assert facts["seconds"] == pytest.approx(30, abs=1)
    assert facts["cost"] == pytest.approx(
        (facts["prompt_tokens"] + facts["completion_tokens"]) / 1e6, abs=1e-6
    )
    assert facts["stopped_by"] is None
    lines = said.getvalue().splitlines()
    assert len(lines) == pytest.approx(29, abs=1)
    assert "left: requests 50/100" in lines[-1]


async def test_what_was_answered_is_not_asked_again(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    todo = job(tmp_path, prompt_lines(300))
    todo.places.output.write_bytes(b"".join(prompt_answers(range(250))))
    async with FakeGroq() as server, trio.open_nursery():
        with opened(todo.places) as books:
            facts = await worked(todo, server, books)
        assert server.requests_served == 50
    assert (facts["answered_before"], facts["answered"]) == (250, 50)
    assert len(texts_in(todo.places.output)) == 300


def prompt_answers(numbers: range) -> list[bytes]:
    return [line_of(f"r{number}", str(number)) for number in numbers]


@pytest.mark.parametrize("seed", range(20))
async def test_cut_off_at_any_byte_it_goes_on(
    seed: int, tmp_path: Path, autojump_clock: MockClock
) -> None:
    todo = job(tmp_path)
    data = b"".join(prompt_answers(range(8)))
    kept = random.Random(seed).randrange(len(data))  # noqa: S311 (a test's)
    todo.places.output.write_bytes(data[:kept])
    whole = data[:kept].count(b"\n")
    async with FakeGroq() as server:
        with opened(todo.places) as books:
            facts = await worked(todo, server, books)
        assert server.requests_served == 10 - whole
    assert (facts["answered_before"], facts["answered"]) == (whole, 10 - whole)
    assert len(texts_in(todo.places.output)) == 10
    assert todo.places.output.read_bytes().startswith(data[:kept][: data[:kept].rfind(b"\n") + 1])


async def test_what_failed_is_asked_alone(tmp_path: Path, autojump_clock: MockClock) -> None:
    todo = job(tmp_path, retry_errors=True)
    failed = [line_of(f"r{number}", str(number), failure()) for number in (2, 5)]
    todo.places.errors.write_bytes(b"".join(failed))
    assert todo.wanted is State.FAILED
    async with FakeGroq() as server:
        server.enqueue(Reply.error(400, "still no"))
        with opened(todo.places) as books:
            facts = await worked(todo, server, books)
            books.tidy()
        assert server.requests_served == 2
    assert (facts["answered"], facts["failed"], facts["failures"]) == (1, 1, {"400": 1})
    left = ids_in(todo.places.errors)
    assert sorted(left + list(texts_in(todo.places.output))) == ["r2", "r5"]
    assert len(left) == 1


async def test_the_first_interrupt_drains(tmp_path: Path, autojump_clock: MockClock) -> None:
    todo, said = job(tmp_path), io.StringIO()
    async with FakeGroq(default_reply=slowly) as server:
        with opened(todo.places) as books:
            facts: dict[str, Any] = {}

            async def work() -> None:
                facts.update(await worked(todo, server, books, said))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(work)
                await trio.sleep(5)
                signal.raise_signal(signal.SIGINT)
        assert server.requests_served == 4
    assert (facts["answered"], facts["not_asked"]) == (4, 6)
    assert facts["stopped_by"] == "interrupted"
    assert facts["seconds"] == pytest.approx(10, abs=0.1)
    assert "note: interrupted; 4 in flight are waited for" in said.getvalue()
    assert len(texts_in(todo.places.output)) == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_second_interrupt_cancels(
    tmp_path: Path, number: signal.Signals, autojump_clock: MockClock
) -> None:
    todo = job(tmp_path)
    async with FakeGroq(default_reply=slowly) as server:
        with opened(todo.places) as books:
            facts: dict[str, Any] = {}

            async def work() -> None:
                facts.update(await worked(todo, server, books))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(work)
                for moment in (13, 2):
                    await trio.sleep(moment)
                    signal.raise_signal(number)
        await trio.testing.wait_all_tasks_blocked()
        assert server.connections_open == 0
    assert (facts["answered"], facts["not_asked"]) == (4, 6)
    assert facts["seconds"] == pytest.approx(15, abs=0.1)
    assert len(texts_in(todo.places.output)) == 4


async def test_a_cost_of_earlier_runs_counts(tmp_path: Path, autojump_clock: MockClock) -> None:
    data = b"".join(prompt_line(f"r{n}", str(n), max_completion_tokens=10) for n in range(10))
    todo = job(tmp_path, data, prices=PRICES, max_cost=0.001)
    async with FakeGroq() as server:
        with opened(todo.places, PRICES) as books:
            first = await worked(todo, server, books)
        with opened(todo.places, PRICES) as books:
            assert books.cost == pytest.approx(first["cost"], abs=1e-6)
            tight = attrs.evolve(todo, max_cost=books.cost)
            facts = await worked(tight, server, books)
    assert first["answered"] == 10
    assert (facts["answered"], facts["answered_before"], facts["stopped_by"]) == (0, 10, None)
    todo.places.output.unlink()
    async with FakeGroq() as server:
        with opened(todo.places, PRICES) as books:
            cheap = attrs.evolve(todo, max_cost=1e-9)
            facts = await worked(cheap, server, books)
    assert (facts["answered"], facts["stopped_by"]) == (0, "max-cost")


async def test_what_it_costs_has_to_be_known(tmp_path: Path) -> None:
    data = prompt_line("a", model="m2") + prompt_line("b", model="m3")
    todo = job(tmp_path, data, prices=PRICES, max_cost=1.0)
    wanted = "expected a price of each model, got none of m2, m3"
    with opened(todo.places) as books, pytest.raises(UsageFailure, match=wanted):
        todo.survey(books.ledger)


async def test_a_wrong_key_ends_it(tmp_path: Path, autojump_clock: MockClock) -> None:
    todo = job(tmp_path)
    async with FakeGroq(api_keys={"gsk_other"}) as server:
        refused = pytest.RaisesGroup(AuthenticationError, flatten_subgroups=True)
        with opened(todo.places) as books, refused:
            await worked(todo, server, books)
    assert not todo.places.output.exists()
    assert not todo.places.errors.exists()


@pytest.mark.parametrize("data", [prompt_line("r0", "other"), b"rubbish\n"])
async def test_an_input_that_changes_on_the_way(
    data: bytes, tmp_path: Path, autojump_clock: MockClock
) -> None:
    todo = job(tmp_path)
    async with FakeGroq() as server:
        with opened(todo.places) as books:
            todo.survey(books.ledger)
            todo.places.source.write_bytes(data)
            with pytest.raises(InvalidRequestError, match=r"^line 1: "):
                list(todo.requests(books.ledger))
        assert server.requests_served == 0


def test_others_have_a_turn_while_lines_are_passed_over(tmp_path: Path) -> None:
    todo = job(tmp_path, prompt_lines(301))
    todo.places.output.write_bytes(b"".join(prompt_answers(range(300))))
    with opened(todo.places) as books:
        todo.survey(books.ledger)
        found = list(todo.requests(books.ledger))
    assert found[:3] == [None] * 3
    assert [each.custom_id for each in found[3:] if each is not None] == ["r300"]
