"""What was said: bodies of our own, and every recorded one."""

import json
from typing import Any

import msgspec
import pytest

from shared_data import DATA, json_lines, needs_shared_data
from trio_groq._api.parameters import Validator
from trio_groq.errors import InvalidRequestError
from trio_groq.types._base import Decoder
from trio_groq.types.audio import (
    Transcription,
    TranscriptionSegment,
    TranscriptionVerbose,
    TranscriptionWord,
    Translation,
    TranslationVerbose,
)
from trio_groq.types.audio_params import (
    SpeechCreateParams,
    TranscriptionCreateParams,
    TranscriptionRequestBody,
    TranslationRequestBody,
)

SEGMENT: dict[str, Any] = {
    "id": 3,
    "seek": 3000,
    "start": 30.25,
    "end": 31.0,
    "text": " So it goes.",
    "tokens": [50365, 407],
    "temperature": 0.2,
    "avg_logprob": -0.31,
    "compression_ratio": 1.2,
    "no_speech_prob": 1.5e-12,
    "audio_text": " So it goes. It does.",
    "chunk_start": 30,
    "chunk_end": 60,
    "token_scores": [-0.5, -0.25],
}
VERBOSE: dict[str, Any] = {
    "task": "transcribe",
    "language": "English",
    "duration": 31.5,
    "text": " So it goes.",
    "words": [{"word": "So", "start": 30.25, "end": 30.5}],
    "segments": [SEGMENT],
    "x_groq": {"id": "req_1"},
}


def encoded(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))


def read(kind: Any, body: object) -> Any:
    return Decoder(kind).decode(json.dumps(body).encode())


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


@pytest.mark.parametrize("kind", [Transcription, Translation])
def test_plain_text(kind: Any) -> None:
    body = {"text": " Hello.", "x_groq": {"id": "req_1"}}
    value = read(kind, body)
    assert (value.text, value.x_groq.id, value.usage, value.meta) == (
        " Hello.",
        "req_1",
        None,
        None,
    )
    assert encoded(value) == body


def test_everything_of_a_verbose_transcription() -> None:
    value = read(TranscriptionVerbose, VERBOSE)
    assert value.words == [TranscriptionWord(word="So", start=30.25, end=30.5)]
    assert isinstance(value.segments[0], TranscriptionSegment)
    assert value.segments[0].no_speech_prob == 1.5e-12
    assert encoded(value) == VERBOSE


def test_everything_of_a_verbose_translation() -> None:
    body = {**VERBOSE, "task": "translate"}
    del body["words"]
    value = read(TranslationVerbose, body)
    assert (value.task, value.language, value.duration) == ("translate", "English", 31.5)
    assert encoded(value) == body


@pytest.mark.parametrize("kind", [Transcription, TranscriptionVerbose, Translation])
@pytest.mark.parametrize("name", sorted(VERBOSE))
def test_any_field_may_be_missing_null_or_new(kind: Any, name: str) -> None:
    for body in ({k: v for k, v in VERBOSE.items() if k != name}, {**VERBOSE, name: None}):
        assert getattr(read(kind, {**body, "new": [1]}), name, None) in (None, "", 0.0)


@pytest.mark.parametrize("name", sorted(SEGMENT))
def test_any_field_of_a_segment_may_be_missing_or_null(name: str) -> None:
    for segment in ({k: v for k, v in SEGMENT.items() if k != name}, {**SEGMENT, name: None}):
        value = read(TranscriptionVerbose, {"segments": [segment]}).segments[0]
        assert getattr(value, name) in (None, "", 0, [])


def test_numbers_in_every_form_that_is_documented_or_was_seen() -> None:
    # The document says that the duration is a string; the traffic has numbers.
    assert read(TranscriptionVerbose, {"duration": "2.5"}).duration == 2.5
    assert read(TranscriptionVerbose, {"duration": 3}).duration == 3.0
    assert read(TranscriptionSegment, {"seek": 0.0, "start": 1}).start == 1.0


# --- parameters ----------------------------------------------------------------------------------


TEXT = {"model": "whisper-large-v3"}
SPEECH = {"model": "m", "input": "Hi", "voice": "v"}

ACCEPTED: dict[str, tuple[type, dict[str, Any]]] = {
    "a transcription": (
        TranscriptionRequestBody,
        {
            **TEXT,
            "url": "https://a.example/b.wav",
            "language": "de",
            "prompt": "p",
            "temperature": 1,
            "timestamp_granularities": ("word", "segment"),
            "response_format": "verbose_json",
        },
    ),
    "left out by null": (TranscriptionRequestBody, {**TEXT, "prompt": None, "temperature": None}),
    "what may come": (
        TranscriptionRequestBody,
        {**TEXT, "response_format": "srt", "timestamp_granularities": ["char"]},
    ),
    "a translation": (TranslationRequestBody, {**TEXT, "response_format": "text", "url": "u"}),
    "speech": (
        SpeechCreateParams,
        {**SPEECH, "response_format": "wav", "sample_rate": 8000, "speed": 0.5},
    ),
    "speech of another kind": (
        SpeechCreateParams,
        {**SPEECH, "response_format": "opus", "sample_rate": 96_000, "speed": 5.0},
    ),
}

REFUSED: dict[str, tuple[type, dict[str, Any], str]] = {
    "no model": (TranscriptionCreateParams, {}, "model: expected a value"),
    "too hot": (TranscriptionCreateParams, {**TEXT, "temperature": 1.1}, "temperature: .* <= 1.0"),
    "too cold": (TranslationRequestBody, {**TEXT, "temperature": -1}, "temperature: .* >= 0.0"),
    "one granularity": (
        TranscriptionCreateParams,
        {**TEXT, "timestamp_granularities": "word"},
        "timestamp_granularities: expected a list",
    ),
    "a language to translate from": (
        TranslationRequestBody,
        {**TEXT, "language": "de"},
        "language: expected a known parameter",
    ),
    "no voice": (SpeechCreateParams, {"model": "m", "input": "x"}, "voice: expected a value"),
    "no input": (SpeechCreateParams, {"model": "m", "voice": "x"}, "input: expected a value"),
    "too slow": (SpeechCreateParams, {**SPEECH, "speed": 0.4}, "speed: expected .* >= 0.5"),
    "too fast": (SpeechCreateParams, {**SPEECH, "speed": 5.1}, "speed: expected .* <= 5.0"),
    "half a sample": (SpeechCreateParams, {**SPEECH, "sample_rate": 0.5}, "sample_rate: expected"),
}


@pytest.mark.parametrize(("declared", "params"), ACCEPTED.values(), ids=ACCEPTED)
def test_parameters_that_pass(declared: type, params: dict[str, Any]) -> None:
    Validator(declared)(params)


@pytest.mark.parametrize(("declared", "params", "message"), REFUSED.values(), ids=REFUSED)
def test_parameters_that_do_not(declared: type, params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        Validator(declared)(params)


# --- recorded ------------------------------------------------------------------------------------


def recorded() -> list[Any]:
    """Every recorded JSON body that is a transcription."""
    found = []
    for row in json_lines("groq/exchanges.jsonl"):
        if row["kind"] == "json" and row["status"] == 200:
            body = json.loads((DATA / "groq" / row["body_file"]).read_bytes())
            if isinstance(body, dict) and "text" in body and "choices" not in body:
                found.append(pytest.param(body, id=row["id"]))
    return found


RECORDED = recorded()


@needs_shared_data
def test_there_are_recorded_transcriptions() -> None:
    assert len(RECORDED) == 11


@needs_shared_data
@pytest.mark.parametrize("body", RECORDED)
def test_a_recorded_transcription_loses_nothing(body: dict[str, Any]) -> None:
    kinds: tuple[Any, ...] = (Transcription, Translation)
    if "duration" in body:
        kinds = (TranscriptionVerbose, TranslationVerbose)
    for kind in kinds:
        again = encoded(read(kind, body))
        known = {name: again[name] for name in again if name in body}
        expected = without_nulls(body)
        if kind is TranslationVerbose:
            expected.pop("words", None)
        for segment, kept in zip(
            body.get("segments") or [], again.get("segments", []), strict=True
        ):
            assert kept.items() >= segment.items()
        known.pop("segments", None)
        expected.pop("segments", None)
        assert known == expected
