"""Every example runs as a user would run it, against FakeGroq, and shows what it should.

Those in which time decides are in `test_examples_in_time`.
"""

import base64
import json
import os
import re
import sys
import wave
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from running_examples import FOLDER, contents, output_of, question_of, run
from trio_groq.testing import DEFAULT_MODELS, FakeGroq, Reply, ToolCall

# --- all of them ---------------------------------------------------------------------------------


def test_each_has_a_test_and_a_line_in_the_list() -> None:
    names = {path.stem for path in FOLDER.glob("*.py")}
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_examples*.py"))
    assert not [name for name in names if f"def test_{name}" not in tests]
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
