"""Every example runs as a user would run it, against FakeGroq, and shows what it should.

Most run as processes of their own. Where time decides, an example runs inside the test instead, on
virtual time.
"""

import base64
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from shared_data import ROOT
from trio_groq.testing import DEFAULT_MODELS, FakeGroq, Fault, RecordedRequest, Reply, ToolCall

FOLDER = ROOT / "examples"
WORKERS = [f"worker {number}" for number in (1, 2, 3)]
PATIENCE = 60
"""Seconds after which a hang is a failure; nothing waits for this long."""


def environment(server: FakeGroq) -> dict[str, str]:
    return os.environ | {"GROQ_API_KEY": "gsk_test", "GROQ_BASE_URL": server.url}


def command(name: str, *args: object) -> list[str]:
    return [sys.executable, "-W", "error", str(FOLDER / f"{name}.py"), *map(str, args)]


async def run(
    name: str, server: FakeGroq, *args: object, stdin: str = ""
) -> "subprocess.CompletedProcess[bytes]":
    """Run an example to its end, as a process."""
    with trio.fail_after(PATIENCE):
        return await trio.run_process(
            command(name, *args),
            stdin=stdin.encode(),
            capture_stdout=True,
            capture_stderr=True,
            env=environment(server),
            check=False,
        )


async def output_of(name: str, server: FakeGroq, *args: object, stdin: str = "") -> list[str]:
    """The lines that an example prints; it ends well, and complains of nothing."""
    done = await run(name, server, *args, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    assert not done.stderr, done.stderr.decode()
    return done.stdout.decode().splitlines()


def load(name: str, server: FakeGroq, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of an example, to run it inside the test."""
    monkeypatch.setenv("GROQ_API_KEY", "gsk_test")
    monkeypatch.setenv("GROQ_BASE_URL", server.url)
    return runpy.run_path(str(FOLDER / f"{name}.py"))


def contents(request: RecordedRequest) -> list[str]:
    """What the messages of a request say."""
    return [message["content"] for message in request.params["messages"]]


def question_of(request: RecordedRequest) -> str:
    return contents(request)[-1]


# --- all of them ---------------------------------------------------------------------------------


def test_each_has_a_test_and_a_line_in_the_list() -> None:
    names = {path.stem for path in FOLDER.glob("*.py")}
    tests = {name for name in globals() if name.startswith("test_")}
    assert not [name for name in names if not any(f"_{name}" in test for test in tests)]
    listed = re.findall(
        r"^\| \[(\w+)\.py\]\((\w+)\.py\) \|", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
    assert sorted(listed) == [(name, name) for name in sorted(names)]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_each_is_short_and_says_how_to_run_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert 30 <= len(text.splitlines()) <= 80
    assert f" examples/{path.name}" in text
    assert not re.search(r"trio_groq\._|trio_groq\.\w+\._", text)


# --- one after the other -------------------------------------------------------------------------


async def test_quickstart(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="Good day."), Reply(content="One two three four five"))
    first, second, usage = await output_of("quickstart", fake_groq)
    assert (first, second) == ("Good day.", "One two three four five")
    assert "completion_tokens=5" in usage
    assert [request.params.get("stream", False) for request in fake_groq.requests] == [False, True]


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


async def test_chat_bot_remembers(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(content="Hello, Ada."), Reply(content="Ada."))
    lines = await output_of("chat_bot", fake_groq, stdin="I am Ada.\nWho am I?\n")
    assert lines == ["> Hello, Ada.", "> Ada.", "> "]
    _, _, second = fake_groq.requests
    assert contents(second)[1:] == ["I am Ada.", "Hello, Ada.", "Who am I?"]


def small_model(tokens: int) -> Reply:
    return Reply.json({"id": "openai/gpt-oss-20b", "object": "model", "context_window": tokens})


async def test_chat_bot_forgets_the_oldest_turn(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(small_model(2048 + 100))  # 300 characters beside the answer
    fake_groq.enqueue(Reply(content="a" * 60), Reply(content="b" * 60), Reply(content="c" * 60))
    questions = ["A" * 60, "B" * 60, "C" * 60]
    lines = await output_of("chat_bot", fake_groq, stdin="\n".join(questions))
    assert lines == [f"> {letter * 60}" for letter in "abc"] + ["> "]
    asked = [contents(request)[1:] for request in fake_groq.requests[1:]]
    assert asked[1] == ["A" * 60, "a" * 60, "B" * 60]
    assert asked[2] == ["B" * 60, "b" * 60, "C" * 60]


async def test_chat_bot_forgets_when_the_api_says_so(fake_groq: FakeGroq) -> None:
    too_long = Reply.error(400, "Too long", code="context_length_exceeded")
    fake_groq.enqueue(small_model(8192), Reply(content="one"), too_long, Reply(content="two"))
    fake_groq.enqueue(Reply.error(400, "No such luck"), Reply(content="four"))
    lines = await output_of("chat_bot", fake_groq, stdin="first\nsecond\nthird\nfourth\n")
    assert lines[:2] == ["> one", "> two"]
    assert re.fullmatch(r"> \(.*No such luck.*\)", lines[2])
    assert lines[3] == "> four"
    asked = [contents(request)[1:] for request in fake_groq.requests[1:]]
    assert asked[1:3] == [["first", "one", "second"], ["second"]]
    assert asked[4] == ["second", "two", "fourth"]


async def test_tool_use(fake_groq: FakeGroq) -> None:
    in_lima, in_oslo = (ToolCall("temperature", {"city": city}) for city in ("Lima", "Rome"))
    convert = ToolCall("convert", {"degrees": 19.0, "unit": "fahrenheit"})
    fake_groq.enqueue(
        Reply(tool_calls=[in_lima, in_oslo]),
        Reply(tool_calls=[convert]),
        Reply(content="It is 66 degrees in Lima."),
    )
    lines = await output_of("tool_use", fake_groq, "How", "warm?")
    assert lines[:2] == ["-> temperature {'city': 'Lima'}", "-> temperature {'city': 'Rome'}"]
    assert lines[2] == "<- temperature 19.0"
    assert lines[3].startswith("<- temperature ")
    assert "no weather for 'Rome'" in lines[3]
    assert lines[4] == "-> convert {'degrees': 19.0, 'unit': 'fahrenheit'}"
    assert lines[5] == f"<- convert {19 * 9 / 5 + 32}"
    assert lines[6] == "It is 66 degrees in Lima."
    assert re.fullmatch(r"3 steps, \d+ tokens", lines[7])
    first, _, last = fake_groq.requests
    assert contents(first) == ["How warm?"]
    roles = [message["role"] for message in last.params["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "assistant", "tool"]
    described = {tool["function"]["name"]: tool["function"] for tool in first.params["tools"]}
    assert "degrees Celsius" in described["temperature"]["description"]
    assert described["convert"]["parameters"]["properties"]["unit"]["enum"] == [
        "celsius",
        "fahrenheit",
    ]


ORDER = {
    "customer": "Lovelace & Co.",
    "items": [
        {"name": "punch card", "count": 24, "urgency": "high", "due": "2026-11-13"},
        {"name": "difference engine", "count": 1, "urgency": "low", "due": None},
    ],
}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            Reply(content=json.dumps(ORDER)),
            [
                "Lovelace & Co. orders 25 pieces:",
                " 24 x punch card, high, 2026-11-13",
                "  1 x difference engine, low, any day",
            ],
        ),
        (
            Reply(content='{"customer": "Lov', finish_reason="length"),
            ['The answer is not whole (length): {"customer": "Lov'],
        ),
        (
            Reply.json(
                {
                    "choices": [
                        {
                            "finish_reason": "stop",
                            "message": {"role": "assistant", "refusal": "That is private."},
                        }
                    ]
                }
            ),
            ["The model would not: That is private."],
        ),
    ],
    ids=["whole", "cut-off", "refused"],
)
async def test_structured_output(
    fake_groq: FakeGroq, reply: Reply, expected: Sequence[str]
) -> None:
    fake_groq.enqueue(reply)
    assert await output_of("structured_output", fake_groq) == expected
    form = fake_groq.requests[0].params["response_format"]
    assert form["type"] == "json_schema"
    assert "Ada" in question_of(fake_groq.requests[0])


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(40))
JPEG = b"\xff\xd8\xff" + bytes(range(40))


async def test_vision(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.jpg").write_bytes(JPEG)
    async with FakeGroq(models=(*DEFAULT_MODELS, "qwen/qwen3.8-27b")) as server:
        server.enqueue(Reply(content="A cat.\nA dog."))
        lines = await output_of("vision", server, tmp_path / "a.png", tmp_path / "b.jpg")
        assert lines == ["A cat.", "A dog."]
        (message,) = server.requests[0].params["messages"]
        urls = [part["image_url"]["url"] for part in message["content"][1:]]
        assert urls == [
            f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
            for kind, data in (("png", PNG), ("jpeg", JPEG))
        ]


async def test_vision_says_what_is_wrong_with_an_image(tmp_path: Path, fake_groq: FakeGroq) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    done = await run("vision", fake_groq, tmp_path / "a.png")
    assert (done.returncode, done.stdout, fake_groq.requests) == (1, b"", [])
    assert re.fullmatch(rb"vision\.py: messages\[0\].*image.*\n", done.stderr)


def record(path: Path, seconds: int) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(100)
        sound.writeframes(bytes(100 * seconds))


async def test_transcribe_folder(tmp_path: Path, fake_groq: FakeGroq) -> None:
    for name, seconds in (("a.wav", 5), ("b.wav", 10), ("done.wav", 10)):
        record(tmp_path / name, seconds)
    (tmp_path / "done.txt").write_text("as it was")
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    (tmp_path / "notes.md").write_text("no recording")
    done = await run("transcribe_folder", fake_groq, tmp_path)
    assert sorted(done.stdout.splitlines()) == [b"a.wav: 5 s of English", b"b.wav: 10 s of English"]
    complaint, count = done.stderr.decode().splitlines()
    assert re.match(r"broken\.wav: .*valid media file", complaint)
    assert (done.returncode, count) == (1, "1 failed")
    assert (tmp_path / "done.txt").read_text() == "as it was"
    lines = (tmp_path / "b.txt").read_text().splitlines()
    assert len(lines) > 1
    assert all(re.fullmatch(r"\[ +\d+\.\d\] \w.*\.", line) for line in lines)

    (tmp_path / "broken.wav").unlink()
    asked = fake_groq.requests_served
    assert await output_of("transcribe_folder", fake_groq, tmp_path) == []
    assert fake_groq.requests_served == asked
    names = {path.name for path in await trio.Path(tmp_path).iterdir()}
    assert names == {"a.wav", "a.txt", "b.wav", "b.txt", "done.wav", "done.txt", "notes.md"}


@attrs.define
class Evening:
    """What the models of the bot do, call by call, with two questions; and what comes of it.

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
    # What is late is learned: half a second at first, then what was usual.
    "hedged": Evening(
        {"20b": [after(0.3, "First"), after(4, "Never"), after(0.1, "Second")]},
        ["First [openai/gpt-oss-20b, 1 started]", "Second [openai/gpt-oss-20b, 2 started]"],
        [("20b", 0), ("20b", 0.3), ("20b", 0.6)],
    ),
    "replaced, then late": Evening(
        {
            "20b": [Reply.error(503, "Down"), after(9, "Late"), after(9, "Late")],
            "120b": [after(0.1, "First")],
        },
        ["First [openai/gpt-oss-120b, 1 started]", " [out of time]"],
        [("20b", 0), ("120b", 0), ("20b", 0.1), ("20b", 0.2)],
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
        await load("fast_bot", server, monkeypatch)["main"](["One?", "Two?"])
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


# --- tests of a user's own -----------------------------------------------------------------------


async def test_testing_with_fake_groq(fake_groq: FakeGroq, tmp_path: Path) -> None:
    # In a folder of its own it has nothing of this project's configuration.
    copy = tmp_path / "test_mine.py"
    copy.write_bytes((FOLDER / "testing_with_fake_groq.py").read_bytes())
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    done = await trio.run_process(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(copy)],
        capture_stdout=True,
        check=False,
        env={name: value for name, value in os.environ.items() if not name.startswith("GROQ_")},
    )
    assert done.returncode == 0, done.stdout.decode()
    assert b"3 passed" in done.stdout
