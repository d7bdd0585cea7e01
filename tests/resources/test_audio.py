"""`client.audio`: what is sent, and what comes back."""

import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, assert_type

import pytest
from trio.testing import MockClock

from shared_data import DATA, json_lines, needs_shared_data
from trio_groq import GroqClient
from trio_groq._api.uploads import AsyncBytes
from trio_groq._api_response import APIResponse
from trio_groq._binary import BinaryResponse
from trio_groq._readers import ResponseText
from trio_groq.errors import (
    BadRequestError,
    InvalidRequestError,
    ModelNotFoundError,
    RequestTooLargeError,
)
from trio_groq.testing import FakeGroq, Reply
from trio_groq.testing.forms import Form, parse_form
from trio_groq.types.audio import (
    Transcription,
    TranscriptionVerbose,
    Translation,
    TranslationVerbose,
)

MODEL = "whisper-large-v3"
SPEECH: Any = {"model": "canopylabs/orpheus-v1-english", "input": "Hello.", "voice": "troy"}


def silence(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * round(seconds * 8000)))
    return file.getvalue()


SOUND = silence(2)


def client_of(server: FakeGroq) -> GroqClient:
    return GroqClient("gsk_test", base_url=server.url)


def forms(server: FakeGroq) -> list[Form]:
    return [parse_form(request) for request in server.requests]


# --- transcriptions ------------------------------------------------------------------------------


async def test_the_format_decides_the_type(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        create = client.audio.transcriptions.create
        left_out = await create(file=SOUND, model=MODEL)
        null = await create(file=SOUND, model=MODEL, response_format=None)
        plain = await create(file=SOUND, model=MODEL, response_format="json")
        verbose = await create(file=SOUND, model=MODEL, response_format="verbose_json")
        text = await create(file=SOUND, model=MODEL, response_format="text")
    assert_type(left_out, Transcription)
    assert_type(null, Transcription)
    assert_type(plain, Transcription)
    assert_type(verbose, TranscriptionVerbose)
    assert_type(text, ResponseText)
    assert isinstance(verbose, TranscriptionVerbose)
    assert (verbose.duration, verbose.task) == (2.0, "transcribe")
    assert verbose.segments
    assert isinstance(text, ResponseText)
    assert left_out.text == null.text == plain.text == verbose.text == text
    for value in (left_out, null, plain, verbose, text):
        assert value.meta is not None
        assert value.meta.status == 200
    accepted = [request.header("accept") for request in fake_groq.requests]
    assert accepted == ["application/json"] * 4 + ["*/*"]
    assert ["response_format" in form.fields for form in forms(fake_groq)] == [False] * 2 + [
        True
    ] * 3


async def test_what_is_sent(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        verbose = await client.audio.transcriptions.create(
            file=("talk.wav", SOUND, "audio/x-wav"),
            model=MODEL,
            language="de",
            prompt="Kunst & Können",
            response_format="verbose_json",
            temperature=0.5,
            timestamp_granularities=["word", "segment"],
            url=None,
        )
    assert verbose.language == "German"
    assert verbose.words
    (request,) = fake_groq.requests
    assert (request.method, request.path) == ("POST", "/openai/v1/audio/transcriptions")
    assert (request.header("content-type") or "").startswith("multipart/form-data; boundary=")
    form = parse_form(request)
    assert form.fields == {
        "model": [MODEL],
        "language": ["de"],
        "prompt": ["Kunst & Können"],
        "response_format": ["verbose_json"],
        "temperature": ["0.5"],
        "timestamp_granularities[]": ["word", "segment"],
    }
    assert form.files.keys() == {"file"}
    file = form.files["file"]
    assert (file.name, file.content_type, file.data) == ("talk.wav", "audio/x-wav", SOUND)


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


async def test_every_kind_of_file(fake_groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "a b.wav"
    path.write_bytes(SOUND)
    async with client_of(fake_groq) as client:
        create = client.audio.transcriptions.create
        with path.open("rb") as opened:
            texts = [
                (await create(file=file, model=MODEL)).text
                for file in (
                    path,
                    str(path),
                    opened,
                    SOUND,
                    bytearray(SOUND),
                    ("x.wav", memoryview(SOUND)),
                    AsyncBytes(pieces(SOUND), length=len(SOUND), name="y.wav"),
                )
            ]
    assert len(set(texts)) == 1
    files = [form.files["file"] for form in forms(fake_groq)]
    assert {file.data for file in files} == {SOUND}
    names = ["a b.wav", "a b.wav", "a b.wav", "audio.wav", "audio.wav", "x.wav", "y.wav"]
    assert [file.name for file in files] == names
    assert {file.content_type for file in files} == {"audio/wav"}


async def test_a_url_instead_of_a_file(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        made = await client.audio.transcriptions.create(url="https://a.example/b.mp3", model=MODEL)
    assert made.text
    (form,) = forms(fake_groq)
    assert form.fields == {"url": ["https://a.example/b.mp3"], "model": [MODEL]}
    assert form.files == {}


async def test_a_file_is_read_again_when_it_is_sent_again(
    fake_groq: FakeGroq, tmp_path: Path, autojump_clock: MockClock
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(SOUND)
    fake_groq.enqueue(Reply.error(503, "Service Unavailable"))
    async with client_of(fake_groq) as client:
        made = await client.audio.transcriptions.create(file=path, model=MODEL)
    assert made.meta is not None
    assert made.meta.attempts == 2
    assert [form.files["file"].data for form in forms(fake_groq)] == [SOUND, SOUND]


async def test_progress_is_told(fake_groq: FakeGroq) -> None:
    told: list[tuple[int, int]] = []
    async with client_of(fake_groq) as client:
        await client.audio.transcriptions.create(
            file=SOUND, model=MODEL, progress=lambda sent, total: told.append((sent, total))
        )
    total = len(fake_groq.requests[0].body)
    assert told[-1] == (total, total)


async def test_extras(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        await client.audio.transcriptions.create(
            file=SOUND,
            model="none",
            temperature=1,
            extra_headers={"x-a": "1"},
            extra_query={"q": 1},
            extra_body={"temperature": 0, "model": MODEL, "language": None},
            timeout=30,
            max_retries=0,
        )
        made: Any = await client.audio.transcriptions.create(
            model=MODEL, extra_body={"url": "https://a.example", "response_format": "text"}
        )
    assert isinstance(made, ResponseText)
    (request, _) = fake_groq.requests
    assert (request.header("x-a"), request.query) == ("1", "q=1")
    assert parse_form(request).fields == {"model": [MODEL], "temperature": ["0"]}


async def test_a_format_to_come_is_text(fake_groq: FakeGroq) -> None:
    fake_groq.enqueue(Reply(body=b"WEBVTT\n", content_type="text/vtt"))
    async with client_of(fake_groq) as client:
        made = await client.audio.transcriptions.create(
            file=SOUND, model=MODEL, response_format="vtt"
        )
    assert_type(made, Transcription | TranscriptionVerbose | ResponseText)
    assert made == "WEBVTT\n"
    assert isinstance(made, ResponseText)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "neither file nor url": ({"file": None}, "file: expected either file or url, got neither"),
    "file and url": ({"url": "https://a"}, "file: expected either file or url, got both"),
    "url beside it": ({"extra_body": {"url": "u"}}, "file: expected either file or url, got both"),
    "no model": ({"model": None}, "model: expected a string, got None"),
    "temperature": ({"temperature": 2}, "temperature: expected a number <= 1.0, got 2"),
    "unknown": ({"langauge": "de"}, "langauge: expected a known parameter .did you mean language"),
    "granularities": ({"timestamp_granularities": "word"}, "timestamp_granularities: expected a"),
    "format": ({"response_format": 5}, "response_format: expected a string or None, got 5"),
    "a type that is not taken": ({"file": ("a.oga", SOUND)}, r"file: expected .* m4a, .*'a.oga'"),
    "no such file": ({"file": "/nowhere/a.wav"}, "file: expected a file that can be read"),
    "no file": ({"file": 5}, "file: expected a path, bytes"),
    "an extra that is none": ({"extra_body": {"x": object()}}, "expected what JSON can hold"),
}


@pytest.mark.parametrize(("wrong", "message"), WRONG.values(), ids=WRONG)
async def test_wrong_parameters_are_told_before_anything_is_sent(
    fake_groq: FakeGroq, wrong: Any, message: str
) -> None:
    asked: dict[str, Any] = {"file": SOUND, "model": MODEL, **wrong}
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match=message):
            await client.audio.transcriptions.create(**asked)
        if "langauge" not in wrong and "timestamp_granularities" not in wrong:
            with pytest.raises(InvalidRequestError, match=message):
                await client.audio.translations.create(**asked)
    assert fake_groq.connections_opened == 0


async def test_a_file_that_nobody_may_send(fake_groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024 + 1)  # takes no space on the disk
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match="file: expected at most 104857600 bytes"):
            await client.audio.transcriptions.create(file=path, model=MODEL)
    assert fake_groq.connections_opened == 0


async def test_the_api_s_own_refusals(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        create = client.audio.transcriptions.create
        with pytest.raises(ModelNotFoundError):
            await create(file=SOUND, model="none")
        with pytest.raises(BadRequestError, match="valid media file"):
            await create(file=("a.wav", b"no audio"), model=MODEL)
        with pytest.raises(RequestTooLargeError):
            await create(file=("a.mp3", bytes(25 * 1024 * 1024 + 1)), model=MODEL)
        with pytest.raises(BadRequestError, match="must be one of the following types"):
            await create(file=b"of no known kind", model=MODEL)


async def test_raw_responses(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        create = client.audio.transcriptions.with_raw_response.create
        plain = await create(file=SOUND, model=MODEL)
        verbose = await create(file=SOUND, model=MODEL, response_format="verbose_json")
        text = await create(file=SOUND, model=MODEL, response_format="text")
        assert_type(plain, APIResponse[Transcription])
        assert_type(verbose, APIResponse[TranscriptionVerbose])
        assert_type(text, APIResponse[ResponseText])
        assert plain.status_code == verbose.status_code == text.status_code == 200
        said = (await plain.parse()).text
        assert (await verbose.parse()).text == said
        assert await text.parse() == said
        raw = await client.audio.with_raw_response.translations.create(file=SOUND, model=MODEL)
        assert isinstance(await raw.parse(), Translation)


async def test_streaming_responses(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        create = client.audio.with_streaming_response.transcriptions.create
        async with create(file=SOUND, model=MODEL, response_format="text") as response:
            assert_type(response, APIResponse[ResponseText])
            said = await response.text()
        async with create(file=SOUND, model=MODEL) as unread:
            assert (await unread.parse()).text == said


# --- translations --------------------------------------------------------------------------------


async def test_translations(fake_groq: FakeGroq) -> None:
    known_later: str = "json"
    async with client_of(fake_groq) as client:
        create = client.audio.translations.create
        plain = await create(file=SOUND, model=MODEL, prompt="x", temperature=0.0)
        verbose = await create(file=SOUND, model=MODEL, response_format="verbose_json")
        text = await create(file=SOUND, model=MODEL, response_format="text")
        other = await create(file=SOUND, model=MODEL, response_format=known_later)
    assert_type(plain, Translation)
    assert_type(verbose, TranslationVerbose)
    assert_type(text, ResponseText)
    assert_type(other, Translation | TranslationVerbose | ResponseText)
    assert isinstance(plain, Translation)
    assert isinstance(verbose, TranslationVerbose)
    assert (verbose.task, verbose.language) == ("translate", "English")
    assert isinstance(other, Translation)
    assert plain.text == other.text == verbose.text == text
    assert {request.path for request in fake_groq.requests} == {"/openai/v1/audio/translations"}
    assert forms(fake_groq)[0].fields == {"model": [MODEL], "prompt": ["x"], "temperature": ["0.0"]}


async def test_translations_streamed(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        create = client.audio.translations.with_streaming_response.create
        async with create(url="https://a.example", model=MODEL) as response:
            assert isinstance(await response.parse(), Translation)


# --- speech --------------------------------------------------------------------------------------


async def test_speech(fake_groq: FakeGroq, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    async with client_of(fake_groq) as client:
        made = await client.audio.speech.create(
            **SPEECH, response_format="wav", sample_rate=8000, speed=1.5
        )
        assert_type(made, BinaryResponse)
        assert (made.content_type, made.content_length) == ("audio/wav", None)
        assert await made.write_to_file(path) == path.stat().st_size
        again = await client.audio.transcriptions.create(
            file=path, model=MODEL, response_format="verbose_json"
        )
    with wave.open(str(path)) as sound:
        assert (sound.getframerate(), sound.getnframes()) == (8000, 6 * 160)
    assert again.duration == 0.12
    request = fake_groq.requests[0]
    assert (request.method, request.path) == ("POST", "/openai/v1/audio/speech")
    assert request.json == {**SPEECH, "response_format": "wav", "sample_rate": 8000, "speed": 1.5}
    assert request.header("accept") == "audio/*"


async def test_speech_is_read_while_it_comes(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        made = await client.audio.speech.create(**SPEECH)
        async with made:
            data = b"".join([piece async for piece in made.aiter_bytes(1000)])
        raw = await client.audio.speech.with_raw_response.create(**SPEECH)
        async with await raw.parse() as whole:
            assert await whole.read() == data
        async with client.audio.speech.with_streaming_response.create(**SPEECH) as response:
            assert await response.read() == data


async def test_extras_of_speech(fake_groq: FakeGroq) -> None:
    async with client_of(fake_groq) as client:
        made = await client.audio.speech.create(
            **SPEECH, extra_body={"voice": "autumn"}, extra_query={"q": 1}, max_retries=0
        )
        await made.read()
    assert fake_groq.requests[0].json == {**SPEECH, "voice": "autumn"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"speed": 0.1}, "speed: expected a number >= 0.5", id="speed"),
        pytest.param({"voice": None}, "voice: expected a string, got None", id="voice"),
        pytest.param({"sample_rate": "8k"}, "sample_rate: expected an integer", id="rate"),
        pytest.param({"volume": 1}, "volume: expected a known parameter", id="unknown"),
    ],
)
async def test_wrong_speech(fake_groq: FakeGroq, wrong: Any, message: str) -> None:
    async with client_of(fake_groq) as client:
        with pytest.raises(InvalidRequestError, match=message):
            await client.audio.speech.create(**{**SPEECH, **wrong})
        assert fake_groq.connections_opened == 0
        with pytest.raises(BadRequestError, match="voice must be one of"):
            await client.audio.speech.create(**{**SPEECH, "voice": "nobody"})


# --- recorded ------------------------------------------------------------------------------------


@needs_shared_data
async def test_recorded_text_arrives_as_it_was() -> None:
    rows = [
        row
        for row in json_lines("groq/exchanges.jsonl")
        if "transcription" in row["id"] or "speech-to-text" in row["id"]
    ]
    assert len(rows) == 10
    async with FakeGroq() as server, client_of(server) as client:
        for row in rows:
            body = (DATA / "groq" / row["body_file"]).read_bytes()
            content_type = dict(row["response_headers"])["content-type"]
            server.enqueue(Reply(body=body, content_type=content_type))
            form: str = "text" if row["kind"] == "text" else "json"
            made = await client.audio.transcriptions.create(
                file=SOUND, model=MODEL, response_format=form
            )
            if isinstance(made, ResponseText):
                assert made == body.decode()
            else:
                assert made.text
                assert made.text.split()[0].encode() in body
