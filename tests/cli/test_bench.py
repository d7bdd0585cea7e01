"""`trio-groq bench`: options, the report, and the two servers that it can ask."""

import json
import re
import signal
from typing import Any

import pytest
import trio
from click.testing import CliRunner, Result

from raw_http import until
from trio_groq.cli import bench as bench_module
from trio_groq.cli._load import Plan, Tally
from trio_groq.cli._output import Output
from trio_groq.cli.bench import FakePace, Report, bench, command
from trio_groq.config import ClientConfig
from trio_groq.errors import RateLimitError
from trio_groq.testing import FakeGroq, Fault, Reply

QUICK = (
    "--fake", "--rate", "1000", "--count", "3", "--max-tokens", "4",
    "--fake-first-token-ms", "0", "--fake-tokens-per-second", "100000",
)  # fmt: skip


def invoke(*args: str) -> Result:
    return CliRunner().invoke(command, args)


def test_against_a_fake() -> None:
    result = invoke(*QUICK)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.isascii()
    head, first, gap, total, empty, *facts = result.stdout.splitlines()
    assert head.split() == ["latency", "p50", "p95", "p99", "max"]
    assert [line.split("  ")[0] for line in (first, gap, total)] == [
        "first token",
        "token gap",
        "total",
    ]
    assert len(re.findall(r"\d+\.\d ms", first)) == 4
    assert empty == ""
    figures = dict(re.split(r" {2,}", line, maxsplit=1) for line in facts)
    assert figures["requests"] == figures["answered"] == "3"
    assert figures["tokens"] == "12"
    assert figures["unfinished"] == "0"


def test_json() -> None:
    result = invoke(*QUICK, "--json", "--no-stream")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["loop"] == "open"
    assert report["plan"]["rate"] == 1000.0
    assert report["latency"].keys() == {"total"}
    assert report["latency"]["total"]["samples"] == 3
    assert 0 < report["latency"]["total"]["p50"] <= report["latency"]["total"]["max"]
    assert (report["tokens"], report["rate_limited"], report["errors"]) == (12, 0, {})


def test_a_closed_loop() -> None:
    fake = ("--fake", "--max-tokens", "2", "--fake-first-token-ms", "0", "--json")
    report = json.loads(invoke(*fake, "--concurrency", "2", "--count", "4").stdout)
    assert (report["loop"], report["answered"], report["late_starts"]) == ("closed", 4, 0)
    assert report["connections_opened"] == 2


def test_against_the_api(groq: FakeGroq) -> None:
    groq.enqueue(Reply.error(500, "down"))
    result = invoke("--rate", "1000", "--count", "2", "--model", "qwen/qwen3-32b", "--prompt", "Hi")
    assert result.exit_code == 0
    assert re.search(r"^failed: InternalServerError 500 +1$", result.stdout, re.MULTILINE)
    params = groq.requests[0].params
    assert (params["model"], params["messages"][0]["content"]) == ("qwen/qwen3-32b", "Hi")


def test_nothing_answered_is_exit_code_1(groq: FakeGroq) -> None:
    groq.enqueue(Reply.error(500, "down"))
    result = invoke("--count", "1")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[1] == "first token    -    -    -    -"
    assert re.search(r"^requests per second +0\.00$", result.stdout, re.MULTILINE)


def test_wrong_usage(groq: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> None:
    both = invoke("--rate", "1", "--concurrency", "1")
    assert (both.exit_code, both.stderr) == (
        2,
        "error: --rate: expected it without --concurrency, got both\n",
    )
    for args in (["--rate", "0"], ["--rate", "nan"], ["--count", "0"], ["--max-in-flight", "0"]):
        assert invoke(*args).exit_code == 2
    monkeypatch.delenv("GROQ_API_KEY")
    assert invoke().exit_code == 2


def planned(*args: str, monkeypatch: pytest.MonkeyPatch) -> Plan:
    plans: list[Plan] = []

    async def record(_config: object, plan: Plan, _pace: object) -> tuple[Report, bool]:
        plans.append(plan)
        return Report(plan=plan, tally=Tally(answered=1)), True

    monkeypatch.setattr(bench_module, "bench", record)
    assert invoke("--fake", *args).exit_code == 0
    return plans[0]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], (1.0, 1, 10, None)),
        (["--duration", "5"], (1.0, 1, None, 5.0)),
        (["--rate", "3", "--count", "4", "--duration", "5"], (3.0, 1, 4, 5.0)),
        (["--concurrency", "7"], (None, 7, 10, None)),
    ],
)
def test_what_is_left_out(
    args: list[str], expected: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(*args, monkeypatch=monkeypatch)
    assert (plan.rate, plan.concurrency, plan.count, plan.duration) == expected


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "FakeGroq in this process: 1 a second, 10 requests; Ctrl-C ends it\n"),
        (
            ["--concurrency", "2", "--duration", "3"],
            "FakeGroq in this process: 2 at a time, for 3 s; Ctrl-C ends it\n",
        ),
    ],
)
def test_a_terminal_is_told_what_is_going_to_be_done(
    args: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Output, "is_terminal", True)
    planned(*args, monkeypatch=monkeypatch)
    assert invoke("--fake", *args).stderr == said


def test_the_report_of_interrupted_and_failed_requests() -> None:
    tally = Tally()
    tally.begin(0.0, 0.0)
    tally.begin(0.0, 0.5).failed(RateLimitError("wait", status_code=429), 2.0)
    report = Report(plan=Plan(rate=1.0, count=2), tally=tally, held_back=3)
    told = json.loads(report.as_json())
    assert (told["unfinished"], told["rate_limited"], told["held_back"]) == (1, 1, 3)
    assert told["latency"]["first_token"]["p50"] is None
    assert "refused by rate limits (429)  1" in report.lines()
    assert "late starts (over 10 ms)      1, by 500.0 ms at the most" in report.lines()


async def test_it_can_be_interrupted(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="Hi"), Reply(content="Hi", fault=Fault.stall(5)))
    config = ClientConfig(api_key="gsk_test", base_url=fake_groq.url)
    ended: list[tuple[Report, bool]] = []

    async def work() -> None:
        plan = Plan(concurrency=1, count=5)
        ended.append(await bench(config, plan, FakePace()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work)
        await until(lambda: len(fake_groq.requests) == 2)
        signal.raise_signal(signal.SIGINT)
    ((report, is_whole),) = ended
    assert not is_whole
    assert (report.tally.started, report.tally.answered) == (2, 1)


async def test_interrupted_before_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    async def enter(_server: FakeGroq) -> FakeGroq:
        signal.raise_signal(signal.SIGINT)
        await trio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(FakeGroq, "__aenter__", enter)
    report, is_whole = await bench(None, Plan(count=1), FakePace())
    assert not is_whole
    assert (report.tally.started, report.opened) == (0, 0)


def test_interrupted_is_exit_code_130_with_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(_config: object, plan: Plan, _pace: object) -> tuple[Report, bool]:
        return Report(plan=plan, tally=Tally()), False

    monkeypatch.setattr(bench_module, "bench", interrupted)
    result = invoke("--fake")
    assert result.exit_code == 130
    assert "latency" in result.stdout
