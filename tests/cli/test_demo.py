import io
import re
from functools import partial

import pytest
from click.testing import CliRunner

from cli.processes import PressesCtrlC
from trio_groq.cli import demo as demo_module
from trio_groq.cli._demo_run import Plan, run_plan
from trio_groq.cli._output import Output
from trio_groq.cli._running import run
from trio_groq.cli.demo import command, demo
from trio_groq.testing import RecordedRequest

QUICK = ("--streams", "3", "--tokens", "4", "--tokens-per-second", "1000")
LINE = re.compile(
    r"stream +(\d+): 2 answers, 8 tokens in \d+\.\d\d s, first token after \d+\.\d ms"
)
NAMES = [
    "streams at once",
    "answers",
    "first token p50",
    "first token p95",
    "first token p99",
    "tokens",
    "tokens per second",
    "connections opened",
    "connections reused",
    "peak memory",
]


def test_piped_it_prints_a_line_a_stream_and_the_summary() -> None:
    result = CliRunner().invoke(command, QUICK)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.isascii()
    head, *lines, empty = result.stdout.splitlines()[: -len(NAMES)]
    assert (head, empty) == ("3 streams at once, 2 answers each, from FakeGroq", "")
    found = [LINE.fullmatch(line) for line in lines]
    assert sorted(match[1] for match in found if match) == ["1", "2", "3"]
    rows = [re.split(r" {2,}", row) for row in result.stdout.splitlines()[-len(NAMES) :]]
    assert [row[0] for row in rows] == NAMES
    figures = {row[0]: row[1] for row in rows}
    assert figures["answers"] == "6"
    assert figures["tokens"] == "24"
    assert figures["connections opened"] == "3"
    assert figures["connections reused"] == "3 times"


def test_one_answer_is_not_answers() -> None:
    result = CliRunner().invoke(command, [*QUICK, "--answers", "1", "--plain"])
    assert "1 answer each" in result.stdout
    assert ": 1 answer, " in result.stdout


@pytest.mark.parametrize(
    ("args", "terminal", "plain"),
    [
        ([], False, True),
        (["--no-plain"], False, False),
        ([], True, False),
        (["--plain"], True, True),
    ],
)
def test_how_it_shows_itself(
    monkeypatch: pytest.MonkeyPatch, args: list[str], terminal: bool, plain: bool
) -> None:
    chosen: list[bool] = []

    async def record(_plan: Plan, _output: Output, *, plain: bool) -> bool:
        chosen.append(plain)
        return True

    monkeypatch.setattr(demo_module, "demo", record)
    monkeypatch.setattr(Output, "is_terminal", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert CliRunner().invoke(command, args).exit_code == 0
    monkeypatch.setenv("TERM", "dumb")
    assert CliRunner().invoke(command, args).exit_code == 0
    assert chosen == [plain, plain or not args]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--streams", "0"),
        ("--streams", "401"),
        ("--answers", "0"),
        ("--tokens", "0"),
        ("--tokens-per-second", "0"),
    ],
)
def test_options_out_of_range_are_wrong_usage(option: str, value: str) -> None:
    assert CliRunner().invoke(command, [option, value]).exit_code == 2


def test_it_can_be_interrupted() -> None:
    stream = PressesCtrlC("from FakeGroq")
    plan = Plan(streams=2, tokens_per_second=0.1)
    assert run(partial(demo, plan, Output(stream), plain=True)) is False
    assert stream.getvalue().count("\n") == 1


def test_interrupted_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr(demo_module, "demo", interrupted)
    assert CliRunner().invoke(command, []).exit_code == 130


def asking(question: int) -> RecordedRequest:
    params = {"messages": [{"role": "user", "content": f"Part {question}"}]}
    return RecordedRequest(method="POST", path="/", connection=1, received_at=0.0, json=params)


def test_the_text_is_the_same_in_every_run_and_another_for_each_question() -> None:
    plan = Plan(tokens=200)
    replies = [plan.reply(asking(number)) for number in range(1, 41)]
    assert replies == [plan.reply(asking(number)) for number in range(1, 41)]
    assert {len(reply.tokens or ()) for reply in replies} == {200}
    texts = ["".join(reply.tokens or ()) for reply in replies[:10]]
    assert len(set(texts)) == 10
    assert all(text.isascii() and text == text.strip() for text in texts)


def test_the_default_takes_two_to_three_seconds() -> None:
    plan = Plan()
    lanes = [
        sum(
            reply.first_token_delay + (plan.tokens - 1) * reply.interval
            for reply in (plan.reply(asking(lane + 20 * answer)) for answer in range(2))
        )
        for lane in range(1, 21)
    ]
    assert 2 < max(lanes) < 3


async def test_lanes_tell_how_far_they_are() -> None:
    plan = Plan(streams=2, answers=2, tokens=300, tokens_per_second=100_000)
    lanes = plan.lanes()
    ended: list[int] = []
    result = await run_plan(plan, lanes, lambda lane: ended.append(lane.number))
    assert sorted(ended) == [1, 2]
    for lane in lanes:
        assert (lane.answers, lane.tokens, len(lane.first_tokens)) == (2, 600, 2)
        assert len(lane.tail) == 240
        assert lane.seconds is not None
        assert lane.seconds <= result.seconds
    assert (result.pool.opened, result.pool.reused, result.pool.leased) == (2, 2, 0)
    assert [name for name, _ in result.rows()] == NAMES


async def test_memory_that_nobody_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trio_groq.cli._demo_run.peak_memory", lambda: None)
    plan = Plan(streams=1, answers=1, tokens=1)
    result = await run_plan(plan, plan.lanes())
    assert result.rows()[-1] == ("peak memory", "unknown")


async def test_live_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Plan] = []

    async def show_live(plan: Plan) -> None:
        shown.append(plan)

    monkeypatch.setattr("trio_groq.cli._demo_live.show_live", show_live)
    plan = Plan(streams=1)
    assert await demo(plan, Output(io.StringIO()), plain=False)
    assert shown == [plan]
