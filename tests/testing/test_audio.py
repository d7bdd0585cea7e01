"""The audio endpoints of the fake: what they refuse, and that what they answer fits the audio."""

import base64
import io
import itertools
import json
import re
import wave
from collections.abc import Mapping
from typing import Any

import pytest

from trio_groq.testing import RecordedRequest, Reply
from trio_groq.testing.audio import Audio
from trio_groq.testing.audio_content import duration_of, is_wave, segments_of, sound_of, words_in
from trio_groq.testing.models import DEFAULT_MODELS, Models
from trio_groq.types._base import Decoder
from trio_groq.types.audio import TranscriptionVerbose, TranslationVerbose

TRANSCRIPTIONS = "/openai/v1/audio/transcriptions"
TRANSLATIONS = "/openai/v1/audio/translations"
SPEECH = "/openai/v1/audio/speech"
MODEL = {"model": "whisper-large-v3"}


def silence(seconds: float, rate: int = 8000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(2 * channels * round(seconds * rate)))
    return file.getvalue()


WAVE = ("a.wav", silence(10))
Fields = Mapping[str, str | list[str]]


def form_of(fields: Fields, files: Mapping[str, tuple[str, bytes]]) -> bytes:
    lines: list[bytes] = []
    for name, value in fields.items():
        for each in value if isinstance(value, list) else [value]:
            lines += [b"--x", b'Content-Disposition: form-data; name="%b"' % name.encode()]
            lines += [b"", each.encode()]
    for name, (file_name, data) in files.items():
        shown = f'form-data; name="{name}"; filename="{file_name}"'
        lines += [b"--x", b"Content-Disposition: " + shown.encode(), b"", data]
    return b"\r\n".join([*lines, b"--x--", b""])


def post(
    audio: Audio, path: str, body: bytes, content_type: str = "multipart/form-data; boundary=x"
) -> Reply:
    (endpoint,) = (each for each in audio.endpoints() if each.path == path)
    assert endpoint.method == "POST"
    is_json = content_type == "application/json"
    return endpoint.answer(
        RecordedRequest(
            method="POST",
            path=path,
            headers=((b"content-type", content_type.encode()),),
            body=body,
            json=json.loads(body) if is_json else None,
            connection=1,
            received_at=0.0,
        ),
        {},
    )


def audio_of(**options: Any) -> Audio:
    return Audio(Models(DEFAULT_MODELS), **options)


def ask(
    fields: Fields = MODEL,
    file: tuple[str, bytes] | None = WAVE,
    path: str = TRANSCRIPTIONS,
    **options: Any,
) -> Reply:
    files = {} if file is None else {"file": file}
    return post(audio_of(**options), path, form_of(fields, files))


def ask_json(path: str, **params: Any) -> Reply:
    return post(audio_of(), path, json.dumps(params).encode(), "application/json")


def content(reply: Reply) -> Any:
    assert reply.status == 200, reply.body
    assert reply.body is not None
    return json.loads(reply.body)


# --- text ----------------------------------------------------------------------------------------


def test_json_is_the_default() -> None:
    body = content(ask())
    assert body.keys() == {"text", "x_groq"}
    assert body["x_groq"]["id"].startswith("req_")
    assert body["text"].startswith(" ")
    assert len(body["text"].split()) == 25
    assert content(ask({**MODEL, "response_format": "json"})) == body


def test_text() -> None:
    reply = ask({**MODEL, "response_format": "text"})
    assert reply.content_type == "text/plain; charset=UTF-8"
    assert reply.body is not None
    assert reply.body.decode() == content(ask())["text"]


VERBOSE = {**MODEL, "response_format": "verbose_json"}


def test_verbose_json_has_segments_that_fit_the_audio() -> None:
    reply = ask({**VERBOSE, "temperature": "0.5", "language": "de"})
    body = content(reply)
    assert (body["task"], body["language"], body["duration"]) == ("transcribe", "German", 10.0)
    assert "words" not in body
    segments = body["segments"]
    assert "".join(segment["text"] for segment in segments) == body["text"]
    assert [segment["id"] for segment in segments] == [0, 1, 2, 3]
    assert (segments[0]["start"], segments[-1]["end"]) == (0.0, 10.0)
    for one, other in itertools.pairwise(segments):
        assert one["start"] < one["end"] == other["start"]
    assert {segment["temperature"] for segment in segments} == {0.5}
    assert all(len(each["tokens"]) == len(each["text"].split()) for each in segments)
    assert reply.body is not None
    value = Decoder(TranscriptionVerbose).decode(reply.body)
    assert value.segments is not None
    assert value.segments[1].no_speech_prob == 0.01


def test_word_times() -> None:
    only = content(ask({**VERBOSE, "timestamp_granularities[]": ["word"]}))
    assert only["segments"] is None  # as the API has it
    words = only["words"]
    assert " " + " ".join(word["word"] for word in words) == only["text"]
    assert (words[0]["start"], words[-1]["end"]) == (0.0, 10.0)
    assert all(one["end"] == other["start"] for one, other in itertools.pairwise(words))
    both = content(ask({**VERBOSE, "timestamp_granularities[]": ["word", "segment"]}))
    assert both["words"] == words
    assert both["segments"]


def test_a_language_without_a_name_is_its_code() -> None:
    assert content(ask({**VERBOSE, "language": "yue"}))["language"] == "yue"


def test_a_translation_is_english() -> None:
    reply = ask({**VERBOSE, "prompt": "x"}, path=TRANSLATIONS)
    body = content(reply)
    assert (body["task"], body["language"]) == ("translate", "English")
    assert reply.body is not None
    assert Decoder(TranslationVerbose).decode(reply.body).duration == 10.0


def test_the_words_depend_on_the_audio_alone() -> None:
    text = content(ask())["text"]
    assert content(ask({**MODEL, "prompt": "x"}, ("b.wav", WAVE[1])))["text"] == text
    assert content(ask(MODEL, ("a.wav", silence(10, rate=16_000))))["text"] != text


def test_each_answer_has_an_id_of_its_own() -> None:
    audio = audio_of()
    body = form_of(MODEL, {"file": WAVE})
    ids = [content(post(audio, TRANSCRIPTIONS, body))["x_groq"]["id"] for _ in range(2)]
    assert ids[0] != ids[1]
    assert [content(ask())["x_groq"]["id"]] * 2 == [ids[0], ids[0]]


def data_url(data: bytes) -> str:
    return f"data:audio/wav;base64,{base64.b64encode(data).decode()}"


def test_a_url_instead_of_a_file() -> None:
    fields = {**VERBOSE, "url": "https://a.example/b.mp3"}
    body = content(ask(fields, None))
    assert 5 <= body["duration"] <= 60
    assert content(ask(fields, None)) == body
    assert content(ask({**fields, "url": "https://a.example/c"}, None))["text"] != body["text"]


def test_a_data_url_is_the_audio() -> None:
    data = ("a.mp3", bytes([0xFB, 0xEF, 0xFF]) * 8000)  # in base64 nothing but + and /
    plain = data_url(data[1])
    assert "+" in plain
    for url in (plain, plain.replace("+", "-").replace("//", "__"), data_url(data[1][:-1])):
        assert content(ask({**VERBOSE, "url": url}, None))["duration"] == 1.5
    assert content(ask({**MODEL, "url": plain}, None)) == content(ask(MODEL, data))


def test_json_as_in_a_batch() -> None:
    body = content(
        ask_json(
            TRANSCRIPTIONS,
            url=data_url(WAVE[1]),
            temperature=0,
            prompt=None,
            timestamp_granularities=["word"],
            **VERBOSE,
        )
    )
    assert body == content(ask({**VERBOSE, "timestamp_granularities[]": ["word"]}))


BAD: dict[str, tuple[Fields, Any, str]] = {
    "no model": ({}, WAVE, "`model` is required"),
    "unknown parameter": ({**MODEL, "seed": "1"}, WAVE, "unknown param `seed`"),
    "without its brackets": (
        {**MODEL, "timestamp_granularities": "word"},
        WAVE,
        "unknown param `timestamp_granularities`",
    ),
    "neither file nor url": (MODEL, None, "either `file` or `url`, got neither"),
    "file and url": ({**MODEL, "url": "https://a"}, WAVE, "either `file` or `url`, got both"),
    "a url that is none": ({**MODEL, "url": "ftp://a/b"}, None, "url must be an http or https"),
    "a data url that is none": ({**MODEL, "url": "data:,x"}, None, "is it a valid media file?"),
    "a data url of no base64": (
        {**MODEL, "url": "data:a/b;base64,?"},
        None,
        "is it a valid media file?",
    ),
    "prompt": ({**MODEL, "prompt": "x" * 897}, WAVE, "896 characters or fewer, but .* 897"),
    "format": ({**MODEL, "response_format": "srt"}, WAVE, r"one of \[json text verbose_json\]"),
    "temperature": ({**MODEL, "temperature": "1.01"}, WAVE, "between 0 and 1"),
    "temperature, no number": ({**MODEL, "temperature": "hot"}, WAVE, "between 0 and 1"),
    "temperature, nan": ({**MODEL, "temperature": "nan"}, WAVE, "between 0 and 1"),
    "language": ({**MODEL, "language": "xx"}, WAVE, "language must be"),
    "granularity": (
        {**MODEL, "timestamp_granularities[]": ["word", "char"]},
        WAVE,
        r"must be one of \[word segment\]",
    ),
    "model of another kind": ({"model": "playai-tts"}, WAVE, "does not support audio"),
    "type of file": (MODEL, ("a.oga", b"x"), r"types: \[flac .* opus wav webm\]"),
    "no type of file": (MODEL, ("wave", b"x"), "must be one of the following types"),
    "no wave": (MODEL, ("a.wav", b"RIFF but not that"), "is it a valid media file?"),
    "too short": (MODEL, ("a.wav", silence(0.005)), "Minimum audio length is 0.01"),
    "empty": (MODEL, ("a.mp3", b""), "Audio file is too short"),
}


@pytest.mark.parametrize(("fields", "file", "message"), BAD.values(), ids=BAD)
def test_what_is_refused(fields: Fields, file: Any, message: str) -> None:
    reply = ask(fields, file)
    assert reply.status == 400
    assert reply.body is not None
    error = json.loads(reply.body)["error"]
    assert error["type"] == "invalid_request_error"
    assert re.search(message, error["message"])


def test_what_only_translations_refuse() -> None:
    turbo = {"model": "whisper-large-v3-turbo"}
    assert ask(turbo).status == 200
    assert ask(turbo, path=TRANSLATIONS).status == 400
    assert ask({**MODEL, "language": "en"}).status == 200
    assert ask({**MODEL, "language": "en"}, path=TRANSLATIONS).status == 400


def test_an_unknown_model_is_not_found() -> None:
    assert ask({"model": "whisper-none"}).status == 404


def test_a_long_file_is_too_large() -> None:
    assert ask(MODEL, ("a.mp3", bytes(400)), max_file_bytes=400).status == 200
    reply = ask(MODEL, ("a.mp3", bytes(401)), max_file_bytes=400)
    assert reply.status == 413
    assert b"request_too_large" in (reply.body or b"")


def test_only_a_form_with_one_file_is_read() -> None:
    body = form_of(MODEL, {"audio": WAVE})
    assert b"unknown param `audio`" in (post(audio_of(), TRANSCRIPTIONS, body).body or b"")
    reply = post(audio_of(), TRANSCRIPTIONS, b"model=x", "application/x-www-form-urlencoded")
    assert reply.status == 400
    assert b"could not parse the request body" in (reply.body or b"")


# --- length --------------------------------------------------------------------------------------


def test_the_length_is_what_the_header_says() -> None:
    assert duration_of(silence(1.5)) == 1.5
    assert duration_of(silence(2, rate=44_100, channels=2)) == 2.0


def test_the_length_is_never_more_than_there_is() -> None:
    whole = silence(1)
    at = whole.index(b"data") + 4
    streamed = whole[:at] + b"\xf0\xff\xff\x7f" + whole[at + 4 :]
    assert duration_of(streamed) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xfb" * 8000, id="no wave"),
        pytest.param(silence(1)[:30] + bytes(15_970), id="a broken header"),
        pytest.param(silence(1)[:20] + b"\x03\x00" + silence(1)[22:16_000], id="floating point"),
        pytest.param(silence(1)[:24] + bytes(4) + silence(1)[28:16_000], id="no rate"),
    ],
)
def test_other_files_are_measured_by_their_size(data: bytes) -> None:
    assert duration_of(data) == 1.0


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1.0, 7.77, 100.0, 20_000.0])
def test_words_fill_the_time(seconds: float) -> None:
    words = words_in(b"seed", seconds)
    assert words == words_in(b"seed", seconds)
    assert 1 <= len(words) <= 20_000
    assert (words[0].start, words[-1].end) == (0.0, seconds)
    assert all(one.end == other.start for one, other in itertools.pairwise(words))
    assert words[0].text[0].isupper()
    assert words[-1].text.endswith(".")
    late = segments_of(words, 0.0)[-1]
    assert late["seek"] <= late["start"] * 100 < late["seek"] + 3000


# --- speech --------------------------------------------------------------------------------------


SPOKEN = {"model": "canopylabs/orpheus-v1-english", "input": "Hello, you!", "voice": "troy"}


def sound(reply: Reply) -> tuple[int, bytes]:
    assert reply.status == 200, reply.body
    assert reply.content_type == "audio/wav"
    assert reply.body is not None
    assert is_wave(reply.body)
    with wave.open(io.BytesIO(reply.body)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), file.readframes(file.getnframes())


def test_speech_is_a_wave_file_as_long_as_the_text() -> None:
    rate, frames = sound(ask_json(SPEECH, **SPOKEN))
    assert rate == 48_000
    assert len(frames) // 2 == 11 * 1440
    _, longer = sound(ask_json(SPEECH, **{**SPOKEN, "input": "Hello, you! Hello, you!"}))
    assert longer.startswith(frames)
    assert ask_json(SPEECH, **SPOKEN) == ask_json(SPEECH, **SPOKEN)


def test_rate_and_speed() -> None:
    rate, frames = sound(ask_json(SPEECH, **SPOKEN, sample_rate=8000, speed=2))
    assert rate == 8000
    assert len(frames) // 2 == 11 * 120


def test_a_character_is_a_tone_and_a_space_is_none() -> None:
    data = sound_of("a b", sample_rate=8000, speed=1)
    with wave.open(io.BytesIO(data)) as file:
        frames = [file.readframes(240) for _ in range(3)]
    assert frames[1] == bytes(480)
    assert frames[0] != frames[2]
    assert (
        max(
            abs(int.from_bytes(frames[0][i : i + 2], "little", signed=True))
            for i in range(0, 480, 2)
        )
        > 8000
    )


def test_what_was_spoken_can_be_heard() -> None:
    said = ask_json(SPEECH, **SPOKEN).body
    assert said is not None
    assert content(ask(VERBOSE, ("a.wav", said)))["duration"] == 0.33


BAD_SPEECH: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"model": None}, "'model' is missing"),
    "no input": ({"input": None}, "'input' is missing"),
    "no voice": ({"voice": None}, "'voice' is missing"),
    "an input that is no text": ({"input": 5}, "'input' : value must be a string"),
    "nothing to say": ({"input": " "}, "input must not be empty"),
    "voice": ({"voice": "Fritz-PlayAI"}, r"voice must be one of \[autumn .* troy\]"),
    "format": ({"response_format": "mp3"}, r"response_format must be one of \[wav\]"),
    "a format that is none": (
        {"model": "playai-tts", "response_format": "aiff"},
        r"response_format must be one of \[flac mp3 mulaw ogg wav\]",
    ),
    "a format that only the API makes": (
        {"model": "playai-tts", "response_format": "mp3"},
        "FakeGroq can only make wav, not mp3",
    ),
    "a format that is no text": ({"response_format": 1}, "response_format must be a string"),
    "rate": ({"sample_rate": 44_000}, r"sample_rate must be one of \[8000 .* 48000\]"),
    "too fast": ({"speed": 5.5}, "speed must be a number between 0.5 and 5"),
    "too slow": ({"speed": 0.4}, "speed must be a number between 0.5 and 5"),
    "speed that is no number": ({"speed": True}, "speed must be a number"),
    "too long": ({"input": "x" * 201}, "input must be 200 characters or fewer, got 201"),
    "model of another kind": (MODEL, "does not support speech"),
}


@pytest.mark.parametrize(("wrong", "message"), BAD_SPEECH.values(), ids=BAD_SPEECH)
def test_speech_that_is_refused(wrong: dict[str, Any], message: str) -> None:
    reply = ask_json(SPEECH, **{**SPOKEN, **wrong})
    assert reply.status == 400
    assert reply.body is not None
    assert re.search(message, json.loads(reply.body)["error"]["message"])


def test_an_unknown_speaker_is_not_found() -> None:
    assert ask_json(SPEECH, **{**SPOKEN, "model": "none"}).status == 404


def test_a_model_that_only_the_test_knows_has_any_voice() -> None:
    audio = Audio(Models(None))
    body = json.dumps({**SPOKEN, "model": "mine", "voice": "me"}).encode()
    assert post(audio, SPEECH, body, "application/json").status == 200
