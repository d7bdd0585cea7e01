"""The parameters of the audio requests, declared once. Source: API reference, "Audio".

`chat_params.py` says how to read the declarations. What the methods declare by themselves is
missing in the `...CreateParams`: the file, which is no JSON, and the format of the response, which
decides the type of the result.
"""

from collections.abc import Sequence
from typing import Annotated, Required, TypedDict

from msgspec import Meta

__all__ = [
    "SpeechCreateParams",
    "TranscriptionCreateParams",
    "TranscriptionRequestBody",
    "TranslationCreateParams",
    "TranslationRequestBody",
]


class TranslationCreateParams(TypedDict, total=False):
    """The parameters of `audio.translations.create`.

    Attributes:
        model: The model's id, such as `whisper-large-v3`.
        prompt: A text in English, to guide style and spelling, or the end of what came before.
        temperature: 0.0 to 1.0: how random the text is. With 0, the default, the model raises it
            by itself where it is not sure enough.
        url: Where the audio is, or the audio itself as a data URL. Instead of a file.
    """

    model: Required[str]
    prompt: str | None
    temperature: Annotated[float, Meta(ge=0, le=1)] | None
    url: str | None


class TranscriptionCreateParams(TranslationCreateParams, total=False):
    """The parameters of `audio.transcriptions.create`.

    Attributes:
        model: The model's id, such as `whisper-large-v3-turbo`.
        prompt: A text in the audio's language, to guide style and spelling, or the end of what
            came before.
        temperature: 0.0 to 1.0: how random the text is. With 0, the default, the model raises it
            by itself where it is not sure enough.
        url: Where the audio is, or the audio itself as a data URL. Instead of a file.
        language: The audio's language, as its ISO 639-1 code, such as `en`: said beforehand, the
            text is better and comes sooner.
        timestamp_granularities: What to state times for: `segment` (the default), `word`, or
            both. Only with the response format `verbose_json`.
    """

    language: str | None
    timestamp_granularities: Sequence[str] | None


class TranslationRequestBody(TranslationCreateParams, total=False):
    """A whole request for a translation, but for the file.

    Attributes:
        response_format: `json` (the default), `text` or `verbose_json`.
    """

    response_format: str | None


class TranscriptionRequestBody(TranscriptionCreateParams, total=False):
    """A whole request for a transcription, but for the file; with `url`, a line of a batch.

    Attributes:
        response_format: `json` (the default), `text` or `verbose_json`.
    """

    response_format: str | None


class SpeechCreateParams(TypedDict, total=False):
    """The parameters of `audio.speech.create`.

    Attributes:
        input: The text to speak.
        model: The model's id, such as `canopylabs/orpheus-v1-english`.
        voice: Name of the voice, such as `troy`; each model has its own.
        response_format: `flac`, `mp3` (the default), `mulaw`, `ogg` or `wav`, by model.
        sample_rate: Samples a second: 8000, 16000, 22050, 24000, 32000, 44100 or 48000 (the
            default), by model.
        speed: 0.5 to 5.0: how fast to speak; 1.0 by default.
    """

    input: Required[str]
    model: Required[str]
    voice: Required[str]
    response_format: str | None
    sample_rate: int | None
    speed: Annotated[float, Meta(ge=0.5, le=5)] | None
