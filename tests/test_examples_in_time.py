"""The examples in which time decides: deadlines, hedges, paces, signals.

They run inside the test, on virtual time; or as processes whose server has virtual time.
"""

import json
import re
import signal
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio
import trio.testing

from running_examples import command, environment, load, output_of, question_of, run
from trio_groq.testing import FakeGroq, Fault, RecordedRequest, Reply

WORKERS = [f"worker {number}" for number in (1, 2, 3)]


async def test_concurrent_deadline(
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def reply(request: RecordedRequest) -> Reply:
        number = int(question_of(request).split()[-1][:-1])
        if number == 3:
            return Reply.error(400, "No threes")
        return Reply(content=f"It is {number}.", fault=Fault.stall(0) if number == 7 else None)

    async with FakeGroq(default_reply=reply) as server:
        began = trio.current_time()
        await load("concurrent_deadline", server, monkeypatch)["main"]()
        seconds = trio.current_time() - began
    lines = capsys.readouterr().out.splitlines()
    answers = [line.partition(". ")[2] for line in lines]
    failure = answers.pop(2)
    assert failure.startswith("failed: ")
    assert "No threes" in failure
    assert answers == [
        "It is 1.",
        "It is 2.",
        *(f"It is {number}." for number in (4, 5, 6)),
        "not in time",
        *(f"It is {number}." for number in (8, 9, 10)),
    ]
    assert seconds == pytest.approx(10)


@attrs.define
class Evening:
    """What the models of the bot do, call by call, and what comes of it.

    Attributes:
        script: Replies of each model.
        shown: Part of what is printed for each question.
        asked: Which model is asked, and after how many seconds, once for each reply.
    """

    script: dict[str, list[Reply]]
    shown: Sequence[str]
    asked: Sequence[tuple[str, float]]
    seen: list[tuple[str, float]] = attrs.Factory(list)

    def reply(self, request: RecordedRequest) -> Reply:
        model = request.params["model"].rpartition("-")[2]
        self.seen.append((model, trio.current_time()))
        return self.script[model].pop(0)


def after(seconds: float, text: str) -> Reply:
    return Reply(content=text, first_token_delay=seconds)


EVENINGS = {
    "in time": Evening(
        {"20b": [after(0.4, "First"), after(0.1, "Second")]},
        ["First [openai/gpt-oss-20b, 1 started]", "Second [openai/gpt-oss-20b, 1 started]"],
        [("20b", 0), ("20b", 0.4)],
    ),
    "hedged": Evening(
        {"20b": [after(4, "Never"), after(0.1, "First")]},
        ["First [openai/gpt-oss-20b, 2 started]"],
        [("20b", 0), ("20b", 0.5)],
    ),
    # What is late is learned: half a second at first, then what was usual.
    "hedged sooner": Evening(
        {"20b": [after(0.1, "Quick")] * 10 + [after(4, "Never"), after(0.05, "Last")]},
        ["Quick [openai/gpt-oss-20b, 1 st"] * 10 + ["Last [openai/gpt-oss-20b, 2 started]"],
        [("20b", number / 10) for number in range(12)],
    ),
    "replaced, then late": Evening(
        {
            "20b": [Reply.error(503, "Down"), after(9, "Late"), after(9, "Late")],
            "120b": [after(0.1, "First")],
        },
        ["First [openai/gpt-oss-120b, 1 started]", " [out of time]"],
        [("20b", 0), ("120b", 0), ("20b", 0.1), ("20b", 0.6)],
    ),
    # The second question does not wait for the first model's rate limit.
    "limited": Evening(
        {
            "20b": [Reply.error(429, "Slow down", retry_after=30)],
            "120b": [after(0.1, "First"), after(0.1, "Second")],
        },
        ["First [openai/gpt-oss-120b, 1 started]", "Second [openai/gpt-oss-120b, 1 started]"],
        [("20b", 0), ("120b", 0), ("120b", 0.1)],
    ),
    "failed": Evening(
        {
            "20b": [Reply.error(400, "Nonsense"), Reply.error(503, "Down")],
            "120b": [Reply.error(503, "Down as well")],
        },
        ["Nonsense", "Down as well"],
        [("20b", 0), ("20b", 0), ("120b", 0)],
    ),
}


@pytest.mark.parametrize("evening", EVENINGS.values(), ids=EVENINGS)
async def test_fast_bot(
    evening: Evening,
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with FakeGroq(default_reply=evening.reply) as server:
        began = trio.current_time()
        await load("fast_bot", server, monkeypatch)["main"](["?"] * len(evening.shown))
    lines = capsys.readouterr().out.splitlines()
    pairs = zip(evening.shown, lines, strict=True)
    assert all(text in line for text, line in pairs), lines
    assert [model for model, _ in evening.seen] == [model for model, _ in evening.asked]
    moments = [moment - began for _, moment in evening.seen]
    assert moments == pytest.approx([moment for _, moment in evening.asked], abs=0.01)


async def test_fast_bot_as_a_process(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="Yes."), Reply(content="No."))
    assert await output_of("fast_bot", fake_groq, "Rain?", "Snow?") == [
        "Yes. [openai/gpt-oss-20b, 1 started]",
        "No. [openai/gpt-oss-20b, 1 started]",
    ]


def judge(request: RecordedRequest) -> Reply:
    review = question_of(request)
    if review == "broken":
        return Reply.error(400, "No such luck")
    usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
    verdict = "positive" if "good" in review else "negative"
    return Reply(content=verdict, head_delay=1.2, usage=usage)


async def test_fan_out_file(tmp_path: Path, fake_groq: FakeGroq) -> None:
    reviews = tmp_path / "reviews.txt"
    reviews.write_text("".join(f"Number {number} is good.\n" for number in range(1, 121)))
    done = await run("fan_out_file", fake_groq, reviews)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr.decode()
    assert {result["line"]: result["answer"].split("\n")[0] for result in results} == {
        number: f"You said: Number {number} is good." for number in range(1, 121)
    }
    assert len(results) == 120
    assert re.search(rb"Progress\(answered=120, failed=0, tokens=[1-9]\d+\)\n\Z", done.stderr)
    assert fake_groq.connections_opened <= 50


async def test_fan_out_file_shows_progress(
    tmp_path: Path,
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reviews = tmp_path / "reviews.txt"
    reviews.write_text("good\nbroken\n" + "bad\n" * 58)
    async with FakeGroq(default_reply=judge) as server:
        names = load("fan_out_file", server, monkeypatch)
        await names["main"](reviews)
    shown = capsys.readouterr()
    results = {result["line"]: result for result in map(json.loads, shown.out.splitlines())}
    assert results[1] == {"line": 1, "answer": "positive"}
    assert "No such luck" in results[2].pop("error")
    assert results[60] == {"line": 60, "answer": "negative"}
    assert len(results) == 60
    # 50 at once, two rounds of 1.2 seconds; what failed was over at once.
    progress = [text.partition(", ")[::2] for text in shown.err.split("\r")[1:-1]]
    assert [count for count, _ in progress] == ["0 answered"] * 2 + ["50 answered"] * 2
    assert all(rest.startswith("1 failed, ") for _, rest in progress)
    assert shown.err.endswith("Progress(answered=59, failed=1, tokens=590)\n")


async def test_benchmark(fake_groq: FakeGroq) -> None:
    # The first is to warm up.
    fake_groq.enqueue(*[Reply(tokens=[" word"] * 50)] * 8, Reply.error(500, "Oops"))
    lines = await output_of("benchmark", fake_groq, "openai/gpt-oss-20b", 8, 3)
    assert re.fullmatch(r"7 answers, 1 errors in \d+\.\d\d s", lines[0])
    first = re.fullmatch(r"first token: p50 ([\d.]+), p95 ([\d.]+), p99 ([\d.]+) ms", lines[1])
    each = re.fullmatch(r"one stream: p50 ([\d.]+), p95 [\d.]+, p99 [\d.]+ tokens/s", lines[2])
    total = re.fullmatch(r"all together: ([\d.]+) tokens/s", lines[3])
    assert first
    assert each
    assert total
    assert 0 < float(first[1]) <= float(first[2]) <= float(first[3])
    assert float(each[1]) > 0
    assert fake_groq.requests_served == 9
    assert fake_groq.connections_opened <= 5  # three at a time, and one more for the error


async def test_benchmark_on_virtual_time(
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    reply = Reply(tokens=[" word"] * 11, first_token_delay=0.5, token_interval=0.05)
    async with FakeGroq(default_reply=reply) as server:
        await load("benchmark", server, monkeypatch)["main"]("openai/gpt-oss-20b", 10, 5)
    assert capsys.readouterr().out.splitlines() == [
        "10 answers, 0 errors in 2.00 s",
        "first token: p50 500.0, p95 500.0, p99 500.0 ms",
        "one stream: p50 11.0, p95 11.0, p99 11.0 tokens/s",
        "all together: 55.0 tokens/s",
    ]


async def test_existing_app(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="A place\nfor tasks."))
    assert await output_of("existing_app", fake_groq) == ["A place", "for tasks."]
    assert question_of(fake_groq.requests[0]) == "What is a nursery in Trio?"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply.error(400, "No such luck"), b"sorry: .*No such luck.*"),
        (Reply(content="One", first_token_delay=50), b"sorry: .*within 10 s.*"),
        (
            Reply(tokens=["tick "] * 100, token_interval=1),
            b"(tick ){29,31}sorry: that took too long",
        ),
    ],
    ids=["refused", "no-token", "endless"],
)
async def test_existing_app_keeps_failures_where_they_are(
    reply: Reply,
    said: bytes,
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with FakeGroq(default_reply=reply) as server:
        names = load("existing_app", server, monkeypatch)
        received = b""
        async with names["GroqClient"](timeout=names["Timeouts"](first_token=10)) as client:
            app = names["Assistant"](client, "openai/gpt-oss-20b")
            ours, theirs = await connected_sockets()
            async with ours, trio.open_nursery() as nursery:
                nursery.start_soon(names["serve_peer"], app, theirs)
                await ours.send_all(b"Well?")
                async for data in ours:
                    received += data
    assert re.fullmatch(said, received)


async def connected_sockets() -> tuple[trio.SocketStream, trio.SocketStream]:
    ours, theirs = trio.socket.socketpair()
    return trio.SocketStream(ours), trio.SocketStream(theirs)


# --- signals -------------------------------------------------------------------------------------


class Calls:
    """Replies that take 5 seconds of the server's clock, and what tells that three are awaited."""

    def __init__(self) -> None:
        self.three_came = trio.Event()
        self._count = 0

    def __call__(self, request: RecordedRequest) -> Reply:
        self._count += 1
        if self._count == 3:
            self.three_came.set()
        return Reply(content=question_of(request).split()[-1], head_delay=5)


async def lines_of(process: trio.Process) -> AsyncGenerator[str, None]:
    """What a process prints, line by line."""
    stdout, text = process.stdout, b""
    assert stdout is not None
    async for data in stdout:
        *lines, text = (text + data).split(b"\n")
        for line in lines:
            yield line.decode()


@asynccontextmanager
async def started_service(server: FakeGroq) -> AsyncIterator[trio.Process]:
    process = await trio.lowlevel.open_process(
        command("graceful_shutdown"), stdout=subprocess.PIPE, env=environment(server)
    )
    try:
        yield process
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_graceful_shutdown_drains(
    number: signal.Signals, mock_clock: trio.testing.MockClock
) -> None:
    calls = Calls()
    async with (
        FakeGroq(default_reply=calls) as server,
        started_service(server) as process,
        aclosing(lines_of(process)) as lines,
    ):
        begun = sorted([await anext(lines) for _ in range(3)])
        assert [line.partition(" begins: ")[0] for line in begun] == WORKERS
        await calls.three_came.wait()
        process.send_signal(number)
        assert await anext(lines) == f"{number.name}: finishing what has begun"
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(5)
        *done, last = [line async for line in lines]
        assert sorted(line.partition(" is done: ")[0] for line in done) == WORKERS
        assert sorted(line.partition(" is done: ")[2] for line in done) == ["1.", "2.", "3."]
        assert (last, await process.wait()) == ("drained", 0)
        assert server.requests_served == 3


async def test_graceful_shutdown_at_once(mock_clock: trio.testing.MockClock) -> None:
    calls = Calls()
    async with (
        FakeGroq(default_reply=calls) as server,
        started_service(server) as process,
        aclosing(lines_of(process)) as lines,
    ):
        for _ in range(3):
            await anext(lines)
        process.send_signal(signal.SIGTERM)
        assert await anext(lines) == "SIGTERM: finishing what has begun"
        process.send_signal(signal.SIGTERM)
        assert [line async for line in lines] == ["SIGTERM again: giving up", "cancelled"]
        assert await process.wait() == 0


async def test_graceful_shutdown_when_patience_ends(
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls = Calls()

    def reply(request: RecordedRequest) -> Reply:
        return attrs.evolve(calls(request), head_delay=50)

    async with FakeGroq(default_reply=reply) as server:
        names = load("graceful_shutdown", server, monkeypatch)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(names["main"])
            await calls.three_came.wait()
            began = trio.current_time()
            signal.raise_signal(signal.SIGTERM)
        assert trio.current_time() - began == pytest.approx(15)
    assert capsys.readouterr().out.splitlines()[3:] == [
        "SIGTERM: finishing what has begun",
        "cancelled",
    ]


async def test_graceful_shutdown_at_the_end_of_the_jobs(fake_groq: FakeGroq) -> None:
    lines = await output_of("graceful_shutdown", fake_groq)
    assert sum(" is done: " in line for line in lines) == 20
    assert lines[-1] == "drained"
    assert {question_of(request) for request in fake_groq.requests} == {
        f"Write a haiku about the number {number}." for number in range(1, 21)
    }
