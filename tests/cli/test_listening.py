"""`trio-groq transcribe` and `translate`: against FakeGroq, in this process."""

import io
import json
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trio_groq.cli import _listening, transcribe, translate
from trio_groq.cli._listening import text_of
from trio_groq.cli._subtitles import srt
from trio_groq.cli._transfers import Report
from trio_groq.testing import FakeGroq, Reply
from trio_groq.testing.forms import Form, parse_form
from trio_groq.types.audio import Transcription, TranscriptionSegment, TranscriptionVerbose

COMMANDS = {"transcribe": transcribe.command, "translate": translate.command}
URL = "https://a.example/talks/one%20two.mp3?key=1"


def invoke(*args: str, command: str = "transcribe") -> Result:
    return CliRunner().invoke(COMMANDS[command], args)


def silence(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * round(seconds * 8000)))
    return file.getvalue()


@pytest.fixture
def talk(tmp_path: Path) -> str:
    path = tmp_path / "talk.wav"
    path.write_bytes(silence(8))
    return str(path)


@pytest.fixture
def other(tmp_path: Path) -> str:
    path = tmp_path / "other.wav"
    path.write_bytes(silence(1))
    return str(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    path.mkdir()
    return path


def forms(server: FakeGroq) -> list[Form]:
    return [parse_form(request) for request in server.requests]


def shown(*args: str, command: str = "transcribe") -> str:
    result = invoke(*args, command=command)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_text_is_the_default(groq: FakeGroq, talk: str, command: str) -> None:
    text = shown(talk, command=command)
    assert len(text.split()) == 20
    assert text == text.strip() + "\n"
    (form,) = forms(groq)
    model = {"transcribe": "whisper-large-v3-turbo", "translate": "whisper-large-v3"}[command]
    assert form.fields == {"model": [model], "response_format": ["text"]}
    assert form.files["file"].name == "talk.wav"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_format_says_the_same(groq: FakeGroq, talk: str, command: str) -> None:
    text = shown(talk, "--format", "text", command=command).strip()
    plain = json.loads(shown(talk, "--format", "json", command=command))
    verbose = json.loads(shown(talk, "--format", "verbose_json", command=command))
    assert plain["text"].strip() == verbose["text"].strip() == text
    assert verbose["duration"] == 8.0
    segments = [TranscriptionSegment(**segment) for segment in verbose["segments"]]
    assert shown(talk, "--format", "srt", command=command) == srt(segments).rstrip("\n") + "\n"
    cues = shown(talk, "--format", "vtt", command=command)
    assert cues.startswith("WEBVTT\n\n00:00:00.000 --> ")
    assert cues.count("-->") == len(segments)
    asked = [form.fields["response_format"] for form in forms(groq)]
    assert asked == [["text"], ["json"], *[["verbose_json"]] * 3]


def test_options_reach_the_request(groq: FakeGroq, talk: str) -> None:
    options = ["--model", "whisper-large-v3", "--prompt", "Hm", "--temperature", "0.5"]
    more = ["--language", "de", "--timestamps", "word", "--timestamps", "segment"]
    made = json.loads(shown(talk, "--format", "verbose_json", *options, *more))
    assert made["language"] == "German"
    assert made["words"]
    shown(talk, *options, command="translate")
    transcribed, translated = forms(groq)
    common = {"model": ["whisper-large-v3"], "prompt": ["Hm"], "temperature": ["0.5"]}
    assert transcribed.fields == common | {
        "language": ["de"],
        "timestamp_granularities[]": ["word", "segment"],
        "response_format": ["verbose_json"],
    }
    assert translated.fields == common | {"response_format": ["text"]}
    assert [request.path.rpartition("/")[2] for request in groq.requests] == [
        "transcriptions",
        "translations",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_web_address_is_fetched_by_the_api(groq: FakeGroq, command: str) -> None:
    assert shown(URL, command=command)
    (form,) = forms(groq)
    assert form.fields["url"] == [URL]
    assert form.files == {}


def test_another_base_url(groq: FakeGroq, talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_BASE_URL", "https://unreachable.invalid")
    assert shown(talk, "--base-url", groq.url)


def test_several_sources(groq: FakeGroq, talk: str, other: str) -> None:
    one, two = shown(talk), shown(other)
    assert shown(talk, other) == f"==> {talk} <==\n{one}\n==> {other} <==\n{two}\n"
    lines = shown(talk, other, "--format", "json").splitlines()
    assert [json.loads(line)["text"].strip() for line in lines] == [one.strip(), two.strip()]


def test_a_file_to_write(groq: FakeGroq, talk: str, tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text("old")
    said = shown(talk, "--format", "srt", "-o", str(path))
    assert said == f"{path}: {path.stat().st_size} bytes\n"
    assert path.read_text(encoding="utf-8") == shown(talk, "--format", "srt")


SUFFIXES = {"text": "txt", "json": "json", "verbose_json": "json", "srt": "srt", "vtt": "vtt"}


@pytest.mark.parametrize("format_", SUFFIXES)
def test_a_folder_to_write_to(groq: FakeGroq, talk: str, folder: Path, format_: str) -> None:
    said = shown(talk, URL, "https://a.example", "--format", format_, "--output", str(folder))
    names = [f"{stem}.{SUFFIXES[format_]}" for stem in ("talk", "one two", "audio")]
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert [line.partition(": ")[0] for line in said.splitlines()] == [
        str(folder / name) for name in names
    ]
    content = (folder / names[0]).read_text(encoding="utf-8")
    expected = shown(talk, "--format", format_)
    if "json" in format_:
        assert json.loads(content)["text"] == json.loads(expected)["text"]
    else:
        assert content == expected


def test_a_folder_for_one(groq: FakeGroq, talk: str, folder: Path) -> None:
    shown(talk, "-o", str(folder))
    assert [path.name for path in folder.iterdir()] == ["talk.txt"]


USAGE: dict[str, tuple[list[str], str]] = {
    "no such file": (["{talk}", "nowhere.wav"], "error: nowhere.wav: expected a file or a web"),
    "a folder": (["{folder}"], "error: {folder}: expected a file or a web address"),
    "several into one": (
        ["{talk}", URL, "-o", "a.txt"],
        "error: --output: expected a folder for several sources, got a.txt",
    ),
    "several subtitles": (
        ["{talk}", URL, "--format", "vtt"],
        "error: --output: expected a folder for several vtt, got none",
    ),
    "one name twice": (
        ["{talk}", "https://a.example/talk.mp3", "-o", "{folder}"],
        "error: --output: expected a name for each source, got talk.txt for 2",
    ),
    "timestamps of subtitles": (
        ["{talk}", "--format", "srt", "--timestamps", "word"],
        "error: --timestamps: expected --format verbose_json beside it, got srt",
    ),
    "a file that is no audio": (["{pyproject}"], "error: file: expected a file of one of the form"),
}


@pytest.mark.parametrize(("args", "line"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_one_line_and_exit_code_2(
    groq: FakeGroq, talk: str, folder: Path, args: list[str], line: str
) -> None:
    odd = folder.parent / "a.toml"
    odd.write_text("")
    places = {"talk": talk, "folder": str(folder), "pyproject": str(odd)}
    result = invoke(*(arg.format(**places) for arg in args))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(line.format(**places))
    assert result.stderr.count("\n") == 1
    assert groq.requests == []


def test_no_key(talk: str) -> None:
    result = invoke(talk)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: no API key")


@pytest.mark.parametrize("args", [[], ["a.wav", "--format", "ass"], ["a", "--temperature", "2"]])
def test_what_click_refuses(args: list[str]) -> None:
    assert invoke(*args).exit_code == 2


def test_an_error_of_the_api_ends_it(groq: FakeGroq, talk: str, folder: Path) -> None:
    path = folder / "a.txt"
    result = invoke(talk, "--model", "none", "-o", str(path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: 404 ")
    assert list(folder.iterdir()) == []


def test_what_came_before_an_error_is_there(groq: FakeGroq, talk: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no audio")
    result = invoke(talk, str(bad), URL)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"==> {talk} <==\n")
    assert "valid media file" in result.stderr
    assert len(groq.requests) == 2


def test_a_file_that_cannot_be_written(groq: FakeGroq, talk: str, folder: Path) -> None:
    result = invoke(talk, "-o", str(folder / "no" / "a.txt"))
    assert result.exit_code == 1
    assert "expected a file that can be written, got No such file" in result.stderr


def test_the_upload_is_shown(groq: FakeGroq, talk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, list[tuple[int, int | None]]] = {}

    @contextmanager
    def bar(title: str) -> Iterator[Report]:
        steps = told[title] = []
        yield lambda done, total: steps.append((done, total))

    monkeypatch.setattr(_listening, "progress_bar", bar)
    shown(talk, URL)
    shown(talk, command="translate")
    assert told.keys() == {"talk.wav"}
    size = len(groq.requests[0].body)
    assert told["talk.wav"][-1][0] == told["talk.wav"][-1][1]
    assert abs((told["talk.wav"][-1][1] or 0) - size) < 200


def test_escapes_of_a_server_reach_no_terminal(groq: FakeGroq, talk: str) -> None:
    groq.enqueue(Reply(body=b" a\x1b[2Jb ", content_type="text/plain"))
    assert shown(talk) == "a[2Jb\n"


WHOLE: Any = {
    "no segments": (
        TranscriptionVerbose(text=" All.", duration=2.5),
        "00:00:00,000 --> 00:00:02,500",
    ),
    "empty segments": (
        TranscriptionVerbose(text=" All.", duration=2.5, segments=[]),
        "00:00:00,000 --> 00:00:02,500",
    ),
    "no times at all": (Transcription(text=" All."), "00:00:00,000 --> 00:00:02,000"),
}


@pytest.mark.parametrize(("heard", "times"), WHOLE.values(), ids=WHOLE)
def test_without_segments_the_text_is_one(heard: Any, times: str) -> None:
    assert text_of(heard, "srt") == f"1\n{times}\nAll."
